"""The tour of the README: real processes, over HTTP only. No clock is faked and no step is skipped."""

import asyncio
import csv
import json
import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.accounts import COUNTY, ENFORCEMENT, ENTERPRISES, USERS
from deploy.demo.cast import APPLES, COOPERATIVE, NUTS, SEAFOOD
from deploy.demo.chains import Days
from deploy.demo.client import Account, ApiError
from deploy.local.postgres import Postgres
from shared.clock import SystemClock, shanghai_date
from tests.e2e.kafka_unit import a_unit_pushes_on_kafka
from tests.e2e.running import Running, running, until
from tests.e2e.second_gateway import second_gateway
from tests.support.reference import reference

TODAY = shanghai_date(SystemClock().now())
DAYS = Days(TODAY)


@pytest.fixture(
    params=["laptop", pytest.param("city", marks=[pytest.mark.postgres, pytest.mark.kafka])],
    ids=["sqlite and the embedded log", "postgres and kafka"],
)
def city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    options: list[str] = []
    if request.param == "city":
        server: Postgres = request.getfixturevalue("postgres_databases")
        kafka: str = request.getfixturevalue("kafka_server")
        options = ["--postgres", server.url("").rstrip("/"), "--bus", f"kafka://{kafka}/tour-{os.getpid()}."]
    with running(tmp_path / "var", *options) as up:
        yield up


def get(city: Running, path: str, **options: Any) -> Any:
    response = city.http.get(path, **options)
    assert response.status_code == 200, (path, response.status_code, response.text[:500])
    return response.json()


def page(city: Running, path: str, *, status: int = 200) -> str:
    response = city.http.get(path, headers={"Accept": "text/html"})
    assert response.status_code == status, (path, response.status_code)
    assert response.headers["content-type"].startswith("text/html")
    return response.text


def user(city: Running, name: str) -> Account:
    return city.account(next(each for each in USERS if each.username == name))


@pytest.mark.timeout(400)
def test_the_tour(city: Running) -> None:
    the_dashboard_shows_the_whole_plan(city)
    published_figures_stay_figures_of_their_cities(city)
    others_documents_are_captured(city)
    a_phone_scans_apples(city)
    everything_wrong_with_a_violation_is_told_at_once(city)
    violation = a_violation_is_pushed_twice(city)
    if city.kafka:
        asyncio.run(a_unit_pushes_on_kafka(city, VIOLATION))
    the_producer_is_black_listed_by_the_book(city, violation)
    with second_gateway(city) if city.kafka else nullcontext(city.http) as beside:
        a_failed_test_holds_and_a_recall_follows(city, beside)
    a_killed_service_is_missed_by_nobody(city)
    what_the_audit_says_holds(city)


# 1 -------------------------------------------------------------------------------------------------------------------


def the_dashboard_shows_the_whole_plan(city: Running) -> None:
    with reference("plan/targets.csv").open(encoding="utf-8-sig") as file:
        plan = list(csv.DictReader(file))
    dashboard = get(city, "/v1/indicators/dashboard")
    shown = {item["target_id"]: item for item in dashboard["items"]}
    assert len(plan) == len(shown) == dashboard["total"] == 117
    for row in plan:
        item = shown[row["id"]]
        assert (item["name"], item["section"], item["quote"]) == (row["name_zh"], row["section"], row["quote_zh"])
    assert sum(dashboard["lights"].values()) == 117
    html = page(city, "/")
    for row in plan:
        assert f"/targets/{row['id']}" in html
    overview = until(lambda: _complete_overview(city), "the gateway's view of all targets")
    assert sum(overview["lights"].values()) == 117


def _complete_overview(city: Running) -> Any:
    body = get(city, "/v1/overview")
    return body if sum(body["lights"].values()) == 117 else None


def published_figures_stay_figures_of_their_cities(city: Running) -> None:
    def status(target: str, area: str) -> Any:
        return get(city, f"/v1/indicators/targets/{target}/status?area={area}")

    nation = status("food_sampling_pass_rate", "100000")
    assert (nation["light"], nation["n"], nation["passed"]) == ("cannot_tell", 965_727, 942_908)
    assert (nation["low"], nation["high"]) == ("97.61", "97.67")
    pooled = status("industrial_provincial_sampling_pass_rate", "511900")
    assert (pooled["n"], pooled["passed"], pooled["low"], pooled["high"]) == (555, 497, "86.70", "91.97")
    html = page(city, "/targets/food_sampling_pass_rate?area=100000")
    assert "食品抽检合格率稳定在98%左右" in html
    assert "965,727" in html


