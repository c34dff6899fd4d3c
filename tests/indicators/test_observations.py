"""Figures in: repeats, revisions, batches, dry runs, CSV, errors with their places, who may report what."""

from typing import Any

import pytest

from shared.events.indicators import LightChanged
from shared.web import Keyset
from tests.support.app import Harness, department, enterprise, public, staff

URL = "/v1/indicators/observations"
OFFICE = staff("quality_office", user="office")
BUREAU = department("indicators:observations:write", area="370600", client="bureau")
COUNTY = department("indicators:observations:write", area="370602", client="county")
AGRI: dict[str, Any] = {
    "target_id": "agri_sampling_pass_rate",
    "area_code": "370602",
    "period": "2025",
    "n": 200,
    "passed": 199,
    "source": "芝罘区年报",
}


def pointers(answer: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in answer["errors"]}


async def test_a_repeat_is_the_same_receipt(indicators: Harness) -> None:
    first = await indicators.post(URL, as_=COUNTY, json={**AGRI, "external_id": "zf-2025"})
    assert first.status_code == 201, first.text
    receipt = first.json()
    assert receipt["status"] == "provisional"
    again = await indicators.post(URL, as_=COUNTY, json={**AGRI, "external_id": "zf-2025"})
    assert again.status_code == 200
    assert again.content == first.content
    assert indicators.rows("SELECT count(*) FROM observation") == [(1,)]
    stored = (await indicators.get(receipt["links"]["self"])).json()
    assert (stored["n"], stored["passed"], stored["period"]) == (200, 199, "2025")
    assert (stored["period_from"], stored["period_to"]) == ("2025-01-01", "2025-12-31")
    assert stored["approval"] == "provisional"
    found = (await indicators.get(f"{URL}?external_id=zf-2025")).json()["items"]
    assert [item["observation_id"] for item in found] == [receipt["id"]]


async def test_a_change_is_a_revision_with_its_reason(indicators: Harness) -> None:
    first = (await indicators.post(URL, as_=COUNTY, json=AGRI)).json()
    refused = await indicators.post(URL, as_=COUNTY, json={**AGRI, "passed": 190})
    assert refused.status_code == 409
    assert pointers(refused.json()) == {"/reason": "revision.reason"}
    indicators.clock.advance(minutes=5)
    second = await indicators.post(URL, as_=COUNTY, json={**AGRI, "passed": 190, "reason": "录入有误"})
    assert second.status_code == 201
    assert second.json()["version"] == 2
    assert second.json()["id"] != first["id"]
    known = (await indicators.get(f"{URL}?target=agri_sampling_pass_rate")).json()["items"]
    assert [item["passed"] for item in known] == [190]
    history = (await indicators.get(f"{URL}?target=agri_sampling_pass_rate&history=true")).json()["items"]
    assert [(item["revision"], item["passed"], item["reason"]) for item in history] == [
        (1, 199, None),
        (2, 190, "录入有误"),
    ]
    assert history[0]["known_to"] == history[1]["known_from"]


