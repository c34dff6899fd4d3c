"""What is said of containers while something was in them. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from services.traceability.rights.rules import Row


class Packing(NamedTuple):
    """Something was put into a container, as one event tells."""

    container: str
    at: datetime
    row: "Row"
    """What the event says of the container, with who tells it."""


class Packings:
    """Into what each thing was put, as anybody tells."""

    def __init__(
        self, rows: "Mapping[str, Sequence[Row]]", packed: Mapping[str, Sequence[tuple[str, datetime, str]]]
    ) -> None:
        self._rows = rows
        self._packed = packed
        self._parents: dict[str, dict[str, Row]] = {}

    def of(self, node: str) -> list[Packing]:
        """Oldest first."""
        found = []
        for container, at, record_id in self._packed.get(node, ()):
            if container not in self._parents:
                said = self._rows.get(container, ())
                self._parents[container] = {row.record_id: row for row in said if row.packs}
            if (row := self._parents[container].get(record_id)) is not None:
                found.append(Packing(container, at, row))
        return sorted(found, key=lambda each: (each.at, each.row.record_id))

    def above(self, node: str) -> "list[Row]":
        """What is said of all containers in which the node ever was, since it came into each."""
        found: list[Row] = []
        seen = {node}
        ways = [(each.at, each.container) for each in self.of(node)]
        heapify(ways)
        while ways:
            since, container = heappop(ways)
            if container not in seen:
                seen.add(container)
                said = self._rows.get(container, ())
                found += (row for row in said if (row.sends or row.receives) and row.at >= since)
                for each in self.of(container):
                    heappush(ways, (max(since, each.at), each.container))
        return found


class Moves:
    """The shipments and receipts of one container, and when it was emptied."""

    def __init__(self, rows: "Iterable[Row]", emptied: Iterable[datetime]) -> None:
        self.rows = sorted((row for row in rows if row.sends or row.receives), key=lambda row: row.at)
        self.emptied = sorted(emptied)

    def span(self, since: datetime) -> tuple[int, int]:
        """Which of the rows are said from then on until it is emptied."""
        end = bisect_left(self.emptied, since)
        start = bisect_left(self.rows, since, key=lambda row: row.at)
        if end == len(self.emptied):
            return start, len(self.rows)
        return start, bisect_right(self.rows, self.emptied[end], key=lambda row: row.at)


class Carried:
    """Collects what is said of the containers of one thing, over packings in the order of time. Each word is taken
    once, however often the thing was packed before it: a later packing never ends before an earlier one."""

    def __init__(self, own: "Sequence[Row]") -> None:
        self._seen = {row.record_id for row in own}
        self._passed: dict[str, int] = {}

    def over(self, packing: Packing, moves: Moves) -> "list[Row]":
        """What this packing adds."""
        start, stop = moves.span(packing.at)
        passed = self._passed.get(packing.container, 0)
        self._passed[packing.container] = max(passed, stop)
        found = [row for row in moves.rows[max(start, passed) : stop] if row.record_id not in self._seen]
        self._seen.update(row.record_id for row in found)
        return found
