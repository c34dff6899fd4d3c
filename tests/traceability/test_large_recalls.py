"""Ten thousand lots under one recall: at once for who scans, in pages on the bus, in slices for the workers."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import insert

from services.traceability.verdicts import repository as verdicts
from services.traceability.verdicts.models import StaleLot
from services.traceability.verdicts.service import WORKER
from shared import workers
from shared.db import AsyncSession
from shared.events.traceability import LotUpdated, RecallClosed, RecallLotsAdded, RecallOpened, RecallUpdated
from tests.support.app import NOW, Harness
from tests.support.databases import Backend
from tests.support.watchdog import watched
from tests.traceability import food, large
from tests.traceability.food import COOP, RAW_LOT, ok, verdict
from tests.traceability.large import lot

RECALLS = "/v1/traceability/recalls"
COUNTS = {"postgres": 10_000, "sqlite": 2_500}
"""The whole number on what a city runs."""
LONGEST = 0.05
"""CPU seconds of the event loop's thread at a stretch."""


def sample(last: int) -> list[str]:
    """The first and the last lot, and some between."""
    chance = random.Random(last)
    return [lot(1), lot(last), RAW_LOT, *(lot(chance.randint(2, last - 1)) for _ in range(12))]


async def said(service: Harness, lots: list[str]) -> set[str]:
    return {(await verdict(service, one))["verdict"] for one in lots}


def told(service: Harness) -> dict[str, str]:
    """What others were told of each lot last."""
    return {event.lot_id: event.verdict for event in service.published(LotUpdated)}