async def test_all_errors_of_a_row_are_told_at_once(indicators: Harness) -> None:
    bad = {
        "target_id": "agri_sampling",
        "area_code": "999999",
        "period": "2025Q9",
        "n": 10,
        "passed": 11,
        "category": "蔬菜",
        "colour": "green",
        "note": "x" * 2001,
    }
    answer = await indicators.post(URL, as_=BUREAU, json=bad)
    assert answer.status_code == 422
    assert pointers(answer.json()) == {
        "/target_id": "target.unknown",
        "/area_code": "area.unknown",
        "/period": "period.format",
        "/passed": "passed.above_n",
        "/breakdown": "breakdown.pair",
        "/colour": "extra_forbidden",
        "/note": "string_too_long",
        "/source": "missing",
    }
    english = await indicators.post(URL, as_=BUREAU, json=bad, headers={"Accept-Language": "en"})
    assert "No target" in english.text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"n": 0, "passed": 0}, {"/n": "n.zero"}),
        ({"passed": None}, {"/passed": "figure.pair"}),
        ({"n": -1}, {"/n": "greater_than_equal"}),
        ({"n": True}, {"/n": "number.type"}),
        ({"n": 10.5}, {"/n": "int_from_float"}),
        ({"value": 99}, {"/value": "figure.twice"}),
        ({"n": None, "passed": None, "value": 101}, {"/value": "value.rate"}),
        ({"n": None, "passed": None}, {"/value": "figure.missing"}),
        ({"state": "achieved"}, {"/state": "figure.wrong_field"}),
        ({"period": "2026"}, {"/period": "period.future"}),
        ({"period": "2026-11-25"}, {"/period": "period.future"}),
        ({"period": "unknown"}, {"/period": "period.unknown"}),
        ({"area_code": "370614", "period": "2019"}, {"/area_code": "area.not_yet"}),
        ({"area_code": "370684", "period": "2021"}, {"/area_code": "area.ended"}),
        ({"area_name": "福山区"}, {"/area_name": "area.mismatch"}),
        ({"area_code": None}, {"/area_code": "area.missing"}),
        ({"within": "370600"}, {"/within": "area.both"}),
        ({"source": "a\u0000b"}, {"/source": "text.control"}),
        ({"source": "   "}, {"/source": "string_too_short"}),
        ({"target_id": "city_library_grade"}, {"/n": "figure.wrong_field", "/passed": "figure.wrong_field"}),
        ({"target_id": "luban_awards", "n": None, "passed": None, "value": -1}, {"/value": "value.negative"}),
        ({"target_id": "luban_awards", "n": None, "passed": None, "value": "NaN"}, {"/value": "finite_number"}),
        (
            {"target_id": "luban_awards", "n": None, "passed": None, "value": "1.1234567"},
            {"/value": "decimal_max_places"},
        ),
        (
            {"target_id": "county_library_grade", "n": None, "passed": None, "grade": "四级"},
            {"/grade": "grade.unknown"},
        ),
        (
            {"target_id": "free_public_facilities", "n": None, "passed": None, "value": 5},
            {"/value": "value.classes"},
        ),
        (
            {"target_id": "community_health_center_coverage", "n": None, "passed": None, "components": {"x": 1}},
            {"/components/x": "extra_forbidden"},
        ),
    ],
)
async def test_bad_input_names_its_place(
    indicators_sqlite: Harness, change: dict[str, Any], expected: dict[str, str]
) -> None:
    answer = await indicators_sqlite.post(URL, as_=OFFICE, json={**AGRI, **change})
    assert answer.status_code == 422, answer.text
    assert pointers(answer.json()) == expected
    assert indicators_sqlite.rows("SELECT count(*) FROM observation") == [(0,)]


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 422),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "application/xml", 415),
        (b'{"n": 1e999}', "application/json", 400),
        (b"[" * 3000, "application/json", 400),
    ],
)
async def test_bodies_that_cannot_be_read(indicators_sqlite: Harness, content: bytes, media: str, status: int) -> None:
    for url in (URL, f"{URL}:batch"):
        answer = await indicators_sqlite.post(url, as_=OFFICE, content=content, headers={"Content-Type": media})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_bad_row_does_not_lose_the_good_ones(indicators: Harness) -> None:
    items = [
        {**AGRI, "external_id": "a"},
        {**AGRI, "area_code": "370611", "passed": 201, "external_id": "b"},
        "not an object",
        {**AGRI, "area_code": "370612"},
        {**AGRI},
        {**AGRI, "n": 300},
        {**AGRI, "area_code": "370613", "external_id": "a"},
    ]
    answer = (await indicators.post(f"{URL}:batch", as_=BUREAU, json={"items": items})).json()
    assert [each["verdict"] for each in answer["verdicts"]] == [
        "accepted",
        "rejected",
        "rejected",
        "accepted",
        "repeated",
        "rejected",
        "rejected",
    ]
    assert [pointers(each) for each in answer["verdicts"]] == [
        {},
        {"/items/1/passed": "passed.above_n"},
        {"/items/2": "model_type"},
        {},
        {},
        {"/items/5/period": "row.twice"},
        {"/items/6/external_id": "external_id.used"},
    ]
    assert answer["verdicts"][4]["receipt"] == answer["verdicts"][0]["receipt"]
    assert (answer["stored"], answer["rejected"]) == (2, 4)
    assert answer["approval"] == "provisional"
    assert indicators.rows("SELECT area_code FROM observation ORDER BY area_code") == [("370602",), ("370612",)]


