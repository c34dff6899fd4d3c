"""Writers beside each other: one figure has one row at a time, and no sum misses what was written beside it."""

import asyncio
from typing import Any

from shared.events.indicators import LightChanged
from tests.support.app import Harness, department, staff

URL = "/v1/indicators/observations"
OFFICE = staff("quality_office", user="office")
COUNTIES = ("370602", "370611", "370612", "370613", "370681", "370682", "370683", "370685")


def figure(area: str, passed: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "target_id": "agri_sampling_pass_rate",
        "area_code": area,
        "period": "2025",
        "n": 100,
        "passed": passed,
        "source": "年报",
        **more,
    }


async def test_counties_that_report_together_all_count_in_the_city(indicators: Harness) -> None:
    answers = await asyncio.gather(
        *(
            indicators.post(
                URL, as_=department("indicators:observations:write", area=area, client=area), json=figure(area)
            )
            for area in COUNTIES
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    city = (await indicators.get("/v1/indicators/targets/agri_sampling_pass_rate/status")).json()
    assert (city["n"], city["summed_areas"]) == (800, 8)
    told = [event for event in indicators.published(LightChanged) if event.n and event.area_code == "370600"]
    assert [event.n for event in told] == [100 * number for number in range(1, 9)]


async def test_the_same_figure_sent_many_times_at_once_is_one_row_and_one_receipt(indicators: Harness) -> None:
    answers = await asyncio.gather(*(indicators.post(URL, as_=OFFICE, json=figure("370602")) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert indicators.rows("SELECT count(*) FROM observation") == [(1,)]


async def test_revisions_at_once_follow_each_other(indicators: Harness) -> None:
    await indicators.post(URL, as_=OFFICE, json=figure("370602"))
    answers = await asyncio.gather(
        *(indicators.post(URL, as_=OFFICE, json=figure("370602", number, reason="更正")) for number in range(90, 98))
    )
    assert {answer.status_code for answer in answers} == {201}
    rows = indicators.rows("SELECT revision, known_to IS NULL FROM observation ORDER BY revision")
    assert [revision for revision, _ in rows] == list(range(1, 10))
    assert [bool(current) for _, current in rows] == [False] * 8 + [True]


async def test_batches_of_the_same_figures_in_different_order_do_not_block_each_other(indicators: Harness) -> None:
    items = [figure(area, period=f"2025-{month:02}") for area in COUNTIES for month in range(1, 7)]
    answers = await asyncio.gather(
        *(
            indicators.post(f"{URL}:batch", as_=OFFICE, json={"items": order})
            for order in (items, items[::-1], items[24:] + items[:24])
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    verdicts = [verdict["verdict"] for answer in answers for verdict in answer.json()["verdicts"]]
    assert sorted(set(verdicts)) == ["accepted", "repeated"]
    assert verdicts.count("accepted") == len(items)
    assert indicators.rows("SELECT count(*) FROM observation") == [(len(items),)]
