"""How a sample is counted once for life, and how counts of areas add up. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

TARGETS = {"agricultural": "agri_sampling_pass_rate", "food": "food_sampling_pass_rate"}
"""Category of a test -> the target whose rate it counts in."""


@dataclass(frozen=True, slots=True)
class SampledMonth:
    """Samples of one area and month that came as events."""

    area: str
    year: int
    month: int
    n: int
    passed: int
    last: date
    """Day of the last test."""


@dataclass(frozen=True, slots=True)
class TestFact:
    """One version of a test report."""

    __test__ = False

    test_id: str
    sequence: int
    sample_id: str
    target_id: str
    area_code: str
    supervision: bool
    passed: bool
    tested_on: date
    known_from: datetime


@dataclass(frozen=True, slots=True)
class State:
    """How the sample is counted in one stretch of known time."""

    target_id: str
    area_code: str
    tested_on: date
    passed: bool
    known_from: datetime
    known_to: datetime | None


def timeline(sample_id: str, facts: Iterable[TestFact]) -> list[State]:
    """States of one sample, oldest first.

    `facts` are all versions of every test that ever named the sample. Of several tests of one sample the last one
    counts: a re-inspection replaces what it re-inspects (食品安全法 art. 88). The result depends on the facts alone,
    not on the order in which they came.
    """
    moments: dict[datetime, list[TestFact]] = defaultdict(list)
    for fact in facts:
        moments[fact.known_from].append(fact)
    current: dict[str, TestFact] = {}
    states: list[State] = []
    for moment in sorted(moments):
        for fact in sorted(moments[moment], key=lambda f: (f.test_id, f.sequence)):
            if fact.sample_id == sample_id and fact.supervision:
                current[fact.test_id] = fact
            else:
                current.pop(fact.test_id, None)
        chosen = max(current.values(), key=lambda f: (f.tested_on, f.test_id), default=None)
        last = states[-1] if states and states[-1].known_to is None else None
        if chosen is None:
            if last is not None:
                states[-1] = replace(last, known_to=moment)
            continue
        state = State(chosen.target_id, chosen.area_code, chosen.tested_on, chosen.passed, moment, None)
        if last is not None:
            if replace(last, known_from=moment) == state:
                continue
            states[-1] = replace(last, known_to=moment)
        states.append(state)
    return states


def roll_up(counts: Mapping[str, int], root: str, parent: Callable[[str], str | None]) -> tuple[int, dict[str, int]]:
    """`(own, by child)`: what stands at `root` itself, and for each area directly below it the sum under it. All of
    `counts` lie in `root`."""
    own = 0
    below: dict[str, int] = defaultdict(int)
    for code, count in counts.items():
        if code == root:
            own += count
            continue
        at: str | None = code
        while at is not None and (above := parent(at)) != root:
            at = above
        if at is None:
            own += count  # of an area that this one has succeeded: it lies here, and not below it by its code
        else:
            below[at] += count
    return own, dict(below)
