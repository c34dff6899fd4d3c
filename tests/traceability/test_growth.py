"""Doubling what comes in does not more than double the work, in CPU seconds: load on the machine does not count."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.traceability.app import create_app
from services.traceability.settings import Settings
from tests.support.app import Harness, running
from tests.support.databases import Backend
from tests.support.watchdog import watched
from tests.traceability import food, large
from tests.traceability.food import PACKED, RAW, RAW_LOT, ok

Work = Callable[[Harness, int], Awaitable[None]]
SIZES = (250, 500, 1_000)
TOLERANCE = 1.6
"""What the growth may be above n log n; the square of fourfold input is four times too much."""
LONGEST = 0.05
JSON = {"Content-Type": "application/json"}
PROCEED = JSON | {"GS1-Capture-Error-Behaviour": "proceed"}


def event(kind: str, hours: int, **more: Any) -> dict[str, Any]:
    [like] = large.made(1, 1)
    kept = {key: value for key, value in like.items() if not key.endswith("List")}
    return kept | {"type": kind, "eventTime": f"2026-11-{15 + hours // 24:02}T{hours % 24:02}:00:00Z"} | more


def amounts(gtin: str, prefix: str, count: int) -> list[dict[str, Any]]:
    return [amount for number in range(count) for amount in food.amounts(f"{gtin}.{prefix}{number:05}", 1)]


async def crossed(service: Harness, count: int) -> None:
    """One event with as many lots in as out."""
    inputs, outputs = amounts(RAW, f"I{count}-", count), amounts(PACKED, f"O{count}-", count)
    made = event("TransformationEvent", 1, inputQuantityList=inputs, outputQuantityList=outputs)
    await large.captured(service, large.document([made]))


async def pallet(service: Harness, count: int) -> None:
    """One container with many lots, packed and shipped."""
    box = f"https://id.gs1.org/00/0952110000000{count:04}0"[:-1]
    box += _check_digit(box[-17:])
    packed = event(
        "AggregationEvent", 2, action="ADD", parentID=box, childQuantityList=amounts(PACKED, f"C{count}-", count)
    )
    sent = event("ObjectEvent", 3, action="OBSERVE", bizStep="shipping", epcList=[box])
    await large.captured(service, large.document([packed, sent]))


def _check_digit(digits: str) -> str:
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


async def chain_of(service: Harness, count: int) -> None:
    """Each lot made of the one before."""
    lots = [f"{PACKED}.K{count}-{number:05}" for number in range(count + 1)]
    events = [
        event(
            "TransformationEvent",
            1 + number % 200,
            inputQuantityList=food.amounts(lots[number], 1),
            outputQuantityList=food.amounts(lots[number + 1], 1),
        )
        for number in range(count)
    ]
    await large.captured(service, large.document(events))


async def wide(service: Harness, count: int) -> None:
    """A recall of many lots, opened and counted."""
    root = f"{RAW}.W{count}"
    await food.register_lot(service, root)
    events = [
        event(
            "TransformationEvent",
            1,
            inputQuantityList=food.amounts(root, 1),
            outputQuantityList=amounts(PACKED, f"W{count}-{start}-", 250),
        )
        for start in range(0, count * 2, 250)
    ]
    await large.captured(service, large.document(events))
    await food.recall(service, root)


async def seconds(service: Harness, work: Work, count: int) -> float:
    await large.settled(service)
    gc.collect()
    started = time.process_time()
    await work(service, count)
    async with asyncio.timeout(120):
        while service.rows("SELECT 1 FROM lot_stale LIMIT 1"):
            await asyncio.sleep(0.2)
    return time.process_time() - started


@pytest.mark.timeout(600)
@pytest.mark.parametrize("work", [crossed, pallet, wide], ids=lambda work: work.__name__)
async def test_work_grows_with_the_input(sqlite_backend: Backend, work: Work) -> None:
    async with running(create_app, Settings, sqlite_backend) as service:
        await food.register(service)
        await work(service, 100)  # what is made once is made
        spent = [await seconds(service, work, count) for count in SIZES]
    growth = spent[-1] / spent[0]
    allowed = SIZES[-1] / SIZES[0] * TOLERANCE * 1.25
    assert growth < allowed, f"{work.__name__}: {spent} CPU s for {SIZES}: {growth:.1f} times, at most {allowed:.1f}"


@pytest.mark.timeout(600)
async def test_a_thousand_by_a_thousand_lots_keep_the_service_answering(sqlite_backend: Backend) -> None:
    async with running(create_app, Settings, sqlite_backend) as service:
        await food.register(service)
        inputs, outputs = amounts(RAW, "I", 1_000), amounts(PACKED, "O", 1_000)
        body = large.document([event("TransformationEvent", 1, inputQuantityList=inputs, outputQuantityList=outputs)])
        answers = 0
        with watched() as stretch:
            answer = await service.post("/epcis/capture", content=orjson.dumps(body), headers=JSON, as_=food.coop)
            while ok(await service.get(answer.headers["location"], as_=food.coop))["running"]:
                ok(await service.get(f"/v1/traceability/verdicts/{RAW_LOT}"))
                answers += 1
            await large.settled(service)
        assert stretch.longest < LONGEST, stretch.where
        assert answers >= 2
        [(made,)] = service.rows("SELECT count(*) FROM lot_verdict WHERE gtin = $1 AND lot LIKE 'O%'", PACKED)
        assert made == 1_000


@pytest.mark.timeout(600)
async def test_a_document_of_twenty_thousand_events_keeps_the_service_answering(sqlite_backend: Backend) -> None:
    """As many as one may have: a thousand lots, seen twenty times each."""
    lots = [f"{PACKED}.D{number:05}" for number in range(1_000)]
    begun = datetime(2026, 11, 1, tzinfo=UTC)
    seen = [
        event("ObjectEvent", 1, action="OBSERVE", bizStep="storing", quantityList=food.amounts(lot, 1))
        | {"eventTime": (begun + timedelta(hours=day, seconds=number)).isoformat()}
        for day in range(20)
        for number, lot in enumerate(lots)
    ]
    async with running(create_app, Settings, sqlite_backend) as service:
        await food.register(service)
        document = orjson.dumps(large.document(seen))
        with watched() as stretch:
            assert await answers_beside(service, document) >= 5
        assert service.rows("SELECT count(*) FROM epcis_event WHERE biz_step = 'storing'") == [(20_000,)]
        assert stretch.longest < LONGEST, stretch.where
        with watched() as stretch:  # sent again: each is known
            await answers_beside(service, document)
        assert service.rows("SELECT count(*) FROM epcis_event WHERE biz_step = 'storing'") == [(20_000,)]
        told = service.rows("SELECT stored, repeated, refused FROM capture ORDER BY capture_id DESC LIMIT 2")
        assert told == [(0, 20_000, 0), (20_000, 0, 0)]
        assert stretch.longest < LONGEST, stretch.where


@pytest.mark.timeout(600)
async def test_a_document_of_twenty_thousand_refusals_keeps_the_service_answering(sqlite_backend: Backend) -> None:
    """Half of it cannot be read, half is at a place of somebody else: all are counted, the first are told."""
    wrong = [
        event("ObjectEvent", 1, action="OBSERVE", quantityList=food.amounts(f"{PACKED}.R{number}", 1))
        | ({"eventTime": "yesterday"} if number % 2 else {})
        for number in range(20_000)
    ]
    async with running(create_app, Settings, sqlite_backend) as service:
        await food.register(service)
        document = orjson.dumps(large.document(wrong))
        with watched() as stretch:
            answer = await service.post("/epcis/capture", content=document, headers=PROCEED, as_=food.shop)
            told = await service.get(answer.headers["location"], as_=food.shop)
            while b'"running":true' in told.content:
                await asyncio.sleep(0.05)
                told = await service.get(answer.headers["location"], as_=food.shop)
            listed = await service.get("/epcis/capture", as_=food.shop)
        assert stretch.longest < LONGEST, stretch.where
        job = ok(told)
        assert (job["stored"], job["refused"], job["repeated"]) == (0, 20_000, 0)
        assert [error["event"] for error in job["errors"]] == [f"/epcisBody/eventList/{n}" for n in range(1_000)]
        assert {error["type"] for error in job["errors"]} == {
            "epcisException:SecurityException",
            "epcisException:ValidationException",
        }
        [entry] = ok(listed)
        assert (entry["refused"], "errors" in entry, "duplicates" in entry) == (20_000, False, False)


async def answers_beside(service: Harness, document: bytes) -> int:
    """Capture a document, and ask for a verdict and how far it is meanwhile. How often it was asked."""
    answer = await service.post("/epcis/capture", content=document, headers=JSON, as_=food.coop)
    assert answer.status_code == 202, answer.text
    answers, job = 0, {"running": True}
    while job["running"]:
        ok(await service.get(f"/v1/traceability/verdicts/{RAW_LOT}"))
        job = ok(await service.get(answer.headers["location"], as_=food.coop))
        answers += 1
        await asyncio.sleep(0.05)
    assert job["success"], job
    return answers


TRACED = (250, 500, 1_000, 2_000)


@pytest.mark.timeout(600)
async def test_a_trace_grows_with_what_the_event_names(sqlite_backend: Backend) -> None:
    """Not with its lots in times its lots out, and not with its body for each of them."""
    spent = []
    async with running(create_app, Settings, sqlite_backend) as service:
        await food.register(service)
        for count in TRACED:
            await crossed(service, count)
            await large.settled(service)
            path = f"/v1/traceability/lots/{RAW}.I{count}-00000/trace"
            started = time.process_time()
            with watched() as stretch:
                answer = ok(await service.get(path, as_=food.coop))
            spent.append(time.process_time() - started)
            assert len(answer["nodes"]) == count + 1
            [edge] = answer["edges"]
            assert len(edge["outputs"]) == count
            assert stretch.longest < LONGEST, f"{count} lots in and out held the loop for {stretch.longest} s"
    growth, allowed = spent[-1] / spent[0], TRACED[-1] / TRACED[0] * TOLERANCE * 1.4
    assert growth < allowed, f"{spent} CPU s for {TRACED}: {growth:.1f} times, at most {allowed:.1f}"
