"""What a reply costs: one pure decision for the quote, the send, a broadcast and a forecast."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib import errors, money, months, plans, sessions, talks, tariffs
from chalicelib.money import Money
from chalicelib.sessions import Change, Talk
from chalicelib.tables import Bot, Conversation
from chalicelib.talks import Basis

FREE_WINDOW = "free-window"
IN_SESSION = "in-session"
OPENS_SESSION = "opens-session"
RENEWS_SESSION = "renews-session"
BOT_INITIATED = "bot-initiated"
LEGACY = "legacy"


class Part(NamedTuple):
    """What one part of a reply costs and why, and what its message keeps to give it back.

    The price is the message's own; that of a session it opens or renews is the session's.
    """

    kind: str
    micros: int = 0
    session_micros: int = 0
    session_id: str | None = None
    after_session_id: str | None = None
    run: int | None = None


class Priced(NamedTuple):
    """What a reply costs now, and the talk after it. `quota` counts a legacy bot's messages."""

    parts: tuple[Part, ...]
    talk: Talk | None
    changes: tuple[Change, ...]
    quota: int
    country: str | None
    price_list: int | None

    @property
    def micros(self) -> int:
        """All that is to be held for it."""
        return sum(part.micros + part.session_micros for part in self.parts)

    @property
    def is_outside(self) -> bool:
        """Say whether a part of it is bot-initiated."""
        return any(part.kind in (BOT_INITIATED, LEGACY) for part in self.parts)


def priced(
    bot: Bot,
    conversation: Conversation,
    content_types: Sequence[str],
    basis: Basis,
    *,
    now: datetime,
    may_open: bool = True,
) -> Priced:
    """Price a reply of these parts; a broadcast may not open a session that waits.

    Raises what the plan refuses: a bot that may not send, a type that sessions do not carry, a
    country that has no price.
    """
    plans.refuse_unless_sending(bot, now)
    spoken = sessions.spoke(
        talks.of(conversation),
        content_types,
        now,
        basis.terms,
        tariffs.policy_of,
        key=conversation.key,
        may_open=may_open,
    )
    if spoken.refusal is not None:
        raise _not_in_sessions(content_types, spoken.refusal.position, basis)
    parts = tuple(_part(bot, conversation, part, basis) for part in spoken.parts)
    is_priced = any(part.kind == BOT_INITIATED for part in parts)
    price_list = basis.tariffs.price_list
    return Priced(
        parts=parts,
        talk=spoken.talk,
        changes=spoken.changes,
        quota=sum(part.kind == LEGACY for part in parts),
        country=conversation.country,
        price_list=price_list.version if is_priced and price_list is not None else None,
    )


def refuse_dearer(agreed: Money | None, found: Priced) -> None:
    """Raise Conflict with today's price where it is above the one agreed to."""
    if agreed is None:
        return
    if found.micros > money.price(agreed, field="agreed_price"):
        raise errors.Conflict(
            f"This costs {money.text(found.micros)} {money.CURRENCY} now, more than agreed; "
            "look at the price and send it again.",
            kind="price-risen",
            price=money.told(found.micros),
        )


def quota_used(found: Priced, now: datetime) -> errors.Conflict:
    """Refuse what a legacy bot's month has no room for."""
    return errors.Conflict(
        f"This bot has used its {plans.LEGACY_MESSAGES_A_MONTH} messages of "
        f"{months.of_utc(now)} that are no answers. It can write first again next month (UTC), "
        "or move to the commercial plan; a customer who writes can be answered at any time.",
        kind="quota-used",
        messages=found.quota,
    )


def _part(bot: Bot, conversation: Conversation, part: sessions.Part, basis: Basis) -> Part:
    if part.kind != "outside":
        return Part(
            part.kind,
            session_micros=part.price_micros,
            session_id=part.session_id,
            after_session_id=part.after_session_id,
            run=part.run,
        )
    if bot.plan == plans.LEGACY:
        return Part(LEGACY, after_session_id=part.after_session_id)
    price_list = basis.tariffs.price_list
    if price_list is None:
        raise errors.Conflict(
            "There is no price list yet, so nothing paid can be sent; the operator has to set one.",
            kind="no-price-list",
        )
    micros = price_list.price_of(conversation.country)
    return Part(BOT_INITIATED, micros, after_session_id=part.after_session_id)


def _not_in_sessions(content_types: Sequence[str], position: int, basis: Basis) -> errors.BadInput:
    policy = basis.terms.policy
    allowed = ", ".join(policy.types or ()) if policy is not None else ""
    return errors.BadInput(
        f"A bot with sessions sends {allowed} only, not {content_types[position]}.",
        kind="type-not-in-sessions",
        field=f"parts[{position}].type",
    )
