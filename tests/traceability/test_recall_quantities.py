"""Quantities that anybody may tell: whatever they add up to, they stop no recall, no capture and no worker, and what
nobody confirmed changes nothing that everybody reads."""

from collections.abc import Collection
from typing import Any

import pytest

from services.traceability.recalls import jobs, reach
from services.traceability.recalls.models import MOST, Recall
from shared.db import UnitOfWork
from shared.events.traceability import RecallUpdated
from tests.support.app import Harness
from tests.support.callers import department, staff
from tests.traceability import chain
from tests.traceability.chain import BOX, FRUIT, MARKET, ORCHARD, PACKER, amount, lot, of
from tests.traceability.test_recall_claims import OFFICER, RECALLS, STRANGER, case, register, send

B1, B2, B7, F1, F2 = lot(BOX, "B1"), lot(BOX, "B2"), lot(BOX, "B7"), lot(FRUIT, "F1"), lot(FRUIT, "F2")
HUGE = 999_999_999_999
LARGEST = "9223372036854.775807"
AUTHORITY = department("traceability:recalls:write")
REPORTED = "登记了回收和销毁的数量"


async def started(harness: Harness) -> None:
    """The whole chain, and a stranger that has its place and product."""
    await chain.whole_chain(harness)
    await register(harness)


def words(number: str, times: int = 10, step: str = "receiving") -> list[dict[str, Any]]:
    """Of a lot that the teller never had, as its box shows the number."""
    many = [amount(BOX, number, HUGE, None)]
    return [
        chain.event("ObjectEvent", 8 + each / 100, 5, step, action="OBSERVE", quantityList=many)
        for each in range(times)
    ]


async def opened(harness: Harness, as_: Any, *lots: str) -> dict[str, Any]:
    body = {"lots": list(lots), "level": 1, "reason": "农药残留超标"}
    answer = await harness.post(RECALLS, json=body, as_=as_)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def held(found: dict[str, Any], holder: str, lot_id: str) -> dict[str, Any]:
    [one] = [
        holding
        for each in found["holders"]
        if each["holder"] == holder
        for holding in each["holdings"]
        if holding["lot_id"] == lot_id
    ]
    return dict(one)


async def report(harness: Harness, found: dict[str, Any], as_: Any, **body: Any) -> Any:
    return await harness.post(f"{RECALLS}/{found['recall_id']}/quantities", json=body, as_=as_)


async def test_what_a_stranger_says_of_a_lot_stops_no_recall_of_it(traceability: Harness) -> None:
    await started(traceability)
    await send(traceability, STRANGER, *words("B1"), *words("B2"))
    await opened(traceability, of(PACKER), B1)
    ordered = await opened(traceability, AUTHORITY, B2)
    mine = held(ordered, STRANGER, B2)
    assert (mine["received"], mine["on_hand"], mine["confirmed"]) == (LARGEST, LARGEST, False)
    assert (mine["at_least"], mine["discrepancy"]) == (True, None)
    theirs = held(ordered, PACKER, B2)
    assert (theirs["on_hand"], theirs["at_least"]) == ("40.000000", False)
    assert traceability.rows("SELECT count(*) FROM recall_notice WHERE holder = $1", STRANGER) == [(2,)]
    # A trace is computed and keeps no sum: it shows whatever they add up to.
    for caller in (of(PACKER), chain.DEPARTMENT):
        trace = await traceability.get(f"/v1/traceability/lots/{BOX}.B1/trace", as_=caller)
        assert trace.status_code == 200, trace.text


async def test_more_went_out_than_can_be_kept(on_sqlite: Harness) -> None:
    await started(on_sqlite)
    await send(on_sqlite, STRANGER, *words("B1", step="retail_selling"))
    found = held(await opened(on_sqlite, AUTHORITY, B1), STRANGER, B1)
    assert (found["sold"], found["on_hand"]) == (LARGEST, "0")
    assert (found["discrepancy"], found["at_least"]) == (LARGEST, True)


