"""What one part costs when it is accepted."""

from datetime import datetime

from chalicelib import viber
from chalicelib.tables import Bot, Conversation


def price_of(bot: Bot, conversation: Conversation, part: viber.Sendable, *, now: datetime) -> int:
    """Price a part in micros of a euro: this deployment keeps no balance yet, so it is free."""
    return 0
