"""How far a consumer is, and up to when it has applied everything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Place = tuple[str, int]
"""Topic and partition."""
Places = Mapping[Place, tuple[int, int]]
"""For each place: the first offset that is not committed, and the one after the newest record."""


@dataclass(frozen=True)
class Standing:
    """Of one topic."""

    waiting: int
    whole_at: datetime | None
    """Everything that was stored before is applied. None: not known yet."""


def waiting(places: Places) -> dict[str, int]:
    """Records that are not committed yet, for each topic."""
    found: dict[str, int] = {}
    for (topic, _), (done, end) in places.items():
        found[topic] = found.get(topic, 0) + max(0, end - done)
    return found


class Progress:
    """Under steady load some record always waits, so a look that finds none may never come. Therefore a look keeps the
    ends that it saw: once those are committed, everything that was stored before that look is applied."""

    def __init__(self) -> None:
        self._whole_at: dict[str, datetime] = {}
        self._goals: dict[str, tuple[datetime, dict[Place, int]] | None] = {}

    def look(self, at: datetime, places: Places) -> dict[str, Standing]:
        """`at` is before the moment at which the ends of `places` were asked for."""
        counts = waiting(places)
        for topic, count in counts.items():
            goal = self._goals.get(topic)
            # A partition that another member has taken over is that one's to apply.
            if goal is not None and all(places[place][0] >= end for place, end in goal[1].items() if place in places):
                self._whole_at[topic], goal = goal[0], None
            if count == 0:
                self._whole_at[topic], goal = at, None
            elif goal is None:
                goal = (at, {place: end for place, (_, end) in places.items() if place[0] == topic})
            self._goals[topic] = goal
        return {topic: Standing(count, self._whole_at.get(topic)) for topic, count in counts.items()}
