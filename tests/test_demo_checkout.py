"""The pretend checkout: what it answers Viberdesk as Stripe would, its pages, its events."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from demo.checkout import PretendStripe, signature
from demo.servers import Answer, Request
from tests.browser import Demo

KEY, SECRET = "sk_test_1", "whsec_1"
FORM = (
    "mode=payment&line_items[0][price_data][unit_amount]=50000"
    "&line_items[0][price_data][currency]=eur&metadata[stage]=demo&metadata[top_up_id]=top_1"
    "&success_url=https%3A%2F%2Fdesk%2F%23paid&cancel_url=https%3A%2F%2Fdesk%2F%23back"
)


class Door:
    """Our webhook: what it was told, and what it answers next."""

    def __init__(self, *answers: int | OSError) -> None:
        self.events: list[dict[str, Any]] = []
        self.bodies: list[tuple[str, bytes]] = []
        self.answers = list(answers)

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.bodies.append((headers["Stripe-Signature"], body))
        self.events.append(json.loads(body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, OSError):
            raise answer
        return answer

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def stripe(door: Door, pause: Callable[[float], None] = lambda seconds: None) -> PretendStripe:
    return PretendStripe(
        url="http://checkout",
        webhook="http://desk/stripe",
        secret_key=KEY,
        webhook_secret=SECRET,
        post=door,
        pause=pause,
    )


def ask(
    running: PretendStripe, method: str, target: str, body: str = "", *, key: str = KEY, **more: str
) -> Answer:
    headers = {"authorization": f"Bearer {key}"} | more
    return running.answer(Request(method, target, headers, body.encode()))


def opened(running: PretendStripe) -> str:
    answer = ask(running, "POST", "/v1/checkout/sessions", FORM)
    assert answer.status == 200
    return str(json.loads(answer.body)["id"])


def page(running: PretendStripe, method: str, target: str, body: str = "") -> str:
    answer = running.answer(Request(method, target, {}, body.encode()))
    assert answer.status == 200, answer
    return answer.body.decode()


def test_a_session_is_opened_as_stripe_would() -> None:
    door = Door()
    told = json.loads(ask(stripe(door), "POST", "/v1/checkout/sessions", FORM).body)
    assert told["url"] == f"http://checkout/pay/{told['id']}"
    assert (told["amount_total"], told["currency"]) == (50_000, "eur")
    assert told["metadata"] == {"stage": "demo", "top_up_id": "top_1"}
    assert (told["payment_status"], told["payment_intent"]) == ("unpaid", None)
    assert door.events == []


def test_a_session_is_told_to_who_asks_for_it() -> None:
    running = stripe(Door())
    session_id = opened(running)

    def told() -> dict[str, Any]:
        answer = ask(running, "GET", f"/v1/checkout/sessions/{session_id}")
        found: dict[str, Any] = json.loads(answer.body)
        return found

    assert (told()["status"], told()["payment_status"]) == ("open", "unpaid")
    paid = running.pay(session_id)
    assert (told()["status"], told()["payment_status"]) == ("complete", "paid")
    assert (told()["payment_intent"], told()["amount_total"]) == (paid.id, 50_000)
    assert ask(running, "GET", "/v1/checkout/sessions/cs_1").status == 404
    assert ask(running, "GET", f"/v1/checkout/sessions/{session_id}", key="x").status == 401


def test_the_same_key_gets_the_same_session_and_no_other_wish() -> None:
    running = stripe(Door())
    given = {"idempotency-key": "k"}
    first = ask(running, "POST", "/v1/checkout/sessions", FORM, **given)
    assert ask(running, "POST", "/v1/checkout/sessions", FORM, **given).body == first.body
    other = FORM.replace("50000", "50001")
    assert ask(running, "POST", "/v1/checkout/sessions", other, **given).status == 400


def test_a_wrong_key_too_little_and_what_is_unknown_are_refused() -> None:
    running = stripe(Door())
    assert ask(running, "POST", "/v1/checkout/sessions", FORM, key="x").status == 401
    less = FORM.replace("50000", "49")
    refused = ask(running, "POST", "/v1/checkout/sessions", less)
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (400, "amount_too_small")
    assert ask(running, "GET", "/v1/payment_intents/pi_1").status == 404
    for target in ("/pay/cs_1", "/nothing", "/payments/pi_1/refund"):
        method = "POST" if target.startswith("/payments") else "GET"
        assert running.answer(Request(method, target, {}, b"")).status == 404


def test_paying_on_the_page_tells_the_desk_twice_and_signed() -> None:
    door = Door()
    running = stripe(door)
    session_id = opened(running)
    assert "Pay 500.00 EUR" in page(running, "GET", f"/pay/{session_id}")
    paid = page(running, "POST", f"/pay/{session_id}", "act=pay")
    assert 'href="https://desk/#paid"' in paid
    assert door.types == ["checkout.session.completed"] * 2
    assert door.events[0] == door.events[1]
    about = door.events[0]["data"]["object"]
    assert (about["payment_status"], about["payment_intent"]) == ("paid", "pi_" + "0" * 13 + "2")
    for signed, body in door.bodies:
        at = signed.partition(",")[0].removeprefix("t=")
        assert signed == signature(body, SECRET, at=int(at))
    page(running, "POST", f"/pay/{session_id}", "act=pay")
    assert len(door.events) == 2
    assert "nothing is left to pay" in page(running, "GET", f"/pay/{session_id}")


def test_cancelling_tells_nobody_and_leads_back() -> None:
    door = Door()
    running = stripe(door)
    session_id = opened(running)
    assert 'href="https://desk/#back"' in page(running, "POST", f"/pay/{session_id}", "act=cancel")
    assert (door.events, running.payments) == ([], {})


def test_a_desk_that_fails_is_told_again_until_it_takes_it() -> None:
    pauses: list[float] = []
    door = Door(503, OSError("gone"), 409, 200, 500, 200)
    running = stripe(door, pauses.append)
    running.pay(opened(running))
    assert [each.status for each in running.delivered] == [200, 200]
    assert (len(door.events), len(pauses)) == (6, 4)


def test_a_desk_that_never_takes_it_is_given_up() -> None:
    door = Door(*[500] * 99)
    running = stripe(door)
    running.pay(opened(running))
    assert [each.status for each in running.delivered] == [500, 500]


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("", 50_000), ("120.50", 12_050), ("3", 300), ("99999", 50_000), ("-1", 50_000)],
)
def test_refunds_are_made_from_the_list_of_payments(amount: str, cents: int) -> None:
    door = Door()
    running = stripe(door)
    running.pay(opened(running))
    payment_id = next(iter(running.payments))
    assert f"{payment_id}: 500.00 EUR" in page(running, "GET", "/")
    page(running, "POST", f"/payments/{payment_id}/refund", f"amount={amount}")
    assert door.types[2:] == ["refund.created"] * 2 + ["charge.refunded"] * 2
    assert door.events[2]["data"]["object"]["amount"] == cents
    listed = json.loads(ask(running, "GET", f"/v1/refunds?payment_intent={payment_id}").body)
    assert [each["amount"] for each in listed["data"]] == [cents]
    assert listed["has_more"] is False
    page(running, "POST", f"/payments/{payment_id}/fail-refund")
    assert door.types[-1] == "refund.failed"
    assert "failed" in page(running, "GET", "/")


def test_a_dispute_is_made_once_and_won() -> None:
    door = Door()
    running = stripe(door)
    running.pay(opened(running))
    payment_id = next(iter(running.payments))
    for act in ("dispute", "dispute", "win"):
        page(running, "POST", f"/payments/{payment_id}/{act}")
    told = door.events[2:]
    assert len({event["data"]["object"]["id"] for event in told}) == 1
    assert [event["type"].rpartition("_")[2] for event in told] == ["withdrawn"] * 4 + [
        "reinstated"
    ] * 2


def test_the_pages_run_no_script_and_send_forms_only_here() -> None:
    answer = stripe(Door()).answer(Request("GET", "/", {}, b""))
    policy = dict(answer.headers)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert b"<script" not in answer.body


@pytest.mark.rule("S1.29")
def test_the_demo_takes_a_payment_through_its_page_once(running_demo: Demo) -> None:
    with urllib3.PoolManager(retries=False, timeout=20) as http:

        def api(method: str, path: str, body: Any = None, **headers: str) -> Any:
            url = f"{running_demo.told['api_url']}{path}"
            answer = http.request(method, url, json=body, headers=headers)
            assert answer.status < 300, answer.data
            return answer.json()

        (someone,) = [one for one in running_demo.told["sign_ins"] if one["role"] == "admin"]
        who = {"email": someone["email"], "password": someone["password"]}
        token = api("POST", "/v1/sign-in", who)["access_token"]
        signed = {"Authorization": f"Bearer {token}"}
        before = float(api("GET", "/v1/balance", **signed)["total"]["amount"])
        wish = {"amount": {"amount": "12.34", "currency": "EUR"}}
        asked = api("POST", "/v1/top-ups", wish, **signed, **{"Idempotency-Key": "demo"})
        assert asked["checkout_url"].startswith(running_demo.told["checkout_url"])
        paid = http.request(
            "POST", asked["checkout_url"], fields={"act": "pay"}, encode_multipart=False
        )
        assert b"Paid." in paid.data
        found = api("GET", f"/v1/top-ups/{asked['top_up_id']}", **signed)
        assert found["state"] == "paid"
        after = float(api("GET", "/v1/balance", **signed)["total"]["amount"])
        assert round(after - before, 2) == 12.34
