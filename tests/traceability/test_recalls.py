"""A recall from one lot to every lot and holder, its clock, its steps, and what comes late."""

import asyncio
from typing import Any

import pytest

from shared.events.traceability import LotUpdated, RecallClosed, RecallOpened, RecallUpdated
from tests.support.app import Harness, department, staff
from tests.traceability import food
from tests.traceability.food import COOP, GIFT, GIFT_LOT, PACKED, PACKED_LOT, RAW_LOT, SHOP, WHOLESALE, ok, verdict

RECALLS = "/v1/traceability/recalls"
ALL = [RAW_LOT, PACKED_LOT, GIFT_LOT]


async def chain(service: Harness) -> None:
    await food.register(service)
    await food.three_levels(service)


async def verdicts(service: Harness, lots: list[str]) -> list[str]:
    return [(await verdict(service, lot))["verdict"] for lot in lots]


def step(recall: dict[str, Any], name: str) -> str:
    return f"{RECALLS}/{recall['recall_id']}{name}"


async def test_one_call_recalls_three_levels_with_holders_and_quantities(traceability: Harness) -> None:
    await chain(traceability)
    assert await verdicts(traceability, ALL) == ["safe"] * 3
    recall = await food.recall(traceability, RAW_LOT)
    assert await verdicts(traceability, ALL) == ["recalled"] * 3

    assert recall["number"] == "R-2026-001"
    assert [(lot["lot_id"], lot["root"], lot["late"]) for lot in recall["lots"]] == [
        (RAW_LOT, True, False), (PACKED_LOT, False, False), (GIFT_LOT, False, False),
    ]  # fmt: skip
    held = {(h["holder"], one["lot_id"]): one for h in recall["holders"] for one in h["holdings"]}
    assert {key: (one["received"], one["on_hand"], one["expected"]) for key, one in held.items()} == {
        (COOP, RAW_LOT): ("5000.000000", "3000.000000", "0.000000"),
        (COOP, PACKED_LOT): ("1900.000000", "400.000000", "0.000000"),
        (WHOLESALE, PACKED_LOT): ("1000.000000", "1000.000000", "0.000000"),
        (COOP, GIFT_LOT): ("480.000000", "0.000000", "0.000000"),
        (SHOP, GIFT_LOT): ("0.000000", "0.000000", "480.000000"),
    }
    assert recall["notices"] == {"sent": 2, "acknowledged": 0}
    assert recall["persistent_disposition"] == {"set": ["recalled"], "unset": []}

    [event] = traceability.published(RecallOpened)
    assert sorted(lot.lot_id for lot in event.lots) == sorted(ALL)
    assert (event.number, event.uscc, event.level, event.area_code) == ("R-2026-001", COOP, 2, "370686")
    told = {event.lot_id: event for event in traceability.published(LotUpdated)}
    assert {told[lot].verdict for lot in ALL} == {"recalled"}
    notice = told[GIFT_LOT].recall
    assert notice is not None
    assert notice.number == "R-2026-001"


@pytest.mark.parametrize(("level", "start", "finish"), [(1, "25", "12-08"), (2, "26", "12-22"), (3, "27", "01-06")])
async def test_the_clock_follows_the_level(on_sqlite: Harness, level: int, start: str, finish: str) -> None:
    await food.register(on_sqlite)
    recall = await food.recall(on_sqlite, PACKED_LOT, level=level)
    assert recall["start_by"] == f"2026-11-{start}T04:00:00Z"
    assert recall["finish_by"].endswith(finish) or not recall["finish_by_certain"]
    assert recall["clock"]["status"] == "to be verified"
    assert recall["clock"]["source"].startswith("食品召回管理办法")
    clocks = ok(await on_sqlite.get(f"{RECALLS}/rules"))
    assert [(c["level"], c["start_hours"], c["finish_workdays"]) for c in clocks] == [
        (1, 24, 10), (2, 48, 20), (3, 72, 30),
    ]  # fmt: skip


