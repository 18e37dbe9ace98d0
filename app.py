"""The front door: every route, queue and schedule of Viberdesk, one call each."""

from typing import Any

from chalice.app import (
    AuthRequest,
    AuthResponse,
    Chalice,
    CloudWatchEvent,
    Rate,
    Response,
    SQSEvent,
)

from chalicelib import api, auth, batches, config, web

app = Chalice(app_name="viberdesk", debug=False)
app.register_middleware(web.with_security_headers, "http")
app.register_middleware(web.told_as_problems, "http")


@app.authorizer(ttl_seconds=0)
def authorize(request: AuthRequest) -> AuthResponse:
    """Let in people with an access token and programs with an API key; ends take effect at once."""
    caller = auth.caller_of(request.token or "", real_now=config.real_now())
    if caller is None:
        return AuthResponse(routes=[], principal_id="nobody")
    return AuthResponse(
        routes=["*"], principal_id=caller.caller_id, context=auth.as_context(caller)
    )


api.mount(app, authorize)


@app.route("/viber/{bot_id}", methods=["POST"], content_types=["*/*"])
def viber_callback(bot_id: str) -> Response:
    """Take one callback from Viber."""
    from chalicelib import callbacks

    request = app.current_request
    assert request is not None  # noqa: S101
    answer = callbacks.receive(
        bot_id, web.bytes_of(request), callbacks.signature_in(request), now=config.now()
    )
    return Response(answer.body or "", status_code=answer.status)


@app.route("/stripe", methods=["POST"], content_types=["*/*"])
def stripe_event() -> Response:
    """Take one event from Stripe."""
    from chalicelib import top_ups

    request = app.current_request
    assert request is not None  # noqa: S101
    signature = str(request.headers.get("stripe-signature", ""))
    is_signed = top_ups.receive(web.bytes_of(request), signature, now=config.now())
    return Response("", status_code=200 if is_signed else 401)


@app.on_sqs_message(queue="viberdesk-outgoing.fifo", name="send_outgoing", batch_size=10)
def send_outgoing(event: SQSEvent) -> dict[str, Any]:
    """Send queued messages to Viber, in order within each conversation."""
    return batches.send_outgoing(event.to_dict(), event.context, clock=config.now)


@app.on_sqs_message(queue="viberdesk-broadcasts", name="send_broadcasts", batch_size=1)
def send_broadcasts(event: SQSEvent) -> dict[str, Any]:
    """Plan broadcasts and send them on, chunk by chunk."""
    return batches.send_broadcasts(event.to_dict(), event.context, clock=config.now)


@app.on_sqs_message(queue="viberdesk-copies", name="copy_files", batch_size=1)
def copy_files(event: SQSEvent) -> dict[str, Any]:
    """Copy files that Viber only lends."""
    return batches.copy_files(event.to_dict(), now=config.now())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def settle_messages(event: CloudWatchEvent) -> None:
    """Finish what a crash or a lost answer left open."""
    batches.settle_messages(event.context, now=config.now())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def settle_broadcasts(event: CloudWatchEvent) -> None:
    """Turn the receipts of broadcasts into money, and finish what a crash left open."""
    batches.settle_broadcasts(event.context, now=config.now())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def replay_callbacks(event: CloudWatchEvent) -> None:
    """Try kept callbacks again."""
    batches.replay_callbacks(event.context, now=config.now())


@app.schedule(Rate(5, unit=Rate.MINUTES))
def check_webhooks(event: CloudWatchEvent) -> None:
    """Repair webhooks that Viber has lost."""
    batches.check_webhooks(event.context, now=config.now())


@app.schedule(Rate(5, unit=Rate.MINUTES))
def charge_fees(event: CloudWatchEvent) -> None:
    """Protect, charge and refuse the monthly fees of bots."""
    batches.charge_fees(event.context, now=config.now())


@app.schedule(Rate(5, unit=Rate.MINUTES))
def give_warnings(event: CloudWatchEvent) -> None:
    """Warn accounts of what they have crossed, by mail and in the console."""
    batches.give_warnings(event.context, now=config.now())


@app.schedule(Rate(5, unit=Rate.MINUTES))
def expire_sessions(event: CloudWatchEvent) -> None:
    """Close the sessions whose time is up, and begin what follows them."""
    batches.expire_sessions(event.context, now=config.now())


@app.schedule(Rate(1, unit=Rate.HOURS))
def settle_top_ups(event: CloudWatchEvent) -> None:
    """Ask Stripe what became of top-ups whose event never came."""
    batches.settle_top_ups(event.context, now=config.now())


@app.schedule(Rate(1, unit=Rate.DAYS))
def audit_books(event: CloudWatchEvent) -> None:
    """Hold every account's balance against its entries and facts."""
    batches.audit_books(event.context, now=config.now())


@app.schedule(Rate(5, unit=Rate.MINUTES))
def copy_missing_files(event: CloudWatchEvent) -> None:
    """Queue again the files that should have been copied by now."""
    batches.copy_missing_files(event.context, now=config.now())
