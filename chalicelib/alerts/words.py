"""What the mail of a warning says, in the account's language."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib import config, money
from chalicelib.tables import Account, MoneyWarning

PAGE = "/console#/me/viber-commercial"

_SUBJECTS = {
    "low-balance": (
        "Баланс: {available} €",
        "Баланс: {available} €",
        "Sold: {available} €",
        "Balance: {available} EUR",
    ),
    "runway": (
        "Грошей вистачить до {out_at}",
        "Денег хватит до {out_at}",
        "Banii ajung până la {out_at}",
        "The money lasts until {out_at}",
    ),
    "fee-not-covered": (
        "Не вистачає на плату за «{bot_name}»",
        "Не хватает на плату за «{bot_name}»",
        "Fonduri insuficiente pentru taxa „{bot_name}”",
        "The next fee of “{bot_name}” is not covered",
    ),
    "fee-refused": (
        "Плату за «{bot_name}» не списано",
        "Плата за «{bot_name}» не списана",
        "Taxa pentru „{bot_name}” nu a fost încasată",
        "The fee of “{bot_name}” could not be taken",
    ),
    "bot-deactivated": (
        "Бота «{bot_name}» вимкнено",
        "Бот «{bot_name}» отключён",
        "Botul „{bot_name}” a fost dezactivat",
        "“{bot_name}” was deactivated",
    ),
    "sessions-off": (
        "Сесії бота «{bot_name}» вимкнено",
        "Сессии бота «{bot_name}» отключены",
        "Sesiunile botului „{bot_name}” au fost oprite",
        "Sessions of “{bot_name}” were turned off",
    ),
    "legacy-quota": (
        "«{bot_name}»: {used} з {limit} повідомлень",
        "«{bot_name}»: {used} из {limit} сообщений",
        "„{bot_name}”: {used} din {limit} mesaje",
        "“{bot_name}”: {used} of {limit} messages",
    ),
    "debt": (
        "Борг: {owed} €",
        "Долг: {owed} €",
        "Datorie: {owed} €",
        "Debt: {owed} EUR",
    ),
}

_TEXTS = {
    "low-balance": (
        "На балансі залишилося {available} € (межа — {line} €). Коли гроші скінчаться, платні "
        "повідомлення не надсилатимуться. Поповніть баланс.",
        "На балансе осталось {available} € (порог — {line} €). Когда деньги кончатся, платные "
        "сообщения не будут отправляться. Пополните баланс.",
        "În sold au rămas {available} € (limita: {line} €). Fără bani, mesajele cu plată nu se "
        "vor mai trimite. Alimentați soldul.",
        "{available} EUR are available (your line is {line} EUR). Without money paid messages "
        "are refused. Top up.",
    ),
    "runway": (
        "На балансі {available} €, в середньому за день витрачається {daily} €. З урахуванням "
        "щомісячних плат грошей вистачить до {out_at}.",
        "На балансе {available} €, в среднем за день расходуется {daily} €. С учётом ежемесячных "
        "плат денег хватит до {out_at}.",
        "În sold sunt {available} €, iar pe zi se cheltuiesc în medie {daily} €. Cu taxele "
        "lunare, banii ajung până la {out_at}.",
        "{available} EUR are available, and {daily} EUR are spent a day on average. Monthly fees "
        "taken into account, the money lasts until {out_at}.",
    ),
    "fee-not-covered": (
        "{due_at} буде списано {fee} € за місяць {month} за бота «{bot_name}». Не вистачає "
        "{short} €. Поповніть баланс до цього дня.",
        "{due_at} будет списано {fee} € за месяц {month} за бота «{bot_name}». Не хватает "
        "{short} €. Пополните баланс до этого дня.",
        "La {due_at} se vor încasa {fee} € pentru luna {month}, botul „{bot_name}”. Lipsesc "
        "{short} €. Alimentați soldul până atunci.",
        "On {due_at} {fee} EUR will be taken for {month}, bot “{bot_name}”. {short} EUR are "
        "missing. Top up before that day.",
    ),
    "fee-refused": (
        "Плату {fee} € за місяць {month} за бота «{bot_name}» не вдалося списати: не вистачає "
        "{short} €. Спроба повторюється щодня й після кожного поповнення. Якщо до {last_at} "
        "грошей не буде, послугу буде вимкнено.",
        "Плату {fee} € за месяц {month} за бота «{bot_name}» не удалось списать: не хватает "
        "{short} €. Попытка повторяется ежедневно и после каждого пополнения. Если до {last_at} "
        "денег не будет, услуга отключится.",
        "Taxa de {fee} € pentru luna {month}, botul „{bot_name}”, nu a putut fi încasată: lipsesc "
        "{short} €. Se reîncearcă zilnic și la fiecare alimentare. Dacă până la {last_at} nu sunt "
        "bani, serviciul va fi oprit.",
        "The fee of {fee} EUR for {month}, bot “{bot_name}”, could not be taken: {short} EUR are "
        "missing. It is tried daily and at each top-up. Without the money it ends on {last_at}.",
    ),
    "bot-deactivated": (
        "Бота «{bot_name}» вимкнено {ended_at}, бо не вистачило грошей на щомісячну плату. "
        "Повернути його можна лише новою заявкою на підключення.",
        "Бот «{bot_name}» отключён {ended_at}: не хватило денег на ежемесячную плату. Вернуть "
        "его можно только новой заявкой на подключение.",
        "Botul „{bot_name}” a fost dezactivat la {ended_at}, fiindcă nu au fost bani pentru taxa "
        "lunară. Revine doar cu o nouă cerere de conectare.",
        "“{bot_name}” was deactivated on {ended_at} for want of money for its monthly fee. Only a "
        "new connection request brings it back.",
    ),
    "sessions-off": (
        "Сесії бота «{bot_name}» вимкнено {ended_at}, бо не вистачило грошей на щомісячну плату. "
        "Бот працює далі за звичайним тарифом.",
        "Сессии бота «{bot_name}» отключены {ended_at}: не хватило денег на ежемесячную плату. "
        "Бот работает дальше по обычному тарифу.",
        "Sesiunile botului „{bot_name}” au fost oprite la {ended_at}, fiindcă nu au fost bani "
        "pentru taxa lunară. Botul merge mai departe la tariful obișnuit.",
        "Sessions of “{bot_name}” were turned off on {ended_at} for want of money for their "
        "monthly fee. The bot goes on at the normal tariff.",
    ),
    "legacy-quota": (
        "Бот «{bot_name}» надіслав {used} із {limit} повідомлень, дозволених на місяць {month} "
        "(UTC). Після {limit} він зможе лише відповідати. Більше — на комерційному плані.",
        "Бот «{bot_name}» отправил {used} из {limit} сообщений, разрешённых на месяц {month} "
        "(UTC). После {limit} он сможет только отвечать. Больше — на коммерческом плане.",
        "Botul „{bot_name}” a trimis {used} din {limit} mesaje permise în luna {month} (UTC). "
        "După {limit} va putea doar răspunde. Mai multe, în planul comercial.",
        "“{bot_name}” has sent {used} of the {limit} messages of {month} (UTC). After {limit} it "
        "can only answer. The commercial plan has no such limit.",
    ),
    "debt": (
        "Платіж повернено після того, як гроші витрачено: борг — {owed} €. До поповнення платні "
        "повідомлення й заявки неможливі; наступне поповнення спершу покриє борг.",
        "Платёж возвращён после того, как деньги потрачены: долг — {owed} €. До пополнения "
        "платные сообщения и заявки невозможны; следующее пополнение сначала покроет долг.",
        "O plată a fost retrasă după ce banii s-au cheltuit: datoria este de {owed} €. Până la "
        "alimentare, mesajele cu plată și cererile sunt refuzate; ea acoperă întâi datoria.",
        "A payment was taken back after its money was spent: {owed} EUR are owed. Paid messages "
        "and requests are refused until the next top-up, which pays the debt first.",
    ),
}

_LANGUAGES = ("uk", "ru", "ro", "en")


def letter(warning: MoneyWarning, account: Account) -> tuple[str, str]:
    """Write the subject and the text of a warning's mail."""
    place = _LANGUAGES.index(account.language) if account.language in _LANGUAGES else 0
    facts = {
        name.removesuffix("_micros"): _told(name, value, account.time_zone)
        for name, value in warning.facts.items()
    }
    subject = _SUBJECTS[warning.kind][place].format_map(facts)
    text = _TEXTS[warning.kind][place].format_map(facts)
    head = f"Viberdesk · {account.name}"
    return f"{subject} · {account.name}", f"{head}\n\n{text}\n\n{config.public_url()}{PAGE}\n"


def _told(name: str, value: Any, zone: str) -> str:
    if name.endswith("_micros"):
        return money.text(value)
    if name.endswith("_at"):
        local = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
        return f"{local:%d.%m.%Y %H:%M}"
    return str(value)