# 2 -------------------------------------------------------------------------------------------------------------------


def others_documents_are_captured(city: Running) -> None:
    unit = city.account(ENFORCEMENT)
    folder = reference("vectors/epcis/gs1/JSON")
    documents = [path for path in sorted(folder.rglob("*.jsonld")) if _is_document(path)]
    assert len(documents) >= 30
    taken = []
    for path in documents:
        try:
            unit.capture(json.loads(path.read_text(encoding="utf-8")))
        except ApiError as error:
            # Some examples give one eventID to different events, which one repository cannot hold side by side.
            assert "epcis.event_id_taken" in str(error), path.name
            taken.append(path.name)
    assert len(taken) <= 3, taken
    events = unit.get(f"/epcis/events?MATCH_anyEPCClass=https://id.gs1.org/01/{APPLES.gtin}/10/{DAYS.apples.number}")
    steps = [event["bizStep"] for event in events["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
    assert steps.count("shipping") == 2
    assert "receiving" in steps


def _is_document(path: Path) -> bool:
    return bool(json.loads(path.read_text(encoding="utf-8")).get("type") == "EPCISDocument")


# 3 -------------------------------------------------------------------------------------------------------------------


def apples_path() -> str:
    return f"/01/{APPLES.gtin}/10/{DAYS.apples.number}"


def scan(city: Running, lot: Any) -> Any:
    return get(city, f"/01/{lot.product.gtin}/10/{lot.number}", headers={"Accept": "application/json"})


def verdict_at(gateway: httpx.Client, lot: Any) -> str:
    response = gateway.get(f"/01/{lot.product.gtin}/10/{lot.number}", headers={"Accept": "application/json"})
    assert response.status_code == 200
    return str(response.json()["verdict"])


def a_phone_scans_apples(city: Running) -> None:
    verdict = scan(city, DAYS.apples)
    assert verdict["verdict"] == "safe"
    assert all(check["ok"] for check in verdict["checks"])
    assert verdict["producer"]["uscc"] == COOPERATIVE.uscc
    assert verdict["producer"]["credit"]["status"] == "none"
    assert [step["step"] for step in verdict["journey"]][:2] != []
    assert any(test["result"] == "pass" for test in verdict["tests"])
    by_code = get(city, f"/v1/scan/https%3A%2F%2Fid.gs1.org{apples_path().replace('/', '%2F')}")
    assert by_code["verdict"] == "safe"
    html = page(city, apples_path())
    for words in ("未发现问题", APPLES.name, COOPERATIVE.name, "从哪里来"):
        assert words in html
    english = city.http.get(apples_path(), headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "No problem found" in english
    wrong = city.http.get(f"/01/{APPLES.gtin[:-1]}9", headers={"Accept": "application/json"})
    assert wrong.status_code == 400
    assert wrong.json()["position"] == 14
    unknown = get(city, "/01/09521101530018/10/NOSUCHLOT", headers={"Accept": "application/json"})
    assert unknown["verdict"] == "unknown"


# 4 -------------------------------------------------------------------------------------------------------------------

VIOLATION: dict[str, Any] = {
    "external_id": "tour-1",
    "uscc": SEAFOOD.uscc,
    "party_name": SEAFOOD.name,
    "area_code": SEAFOOD.area,
    "document_number": f"烟市监处罚〔{TODAY.year}〕88号（演示）",
    "violation_type": "在食品中添加可能危害人体健康的物质",
    "field": "food",
    "facts": "在海参加工中使用非食用物质（演示）",
    "legal_basis": "《中华人民共和国食品安全法》第一百二十三条",
    "penalty_kinds": ["fine", "licence_revoked"],
    "fine_fen": 30_000_000,
    "decision_date": (TODAY - timedelta(days=3)).isoformat(),
}


def everything_wrong_with_a_violation_is_told_at_once(city: Running) -> None:
    refused = city.http.post(
        "/oauth/token", data={"grant_type": "client_credentials", "client_id": "demo-unit", "client_secret": "no"}
    )
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    unit = city.account(ENFORCEMENT)
    wrong = {name: value for name, value in VIOLATION.items() if name != "document_number"}
    wrong |= {"uscc": SEAFOOD.uscc[:-1] + "0", "fine": 3}
    problem = unit.post("/v1/credit/violations", wrong, ok=(422,))
    places = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert set(places) == {"/uscc", "/document_number", "/fine"}
    assert "应为" in places["/uscc"]
    county = city.account(COUNTY)
    assert county.post("/v1/credit/violations", VIOLATION, ok=(403,))["code"]
    anonymous = city.http.post("/v1/credit/violations", json=VIOLATION)
    assert anonymous.status_code == 401


def a_violation_is_pushed_twice(city: Running) -> str:
    unit = city.account(ENFORCEMENT)
    first = unit.post("/v1/credit/violations", VIOLATION)
    again = unit.post("/v1/credit/violations", VIOLATION)
    assert first == again
    assert first["publish_by"] > TODAY.isoformat()
    other = unit.post("/v1/credit/violations", VIOLATION | {"facts": "别的事实"}, ok=(409,))
    assert "facts" in json.dumps(other)
    return str(first["violation_id"])


# 5 -------------------------------------------------------------------------------------------------------------------


def the_producer_is_black_listed_by_the_book(city: Running, violation: str) -> None:
    assert scan(city, DAYS.dried_cucumber)["producer"]["credit"]["status"] == "none"
    before = get(city, "/v1/indicators/counts")["black"]["total"]
    officer, reviewer, publisher = (user(city, name) for name in ("demo-officer", "demo-reviewer", "demo-publisher"))
    proposal = {
        "colour": "black",
        "uscc": SEAFOOD.uscc,
        "ground_code": "food.hazardous_substance",
        "facts": "在食品中添加可能危害人体健康的物质，受到较重行政处罚（演示）",
        "violation_id": violation,
    }
    case = officer.post("/v1/credit/listings", proposal)
    path = f"/v1/credit/listings/{case['listing_id']}"
    number = f"烟市监列〔{TODAY.year}〕9号（演示）"
    decision = {"outcome": "list", "decided_on": TODAY.isoformat(), "document_number": number, "reason": "事实清楚"}
    early = reviewer.post(f"{path}/decision", decision, ok=(409,))
    assert early["code"] == "due_process"
    assert "告知" in early["detail"]
    officer.post(f"{path}/notice", {"served_on": TODAY.isoformat(), "document_number": f"{number}-告知"})
    unheard = reviewer.post(f"{path}/decision", decision, ok=(409,))
    assert unheard["code"] == "due_process"
    waiver = {"how": "waived", "on": TODAY.isoformat(), "document_number": f"{number}-放弃"}
    officer.post(f"{path}/hearing", waiver)
    officer.post(f"{path}/decision", decision, ok=(403,))
    reviewer.post(f"{path}/decision", decision)
    publisher.post(f"{path}/publication", {})

    def listed() -> bool:
        view = get(city, f"/v1/enterprises/{SEAFOOD.uscc}")
        return bool(view["credit"]["status"] == "black")

    until(listed, "the black listing in the enterprise view")
    until(lambda: scan(city, DAYS.dried_cucumber)["producer"]["credit"]["status"] == "black", "the mark on the scan")
    until(lambda: get(city, "/v1/indicators/counts")["black"]["total"] == before + 1, "the indicators' count")
    public = get(city, f"/v1/lists/black?q={SEAFOOD.uscc}")["items"]
    assert [item["party_name"] for item in public] == [SEAFOOD.name]
    assert get(city, f"/v1/credit/lists/black?q={SEAFOOD.uscc}")["items"][0]["document_number"] == number
    html = page(city, f"/enterprises/{SEAFOOD.uscc}")
    for words in (SEAFOOD.name, "黑榜", "烟台市市场监督管理局", number):
        assert words in html
    assert SEAFOOD.name in page(city, "/lists/black")
    assert COOPERATIVE.name not in page(city, "/lists/black")


# 6 -------------------------------------------------------------------------------------------------------------------


def a_failed_test_holds_and_a_recall_follows(city: Running, beside: httpx.Client) -> None:
    """`beside` is another process of the gateway where there is one: its cached answers follow too."""
    unit, officer = city.account(ENFORCEMENT), user(city, "demo-officer")
    raw, dried = DAYS.raw_cucumber, DAYS.dried_cucumber
    report = {
        "report_number": "TOUR-1",
        "laboratory": "烟台示例检验检测中心",
        "sample_id": "TOUR-1-1",
        "lot_id": raw.lot_id,
        "kind": "supervision",
        "category": "food",
        "sampled_on": (TODAY - timedelta(days=2)).isoformat(),
        "tested_on": TODAY.isoformat(),
        "items": [{"name": "氯霉素", "limit": "不得检出", "value": "1.2", "unit": "μg/kg", "result": "fail"}],
        "result": "fail",
    }
    receipt = unit.post("/v1/traceability/tests", report)
    assert receipt["alerts"]
    until(lambda: scan(city, raw)["verdict"] == "held", "the hold on the lot")
    assert scan(city, dried)["verdict"] == "safe", "the dried lot is not held by the raw lot's test"
    until(lambda: verdict_at(beside, raw) == "held", "the hold on the lot, beside")
    assert verdict_at(beside, dried) == "safe"
    started = time.monotonic()
    recall = officer.post(
        "/v1/traceability/recalls",
        {
            "lots": [raw.lot_id],
            "level": 1,
            "reason": "检出禁用药物氯霉素",
            "reason_en": "Chloramphenicol found",
            "instructions": "停止食用，退回购买处",
        },
    )
    assert {lot["lot_id"] for lot in recall["lots"]} == {raw.lot_id, dried.lot_id}, (
        "what was made of it is recalled too"
    )
    for lot in (raw, dried):
        until(lambda lot=lot: scan(city, lot)["verdict"] == "recalled", f"the recall of {lot.lot_id} on the scan")
        until(lambda lot=lot: verdict_at(beside, lot) == "recalled", f"the recall of {lot.lot_id}, beside")
    print(f"recalled on the scan {time.monotonic() - started:.2f} s after the request")
    html = page(city, f"/01/{dried.product.gtin}/10/{dried.number}")
    assert "正在召回，请勿食用" in html
    until(lambda: recall["number"] in json.dumps(get(city, "/v1/feed"), ensure_ascii=False), "the notice in the feed")
    assert f"/recalls/{recall['recall_id']}" in page(city, "/recalls")
    assert "检出禁用药物氯霉素" in page(city, f"/recalls/{recall['recall_id']}")
    assert scan(city, DAYS.apples)["verdict"] == "safe"


# 7 -------------------------------------------------------------------------------------------------------------------


def a_killed_service_is_missed_by_nobody(city: Running) -> None:
    unit = city.account(ENFORCEMENT)
    number = f"烟市监处罚〔{TODAY.year}〕89号（演示）"
    unit.post("/v1/credit/violations", VIOLATION | {"external_id": "tour-2", "document_number": number})
    city.kill("credit")
    stale = until(lambda: _stale(city), "the age of credit's part")
    assert stale["credit"]["status"] == "black", "the last known answer stays"
    assert stale["parts"]["credit"]["age_seconds"] >= 1
    assert stale["parts"]["traceability"]["current"] is True
    assert NUTS.name in page(city, "/lists/black")
    down = city.http.post("/v1/credit/violations", json=VIOLATION)
    assert down.status_code in (401, 503)
    if down.status_code == 503:
        assert int(down.headers["retry-after"]) > 0
    until(lambda: city.answers("credit"), "credit's return")
    until(
        lambda: get(city, f"/v1/enterprises/{SEAFOOD.uscc}")["parts"]["credit"]["current"], "credit's part up to date"
    )
    kept = unit.get("/v1/credit/receipts?external_id=tour-2")
    assert kept["document_number"] == number
    assert unit.post("/v1/credit/violations", VIOLATION)["external_id"] == "tour-1"


def _stale(city: Running) -> Any:
    response = city.http.get(f"/v1/enterprises/{SEAFOOD.uscc}")
    assert response.status_code == 200
    body = response.json()
    # Age is told from the first full second on.
    return body if not body["parts"]["credit"]["current"] and int(response.headers.get("age", 0)) >= 1 else None


def what_the_audit_says_holds(city: Running) -> None:
    state = get(city, "/v1/state")
    assert {service["name"]: service["state"] for service in state["services"]} == {
        name: "up" for name in ("gateway", "indicators", "credit", "traceability")
    }
    assert date.fromisoformat(state["at"][:10])


def test_demo_secrets_are_refused_without_demo(tmp_path: Path) -> None:
    with running(tmp_path / "var"):
        pass
    with running(tmp_path / "var", demo=False) as up:
        client = ENTERPRISES[0]
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret}
        refused = httpx.post(f"{up.base}/oauth/token", data=form)
        assert refused.status_code == 401
        assert "demo" in refused.text
        assert get(up, f"/v1/enterprises/{NUTS.uscc}")["credit"]["status"] == "black", "a second start keeps everything"
