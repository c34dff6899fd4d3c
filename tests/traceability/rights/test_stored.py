"""What is stored of each word is what judging everything anew gives, after every step: in whatever order firms,
departments, registrations, claims, declarations and decisions come."""

import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from services.traceability.callers import WRITE
from services.traceability.epcis.api import READ as EPCIS_READ
from services.traceability.epcis.api import WRITE as EPCIS_WRITE
from services.traceability.graph.models import EventEpc
from services.traceability.graph.rules import is_middle
from services.traceability.rights import repository
from tests.support.app import Harness
from tests.support.callers import Caller, department
from tests.traceability import chain
from tests.traceability.chain import amount, gln, gtin, of, sscc

SEEDS = [*range(8), None]
"""None is drawn; its number stands in the failure."""
STEPS = 40
FIRMS = [chain.firm(f"MA3C0A2{n}", "110101" if n == 3 else "370600") for n in range(5)]
AREAS = ["370686", "370686", "370602", "110101", "370600"]
GTINS = [gtin(60 + n) for n in range(4)]
LOTS = [(each, number) for each in GTINS for number in ("A", "B")]
THINGS = [sscc(800 + n) for n in range(3)] + [f"https://id.gs1.org/01/{GTINS[n]}/21/P{n}" for n in range(2)]


def of_area(area: str) -> Caller:
    return department(EPCIS_WRITE, EPCIS_READ, WRITE, area=area, code=f"d{area}", client=f"client-{area}")


CITY, FAR, NATION = of_area("370600"), of_area("110101"), of_area("100000")