async def every_lot(service: Harness, recall_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        page = ok(await service.get(f"{RECALLS}/{recall_id}/lots", params=params))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


async def test_a_lot_that_is_rendered_between_two_looks_is_not_unknown(
    traceability: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan finds that the lot waits; by the time it looks what for, the worker was there."""
    await large.register(traceability, 20)
    real = verdicts.is_stale

    async def after_the_worker(session: AsyncSession, lot_id: str) -> bool:
        workers.wake(traceability.platform, WORKER).set()
        await large.settled(traceability)
        return await real(session, lot_id)

    monkeypatch.setattr(verdicts, "is_stale", after_the_worker)
    assert await said(traceability, [lot(1)]) == {"safe"}, "a first verdict"
    await large.settled(traceability)
    async with traceability.platform.system_unit_of_work() as uow:
        await uow.session.execute(insert(StaleLot).values(lot_id=lot(2), since=NOW, attempts=0))
    assert await said(traceability, [lot(2)]) == {"safe"}, "a later one"


@pytest.mark.timeout(600)
async def test_a_recall_of_ten_thousand_lots(traceability: Harness, backend: Backend) -> None:
    service, count = traceability, COUNTS[backend.kind]
    await large.register(service, count)
    assert await said(service, sample(count)) == {"safe"}

    # Opened: one short transaction, and every lot is recalled for who scans it, hot or cold.
    with watched() as stretch:
        recall = await food.recall(service, RAW_LOT)
        assert await said(service, sample(count)) == {"recalled"}
    assert stretch.longest < LONGEST
    assert large.waiting(service) != (0, 0), "the workers are done already: the set is too small for this test"
    assert (recall["lots_count"], len(recall["lots"])) == (count + 1, 100)
    assert recall["lots"][0]["lot_id"] == RAW_LOT
    linkset = ok(await service.get(f"/v1/traceability/codes/{food.klass(lot(count)).replace('/', '%2F')}/linkset"))
    assert "recallStatus" in str(linkset)

    # On the bus: the case with its first lots, then every lot once, in order, in records that a broker takes.
    [opened] = service.published(RecallOpened)
    assert (opened.lots_count, len(opened.lots)) == (count + 1, 100)
    pages = service.published(RecallLotsAdded)
    assert [(page.page, page.pages) for page in pages] == [(n, len(pages)) for n in range(1, len(pages) + 1)]
    assert max(len(page.lots) for page in pages) <= 2_000
    whole = [one.lot_id for page in pages for one in page.lots]
    assert whole == [RAW_LOT, *(lot(number) for number in range(1, count + 1))]
    assert [one["lot_id"] for one in await every_lot(service, recall["recall_id"])] == whole

    # Widened by a capture: nothing of the events is lost, what joined is recalled with the commit.
    more = 1_200
    await large.captured(service, large.document(large.made(count + 1, count + more, source=lot(count))))
    assert await said(service, [lot(count + 1), lot(count + more)]) == {"recalled"}
    [updated] = service.published(RecallUpdated)
    assert (updated.change, updated.lots_count) == (f"新增 {more} 个批次，召回范围已扩大", count + more + 1)
    joined = [one.lot_id for page in service.published(RecallLotsAdded)[len(pages) :] for one in page.lots]
    assert joined == [lot(number) for number in range(count + 1, count + more + 1)]
    assert service.rows("SELECT count(*) FROM epcis_event") == [(count // 500 + 3,)]
    whole += joined

    # Counted and announced by the workers.
    await large.settled(service)
    case = ok(await service.get(f"{RECALLS}/{recall['recall_id']}", as_=food.officer))
    assert case["lots_counted"] == len(whole)
    latest = told(service)
    assert {latest[one] for one in whole} == {"recalled"}
    assert await said(service, sample(count)) == {"recalled"}
    held = service.rows("SELECT holder, count(*), sum(received) FROM recall_holding WHERE uom = 'KGM' GROUP BY holder")
    assert [(holder, count) for holder, count, _ in held] == [(COOP, len(whole))]
    assert sum(len(holder["holdings"]) for holder in case["holders"]) == 500
    found, url = 500, case["holders_next"]
    while url:
        page = ok(await service.get(url, as_=food.officer))
        found += len(page["items"])
        url = f"{RECALLS}/{recall['recall_id']}/holdings?limit=500&cursor={page['next']}" if page["next"] else None
    assert found == len(whole)

    # Revoked: free at once.
    body = {"outcome": "revoked", "note": "复检合格，召回撤销"}
    with watched() as stretch:
        ok(await service.post(f"{RECALLS}/{recall['recall_id']}:close", json=body, as_=food.officer))
        assert await said(service, sample(count)) == {"safe"}
    assert stretch.longest < LONGEST
    [closed] = service.published(RecallClosed)
    assert closed.outcome.startswith("revoked")


@pytest.mark.parametrize("_again", range(3))
async def test_a_capture_beside_the_opening_of_a_large_recall(traceability: Harness, _again: int) -> None:
    """Each waits for the other or finds what it did: what is made of the set meanwhile is recalled too."""
    service, count = traceability, 1_500
    await large.register(service, count)
    late = [f"{food.GIFT}.L{number}" for number in range(4)]
    for one in late:
        await food.register_lot(service, one)

    async def widen(number: int) -> None:
        await asyncio.sleep(0.05 * number)
        await food.make(service, lot(count - number), late[number], 200 + number, 1, 1)

    recall, *_ = await asyncio.gather(food.recall(service, RAW_LOT), *(widen(number) for number in range(4)))
    assert await said(service, late) == {"recalled"}
    members = [one["lot_id"] for one in await every_lot(service, recall["recall_id"])]
    assert len(members) == len(set(members)) == count + 1 + len(late)
    assert [one.lot_id for page in service.published(RecallLotsAdded) for one in page.lots] == members
    await large.settled(service)
    assert await said(service, [*late, *sample(count)]) == {"recalled"}


async def test_each_change_of_a_large_set_is_told_once_for_each_lot(traceability: Harness) -> None:
    service, count = traceability, 700
    await large.register(service, count)
    await large.settled(service)
    recall = await food.recall(service, RAW_LOT)
    await large.settled(service)
    body = {"outcome": "revoked", "note": "复检合格，召回撤销"}
    ok(await service.post(f"{RECALLS}/{recall['recall_id']}:close", json=body, as_=food.officer))
    await large.settled(service)
    changes: dict[str, list[str]] = {}
    for event in service.published(LotUpdated):
        changes.setdefault(event.lot_id, []).append(event.verdict)
    assert {tuple(changes[lot(number)]) for number in range(1, count + 1)} == {("safe", "recalled", "safe")}


async def test_notices_of_a_large_recall_name_the_first_lots(on_sqlite: Harness) -> None:
    await large.register(on_sqlite, 700)
    for number in (1, 300, 700):
        await food.ship(on_sqlite, lot(number), 1, 100 + number % 24)
    recall = await food.recall(on_sqlite, RAW_LOT)
    await large.settled(on_sqlite)
    [notice] = ok(await on_sqlite.get("/v1/traceability/notices", as_=food.wholesale))
    assert (notice["lots"], notice["lots_count"], notice["lots_next"]) == ([lot(1), lot(300), lot(700)], 3, None)
    path = f"{RECALLS}/{recall['recall_id']}/holdings"
    mine = ok(await on_sqlite.get(path, as_=food.wholesale))["items"]
    assert [(one["holder"], one["lot_id"]) for one in mine] == [
        (food.WHOLESALE, one) for one in (lot(1), lot(300), lot(700))
    ]
    assert ok(await on_sqlite.get(path, as_=food.shop))["items"] == []
    food.refused(await on_sqlite.get(path, as_=food.staff("case_officer", area="370602")), 403, "area")
    assert (await on_sqlite.get(path)).status_code == 401
    assert ok(await on_sqlite.get(f"{RECALLS}/{recall['recall_id']}"))["notices"]["sent"] == 1
