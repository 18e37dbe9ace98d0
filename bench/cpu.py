"""CPU of the hot handlers, as a ratio to a bare handler that makes the same store calls.

Both run as Lambda runs them, with the same events, the same botocore clients and a store that
answers at once from a recording; so neither pays for an emulator, and the bare one pays for
Chalice and botocore alone. Turns are taken in short blocks, so that noise meets both alike.
"""

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench import recording
from bench.bare import Bare
from bench.counting import SERVICES
from bench.events import Context
from bench.operations import paying
from bench.recording import Call
from bench.shop import AVATAR, Shop

RATIO_MAX = 1.5
BLOCK_SECONDS = 0.03
BLOCKS_MIN, BLOCKS_MAX = 40, 100
WARM_TIMES = 30
STEADY_WITHIN = 0.01


@dataclass
class Handler:
    """One handler: how to run it, the same calls made barely, and what they were."""

    name: str
    real: Callable[[], object]
    bare: Callable[[], object]
    calls: list[Call]
    before_each_block: Callable[[], None]


@dataclass(frozen=True)
class Ratio:
    """What one handler took of the CPU, in milliseconds and beside the bare one."""

    name: str
    real_ms: float
    bare_ms: float
    ratio: float
    blocks: int


def handlers(shop: Shop) -> list[Handler]:
    """Record every hot handler once against the real store."""
    paying.legacy(shop)
    regular = shop.regular
    shop.sent(regular)
    shop.keep_warm()
    token = shop.sent(regular)
    found = [
        _over_http(shop, "inbound message", shop.webhook(shop.message(regular.subscriber_id))),
        _over_http(
            shop,
            "receipt",
            shop.webhook(shop.told("delivered", token, user_id=regular.subscriber_id)),
        ),
        _over_http(shop, "reply accepted", shop.reply(regular)),
        _queue(shop),
        _over_http(
            shop, "page of 50 tickets", shop.call("GET", "/v1/tickets", {}, query={"limit": "50"})
        ),
        _over_http(
            shop,
            "first message, with contact and ticket",
            shop.webhook(shop.message(shop.subscriber(), avatar=AVATAR)),
        ),
    ]
    shop.queued()
    return found


def measured(handler: Handler) -> Ratio:
    """Measure one handler until its ratio is steady, or for as long as is allowed."""
    with recording.answering(call for call in handler.calls if call.client is not None):
        handler.before_each_block()
        for _ in range(WARM_TIMES):
            handler.real()
            handler.bare()
        times = max(1, round(BLOCK_SECONDS / _seconds(handler.real, WARM_TIMES)))
        with _no_garbage_collection():
            pairs: list[tuple[float, float]] = []
            while len(pairs) < BLOCKS_MIN or (not _is_steady(pairs) and len(pairs) < BLOCKS_MAX):
                handler.before_each_block()
                pairs.append(_pair(handler, times, real_first=len(pairs) % 2 == 0))
    return Ratio(
        handler.name,
        statistics.median(real for real, _ in pairs) * 1000,
        statistics.median(bare for _, bare in pairs) * 1000,
        statistics.median(real / bare for real, bare in pairs),
        len(pairs),
    )


def broken(ratios: list[Ratio]) -> list[str]:
    """Name every handler that takes too much beside its bare one."""
    return [
        f"CPU of {each.name}: ratio {each.ratio:.2f}, budget {RATIO_MAX}"
        for each in ratios
        if each.ratio > RATIO_MAX
    ]


def _over_http(shop: Shop, name: str, event: dict[str, Any]) -> Handler:
    bare, context = Bare(), Context()
    answers: list[dict[str, Any]] = []
    calls = _recorded(shop, lambda: answers.append(shop.run(event)))
    bare.calls, bare.body = calls, answers[0]["body"]
    return Handler(
        name,
        lambda: shop.app(event, context),
        lambda: bare.app(event, context),
        calls,
        shop.keep_warm,
    )


def _queue(shop: Shop) -> Handler:
    shop.send(shop.queued())
    shop.run(shop.reply(shop.regular))
    event, context, bare = shop.queued(), Context(), Bare()
    body = json.dumps({"receiver": shop.regular.subscriber_id}).encode()
    headers = {"X-Viber-Auth-Token": shop.bot_key}
    bare.viber = lambda: _ask_viber(shop, body, headers)
    bare.calls = _recorded(shop, lambda: shop.send(event))
    real = shop.app_function("send_outgoing")
    return Handler(
        "one queued message sent",
        lambda: real(event, context),
        lambda: bare.send_outgoing(event, context),
        bare.calls,
        shop.keep_warm,
    )


def _ask_viber(shop: Shop, body: bytes, headers: dict[str, str]) -> None:
    shop.viber.request("POST", "https://viber.example/pa/send_message", body, headers, (3, 10))


def _recorded(shop: Shop, act: Callable[[], object]) -> list[Call]:
    from chalicelib import aws, tables

    calls: list[Call] = []
    clients = [tables.connection.client, *(aws.client(each) for each in SERVICES)]
    places: list[int] = []

    with recording.recorded_into(calls, clients):
        before = shop.viber.heard
        shop.viber.heard = lambda _: places.append(len(calls))
        act()
        shop.viber.heard = before
    for place in reversed(places):
        calls.insert(place, Call(None, "viber", None, 0, {}, b""))
    return calls


def _pair(handler: Handler, times: int, *, real_first: bool) -> tuple[float, float]:
    if real_first:
        real = _seconds(handler.real, times)
        return real, _seconds(handler.bare, times)
    bare = _seconds(handler.bare, times)
    return _seconds(handler.real, times), bare


def _seconds(act: Callable[[], object], times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - begun) / times


def _is_steady(pairs: list[tuple[float, float]]) -> bool:
    ratios = [real / bare for real, bare in pairs]
    quarter, middle, three_quarters = statistics.quantiles(ratios, n=4)
    # About two standard errors of a median.
    spread: float = 1.86 * (three_quarters - quarter) / len(ratios) ** 0.5
    return spread < STEADY_WITHIN * middle


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
