"""Geometry of the server-drawn charts: plain numbers in, SVG coordinates out.

Each chart has two sizes, so that text keeps at least 12 px after scaling: `wide` for a column of 500 px and more,
`phone` for a screen down to 320 px. The stylesheet shows one of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Sample:
    """One value of a series or of an area. `low` and `high` bound the 95 % interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    few: bool = False
    bad: bool = False


@dataclass(frozen=True)
class Mark:
    """A place on an axis with its words."""

    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    sample: Sample
    shown: bool = True
    """Whether the label of this one is written (the last always is)."""
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Chart:
    kind: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    ticks: list[Mark]
    dots: list[Dot]
    band: str = ""
    line: str = ""
    goal: Mark | None = None
    pooled: float | None = None
    cut: bool = False
    """The axis of a rate does not start at zero; the page says so."""


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round steps (1, 2, 5 times a power of ten) that cover the range."""
    span = high - low if high - low > 1e-6 else max(abs(high), 1.0)
    raw = span / count
    power: float = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def tick_text(value: float) -> str:
    return f"{value:,.10g}" if abs(value) >= 1000 else f"{value:.10g}"


def trend(samples: Sequence[Sample], *, goal: float | None, goal_text: str, rate: bool, phone: bool) -> Chart | None:
    """Line with its interval band and the dashed target. None without a value. Counts start at zero, rates may not."""
    if not samples:
        return None
    values = [v for s in samples for v in (s.value, s.low, s.high) if v is not None]
    if goal is not None:
        values.append(goal)
    low, high = (min(values), max(values)) if rate else (min(0.0, *values), max(values))
    marks = ticks(low, high)
    if rate:
        marks = [m for m in marks if m <= 100] or marks
        high = max(high, marks[-1])
    width, height = (300.0, 230.0) if phone else (560.0, 262.0)
    left, right = (44.0, width - 62) if phone else (52.0, width - 62)
    top, bottom = 18.0, height - 42
    floor, ceiling = min(marks[0], low), max(marks[-1], high)

    def y(value: float) -> float:
        return round(bottom - (value - floor) / (ceiling - floor or 1) * (bottom - top), 1)

    inset = 10.0
    gap = (right - left - 2 * inset) / max(1, len(samples) - 1)
    xs = [round(left + inset + i * gap, 1) if len(samples) > 1 else (left + right) / 2 for i in range(len(samples))]
    room = 74.0 if phone else 62.0
    every = max(1, math.ceil(room / gap)) if len(samples) > 1 else 1
    dots = [
        Dot(x, y(s.value), s, shown=(len(samples) - 1 - i) % every == 0)
        for i, (x, s) in enumerate(zip(xs, samples, strict=True))
    ]
    banded = [(x, s.low, s.high) for x, s in zip(xs, samples, strict=True) if s.low is not None and s.high is not None]
    band = ""
    if len(banded) > 1:
        over = " L".join(f"{x},{y(h)}" for x, _, h in banded)
        under = " L".join(f"{x},{y(lo)}" for x, lo, _ in reversed(banded))
        band = f"M{over} L{under}Z"
    elif banded:
        x, lo, hi = banded[0]
        band = f"M{x - 5},{y(hi)} L{x + 5},{y(hi)} L{x + 5},{y(lo)} L{x - 5},{y(lo)}Z"
    line = "M" + " L".join(f"{d.x},{d.y}" for d in dots) if len(dots) > 1 else ""
    return Chart(
        "trend", width, height, left, right, top, bottom, [Mark(y(m), tick_text(m)) for m in marks], dots, band, line,
        Mark(y(goal), goal_text) if goal is not None else None, cut=rate and floor > 0,
    )  # fmt: skip


def areas(samples: Sequence[Sample], *, pooled: float | None, phone: bool) -> Chart | None:
    """A dot with its interval for each area, one row each; the pooled value as a dotted line."""
    if not samples:
        return None
    bounds = [v for s in samples for v in (s.value, s.low, s.high) if v is not None]
    marks = [m for m in ticks(min(bounds), max(bounds), 3 if phone else 4) if m <= 100]
    row = 58.0 if phone else 38.0
    width = 300.0 if phone else 560.0
    left, right = (18.0, width - 20) if phone else (150.0, width - 132)
    height = row * len(samples) + 34
    floor, ceiling = min(marks[0], *bounds), max(marks[-1], *bounds)

    def x(value: float) -> float:
        return round(left + (value - floor) / (ceiling - floor or 1) * (right - left), 1)

    dots = [
        Dot(
            x(s.value),
            row * i + (40 if phone else 24),
            s,
            low=x(s.low if s.low is not None else s.value),
            high=x(s.high if s.high is not None else s.value),
        )
        for i, s in enumerate(samples)
    ]
    return Chart(
        "areas", width, height, left, right, 6, height - 28, [Mark(x(m), tick_text(m)) for m in marks], dots,
        pooled=x(pooled) if pooled is not None else None, cut=floor > 0,
    )  # fmt: skip


@dataclass(frozen=True)
class Life:
    """A period as a bar: what has passed, today, the first day of early removal. Units of a bar 0 to 544 wide."""

    done: float
    today: float | None
    removable: float | None


def life(start: date, end: date, today: date, removable: date | None, width: float = 544.0) -> Life:
    """`end` is the last day in force, so the bar ends after it."""
    total = max(1, (end - start).days + 1)

    def at(d: date) -> float:
        return round(min(1.0, max(0.0, (d - start).days / total)) * width, 1)

    return Life(at(today), at(today) if start <= today <= end else None, at(removable) if removable else None)


@dataclass(frozen=True)
class Piece:
    light: str
    x: float
    width: float


def bar(counts: Sequence[tuple[str, int]], width: float = 1152.0, gap: float = 3.0) -> list[Piece]:
    """Shares of a whole as one bar; a light without a target takes no room, one with a target is never invisible."""
    some = [(k, n) for k, n in counts if n > 0]
    total = sum(n for _, n in some)
    room = width - gap * (len(some) - 1) - 6.0 * len(some)
    pieces: list[Piece] = []
    x = 0.0
    for light, n in some:
        w = 6.0 + room * n / total
        pieces.append(Piece(light, round(x, 1), round(w, 1)))
        x += w + gap
    return pieces
