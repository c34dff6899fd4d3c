"""Test reports over HTTP: recorded once, corrected by versions, and what a failed one does."""

import asyncio
from typing import Any

import pytest

from shared.events.traceability import AlertOpened, TestCorrected, TestRecorded
from tests.support.app import Harness, department, enterprise, staff
from tests.traceability import food
from tests.traceability.food import PACKED, PACKED_LOT, ok, places, refused, report, verdict

TESTS = "/v1/traceability/tests"


async def test_a_report_is_recorded_once_and_told_once(traceability: Harness) -> None:
    await food.register(traceability)
    first = await food.record(traceability)
    again = await food.record(traceability)
    assert again == first
    [event] = traceability.published(TestRecorded)
    assert (event.test_id, event.sample_id, event.area_code) == (first["test_id"], "S-SP-2026-10482", "370686")
    assert (event.producer_uscc, event.result, event.failed_items) == (food.COOP, "pass", [])
    assert traceability.published(AlertOpened) == []


async def test_the_lot_may_be_named_by_gtin_and_lot(traceability: Harness) -> None:
    await food.register(traceability)
    body = report() | {"gtin": PACKED, "lot": "QX1"}
    del body["lot_id"]
    receipt = ok(await traceability.post(TESTS, json=body, as_=food.laboratory), 201)
    assert receipt["lot_id"] == PACKED_LOT
    assert await food.record(traceability) == receipt


async def test_another_report_under_the_same_number_is_a_conflict_that_names_what_differs(
    traceability: Harness,
) -> None:
    await food.register(traceability)
    first = await food.record(traceability)
    other = await traceability.post(TESTS, json=report(tested_on="2026-11-21"), as_=food.laboratory)
    problem = refused(other, 409, "test.exists")
    assert "tested_on" in problem["detail"]
    assert problem["test_id"] == first["test_id"]
    assert len(traceability.published(TestRecorded)) == 1


async def test_the_same_report_sent_by_many_at_once_is_recorded_once(traceability: Harness) -> None:
    await food.register(traceability)
    answers = await asyncio.gather(
        *(traceability.post(TESTS, json=report(result="fail"), as_=food.laboratory) for _ in range(5))
    )
    receipts = [ok(answer, 201) for answer in answers]
    assert all(receipt == receipts[0] for receipt in receipts)
    assert len(traceability.published(TestRecorded)) == len(traceability.published(AlertOpened)) == 1


async def test_a_report_that_fails_again_after_its_alert_was_closed_opens_a_new_one(traceability: Harness) -> None:
    await food.register(traceability)
    first = await food.record(traceability, result="fail")
    close = f"/v1/traceability/alerts/{first['alerts'][0]}:close"
    ok(await traceability.post(close, json={"reason": "复检合格"}, as_=food.reviewer))
    traceability.clock.advance(hours=1)
    body = correction(result="fail", tested_on="2026-11-21")
    second = ok(await traceability.put(f"{TESTS}/{first['test_id']}", json=body, as_=food.laboratory))
    assert len(second["alerts"]) == 1
    assert second["alerts"] != first["alerts"]
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "held"
    english = await verdict(traceability, PACKED_LOT, **{"Accept-Language": "en"})
    assert english["tests"][0]["summary"] == "1 of 1 failed: 毒死蜱 (0.02 mg/kg, limit 1)"


@pytest.mark.parametrize("kind", ["supervision", "entrusted", "self"])
async def test_a_failed_report_of_any_kind_holds_its_lot_and_no_other(traceability: Harness, kind: str) -> None:
    await food.register(traceability)
    caller = food.laboratory if kind == "supervision" else food.coop
    receipt = await food.record(traceability, as_=caller, kind=kind, result="fail")
    [alert] = traceability.published(AlertOpened)
    assert (alert.alert_id, alert.lots, alert.holds) == (receipt["alerts"][0], [PACKED_LOT], True)
    assert alert.rule == ("supervision_test_failed" if kind == "supervision" else "own_test_failed")
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "held"
    assert (await verdict(traceability, food.GIFT_LOT))["verdict"] == "safe"
    assert await food.record(traceability, as_=caller, kind=kind, result="fail") == receipt
    assert len(traceability.published(AlertOpened)) == 1


def correction(**more: Any) -> dict[str, Any]:
    body = report(**{key: value for key, value in more.items() if key not in ("reason", "version")})
    for name in ("report_number", "laboratory", "sample_id", "lot_id"):
        del body[name]
    return body | {"reason": "数据录入有误"} | {k: v for k, v in more.items() if k in ("reason", "version")}


async def test_a_correction_is_a_new_version_and_the_former_one_stays(traceability: Harness) -> None:
    await food.register(traceability)
    first = await food.record(traceability)
    traceability.clock.advance(hours=1)
    path = f"{TESTS}/{first['test_id']}"
    receipt = ok(await traceability.put(path, json=correction(result="fail"), as_=food.laboratory))
    assert (receipt["version"], receipt["result"], len(receipt["alerts"])) == (2, "fail", 1)
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "held"
    [event] = traceability.published(TestCorrected)
    assert (event.version, event.reason, event.failed_items) == (2, "数据录入有误", ["毒死蜱"])

    again = ok(await traceability.put(path, json=correction(result="fail"), as_=food.laboratory))
    assert again == receipt
    assert len(traceability.published(TestCorrected)) == 1

    now = ok(await traceability.get(path, as_=food.laboratory))
    assert (now["version"], now["result"], now["known_to"]) == (2, "fail", None)
    then = ok(await traceability.get(path, params={"known_at": "2026-11-24T12:30:00+08:00"}, as_=food.laboratory))
    assert (then["version"], then["result"]) == (1, "pass")
    assert then["known_to"] == now["known_from"]
    versions = ok(await traceability.get(path + "/versions", as_=food.laboratory))
    assert [row["version"] for row in versions] == [1, 2]


