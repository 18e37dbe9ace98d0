"""The bakery's money: a bank transfer, a bot applied for and approved, sessions, an old bot."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from demo.clock import Clock
from demo.emulator import Emulator

if TYPE_CHECKING:
    from chalicelib.audit import Actor

TRANSFERRED_MICROS = 1_500_000_000
SESSIONS_FEE_MICROS, SESSION_PRICE_MICROS = 30_000_000, 40_000
ORDERS, ORDERS_URI = "Хліб і Сіль: замовлення", "khlib-i-sil-orders"
CAFE, CAFE_URI = "Кав’ярня при пекарні", "khlib-i-sil-cafe"
CAFE_MADE_ON = date(2023, 3, 14)
BOTS = 3
FORM = {
    "has_read_terms": True,
    "first_name": "Olena",
    "last_name": "Tkachenko",
    "work_email": "olena@khlib.example",
    "country": "UA",
    "company_name": "Bread and Salt Bakery",
    "company_website": "https://khlib.example",
    "has_business_account": False,
    "company_type": "bot_owner",
    "inquiry": "We bake bread in Kyiv and want to answer our customers on Viber.",
}


class Money:
    """What the bakery has paid for, done as its people and the operator would."""

    def __init__(
        self, viber: Emulator, clock: Clock, account_id: str, *, admin: "Actor", operator: "Actor"
    ) -> None:
        self._viber = viber
        self._clock = clock
        self._account_id = account_id
        self._admin = admin
        self._operator = operator

    def pay_in(self) -> None:
        """Credit a bank transfer."""
        from chalicelib import payments

        payments.transfer(
            self._account_id,
            TRANSFERRED_MICROS,
            "KHLIB-2231",
            idempotency_key="demo-transfer",
            by=self._operator,
            now=self._clock.now(),
        )

    def commercial_bot(self, name: str, uri: str) -> Any:
        """Apply for a bot, approve it, and paste its key."""
        from chalicelib import bots, requests

        form = requests.Form(**FORM)  # type: ignore[arg-type]
        asked = requests.Application("new", None, form, "demo-request")
        request = requests.apply(self._account_id, asked, by=self._admin, now=self._clock.now())
        decided = requests.decide(
            self._account_id,
            request.request_id,
            requests.Verdict("approved"),
            by=self._operator,
            now=self._clock.now(),
        )
        key = self._viber.world.add_bot(name, uri=uri).key
        return bots.connect(
            self._account_id, key, bot_id=decided.bot_id, by=self._admin, now=self._clock.now()
        )

    def business_bot(self) -> None:
        """Make a bot of a business account, turn its sessions on, and paste its key."""
        from chalicelib import bots, requests

        by, now = self._operator, self._clock.now()
        bot = requests.make(self._account_id, ORDERS, by=by, now=now)
        terms = requests.Terms(SESSIONS_FEE_MICROS, SESSION_PRICE_MICROS)
        requests.turn_on(self._account_id, bot.bot_id, terms, by=by, now=now)
        made = self._viber.world.add_bot(ORDERS, uri=ORDERS_URI)
        # Viber's own windows are none of a business account's sessions.
        made.settings.tells_billing = False
        key = made.key
        bots.connect(self._account_id, key, bot_id=bot.bot_id, by=self._admin, now=now)

    def legacy_bot(self) -> None:
        """Connect a bot made before bots were paid for; the operator confirms its day."""
        from chalicelib import bots, requests

        now = self._clock.now() + timedelta(seconds=1)
        key = self._viber.world.add_bot(CAFE, uri=CAFE_URI).key
        bot = bots.connect(self._account_id, key, made_on=CAFE_MADE_ON, by=self._admin, now=now)
        requests.confirm(
            self._account_id, bot.bot_id, None, is_old=True, by=self._operator, now=now
        )
