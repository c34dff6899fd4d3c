"""The dashboard and one target."""

from typing_extensions import TypedDict

from services.gateway.schemas.common import Envelope, FeedKind
from shared.events.indicators import Light


class TargetLight(TypedDict):
    """One row of the plan with its light in one area."""

    target_id: str
    position: int
    name: str
    name_en: str | None
    section: str
    quote: str
    comparator: str
    goal: str
    goal_en: str
    unit: str
    deadline: str | None
    lead_departments: list[str]
    departments: list[str]
    has_figure: bool
    light: Light
    """`no_data` where no light was ever given for this area."""
    sentence: str
    sentence_en: str
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    period: str | None
    source: str | None
    provisional: bool
    lit_as_of: str | None
    """Day that the light speaks of."""
    rule_version: str | None


class AreaLight(TypedDict):
    """The same target in another area. Order: by code; a small n is not ranked."""

    area_code: str
    area_name: str | None
    light: Light
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    period: str | None
    source: str | None
    lit_as_of: str | None


class Section(TypedDict):
    section: str
    targets: list[TargetLight]


class FeedItem(TypedDict):
    seq: int
    kind: FeedKind
    at: str
    title: str
    title_en: str
    summary: str
    summary_en: str
    href: str
    """Page of the subject, e.g. `/recalls/{id}`."""
    uscc: str | None
    area_code: str | None


class CityView(Envelope):
    area_code: str
    area_name: str | None
    as_of: str | None
    lights: dict[str, int]
    """Number of targets for each light, before the filters; all eight keys are there."""
    total: int
    with_figure: int
    targets: list[TargetLight]
    """After the filters `light` and `dept`, in the plan's order."""
    sections: list[Section]
    """All targets, by section in the plan's order (before the filters)."""
    attention: list[TargetLight]
    """Breached, off track, at risk, cannot tell: worst first, all of them."""
    departments: list[str]
    """Lead departments to filter by."""
    areas: list[dict[str, str]]
    """Areas that have lights: area_code, area_name."""
    black: int
    red: int
    open_recalls: int
    latest: list[FeedItem]
    """The newest five public notices."""


class SeriesPoint(TypedDict):
    period: str
    area_code: str
    value: str | None
    n: int | None
    passed: int | None
    low: str | None
    high: str | None
    source: str | None
    provisional: bool


class TargetView(Envelope):
    area_code: str
    area_name: str | None
    as_of: str | None
    target: TargetLight
    areas: list[AreaLight]
    series: list[SeriesPoint] | None
    """Asked from indicators for this answer; null (and an error of part `series`) when it is down."""
