"""Everybody who may come to the API's doors, and what each door asks for."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from chalicelib import api, people
from chalicelib.web import JSON, Route
from tests.desk import FORM, Answered, Desk
from tests.fixtures_accounts import MISSING, Furnished, Ids

ROUTES = api.told()
GUARDED = [route for route in ROUTES if route.roles is not None]
OPERATOR_EMAIL, ADMIN_EMAIL, AGENT_EMAIL = (
    "op@example.org",
    "olena@example.com",
    "taras@example.com",
)
REFUSED = (401, 403, 404)


class Walker(NamedTuple):
    """Somebody who tries every door, and what he may do by right."""

    name: str
    header: str | None
    role: str = ""
    scopes: tuple[str, ...] = ()

    def may(self, route: Route) -> bool:
        if self.role == "program":
            return route.scope in self.scopes
        return self.role in (route.roles or ())


class World(NamedTuple):
    """Two furnished accounts and everybody who may come along."""

    desk: Desk
    mine: Furnished
    theirs: Furnished
    walkers: dict[str, Walker]

    def call(self, walker: Walker, route: Route, ids: Ids) -> Answered:
        return self.call_path(walker, route, path_of(route, ids))

    def call_path(self, walker: Walker, route: Route, path: str) -> Answered:
        headers = {"Idempotency-Key": "wall", "Content-Type": route.takes}
        if walker.header is not None:
            headers["Authorization"] = walker.header
        body = None if route.body is None else self._body(route)
        return self.desk.call(route.method, path, body, by=None, headers=headers)

    def _body(self, route: Route) -> bytes | dict[str, Any]:
        if route.takes != JSON:
            return b"default,0.02\r\n"
        bodies: dict[tuple[str, str], dict[str, Any]] = {
            ("POST", "/v1/sign-out"): {},
            ("POST", "/v1/accounts"): {
                "name": "Третій",
                "admin_email": "third@example.org",
                "admin_name": "Третя",
            },
            ("POST", "/v1/people"): {"email": "new@example.org", "name": "Новий", "role": "agent"},
            ("POST", "/v1/api-keys"): {"name": "Каса", "scopes": ["tickets:read"]},
            ("POST", "/v1/bots"): {"key": self.mine.viber_bot.key},
            ("PATCH", "/v1/bots/{bot_id}"): {"welcome_text": "Вітаю!"},
            ("PUT", "/v1/bots/{bot_id}/key"): {"key": self.theirs.viber_bot.key},
            ("POST", "/v1/bots/{bot_id}/check"): {},
            ("POST", "/v1/bots/{bot_id}/callbacks/{callback_id}/replay"): {},
            ("PATCH", "/v1/tickets/{ticket_id}"): {"status": "done", "assignee_id": None},
            ("POST", "/v1/tickets/{ticket_id}/quote"): {
                "parts": [{"type": "text", "text": "чуже слово"}]
            },
            ("POST", "/v1/tickets/{ticket_id}/messages"): {
                "parts": [{"type": "text", "text": "чуже слово"}]
            },
            ("POST", "/v1/price-lists"): {
                "default": {"amount": "0.02", "currency": "EUR"},
                "prices": [],
            },
            ("POST", "/v1/top-ups"): {"amount": {"amount": "500.00", "currency": "EUR"}},
            ("POST", "/v1/accounts/{account_id}/transfers"): {
                "amount": {"amount": "500.00", "currency": "EUR"},
                "reference": "UA1",
            },
            ("POST", "/v1/accounts/{account_id}/audit"): {},
            ("POST", "/v1/accounts/{account_id}/corrections"): {
                "entry_id": self.mine.ids.entry_id,
                "amount": {"amount": "1.00", "currency": "EUR"},
                "gives": True,
                "reason": "Помилка",
            },
            ("POST", "/v1/requests"): {
                "purpose": "move",
                "bot_id": self.theirs.ids.bot_id,
                "form": msgspec.to_builtins(FORM),
            },
            ("POST", "/v1/accounts/{account_id}/requests/{request_id}/decision"): {
                "decision": "refused"
            },
            ("POST", "/v1/bots/{bot_id}/cancel"): {},
            ("POST", "/v1/bots/{bot_id}/wish"): {"text": "Сесії"},
            ("POST", "/v1/bots/{bot_id}/legacy-claim"): {"made_on": "2023-11-30"},
            ("POST", "/v1/accounts/{account_id}/bots"): {"name": "Чужий"},
            ("PUT", "/v1/accounts/{account_id}/bots/{bot_id}/sessions"): {"on": False},
            ("POST", "/v1/accounts/{account_id}/bots/{bot_id}/legacy"): {"confirmed": False},
            ("POST", "/v1/broadcasts"): {
                "bot_id": self.theirs.ids.bot_id,
                "parts": [{"type": "text", "text": "чуже слово"}],
                "recipients": {},
            },
            ("POST", "/v1/broadcasts/{broadcast_id}/start"): {
                "agreed_price": {"amount": "1.00", "currency": "EUR"}
            },
            ("POST", "/v1/broadcasts/{broadcast_id}/pause"): {},
            ("POST", "/v1/broadcasts/{broadcast_id}/resume"): {},
            ("POST", "/v1/broadcasts/{broadcast_id}/stop"): {},
            ("POST", "/v1/warnings/{warning_id}/seen"): {},
            ("PATCH", "/v1/money-settings"): {"addresses": ["new@example.org"]},
            ("POST", "/v1/forecast"): {"months": 1},
            ("POST", "/v1/session-policies"): {
                "kind": "free",
                "window_seconds": 3600,
                "anchor": "last",
            },
        }
        return bodies[route.method, route.path]


def path_of(route: Route, ids: Ids) -> str:
    return re.sub(r"{(\w+)}", lambda found: str(getattr(ids, found[1])), route.path)


def foreign_paths(route: Route, world: World) -> list[tuple[str, str]]:
    """Give every path with an id of theirs, each with its twin that has one of nobody's."""
    names = re.findall(r"{(\w+)}", route.path)
    pairs = []
    for chosen in itertools.product((world.mine.ids, world.theirs.ids), repeat=len(names)):
        if world.theirs.ids in chosen:
            twin = [MISSING if ids is world.theirs.ids else ids for ids in chosen]
            pairs.append((_filled(route, names, chosen), _filled(route, names, twin)))
    return pairs


