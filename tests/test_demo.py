"""The laptop's own parts: gateway, pumps, clock and what the demo says when it cannot start."""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import urllib3
from chalice.app import AuthRequest, AuthResponse, Chalice, Response, ScheduledEventConfig

from chalicelib import aws as clients
from demo.aws import mend_queues
from demo.clock import VARIABLE, Clock, ClockPage, near_month_end
from demo.gateway import BODY_MAX_BYTES, Gateway, deployed_properties
from demo.pumps import Pumps, Timetable, batches, rate_of
from demo.servers import Answer, PortTaken, Request, Server

PROJECT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def current(app: Chalice) -> Any:
    return app.current_request


def small_app() -> Chalice:
    app = Chalice(app_name="small")

    @app.authorizer()
    def guard(request: AuthRequest) -> AuthResponse:
        if request.token == "broken":
            raise RuntimeError("the authorizer is broken")
        return AuthResponse(
            routes=["*"] if request.token == "let me in" else [], principal_id="somebody"
        )

    @app.route("/echo/{word}", methods=["POST"], content_types=["*/*"])
    def echo(word: str) -> Any:
        raw = current(app).raw_body
        # Whoever else is being answered meanwhile must not change what this request is.
        time.sleep(0.02)
        given = current(app).query_params
        return {
            "word": word,
            "query": {name: given.getlist(name) for name in given},
            "body": (raw if isinstance(raw, bytes) else raw.encode()).hex(),
        }

    @app.route("/guarded", authorizer=guard)
    def guarded() -> Any:
        return {"who": current(app).context["authorizer"]["principalId"]}

    @app.route("/crash")
    def crash() -> Any:
        raise SystemError("not even Chalice catches this")

    @app.route("/cookies")
    def cookies() -> Response:
        headers: dict[str, str | list[str]] = {"Set-Cookie": ["a=1", "b=2"], "X-One": "1"}
        return Response("", status_code=204, headers=headers)

    return app


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway(small_app(), deployed_properties())


