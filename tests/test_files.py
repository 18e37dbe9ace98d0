"""Our copies of what Viber only lends: fetched in time, or told as lost, and never from inside."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib import aws, config, errors, fetching, files, people, store
from chalicelib.queues import Copy
from chalicelib.tables import Contact, Message
from demo.aws import mend_files
from demo.emulator.media import sample
from tests.desk import OPERATOR, Desk, Phone
from tests.fixtures_accounts import everything, rows
from tests.pump import received

# The tests' clock runs on while a job works.
A_MOMENT = timedelta(seconds=10)
PNG = b"\x89PNG\r\n\x1a\n of a bakery"


class Shop:
    """A web server that answers each path as it is told: status, headers, body."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append(self.path)
                status, headers, body = shop.pages.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def put(self, path: str, body: bytes = PNG, status: int = 200, **headers: str) -> str:
        """Serve a page; give its address."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Type": "image/png"} | told, body)
        return self.url + path


@pytest.fixture
def shop() -> Iterator[Shop]:
    found = Shop()
    yield found
    found.server.shutdown()
    found.server.server_close()


def send(desk: Desk, media: str, **more: Any) -> Phone:
    """Let a customer send a picture at this address."""
    phone = desk.phone(avatar="")
    phone.write({"type": "picture", "media": media, "text": "Ось"} | more)
    return phone


def told(desk: Desk, position: int = 0) -> dict[str, Any]:
    """Read what the thread tells of the picture's file."""
    thread = desk.thread(desk.tickets()[0]["ticket_id"])
    found: dict[str, Any] = thread[position]["file"]
    return found


def stored(desk: Desk, phone: Phone) -> Message:
    (message,) = Message.query(
        f"{desk.bot.bot_id}/{phone.subscriber_id}", Message.item.startswith("message#")
    )
    return message


def copy(desk: Desk, phone: Phone) -> str:
    message = stored(desk, phone)
    return files.copy(Copy(kind="message", key=message.key, item=message.item), now=desk.now)


