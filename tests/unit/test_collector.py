"""A look through everything waits while something large lives, however many such things there are at once."""

import gc
from collections.abc import Iterator

import pytest

from shared import collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What other tests have left alive does not count: beside much of it Python looks through everything less often."""
    before = gc.get_threshold()
    gc.freeze()
    gc.collect()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def looks_through_everything() -> int:
    """How many of them the making of many circles, all kept, sets off."""
    before = gc.get_stats()[2]["collections"]
    kept: list[object] = []
    kept.extend([kept] for _ in range(400_000))
    return gc.get_stats()[2]["collections"] - before


def test_none_beside_something_large() -> None:
    gc.set_threshold(100, 2, 2)
    with collector.large():
        assert looks_through_everything() == 0
    assert looks_through_everything() > 0


def test_the_last_one_to_end_puts_the_thresholds_back() -> None:
    gc.set_threshold(300, 7, 9)
    first, second = collector.large(), collector.large()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (300, 7, 2**31 - 1)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (300, 7, 9)


def test_a_failure_puts_them_back_too() -> None:
    gc.set_threshold(300, 7, 9)
    with pytest.raises(ValueError, match="broken"), collector.large():
        raise ValueError("broken")
    assert gc.get_threshold() == (300, 7, 9)