async def test_a_recall_that_was_ordered_is_started_by_the_firm_and_is_overdue_until_then(
    traceability: Harness,
) -> None:
    await food.register(traceability)
    recall = await food.recall(traceability, PACKED_LOT, level=1)
    assert (recall["ordered"], recall["started_at"], recall["overdue"]) == (True, None, [])

    async def overdue() -> list[list[str]]:
        rows = ok(await traceability.get(RECALLS, params={"overdue": "true"}, as_=food.officer))["items"]
        return [[duty["code"] for duty in row["overdue"]] for row in rows]

    assert await overdue() == []
    traceability.clock.advance(hours=24, seconds=1)
    assert await overdue() == [["start"]]
    far = staff("case_officer", user="far", area="370602")
    assert ok(await traceability.get(RECALLS, params={"overdue": "true"}, as_=far))["items"] == []

    done = ok(await traceability.post(step(recall, ":start"), as_=food.coop))
    assert done["started_at"] is not None
    assert await overdue() == []
    assert traceability.published(RecallUpdated)[-1].change == "生产者已启动召回"
    assert ok(await traceability.post(step(recall, ":start"), as_=food.coop))["started_at"] == done["started_at"]
    assert len(traceability.published(RecallUpdated)) == 1

    traceability.clock.advance(days=20)
    assert await overdue() == [["finish"]]