async def test_nor_does_it_keep_what_is_made_of_recalled_food_out_of_an_open_recall(traceability: Harness) -> None:
    await started(traceability)
    recall = await opened(traceability, of(ORCHARD), F1)
    await send(traceability, STRANGER, *words("B7"))
    made = chain.pack(3, [amount(FRUIT, "F1", 6)], [amount(BOX, "B7", 5, None)])
    await send(traceability, PACKER, made)
    found = await case(traceability, recall)
    assert B7 in [one["lot_id"] for one in found["lots"]]
    assert held(found, STRANGER, B7)["at_least"] is True
    again = chain.pack(3.5, [amount(FRUIT, "F1", 6)], [amount(BOX, "B7", 5, None)])
    assert (await chain.capture(traceability, chain.document(again), of(PACKER)))["success"] is True
    assert (await case(traceability, recall))["lots_counted"] == found["lots_count"]


async def test_the_worker_counts_such_a_set_and_the_others(traceability: Harness, monkeypatch: Any) -> None:
    monkeypatch.setattr(reach, "AT_ONCE", 1)
    await started(traceability)
    await send(traceability, STRANGER, *words("B1"))
    await opened(traceability, of(PACKER), B1, B2)
    await opened(traceability, of(ORCHARD), F1, F2)
    await all_counted(traceability)
    told = traceability.rows("SELECT count(DISTINCT recall_id) FROM recall_notice WHERE holder = $1", MARKET)
    assert told == [(2,)]
    assert traceability.rows("SELECT received FROM recall_holding WHERE holder = $1", STRANGER)[0] == (2**63 - 1,)


async def all_counted(harness: Harness) -> None:
    count = "SELECT count(*) FROM recall_lot WHERE NOT counted"
    await harness.until(lambda: harness.rows(count) == [(0,)], "the worker's count")


async def test_a_lot_that_cannot_be_counted_holds_up_no_other_and_is_tried_again(
    traceability: Harness, monkeypatch: Any
) -> None:
    """Whatever the cause, one lot of a set of three waits: the recall opens, all the others have their notices."""
    real, broken = reach._count, [True]

    async def count(uow: UnitOfWork, recall: Recall, lot_ids: Collection[str]) -> None:
        if broken[0] and B1 in lot_ids:
            raise ArithmeticError("a lot that nobody can count")
        await real(uow, recall, lot_ids)

    monkeypatch.setattr(reach, "_count", count)
    monkeypatch.setattr(jobs, "REST_SECONDS", 0.2)
    await started(traceability)
    first = await opened(traceability, of(PACKER), B1, B2)
    assert (first["lots_count"], first["lots_counted"]) == (2, 0), "recalled, whoever holds it"
    monkeypatch.setattr(reach, "AT_ONCE", 2)
    await opened(traceability, of(ORCHARD), F1, F2)

    waits = "SELECT lot_id, count(*) FROM recall_lot WHERE NOT counted GROUP BY lot_id"
    await traceability.until(lambda: traceability.rows(waits) == [(B1, 2)], "the count of all but one lot")
    assert not traceability.platform.failing
    assert traceability.rows("SELECT count(*) FROM recall_holding WHERE lot_id = $1", B2) != [(0,)]
    broken[0] = False
    await all_counted(traceability)
    assert traceability.rows("SELECT count(*) FROM recall_notice WHERE holder = $1", MARKET) == [(2,)]


async def test_a_failure_of_the_storage_is_nobodys_fault(on_sqlite: Harness, monkeypatch: Any) -> None:
    async def away(*_: Any) -> None:
        raise TimeoutError("the database is busy")

    await started(on_sqlite)
    with monkeypatch.context() as patch:
        patch.setattr(reach, "_count", away)
        body = {"lots": [B1], "level": 1, "reason": "农药残留超标"}
        assert (await on_sqlite.post(RECALLS, json=body, as_=of(PACKER))).status_code == 503
    assert on_sqlite.rows("SELECT count(*) FROM recall") == [(0,)]