async def test_a_correction_to_pass_frees_nothing_by_itself(traceability: Harness) -> None:
    await food.register(traceability)
    first = await food.record(traceability, result="fail")
    ok(await traceability.put(f"{TESTS}/{first['test_id']}", json=correction(), as_=food.laboratory))
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "held"
    alert = f"/v1/traceability/alerts/{first['alerts'][0]}"
    told = ok(await traceability.get(alert, as_=food.reviewer))
    assert told["note"] == "检验报告已更正（第 2 版），结论为合格，请核实后结案"
    ok(await traceability.post(alert + ":close", json={"reason": "报告更正，核实无误"}, as_=food.reviewer))
    answer = await verdict(traceability, PACKED_LOT)
    assert answer["verdict"] == "safe"
    assert answer["tests"][0]["result"] == "pass"


async def test_correcting_an_old_version_is_a_conflict(traceability: Harness) -> None:
    await food.register(traceability)
    first = await food.record(traceability)
    path = f"{TESTS}/{first['test_id']}"
    ok(await traceability.put(path, json=correction(tested_on="2026-11-21", version=1), as_=food.laboratory))
    late = await traceability.put(path, json=correction(tested_on="2026-11-22", version=1), as_=food.laboratory)
    assert refused(late, 409, "test.version")["version"] == 2
    missing = await traceability.put(f"{TESTS}/nothing", json=correction(), as_=food.laboratory)
    refused(missing, 404, "test")


async def test_everything_wrong_is_told_at_once(traceability: Harness) -> None:
    await food.register(traceability)
    body = report(lot_id=f"{PACKED}.NONE", tested_on="2026-12-01", sampled_on="2026-12-02")
    body["items"] = [body["items"][0], body["items"][0] | {"result": "fail"}]
    assert places(await traceability.post(TESTS, json=body, as_=food.laboratory)) == [
        ("/result", "test.result_contradicts_items"),
        ("/items/1/name", "test.item_repeated"),
        ("/sampled_on", "test.sampled_after_tested"),
        ("/tested_on", "test.tested_in_future"),
        ("/lot_id", "lot.unknown"),
    ]
    body = report(kind="guess", result="maybe") | {"extra": 1, "items": [{"name": "x"}]}
    del body["sample_id"]
    found = dict(places(await traceability.post(TESTS, json=body, as_=food.laboratory)))
    assert set(found) >= {"/kind", "/result", "/extra", "/sample_id", "/items/0/result"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"gtin": PACKED, "lot": "QX1"}, "test.lot"),
        ({"lot_id": None}, "test.lot"),
        ({"lot_id": None, "gtin": "09521101530017", "lot": "QX1"}, None),
        ({"items": []}, "too_short"),
        ({"area_code": "烟台"}, "area.code"),
    ],
)
async def test_bad_input_is_refused(on_sqlite: Harness, change: dict[str, Any], code: str | None) -> None:
    await food.register(on_sqlite)
    found = places(await on_sqlite.post(TESTS, json=report() | change, as_=food.laboratory))
    assert code is None or code in [name for _, name in found]
    broken = await on_sqlite.post(
        TESTS, content=b'{"a":', headers={"Content-Type": "application/json"}, as_=food.laboratory
    )
    assert broken.status_code == 400


async def test_who_may_record(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    assert (await on_sqlite.post(TESTS, json=report())).status_code == 401
    for caller in (department("traceability:other"), staff("case_officer")):
        refused(await on_sqlite.post(TESTS, json=report(), as_=caller), 403, "not_granted")
    elsewhere = department("traceability:tests:write", area="370602")
    refused(await on_sqlite.post(TESTS, json=report(), as_=elsewhere), 403, "area")
    refused(await on_sqlite.post(TESTS, json=report(kind="self"), as_=enterprise(food.SHOP)), 403, "owner")
    refused(await on_sqlite.post(TESTS, json=report(), as_=food.coop), 403, "test.kind")
    assert on_sqlite.published(TestRecorded) == []
    inside = report(area_code="370602")
    ok(await on_sqlite.post(TESTS, json=inside, as_=elsewhere), 201)


async def test_who_may_read(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    first = await food.record(on_sqlite)
    path = f"{TESTS}/{first['test_id']}"
    assert (await on_sqlite.get(path)).status_code == 401
    for caller in (food.coop, food.inspector, food.laboratory):
        assert ok(await on_sqlite.get(path, as_=caller))["report_number"] == "SP-2026-10482"
    refused(await on_sqlite.get(path, as_=food.shop), 403, "owner")
    far = department("traceability:tests:read", area="370602")
    refused(await on_sqlite.get(path, as_=far), 403, "area")
    assert [row["test_id"] for row in ok(await on_sqlite.get(TESTS, as_=food.coop))["items"]] == [first["test_id"]]
    assert ok(await on_sqlite.get(TESTS, as_=food.shop))["items"] == []
    assert ok(await on_sqlite.get(TESTS, as_=far))["items"] == []


async def test_the_list_pages_newest_first(traceability: Harness) -> None:
    await food.register(traceability)
    for number in range(5):
        await food.record(traceability, number=f"N-{number}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = ok(await traceability.get(TESTS, params=params, as_=food.laboratory))
        seen += [row["report_number"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["N-4", "N-3", "N-2", "N-1", "N-0"]
    failed = ok(await traceability.get(TESTS, params={"result": "fail"}, as_=food.laboratory))
    assert failed["items"] == []
    assert (await traceability.get(TESTS, params={"cursor": "!"}, as_=food.laboratory)).status_code == 422
