import datetime as dt
import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chalicelib.viber import (
    Client,
    FailedReceiver,
    NoAnswer,
    NotConnected,
    Online,
    Refused,
    Sent,
    Unknown,
    WebhookSet,
)
from chalicelib.viber.transport import PooledTransport

KEY = "44dafb7e0f40021e-61a47a1e6778d187-f2c5a676a07050b3"
RECEIVER = "qW3rT5yU7i/9+oPaSdFgHg=="
TOKEN = 5741203984410958213
PAYLOAD = {"type": "text", "text": "Привіт 👋"}
BASE_URL = "https://chatapi.viber.example/pa"


class FakeTransport:
    def __init__(self, http_status: int = 200, answer: Any = None) -> None:
        self.http_status = http_status
        self.answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.requests: list[tuple[str, str, Any, dict[str, str], tuple[float, float]]] = []

    def request(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout: tuple[float, float],
    ) -> tuple[int, bytes]:
        self.requests.append((method, url, json.loads(body), headers, timeout))
        return self.http_status, self.answer


class BrokenTransport:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def request(self, *_: Any) -> tuple[int, bytes]:
        raise self.error


def client_of(answer: Any, http_status: int = 200) -> tuple[Client, FakeTransport]:
    http = FakeTransport(http_status, answer)
    return Client(KEY, base_url=BASE_URL, http=http), http


def ok(**fields: Any) -> dict[str, Any]:
    return {"status": 0, "status_message": "ok", **fields}


def test_a_message_goes_out_with_the_key_in_a_header_only() -> None:
    client, http = client_of(ok(message_token=TOKEN, billing_status=5, chat_hostname="SN-CHAT-02_"))
    sent = client.send_message(RECEIVER, PAYLOAD)
    assert sent == Sent(token=str(TOKEN), billing_status=5, chat_hostname="SN-CHAT-02_")
    assert http.requests == [
        (
            "POST",
            f"{BASE_URL}/send_message",
            {"receiver": RECEIVER, **PAYLOAD},
            {"Content-Type": "application/json", "X-Viber-Auth-Token": KEY},
            (3.05, 10),
        )
    ]
    assert KEY not in repr(client)


@pytest.mark.parametrize("token", [5058590812907389764, "5058590812907389764"])
def test_the_token_of_a_sent_message_keeps_every_digit(token: Any) -> None:
    client, _ = client_of(ok(message_token=token, billing_status="1"))
    assert client.send_message(RECEIVER, PAYLOAD) == Sent(
        token="5058590812907389764", billing_status=1
    )


@pytest.mark.parametrize(
    ("answer", "http_status", "status"),
    [
        ({"status": 6, "status_message": "notSubscribed"}, 200, 6),
        ({"status": "12", "status_message": "Too many requests"}, 200, 12),
        ({"status": 77}, 200, 77),
        ({"status": 2, "status_message": "missing_auth_token"}, 401, 2),
        ({"status": 0, "message_token": 1}, 404, None),
        ({"timestamp": 1, "status": 404, "error": "Not Found"}, 404, None),
        (b"<html>", 403, None),
        (b"", 429, 12),
        ({"message": "slow down"}, 429, 12),
    ],
)
def test_what_viber_did_not_take_is_refused(
    answer: Any, http_status: int, status: int | None
) -> None:
    client, _ = client_of(answer, http_status)
    with pytest.raises(Refused) as refusal:
        client.send_message(RECEIVER, PAYLOAD)
    assert (refusal.value.status, refusal.value.http_status) == (status, http_status)
    assert refusal.value.words
    assert KEY not in f"{refusal.value!r} {refusal.value}"


