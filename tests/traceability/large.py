"""Recalls of thousands of lots: made quickly, for tests of what such a set does."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from tests.support.app import NOW, Harness
from tests.traceability import food
from tests.traceability.food import PACKED, PACKHOUSE, RAW_LOT

EVENT_LOTS = 500


def lot(number: int) -> str:
    return f"{PACKED}.N{number:06}"


def made(first: int, last: int, source: str = RAW_LOT) -> list[dict[str, Any]]:
    """Events that make the lots `first` to `last` of one."""
    place = {"id": f"https://id.gs1.org/414/{PACKHOUSE}"}
    return [
        {
            "type": "TransformationEvent",
            "eventTime": (NOW - timedelta(days=5)).isoformat().replace("+00:00", "Z"),
            "eventTimeZoneOffset": "+08:00",
            "bizStep": "commissioning",
            "readPoint": place,
            "bizLocation": place,
            "inputQuantityList": food.amounts(source, 1),
            "outputQuantityList": [
                amount
                for number in range(start, min(start + EVENT_LOTS - 1, last) + 1)
                for amount in food.amounts(lot(number), 2)
            ],
        }
        for start in range(first, last + 1, EVENT_LOTS)
    ]


def document(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@context": [food.CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-24T00:00:00Z",
        "epcisBody": {"eventList": events},
    }


async def captured(service: Harness, body: dict[str, Any], caller: Any = food.coop) -> dict[str, Any]:
    answer = await service.post("/epcis/capture", json=body, as_=caller)
    assert answer.status_code == 202, answer.text
    while True:
        job: dict[str, Any] = food.ok(await service.get(answer.headers["location"], as_=caller))
        if not job["running"]:
            assert job["success"], job
            return job
        await asyncio.sleep(0.01)


async def register(service: Harness, count: int) -> None:
    """`count` registered lots, made of one raw lot; nobody waits until their verdicts are stored."""
    await food.register(service)
    await captured(service, document(made(1, count)))
    async with service.platform.system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE lot SET registered_at = first_seen_at WHERE registered_at IS NULL"))
        uow.touch("lot", *(lot(number) for number in range(1, count + 1)))


def waiting(service: Harness) -> tuple[int, int]:
    """Lots that wait for their verdict, and lots of recalls whose holders are not found yet."""
    ((stale,),) = service.rows("SELECT count(*) FROM lot_stale")
    ((uncounted,),) = service.rows("SELECT count(*) FROM recall_lot WHERE NOT counted")
    return stale, uncounted


async def settled(service: Harness) -> None:
    """Wait until the workers have done all; there is no bound but that they go on."""
    before = (0, 0)
    while (left := waiting(service)) != (0, 0):
        for _ in range(600):
            await asyncio.sleep(0.05)
            if (before := waiting(service)) != left:
                break
        assert before != left, f"the workers stand still at {left}"
