"""Events that the indicators service publishes."""

from datetime import date
from typing import ClassVar, Literal

from shared.events.base import Event

Light = Literal["met", "on_track", "at_risk", "off_track", "breached", "cannot_tell", "not_due", "no_data"]


class TargetChanged(Event):
    """One row of the plan's catalogue, as it stands from `valid_from`."""

    type: ClassVar[str] = "pinzhi.indicators.target.changed.v1"
    key_field: ClassVar[str] = "target_id"

    target_id: str
    version: int
    position: int
    """Place in the plan's order."""
    name: str
    name_en: str | None = None
    section: str
    quote: str
    """The clause, an exact substring of the plan."""
    comparator: str
    goal: str
    """The goal in words, e.g. `保持在98%以上`."""
    goal_en: str
    unit: str
    deadline: str | None = None
    lead_departments: list[str] = []
    departments: list[str] = []
    has_figure: bool
    """False for milestones and directions, which the plan gives no number for."""


class LightChanged(Event):
    """The light of one target in one area changed, or the figure behind it did."""

    type: ClassVar[str] = "pinzhi.indicators.light.changed.v1"
    key_field: ClassVar[str] = "target_id"

    target_id: str
    area_code: str
    as_of: date
    light: Light
    sentence: str
    sentence_en: str
    value: str | None = None
    """Decimal text in the target's unit (per cent for ratios)."""
    n: int | None = None
    passed: int | None = None
    low: str | None = None
    high: str | None = None
    """Bounds of the exact 95 % interval (Clopper-Pearson), same unit as `value`."""
    period: str | None = None
    source: str | None = None
    provisional: bool = False
    rule_version: str
