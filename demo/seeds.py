"""What a newcomer finds: a bakery with its people, a bot, phones, and talks that really happened.

The talks are written on the phones, so every callback of theirs was signed, and answered
through the queues; the business clock stands in the past while they happen.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from demo.clock import Clock
from demo.emulator import Emulator
from demo.emulator.records import Profile
from demo.money import ORDERS_URI, Money

if TYPE_CHECKING:
    from chalicelib.audit import Actor

ACCOUNT = "Пекарня «Хліб і Сіль»"
PASSWORD = "bread-and-salt-1991"
BOT_URI = "khlib-i-sil"
WELCOME = "Вітаємо в пекарні «Хліб і Сіль»! 🥖 Пишіть, що бажаєте, і ми відповімо за кілька хвилин."
OKSANA = Profile(name="Оксана Гнатюк", country="UA", language="uk-UA", phone_number="380671234567")
MARKO = Profile(
    name="Марко Лисенко",
    country="UA",
    language="uk-UA",
    phone_number="380501112233",
    auto_read=True,
)
BOHDAN = Profile(name="Богдан Савчук", country="UA", language="uk-UA", auto_read=True)
NINO = Profile(
    name="Nino Beridze", country="GE", language="en-GB", phone_number="995599123456", devices=2
)
SETTLED_WITHIN_SECONDS = 10.0
PRICES_MICROS = {
    "AM": 13_800,
    "BY": 13_800,
    "DE": 18_900,
    "GE": 11_500,
    "RU": 19_600,
    "UA": 19_600,
}
PRICE_ELSEWHERE_MICROS = 20_000


@dataclass(frozen=True)
class SignIn:
    """Somebody who may sign in to the console."""

    role: str
    name: str
    email: str
    password: str = PASSWORD


SIGN_INS = (
    SignIn("admin", "Олена Ткаченко", "olena@khlib.example"),
    SignIn("agent", "Тарас Бондар", "taras@khlib.example"),
    SignIn("agent", "Соломія Коваль", "solomiia@khlib.example"),
    SignIn("operator", "Ігор Мельник", "operator@viberdesk.example"),
)


@dataclass(frozen=True)
class Seeded:
    """What was made: the account, its bot at Viber, who may sign in."""

    account_id: str
    bot_id: str | None
    bot_uri: str | None
    sign_ins: tuple[SignIn, ...] = SIGN_INS


def sow(viber: Emulator, clock: Clock, *, is_empty: bool) -> Seeded:
    """Make the people, and unless it shall be empty the bot, the phones and the talks."""
    account_id, actors = _make_people(clock)
    if is_empty:
        return Seeded(account_id, None, None)
    bot_id = _connect_bots(viber, clock, account_id, actors)
    talks = _Talks(viber, clock, account_id)
    talks.oksana_asked_yesterday(actors["Тарас Бондар"])
    talks.marko_ordered_a_cake(actors["Соломія Коваль"])
    talks.bohdan_ordered_bread(actors["Соломія Коваль"])
    talks.nino_waits()
    return Seeded(account_id, bot_id, BOT_URI)


def _make_people(clock: Clock) -> tuple[str, dict[str, "Actor"]]:
    from chalicelib import people, tariffs
    from chalicelib.audit import Actor

    admin, *agents, operator = SIGN_INS
    now = clock.now() - timedelta(days=3)
    staff = people.make_operator(email=operator.email, name=operator.name, now=now)
    by = Actor(staff.person_id, staff.name)
    tariffs.make_price_list(PRICES_MICROS.items(), PRICE_ELSEWHERE_MICROS, None, by=by, now=now)
    account = people.make_account(
        name=ACCOUNT,
        admin_email=admin.email,
        admin_name=admin.name,
        time_zone="Europe/Kyiv",
        language="uk",
        by=by,
        now=now,
    )
    account_id = str(account.account_id)
    first = people.people(account_id, limit=1, cursor=None)[0][0]
    actors = {"admin": Actor(first.person_id, first.name), "operator": by}
    for agent in agents:
        person = people.invite(
            account_id,
            email=agent.email,
            name=agent.name,
            role=agent.role,
            by=actors["admin"],
            now=now,
        )
        actors[agent.name] = Actor(person.person_id, person.name)
    _set_passwords()
    return account_id, actors


def _set_passwords() -> None:
    from chalicelib import aws, config

    for one in SIGN_INS:
        aws.client("cognito-idp").admin_set_user_password(
            UserPoolId=config.user_pool_id(),
            Username=one.email,
            Password=one.password,
            Permanent=True,
        )


def _connect_bots(
    viber: Emulator, clock: Clock, account_id: str, actors: dict[str, "Actor"]
) -> str:
    from chalicelib import bots

    clock.set(-timedelta(days=2))
    admin = actors["admin"]
    money = Money(viber, clock, account_id, admin=admin, operator=actors["operator"])
    money.pay_in()
    bot = money.commercial_bot(ACCOUNT, BOT_URI)
    bots.change_settings(bot, {"welcome_text": WELCOME}, by=admin, now=clock.now())
    money.business_bot()
    money.legacy_bot()
    clock.set(timedelta())
    return str(bot.bot_id)


class _Talks:
    """Talks of the last days, told in the order in which they happened."""

    def __init__(self, viber: Emulator, clock: Clock, account_id: str) -> None:
        self._viber = viber
        self._clock = clock
        self._account_id = account_id

    def oksana_asked_yesterday(self, agent: "Actor") -> None:
        phone_id = self._viber.world.add_phone(OKSANA).id
        self._write(phone_id, "Добрий день! Чи є у вас хліб без глютену?", hours=-26)
        ticket_id = self._ticket()
        self._reply(
            ticket_id,
            "Добрий день, Оксано! Так: гречаний щодня після 10:00, кукурудзяний у середу. 🌾",
            by=agent,
            hours=-25.9,
        )
        self._write(phone_id, "Чудово, дякую! Зайду по гречаний 😊", hours=-25.8)
        self._viber.people.read(phone_id, BOT_URI)
        self._change(ticket_id, agent, status="done")

    def marko_ordered_a_cake(self, agent: "Actor") -> None:
        phone_id = self._viber.world.add_phone(MARKO).id
        self._write(phone_id, "Вітаю! Потрібен торт на суботу, на вісім людей 🎂", hours=-3)
        self._write(
            phone_id,
            {"type": "picture", "media": "/media/sample/balcony.png", "text": "Ось такий краєвид"},
            hours=-2.98,
        )
        ticket_id = self._ticket()
        self._reply(
            ticket_id,
            "Постійний клієнт: знижка 5 %. Марципан беремо в «Солодкого краю».",
            by=agent,
            hours=-2.9,
            notify=False,
        )
        self._reply(
            ticket_id,
            "Намалюємо марципаном! Коржі медові чи шоколадні?",
            "Доставка по місту безкоштовна.",
            by=agent,
            hours=-2.85,
        )
        self._write(phone_id, "Медові. Привезіть, будь ласка, сюди:", hours=-2.8)
        place = {"type": "location", "location": {"lat": 50.4628, "lon": 30.5194}}
        self._write(phone_id, place, hours=-2.79)
        self._change(ticket_id, agent, status="in_work")

    def bohdan_ordered_bread(self, agent: "Actor") -> None:
        phone_id = self._viber.world.add_phone(BOHDAN).id
        self._write(phone_id, "Добрий день! Десять буханок на завтра.", hours=-1, uri=ORDERS_URI)
        self._reply(self._ticket(), "Прийняли, привеземо о восьмій.", by=agent, hours=-0.9)

    def nino_waits(self) -> None:
        phone_id = self._viber.world.add_phone(NINO).id
        self._write(phone_id, "Hello! Do you deliver khachapuri to Podil? 🧀", hours=-0.3)
        self._clock.set(timedelta())

    def _write(
        self, phone_id: str, said: str | dict[str, Any], *, hours: float, uri: str = BOT_URI
    ) -> None:
        self._clock.set(timedelta(hours=hours))
        content = {"type": "text", "text": said} if isinstance(said, str) else said
        self._viber.people.write(phone_id, uri, content)
        self._settle()

    def _reply(
        self, ticket_id: str, *texts: str, by: "Actor", hours: float, notify: bool = True
    ) -> None:
        from chalicelib import delivery
        from chalicelib.viber import content

        self._clock.set(timedelta(hours=hours))
        parts = [content.Text(text=text) for text in texts]
        wanted = delivery.Reply(ticket_id, parts, notify, str(uuid.uuid4()))
        delivery.reply(self._account_id, wanted, by=by, now=self._clock.now())
        if notify:
            self._change(ticket_id, by, assignee_id=by.actor_id)
            self._await_delivery(texts[-1])

    def _await_delivery(self, text: str) -> None:
        world = self._viber.world
        with world.changed:
            is_there = world.changed.wait_for(
                lambda: any(
                    message.author == "bot" and message.content.get("text") == text
                    for chat in world.chats.values()
                    for message in chat.messages
                ),
                SETTLED_WITHIN_SECONDS,
            )
        if not is_there:
            raise TimeoutError(f"the phone did not get {text!r}; the log may say why")
        self._settle()

    def _settle(self) -> None:
        self._viber.dispatcher.flush()
        if not self._viber.settle(SETTLED_WITHIN_SECONDS):
            raise TimeoutError("callbacks did not arrive; the log may say why")

    def _ticket(self) -> str:
        from chalicelib import tickets

        found, _ = tickets.listed(self._account_id, tickets.Filters(), limit=1, cursor=None)
        return str(found[0].ticket_id)

    def _change(self, ticket_id: str, by: "Actor", **changes: Any) -> None:
        from chalicelib import tickets

        tickets.change(self._account_id, ticket_id, **changes, by=by, now=self._clock.now())
