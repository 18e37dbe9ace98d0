"""A pretend Stripe: a page to pay on, buttons to refund and to dispute, signed events, each twice.

It speaks what Viberdesk asks of Stripe: Checkout sessions, payment intents and refunds by REST,
and webhooks signed as Stripe signs them. No money is real, and no card is asked for.
"""

import hashlib
import hmac
import itertools
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlsplit

from demo.checkout import pages
from demo.checkout.paying import Payment, Session
from demo.servers import Answer, Request

BODY_MAX_BYTES = 100_000
# Stripe goes on for three days; whoever looks at a demo does not.
TRIES = 6
PAUSE_SECONDS = 0.5
MINIMUM_CENTS = 50
CENTS = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,2}))?")
Post = Callable[[str, dict[str, str], bytes], int]
Said = dict[str, str]

log = logging.getLogger(__name__)


class Delivered(NamedTuple):
    """An event that was posted, and how it was answered last."""

    type: str
    status: int


class PretendStripe:
    """Everything that Stripe would know; hand `answer` to a server.

    url: where its pages are. webhook: where events go. post: posts one and gives the status.
    """

    def __init__(
        self,
        *,
        url: str,
        webhook: str,
        secret_key: str,
        webhook_secret: str,
        post: Post,
        times: int = 2,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self.webhook = url, webhook
        self._secret_key, self._webhook_secret = secret_key, webhook_secret
        self._post, self._times, self._pause = post, times, pause
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._first: dict[str, tuple[Said, Session]] = {}
        self.sessions: dict[str, Session] = {}
        self.payments: dict[str, Payment] = {}
        self.delivered: list[Delivered] = []

    # What people do.

    def pay(self, session_id: str) -> Payment:
        """Pay a session; paying twice is paying once."""
        with self._lock:
            session = self.sessions[session_id]
            if session.payment_intent is not None:
                return self.payments[session.payment_intent]
            paid = Payment(self._id("pi"), session.amount, session.currency, dict(session.metadata))
            self.payments[paid.id] = paid
            session.payment_intent = paid.id
            session.status, session.payment_status = "complete", "paid"
        self._tell("checkout.session.completed", self._session(session))
        return paid

    def expire(self, session_id: str) -> None:
        """Let a session's time run out."""
        session = self.sessions[session_id]
        session.status = "expired"
        self._tell("checkout.session.expired", self._session(session))

    def refund(self, payment_id: str, amount: int | None = None) -> dict[str, Any]:
        """Send money back, all that is left or a part of it, in cents."""
        with self._lock:
            paid = self.payments[payment_id]
            left = paid.left
            refund = {
                "id": self._id("re"),
                "object": "refund",
                "amount": left if amount is None else min(amount, left),
                "currency": paid.currency,
                "payment_intent": paid.id,
                "status": "succeeded",
            }
            paid.refunds.insert(0, refund)
        self._tell("refund.created", refund)
        charge = {"id": paid.id.replace("pi", "ch"), "payment_intent": paid.id}
        self._tell("charge.refunded", charge | {"object": "charge"})
        return refund

    def fail_refund(self, payment_id: str) -> None:
        """Let the last refund of a payment come back from the bank."""
        refund = self.payments[payment_id].refunds[0]
        refund["status"] = "failed"
        self._tell("refund.failed", refund)

    def dispute(self, payment_id: str) -> None:
        """Have the payer's bank take the payment back."""
        with self._lock:
            paid = self.payments[payment_id]
            if paid.dispute is None:
                paid.dispute = {
                    "id": self._id("du"),
                    "object": "dispute",
                    "amount": paid.amount,
                    "currency": paid.currency,
                    "payment_intent": paid.id,
                    "reason": "fraudulent",
                }
        self._tell("charge.dispute.funds_withdrawn", paid.dispute)

    def win(self, payment_id: str) -> None:
        """Have the bank give a disputed payment back."""
        self._tell("charge.dispute.funds_reinstated", self.payments[payment_id].dispute)

    # HTTP.

    def answer(self, request: Request) -> Answer:
        """Answer one request: Stripe's REST under /v1, pages for people elsewhere."""
        address = urlsplit(request.target)
        parts = [part for part in address.path.split("/") if part]
        said = _form(request.body)
        try:
            match request.method, parts:
                case _, ["v1", *rest]:
                    return self._rest(request, rest, said, dict(parse_qsl(address.query)))
                case "GET", []:
                    return pages.payments(reversed(self.payments.values()))
                case "GET", ["pay", session_id]:
                    return pages.to_pay(self.sessions[session_id])
                case "POST", ["pay", session_id]:
                    return self._decided(self.sessions[session_id], said)
                case "POST", ["payments", payment_id, act]:
                    return self._acted(payment_id, act, said)
        except (KeyError, IndexError):
            pass
        return pages.page("Not found", "<p>There is no such page here.</p>", 404)

    def _rest(self, request: Request, parts: Sequence[str], said: Said, query: Said) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self._secret_key}":
            return _refused(401, "api_key_invalid", "Invalid API Key provided")
        match request.method, parts:
            case "POST", ["checkout", "sessions"]:
                return self._open(said, request.headers.get("idempotency-key", ""))
            case "GET", ["checkout", "sessions", session_id] if session_id in self.sessions:
                return _json(200, self._session(self.sessions[session_id]))
            case "GET", ["payment_intents", payment_id] if payment_id in self.payments:
                paid = self.payments[payment_id]
                told = {"id": paid.id, "object": "payment_intent", "metadata": paid.metadata}
                return _json(200, told | {"amount": paid.amount, "currency": paid.currency})
            case "GET", ["refunds"] if query.get("payment_intent") in self.payments:
                found = self.payments[query["payment_intent"]].refunds
                listed: dict[str, Any] = {"object": "list", "url": "/v1/refunds", "data": found}
                return _json(200, listed | {"has_more": False})
        return _refused(404, "resource_missing", "No such thing")

    def _open(self, said: Said, key: str) -> Answer:
        with self._lock:
            if key in self._first:
                first, session = self._first[key]
                if first != said:
                    return _refused(400, "idempotency_error", "The key came with other parameters")
                return _json(200, self._session(session))
            price = "line_items[0][price_data]"
            amount = int(said[f"{price}[unit_amount]"])
            if amount < MINIMUM_CENTS:
                return _refused(400, "amount_too_small", "The amount is too small")
            session_id = self._id("cs_test")
            session = Session(
                id=session_id,
                amount=amount,
                currency=said[f"{price}[currency]"],
                metadata=_metadata(said),
                success_url=said["success_url"],
                cancel_url=said["cancel_url"],
                url=f"{self.url}/pay/{session_id}",
            )
            self.sessions[session_id] = session
            self._first[key] = (said, session)
        return _json(200, self._session(session))

    def _decided(self, session: Session, said: Said) -> Answer:
        if said.get("act") == "pay":
            self.pay(session.id)
            words, link = "Paid.", session.success_url
        else:
            words, link = "Nothing was paid.", session.cancel_url
        return pages.done(words, link)

    def _acted(self, payment_id: str, act: str, said: Said) -> Answer:
        match act:
            case "refund":
                given = CENTS.fullmatch(said.get("amount", "").strip())
                self.refund(payment_id, _cents(given) if given else None)
            case "fail-refund":
                self.fail_refund(payment_id)
            case "dispute":
                self.dispute(payment_id)
            case "win":
                self.win(payment_id)
            case _:
                raise KeyError(act)
        return pages.payments(reversed(self.payments.values()))

    # Events.

    def _tell(self, kind: str, about: Any) -> None:
        event = {"id": self._id("evt"), "object": "event", "type": kind, "data": {"object": about}}
        body = json.dumps(event).encode()
        for _ in range(self._times):
            self.delivered.append(Delivered(kind, self._send(body)))

    def _send(self, body: bytes) -> int:
        status = 0
        for tried in range(TRIES):
            if tried:
                self._pause(PAUSE_SECONDS * 2**tried)
            headers = {
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": signature(body, self._webhook_secret, at=time.time()),
            }
            try:
                status = self._post(self.webhook, headers, body)
            except OSError:
                log.exception("the webhook did not answer")
                continue
            if 200 <= status < 300:
                break
        return status

    def _session(self, session: Session) -> dict[str, Any]:
        return {
            "id": session.id,
            "object": "checkout.session",
            "amount_total": session.amount,
            "currency": session.currency,
            "metadata": session.metadata,
            "payment_intent": session.payment_intent,
            "payment_status": session.payment_status,
            "status": session.status,
            "url": session.url,
        }

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):014}"


def signature(body: bytes, secret: str, *, at: float) -> str:
    """Sign a body as Stripe does."""
    signed = f"{int(at)}.".encode() + body
    return f"t={int(at)},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def posted(url: str, headers: dict[str, str], body: bytes) -> int:
    """Post to an address on this machine and give the answer's status."""
    import urllib3

    with urllib3.PoolManager() as pool:
        try:
            return pool.request("POST", url, body=body, headers=headers, retries=False).status
        except urllib3.exceptions.HTTPError as error:
            raise OSError(str(error)) from error


def _form(body: bytes | None) -> Said:
    told = parse_qs((body or b"").decode("utf-8", errors="replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in told.items()}


def _metadata(said: Said) -> Said:
    found = {}
    for name, value in said.items():
        if given := re.fullmatch(r"metadata\[(\w+)\]", name):
            found[given[1]] = value
    return found


def _cents(given: re.Match[str]) -> int:
    return int(given[1]) * 100 + int((given[2] or "").ljust(2, "0"))


def _json(status: int, told: Any) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(told).encode())


def _refused(status: int, code: str, message: str) -> Answer:
    told = {"error": {"type": "invalid_request_error", "code": code, "message": message}}
    return _json(status, told)