class World:
    def __init__(self, harness: Harness, seed: int) -> None:
        self.harness, self.rng = harness, random.Random(seed)
        self.sent: list[tuple[Caller, dict[str, Any]]] = []
        self.answers: Counter[int] = Counter()
        self.number = 0

    def firm(self) -> int:
        return self.rng.randrange(len(FIRMS))

    def somebody(self) -> Caller:
        return self.rng.choice([of(FIRMS[self.firm()]), CITY, FAR, NATION])

    async def put(self, path: str, body: dict[str, Any], as_: Caller) -> None:
        answer = await self.harness.put(f"/v1/traceability/{path}", json=body, as_=as_)
        self.answers[answer.status_code] += 1

    async def post(self, path: str, as_: Caller, body: Any = None) -> bool:
        answer = await self.harness.post(path, json=body, as_=as_)
        self.answers[answer.status_code] += 1
        assert answer.status_code < 500, answer.text
        return answer.status_code == 201

    async def party(self) -> None:
        firm, moves = self.firm(), self.rng.random() < 0.3
        body = {"name": f"{firm} 号厂", "area_code": AREAS[firm], "roles": ["producer"], "reason": "迁址"}
        if moves:
            body["area_code"] = self.rng.choice(AREAS)
        await self.put(f"parties/{FIRMS[firm]}", body, NATION if moves else of(FIRMS[firm]))

    async def place(self) -> None:
        firm, owner = self.firm(), self.firm()
        given = self.rng.random() < 0.2
        body = {"name": "场所", "uscc": FIRMS[owner if given else firm], "area_code": AREAS[firm], "kind": "factory"}
        who = NATION if given else self.rng.choice([of(FIRMS[firm]), of(FIRMS[firm]), CITY, FAR])
        await self.put(f"places/{gln(70 + firm)}", body | {"reason": "更正归属"}, who)

    async def product(self) -> None:
        firm, given = self.firm(), self.rng.random() < 0.3
        body = {"name": "品名", "owner_uscc": FIRMS[firm], "shelf_life_days": 9, "reason": "更正归属"}
        who = self.rng.choice([CITY, NATION]) if given else of(FIRMS[firm])
        await self.put(f"products/{self.rng.choice(GTINS)}", body, who)

    async def makers(self) -> None:
        named = [{"uscc": FIRMS[self.firm()], "since": self.rng.choice([None, "2026-11-01"])}]
        body = {"makers": named if self.rng.random() < 0.7 else []}
        await self.put(f"products/{self.rng.choice(GTINS)}/makers", body, of(FIRMS[self.firm()]))

    async def confirm(self) -> None:
        what = self.rng.choice([f"products/{self.rng.choice(GTINS)}", f"places/{gln(70 + self.firm())}"])
        await self.post(f"/v1/traceability/{what}:confirm", self.somebody())

    async def decide(self) -> None:
        records = [record for (record,) in self.harness.rows("SELECT record_id FROM epcis_event WHERE NOT declaration")]
        if records:
            word = self.rng.choice(["confirm", "reject"])
            await self.post(f"/v1/traceability/claims/{self.rng.choice(records)}:{word}", self.somebody())

    async def declare(self) -> None:
        if self.sent:
            who, event = self.rng.choice(self.sent)
            who = self.rng.choice([who, who, CITY])
            error = {"declarationTime": chain.at(12), "reason": "incorrect_data"}
            await self.post("/epcis/events", who, {"@context": [chain.CONTEXT], **event, "errorDeclaration": error})

    async def event(self) -> None:
        firm, other, rng = self.firm(), self.firm(), self.rng
        who = of(FIRMS[firm]) if rng.random() < 0.8 else rng.choice([CITY, FAR, NATION])
        place, day = 70 + (firm if rng.random() < 0.9 else other), rng.uniform(0, 9)
        lot, thing, second = rng.choice(LOTS), rng.choice(THINGS), rng.choice(THINGS)
        some = amount(*lot, 1, None)
        inner = {"childQuantityList": [some]} if rng.random() < 0.6 or thing == second else {"childEPCs": [second]}
        named = {"quantityList": [some]} if rng.random() < 0.4 else {"epcList": [thing]}
        kind = rng.choice(["make", "shipping", "shipping", "receiving", "receiving", "pack", "pack", "unpack", "see"])
        if kind == "make":
            sides = {
                "inputQuantityList": [amount(*rng.choice(LOTS), 1, None)],
                "outputQuantityList": [some],
            }
            event = chain.event("TransformationEvent", day, place, "commissioning", **sides)
        elif kind == "pack":
            event = chain.event("AggregationEvent", day, place, "packing", action="ADD", parentID=thing, **inner)
        elif kind == "unpack":
            event = chain.event("AggregationEvent", day, place, "unpacking", action="DELETE", parentID=thing)
        elif kind == "see":
            event = chain.event("ObjectEvent", day, place, "inspecting", action="OBSERVE", **named)
        else:
            sides = chain.parties(70 + firm, 70 + other) if kind == "shipping" else chain.parties(70 + other, 70 + firm)
            event = chain.event("ObjectEvent", day, place, kind, action="OBSERVE", **named, **sides)
        self.number += 1
        event["eventID"] = f"urn:e:{self.number}"
        if await self.post("/epcis/events", who, {"@context": [chain.CONTEXT], **event}):
            self.sent.append((who, event))


async def differing(harness: Harness) -> list[tuple[Any, ...]]:
    """Words that are stored otherwise than all that is known today says."""
    async with harness.platform.read() as session:
        every = (await session.execute(select(EventEpc.node).distinct())).scalars()  # type: ignore[call-overload]
        nodes = {node for node in every if not is_middle(node)}
        picture = await repository.picture(session, nodes, "all")
        return [
            (row.record_id, node, row.field, (row.confirmed, row.asks, row.late), (now.counts, now.asks, now.late))
            for node in nodes
            for row in picture.rows.get(node, ())
            if (row.confirmed, row.asks, row.late) != ((now := picture.judge(row)).counts, now.asks, now.late)
        ]


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_stored_is_what_judging_anew_gives(on_sqlite: Harness, seed: int | None) -> None:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    world = World(on_sqlite, seed)
    steps = [world.party, world.place, world.product, world.makers, world.confirm, world.decide, world.declare]
    for number in range(STEPS):
        step = world.rng.choice([*steps, *[world.event] * 12])
        await step()
        wrong = await differing(on_sqlite)
        assert not wrong, f"seed {seed}, after step {number} ({step.__name__}): {wrong[:3]}"
    assert world.answers[201] >= 10, world.answers
