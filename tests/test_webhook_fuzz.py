"""The webhook under truly signed garbage of every shape: never an exception, nothing lost."""

import base64
import copy
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError
from chalice.local import LambdaContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import app
from chalicelib import callbacks, conversations, ids, store, tables, viber
from chalicelib.tables import Conversation, KeptCallback, Message, TokenItem
from chalicelib.viber import incoming
from tests.desk import Desk
from tests.fixtures_accounts import everything

REAL = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "viber").glob("*.json"))
]
LIMIT = callbacks.BODY_MAX_BYTES
LAMBDA = LambdaContext("api_handler", 256)

fuzzed = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# What is sent.

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "\x00", "👩‍👩‍👧 ї", "\ud800", "a" * 200, "т" * 7001, "null", "$.x", " "]),
)
numbers = st.one_of(
    st.integers(-(2**80), 2**80),
    st.sampled_from([0, -1, 2**53 + 1, 5058590812907389764, 10**400, 1479210111264.5, 1e308]),
    st.floats(),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Take a real callback and spoil it in a few places; it keeps a token of its own."""
    event = copy.deepcopy(draw(st.sampled_from(REAL)))
    if "message_token" in event:
        event["message_token"] = draw(st.integers(2**62, 2**63))
    for _ in range(draw(st.integers(0, 4))):
        _spoil(draw, event)
    return _written(draw, event)


def _spoil(draw: st.DrawFn, event: dict[str, Any]) -> None:
    places = list(_places(event))
    if not places:
        return
    holder, name = draw(st.sampled_from(places))
    match draw(st.sampled_from(["drop", "replace", "replace", "text", "wrap", "add"])):
        case "drop":
            del holder[name]
        case "replace":
            holder[name] = draw(values)
        case "text":
            holder[name] = str(holder[name])
        case "wrap":
            holder[name] = [holder[name]]
        case "add":
            holder[draw(texts)] = draw(values)


def _places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield value, name
            yield from _places(each)


def _written(draw: st.DrawFn, value: Any) -> bytes:
    written = json.dumps(value, ensure_ascii=draw(st.booleans()))
    raw = written.encode("utf-8", "surrogatepass")
    return draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b" \n"])) + raw


@st.composite
def any_json(draw: st.DrawFn) -> bytes:
    return _written(draw, draw(values))


bodies = st.one_of(st.binary(max_size=200), any_json(), mutated(), mutated())


def event_of(
    bot_id: str,
    body: bytes,
    signature: str | None,
    *,
    content_type: str = "application/json",
    is_base64: bool = True,
    in_query: bool = False,
) -> dict[str, Any]:
    """Make the event that API Gateway would hand to the function."""
    headers = {"content-type": content_type}
    if signature is not None and not in_query:
        headers["x-viber-content-signature"] = signature
    query = {"sig": [signature]} if signature is not None and in_query else None
    return {
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": "/viber/{bot_id}",
            "path": f"/api/viber/{bot_id}",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "headers": headers,
        "multiValueQueryStringParameters": query,
        "pathParameters": {"bot_id": bot_id},
        "stageVariables": None,
        "body": base64.b64encode(body).decode() if is_base64 else body.decode(),
        "isBase64Encoded": is_base64,
    }


def post(desk: Desk, body: bytes, **how: Any) -> tuple[int, str]:
    """Post a body as Viber signs it."""
    signature = viber.sign(body, desk.viber_bot.key)
    answer = app(event_of(desk.bot.bot_id, body, signature, **how), LAMBDA)
    return answer["statusCode"], answer["body"]


# Where it went.


def kept(desk: Desk, limit: int = 50) -> list[KeptCallback]:
    """List what the vault holds, newest first."""
    found, _ = callbacks.kept_of(desk.bot, limit=limit, cursor=None)
    return found


def is_kept(desk: Desk, body: bytes, state: str) -> bool:
    whole = body if state != "malformed" else body[: callbacks.MALFORMED_KEPT_MAX_BYTES]
    return any(each.state == state and bytes(each.body) == whole for each in kept(desk, 1))


def said(desk: Desk, callback: incoming.Message) -> list[Any]:
    """Read what is stored of a subscriber's message, found by its token."""
    key, token = f"{desk.bot.bot_id}/{callback.sender.id}", conversations.token_of(callback)
    message_id = ids.of_token("msg", callback.timestamp_ms or 0, token)
    found = store.get(Message, key, f"message#{message_id}")
    if found is not None:
        return [found.content]
    # Without a time of Viber's that can be true, it lies at the time it came.
    all_of_them = Message.query(key, Message.item.startswith("message#"))
    return [each.content for each in all_of_them if each.token == token]


def became(desk: Desk, callback: viber.Callback) -> bool:
    """Say whether a callback had the effect that it means."""
    bot_id = desk.bot.bot_id
    match callback:
        case incoming.Message(chat_id=None):
            return json.loads(json.dumps(viber.encode(callback.content))) in said(desk, callback)
        case incoming.Subscribed(user=user) | incoming.ConversationStarted(user=user):
            return _has(Conversation, f"{bot_id}/{user.id}", "conversation")
        case incoming.Unsubscribed(user_id=user_id):
            return _has(Conversation, f"{bot_id}/{user_id}", "conversation")
        case (
            incoming.Delivered(user_id=user_id, token=str() as token)
            | incoming.Seen(user_id=user_id, token=str() as token)
            | incoming.Failed(user_id=user_id, token=str() as token)
        ):
            # Ours, an orphan, or a receipt for the subscriber's own message.
            key = f"{bot_id}/{user_id}"
            if _has(TokenItem, key, f"token#{token}"):
                return True
            return token in Conversation.get(key, "conversation").tokens
        case _:
            # The test of the webhook, a group's message, a receipt without a token, a payment's
            # status, an event nobody knows: they have no effect by design.
            return True


def is_redelivery(desk: Desk, callback: viber.Callback) -> bool:
    """Say whether Viber has sent a message under this token before."""
    if not isinstance(callback, incoming.Message):
        return False
    key = f"{desk.bot.bot_id}/{callback.sender.id}"
    conversation = store.get(Conversation, key, "conversation")
    token = conversations.token_of(callback)
    known = conversation is not None and token in conversation.tokens
    return known or bool(said(desk, callback))


def _has(model: type[tables.Item], key: str, item: str) -> bool:
    return store.get(model, key, item) is not None


@settings(fuzzed, max_examples=300)
@given(
    body=bodies,
    content_type=st.sampled_from(["application/json", "text/plain", "image/png", "x", ""]),
    is_base64=st.booleans(),
    in_query=st.booleans(),
)
def test_signed_garbage_of_every_shape_is_answered_200_and_has_its_effect_or_is_kept(
    desk: Desk, body: bytes, content_type: str, is_base64: bool, in_query: bool
) -> None:
    desk.wait(seconds=1)
    is_base64 = is_base64 or not _is_text(body)
    how = {"content_type": content_type, "is_base64": is_base64, "in_query": in_query}
    try:
        callback = viber.parse(body)
    except viber.Malformed:
        assert post(desk, body, **how)[0] == 200
        assert is_kept(desk, body, "malformed")
        return
    is_repeat = is_redelivery(desk, callback)
    assert post(desk, body, **how)[0] == 200
    assert is_repeat or is_kept(desk, body, "waiting") or became(desk, callback)


@settings(fuzzed, max_examples=25)
@given(
    body=bodies, wrong=st.sampled_from(["", "0" * 64, "ї", "\x00", None, "other key", "spoiled"])
)
def test_what_viber_did_not_sign_is_answered_401_with_nothing_and_leaves_nothing(
    desk: Desk, body: bytes, wrong: str | None
) -> None:
    before = everything()
    signature = {
        "other key": viber.sign(body, "another-bots-key"),
        "spoiled": viber.sign(body + b" ", desk.viber_bot.key),
    }.get(wrong or "", wrong)
    for in_query in (False, True):
        event = event_of(desk.bot.bot_id, body, signature, in_query=in_query)
        answer = app(event, LAMBDA)
        assert (answer["statusCode"], answer["body"]) == (401, "")
    assert everything() == before


@pytest.mark.parametrize("bot_id", ["bot_01ARZ3NDEKTSV4RRFFQ69G5FAV", "%00", "т" * 500, "x" * 5000])
def test_a_bot_that_nobody_has_is_answered_as_a_wrong_signature(desk: Desk, bot_id: str) -> None:
    body = b"{}"
    answer = app(event_of(bot_id, body, viber.sign(body, desk.viber_bot.key)), LAMBDA)
    assert (answer["statusCode"], answer["body"]) == (401, "")


def message(text: str, token: int = 5058590812907389764) -> bytes:
    said = {
        "event": "message",
        "timestamp": 1795168800000,
        "message_token": token,
        "sender": {"id": "01234567890A=", "name": "Марічка"},
        "message": {"type": "text", "text": text},
    }
    return json.dumps(said, ensure_ascii=False).encode()


@pytest.mark.parametrize("is_base64", [True, False])
def test_a_body_may_have_256_kilobytes_and_not_one_more(desk: Desk, is_base64: bool) -> None:
    for position, size in enumerate((LIMIT - 1, LIMIT)):
        body = message(f"Лист {size} 🍞", token=position + 1).ljust(size)
        assert post(desk, body, is_base64=is_base64) == (200, "")
    (ticket,) = desk.tickets()
    assert len(desk.thread(ticket["ticket_id"])) == 2
    before = everything()
    assert post(desk, message("Завеликий").ljust(LIMIT + 1), is_base64=is_base64) == (413, "")
    assert everything() == before


def test_garbage_as_large_as_is_taken_is_kept_whole(desk: Desk) -> None:
    noise = random.Random(7).randbytes(LIMIT)
    for body in (noise, b"[" * LIMIT, b'{"a":' * (LIMIT // 5), b'"' + b"\\ud800" * 40_000 + b'"'):
        desk.wait(seconds=1)
        assert post(desk, body)[0] == 200
        assert is_kept(desk, body, "malformed")


def test_a_message_too_large_for_the_store_is_kept_raw(desk: Desk) -> None:
    body = message("ї" * 120_000)
    assert post(desk, body) == (200, "")
    assert is_kept(desk, body, "waiting") or desk.tickets()


# When our own store fails.


@contextmanager
def store_fails(*operations: str) -> Iterator[None]:
    """Break the line to the store for some of its operations."""
    events = tables.connection.client.meta.events

    def broken(**_: Any) -> None:
        raise HTTPClientError(error="the line is dead")

    for each in operations:
        events.register(f"before-send.dynamodb.{each}", broken)
    try:
        yield
    finally:
        for each in operations:
            events.unregister(f"before-send.dynamodb.{each}", broken)


def test_a_message_that_the_store_did_not_take_is_kept_and_becomes_a_ticket_later(
    desk: Desk,
) -> None:
    body = message("Чи є хліб? 🍞")
    with store_fails("TransactWriteItems"):
        assert post(desk, body) == (200, "")
    assert is_kept(desk, body, "waiting")
    assert desk.tickets() == []
    (listed,) = desk.call("GET", f"/v1/bots/{desk.bot.bot_id}/callbacks").body["items"]
    assert (listed["state"], listed["event"], listed["tries"]) == ("waiting", "message", 0)
    desk.run("replay_callbacks")
    assert desk.tickets() == []
    desk.wait(minutes=1)
    desk.run("replay_callbacks")
    (ticket,) = desk.tickets()
    assert ticket["preview"]["text"] == "Чи є хліб? 🍞"
    (listed,) = desk.call("GET", f"/v1/bots/{desk.bot.bot_id}/callbacks").body["items"]
    assert (listed["state"], listed["tries"]) == ("replayed", 1)


def test_a_kept_callback_that_viber_sent_again_meanwhile_has_its_effect_once(desk: Desk) -> None:
    body = message("Чи є хліб? 🍞")
    with store_fails("TransactWriteItems"):
        post(desk, body)
    post(desk, body)
    desk.wait(minutes=1)
    desk.run("replay_callbacks")
    (ticket,) = desk.tickets()
    assert len(desk.thread(ticket["ticket_id"])) == 1


def test_a_replay_that_fails_waits_longer_and_an_admin_may_try_at_once(desk: Desk) -> None:
    body = message("Чи є хліб? 🍞")
    with store_fails("TransactWriteItems"):
        post(desk, body)
        desk.wait(minutes=1)
        desk.run("replay_callbacks")
    path = f"/v1/bots/{desk.bot.bot_id}/callbacks"
    (listed,) = desk.call("GET", path).body["items"]
    assert (listed["state"], listed["tries"]) == ("waiting", 1)
    answer = desk.call("POST", f"{path}/{listed['callback_id']}/replay", {})
    assert (answer.status, answer.body["state"], answer.body["tries"]) == (200, "replayed", 2)
    assert len(desk.tickets()) == 1


def test_only_when_it_cannot_even_be_kept_is_viber_asked_to_try_again(desk: Desk) -> None:
    for body in (message("Чи є хліб? 🍞"), b"{"):
        with store_fails("TransactWriteItems", "PutItem"):
            assert post(desk, body)[0] >= 500
    assert kept(desk) == []
    assert post(desk, message("Чи є хліб? 🍞")) == (200, "")
    assert len(desk.tickets()) == 1


def test_a_message_whose_bot_cannot_be_read_is_not_lost(desk: Desk) -> None:
    body = message("Чи є хліб? 🍞")
    with store_fails("BatchGetItem"):
        assert post(desk, body) == (200, "")
    assert is_kept(desk, body, "waiting")


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_the_order_of_kept_callbacks_is_that_of_their_coming(desk: Desk) -> None:
    for number in range(3):
        desk.wait(seconds=1)
        post(desk, f"no json {number}".encode())
    found = [bytes(each.body) for each in kept(desk)]
    assert found == [b"no json 2", b"no json 1", b"no json 0"]
    assert all(ids.is_one("cbk", each.callback_id) for each in kept(desk))
