"""The published sampling figures of the demo: true to their reference, loaded through the API, honest about areas."""

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.app import Harness, department, staff
from tests.support.reference import reference

FILE = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "data" / "published_sampling.json"
BATCHES: list[dict[str, Any]] = orjson.loads(FILE.read_bytes())
ITEMS: list[dict[str, Any]] = [item for batch in BATCHES for item in batch["body"]["items"]]
BASE = "/v1/indicators"
OFFICE = staff("quality_office", user="office")


def test_it_agrees_with_the_reference_row_by_row() -> None:
    with reference("data/published_sampling.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(ITEMS) == 47
    source = ""
    for row, item in zip(rows, ITEMS, strict=True):
        source = source if row["source"] == "same" else row["source"]
        unit = row["unit_or_category"]
        assert item["external_id"] == f"{row['fixture']}:{unit}"
        assert item["target_id"] == row["target_id"]
        assert (item["n"], item["passed"]) == (int(row["n_total"]), int(row["n_pass"]))
        assert item["n"] - item["passed"] == int(row["n_fail"] or item["n"] - item["passed"])
        assert item["period"] == row["period"].replace("unidentified", "unknown")
        assert item["source"] == source
        assert "http" in item["source"]
        assert item.get("note", "") == row["note"]
        if row["area_code"]:
            assert item["area_code"] == row["area_code"]
        elif unit in ("城区", "乡镇"):
            assert (item["area_code"], item["category"]) == ("511900", unit)
        elif unit == "经开区":
            assert (item["area_name"], item["within"]) == ("经开区", "511900")
        else:
            assert item["area_name"] == "未注明地区"
            assert not {"area_code", "within"} & item.keys()
            assert item.get("category", "总计") == unit


async def load(indicators: Harness) -> list[dict[str, Any]]:
    verdicts: list[dict[str, Any]] = []
    for batch in BATCHES:
        answer = await indicators.post(f"{BASE}/observations:batch", as_=OFFICE, json=batch["body"])
        assert answer.status_code == 200, answer.text
        verdicts += answer.json()["verdicts"]
    return verdicts


async def test_it_loads_through_the_api_and_a_second_time_changes_nothing(indicators: Harness) -> None:
    assert {verdict["verdict"] for verdict in await load(indicators)} == {"accepted"}
    assert {verdict["verdict"] for verdict in await load(indicators)} == {"repeated"}
    assert indicators.rows("SELECT count(*) FROM observation") == [(47,)]


async def test_figures_of_other_cities_stay_theirs(indicators: Harness) -> None:
    await load(indicators)
    home = (await indicators.get(f"{BASE}/dashboard")).json()
    assert home["lights"]["no_data"] == 117
    nation = await light(indicators, "food_sampling_pass_rate", "100000")
    assert (nation["n"], nation["passed"], nation["summed_areas"]) == (965_727, 942_908, 0)
    assert not nation["applies"]
    datong = await light(indicators, "food_sampling_pass_rate", "140200")
    assert (datong["n"], datong["passed"]) == (16_641, 16_294)  # without the row of the city's own bureau
    bazhong = await light(indicators, "industrial_provincial_sampling_pass_rate", "511900")
    assert (bazhong["n"], bazhong["passed"], bazhong["value"]) == (555, 497, "89.55")
    assert (bazhong["low"], bazhong["high"], bazhong["light"]) == ("86.70", "91.97", "off_track")
    assert "仅作对照" in bazhong["sentence"]


async def test_bazhong_is_ranked_without_its_small_zone(indicators_sqlite: Harness) -> None:
    await load(indicators_sqlite)
    url = f"{BASE}/rankings/industrial_provincial_sampling_pass_rate?area=511900"
    ranking = (await indicators_sqlite.get(url)).json()
    assert [row["area_name"] for row in ranking["ranked"]] == ["巴州区", "通江县", "恩阳区", "南江县", "平昌县"]
    assert [(row["area_name"], row["area_code"], row["n"]) for row in ranking["not_ranked"]] == [("经开区", None, 18)]
    assert (ranking["pooled"]["n"], ranking["pooled"]["passed"]) == (555, 497)
    assert ranking["sentence"].startswith("巴中市2024年：555批合格497批，89.55%（86.70%–91.97%）；经开区18批")
    zone = ranking["not_ranked"][0]
    assert (zone["low"], zone["high"]) == ("65.29", "98.62")


async def test_an_unnamed_place_is_shown_and_counted_nowhere(indicators_sqlite: Harness) -> None:
    await load(indicators_sqlite)
    url = f"{BASE}/observations?target=food_sampling_pass_rate&limit=100"
    shown = [item for item in (await indicators_sqlite.get(url)).json()["items"] if item["area_name"]]
    assert len(shown) == 35
    assert {(item["area_name"], item["area_code"], item["within"], item["period"]) for item in shown} == {
        ("未注明地区", None, None, None)
    }
    for area in ("370600", "370000", "100000"):
        found = await light(indicators_sqlite, "food_sampling_pass_rate", area)
        assert found["n"] != 98_839


@pytest.mark.parametrize("area", ["370600", "100000"])
async def test_a_department_cannot_report_an_unnamed_place(indicators_sqlite: Harness, area: str) -> None:
    caller = department("indicators:observations:write", area=area)
    answer = await indicators_sqlite.post(f"{BASE}/observations:batch", as_=caller, json=BATCHES[3]["body"])
    assert {verdict["verdict"] for verdict in answer.json()["verdicts"]} == {"rejected"}


async def light(indicators: Harness, target: str, area: str) -> dict[str, Any]:
    answer = await indicators.get(f"{BASE}/targets/{target}/status?area={area}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
