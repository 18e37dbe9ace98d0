"""The simulator holds, repeats itself, and catches a ledger that is broken on purpose."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator import ending
from simulator.life import Life
from simulator.memory import Database
from simulator.world import Unlike, World

DAYS = 3


class Saboteur:
    """Stands before the database and spoils one transaction that writes such an entry."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self._kind = kind
        self.has_struck = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        actions = request["TransactItems"]
        wanted = [each for each in actions if self._is_entry(each)]
        if not wanted or self.has_struck:
            return self._database.transact_write_items(**request)
        answer = self.strike(request, wanted[0])
        self.has_struck = True
        return answer

    def strike(self, request: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def _is_entry(self, action: dict[str, Any]) -> bool:
        item = action.get("Put", {}).get("Item", {})
        return bool(item.get("kind") == {"S": self._kind} and "cause" in item)


class ChargesTwice(Saboteur):
    def strike(self, request: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        answer = self._database.transact_write_items(**request)
        item = dict(entry["Put"]["Item"])
        item["item"] = {"S": item["item"]["S"] + "again"}
        item["cause"] = {"S": item["cause"]["S"] + ":again"}
        again = [_unasked(each) for each in request["TransactItems"] if _is_balance(each)]
        second = [{"Put": {"TableName": entry["Put"]["TableName"], "Item": item}}, *again]
        self._database.transact_write_items(TransactItems=second)
        return answer


class LosesTheEntry(Saboteur):
    def strike(self, request: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        left = [each for each in request["TransactItems"] if each is not entry]
        return self._database.transact_write_items(**request | {"TransactItems": left})


class ForgetsTheEntry(Saboteur):
    """Tells of the entry, and has it no longer: only the stored ledger shows it."""

    def strike(self, request: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        answer = self._database.transact_write_items(**request)
        put = entry["Put"]
        table = self._database.tables[put["TableName"]]
        table.write(table.key_of(put["Item"]), None)
        return answer


def _is_balance(action: dict[str, Any]) -> bool:
    return bool(action.get("Update", {}).get("Key", {}).get("item") == {"S": "balance"})


def _unasked(action: dict[str, Any]) -> dict[str, Any]:
    """The same update with its condition left out: held money may be gone by the second time."""
    update = {key: value for key, value in action["Update"].items() if key[:9] != "Condition"}
    return {"Update": update}


@pytest.fixture
def lived() -> Callable[..., World]:
    def live(seed: str, sabotage: Callable[[Database], Any] | None = None) -> World:
        world = World(seed, sabotage=sabotage)
        with world.open():
            life = Life(world)
            life.begin()
            world.weather.is_on = True
            for _ in range(DAYS):
                life.day()
            ending.drain(life)
            ending.check(life)
        return world

    return live


def test_all_holds_and_the_same_seed_is_the_same_story(lived: Callable[..., World]) -> None:
    first, second = lived("a story"), lived("a story")
    assert first.watcher.checks.total() > 300
    assert len(first.weather.counted) > 5
    assert list(first.stories.values()) == list(second.stories.values())
    assert first.weather.counted == second.weather.counted


@pytest.mark.parametrize("saboteur", [ChargesTwice, LosesTheEntry, ForgetsTheEntry])
@pytest.mark.parametrize("kind", ["message", "top-up"])
def test_a_broken_ledger_is_caught(
    lived: Callable[..., World], saboteur: type[Saboteur], kind: str
) -> None:
    hired: list[Saboteur] = []

    def sabotage(database: Database) -> Saboteur:
        hired.append(saboteur(database, kind))
        return hired[0]

    with pytest.raises(Unlike):
        lived("a broken ledger", sabotage)
    assert hired[0].has_struck
