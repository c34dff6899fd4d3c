"""Where what is counted lies: by the digits of its code, and by what an area has taken over."""

from services.indicators.counts.rules import roll_up
from tests.indicators.test_counts import counts, violation
from tests.support.app import Harness


async def test_an_area_counts_what_it_has_taken_over(indicators: Harness) -> None:
    """Changdao county (370634) became a part of Penglai district (370614) in 2020."""
    await indicators.deliver(
        violation("v1", area="370634"), violation("v2", area="370614"), violation("v3", area="370602")
    )
    for area, number in (("370614", 2), ("370602", 1), ("370600", 3), ("370000", 3), ("100000", 3), ("511900", 0)):
        assert (await counts(indicators, area=area))["violations"]["total"] == number, area


def test_counts_roll_up_to_the_areas_directly_below() -> None:
    parents = {"c1": "city", "t1": "c1", "c2": "city", "city": "province"}
    assert roll_up({"city": 1, "c1": 2, "t1": 4, "c2": 8, "taken over": 16}, "city", parents.get) == (
        17,
        {"c1": 6, "c2": 8},
    )
