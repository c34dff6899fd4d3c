"""What a test report means for a case lead."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

Change = Literal["open", "close", "update"] | None


class Report(Protocol):
    @property
    def result(self) -> Literal["pass", "fail"]: ...


def change(report: Report, state: str | None) -> Change:
    """What to do with the lead in `state` (None: there is none) when a report arrives or is corrected.

    A failure opens one, a report corrected to a pass closes it, a second failure after that opens it again.
    """
    if report.result == "fail":
        return "update" if state == "open" else "open"
    return "close" if state == "open" else None


def detail(report: Any) -> Mapping[str, Any]:
    """What the case officer needs to find the goods and the laboratory."""
    names = (
        "test_id",
        "sample_id",
        "lot_id",
        "gtin",
        "kind",
        "category",
        "laboratory",
        "report_number",
        "failed_items",
    )
    return {name: getattr(report, name) for name in names}
