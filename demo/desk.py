"""The whole desk in one process: AWS, Viber, the front door, its queues and its clock."""

import contextlib
import errno
import importlib
import logging
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from demo import aws, checkout, environment, gateway, seeds
from demo import clock as clocks
from demo.emulator import Emulator
from demo.servers import PortTaken, Server

if TYPE_CHECKING:
    from demo.pumps import Pumps

LOG = Path("build") / "demo.log"


class Demo:
    """A running desk; use it as a context manager, once per process and before chalicelib.

    The ports: 0 is any free one. Raises PortTaken before anything starts.
    seed: makes the emulator's keys, ids and tokens repeatable. is_empty: leaves out the bot and
    the talks, not the people. log: where the functions' lines go.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        phone_port: int = 0,
        clock_port: int = 0,
        checkout_port: int = 0,
        seed: int | None = None,
        is_empty: bool = False,
        log: Path = LOG,
    ) -> None:
        environment.prepare()
        self.log = log
        self._is_empty = is_empty
        self._close = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self._front = Server(port, body_max_bytes=gateway.BODY_MAX_BYTES)
            opened.callback(self._front.stop)
            self._clock_server = Server(clock_port, body_max_bytes=clocks.BODY_MAX_BYTES)
            opened.callback(self._clock_server.stop)
            self._checkout_server = Server(checkout_port, body_max_bytes=checkout.BODY_MAX_BYTES)
            opened.callback(self._checkout_server.stop)
            self.viber = _emulator(phone_port, seed)
            opened.pop_all()
        self.seeded: seeds.Seeded
        self._pumps: Pumps

    @property
    def api_url(self) -> str:
        """Give the address of the gateway, without a slash at its end."""
        return self._front.url

    @property
    def console_url(self) -> str:
        """Give the address of the console."""
        return f"{self.api_url}/console"

    @property
    def phone_url(self) -> str:
        """Give the address of the page with the phones."""
        return f"{self.viber.url}/phone"

    @property
    def clock_url(self) -> str:
        """Give the address of the page with the clock."""
        return f"{self._clock_server.url}/clock"

    @property
    def checkout_url(self) -> str:
        """Give the address of the pretend checkout, which lists what was paid."""
        return self._checkout_server.url

    @property
    def links(self) -> list[tuple[str, str]]:
        """List the pages with their titles."""
        return [
            ("Console", self.console_url),
            ("Phones", self.phone_url),
            ("Clock", self.clock_url),
            ("Payments", self.checkout_url),
            ("API", f"{self.api_url}/docs"),
        ]

    def start(self) -> Self:
        """Start everything and fill it; what fails half-way is stopped again."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything, the front first."""
        self._close.close()

    __enter__ = start

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        log_file = self._open_log()
        moto, aws_url = aws.start()
        self._close.callback(moto.stop)
        self._close.callback(self._clock_server.stop)
        self._close.callback(self._checkout_server.stop)
        self._close.callback(self._front.stop)
        environment.point_to(
            aws_url=aws_url,
            public_url=self.api_url,
            viber_api_url=self.viber.api_url,
            stripe_api_url=self.checkout_url,
        )
        # The loggers of the functions keep the stream they are made with.
        with contextlib.redirect_stdout(log_file):
            from demo.pumps import Pumps

            front_door = importlib.import_module("app")
        from chalicelib import aws as clients
        from chalicelib import config
        from tools import resources

        environment.take(resources.create_all(environment.STAGE), aws_url=aws_url)
        clients.client("sesv2").create_email_identity(EmailIdentity=environment.MAIL_FROM)
        door = gateway.Gateway(front_door.app, gateway.deployed_properties())
        self._front.start(door.answer)
        self._checkout_server.start(self._stripe().answer)
        self.viber.start()
        self._close.callback(self.viber.stop)
        self._pumps = Pumps(front_door, clients.client("sqs"), config.now)
        self._close.callback(self._pumps.stop)
        self._pumps.start_queues(config.queue_url)
        clock = clocks.Clock(config.real_now)
        self.seeded = seeds.sow(self.viber, clock, is_empty=self._is_empty)
        # What was sown late in a month has its fee due already.
        self._pumps.start_schedules(at_once=["charge_fees"])
        page = clocks.ClockPage(clock, lambda: self.links, self._jobs)
        self._clock_server.start(page.answer)

    def _stripe(self) -> checkout.PretendStripe:
        return checkout.PretendStripe(
            url=self.checkout_url,
            webhook=f"{self.api_url}/stripe",
            secret_key=environment.STRIPE_KEY,
            webhook_secret=environment.STRIPE_SECRET,
            post=checkout.posted,
        )

    def _jobs(self) -> list[dict[str, Any]]:
        return [timetable.told() for timetable in self._pumps.timetables]

    def _open_log(self) -> Any:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        log_file = self._close.enter_context(self.log.open("w", buffering=1, encoding="utf-8"))
        own = logging.StreamHandler(log_file)
        own.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root = logging.getLogger()
        root.addHandler(own)
        self._close.callback(root.removeHandler, own)
        logging.getLogger("demo").setLevel(logging.INFO)
        # moto's server logs every call, which nobody asks for.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        # One process is many containers here, with more connections than one client keeps.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        return log_file


def _emulator(port: int, seed: int | None) -> Emulator:
    def now() -> Any:
        from chalicelib import config

        return config.now()

    try:
        return Emulator(clock=now, port=port, seed=seed)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(port) from None
        raise
