"""The operations that are counted: each prepares its business, then gives the act to count."""

from bench.operations import inbound, outgoing, schedules

# isort: split
from bench.operations import paying
from bench.operations.registry import OPERATIONS, Act

__all__ = ["OPERATIONS", "Act", "inbound", "outgoing", "paying", "schedules"]