async def test_atomic_keeps_all_of_them_out(indicators: Harness) -> None:
    items = [AGRI, {**AGRI, "area_code": "370611", "n": 1, "passed": 2}, AGRI]
    answer = (await indicators.post(f"{URL}:batch?atomic=true", as_=BUREAU, json={"items": items})).json()
    assert [each["verdict"] for each in answer["verdicts"]] == ["not_stored", "rejected", "not_stored"]
    assert [each["receipt"] for each in answer["verdicts"]] == [None, None, None]
    assert answer["stored"] == 0
    assert indicators.rows("SELECT count(*) FROM observation") == [(0,)]
    items[1]["n"] = 2
    answer = (await indicators.post(f"{URL}:batch?atomic=true", as_=BUREAU, json={"items": items})).json()
    assert answer["stored"] == 2


async def test_a_dry_run_stores_and_announces_nothing(indicators: Harness) -> None:
    before = len(indicators.published(LightChanged))
    items = [AGRI, {**AGRI, "area_code": "370611", "n": 1, "passed": 2}, AGRI]
    answer = (await indicators.post(f"{URL}:batch?dry_run=true", as_=BUREAU, json={"items": items})).json()
    assert [each["verdict"] for each in answer["verdicts"]] == ["accepted", "rejected", "repeated"]
    assert [each["receipt"] for each in answer["verdicts"]] == [None, None, None]
    assert answer["stored"] == 0
    assert indicators.rows("SELECT count(*) FROM observation") == [(0,)]
    assert len(indicators.published(LightChanged)) == before


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
async def test_csv_with_chinese_headers(indicators: Harness, encoding: str) -> None:
    text = (
        "指标,地区代码,时期,抽查批次,合格批次,来源,备注\r\n"
        'agri_sampling_pass_rate,370602,2025年,"1,200","1,199",芝罘区年报,"两行\n备注"\r\n'
        "\r\n"
        "agri_sampling_pass_rate,370611,2025年四季度,90,91,福山区年报,\r\n"
    )
    answer = await indicators.post(
        f"{URL}:batch", as_=BUREAU, content=text.encode(encoding), headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert answer.status_code == 200, answer.text
    good, bad = answer.json()["verdicts"]
    assert (good["verdict"], good["line"]) == ("accepted", 3)
    assert (bad["verdict"], bad["line"]) == ("rejected", 5)
    assert pointers(bad) == {"/items/1/passed": "passed.above_n"}
    assert indicators.rows("SELECT n, passed, note FROM observation") == [(1200, 1199, "两行\n备注")]


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 400, "csv.empty"),
        ("指标,时期,来源,颜色\n", 422, "csv.column"),
        ("指标,指标代码,时期,来源\n", 422, "csv.twice"),
        ("指标,时期\n", 422, "csv.missing"),
        ("指标,时期,来源\na,b,c,d\n", 400, "csv.cells"),
        ('指标,时期,来源\n"a,b\n', 400, "csv"),
    ],
)
async def test_csv_that_cannot_be_read(indicators_sqlite: Harness, text: str, status: int, code: str) -> None:
    answer = await indicators_sqlite.post(
        f"{URL}:batch", as_=BUREAU, content=text.encode(), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert code in {told["code"], *(error["code"] for error in told.get("errors", ()))}


async def test_envelopes_and_sizes(indicators_sqlite: Harness) -> None:
    for body, expected in (({"items": 1}, "/items"), ({"rows": []}, "/items"), ({"items": [], "x": 1}, "/x"), (3, "")):
        answer = await indicators_sqlite.post(f"{URL}:batch", as_=BUREAU, json=body)
        assert answer.status_code == 422
        assert expected in pointers(answer.json())
    answer = await indicators_sqlite.post(f"{URL}:batch", as_=BUREAU, json={"items": [1] * 20_001})
    assert pointers(answer.json()) == {"/items": "batch.size"}


async def test_who_may_report_what(indicators: Harness) -> None:
    for caller, status in (
        (public(), 401),
        (department("credit:violations:write"), 403),
        (enterprise("91370600MA3C0XXX0X", "indicators:observations:write"), 403),
        (staff("inspector"), 403),
        (department("indicators:observations:write", area="370611"), 403),
        (department("indicators:observations:write", area="511900"), 403),
        (COUNTY, 201),
    ):
        answer = await indicators.post(URL, as_=caller, json=AGRI)
        assert answer.status_code == status, answer.text
    elsewhere = {**AGRI, "area_code": "511900"}
    assert (await indicators.post(URL, as_=BUREAU, json=elsewhere)).status_code == 403
    assert (await indicators.post(URL, as_=OFFICE, json=elsewhere)).status_code == 201
    town = {**AGRI, "area_code": None, "area_name": "高铁新城", "within": "370602"}
    assert (await indicators.post(URL, as_=COUNTY, json=town)).status_code == 201
    nowhere = {**AGRI, "area_code": None, "area_name": "未注明地区"}
    assert (await indicators.post(URL, as_=COUNTY, json=nowhere)).status_code == 403
    assert (await indicators.post(URL, as_=OFFICE, json={**nowhere, "period": "unknown"})).status_code == 201
    mixed = (await indicators.post(f"{URL}:batch", as_=COUNTY, json={"items": [AGRI, elsewhere]})).json()
    assert [each["verdict"] for each in mixed["verdicts"]] == ["repeated", "rejected"]
    assert pointers(mixed["verdicts"][1]) == {"/items/1/area_code": "area.forbidden"}


async def test_an_idempotency_key_gives_the_first_answer_again(indicators: Harness) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await indicators.post(URL, as_=COUNTY, json=AGRI, headers=headers)
    again = await indicators.post(URL, as_=COUNTY, json=AGRI, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    other = await indicators.post(URL, as_=COUNTY, json={**AGRI, "n": 300}, headers=headers)
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("target", "figure"),
    [
        ("fertilizer_zero_growth", {"value": -1.5}),
        ("mfg_quality_competitiveness_index", {"value": "89.25"}),
        ("new_building_energy_standard_rate", {"n": 40, "passed": 40}),
        ("consumer_service_satisfaction", {"value": 82.1}),
        ("county_library_grade", {"grade": "二级"}),
        ("ms_expert_think_tank", {"state": "achieved"}),
        ("community_health_center_coverage", {"components": {"centres": 5, "subdistricts": 5}}),
        ("free_public_facilities", {"value": 1, "breakdown": "设施", "category": "公园"}),
        ("medical_elderly_care_beds", {"value": 28_000}),
        ("dir_energy_water_use", {"value": "0.352"}),
    ],
)
async def test_every_kind_of_figure_is_taken_and_lights_its_target(
    indicators: Harness, target: str, figure: dict[str, Any]
) -> None:
    body = {"target_id": target, "area_code": "370602", "period": "2025", "source": "年报", **figure}
    answer = await indicators.post(URL, as_=COUNTY, json=body)
    assert answer.status_code == 201, answer.text
    stored = (await indicators.get(answer.json()["links"]["self"])).json()
    for name, value in figure.items():
        assert stored[name] == (str(value) if name == "value" else value)
    told = [event for event in indicators.published(LightChanged) if event.area_code == "370602"]
    assert [event.target_id for event in told] == [target]
    assert told[0].light != "no_data"


async def test_areas_are_kept_in_their_shortest_form(indicators_sqlite: Harness) -> None:
    await indicators_sqlite.post(URL, as_=COUNTY, json=AGRI)
    long = await indicators_sqlite.post(URL, as_=COUNTY, json={**AGRI, "area_code": "370602000000"})
    assert long.status_code == 200
    assert long.json()["detail"]["area_code"] == "370602"


async def test_lists_page_and_unknown_ones_are_not_found(indicators: Harness) -> None:
    items = [{**AGRI, "period": f"2025-{month:02}"} for month in range(1, 13)]
    await indicators.post(f"{URL}:batch", as_=COUNTY, json={"items": items})
    seen, url = [], f"{URL}?limit=5"
    while url:
        page = (await indicators.get(url)).json()
        seen += [item["period"] for item in page["items"]]
        url = f"{URL}?limit=5&cursor={page['next']}" if page["next"] else ""
    assert seen == [f"2025-{month:02}" for month in range(1, 13)]
    for name in ("nothing", "%00", "x" * 300):
        assert (await indicators.get(f"{URL}/{name}")).status_code == 404
    assert (await indicators.get(f"{URL}?target=%00")).json()["items"] == []
    for cursor in ("x", Keyset("observations").cursor("\x00"), Keyset("products").cursor("a")):
        assert (await indicators.get(f"{URL}?cursor={cursor}")).status_code == 422
