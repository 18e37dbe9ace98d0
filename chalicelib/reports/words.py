"""The words of a report's files, those of the console for the same things."""

LANGUAGES = ("uk", "ru", "ro", "en")

_COLUMNS = {
    "charged_at": ("Списано", "Списано", "Debitat", "Charged"),
    "sent_at": ("Надіслано", "Отправлено", "Trimis", "Sent"),
    "at": ("Час", "Время", "Ora", "Time"),
    "kind": ("Вид", "Вид", "Tip", "Kind"),
    "bot": ("Бот", "Бот", "Bot", "Bot"),
    "bot_id": ("ID бота", "ID бота", "ID bot", "Bot ID"),
    "recipient": ("Отримувач", "Получатель", "Destinatar", "Recipient"),
    "subscriber_id": ("ID підписника", "ID подписчика", "ID abonat", "Subscriber ID"),
    "country": ("Країна", "Страна", "Țara", "Country"),
    "state": ("Доставка", "Доставка", "Livrare", "Delivery"),
    "count": ("Кількість", "Количество", "Număr", "Count"),
    "price": ("Ціна", "Цена", "Preț", "Price"),
    "amount": ("Сума", "Сумма", "Sumă", "Amount"),
    "moved": ("Переміщено", "Перемещено", "Mutat", "Moved"),
    "moved_from": ("Звідки", "Откуда", "De unde", "From"),
    "moved_to": ("Куди", "Куда", "Unde", "To"),
    "currency": ("Валюта", "Валюта", "Valută", "Currency"),
    "price_list": ("Прайс-лист", "Прайс-лист", "Listă de prețuri", "Price list"),
    "month": ("За місяць", "За месяц", "Pentru luna", "For month"),
    "agent": ("Агент", "Агент", "Agent", "Agent"),
    "ticket_id": ("ID звернення", "ID обращения", "ID tichet", "Ticket ID"),
    "message_id": ("ID повідомлення", "ID сообщения", "ID mesaj", "Message ID"),
    "message_token": ("Токен Viber", "Токен Viber", "Token Viber", "Viber token"),
    "session_id": ("ID сесії", "ID сессии", "ID sesiune", "Session ID"),
    "cause": ("Причина", "Причина", "Cauză", "Cause"),
    "corrects": ("Виправляє", "Исправляет", "Corectează", "Corrects"),
    "entry_id": ("ID запису", "ID записи", "ID înregistrare", "Entry ID"),
}

_KINDS = {
    "top-up": ("Поповнення", "Пополнение", "Alimentare", "Top-up"),
    "top-up-returned": (
        "Повернення поповнення",
        "Возврат пополнения",
        "Alimentare returnată",
        "Top-up returned",
    ),
    "dispute": ("Оскарження платежу", "Оспаривание платежа", "Plată contestată", "Dispute"),
    "dispute-won": (
        "Оскарження відхилено",
        "Оспаривание отклонено",
        "Contestație respinsă",
        "Dispute won",
    ),
    "deposit": ("Завдаток за заявкою", "Депозит по заявке", "Depozit pentru cerere", "Deposit"),
    "deposit-returned": (
        "Повернення завдатку",
        "Возврат депозита",
        "Depozit returnat",
        "Deposit returned",
    ),
    "activation": ("Активація бота", "Активация бота", "Activarea botului", "Activation"),
    "maintenance-fee": (
        "Щомісячна плата за бота",
        "Ежемесячная плата за бота",
        "Taxă lunară pentru bot",
        "Monthly fee",
    ),
    "sessions-fee": (
        "Щомісячна плата за сесії",
        "Ежемесячная плата за сессии",
        "Taxă lunară pentru sesiuni",
        "Sessions fee",
    ),
    "set-aside": ("Відкладено на плату", "Отложено на плату", "Pus deoparte", "Set aside"),
    "set-aside-returned": (
        "Відкладене повернуто",
        "Отложенное возвращено",
        "Suma pusă deoparte returnată",
        "Set-aside returned",
    ),
    "message": (
        "Повідомлення поза сесією",
        "Сообщение вне сессии",
        "Mesaj în afara sesiunii",
        "Message outside a session",
    ),
    "session": ("Сесія", "Сессия", "Sesiune", "Session"),
    "session-returned": (
        "Повернення за сесію",
        "Возврат за сессию",
        "Sesiune returnată",
        "Session returned",
    ),
    "broadcast": ("Розсилка", "Рассылка", "Difuzare", "Broadcast"),
    "correction": ("Виправлення", "Исправление", "Corecție", "Correction"),
}

_STATES = {
    "queued": (
        "Очікує надсилання",
        "Ожидает отправки",
        "Așteaptă trimiterea",
        "Waiting to be sent",
    ),
    "sending": ("Надсилається", "Отправляется", "Se trimite", "Being sent"),
    "unknown": (
        "Результат невідомий",
        "Результат неизвестен",
        "Rezultat necunoscut",
        "Outcome unknown",
    ),
    "sent": ("Надіслано", "Отправлено", "Trimis", "Sent"),
    "delivered": ("Доставлено", "Доставлено", "Livrat", "Delivered"),
    "seen": ("Переглянуто", "Просмотрено", "Văzut", "Seen"),
    "failed": ("Не доставлено", "Не доставлено", "Nelivrat", "Not delivered"),
    "returned": ("Повернено", "Возвращено", "Returnat", "Returned"),
}

_PLACES = {
    "available": ("доступно", "доступно", "disponibil", "available"),
    "held": ("заблоковано", "заблокировано", "blocat", "held"),
    "set-aside": ("відкладено", "отложено", "pus deoparte", "set aside"),
}


def column(name: str, language: str) -> str:
    """Name a column."""
    return _said(_COLUMNS, name, language)


def kind(name: str, language: str) -> str:
    """Name a kind of entry."""
    return _said(_KINDS, name, language)


def state(name: str, language: str) -> str:
    """Name the state of a delivery."""
    return _said(_STATES, name, language)


def place(name: str | None, language: str) -> str:
    """Name a part of the balance; nothing where there is none."""
    return "" if name is None else _said(_PLACES, name, language)


def _said(words: dict[str, tuple[str, str, str, str]], name: str, language: str) -> str:
    said = words.get(name)
    return name if said is None else said[LANGUAGES.index(language)]