def _filled(route: Route, names: list[str], chosen: Sequence[Ids]) -> str:
    given = zip(names, chosen, strict=True)
    return route.path.format(**{name: getattr(ids, name) for name, ids in given})


def walkers(desk: Desk) -> Iterator[Walker]:
    people.make_operator(email=OPERATOR_EMAIL, name="Оператор", now=desk.now)
    for role, email in (
        ("operator", OPERATOR_EMAIL),
        ("admin", ADMIN_EMAIL),
        ("agent", AGENT_EMAIL),
    ):
        yield Walker(role, f"Bearer {desk.sign_in(email)}", role)
    yield Walker("nobody", None)
    yield Walker("no scheme", desk.sign_in(ADMIN_EMAIL))
    token = desk.sign_in(ADMIN_EMAIL)
    yield Walker("broken token", f"Bearer {token[:-8]}AAAAAAAA")
    yield Walker("unknown key", "Bearer vd_" + "A" * 43)
    for scope in people.SCOPES:
        scopes = tuple(each for each in people.SCOPES if each != scope)
        yield Walker(f"key without {scope}", f"Bearer {_key(desk, scopes)[1]}", "program", scopes)
    yield Walker("key with all", f"Bearer {_key(desk, people.SCOPES)[1]}", "program", people.SCOPES)
    key_id, secret = _key(desk, people.SCOPES)
    people.revoke_key(desk.account_id, key_id, by=desk.actor, now=desk.now)
    yield Walker("revoked key", f"Bearer {secret}")
    yield Walker("removed admin", f"Bearer {_removed(desk)}")
    yield Walker("signed-out admin", f"Bearer {_signed_out(desk)}")


def _key(desk: Desk, scopes: tuple[str, ...]) -> tuple[str, str]:
    key, secret = people.make_key(
        desk.account_id, name="Каса", scopes=list(scopes), by=desk.actor, now=desk.now
    )
    return key.key_id, secret


def _admin(desk: Desk, email: str) -> tuple[str, str]:
    person = people.invite(
        desk.account_id, email=email, name="Колишня", role="admin", by=desk.actor, now=desk.now
    )
    return person.person_id, desk.sign_in(email)


def _removed(desk: Desk) -> str:
    person_id, token = _admin(desk, "former@example.com")
    people.remove(desk.account_id, person_id, by=desk.actor, now=desk.now)
    return token


def _signed_out(desk: Desk) -> str:
    _, token = _admin(desk, "tired@example.com")
    answer = desk.call("POST", "/v1/sign-out", {}, by="tired@example.com")
    assert answer.status == 204
    return token
