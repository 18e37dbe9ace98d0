"""What the commercial model costs, as this platform has it set."""

from datetime import date, timedelta

import msgspec

from chalicelib import config, plans
from chalicelib.money import Money, told
from chalicelib.web import EVERYBODY, Call, Empty, Nouns

nouns = Nouns()


class CommercialTermsOut(msgspec.Struct, frozen=True):
    """A request's deposit, what its approval takes of it, a month's fee, and the fee calendar.

    The fee of a month is taken so many days before the last one of the month before. A bot is an
    old one that was made until `legacy_made_until`, that day included.
    """

    deposit: Money
    activation: Money
    maintenance_fee: Money
    fee_time_zone: str
    fee_days_before_last: int
    legacy_messages_a_month: int
    legacy_made_until: date


@nouns.route_to(
    "GET",
    "/v1/commercial-terms",
    roles=EVERYBODY,
    scope="billing:read",
    answer=CommercialTermsOut,
)
def show_commercial_terms(call: Call[Empty, Empty]) -> CommercialTermsOut:
    """Tell what a commercial bot costs here, and by which calendar."""
    return CommercialTermsOut(
        deposit=told(config.deposit_micros()),
        activation=told(config.activation_micros()),
        maintenance_fee=told(config.maintenance_fee_micros()),
        fee_time_zone=config.fee_zone(),
        fee_days_before_last=config.fee_days_before_last(),
        legacy_messages_a_month=plans.LEGACY_MESSAGES_A_MONTH,
        legacy_made_until=plans.PAID_SINCE - timedelta(days=1),
    )