@pytest.mark.parametrize(
    ("answer", "http_status"),
    [
        (b"<html>", 500),
        ({"status": 3, "status_message": "badData"}, 503),
        ({"status": 0, "message_token": 1}, 502),
        (b"", 200),
        (b"<html>ok</html>", 200),
        ([1], 200),
        (b'{"status":0,"message_token":' + b"[" * 9000, 200),
        ({}, 200),
        ({"status": None, "message_token": 1}, 200),
        ({"status": True, "message_token": 1}, 200),
        ({"status": "fine", "message_token": 1}, 200),
        ({"status": 0}, 200),
        ({"status": 0, "message_token": None}, 200),
        ({"status": 0, "message_token": ""}, 200),
        (b"", 302),
        ({"status": 0, "message_token": 1}, 302),
    ],
)
def test_what_viber_may_have_taken_is_unknown(answer: Any, http_status: int) -> None:
    client, _ = client_of(answer, http_status)
    with pytest.raises(Unknown) as doubt:
        client.send_message(RECEIVER, PAYLOAD)
    assert doubt.value.reason


def test_no_connection_is_refused_and_no_answer_is_unknown() -> None:
    client = Client(KEY, base_url=BASE_URL, http=BrokenTransport(NotConnected("DNS")))
    with pytest.raises(Refused) as refusal:
        client.send_message(RECEIVER, PAYLOAD)
    assert (refusal.value.status, refusal.value.http_status) == (None, 0)
    assert "could not be reached" in refusal.value.words
    client = Client(KEY, base_url=BASE_URL, http=BrokenTransport(NoAnswer("reset")))
    with pytest.raises(Unknown, match="reset"):
        client.send_message(RECEIVER, PAYLOAD)


@pytest.mark.parametrize("key", ["", "ключ-без-латини", "abc\r\ndef", "abc def"])
def test_a_key_that_cannot_travel_is_refused_without_being_shown(key: str) -> None:
    http = FakeTransport(200, ok())
    with pytest.raises(Refused) as refusal:
        Client(key, base_url=BASE_URL, http=http).get_account_info()
    assert refusal.value.status == 2
    assert not key or key not in str(refusal.value)
    assert http.requests == []


def test_blanks_pasted_around_a_key_do_no_harm() -> None:
    http = FakeTransport(200, ok(id="pa:1"))
    Client(f" {KEY}\n", base_url=BASE_URL + "/", http=http).get_account_info()
    _, url, _, headers, _ = http.requests[0]
    assert url == f"{BASE_URL}/get_account_info"
    assert headers["X-Viber-Auth-Token"] == KEY


def test_a_body_json_cannot_hold_is_refused_unsent() -> None:
    client, http = client_of(ok(message_token=1))
    with pytest.raises(Refused) as refusal:
        client.send_message(RECEIVER, {"text": "\ud83d"})
    assert refusal.value.status == 3
    assert http.requests == []


def test_a_webhook_is_set_with_all_events_unless_some_are_named() -> None:
    client, http = client_of(ok(event_types=["message", "seen", 7], chat_hostname="SN-1_"))
    assert client.set_webhook("https://desk.example/viber/1") == WebhookSet(
        event_types=["message", "seen"], chat_hostname="SN-1_"
    )
    client.set_webhook("https://d/", event_types=[], send_name=False, send_photo=False)
    client.remove_webhook()
    assert [body for _, _, body, _, _ in http.requests] == [
        {"url": "https://desk.example/viber/1", "send_name": True, "send_photo": True},
        {"url": "https://d/", "send_name": False, "send_photo": False, "event_types": []},
        {"url": ""},
    ]


@pytest.mark.parametrize(
    ("status_message", "said"),
    [
        (
            "javax.net.ssl.SSLHandshakeException: sun.security.validator.ValidatorException: PKIX"
            " path building failed",
            "certificate",
        ),
        ("java.net.UnknownHostException: desk.example", "DNS"),
        ("java.net.SocketTimeoutException: Read timed out", "in time"),
        ("java.net.ConnectException: Connection refused", "cannot connect"),
        ("Result from webhook: HttpStatus: 401", "HTTP 200"),
        ("invalidUrl", "webhook address"),
        (None, "webhook address"),
    ],
)
def test_a_refused_webhook_says_what_to_repair(status_message: str | None, said: str) -> None:
    client, _ = client_of({"status": 1, "status_message": status_message})
    with pytest.raises(Refused) as refusal:
        client.set_webhook("https://desk.example/viber/1")
    assert said in refusal.value.words
    assert "java" not in refusal.value.words


