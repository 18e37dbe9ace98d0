"""Who a broadcast goes to: the contacts it names, or all of a bot's that a filter lets through.

Whoever has written to a bot has a contact, and the contacts of a bot are found by an index that
no change of a contact touches. It is walked page by page from a cursor; a list that was given is
walked in the same way.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from chalicelib import conversations, countries, errors, ids, store
from chalicelib.tables import Audience, Broadcast, Contact, Conversation

NAMED_MAX = 5000
NARROWED_MAX = 300
PAGE_SIZE = 100

NOT_SUBSCRIBED = "not-subscribed"
UNKNOWN_CONTACT = "unknown-contact"
OTHER_BOT = "other-bot"
DUPLICATE = "duplicate"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to hear a broadcast: contacts by id, else all that the filter lets through.

    A filter names countries and languages of which one has to fit, and since when a subscriber
    must have written; without any it is everybody who is subscribed.
    """

    contact_ids: list[str] | None = None
    countries: list[str] | None = None
    languages: list[str] | None = None
    heard_since: datetime | None = None


class Found(NamedTuple):
    """A page of recipients, those left out by reason, and where the next page begins."""

    conversations: list[Conversation]
    skipped: Counter[str]
    cursor: str | None


def checked(wanted: Wanted) -> dict[str, Any]:
    """Give what is stored of an audience, or raise BadInput naming what is wrong."""
    named = wanted.contact_ids
    if named is not None:
        if wanted.countries or wanted.languages or wanted.heard_since:
            raise errors.BadInput("Either contacts or a filter.", field="recipients.contact_ids")
        if not 0 < len(named) <= NAMED_MAX:
            raise errors.BadInput(
                f"1 to {NAMED_MAX} contacts; more are reached by a filter.",
                field="recipients.contact_ids",
            )
        return {"named": len(named)}
    for position, country in enumerate(wanted.countries or ()):
        if country.upper() not in countries.codes():
            field = f"recipients.countries[{position}]"
            raise errors.BadInput("A country's two letters, such as UA.", field=field)
    since = wanted.heard_since
    if since is not None and (since.tzinfo is None or not 2000 <= since.year <= 9000):
        raise errors.BadInput(
            "An instant with its zone, since the year 2000.", field="recipients.heard_since"
        )
    for field, given in (("countries", wanted.countries), ("languages", wanted.languages)):
        if len(given or ()) > NARROWED_MAX or any(len(each) > 8 for each in given or ()):
            raise errors.BadInput(
                f"{NARROWED_MAX} codes of two letters at most.", field=f"recipients.{field}"
            )
    told = {
        "countries": sorted({country.upper() for country in wanted.countries or ()}),
        "languages": sorted({language.lower() for language in wanted.languages or ()}),
        "heard_since": None if since is None else since.astimezone(UTC).isoformat(),
    }
    return {name: value for name, value in told.items() if value}


def page(broadcast: Broadcast, partition: str) -> Found:
    """Read the next recipients of a broadcast that is being planned."""
    if "named" in broadcast.audience:
        return _named(broadcast, partition)
    keys, cursor = store.page(
        Contact,
        broadcast.bot_id,
        limit=PAGE_SIZE,
        cursor=broadcast.cursor,
        index="bot",
    )
    languages = broadcast.audience.get("languages")
    if languages:
        cards = [each for each in _cards([card.key for card in keys]) if each is not None]
        keys = [card for card in cards if _speaks(card, languages)]
    talks = talks_of(broadcast.bot_id, [card.subscriber_id for card in keys])
    skipped: Counter[str] = Counter()
    return Found(_fitting(broadcast, talks, skipped), skipped, cursor)


def _named(broadcast: Broadcast, partition: str) -> Found:
    stored = store.get(Audience, partition, "audience")
    named = [] if stored is None else stored.contact_ids
    begin = int(broadcast.cursor or 0)
    end = begin + PAGE_SIZE
    before = set(named[:begin])
    skipped: Counter[str] = Counter()
    fresh = []
    for contact_id in named[begin:end]:
        if contact_id in before:
            skipped[DUPLICATE] += 1
        elif not ids.is_one("con", contact_id):
            skipped[UNKNOWN_CONTACT] += 1
        else:
            before.add(contact_id)
            fresh.append(contact_id)
    subscribers = []
    keys = [conversations.contact_key(broadcast.account_id, each) for each in fresh]
    for card in _cards(keys):
        if card is None:
            skipped[UNKNOWN_CONTACT] += 1
        elif card.bot_id != broadcast.bot_id:
            skipped[OTHER_BOT] += 1
        else:
            subscribers.append(card.subscriber_id)
    talks = talks_of(broadcast.bot_id, subscribers)
    return Found(
        _fitting(broadcast, talks, skipped), skipped, str(end) if end < len(named) else None
    )


def _fitting(
    broadcast: Broadcast, talks: Sequence[Conversation | None], skipped: Counter[str]
) -> list[Conversation]:
    wanted = broadcast.audience
    since = wanted.get("heard_since")
    heard_since = None if since is None else datetime.fromisoformat(since)
    found = []
    for talk in talks:
        if talk is None:
            skipped[NOT_SUBSCRIBED] += 1
            continue
        if wanted.get("countries") and talk.country not in wanted["countries"]:
            continue
        heard_at = talk.last_inbound_at
        if heard_since is not None and (heard_at is None or heard_at < heard_since):
            continue
        if talk.is_subscribed:
            found.append(talk)
        else:
            skipped[NOT_SUBSCRIBED] += 1
    return found


def _speaks(card: Contact, languages: Sequence[str]) -> bool:
    """Say whether a contact's language, `uk-UA`, is one of these, `uk` or `uk-ua`."""
    spoken = (card.language or "").lower()
    return spoken in languages or spoken.partition("-")[0] in languages


def _cards(keys: Sequence[str]) -> list[Contact | None]:
    return store.read(*((Contact, key, None) for key in keys))


def talks_of(bot_id: str, subscriber_ids: Sequence[str]) -> list[Conversation | None]:
    """Read the conversations of subscribers, in their order."""
    wanted = [
        (Conversation, conversations.conversation_key(bot_id, each), "conversation")
        for each in subscriber_ids
    ]
    return store.read(*wanted)
