"""Our copies of what Viber only lends: pictures, files and avatars, fetched before they go."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib import aws, config, errors, ids, store, viber
from chalicelib.fetching import Unreachable, fetch
from chalicelib.log import log
from chalicelib.queues import Copy, put_copies
from chalicelib.tables import Bot, Contact, Item, Message, key_names

LINK_FOR = timedelta(minutes=15)
GIVE_UP_AFTER_TRIES = 12
GIVE_UP_AFTER = timedelta(days=3)
PAUSE_MAX = timedelta(hours=6)
FIRST_PAUSE = timedelta(minutes=2)
SHOWN_IN_PLACE = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "audio/mpeg", "audio/mp4"}
)


class Link(NamedTuple):
    """Where one of our copies can be fetched for a while."""

    url: str
    media_type: str
    size_bytes: int
    expires_at: datetime


def copy(wanted: Copy, *, now: datetime) -> str:
    """Copy one file of Viber's to S3 and tell the item that waits for it; says how it ended.

    Copying again what is copied changes nothing. After the last try the item says `lost`.
    """
    item = _waiting(wanted)
    url = None if item is None else _url_of(item)
    if item is None or url is None:
        _rest(item)
        return "nothing to copy"
    file_id = ids.caused("fil", ids.to_ms(_begun_at(item)), f"{wanted.key}/{wanted.item}/{url}")
    try:
        facts = _store(item.account_id, file_id, url)
    except Unreachable as unreachable:
        log.warning("file not copied", kind=wanted.kind, reason=str(unreachable))
        return _failed(item, url, unreachable, now=now)
    _tell(item, url, file_id, facts)
    return "copied"


def missing(now: datetime) -> Iterator[Copy]:
    """Find what should have been copied by now."""
    for message in store.due(Message, "copy", now):
        yield Copy(kind="message", key=message.key, item=message.item)
    for contact in store.due(Contact, "copy", now):
        yield Copy(kind="contact", key=contact.key, item=None)


def queue_again(wanted: Copy, *, now: datetime) -> str:
    """Queue a missing copy again, each time later; one that waits for days is lost."""
    item = _waiting(wanted)
    url = None if item is None else _url_of(item)
    if item is None or url is None:
        _rest(item)
        return "nothing to copy"
    if now - _asked_at(item) > GIVE_UP_AFTER:
        return _failed(item, url, Unreachable("waited too long", is_final=True), now=now)
    _put_off(item, now=now)
    put_copies([wanted])
    return wanted.kind


def link(account_id: str, file_id: str, *, now: datetime) -> Link:
    """Give an address that opens a copy for a quarter of an hour, or raise NotFound.

    What a browser cannot show safely is offered as a download.
    """
    s3 = aws.client("s3")
    name = _key_of(account_id, file_id)
    try:
        head = s3.head_object(Bucket=config.bucket(), Key=name)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            raise errors.NotFound("There is no such file.") from None
        raise
    media_type = head.get("ContentType", "application/octet-stream")
    url = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": config.bucket(), "Key": name},
        ExpiresIn=int(LINK_FOR.total_seconds()),
    )
    return Link(url, media_type, int(head["ContentLength"]), now + LINK_FOR)


def _waiting(wanted: Copy) -> Any:
    model: type[Item] = {"message": Message, "contact": Contact, "bot": Bot}[wanted.kind]
    return store.get(model, wanted.key, wanted.item)


def _asked_at(item: Any) -> datetime:
    at: datetime = item.received_at if isinstance(item, Message) else item.updated_at
    return at


def _rest(item: Any) -> None:
    # A card that changed but for its picture was made due, for it may have been the picture.
    if not isinstance(item, Contact) or item.due_at is None:
        return
    with contextlib.suppress(store.Changed):
        store.update(
            _named(item),
            [Contact.due_shard.remove(), Contact.due_at.remove()],
            Contact.due_at == item.due_at,
        )


def _url_of(item: Any) -> str | None:
    if isinstance(item, Message):
        is_waiting = item.file_state == "copying"
        return viber.media_url(viber.decode(item.content)) if is_waiting else None
    if isinstance(item, Contact):
        return None if item.avatar_url == item.avatar_copied_from else str(item.avatar_url)
    return None if item.icon_url is None else str(item.icon_url)


def _begun_at(item: Any) -> datetime:
    at: datetime = item.at if isinstance(item, Message) else item.created_at
    return at


def _store(account_id: str, file_id: str, url: str) -> dict[str, Any]:
    import tempfile

    from botocore.exceptions import BotoCoreError, ClientError

    with tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024) as held:
        fetched = fetch(url, held)
        held.seek(0)
        try:
            aws.client("s3").put_object(
                Bucket=config.bucket(),
                Key=_key_of(account_id, file_id),
                Body=held,
                ContentLength=fetched.size_bytes,
                ContentType=fetched.media_type,
                ContentDisposition=(
                    "inline" if fetched.media_type in SHOWN_IN_PLACE else "attachment"
                ),
            )
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(f"our own store: {type(error).__name__}") from error
    return fetched._asdict()


def _tell(item: Any, url: str, file_id: str, facts: dict[str, Any]) -> None:
    rests = [type(item).due_shard.remove(), type(item).due_at.remove()]
    try:
        if isinstance(item, Message):
            store.update(
                _named(item),
                [
                    Message.file_id.set(file_id),
                    Message.file_state.set("ready"),
                    Message.file_facts.set(facts),
                    *rests,
                ],
                Message.file_state == "copying",
            )
        elif isinstance(item, Contact):
            store.update(
                _named(item),
                [Contact.avatar_file_id.set(file_id), Contact.avatar_copied_from.set(url), *rests],
                Contact.avatar_url == url,
            )
        else:
            store.update(
                _named(item),
                [Bot.icon_file_id.set(file_id), Bot.revision.set(Bot.revision + 1)],
                Bot.icon_url == url,
            )
    except store.Changed:
        log.info("file copied twice, or replaced meanwhile", file_id=file_id)


def _failed(item: Any, url: str, unreachable: Unreachable, *, now: datetime) -> str:
    if isinstance(item, Bot):
        return "not copied"
    tries = int(item.tries or 0) + 1
    is_over = unreachable.is_final or tries >= GIVE_UP_AFTER_TRIES
    kind = type(item)
    changes = [kind.tries.set(tries)]
    if is_over:
        changes += [kind.due_shard.remove(), kind.due_at.remove()]
    if is_over and isinstance(item, Message):
        changes.append(Message.file_state.set("lost"))
    elif is_over:
        changes.append(Contact.avatar_copied_from.set(url))
    unchanged = kind.key.exists() & (
        kind.tries.does_not_exist() if item.tries is None else kind.tries == item.tries
    )
    if isinstance(item, Contact):
        unchanged &= Contact.avatar_url == url
    try:
        store.update(_named(item), changes, unchanged)
    except store.Changed:
        return "changed"
    return "lost" if is_over else "later"


def _put_off(item: Any, *, now: datetime) -> None:
    kind = type(item)
    pause = min(PAUSE_MAX, FIRST_PAUSE * int(2 ** min(item.tries or 0, 12)))
    with contextlib.suppress(store.Changed):
        store.update(_named(item), [kind.due_at.set(now + pause)], kind.due_at == item.due_at)


def _named(item: Any) -> Any:
    """Name an item by its key alone, to be changed whatever else it carries by now."""
    kind: type[Item] = type(item)
    return kind(**{name: getattr(item, name) for name in key_names(kind)})


def _key_of(account_id: str, file_id: str) -> str:
    return f"files/{account_id}/{file_id}"
