"""Our copies of what Viber only lends: pictures, files and avatars, fetched before they go."""

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from chalicelib import aws, config, errors, ids, store, viber
from chalicelib.log import log
from chalicelib.queues import Copy, put_copies
from chalicelib.tables import Bot, Contact, Item, Message

SIZE_MAX_BYTES = 200 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 20
REDIRECTS_MAX = 3
LINK_FOR = timedelta(minutes=15)
GIVE_UP_AFTER_TRIES = 12
PAUSE_MAX = timedelta(hours=6)
FIRST_PAUSE = timedelta(minutes=2)
SHOWN_IN_PLACE = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "audio/mpeg", "audio/mp4"}
)


class Unreachable(Exception):
    """The file could not be fetched; `is_final` says that another try cannot help."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


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
    model: type[Item] = {"message": Message, "contact": Contact, "bot": Bot}[wanted.kind]
    item: Any = store.get(model, wanted.key, wanted.item)
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


def copy_missing(now: datetime) -> Iterator[str]:
    """Queue again what should have been copied by now."""
    for message in store.due(Message, "copy", now):
        put_copies([Copy(kind="message", key=message.key, item=message.item)])
        _put_off(message, now=now)
        yield "message"
    for contact in store.due(Contact, "copy", now):
        put_copies([Copy(kind="contact", key=contact.key, item=None)])
        _put_off(contact, now=now)
        yield "contact"


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


def _rest(item: Any) -> None:
    # A card that changed but for its picture was made due, for it may have been the picture.
    if not isinstance(item, Contact) or item.due_at is None:
        return
    with contextlib.suppress(store.Changed):
        store.update(
            Contact(key=item.key),
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

    with tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024) as held:
        media_type, size_bytes, name = _fetch(url, held)
        held.seek(0)
        disposition = "inline" if media_type in SHOWN_IN_PLACE else "attachment"
        aws.client("s3").put_object(
            Bucket=config.bucket(),
            Key=_key_of(account_id, file_id),
            Body=held,
            ContentLength=size_bytes,
            ContentType=media_type,
            ContentDisposition=disposition,
        )
    return {"media_type": media_type, "size_bytes": size_bytes, "name": name}


def _tell(item: Any, url: str, file_id: str, facts: dict[str, Any]) -> None:
    rests = [type(item).due_shard.remove(), type(item).due_at.remove()]
    try:
        if isinstance(item, Message):
            store.update(
                Message(key=item.key, item=item.item),
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
                Contact(key=item.key),
                [Contact.avatar_file_id.set(file_id), Contact.avatar_copied_from.set(url), *rests],
                Contact.avatar_url == url,
            )
        else:
            store.update(
                Bot(bot_id=item.bot_id), [Bot.icon_file_id.set(file_id)], Bot.icon_url == url
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
    key = {"key": item.key} | ({"item": item.item} if isinstance(item, Message) else {})
    try:
        store.update(kind(**key), changes, unchanged)
    except store.Changed:
        return "changed"
    return "lost" if is_over else "later"


def _put_off(item: Any, *, now: datetime) -> None:
    kind = type(item)
    pause = min(PAUSE_MAX, FIRST_PAUSE * 2 ** int(item.tries or 0))
    key = {"key": item.key} | ({"item": item.item} if isinstance(item, Message) else {})
    try:
        store.update(kind(**key), [kind.due_at.set(now + pause)], kind.due_at == item.due_at)
    except store.Changed:
        return


def _fetch(url: str, into: Any) -> tuple[str, int, str | None]:
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    timeout = Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS)
    for _ in range(REDIRECTS_MAX + 1):
        pool, target, host = _pool(url, timeout)
        try:
            answer = pool.request(
                "GET",
                target,
                headers={"Host": host},
                preload_content=False,
                redirect=False,
                retries=False,
            )
            with answer:
                if answer.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, answer.headers.get("Location", ""))
                    continue
                if answer.status != 200:
                    is_final = answer.status in (401, 403, 404, 410)
                    raise Unreachable(f"HTTP {answer.status}", is_final=is_final)
                size_bytes = 0
                for chunk in answer.stream(CHUNK_BYTES):
                    size_bytes += len(chunk)
                    if size_bytes > SIZE_MAX_BYTES:
                        raise Unreachable("larger than we keep", is_final=True)
                    into.write(chunk)
                kind = answer.headers.get("Content-Type", "application/octet-stream")
                return kind.split(";")[0].strip().lower(), size_bytes, _name_in(url)
        except HTTPError as error:
            raise Unreachable(type(error).__name__) from None
        finally:
            pool.close()
    raise Unreachable("too many redirects", is_final=True)


def _pool(url: str, timeout: Any) -> tuple[Any, str, str]:
    """Connect to the address that was checked, so that a name cannot change its mind."""
    import urllib3

    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Unreachable("no address", is_final=True) from None
    is_local_allowed = config.may_fetch_from_this_machine()
    if parts.scheme not in (("https", "http") if is_local_allowed else ("https",)):
        raise Unreachable("not an https address", is_final=True)
    host = parts.hostname or ""
    address = _public_address(host, port, is_local_allowed=is_local_allowed)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout), target, parts.netloc
    pool = urllib3.HTTPSConnectionPool(
        address, port, timeout=timeout, server_hostname=host, assert_hostname=host
    )
    return pool, target, parts.netloc.rpartition("@")[2]


def _public_address(host: str, port: int, *, is_local_allowed: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("no such host") from None
    for *_, where in found:
        address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if address.is_global or (is_local_allowed and address.is_loopback):
            return str(address)
    raise Unreachable("not a public address", is_final=True)


def _name_in(url: str) -> str | None:
    return unquote(urlsplit(url).path.rpartition("/")[2])[:200] or None


def _key_of(account_id: str, file_id: str) -> str:
    return f"files/{account_id}/{file_id}"
