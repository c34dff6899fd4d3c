"""A case, its measurements, and how they are compared: A/B/A/B in one run, medians."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SERVICE_CORE = "1"
LOAD_CORE = "0"
"""PostgreSQL and the load generator share one core, the service has the other."""


@dataclass(frozen=True)
class Options:
    scale: float = 1.0
    """Multiplies the sizes of the data."""
    rounds: int = 3
    """How often A and B are measured, in turn."""
    seconds: float = 5.0
    """Length of one measurement under load."""
    folder: Path = Path("/tmp")

    def size(self, full: int) -> int:
        return max(1, int(full * self.scale))


@dataclass(frozen=True)
class Outcome:
    """What one case says. `product` and `floor` are medians in `unit`; `ratio` is product / floor."""

    case: str
    work: str
    against: str
    unit: str
    product: float
    floor: float
    goal: str
    met: bool | None
    """None where the design sets no goal for this figure."""
    spread: str
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.product / self.floor if self.floor else float("nan")


Case = Callable[[Options], Iterator[Outcome]]
CASES: dict[str, Case] = {}


def case(name: str) -> Callable[[Case], Case]:
    """Register a bench under its name."""

    def register(function: Case) -> Case:
        CASES[name] = function
        return function

    return register


@dataclass
class Series:
    product: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)

    def spread(self) -> str:
        return f"{_span(self.product)} / {_span(self.floor)}"


def _span(values: list[float]) -> str:
    return f"{figure(min(values))}-{figure(max(values))}" if len(values) > 1 else "one run"


def alternate(
    options: Options, floor: Callable[[], float], product: Callable[[], float], *, warm_up: bool = True
) -> Series:
    """Measure floor, product, floor, product ...; what is slow today is slow for both."""
    if warm_up:
        floor()
        product()
    series = Series()
    for number in range(options.rounds):
        series.floor.append(floor())
        series.product.append(product())
        say(f"  round {number + 1}: floor {figure(series.floor[-1])}, product {figure(series.product[-1])}")
    return series


def compare(
    series: Series,
    *,
    name: str,
    work: str,
    against: str,
    unit: str,
    goal: str,
    at_least: float | None = None,
    below: float | None = None,
    over: float | None = None,
    note: str = "",
) -> Outcome:
    """Medians of both. `at_least` bounds product / floor; `below` and `over` the product itself."""
    product, floor = statistics.median(series.product), statistics.median(series.floor)
    ratio = product / floor if floor else float("nan")
    met = None
    if at_least is not None:
        met = ratio >= at_least
    elif below is not None:
        met = product < below
    elif over is not None:
        met = product >= over
    return Outcome(name, work, against, unit, product, floor, goal, met, series.spread(), note)


def figure(value: float) -> str:
    """`12,345`, `123`, `4.56`."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


_started = time.monotonic()


def say(line: str) -> None:
    """Progress, on stderr."""
    print(f"[{time.monotonic() - _started:6.1f} s] {line}", file=sys.stderr, flush=True)
