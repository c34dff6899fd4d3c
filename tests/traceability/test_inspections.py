"""Test reports over HTTP: recorded once, corrected by versions, and what a failed one does."""

import asyncio
import itertools
from typing import Any

import pytest

from shared.events.traceability import AlertOpened, LotUpdated, TestCorrected, TestRecorded
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


async def alert_of(service: Harness, receipt: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ok(await service.get(f"/v1/traceability/alerts/{receipt['alerts'][0]}", as_=food.reviewer))
    return found


def told_of_tests(answer: dict[str, Any]) -> tuple[bool | None, str]:
    (check,) = [check for check in answer["checks"] if check["code"] == "tests"]
    return check["ok"], check["title"]


async def test_only_who_recorded_a_report_corrects_it(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    failed = await food.record(on_sqlite, result="fail")
    own = await food.record(on_sqlite, food.coop, kind="self", number="OWN-1")
    cases = [
        (failed, food.coop, correction(kind="self"), "test.recorder"),
        (failed, enterprise(food.SHOP), correction(kind="self"), "test.recorder"),
        (failed, department("traceability:tests:write", code="yt-nyncj"), correction(), "test.recorder"),
        (failed, department("traceability:tests:write", area="370602"), correction(), "area"),
        (own, food.laboratory, correction(kind="self"), "test.recorder"),
        (own, enterprise(food.SHOP), correction(kind="self"), "test.recorder"),
        (own, food.coop, correction(kind="supervision"), "test.kind"),
    ]
    for receipt, caller, body, code in cases:
        refused(await on_sqlite.put(f"{TESTS}/{receipt['test_id']}", json=body, as_=caller), 403, code)
    outside = department("traceability:tests:write", area="370686")
    body = correction(area_code="370602")
    refused(await on_sqlite.put(f"{TESTS}/{failed['test_id']}", json=body, as_=outside), 403, "area")
    assert on_sqlite.published(TestCorrected) == []
    second_client = enterprise(food.COOP, client="another-client-of-the-firm")
    receipt = ok(await on_sqlite.put(f"{TESTS}/{own['test_id']}", json=correction(kind="entrusted"), as_=second_client))
    assert receipt["version"] == 2


@pytest.mark.parametrize("first", ["department", "enterprise"])
async def test_nobody_takes_a_laboratorys_number_from_another(traceability: Harness, first: str) -> None:
    await food.register(traceability)
    agriculture = department("traceability:tests:write", code="yt-nyncj")
    mine: dict[str, Any] = {
        "department": (food.laboratory, {"kind": "supervision", "result": "fail"}),
        "enterprise": (food.coop, {"kind": "self", "result": "pass", "sample_id": "S-own"}),
        "another department": (agriculture, {"kind": "supervision", "result": "pass", "sample_id": "S-other"}),
    }
    order = sorted(mine, key=lambda who: who != first)
    receipts = {who: await food.record(traceability, mine[who][0], **mine[who][1]) for who in order}
    assert len({receipt["test_id"] for receipt in receipts.values()}) == 3
    for who in order:
        assert await food.record(traceability, mine[who][0], **mine[who][1]) == receipts[who]
    told = ok(await traceability.get(f"{TESTS}/{receipts['enterprise']['test_id']}", as_=food.coop))
    assert (told["recorder"], told["report_number"]) == (f"enterprise:{food.COOP}", "SP-2026-10482")
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], told_of_tests(answer)) == ("held", (False, "检验不合格"))


async def test_a_failure_that_a_hold_rests_on_is_shown_until_a_person_closes_it(traceability: Harness) -> None:
    """Neither a correction to pass nor many newer self-tests hide it; once closed, supervision still wins."""
    await food.register(traceability)
    failed = await food.record(traceability, result="fail")
    passing = await food.record(traceability, number="SP-2", result="fail")
    path = f"{TESTS}/{passing['test_id']}"
    ok(await traceability.put(path, json=correction(), as_=food.laboratory))
    for number in range(25):
        await food.record(traceability, food.coop, kind="self", number=f"OWN-{number}", tested_on="2026-11-24")
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], told_of_tests(answer)) == ("held", (False, "检验不合格"))
    shown = {test["report_number"]: test for test in answer["tests"]}
    assert shown["SP-2"]["result"] == shown["SP-2026-10482"]["result"] == "fail"
    assert "已有更正，待监管人员核实" in shown["SP-2"]["summary"]
    assert sum(test["kind"] == "self" for test in answer["tests"]) == 20
    assert (await alert_of(traceability, passing))["state"] == "open"

    close = {"reason": "复检合格"}
    ok(await traceability.post(f"/v1/traceability/alerts/{passing['alerts'][0]}:close", json=close, as_=food.reviewer))
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], told_of_tests(answer)) == ("held", (False, "检验不合格"))
    assert {t["report_number"]: t["result"] for t in answer["tests"]}["SP-2"] == "pass"

    ok(await traceability.post(f"/v1/traceability/alerts/{failed['alerts'][0]}:close", json=close, as_=food.reviewer))
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], told_of_tests(answer)) == ("safe", (None, "检验"))
    (check,) = [check for check in answer["checks"] if check["code"] == "tests"]
    assert "以监督抽检为准" in check["text"]
    await food.record(traceability, number="SP-3", tested_on="2026-11-23")
    assert told_of_tests(await verdict(traceability, PACKED_LOT)) == (True, "检验合格")


async def test_the_event_carries_the_check_as_it_was_decided(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    await food.record(on_sqlite, result="fail")
    told = on_sqlite.published(LotUpdated)[-1]
    assert told.tests_check is not None
    assert (told.tests_check.ok, told.tests_check.title, told.tests[0].kind) == (False, "检验不合格", "supervision")


async def test_corrections_beside_each_other_come_one_after_the_other(traceability: Harness) -> None:
    await food.register(traceability)
    first = await food.record(traceability)
    path = f"{TESTS}/{first['test_id']}"
    bodies = [correction(reason=f"更正 {number}", tested_on=f"2026-11-{19 + number}") for number in range(5)]
    answers = await asyncio.gather(*(traceability.put(path, json=body, as_=food.laboratory) for body in bodies))
    assert sorted(ok(answer)["version"] for answer in answers) == [2, 3, 4, 5, 6]
    versions = ok(await traceability.get(path + "/versions", as_=food.laboratory))
    assert [row["version"] for row in versions] == [1, 2, 3, 4, 5, 6]
    assert all(one["known_to"] == two["known_from"] for one, two in itertools.pairwise(versions))
    assert [row["known_to"] is None for row in versions] == [False] * 5 + [True]


async def test_a_correction_to_fail_beside_the_closing_of_its_alert_leaves_no_failure_without_a_hold(
    traceability: Harness,
) -> None:
    """Whichever comes first: closed before it, the failing correction opens a new alert; after it, the reviewer closed
    what the alert then said."""
    await food.register(traceability)
    for number in range(4):
        first = await food.record(traceability, number=f"N-{number}", result="fail")
        close = f"/v1/traceability/alerts/{first['alerts'][0]}:close"
        again, closed = await asyncio.gather(
            traceability.put(
                f"{TESTS}/{first['test_id']}",
                json=correction(result="fail", tested_on="2026-11-21"),
                as_=food.laboratory,
            ),
            traceability.post(close, json={"reason": "复检合格"}, as_=food.reviewer),
        )
        ok(closed)
        opened = ok(again)["alerts"]
        alert = await alert_of(traceability, first)
        assert bool(opened) != bool(alert["note"]), "it opened a new one, or the closed one was noted before"
