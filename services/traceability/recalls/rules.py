"""The clock of a recall, what is overdue, and which steps a case may take. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from services.traceability.recalls.rulebook import RecallClock
from shared.events.traceability import RecallLot
from shared.i18n import Text

Outcome = Literal["completed", "revoked"]
PAGE_LOTS = 2_000
PAGE_BYTES = 600_000
"""Of one event; a record of the bus holds 900,000."""


def clock_for(clocks: Iterable[RecallClock], level: int, on: date) -> RecallClock:
    """The row in force on `on` for this level. Raises LookupError where the law of that day set none."""
    found = [
        clock
        for clock in clocks
        if clock.level == level and clock.valid_from <= on and (clock.valid_until is None or on <= clock.valid_until)
    ]
    if not found:
        raise LookupError(f"no recall clock for level {level} on {on}")
    return max(found, key=lambda clock: clock.valid_from)


def start_by(clock: RecallClock, learned_at: datetime) -> datetime:
    return learned_at + timedelta(hours=clock.start_hours)


def number(year: int, sequence: int) -> str:
    return f"R-{year}-{sequence:03d}"


@dataclass(frozen=True)
class Duty:
    """A duty whose day has passed."""

    code: Literal["start", "finish"]
    due: datetime | date
    text: Text


def overdue(state: str, started: bool, start: datetime, finish: date, now: datetime, today: date) -> list[Duty]:
    if state != "open":
        return []
    found: list[Duty] = []
    if not started and now > start:
        found.append(Duty("start", start, Text("召回没有按时启动", "The recall was not started in time")))
    if today > finish:
        found.append(Duty("finish", finish, Text("召回没有按时完成", "The recall was not finished in time")))
    return found


def too_much(recovered: Decimal, destroyed: Decimal) -> bool:
    """What is destroyed was recovered before."""
    return destroyed > recovered


def outcome_text(outcome: Outcome, note: str) -> str:
    """Code and words in one text, as the event carries it: `completed: ...`."""
    return f"{outcome}: {note}"


def extension(count: int, late: bool) -> Text:
    """What the case says when the set grew."""
    zh = f"新增 {count} 个批次，召回范围已扩大"
    en = f"{count} more {'lot' if count == 1 else 'lots'}: the recall was widened"
    return Text(f"{zh}，案件重新打开", f"{en} and reopened") if late else Text(zh, en)


def paged(lots: Sequence[RecallLot]) -> list[list[RecallLot]]:
    """The lots in their order, as pages that a record of the bus can hold."""
    pages: list[list[RecallLot]] = []
    room = 0
    for lot in lots:
        size = len(lot.model_dump_json().encode()) + 1
        if not pages or room < size or len(pages[-1]) == PAGE_LOTS:
            pages.append([])
            room = PAGE_BYTES
        pages[-1].append(lot)
        room -= size
    return pages
