"""What the tests of the console's money pages set up through the API: paid accounts, paid bots."""

import uuid
from typing import Any

from tests.browser import Bot, Demo
from tests.smoke_desk import same

FORM = {
    "has_read_terms": True,
    "first_name": "Olena",
    "last_name": "Tkachenko",
    "work_email": "olena@khlib.example",
    "country": "UA",
    "company_name": "Bread and Salt Bakery",
    "company_website": "https://khlib.example",
    "has_business_account": False,
    "company_type": "bot_owner",
}


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def credit(demo: Demo, amount: str) -> Any:
    """Let the operator credit a bank transfer."""
    path = f"/v1/accounts/{demo.told['account_id']}/transfers"
    body = {"amount": euros(amount), "reference": f"T {uuid.uuid4()}"}
    return made(demo, path, body, by="operator", status=201)


def apply(demo: Demo, purpose: str = "new", bot_id: str | None = None) -> Any:
    """Send a request as the account's admin, with answers of its own."""
    form = FORM | {"inquiry": f"We bake bread. Request {uuid.uuid4()}"}
    body = {"purpose": purpose, "form": form, "bot_id": bot_id}
    return made(demo, "/v1/requests", body, by="admin", status=201)


def decide(demo: Demo, request: Any, decision: str, **more: Any) -> Any:
    path = f"/v1/accounts/{request['account_id']}/requests/{request['request_id']}/decision"
    return made(demo, path, {"decision": decision, **more}, by="operator")


def commercial_bot(demo: Demo, name: str) -> Bot:
    """Pay in, apply, approve, and connect the bot."""
    credit(demo, "400.00")
    bot_id = decide(demo, apply(demo), "approved")["bot_id"]
    return _connected(demo, name, bot_id)


def business_bot(demo: Demo, name: str, *, fee: str = "30.00", price: str = "0.04") -> Bot:
    """Pay in, make a bot with sessions, and connect it."""
    credit(demo, "100.00")
    path = f"/v1/accounts/{demo.told['account_id']}/bots"
    bot_id = made(demo, path, {"name": name}, by="operator", status=201)["bot_id"]
    set_sessions(demo, bot_id, fee=fee, price=price)
    return _connected(demo, name, bot_id)


def set_sessions(demo: Demo, bot_id: str, *, fee: str, price: str) -> Any:
    path = f"/v1/accounts/{demo.told['account_id']}/bots/{bot_id}/sessions"
    body = {"on": True, "fee": euros(fee), "price": euros(price)}
    answer = demo.call("PUT", path, body, by="operator")
    same(answer.status, 200, f"sessions are on ({answer.body})")
    return answer.body


def balance(demo: Demo) -> dict[str, float]:
    found = demo.get("/v1/balance", by="admin")
    return {name: float(found[name]["amount"]) for name in ("available", "held", "set_aside")}


def made(demo: Demo, path: str, body: Any, *, by: str, status: int = 200) -> Any:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    answer = demo.call("POST", path, body, by=by, headers=headers)
    same(answer.status, status, f"POST {path} ({answer.body})")
    return answer.body


def _connected(demo: Demo, name: str, bot_id: str) -> Bot:
    viber_bot = demo.new_viber_bot(name)
    made(demo, "/v1/bots", {"key": viber_bot["key"], "bot_id": bot_id}, by="admin", status=201)
    return Bot(demo, bot_id, viber_bot["uri"])
