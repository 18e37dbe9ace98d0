"""What is due is paid, a month at a time; what cannot be paid is put off, or ends the bot."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib import billing, bots, errors, plans, store
from chalicelib.fees.ending import end_unpaid
from chalicelib.fees.protecting import protect
from chalicelib.fees.watching import as_read, looked_at, watching
from chalicelib.log import log
from chalicelib.plans import ENDED, PAID, PUT_OFF
from chalicelib.tables import Balance, Bot

NOT_DUE = "not due"
BOTS_AT_ONCE = 100
DUE_AT_MOST = 1000
"""Of one shard and run."""


class Due(NamedTuple):
    """The bots of one account about whose fees something is due."""

    account_id: str
    bots: list[Bot]


def due(now: datetime, *, at_most: int = DUE_AT_MOST) -> Iterator[Due]:
    """Find what the schedule has to look at, all bots of one account together."""
    of_accounts: dict[str, list[Bot]] = defaultdict(list)
    count = 0
    for bot in store.due(Bot, "fee", now, at_most=at_most, index="fees", instant=Bot.fee_at):
        of_accounts[bot.account_id].append(bot)
        count += 1
    for account_id, found in of_accounts.items():
        # Where there may be more than a run looks at, an account's newer bots may come alone.
        yield Due(account_id, found if count < at_most else _with_others(found, account_id, now))


def work(account: Due, *, now: datetime) -> str:
    """Charge what is due of an account's bots, then protect what is soon due.

    Months in their order; of a month maintenance before sessions, older bots before newer. What
    cannot be paid does not keep what comes after it from being paid. Done twice, late or beside
    a top-up, each month is paid once.
    """
    paid = refused = 0
    left = {bot.bot_id: bot for bot in account.bots if _is_due(bot, now)}
    while left:
        bot_id = min(left, key=lambda each: plans.order_of_fees(left[each]))
        outcome, bot = store.again(lambda: _charge(account.account_id, bot_id, now))  # noqa: B023
        paid += outcome == PAID
        refused += outcome in (PUT_OFF, ENDED)
        del left[bot_id]
        if outcome == PAID and bot is not None and _is_due(bot, now):
            left[bot_id] = bot
    protect(account.account_id, sorted(account.bots, key=plans.order_of_fees), now=now)
    return "refused" if refused else "paid" if paid else "protected"


def after_top_up(account_id: str, *, now: datetime, beside: Sequence[Bot] = ()) -> None:
    """Pay and protect with what the account has now, in the order that `work` keeps.

    `beside` are bots so new that no list has them yet. What this fails to do the schedule does.
    """
    near = _with_others([bot for bot in beside if _is_near(bot, now)], account_id, now)
    if near:
        work(Due(account_id, near), now=now)


def begin(bot: Bot, *, now: datetime) -> None:
    """Take at once what a plan that begins now owes already; the schedule would take it too."""
    try:
        after_top_up(bot.account_id, now=now, beside=[bot])
    except errors.Busy:
        log.warning("fees left to the schedule", bot_id=bot.bot_id)


def _with_others(known: list[Bot], account_id: str, now: datetime) -> list[Bot]:
    """Add to some bots the account's others whose next fee is due or may be protected."""
    found = {bot.bot_id: bot for bot in known}
    cursor = None
    while True:
        page, cursor = bots.of_account(account_id, limit=BOTS_AT_ONCE, cursor=cursor)
        for bot in page:
            if _is_near(bot, now):
                found.setdefault(bot.bot_id, bot)
        if cursor is None:
            return list(found.values())


def _charge(account_id: str, bot_id: str, now: datetime) -> tuple[str, Bot | None]:
    """Try one month's fee of a bot as it is now."""
    bot, balance = store.read((Bot, bot_id, None), billing.wanted(account_id))
    fee = None if bot is None else plans.next_fee(bot)
    if fee is None or fee.due_at > now:
        return NOT_DUE, bot
    balance = balance or Balance(key=account_id)
    outcome = plans.attempted(bot, fee, balance.available_micros, now)
    if outcome == PAID:
        return PAID, _pay(bot, fee, min(bot.set_aside_micros, fee.micros), balance, now)
    if outcome == ENDED:
        return ENDED, end_unpaid(bot, fee, balance, now=now)
    billing.look_again(account_id, now=now)
    log.info("fee put off", bot_id=bot_id, month=fee.month)
    later = [
        *watching(bot, looked_at(bot, now, is_tried=True)),
        Bot.revision.set(Bot.revision + 1),
    ]
    return PUT_OFF, store.update(Bot(bot_id=bot_id), later, as_read(bot))


def _pay(bot: Bot, fee: plans.Fee, from_set_aside: int, balance: Balance, now: datetime) -> Bot:
    change = billing.Change(bot.account_id)
    entry = billing.entry(
        bot.account_id,
        fee.kind,
        f"fee:{fee.kind}:{bot.bot_id}:{fee.month}",
        now=now,
        bot_id=bot.bot_id,
        month=fee.month,
        set_aside_micros=from_set_aside,
    )
    change.charge(fee.micros, entry, set_aside_micros=from_set_aside)
    condition = as_read(bot)
    bot.paid_month = fee.month
    bot.set_aside_micros -= from_set_aside
    actions = (
        Bot.paid_month.set(bot.paid_month),
        Bot.set_aside_micros.set(bot.set_aside_micros),
        *watching(bot, looked_at(bot, now)),
        Bot.revision.set(Bot.revision + 1),
    )
    store.commit(
        [
            # What was available a moment ago may be spent: decide again on what is there.
            *change.writes(balance, now=now, refusal=store.Changed("Balance")),
            store.Update(Bot(bot_id=bot.bot_id), condition, actions=actions),
        ]
    )
    bots.forget(bot.bot_id)
    return bot


def _is_due(bot: Bot, now: datetime) -> bool:
    fee = plans.next_fee(bot)
    return fee is not None and fee.due_at <= now


def _is_near(bot: Bot, now: datetime) -> bool:
    fee = plans.next_fee(bot)
    return fee is not None and fee.protected_from <= now
