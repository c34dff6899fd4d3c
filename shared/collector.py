"""When Python looks for garbage in circles.

A look through everything holds the whole process up for as long as it takes, 0.1 s beside a document of 20,000 events.
Hardly anything here is in a circle, so such a look is rare, and waits while something large lives: that is freed by
counting, as all else.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (5_000, 10, 20)
"""Objects more than before until the youngest are looked at; looks at these until one at the next older ones; looks at
those until one at everything."""
_NEVER = 2**31 - 1
_before: list[tuple[int, int, int]] = []
"""The thresholds as they were, once for each large thing that lives."""


def settle() -> None:
    """For a process that has imported all it serves with: that stays, and is not looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def large() -> Iterator[None]:
    """No look through everything meanwhile: here lives something large for a while."""
    _before.append(_before[0] if _before else gc.get_threshold())
    youngest, younger, _ = _before[0]
    gc.set_threshold(youngest, younger, _NEVER)
    try:
        yield
    finally:
        before = _before.pop()
        if not _before:
            gc.set_threshold(*before)
