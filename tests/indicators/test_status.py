"""Lights over HTTP: as of a day, explained, announced once, the same bytes later."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from services.indicators.app import create_app
from services.indicators.catalogue import service as catalogue
from services.indicators.catalogue.rules import shipped
from services.indicators.settings import Settings
from services.indicators.status import lights
from shared.events.indicators import LightChanged, TargetChanged
from tests.support.app import Harness, department, running, staff
from tests.support.databases import Backend

BASE = "/v1/indicators"
URL = f"{BASE}/observations"
OFFICE = staff("quality_office", user="office")
AGRI: dict[str, Any] = {
    "target_id": "agri_sampling_pass_rate",
    "area_code": "370602",
    "period": "2025",
    "n": 200,
    "passed": 200,
    "source": "芝罘区年报",
}


async def report(indicators: Harness, *items: dict[str, Any]) -> None:
    answer = await indicators.post(f"{URL}:batch?atomic=true", as_=OFFICE, json={"items": list(items)})
    assert answer.json()["rejected"] == 0, answer.text


async def status(indicators: Harness, target: str, **query: str) -> dict[str, Any]:
    answer = await indicators.get(f"{BASE}/targets/{target}/status", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_the_plan_is_loaded_once_and_announced(backend: Backend) -> None:
    async with running(create_app, Settings, backend) as first:
        told = first.published(TargetChanged)
        assert [event.target_id for event in told] == [row["id"] for row in shipped("370600")["targets"]]
        assert told[0].goal == "保持在98%以上"
        assert told[0].comparator == "hold_at_least"
        assert told[0].lead_departments == ["yt-nyj"]
        lit = first.published(LightChanged)
        assert len(lit) == 117
        assert {event.area_code for event in lit} == {"370600"}
        url = str(first.platform.settings.database_url)
    async with running(create_app, Settings, backend, url=url) as second:
        assert len(second.published(TargetChanged)) == 117
        assert len(second.published(LightChanged)) == 117


async def test_a_changed_row_is_a_new_version_and_the_past_stays(indicators: Harness) -> None:
    path = f"{BASE}/targets/agri_sampling_pass_rate"
    dated = (await indicators.get(f"{path}?as_of=2026-11-23")).content
    indicators.clock.advance(days=1)
    edited = dict(shipped("370600"))
    edited["targets"] = [dict(row) for row in edited["targets"]]
    edited["targets"][0] |= {"goal": "不低于98%"}
    async with indicators.platform.system_unit_of_work() as uow:
        assert await catalogue.load(uow, edited) == 1
    async with indicators.platform.system_unit_of_work() as uow:
        assert await catalogue.load(uow, edited) == 0
    now = (await indicators.get(path)).json()
    assert (now["version"], now["goal"]) == (2, "不低于98%")
    assert [version["version"] for version in now["versions"]] == [1, 2]
    assert (await indicators.get(f"{path}?as_of=2026-11-23")).content == dated
    last = indicators.published(TargetChanged)[-1]
    assert (last.target_id, last.version, last.goal) == ("agri_sampling_pass_rate", 2, "不低于98%")


async def test_targets_can_be_filtered_and_dated(indicators_sqlite: Harness) -> None:
    async def ids(**query: str) -> list[str]:
        answer = (await indicators_sqlite.get(f"{BASE}/targets", params=query)).json()
        assert answer["total"] == len(answer["items"])
        return [item["target_id"] for item in answer["items"]]

    assert len(await ids()) == 117
    assert len(await ids(as_of="2018-09-10")) == 117
    assert await ids(as_of="2018-09-09") == []
    assert len(await ids(section="三(一)")) == 15
    assert len(await ids(section="二")) == 52
    assert await ids(kind="about") == ["food_sampling_pass_rate"]
    assert "mgmt_system_certificates" in await ids(department="yt-hg")
    food = (await indicators_sqlite.get(f"{BASE}/targets/food_sampling_pass_rate")).json()
    assert food["quote"] == "食品抽检合格率稳定在98%左右"
    assert food["open_question"]["state"] == "undecided"
    assert food["open_question"]["decision"] is None
    assert food["lead_basis"] == "inferred"
    assert food["source"]["line"] == 20
    assert food["source"]["published_on"] == "2018-09-10"


async def test_a_county_figure_lights_the_county_and_the_city_once_each(indicators: Harness) -> None:
    before = len(indicators.published(LightChanged))
    await report(indicators, AGRI, {**AGRI, "area_code": "370611", "n": 10, "passed": 10})
    told = {event.area_code: event for event in indicators.published(LightChanged)[before:]}
    assert sorted(told) == ["370600", "370602", "370611"]
    assert len(indicators.published(LightChanged)) - before == 3
    assert (told["370602"].light, told["370602"].n) == ("met", 200)
    assert told["370611"].light == "cannot_tell"
    city = told["370600"]
    assert (city.light, city.n, city.passed, city.value) == ("met", 210, 210, "100.00")
    assert (city.low, city.high, city.period) == ("98.26", "100.00", "2025")
    assert city.provisional
    assert city.rule_version in city.sentence
    assert "市农业局" in city.sentence
    assert "2个地区合计" in city.sentence
    await report(indicators, AGRI)
    assert len(indicators.published(LightChanged)) - before == 3


async def test_the_sentence_tells_the_numbers_in_both_languages(indicators: Harness) -> None:
    await report(indicators, {**AGRI, "n": 34_699, "passed": 33_660})
    found = await status(indicators, "agri_sampling_pass_rate", area="370602")
    assert found["sentence"] == (
        "失守：34,699批中33,660批合格（97.01%，95%区间96.82%–97.18%），2025年低于98%；“保持”类目标跌破一次即失守。"
        "2025年 · 市农业局 · 暂定 · 规则2026.1"
    )
    assert found["sentence_en"].startswith("Breached: 33,660 of 34,699 batches passed (97.01 %, 95 % interval 96.82")
    await report(indicators, {**AGRI, "area_code": "370611", "n": 18, "passed": 16})
    found = await status(indicators, "agri_sampling_pass_rate", area="370611")
    assert (found["light"], found["settle_n"]) == ("cannot_tell", 183)
    assert "一批不失，也要183批才能证明达到98%" in found["sentence"]


async def test_as_of_a_day_is_what_was_valid_and_known_then(indicators: Harness) -> None:
    await report(indicators, {**AGRI, "area_code": "370600", "n": 18, "passed": 18})
    indicators.clock.advance(days=1)
    await report(indicators, {**AGRI, "area_code": "370600", "n": 500, "passed": 400, "reason": "补齐"})
    then = await status(indicators, "agri_sampling_pass_rate", as_of="2026-11-24")
    assert (then["light"], then["n"]) == ("cannot_tell", 18)
    now = await status(indicators, "agri_sampling_pass_rate")
    assert (now["light"], now["n"], now["as_of"]) == ("breached", 500, "2026-11-25")
    unknown = await status(indicators, "agri_sampling_pass_rate", as_of="2025-12-31")
    assert unknown["light"] == "no_data"
    hindsight = await status(
        indicators, "agri_sampling_pass_rate", valid_at="2025-12-31", known_at="2026-11-25T12:00:00+08:00"
    )
    assert (hindsight["n"], hindsight["as_of"]) == (500, "2025-12-31")
    early = await status(indicators, "agri_sampling_pass_rate", valid_at="2024-12-31")
    assert early["light"] == "no_data"


async def test_the_same_address_gives_the_same_bytes_later(indicators: Harness) -> None:
    await report(indicators, {**AGRI, "n": 300, "passed": 299})
    indicators.clock.advance(days=2)
    day = "as_of=2026-11-25"
    paths = [
        f"{BASE}/dashboard?{day}",
        f"{BASE}/dashboard?area=370602&{day}",
        f"{BASE}/targets?{day}",
        f"{BASE}/targets/agri_sampling_pass_rate?{day}",
        f"{BASE}/targets/agri_sampling_pass_rate/status?{day}",
        f"{BASE}/targets/agri_sampling_pass_rate/series?area=370602&{day}",
        f"{BASE}/rankings/agri_sampling_pass_rate?{day}",
        f"{BASE}/counts?{day}",
        f"{BASE}/observations?history=true&{day}",
    ]
    before = {path: await indicators.get(path) for path in paths}
    await report(
        indicators,
        {**AGRI, "n": 300, "passed": 150, "reason": "更正"},
        {**AGRI, "period": "2024", "n": 1000, "passed": 700},
        {**AGRI, "area_code": "370611"},
    )
    indicators.clock.advance(days=400)
    async with indicators.platform.system_unit_of_work() as uow:
        await lights.sweep(uow, "370600")
    for path, answer in before.items():
        assert answer.status_code == 200
        again = await indicators.get(path)
        assert again.content == answer.content, path
        assert again.headers["etag"] == answer.headers["etag"]
    assert (await indicators.get(f"{BASE}/dashboard")).json()["lights"]["breached"] == 1


@pytest.mark.parametrize(
    "value", ["2026-11-25", "yesterday", "2026-02-30", "2026-11-24T00:00:00", "0001-01-01T00:00:00Z"]
)
async def test_bad_days_are_refused(indicators_sqlite: Harness, value: str) -> None:
    for name in ("as_of", "valid_at", "known_at"):
        answer = await indicators_sqlite.get(f"{BASE}/dashboard", params={name: value})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"?{name}"


async def test_the_dashboard_has_all_targets_by_section(indicators: Harness) -> None:
    await report(indicators, {**AGRI, "area_code": "370600"})
    answer = (await indicators.get(f"{BASE}/dashboard")).json()
    assert answer["area"] == {"code": "370600", "name": "烟台市"}
    assert answer["total"] == len(answer["items"]) == 117
    assert answer["with_figure"] == 75
    assert sum(answer["lights"].values()) == 117
    assert (answer["lights"]["met"], answer["lights"]["no_data"]) == (1, 116)
    assert [item["position"] for item in answer["items"]] == list(range(1, 118))
    placed = [target for section in answer["sections"] for target in section["target_ids"]]
    assert sorted(placed) == sorted(item["target_id"] for item in answer["items"])
    assert answer["sections"][1]["title"] == "一、(二)产品质量高"
    for item in answer["items"]:
        assert item["quote"]
        assert item["sentence"].startswith(item["light_zh"])
        if item["light"] == "no_data" and item["lead_departments"]:
            assert f"应由{item['lead_departments'][0]['name']}" in item["sentence"]


async def test_the_hot_dashboard_is_the_cold_one_and_follows_a_change(indicators: Harness) -> None:
    hot = await indicators.get(f"{BASE}/dashboard")
    assert hot.content == (await indicators.get(f"{BASE}/dashboard?area=370600")).content
    await report(indicators, AGRI)
    changed = await indicators.get(f"{BASE}/dashboard")
    assert changed.content != hot.content
    assert changed.content == (await indicators.get(f"{BASE}/dashboard?area=370600")).content
    indicators.clock.set(datetime(2026, 11, 24, 16, 0, 1, tzinfo=UTC))  # a second after midnight in Shanghai
    assert (await indicators.get(f"{BASE}/dashboard")).json()["as_of"] == "2026-11-25"


async def test_the_dashboard_takes_three_queries_however_much_is_known(indicators: Harness) -> None:
    await report(indicators, *({**AGRI, "area_code": code} for code in ("370602", "370611", "370612", "370613")))
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked = ("FROM target_version", "FROM observation", "FROM sample_state")
        if any(table in statement.replace("\n", "") for table in asked):  # the relay asks for itself
            statements.append(statement)

    engine = indicators.platform.db.reader.sync_engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    try:
        await indicators.get(f"{BASE}/dashboard?area=370600")
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 3, statements
    assert len(set(statements)) == 3


async def test_a_new_day_turns_the_lights_that_depend_on_it(backend: Backend) -> None:
    from shared.clock import FixedClock

    clock = FixedClock(datetime(2020, 12, 31, 4, 0, tzinfo=UTC))
    async with running(create_app, Settings, backend, clock=clock) as harness:
        await report(
            harness,
            {"target_id": "luban_awards", "area_code": "370600", "period": "2018", "value": 7, "source": "s"},
            {"target_id": "luban_awards", "area_code": "370600", "period": "2020-12-30", "value": 8, "source": "s"},
        )
        assert (await status(harness, "luban_awards"))["light"] == "cannot_tell"
        await report(
            harness,
            {"target_id": "luban_awards", "area_code": "370600", "period": "2020-12-31", "value": 8, "source": "s"},
        )
        before = len(harness.published(LightChanged))
        clock.advance(days=1)
        async with harness.platform.system_unit_of_work() as uow:
            await lights.sweep(uow, "370600")
        told = {event.target_id: event.light for event in harness.published(LightChanged)[before:]}
        assert told["luban_awards"] == "off_track"
        assert told["ms_national_quality_city"] == "no_data"  # it was not due the day before
        assert "madrid_trademarks" not in told


async def test_alternatives_light_each_other(indicators: Harness) -> None:
    await report(
        indicators,
        {
            "target_id": "fitness_outdoor_per_capita",
            "area_code": "370600",
            "period": "2025",
            "value": 0.4,
            "source": "s",
        },
    )
    last = {event.target_id: event.light for event in indicators.published(LightChanged)[117:]}
    assert last == {"fitness_outdoor_per_capita": "met", "fitness_indoor_per_capita": "met"}


async def test_a_series_and_a_ranking(indicators: Harness) -> None:
    parts = {"370602": (200, 200), "370611": (300, 250), "370612": (20, 20)}
    await report(
        indicators,
        *({**AGRI, "area_code": code, "n": n, "passed": passed} for code, (n, passed) in parts.items()),
        {**AGRI, "area_code": "370600", "period": "2024", "n": 1000, "passed": 990},
    )
    series = (await indicators.get(f"{BASE}/targets/agri_sampling_pass_rate/series")).json()
    assert [(p["period"], p["n"], p["value"], p["summed_areas"]) for p in series["items"]] == [
        ("2024", 1000, "99.00", 0),
        ("2025", 520, "90.38", 3),
    ]
    assert all(point["low"] < point["value"] < point["high"] and point["provisional"] for point in series["items"])
    ranking = (await indicators.get(f"{BASE}/rankings/agri_sampling_pass_rate")).json()
    assert [(row["rank"], row["area_name"]) for row in ranking["ranked"]] == [(1, "芝罘区"), (2, "福山区")]
    assert [row["area_name"] for row in ranking["not_ranked"]] == ["牟平区"]
    assert ranking["pooled"]["value"] == "90.38"
    assert "牟平区20批，样本太少，不参加排名" in ranking["sentence"]
    assert ranking["min_n"] == 30


async def test_unknown_targets_and_areas(indicators: Harness) -> None:
    for path in (
        "targets/x",
        "targets/%00",
        "targets/x/status",
        "targets/x/series",
        "rankings/x",
        "targets/%00/status",
    ):
        assert (await indicators.get(f"{BASE}/{path}")).status_code == 404
    for path in ("dashboard", "counts", "targets/luban_awards/status", "rankings/luban_awards"):
        answer = await indicators.get(f"{BASE}/{path}?area=999999")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "area.unknown"


async def test_areas_in_force_on_a_day(indicators_sqlite: Harness) -> None:
    async def codes(query: str) -> set[str]:
        return {item["code"] for item in (await indicators_sqlite.get(f"{BASE}/areas?{query}")).json()["items"]}

    assert {"370684", "370634"} <= await codes("as_of=2019-01-01&within=370600")
    now = await codes("within=370600")
    assert "370614" in now
    assert not {"370684", "370634", "511900"} & now


async def test_a_department_of_a_county_may_not_move_the_city(indicators_sqlite: Harness) -> None:
    county = department("indicators:observations:write", area="370602")
    answer = await indicators_sqlite.post(URL, as_=county, json={**AGRI, "area_code": "370600"})
    assert answer.status_code == 403