def ask(
    gateway: Gateway,
    method: str,
    target: str,
    body: bytes | None = b"",
    **headers: str,
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.answer(Request(method, target, named, body))


def problem(answer: Answer) -> Any:
    assert dict(answer.headers)["Content-Type"] == "application/problem+json"
    told = json.loads(answer.body)
    assert told["status"] == answer.status
    return told["type"].rpartition("/")[2]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_what_is_no_route_is_refused_as_the_template_says(gateway: Gateway, method: str) -> None:
    answer = ask(gateway, method, "/nothing?a=1")
    assert (answer.status, problem(answer)) == (404, "not-found")


def test_a_wrong_method_never_reaches_the_app(gateway: Gateway) -> None:
    answer = ask(gateway, "GET", "/echo/word")
    assert (answer.status, problem(answer)) == (404, "not-found")


def test_a_guarded_route_wants_a_token_that_holds(gateway: Gateway) -> None:
    nobody = ask(gateway, "GET", "/guarded")
    assert (nobody.status, problem(nobody)) == (401, "unauthorized")
    empty = ask(gateway, "GET", "/guarded", authorization="")
    assert (empty.status, problem(empty)) == (401, "unauthorized")
    stranger = ask(gateway, "GET", "/guarded", authorization="please")
    assert (stranger.status, problem(stranger)) == (401, "unauthorized")
    known = ask(gateway, "GET", "/guarded", authorization="let me in")
    assert (known.status, json.loads(known.body)) == (200, {"who": "somebody"})


def test_what_a_function_dies_of_is_a_5xx_as_the_template_says(gateway: Gateway) -> None:
    answer = ask(gateway, "GET", "/guarded", authorization="broken")
    assert (answer.status, problem(answer)) == (503, "busy")


def test_bodies_and_repeated_query_values_arrive_as_they_were_sent(gateway: Gateway) -> None:
    text = "Їжак 🦔".encode()
    answer = ask(gateway, "POST", "/echo/word?a=1&a=2&b=", text, content_type="application/json")
    told = json.loads(answer.body)
    assert told["query"] == {"a": ["1", "2"], "b": [""]}
    assert bytes.fromhex(told["body"]) == text
    raw = bytes(range(256))
    answer = ask(gateway, "POST", "/echo/word?a=1", raw, content_type="application/octet-stream")
    assert bytes.fromhex(json.loads(answer.body)["body"]) == raw


def test_a_header_may_have_several_values(gateway: Gateway) -> None:
    answer = ask(gateway, "GET", "/cookies")
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert (answer.status, answer.body) == (204, b"")


def test_requests_at_the_same_time_do_not_mix(gateway: Gateway) -> None:
    seen: list[tuple[str, str]] = []

    def one(word: str) -> None:
        answer = ask(gateway, "POST", f"/echo/{word}?w={word}", word.encode())
        told = json.loads(answer.body)
        seen.append((word, told["query"]["w"][0] + bytes.fromhex(told["body"]).decode()))

    threads = [threading.Thread(target=one, args=(f"w{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted((f"w{n}", f"w{n}w{n}") for n in range(20))


def test_too_many_requests_a_second_are_throttled() -> None:
    seconds = 0.0
    limits = {"MethodSettings": [{"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 2}]}
    properties = {**deployed_properties(), **limits}
    gateway = Gateway(small_app(), properties, tick=lambda: seconds)
    assert [ask(gateway, "GET", "/cookies").status for _ in range(3)] == [204, 204, 429]
    seconds = 1.0
    assert ask(gateway, "GET", "/cookies").status == 204
    refused = ask(gateway, "GET", "/cookies")
    assert problem(refused) == "too-many-requests"
    assert dict(refused.headers)["Retry-After"] == "5"


def test_more_than_the_gateway_takes_is_413_and_the_next_request_is_served(
    gateway: Gateway,
) -> None:
    server = Server(0, body_max_bytes=BODY_MAX_BYTES)
    server.start(gateway.answer)
    try:
        with urllib3.PoolManager(retries=False, timeout=10) as http:
            url = f"{server.url}/echo/word?a=1"
            answer = http.request("POST", url, body=bytes(BODY_MAX_BYTES + 1))
            assert (answer.status, answer.json()["status"]) == (413, 413)
            assert http.request("POST", url, body=b"small").status == 200
            head = http.request("HEAD", f"{server.url}/cookies")
            assert (head.status, head.data) == (404, b"")
            chunked = http.request("POST", url, body=iter([b"a", b"b"]), chunked=True)
            assert (chunked.status, chunked.json()["status"]) == (400, 400)
    finally:
        server.stop()


# The clock.


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv(VARIABLE, "0")
    return Clock(lambda: NOW)


@pytest.mark.parametrize(
    ("now", "goal"),
    [
        ("2026-11-20T12:00", "2026-11-26T00:00"),
        ("2026-11-26T00:00", "2026-12-27T00:00"),
        ("2026-12-31T23:59", "2027-01-27T00:00"),
        ("2028-02-10T09:00", "2028-02-25T00:00"),
        # The clocks change on 28 March 2027; midnight stays midnight.
        ("2027-03-15T09:00", "2027-03-27T00:00"),
    ],
)
def test_five_days_before_a_month_ends_is_by_the_calendar_of_kyiv(now: str, goal: str) -> None:
    kyiv = ZoneInfo("Europe/Kyiv")
    at = near_month_end(datetime.fromisoformat(now).replace(tzinfo=kyiv).astimezone(UTC))
    assert at.astimezone(kyiv) == datetime.fromisoformat(goal).replace(tzinfo=kyiv)
    assert at.tzinfo is UTC


def test_the_clock_moves_from_its_page_and_comes_back(clock: Clock) -> None:
    page = ClockPage(clock, lambda: [("Console", "http://127.0.0.1:1/console")], list)

    def post(**move: Any) -> Any:
        sent = {"content-type": "application/json"}
        body = json.dumps(move).encode()
        answer = page.answer(Request("POST", "/clock/state", sent, body))
        return answer.status, json.loads(answer.body)

    status, told = post(ahead_seconds=3600)
    assert (status, told["now"]) == (200, "2026-11-20T11:00:00.000Z")
    assert told["kyiv"] == "2026-11-20T13:00:00.000+02:00"
    assert os.environ[VARIABLE] == "3600"
    assert post(to="month-end")[1]["kyiv"] == "2026-11-26T00:00:00.000+02:00"
    assert post(to="real")[1]["ahead_seconds"] == 0
    assert post(to="yesterday")[0] == 400
    assert post(ahead_seconds=10**18)[0] == 400
    assert post(sooner=1)[0] == 400
    assert clock.now() == NOW


def test_the_clock_is_never_set_to_a_moment_of_the_day_before(clock: Clock) -> None:
    late = Clock(lambda: NOW + timedelta(seconds=0.7))
    late.go_near_month_end()
    assert late.now() == datetime(2026, 11, 25, 22, 0, 0, 700_000, tzinfo=UTC)
    late.go_near_month_end()
    assert late.now() == datetime(2026, 12, 26, 22, 0, 0, 700_000, tzinfo=UTC)


def test_another_sites_form_cannot_move_the_clock(clock: Clock) -> None:
    page = ClockPage(clock, list, list)
    sent = {"content-type": "text/plain"}
    answer = page.answer(Request("POST", "/clock/state", sent, b'{"ahead_seconds": 60}'))
    assert (answer.status, clock.now()) == (415, NOW)


@pytest.mark.parametrize("path", ["/clock", "/clock/", "/clock/clock.js", "/clock/clock.css"])
def test_the_clocks_page_forbids_inline_script(clock: Clock, path: str) -> None:
    answer = ClockPage(clock, list, list).answer(Request("GET", path, {}, b""))
    policy = dict(answer.headers)["Content-Security-Policy"]
    assert answer.status == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


# Schedules and queues.


def test_a_schedule_runs_at_its_rate_and_once_after_a_jump() -> None:
    timetable = Timetable("sweep", MINUTE, NOW)
    assert not timetable.takes(NOW + timedelta(seconds=59))
    assert timetable.takes(NOW + MINUTE)
    assert not timetable.takes(NOW + MINUTE)
    month_later = NOW + timedelta(days=30)
    assert timetable.takes(month_later)
    assert not timetable.takes(month_later + timedelta(seconds=1))


def test_a_schedule_goes_on_after_the_clock_went_back() -> None:
    timetable = Timetable("sweep", MINUTE, NOW + timedelta(days=30))
    assert not timetable.takes(NOW)
    assert timetable.takes(NOW + MINUTE)


def test_the_demo_understands_every_schedule_of_the_front_door() -> None:
    from app import app

    schedules = [each for each in app.event_sources if isinstance(each, ScheduledEventConfig)]
    assert schedules
    for each in schedules:
        assert rate_of(each.schedule_expression) >= MINUTE
    with pytest.raises(ValueError, match="rates only"):
        rate_of("cron(0 1 * * ? *)")


def test_a_batch_holds_one_group_in_its_order() -> None:
    records = [
        {"attributes": {"MessageGroupId": group}, "body": n} for n, group in enumerate("abab")
    ]
    assert [[record["body"] for record in batch] for batch in batches(records)] == [[0, 2], [1, 3]]


@pytest.fixture
def worked(aws: None) -> Iterator["Worked"]:
    mend_queues()
    worked = Worked()
    yield worked
    worked.pumps.stop()


class Worked:
    """A front door whose one queue function notes what it gets."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.tries: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.most_running = 0
        self.lock = threading.Lock()
        app = Chalice(app_name="front")
        door = types.SimpleNamespace(app=app)

        @app.on_sqs_message(queue="viberdesk-outgoing.fifo", name="send", batch_size=10)
        def send(event: Any) -> Any:
            return self._send(event.to_dict()["Records"])

        door.send = send
        self.pumps = Pumps(door, clients.client("sqs"), lambda: NOW)  # type: ignore[arg-type]
        self.pumps.start_queues(lambda name: os.environ[f"{name.upper()}_QUEUE_URL"])

    def put(self, group: str, body: str) -> None:
        clients.client("sqs").send_message(
            QueueUrl=os.environ["OUTGOING_QUEUE_URL"],
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}/{body}",
        )

    def sees(self, count: int) -> None:
        end = time.monotonic() + 10
        while len(self.seen) < count and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)

    def _send(self, records: list[dict[str, Any]]) -> Any:
        (group,) = {record["attributes"]["MessageGroupId"] for record in records}
        with self.lock:
            self.running[group] += 1
            self.most_running = max(self.most_running, self.running[group])
        failed = []
        for record in records:
            self.tries[record["body"]] += 1
            time.sleep(0.3 if "slow" in record["body"] else 0.01)
            if "bad" in record["body"]:
                failed.append({"itemIdentifier": record["messageId"]})
            self.seen.append(record["body"])
        with self.lock:
            self.running[group] -= 1
        return {"batchItemFailures": failed}


def test_groups_go_side_by_side_and_each_keeps_its_order(worked: Worked) -> None:
    worked.put("a", "a1 slow")
    time.sleep(0.15)
    for number in range(2, 6):
        worked.put("a", f"a{number}")
        worked.put("b", f"b{number}")
    worked.sees(9)
    assert [body for body in worked.seen if body[0] == "a"] == ["a1 slow", "a2", "a3", "a4", "a5"]
    assert [body for body in worked.seen if body[0] == "b"] == ["b2", "b3", "b4", "b5"]
    assert worked.seen.index("b2") < worked.seen.index("a1 slow")
    assert worked.most_running == 1


def test_what_was_worked_off_is_gone_and_what_failed_stays(worked: Worked) -> None:
    worked.put("a", "good")
    worked.put("b", "bad")
    worked.sees(2)
    counted = clients.client("sqs").get_queue_attributes(
        QueueUrl=os.environ["OUTGOING_QUEUE_URL"], AttributeNames=["All"]
    )["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "0"
    assert counted["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert worked.tries == {"good": 1, "bad": 1}


# Starting and stopping.


def test_a_port_is_held_from_the_start() -> None:
    server = Server(0, body_max_bytes=1)
    taken = int(server.url.rpartition(":")[2])
    with pytest.raises(PortTaken):
        Server(taken, body_max_bytes=1)
    server.stop()


def test_a_taken_port_is_named_and_another_is_suggested() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_demo("--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"Port {port} is taken" in ended.stderr
    assert "make demo DEMO='--port 0'" in ended.stderr


@pytest.mark.parametrize("port", ["65536", "-1", "eighty"])
def test_what_is_no_port_is_refused(port: str) -> None:
    ended = run_demo(f"--port={port}")
    assert ended.returncode == 2
    assert "0 to 65532" in ended.stderr


def test_the_start_can_be_read_by_an_old_python_which_is_told_what_it_lacks() -> None:
    source = (PROJECT / "demo" / "__main__.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 5))
    guard = next(each for each in tree.body if isinstance(each, ast.If))
    told = ast.unparse(guard)
    assert "sys.version_info < (3, 11)" in told
    assert "Python 3.11 or newer" in told
    imports = [each for each in tree.body if isinstance(each, ast.ImportFrom)]
    assert all(each.lineno > guard.lineno for each in imports)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_starts_signs_people_in_and_stops_when_told(number: int, tmp_path: Path) -> None:
    more = ["--log", str(tmp_path / "demo.log")]
    if number == signal.SIGTERM:
        more.append("--empty")
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--port", "0", "--json", *more],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as demo:
        try:
            assert demo.stdout is not None
            told = json.loads(demo.stdout.readline())
            someone = told["sign_ins"][0]
            with urllib3.PoolManager(retries=False, timeout=10) as http:
                answer = http.request(
                    "POST",
                    f"{told['api_url']}/v1/sign-in",
                    json={"email": someone["email"], "password": someone["password"]},
                )
            assert answer.json()["access_token"]
            assert "POST /v1/sign-in 200" in (tmp_path / "demo.log").read_text(encoding="utf-8")
            begun = time.monotonic()
            demo.send_signal(number)
            assert demo.wait(timeout=30) == 0
            assert time.monotonic() - begun < 2
        finally:
            demo.kill()


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
