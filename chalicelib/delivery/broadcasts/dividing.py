"""Which recipients go together in one request, and which get a message of their own.

Who has a free window or an open session hears the broadcast as a message of that talk, which
counts and costs what any message would. All others, those whose session only waits among them,
pay the normal tariff and go together. One function decides, for the plan and again for the send.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.delivery import accept, pricing
from chalicelib.delivery.broadcasts.audience import NOT_SUBSCRIBED
from chalicelib.delivery.chunks import bit
from chalicelib.delivery.pricing import Priced
from chalicelib.tables import Bot, Conversation
from chalicelib.talks import Basis


class Division(NamedTuple):
    """Masks of recipients by position: together by price, apart, and left out by reason.

    `apart_micros` tells those apart whose message costs something, a renewed session or the one
    that follows a closing.
    """

    together: dict[int, int]
    apart: int
    apart_micros: dict[int, int]
    skipped: dict[str, int]
    price_list: int | None

    @property
    def together_micros(self) -> int:
        """What is held for those who go together."""
        return sum(micros * mask.bit_count() for micros, mask in self.together.items())

    @property
    def micros(self) -> int:
        """All that it costs."""
        return self.together_micros + sum(self.apart_micros.values())

    @property
    def recipients(self) -> int:
        """How many hear it."""
        return self.apart.bit_count() + sum(mask.bit_count() for mask in self.together.values())


def divided(
    talks: Sequence[tuple[int, Conversation | None]],
    bot: Bot,
    content_type: str,
    basis: Basis,
    *,
    now: datetime,
) -> Division:
    """Divide recipients, given by position; raises what the bot's plan or sessions refuse."""
    together: dict[int, int] = {}
    apart, apart_micros = 0, {}
    skipped: dict[str, int] = {}
    price_list = None
    for position, talk in talks:
        if talk is None or not talk.is_subscribed:
            skipped[NOT_SUBSCRIBED] = skipped.get(NOT_SUBSCRIBED, 0) | bit(position)
            continue
        priced = pricing.priced(bot, talk, [content_type], basis, now=now, may_open=False)
        accept.refuse_while_stopped(bot, priced, now=now)
        if goes_apart(priced):
            apart |= bit(position)
            if priced.micros:
                apart_micros[position] = priced.micros
        else:
            together[priced.micros] = together.get(priced.micros, 0) | bit(position)
            price_list = priced.price_list
    return Division(together, apart, apart_micros, skipped, price_list)


def goes_apart(priced: Priced) -> bool:
    """Say whether a message belongs to a talk that counts, and so cannot go with the others.

    The one that closes a session is outside of it, and still has to be written in its talk.
    """
    (part,) = priced.parts
    is_outside = part.kind in (pricing.BOT_INITIATED, pricing.LEGACY)
    return not is_outside or part.after_session_id is not None
