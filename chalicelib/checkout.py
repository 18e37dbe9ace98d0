"""Stripe's wire: a Checkout session is opened, a signed event is read; the library does both.

Stripe counts in cents, and names a payment by its payment intent. What we make carries our
stage, account and top-up in its metadata, so that another shop on the same Stripe account, or
another stage of ours, is told apart.
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from chalicelib import config, errors, money
from chalicelib.log import log

if TYPE_CHECKING:
    from stripe import StripeClient

CONNECT_SECONDS, READ_SECONDS = 3, 10
TRIES_AFTER_THE_FIRST = 1
EVENT_MAX_BYTES = 256 * 1024
SIGNED_WITHIN_SECONDS = 300
# Stripe: the least a card is charged in euros, and the most that eight digits of cents say.
LEAST_MICROS, MOST_MICROS = 500_000, 999_999_990_000
PAGE = "/console#/me/viber-commercial"


class Opened(NamedTuple):
    """A page on which somebody can pay."""

    session_id: str
    url: str


class Session(msgspec.Struct):
    """A Checkout session as an event tells it, or Stripe itself when it is asked."""

    id: str
    payment_status: str
    status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


class Refund(msgspec.Struct):
    """Money that goes back to who paid; its status may still become `failed`."""

    id: str
    amount: int
    currency: str
    status: str | None = None
    payment_intent: str | None = None


class Refunds(msgspec.Struct):
    """A list of refunds."""

    data: list[Refund]


class Charge(msgspec.Struct):
    """A charge of which something was refunded."""

    id: str
    payment_intent: str | None = None
    refunds: Refunds | None = None


class Dispute(msgspec.Struct):
    """A payment that its payer's bank took back, for now or for good."""

    id: str
    amount: int
    currency: str
    reason: str | None = None
    payment_intent: str | None = None


class Event(msgspec.Struct):
    """Something that happened at Stripe; what it is about is read by its type."""

    id: str
    type: str
    data: "Data"


class Data(msgspec.Struct):
    """What an event carries."""

    object: msgspec.Raw


def is_on() -> bool:
    """Say whether this deployment takes cards."""
    return bool(config.stripe_secret_key() and config.stripe_webhook_secret())


def can_ask() -> bool:
    """Say whether Stripe can be asked, by who needs no event of its."""
    return bool(config.stripe_secret_key())


def open_session(account_id: str, top_up_id: str, micros: int) -> Opened:
    """Open the page on which a top-up is paid; the same top-up gets the same page again.

    Raises GatewayFailed when Stripe refused or did not answer, StillRunning when it is opening
    the very same one.
    """
    ours = {"stage": config.stage(), "account_id": account_id, "top_up_id": top_up_id}
    page = config.public_url() + PAGE
    item = {
        "quantity": 1,
        "price_data": {
            "currency": money.CURRENCY.lower(),
            "unit_amount": cents(micros),
            "product_data": {"name": "Viberdesk"},
        },
    }
    params: Any = {
        "mode": "payment",
        "line_items": [item],
        "client_reference_id": account_id,
        "metadata": ours,
        "payment_intent_data": {"metadata": ours},
        "success_url": f"{page}?paid={top_up_id}",
        "cancel_url": f"{page}?cancelled={top_up_id}",
    }
    made = _asked(
        lambda client: client.v1.checkout.sessions.create(
            params=params, options={"idempotency_key": f"viberdesk-{top_up_id}"}
        )
    )
    return Opened(made.id, made.url)


def session_of(session_id: str) -> Session:
    """Ask what became of a page that was opened; raises GatewayFailed, its code 404 for none."""
    found = _asked(lambda client: client.v1.checkout.sessions.retrieve(session_id))
    session: Session = msgspec.convert(found.to_dict(), Session)
    return session


def is_ours(intent_id: str) -> bool:
    """Ask whether a payment was begun by this stage."""
    found = _asked(lambda client: client.v1.payment_intents.retrieve(intent_id))
    told = found.metadata or {}
    return "top_up_id" in told and told["stage"] == config.stage()


def refunds_of(intent_id: str) -> list[Refund]:
    """Ask for all refunds of a payment."""
    params: Any = {"payment_intent": intent_id, "limit": 100}
    found = _asked(lambda client: client.v1.refunds.list(params=params))
    return [
        Refund(each.id, each.amount, each.currency, each.status, intent_id)
        for each in found.auto_paging_iter()
    ]


def event_in(raw: bytes, signature: str) -> Event | None:
    """Read an event that Stripe has truly signed, and lately; None for anything else.

    Raises BadInput for what is signed and makes no sense.
    """
    from stripe import SignatureVerificationError, WebhookSignature

    secret = config.stripe_webhook_secret()
    if len(raw) > EVENT_MAX_BYTES:
        log.warning("an event of Stripe's is too large", size_bytes=len(raw))
        return None
    try:
        WebhookSignature.verify_header(raw, signature, secret, tolerance=SIGNED_WITHIN_SECONDS)
    except (SignatureVerificationError, UnicodeError, TypeError) as error:
        # Letters beyond ASCII in a signature cannot even be compared.
        log.info("Stripe's signature refused", reason=str(error)[:100], is_on=bool(secret))
        return None
    event: Event = read(raw, Event)
    return event


def read(raw: bytes | msgspec.Raw, kind: Any) -> Any:
    """Read one of Stripe's objects; BadInput where it is none."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise errors.BadInput(f"Stripe's event cannot be read: {error}") from None


def cents(micros: int) -> int:
    """Give an amount of whole cents as Stripe counts it."""
    whole, rest = divmod(micros, money.CENT_MICROS)
    if rest:
        raise ValueError(f"{micros} micros are no whole cents")
    return whole


def _asked(ask: Any) -> Any:
    from stripe import StripeError

    try:
        return ask(_client(config.stripe_secret_key(), config.stripe_api_url()))
    except StripeError as error:
        log.warning(
            "Stripe refused",
            kind=type(error).__name__,
            code=error.code,
            status=error.http_status,
            request=error.request_id,
        )
        if error.http_status == 409:
            raise errors.StillRunning("The first request with this key is still running.") from None
        if error.http_status is None:
            told = "Stripe, which takes the payment, did not answer; send the same request again."
        else:
            # Its own words name our key and account, which is nothing for who asks.
            told = f"Stripe, which takes the payment, refused: {error.code or error.http_status}"
        raise errors.GatewayFailed(told, code=error.http_status) from None


@functools.cache
def _client(key: str, url: str) -> "StripeClient":
    from stripe import RequestsClient, StripeClient

    return StripeClient(
        key,
        base_addresses={"api": url},
        http_client=RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        max_network_retries=TRIES_AFTER_THE_FIRST,
    )
