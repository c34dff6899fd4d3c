"""What is in the databases before the fuzzing begins, and the names and numbers by which it is found.

Identifiers have check digits: generated at random they end at the first check, and nothing behind it is ever tried.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.credit import samples as credit
from tests.indicators.test_observations import AGRI, OFFICE
from tests.support.app import Harness
from tests.traceability import food

_KNOWN: dict[str, list[Any]] = {
    "uscc": [food.COOP, food.WHOLESALE, credit.code(1), credit.code(2)],
    "owner_uscc": [food.COOP],
    "holder": [food.WHOLESALE, food.SHOP],
    "gtin": [food.RAW, food.PACKED],
    "gln": [food.ORCHARD, food.MARKET],
    "lot": ["OR1", "QX1"],
    "lot_id": [food.RAW_LOT, food.PACKED_LOT],
    "lots": [[food.RAW_LOT], [food.RAW_LOT, food.GIFT_LOT]],
    "code": [food.klass(food.RAW_LOT), f"/01/{food.PACKED}/10/QX1", food.GIFT_LOT, food.RAW, f"{food.RAW}/10/OR1"],
    "area": ["370600", "370602", "370000"],
    "area_code": ["370600", "370602", "370686"],
    "target_id": ["agri_sampling_pass_rate", "food_sampling_pass_rate"],
    "target": ["agri_sampling_pass_rate"],
    "colour": ["red", "black"],
    "ground_code": ["food.contaminated"],
    "penalty_kinds": [["fine"], ["fine", "production_stopped"]],
    "as_of": ["2026-11-24", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"],
    "valid_at": ["2026-11-24", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00"],
    "known_at": ["2026-11-24T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"],
    "on": ["2026-11-24", "0001-01-01", "9999-12-31"],
    "period": ["2018", "2018-Q1", "2018-05", "9999", "0001"],
    "cursor": [
        "W10",
        "WzFd",
        "WyJhIiwxXQ",
        "WzEsMiwzLDRd",
        "W251bGwsbnVsbF0",
        "W3sieCI6MX0sWzFdXQ",
        "WyIyMDI2IiwiXHUwMDAwIl0",
    ],
    "grant_type": ["client_credentials", "password"],
    "format": ["csv", "json"],
}


@dataclass
class World:
    """`known`: parameter or field name -> good values. `good`: bodies that were taken, as (method, path, body)."""

    known: dict[str, list[Any]] = field(default_factory=lambda: {name: list(found) for name, found in _KNOWN.items()})
    good: list[tuple[str, str, bytes]] = field(default_factory=list)

    def know(self, **values: str) -> None:
        for name, value in values.items():
            self.known.setdefault(name, []).insert(0, value)


async def fill(world: World, name: str, harness: Harness) -> None:
    """Register something of everything in a service, and remember the bodies that it took."""

    async def remember(response: httpx.Response) -> None:
        request = response.request
        if response.is_success and request.content and "json" in request.headers.get("content-type", ""):
            world.good.append((request.method, request.url.path, request.content))

    harness.http.event_hooks["response"].append(remember)
    try:
        await _FILL[name](world, harness)
    finally:
        harness.http.event_hooks["response"].remove(remember)


async def _credit(world: World, harness: Harness) -> None:
    listed, violation = await credit.blacklist(harness, 1)
    world.know(listing_id=listed, violation_id=violation)
    world.know(listing_id=await credit.propose(harness, 2))
    receipt = await credit.push(harness, 3)
    world.know(violation_id=receipt["violation_id"], receipt_id=receipt["id"], external_id="CASE-3")
    stored = await harness.post(
        "/v1/credit/attachments?visibility=public",
        content=b"%PDF-1.4\n%%EOF\n",
        headers={"content-type": "application/pdf"},
        as_=credit.OFFICER,
    )
    world.know(sha256=food.ok(stored, 201)["sha256"])
    batch = {"items": [credit.violation(4), credit.violation(5)]}
    food.ok(await harness.post("/v1/credit/violations:batch", json=batch, as_=credit.UNIT))
    enterprise = {"name": "烟台样例食品有限公司", "area_code": "370602"}
    food.ok(await harness.put(f"/v1/credit/enterprises/{credit.code(1)}", json=enterprise, as_=credit.UNIT))


async def _traceability(world: World, harness: Harness) -> None:
    await food.register(harness)
    await food.three_levels(harness)
    held = await food.record(harness, result="fail", number="SP-1")
    world.know(test_id=held["test_id"])
    recall = await food.recall(harness)
    world.know(recall_id=recall["recall_id"])
    alerts = food.ok(await harness.get("/v1/traceability/alerts", as_=food.inspector))["items"]
    world.know(alert_id=alerts[0]["alert_id"])
    events = food.ok(await harness.get("/epcis/events", as_=food.inspector))
    found = events["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    world.know(event_id=found[0]["eventID"])


async def _indicators(world: World, harness: Harness) -> None:
    url = "/v1/indicators/observations"
    receipt = food.ok(await harness.post(url, json=AGRI | {"external_id": "seed"}, as_=OFFICE), 201)
    world.know(observation_id=receipt["id"], external_id="seed")
    food.ok(await harness.post(url + ":batch", json={"items": [AGRI | {"period": "2024"}]}, as_=OFFICE))


async def _gateway(world: World, harness: Harness) -> None:
    """It has what the other services told it."""


_FILL = {"credit": _credit, "traceability": _traceability, "indicators": _indicators, "gateway": _gateway}