def test_account_info_is_read_with_whatever_is_missing() -> None:
    client, _ = client_of(ok(id="pa:75346594275468546724", uri="shop", name="Магазин"))
    found = client.get_account_info()
    assert (found.id, found.uri, found.name, found.event_types) == (
        "pa:75346594275468546724",
        "shop",
        "Магазин",
        [],
    )
    client, _ = client_of(
        ok(
            id="pa:1",
            webhook="https://d/",
            event_types=["message"],
            subscribers_count="35",
            category={"odd": 1},
        )
    )
    found = client.get_account_info()
    assert (found.webhook, found.event_types, found.subscribers_count, found.category) == (
        "https://d/",
        ["message"],
        35,
        None,
    )
    client, _ = client_of(ok())
    with pytest.raises(Unknown):
        client.get_account_info()


def test_user_details_are_read_with_whatever_is_missing() -> None:
    client, http = client_of(ok(user={"id": RECEIVER, "api_version": "10", "mcc": 255}))
    found = client.get_user_details(RECEIVER)
    assert (found.id, found.api_version, found.mcc, found.name) == (RECEIVER, 10, 255, None)
    assert http.requests[0][2] == {"id": RECEIVER}
    client, _ = client_of(ok(user=None))
    with pytest.raises(Unknown):
        client.get_user_details(RECEIVER)


def test_online_is_asked_for_at_most_100() -> None:
    users = [
        {
            "id": "a",
            "online_status": 1,
            "online_status_message": "offline",
            "last_online": 1457764197627,
        },
        {"id": "b", "online_status": "4"},
        {"id": "c"},
        None,
    ]
    client, http = client_of(ok(users=users))
    assert client.get_online(["a"] * 100) == [
        Online(
            id="a",
            online_status=1,
            online_status_message="offline",
            last_online_ms=1457764197627,
        ),
        Online(id="b", online_status=4),
    ]
    with pytest.raises(ValueError, match="at most 100"):
        client.get_online(["a"] * 101)
    assert client.get_online([]) == []
    assert len(http.requests) == 1


def test_a_broadcast_goes_to_at_most_300_and_names_who_was_refused() -> None:
    failed = [{"receiver": "a", "status": 6, "status_message": "Not subscribed"}, {}, "b"]
    client, http = client_of(ok(message_token=TOKEN, billing_status=1, failed_list=failed))
    sent = client.broadcast_message(["a"] * 300, PAYLOAD)
    assert (sent.token, sent.billing_status) == (str(TOKEN), 1)
    assert sent.failed == [FailedReceiver(receiver="a", status=6, message="Not subscribed")]
    assert http.requests[0][2] == {"broadcast_list": ["a"] * 300, **PAYLOAD}
    for receivers in ([], ["a"] * 301):
        with pytest.raises(ValueError, match="1 to 300"):
            client.broadcast_message(receivers, PAYLOAD)
    client, _ = client_of(ok())
    with pytest.raises(Unknown):
        client.broadcast_message(["a"], PAYLOAD)