@contextmanager
def as_in_production() -> Iterator[None]:
    """Take away what only the laptop allows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ALLOW_LOCAL_MEDIA")
        yield


# Copied in time.


def test_a_picture_is_copied_and_until_then_its_place_is_held(desk: Desk) -> None:
    send(desk, "/media/sample/balcony.png")
    waiting = told(desk)
    assert (waiting["state"], waiting["file_id"]) == ("copying", None)
    desk.work()
    ready = told(desk)
    picture = sample("balcony.png")
    assert (ready["state"], ready["name"]) == ("ready", "balcony.png")
    assert (ready["media_type"], ready["size_bytes"]) == ("image/png", len(picture))
    copied = desk.download(ready["file_id"])
    assert copied["Body"] == picture
    assert (copied["ContentType"], copied["ContentDisposition"]) == ("image/png", "inline")


def test_a_link_opens_for_a_quarter_of_an_hour(desk: Desk) -> None:
    send(desk, "/media/sample/balcony.png")
    desk.work()
    answer = desk.call("GET", f"/v1/files/{told(desk)['file_id']}").body
    assert (answer["media_type"], answer["size_bytes"]) == (
        "image/png",
        len(sample("balcony.png")),
    )
    ends_in = datetime.fromisoformat(answer["expires_at"]) - desk.now
    assert timedelta(minutes=14) < ends_in < timedelta(minutes=16)
    assert "X-Amz-Expires=900" in answer["url"] or "Expires=" in answer["url"]


def test_a_file_keeps_the_name_that_the_customer_gave_it(desk: Desk, shop: Shop) -> None:
    media = shop.put("/%D1%85%D0%BB%D1%96%D0%B1.pdf", Content_Type="application/pdf")
    phone = desk.phone(avatar="")
    phone.write({"type": "file", "media": media, "file_name": "Рахунок №7 🧾.pdf", "size": 9})
    phone.write({"type": "file", "media": media})
    desk.work()
    assert (told(desk)["name"], told(desk)["size_bytes"]) == ("Рахунок №7 🧾.pdf", len(PNG))
    assert told(desk, 1)["name"] == "хліб.pdf"


@pytest.mark.parametrize(
    ("media_type", "disposition"),
    [
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/xhtml+xml; charset=utf-8", "attachment"),
        ("IMAGE/JPEG", "inline"),
        ("video/mp4", "inline"),
        ("", "attachment"),
    ],
)
def test_what_a_browser_could_run_is_only_offered_as_a_download(
    desk: Desk, shop: Shop, media_type: str, disposition: str
) -> None:
    media = shop.put("/page", b"<script>alert(1)</script>", Content_Type=media_type)
    send(desk, media)
    desk.work()
    copied = desk.download(told(desk)["file_id"])
    assert copied["ContentDisposition"] == disposition
    assert copied["Body"] == b"<script>alert(1)</script>"


def test_copying_twice_does_no_harm(desk: Desk, shop: Shop) -> None:
    media = shop.put("/bread.png")
    phone = send(desk, media)
    message = stored(desk, phone)
    wanted = Copy(kind="message", key=message.key, item=message.item)
    assert copy(desk, phone) == "copied"
    first = told(desk)
    shop.put("/bread.png", b"something else")
    assert files.copy(wanted, now=desk.now) == "nothing to copy"
    desk.work()
    assert told(desk) == first
    assert desk.download(first["file_id"])["Body"] == PNG
    assert shop.asked == ["/bread.png"]
    nobodys = Copy(kind="message", key="bot_x/y", item="message#z")
    assert files.copy(nobodys, now=desk.now) == "nothing to copy"


def test_two_workers_with_one_file_end_in_one_copy(desk: Desk, shop: Shop) -> None:
    mend_files()
    phone = send(desk, shop.put("/bread.png"))
    threads = [threading.Thread(target=copy, args=(desk, phone)) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told(desk)["state"] == "ready"
    names = [each for each in everything()["files"] if "/fil_" in each]
    assert len(names) == 1


# Lost, or later.


@pytest.mark.parametrize("status", [404, 410, 403])
def test_a_link_that_has_died_is_told_as_lost_and_not_asked_for_again(
    desk: Desk, shop: Shop, status: int
) -> None:
    phone = send(desk, shop.put("/gone.png", status=status))
    assert copy(desk, phone) == "lost"
    assert (told(desk)["state"], told(desk)["file_id"]) == ("lost", None)
    assert stored(desk, phone).due_at is None
    desk.work()
    desk.wait(days=1)
    desk.run("copy_missing_files")
    assert received("copies") == []
    assert shop.asked == ["/gone.png"]


def test_a_server_in_trouble_is_asked_again_and_again_and_in_the_end_no_more(
    desk: Desk, shop: Shop
) -> None:
    phone = send(desk, shop.put("/later.png", status=503))
    desk.work()
    assert told(desk)["state"] == "copying"
    pauses: list[timedelta] = []
    while stored(desk, phone).due_at is not None:
        before, due_at = desk.now, stored(desk, phone).due_at
        assert due_at is not None
        desk.now = due_at + timedelta(seconds=1)
        desk.wait(seconds=0)
        desk.run("copy_missing_files")
        desk.work()
        pauses.append(desk.now - before)
    assert stored(desk, phone).file_state == "lost"
    assert len(shop.asked) == files.GIVE_UP_AFTER_TRIES
    assert all(later > sooner - A_MOMENT for sooner, later in pairwise(pauses))
    assert pauses[0] < timedelta(minutes=5)
    assert timedelta(hours=5) < pauses[-1] <= files.PAUSE_MAX + A_MOMENT
    desk.wait(days=1)
    desk.run("copy_missing_files")
    assert received("copies") == []


def test_what_failed_is_copied_once_its_server_is_back(desk: Desk, shop: Shop) -> None:
    media = shop.put("/back.png", status=500)
    send(desk, media)
    desk.work()
    assert told(desk)["state"] == "copying"
    shop.put("/back.png")
    desk.wait(minutes=5)
    desk.run("copy_missing_files")
    desk.work()
    assert told(desk)["state"] == "ready"
    assert desk.download(told(desk)["file_id"])["Body"] == PNG


def test_what_the_queue_lost_is_queued_again(desk: Desk) -> None:
    desk.work()
    desk.phone("Марічка").write({"type": "picture", "media": "/media/sample/balcony.png"})
    assert len(received("copies")) == 2
    assert received("copies") == []
    desk.run("copy_missing_files")
    assert received("copies") == []
    desk.wait(minutes=3)
    desk.run("copy_missing_files")
    desk.work()
    ticket = desk.ticket(desk.tickets()[0]["ticket_id"])
    assert told(desk)["state"] == "ready"
    assert ticket["contact"]["avatar_file_id"] is not None
    assert _due() == 0


def _due() -> int:
    names = ("conversations", "contacts")
    return sum("due_at" in row for name in names for row in rows(config.name_of(name)))


def test_a_picture_whose_address_is_none_of_the_web_is_lost_at_once(desk: Desk) -> None:
    desk.work()
    for media in ("ftp://example.com/a.png", "javascript:alert(1)", "C:\\фото.png"):
        phone = desk.phone(avatar="")
        desk.viber.people.write(
            phone.phone_id, "pekarnia", {"type": "picture", "media": media, "text": media}
        )
        desk.viber.dispatcher.flush()
        (ticket,) = [each for each in desk.tickets() if each["subject"] == media]
        (message,) = desk.thread(ticket["ticket_id"])
        assert message["file"]["state"] == "lost"
        assert stored(desk, phone).due_at is None
    assert received("copies") == []


def test_a_card_that_changed_but_for_its_picture_waits_for_no_copy(desk: Desk) -> None:
    phone = desk.phone("Марічка")
    phone.write("Раз")
    desk.work()
    phone.set(name="Марія")
    phone.write("Два")
    desk.work()
    assert _due() == 0
    desk.wait(hours=1)
    desk.run("copy_missing_files")
    assert received("copies") == []


def test_a_new_picture_of_a_card_has_as_many_tries_as_the_first(desk: Desk, shop: Shop) -> None:
    phone = desk.phone("Марічка", avatar=shop.put("/old.png", status=500))
    phone.write("Раз")
    (row,) = Contact.scan()
    wanted = Copy(kind="contact", key=row.key, item=None)
    desk.work()
    ends = [files.copy(wanted, now=desk.now) for _ in range(files.GIVE_UP_AFTER_TRIES - 1)]
    assert ends == ["later"] * (files.GIVE_UP_AFTER_TRIES - 2) + ["lost"]
    assert files.copy(wanted, now=desk.now) == "nothing to copy"
    phone.set(avatar=shop.put("/new.png", status=500))
    phone.write("Два")
    assert files.copy(wanted, now=desk.now) == "later"
    shop.put("/new.png")
    assert files.copy(wanted, now=desk.now) == "copied"
    assert _due() == 0
    card = store.get(Contact, row.key)
    assert card is not None
    assert desk.download(str(card.avatar_file_id))["Body"] == PNG


# Too large, too far.


def test_what_is_larger_than_we_keep_is_lost(desk: Desk, shop: Shop) -> None:
    part = bytes(1024 * 1024)
    sent = 0

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal sent
            self.send_response(200)
            self.end_headers()
            try:
                while sent < 2 * fetching.SIZE_MAX_BYTES:
                    self.wfile.write(part)
                    sent += len(part)
            except OSError:
                return

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        phone = send(desk, f"http://127.0.0.1:{server.server_port}/endless.mp4")
        assert copy(desk, phone) == "lost"
        assert told(desk)["state"] == "lost"
        assert sent < 1.5 * fetching.SIZE_MAX_BYTES
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("redirects", [0, 3])
def test_a_server_that_drips_is_cut_off_whatever_it_redirects(redirects: int) -> None:
    class Drip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int(self.path.removeprefix("/"))
            if number:
                time.sleep(0.1)
                self.send_response(302)
                self.send_header("Location", f"/{number - 1}")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b".")
                    time.sleep(0.05)
            except OSError:
                return

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    began = time.monotonic()
    try:
        url = f"http://127.0.0.1:{server.server_port}/{redirects}"
        with pytest.raises(fetching.Unreachable) as slow:
            fetching.fetch(url, io.BytesIO(), patience=lambda host: 0.6)
        assert not slow.value.is_final
        assert 0.5 < time.monotonic() - began < 2
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("host", "seconds"),
    [
        ("dl-media.viber.com", 40),
        ("media-direct.cdn.Viber.com", 40),
        ("viber.com", 40),
        ("notviber.com", 10),
        ("viber.com.example.org", 10),
        ("", 10),
    ],
)
def test_only_vibers_own_servers_may_take_their_time(host: str, seconds: int) -> None:
    assert fetching.patience(host) == seconds


def test_copies_are_queued_under_whose_files_they_are(desk: Desk) -> None:
    desk.work()
    desk.phone("Марічка").write({"type": "picture", "media": "/media/sample/balcony.png"})
    answer = aws.client("sqs").receive_message(
        QueueUrl=config.queue_url("copies"),
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["MessageGroupId"],
    )
    groups = {each["Attributes"]["MessageGroupId"] for each in answer["Messages"]}
    assert groups == {desk.bot.bot_id, desk.account_id}


def test_an_answer_that_breaks_off_is_not_taken_for_the_file(desk: Desk, shop: Shop) -> None:
    phone = send(desk, shop.put("/half.png", PNG, Content_Length="1000"))
    assert copy(desk, phone) == "later"
    assert told(desk)["state"] == "copying"


def test_redirects_are_followed_a_few_times(desk: Desk, shop: Shop) -> None:
    for number in range(3):
        shop.put(f"/r{number}", b"", 302, Location=f"/r{number + 1}")
    shop.put("/r3", PNG)
    phone = send(desk, f"{shop.url}/r0")
    assert copy(desk, phone) == "copied"
    assert desk.download(told(desk)["file_id"])["Body"] == PNG
    assert shop.asked == ["/r0", "/r1", "/r2", "/r3"]


@pytest.mark.parametrize("headers", [{"Location": "/round"}, {}])
def test_redirects_without_end_are_lost(desk: Desk, shop: Shop, headers: dict[str, str]) -> None:
    phone = send(desk, shop.put("/round", b"", 301, **headers))
    assert copy(desk, phone) == "lost"
    assert len(shop.asked) == fetching.REDIRECTS_MAX + 1


# Never from inside.


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/latest/meta-data/iam",
        "http://10.0.0.1/",
        "http://192.168.1.1/admin",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1:70/x",
        "http://127.0.0.1:99999/",
    ],
)
def test_a_redirect_into_a_private_network_or_another_scheme_is_not_followed(
    desk: Desk, shop: Shop, to: str
) -> None:
    phone = send(desk, shop.put("/out", b"", 302, Location=to))
    began = time.monotonic()
    assert copy(desk, phone) in ("lost", "later")
    assert stored(desk, phone).file_state != "ready"
    assert time.monotonic() - began < 4
    assert shop.asked == ["/out"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.64.0.1",
        "somebody@127.0.0.1",
    ],
)
def test_in_production_nothing_is_fetched_from_where_only_the_server_can_reach(
    desk: Desk, shop: Shop, host: str
) -> None:
    port = shop.server.server_port
    phone = send(desk, f"https://{host}:{port}/secret.png")
    with as_in_production():
        assert copy(desk, phone) == "lost"
    assert told(desk)["state"] == "lost"
    assert shop.asked == []


def test_in_production_nothing_is_fetched_without_encryption(desk: Desk, shop: Shop) -> None:
    phone = send(desk, shop.put("/open.png"))
    with as_in_production():
        assert copy(desk, phone) == "lost"
    assert shop.asked == []


def test_a_host_that_does_not_exist_may_exist_later(desk: Desk) -> None:
    phone = send(desk, "https://no-such-host.invalid/a.png")
    with as_in_production():
        assert copy(desk, phone) == "later"


def test_an_avatar_from_inside_is_given_up_and_the_card_stays(desk: Desk, shop: Shop) -> None:
    desk.phone("Марічка", avatar=f"https://127.0.0.1:{shop.server.server_port}/a.png").write("Раз")
    with as_in_production():
        desk.work()
    contact = desk.ticket(desk.tickets()[0]["ticket_id"])["contact"]
    assert (contact["name"], contact["avatar_file_id"], shop.asked) == ("Марічка", None, [])
    assert _due() == 0


# Whose it is.


def test_another_account_s_file_is_as_unknown_as_one_that_does_not_exist(desk: Desk) -> None:
    send(desk, "/media/sample/balcony.png")
    desk.work()
    people.make_account(
        name="Сусід",
        admin_email="ivan@example.net",
        admin_name="Іван",
        time_zone="Europe/Kyiv",
        language="uk",
        by=OPERATOR,
        now=desk.now,
    )
    file_id = told(desk)["file_id"]
    foreign = desk.call("GET", f"/v1/files/{file_id}", by="ivan@example.net")
    missing = "fil_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    unknown = desk.call("GET", f"/v1/files/{missing}", by="ivan@example.net")
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body)
    assert foreign.status == 404
    assert desk.call("GET", f"/v1/files/{file_id}").status == 200
    assert desk.call("GET", f"/v1/files/{file_id}", by="taras@example.com").status == 200
    assert desk.call("GET", f"/v1/files/{file_id}", by=None).status == 401


def test_a_file_whose_store_does_not_answer_is_not_told_as_missing(desk: Desk) -> None:
    send(desk, "/media/sample/balcony.png")
    desk.work()
    file_id = told(desk)["file_id"]
    assert files.link(desk.account_id, file_id, now=desk.now).size_bytes > 0
    with pytest.raises(errors.NotFound):
        files.link("acc_other", file_id, now=desk.now)
    events = aws.client("s3").meta.events

    def fail(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://s3")

    events.register("before-send.s3.HeadObject", fail)
    try:
        answer = desk.call("GET", f"/v1/files/{file_id}")
    finally:
        events.unregister("before-send.s3.HeadObject", fail)
    assert answer.status >= 500
