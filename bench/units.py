"""What DynamoDB charges for a request, by AWS's published rules.

The rules stand in the DynamoDB Developer Guide under these headings:

- item sizes and formats: names and values in UTF-8, a number about a byte for two significant
  digits and one more, a list or map 3 bytes and one more for each element;
- read and write operations: a write costs a unit for each kB begun of the larger of the item
  before and after, a read a unit for each 4 kB begun, half of it when eventually consistent;
  a conditional write that fails costs as if it had been made;
- global secondary indexes, write considerations: an entry made, changed or removed costs one
  write of its own size, an entry whose key moves costs two, an untouched one nothing;
- transactions, capacity management: each item is written twice, to prepare and to commit.

For a cancelled transaction we found no figure there; here it costs as much in its tables as one
that went through, and nothing in the indexes, which is the dearest reading.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
NEST_BYTES = 3
ELEMENT_BYTES = 1

Item = Mapping[str, Mapping[str, Any]]


class Index(NamedTuple):
    """A global secondary index: its own keys, the table's keys, and what it carries beside them.

    `carries` None means every attribute.
    """

    name: str
    keys: tuple[str, ...]
    table_keys: tuple[str, ...]
    carries: tuple[str, ...] | None = ()


class Write(NamedTuple):
    """One write of one item: as it was before it and as it is, or was to be, after it.

    A condition check has the same item on both sides.
    """

    before: Item | None
    after: Item | None
    in_transaction: bool = False
    has_failed: bool = False


def write_units(write: Write, indexes: Iterable[Index]) -> int:
    """Count the units of one write, in its table and in all of its indexes."""
    if write.has_failed:
        return table_units(write)
    return table_units(write) + sum(
        index_units(index, write.before, write.after) for index in indexes
    )


def table_units(write: Write) -> int:
    """Count the units of one write in its table alone."""
    units = _kilobytes(max(item_bytes(write.before or {}), item_bytes(write.after or {})))
    return 2 * units if write.in_transaction else units


def index_units(index: Index, before: Item | None, after: Item | None) -> int:
    """Count the units that a change of an item costs in one index."""
    old, new = entry(index, before), entry(index, after)
    if old == new:
        return 0
    if old is None or new is None:
        return _kilobytes(item_bytes(old or new or {}))
    if any(old[key] != new[key] for key in index.keys):
        return _kilobytes(item_bytes(old)) + _kilobytes(item_bytes(new))
    return _kilobytes(max(item_bytes(old), item_bytes(new)))


def entry(index: Index, item: Item | None) -> Item | None:
    """Give what an index holds of an item; None where the item lacks one of the index's keys."""
    if item is None or any(key not in item for key in index.keys):
        return None
    if index.carries is None:
        return item
    names = {*index.keys, *index.table_keys, *index.carries}
    return {name: value for name, value in item.items() if name in names}


def read_units(sizes_bytes: Sequence[int], *, is_consistent: bool) -> float:
    """Count the units of reading items by their keys, each one rounded up by itself."""
    units = sum(-(-max(size, 1) // READ_UNIT_BYTES) for size in sizes_bytes)
    return units if is_consistent else units / 2


def query_units(size_bytes: int, *, is_consistent: bool) -> float:
    """Count the units of a query that looked at this much, before any filter."""
    return read_units([size_bytes], is_consistent=is_consistent)


def item_bytes(item: Item) -> int:
    """Give the size of an item, in DynamoDB's own JSON, as its capacity is counted."""
    return sum(_text_bytes(name) + value_bytes(value) for name, value in item.items())


def value_bytes(typed: Mapping[str, Any]) -> int:
    """Give the size of one typed value, such as `{"N": "7"}`."""
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return _text_bytes(value)
        case "N":
            return number_bytes(value)
        case "B":
            return len(value)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(_text_bytes(each) for each in value)
        case "NS":
            return sum(number_bytes(each) for each in value)
        case "BS":
            return sum(len(each) for each in value)
        case "L":
            return NEST_BYTES + sum(ELEMENT_BYTES + value_bytes(each) for each in value)
        case "M":
            inside = sum(_text_bytes(n) + ELEMENT_BYTES + value_bytes(v) for n, v in value.items())
            return NEST_BYTES + inside
    raise ValueError(f"DynamoDB has no type {kind}")


def number_bytes(text: str) -> int:
    """Give the size of a number: zeros at its ends do not count."""
    digits = "".join(str(digit) for digit in Decimal(text).as_tuple().digits).strip("0")
    return -(-len(digits) // 2) + 1


def _kilobytes(size_bytes: int) -> int:
    return -(-max(size_bytes, 1) // WRITE_UNIT_BYTES)


def _text_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