class Viber(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, bytes]]] = []
    ports: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["X-Viber-Auth-Token"], body))
        self.ports.append(self.client_address[1])
        match self.path.split("/")[1]:
            case "ok":
                self.answer(200, json.dumps(ok(message_token=TOKEN)).encode())
            case "slow":
                time.sleep(0.6)
                self.answer(200, json.dumps(ok(message_token=TOKEN)).encode())
            case "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                self.close_connection = True
            case "half":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
                self.close_connection = True
            case "garbage":
                self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
                self.close_connection = True
            case "elsewhere":
                self.send_response(307)
                self.send_header("Location", "/ok/send_message")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case status:
                self.answer(int(status), b"<html>")

    def answer(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = QuietServer(("127.0.0.1", 0), Viber)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def viber() -> Iterator[str]:
    with serving() as host:
        yield f"http://{host}"


@pytest.fixture
def http() -> Iterator[PooledTransport]:
    transport = PooledTransport()
    yield transport
    transport.close()


def send(base_url: str, http: PooledTransport, **timeouts: float) -> Sent:
    client = Client(KEY, base_url=base_url, http=http, **timeouts)
    return client.send_message(RECEIVER, PAYLOAD)


def test_a_message_arrives_over_a_real_connection(viber: str, http: PooledTransport) -> None:
    assert send(f"{viber}/ok", http).token == str(TOKEN)
    assert send(f"{viber}/ok", http).token == str(TOKEN)
    path, key, body = Viber.seen[-1]
    assert (path, key) == ("/ok/send_message", KEY)
    assert "Привіт 👋".encode() in body


def test_connections_are_kept_open_but_not_used_after_a_long_sleep(viber: str) -> None:
    seconds = iter([0, 5, 25, 46])
    http = PooledTransport(lambda: next(seconds))
    for _ in range(3):
        send(f"{viber}/ok", http)
    http.close()
    first, second, third = Viber.ports[-3:]
    assert first == second != third


def test_the_process_s_own_connections_are_the_default(viber: str) -> None:
    client = Client(KEY, base_url=f"{viber}/ok")
    assert client.send_message(RECEIVER, PAYLOAD).token == str(TOKEN)


@pytest.mark.parametrize("case", ["reset", "half", "garbage", "500", "503", "elsewhere", "200"])
def test_a_real_answer_that_cannot_be_trusted_is_unknown_and_not_tried_again(
    viber: str, http: PooledTransport, case: str
) -> None:
    before = len(Viber.seen)
    with pytest.raises(Unknown):
        send(f"{viber}/{case}", http)
    assert len(Viber.seen) == before + 1


def test_a_read_time_out_is_unknown(viber: str, http: PooledTransport) -> None:
    with pytest.raises(Unknown, match="ReadTimeoutError"):
        send(f"{viber}/slow", http, read_timeout_seconds=0.1)


@pytest.mark.parametrize(("case", "status"), [("404", None), ("401", None), ("429", 12)])
def test_a_real_4xx_is_refused(
    viber: str, http: PooledTransport, case: str, status: int | None
) -> None:
    with pytest.raises(Refused) as refusal:
        send(f"{viber}/{case}", http)
    assert (refusal.value.status, refusal.value.http_status) == (status, int(case))


def test_a_closed_port_is_refused(http: PooledTransport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(Refused, match="NewConnectionError"):
        send(f"http://127.0.0.1:{port}", http)


@pytest.mark.parametrize("base_url", ["http://viber.invalid", "http://[::1", "https://"])
def test_an_address_that_leads_nowhere_is_refused(base_url: str, http: PooledTransport) -> None:
    with pytest.raises(Refused) as refusal:
        send(base_url, http)
    assert refusal.value.status is None


def test_a_connect_time_out_is_refused(http: PooledTransport) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):
            knock = socket.socket()
            knock.setblocking(False)
            knock.connect_ex(full.getsockname())
            waiting.append(knock)
        port = full.getsockname()[1]
        with pytest.raises(Refused, match="ConnectTimeoutError"):
            send(f"http://127.0.0.1:{port}", http, connect_timeout_seconds=0.1)
        for knock in waiting:
            knock.close()


def test_a_certificate_nobody_trusts_is_refused_before_anything_is_sent(
    tmp_path: Path, http: PooledTransport
) -> None:
    before = len(Viber.seen)
    with serving(self_signed(tmp_path)) as host, pytest.raises(Refused, match="SSLError"):
        send(f"https://{host}/ok", http)
    assert len(Viber.seen) == before


def self_signed(folder: Path) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_importing_the_package_loads_neither_http_nor_widths() -> None:
    import subprocess
    import sys

    code = "import sys, chalicelib.viber; print({'urllib3', 'wcwidth', 'ssl'} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert shown.stdout.strip() == "set()"