async def test_a_firms_own_recall_has_started_when_it_opens(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    recall = await food.recall(on_sqlite, PACKED_LOT, as_=food.coop)
    assert (recall["ordered"], recall["started_at"]) == (False, "2026-11-24T04:00:00Z")


async def test_the_start_clock_runs_from_learning_of_the_risk(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    recall = await food.recall(on_sqlite, PACKED_LOT, learned_at="2026-11-24T08:00:00+08:00")
    assert recall["start_by"] == "2026-11-26T00:00:00Z"


async def test_every_holder_confirms_its_own_notice(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT)
    [notice] = ok(await traceability.get("/v1/traceability/notices", as_=food.wholesale))
    assert (notice["number"], notice["lots"], notice["acknowledged_at"]) == ("R-2026-001", [PACKED_LOT], None)

    path = step(recall, f"/notices/{WHOLESALE}:acknowledge")
    food.refused(await traceability.post(path, as_=food.shop), 403, "owner")
    done = ok(await traceability.post(path, as_=food.wholesale))
    assert done["acknowledged_at"] == "2026-11-24T04:00:00Z"
    traceability.clock.advance(hours=1)
    assert ok(await traceability.post(path, as_=food.wholesale)) == done
    case = ok(await traceability.get(step(recall, ""), as_=food.officer))
    assert case["notices"] == {"sent": 2, "acknowledged": 1}
    food.refused(await traceability.post(step(recall, "/notices/X:acknowledge"), as_=food.officer), 404, "notice")


async def test_recovered_and_destroyed_quantities_add_up(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT)
    path = step(recall, "/quantities")
    base = {"holder": WHOLESALE, "lot_id": PACKED_LOT, "uom": "KGM"}
    ok(await traceability.post(path, json=base | {"recovered": "600.5"}, as_=food.wholesale), 201)
    case = ok(await traceability.post(path, json=base | {"recovered": 300, "destroyed": 800}, as_=food.coop), 201)
    [holder] = [one for one in case["holders"] if one["holder"] == WHOLESALE]
    assert (holder["holdings"][0]["recovered"], holder["holdings"][0]["destroyed"]) == ("900.500000", "800.000000")
    last = traceability.published(RecallUpdated)[-1]
    assert (last.change, last.replaces) == ("登记了回收和销毁的数量", True)

    more = await traceability.post(path, json=base | {"destroyed": 101}, as_=food.coop)
    assert food.places(more) == [("/destroyed", "recall.destroyed_more")]
    unknown = await traceability.post(path, json=base | {"holder": "nobody"}, as_=food.officer)
    assert food.places(unknown) == [("/holder", "recall.holding_unknown")]
    unit = await traceability.post(path, json=base | {"uom": "TNE"}, as_=food.coop)
    assert food.places(unit) == [("/uom", "recall.holding_unknown")]
    wrong = await traceability.post(path, json=base | {"recovered": -1, "destroyed": "x"}, as_=food.coop)
    assert {pointer for pointer, _ in food.places(wrong)} == {"/recovered", "/destroyed"}
    food.refused(await traceability.post(path, json=base | {"recovered": 1}, as_=food.shop), 403, "owner")


async def test_a_completed_recall_leaves_its_lots_recalled(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT)
    body = {"outcome": "completed", "note": "应召回 1,480 kg，已回收 1,300 kg"}
    food.refused(
        await traceability.post(step(recall, ":close"), json=body, as_=food.officer), 409, "recall.not_started"
    )
    ok(await traceability.post(step(recall, ":start"), as_=food.coop))
    closed = ok(await traceability.post(step(recall, ":close"), json=body, as_=food.officer))
    assert (closed["state"], closed["outcome"], closed["outcome_note"]) == ("closed", "completed", body["note"])
    assert await verdicts(traceability, ALL) == ["recalled"] * 3
    [event] = traceability.published(RecallClosed)
    assert event.outcome == "completed: 应召回 1,480 kg，已回收 1,300 kg"
    again = await traceability.post(step(recall, ":close"), json=body, as_=food.officer)
    food.refused(again, 409, "recall.closed")
    food.refused(await traceability.post(step(recall, ":start"), as_=food.coop), 409, "recall.closed")


async def test_a_revoked_recall_frees_its_lots_and_unsets_the_disposition(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT)
    body = {"outcome": "revoked", "note": "复检合格，召回撤销"}
    closed = ok(await traceability.post(step(recall, ":close"), json=body, as_=food.officer))
    assert closed["persistent_disposition"] == {"set": [], "unset": ["recalled"]}
    assert await verdicts(traceability, ALL) == ["safe"] * 3
    assert {event.verdict for event in traceability.published(LotUpdated)[-3:]} == {"safe"}


async def test_a_lot_that_is_made_of_a_recalled_one_later_joins_and_the_case_says_so(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT)
    late = f"{GIFT}.LATE"
    await food.register_lot(traceability, late)
    assert await verdicts(traceability, [late]) == ["safe"]
    traceability.clock.advance(hours=2)
    await food.make(traceability, PACKED_LOT, late, 200, used=100, made=96)
    assert await verdicts(traceability, [late]) == ["recalled"]
    [event] = traceability.published(RecallUpdated)
    assert event.change == "新增 1 个批次，召回范围已扩大"
    assert late in {lot.lot_id for lot in event.lots}
    case = ok(await traceability.get(step(recall, ""), as_=food.officer))
    assert [lot["lot_id"] for lot in case["lots"] if lot["late"]] == [late]
    assert case["changes"][-1]["change"] == "新增 1 个批次，召回范围已扩大"


async def test_a_late_event_reopens_a_completed_recall(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT, as_=food.coop)
    body = {"outcome": "completed", "note": "已全部回收"}
    ok(await traceability.post(step(recall, ":close"), json=body, as_=food.officer))
    late = f"{GIFT}.LATE"
    await food.register_lot(traceability, late)
    await food.make(traceability, PACKED_LOT, late, 200, used=100, made=96)
    case = ok(await traceability.get(step(recall, "")))
    assert (case["state"], case["outcome"]) == ("open", None)
    assert case["changes"][-1]["change"] == "新增 1 个批次，召回范围已扩大，案件重新打开"
    assert await verdicts(traceability, [late]) == ["recalled"]


async def test_a_late_shipment_brings_a_new_holder_a_notice(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, PACKED_LOT)
    await food.ship(traceability, PACKED_LOT, 50, 120, to=food.STORE)
    [notice] = ok(await traceability.get("/v1/traceability/notices", as_=food.shop))
    assert (notice["number"], sorted(notice["lots"])) == (recall["number"], sorted([PACKED_LOT, GIFT_LOT]))
    case = ok(await traceability.get(step(recall, ""), as_=food.officer))
    held = {(h["holder"], one["lot_id"]): one for h in case["holders"] for one in h["holdings"]}
    assert held[SHOP, PACKED_LOT]["expected"] == "50.000000"
    assert held[COOP, PACKED_LOT]["on_hand"] == "350.000000"


async def test_an_unrelated_capture_changes_no_recall(traceability: Harness) -> None:
    await chain(traceability)
    await food.recall(traceability, GIFT_LOT)
    other = f"{PACKED}.OTHER"
    await food.register_lot(traceability, other)
    await food.make(traceability, RAW_LOT, other, 200)
    assert await verdicts(traceability, [other, PACKED_LOT, GIFT_LOT]) == ["safe", "safe", "recalled"]
    assert traceability.published(RecallUpdated) == []


async def test_two_recalls_of_one_lot_at_once_leave_one(traceability: Harness) -> None:
    await chain(traceability)
    answers = await asyncio.gather(
        *(
            traceability.post(RECALLS, json=food.recall_body(PACKED_LOT), as_=caller)
            for caller in (food.officer, food.coop, food.officer, food.coop)
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 409, 409, 409], [answer.text for answer in answers]
    [won] = [answer.json() for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer.status_code == 409:
            problem = food.refused(answer, 409, "recall.lot_recalled")
            assert problem["recalls"] == [won["number"]]
            assert problem["errors"][0]["pointer"] == "/lots/0"
    assert [recall.number for recall in traceability.published(RecallOpened)] == ["R-2026-001"]
    assert (await verdict(traceability, GIFT_LOT))["recall"]["number"] == "R-2026-001"


async def test_recalls_that_overlap_run_beside_each_other_and_the_gravest_is_told(traceability: Harness) -> None:
    await chain(traceability)
    one, other = await asyncio.gather(
        food.recall(traceability, RAW_LOT, level=3), food.recall(traceability, PACKED_LOT, level=1)
    )
    assert {one["number"], other["number"]} == {"R-2026-001", "R-2026-002"}
    for lot in (PACKED_LOT, GIFT_LOT):
        assert (await verdict(traceability, lot))["recall"]["number"] == other["number"]
    body = {"outcome": "revoked", "note": "复检合格，召回撤销"}
    ok(await traceability.post(step(other, ":close"), json=body, as_=food.officer))
    for lot in (PACKED_LOT, GIFT_LOT):
        assert (await verdict(traceability, lot))["recall"]["number"] == one["number"]


async def test_a_revoked_recall_ends_what_was_said_of_a_lot_that_nobody_registered(traceability: Harness) -> None:
    await chain(traceability)
    loose = f"{GIFT}.LOOSE"
    await food.make(traceability, PACKED_LOT, loose, 230, 10, 9)
    recall = await food.recall(traceability, RAW_LOT)
    body = {"outcome": "revoked", "note": "复检合格，召回撤销"}
    ok(await traceability.post(step(recall, ":close"), json=body, as_=food.officer))
    told = [event.verdict for event in traceability.published(LotUpdated) if event.lot_id == loose]
    assert told == ["recalled", "unknown"]


async def test_a_recall_and_the_end_of_a_hold_at_once_never_free_the_lot(traceability: Harness) -> None:
    await chain(traceability)
    failed = await food.record(traceability, result="fail")
    close = f"/v1/traceability/alerts/{failed['alerts'][0]}:close"
    await asyncio.gather(
        food.recall(traceability, RAW_LOT),
        traceability.post(close, json={"reason": "复检合格"}, as_=food.reviewer),
    )
    assert await verdicts(traceability, ALL) == ["recalled"] * 3
    assert traceability.rows("SELECT DISTINCT state FROM lot_verdict") == [("recalled",)]


async def test_a_recall_and_a_capture_at_once_do_not_overlook_each_other(traceability: Harness) -> None:
    await chain(traceability)
    late = [f"{GIFT}.L{number}" for number in range(4)]
    for lot in late:
        await food.register_lot(traceability, lot)
    await asyncio.gather(
        *(food.make(traceability, PACKED_LOT, lot, 200 + n, 10, 9) for n, lot in enumerate(late[:2])),
        food.recall(traceability, RAW_LOT),
        *(food.make(traceability, PACKED_LOT, lot, 210 + n, 10, 9) for n, lot in enumerate(late[2:])),
    )
    assert await verdicts(traceability, late) == ["recalled"] * 4


async def test_numbers_have_no_gap_and_start_anew_each_year(traceability: Harness) -> None:
    await food.register(traceability)
    lots = [f"{PACKED}.N{number}" for number in range(7)]
    for lot in lots:
        await food.register_lot(traceability, lot)
    bodies = [food.recall_body(lot) for lot in lots[:5]] + [food.recall_body(f"{PACKED}.NONE")] * 3
    answers = await asyncio.gather(*(traceability.post(RECALLS, json=body, as_=food.officer) for body in bodies))
    numbers = sorted(answer.json()["number"] for answer in answers if answer.status_code == 201)
    assert numbers == [f"R-2026-{number:03d}" for number in range(1, 6)]
    food.refused(
        await traceability.post(RECALLS, json=food.recall_body(lots[0]), as_=food.officer), 409, "recall.lot_recalled"
    )
    assert (await food.recall(traceability, lots[5]))["number"] == "R-2026-006"
    traceability.clock.advance(days=38)
    assert (await food.recall(traceability, lots[6]))["number"] == "R-2027-001"


async def test_the_public_sees_lots_but_not_who_holds_them(traceability: Harness) -> None:
    await chain(traceability)
    recall = await food.recall(traceability, RAW_LOT)
    public = ok(await traceability.get(step(recall, "")))
    assert public["holders"] is None
    assert public["notices"] == {"sent": 2, "acknowledged": 0}
    assert [change["change"] for change in public["changes"]] == ["开始召回，共 3 个批次"]
    own = ok(await traceability.get(step(recall, ""), as_=food.wholesale))
    assert [holder["holder"] for holder in own["holders"]] == [WHOLESALE]
    stranger = ok(await traceability.get(step(recall, ""), as_=food.enterprise("91370602MA3EX7QQ2L")))
    assert stranger["holders"] is None
    far = staff("case_officer", user="far", area="370602")
    assert ok(await traceability.get(step(recall, ""), as_=far))["holders"] is None
    assert len(ok(await traceability.get(step(recall, ""), as_=food.coop))["holders"]) == 3
    food.refused(await traceability.get(f"{RECALLS}/none"), 404, "recall")

    listed = ok(await traceability.get(RECALLS))["items"]
    assert [row["number"] for row in listed] == [recall["number"]]
    assert ok(await traceability.get(RECALLS, params={"lot_id": GIFT_LOT}))["items"] == listed
    assert ok(await traceability.get(RECALLS, params={"lot_id": f"{GIFT}.NONE"}))["items"] == []
    assert ok(await traceability.get(RECALLS, params={"state": "closed"}))["items"] == []
    for caller in (None, food.coop, food.laboratory):
        answer = await traceability.get(RECALLS, params={"overdue": "true"}, as_=caller)
        food.refused(answer, 403, "not_granted")


async def test_everything_wrong_with_a_recall_is_told_at_once(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    body = food.recall_body(PACKED_LOT, f"{PACKED}.NONE", learned_at="2026-12-01T00:00:00+08:00")
    assert food.places(await on_sqlite.post(RECALLS, json=body, as_=food.officer)) == [
        ("/lots/1", "lot.unknown"), ("/learned_at", "recall.learned_in_future"),
    ]  # fmt: skip
    body = {"lots": ["x"], "level": 4, "reason": " ", "learned_at": "2026-11-24T00:00:00", "more": 1}
    found = {pointer for pointer, _ in food.places(await on_sqlite.post(RECALLS, json=body, as_=food.officer))}
    assert found == {"/lots/0", "/level", "/reason", "/learned_at", "/more"}
    empty = await on_sqlite.post(RECALLS, json=food.recall_body() | {"lots": []}, as_=food.officer)
    assert food.places(empty) == [("/lots", "too_short")]
    assert on_sqlite.rows("SELECT count(*) FROM recall_number") == [(0,)]


async def test_who_may_open_a_recall(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    body = food.recall_body(PACKED_LOT)
    assert (await on_sqlite.post(RECALLS, json=body)).status_code == 401
    for caller in (food.inspector, food.reviewer, food.laboratory):
        food.refused(await on_sqlite.post(RECALLS, json=body, as_=caller), 403, "not_granted")
    food.refused(await on_sqlite.post(RECALLS, json=body, as_=food.shop), 403, "owner")
    for caller in (staff("case_officer", area="370602"), department("traceability:recalls:write", area="370602")):
        food.refused(await on_sqlite.post(RECALLS, json=body, as_=caller), 403, "area")
    recall = await food.recall(on_sqlite, PACKED_LOT, as_=department("traceability:recalls:write"))
    close = {"outcome": "revoked", "note": "复检合格"}
    for caller in (food.coop, food.inspector, department("traceability:recalls:write")):
        food.refused(await on_sqlite.post(step(recall, ":close"), json=close, as_=caller), 403, "not_granted")


async def test_a_repeated_request_with_its_key_gives_the_first_answer(traceability: Harness) -> None:
    await food.register(traceability)
    headers = {"Idempotency-Key": "recall-1"}
    body = food.recall_body(PACKED_LOT)
    first = await traceability.post(RECALLS, json=body, as_=food.officer, headers=headers)
    again = await traceability.post(RECALLS, json=body, as_=food.officer, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"] == step(first.json(), "")
    other = await traceability.post(RECALLS, json=food.recall_body(GIFT_LOT), as_=food.officer, headers=headers)
    food.refused(other, 409, "idempotency_key_reused")
    assert len(traceability.published(RecallOpened)) == 1
