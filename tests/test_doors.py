"""Who may is let through: without this, a wall that refuses everybody would pass for a good one."""

import pytest

from tests import fixtures_accounts as accounts
from tests.desk import Desk
from tests.fixtures_walkers import GUARDED, World, walkers

REFUSED = (401, 403, 404)
# Their bodies name the neighbour's bot, or their path a policy that nobody has made.
OF_NOBODY_HERE = {
    ("POST", "/v1/requests"),
    ("POST", "/v1/broadcasts"),
    ("DELETE", "/v1/session-policies/{kind}/{version}"),
}
ORDER = ("GET", "PATCH", "POST", "PUT", "DELETE")


@pytest.mark.parametrize("name", ["operator", "admin", "agent", "key with all"])
def test_who_may_is_let_through_to_what_is_his(desk: Desk, name: str) -> None:
    world = World(desk, accounts.own(desk), accounts.neighbour(desk), {})
    walker = next(each for each in walkers(desk) if each.name == name)
    # What ends something for good comes last, one's own sign-in as the very last.
    mine = sorted(
        (route for route in GUARDED if walker.may(route)),
        key=lambda route: (route.path == "/v1/sign-out", ORDER.index(route.method)),
    )
    assert mine
    for route in mine:
        answer = world.call(walker, route, world.mine.ids)
        refused = REFUSED[:2] if (route.method, route.path) in OF_NOBODY_HERE else REFUSED
        assert answer.status not in refused, (route.method, route.path, answer)
        assert answer.status < 500, (route.method, route.path, answer)