async def test_reports_go_to_the_bound_and_not_beyond(traceability: Harness) -> None:
    await started(traceability)
    recall = await opened(traceability, of(PACKER), B1)
    mine = {"holder": MARKET, "lot_id": B1}
    for _ in range(9):
        answer = await report(traceability, recall, of(MARKET), **mine, recovered=str(HUGE))
        assert answer.status_code == 201, answer.text
    left = MOST - 9 * HUGE
    beyond = await report(traceability, recall, of(MARKET), **mine, recovered=str(HUGE))
    assert beyond.status_code == 422
    [error] = beyond.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/recovered", "recall.amount_bound")
    assert LARGEST in error["detail"]
    done = await report(traceability, recall, of(MARKET), **mine, recovered=str(left), destroyed=str(HUGE))
    assert done.status_code == 201, done.text
    one = held(done.json(), MARKET, B1)
    assert (one["recovered"], one["destroyed"], one["at_least"]) == (LARGEST, f"{HUGE}.000000", False)
    assert (await report(traceability, recall, of(MARKET), **mine, recovered="0.000001")).status_code == 422


@pytest.mark.parametrize("body", [{}, {"recovered": 0, "destroyed": "0.000"}, {"recovered": "-0"}])
async def test_a_report_of_nothing_is_none(on_sqlite: Harness, body: dict[str, Any]) -> None:
    await started(on_sqlite)
    recall = await opened(on_sqlite, of(PACKER), B1)
    answer = await report(on_sqlite, recall, of(MARKET), holder=MARKET, lot_id=B1, **body)
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["recall.nothing_reported"]
    assert on_sqlite.published(RecallUpdated) == []


async def test_who_is_not_confirmed_reports_to_authorities_only(traceability: Harness) -> None:
    await started(traceability)
    await send(traceability, STRANGER, *words("B1", 1))
    recall = await opened(traceability, of(PACKER), B1)
    public = await case(traceability, recall, None)
    traceability.clock.advance(hours=1)
    for caller in (of(STRANGER), staff("case_officer")):
        answer = await report(traceability, recall, caller, holder=STRANGER, lot_id=B1, recovered="5", destroyed="2")
        assert answer.status_code == 201, answer.text
    assert await case(traceability, recall, None) == public
    assert traceability.published(RecallUpdated) == []
    for reader in (OFFICER, of(STRANGER)):
        mine = held(await case(traceability, recall, reader), STRANGER, B1)
        assert (mine["recovered"], mine["destroyed"], mine["confirmed"]) == ("10.000000", "4.000000", False)


async def test_reports_push_nothing_out_of_the_case(traceability: Harness, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.traceability.recalls.views.CHANGES", 4)
    await started(traceability)
    recall = await opened(traceability, of(PACKER), B1)
    for amount_ in range(1, 6):
        traceability.clock.advance(minutes=1)
        for holder in (MARKET, PACKER):
            answer = await report(traceability, recall, of(holder), holder=holder, lot_id=B1, recovered=amount_)
            assert answer.status_code == 201, answer.text
    body = {"outcome": "completed", "note": REPORTED}
    closing = await traceability.post(f"{RECALLS}/{recall['recall_id']}:close", json=body, as_=OFFICER)
    assert closing.status_code == 200, closing.text
    found = await case(traceability, recall, None)
    assert [(one["at"], one["change"]) for one in found["changes"]] == [
        ("2026-11-24T04:00:00Z", "开始召回，共 1 个批次"),
        ("2026-11-24T04:05:00Z", REPORTED),
        ("2026-11-24T04:05:00Z", f"召回完成：{REPORTED}"),
    ]
    assert {(event.change, event.replaces) for event in traceability.published(RecallUpdated)} == {(REPORTED, True)}
