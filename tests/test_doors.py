"""Who may is let through: without this, a wall that refuses everybody would pass for a good one."""

import pytest

from tests import fixtures_accounts as accounts
from tests.desk import Desk
from tests.fixtures_walkers import GUARDED, World, walkers

REFUSED = (401, 403, 404)
ORDER = ("GET", "PATCH", "POST", "PUT", "DELETE")


@pytest.mark.parametrize("name", ["operator", "admin", "agent", "key with all"])
def test_who_may_is_let_through_to_what_is_his(desk: Desk, name: str) -> None:
    own = accounts.own(desk)
    # Nobody lives next door, so what a body names is one's own, too.
    world = World(desk, own, own, {})
    walker = next(each for each in walkers(desk) if each.name == name)
    # What ends something for good comes last, one's own sign-in as the very last.
    mine = sorted(
        (route for route in GUARDED if walker.may(route)),
        key=lambda route: (route.path == "/v1/sign-out", ORDER.index(route.method)),
    )
    assert mine
    for route in mine:
        answer = world.call(walker, route, world.mine.ids)
        assert answer.status not in REFUSED, (route.method, route.path, answer)
        assert answer.status < 500, (route.method, route.path, answer)
