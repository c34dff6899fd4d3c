"""That a lot was in a container is believed of who had a right to the lot by then, in every order of arrival; of
anybody else it opens nothing, gives nobody a say and costs no more than it is long."""

import itertools
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.traceability.rights import service
from services.traceability.rights.custody import Way
from services.traceability.rights.rules import Picture, Row
from tests.support.app import Harness
from tests.traceability import chain
from tests.traceability.chain import BOX, FRUIT, MARKET, ORCHARD, PACKER, SHOP, amount, lot, of, sscc
from tests.traceability.rights.attacks import ATTACKER, settle

T = "/v1/traceability"
MINE, OTHER = lot(BOX, "P5"), lot(BOX, "P6")
POOL = "https://id.gs1.org/8004/0690000000071"


def inside(day: float, place: int, parent: str, *codes: str, action: str = "ADD", **more: Any) -> dict[str, Any]:
    children = [amount(code[:14], code[15:], 5, None) for code in codes]
    more = {"childQuantityList": children, **more} if children else more
    return chain.event("AggregationEvent", day, place, "packing", action=action, parentID=parent, **more)


def emptied(day: float, place: int, parent: str) -> dict[str, Any]:
    return chain.event("AggregationEvent", day, place, "unpacking", action="DELETE", parentID=parent)


async def tell(harness: Harness, uscc: str, *events: dict[str, Any]) -> None:
    job = await chain.capture(harness, chain.document(*events), of(uscc))
    assert job["success"] is True, job


async def reads(harness: Harness, code: str, uscc: str) -> bool:
    answer = await harness.get(f"{T}/lots/{code}/trace", as_=of(uscc))
    assert answer.status_code in (200, 403), answer.text
    return answer.status_code == 200


def words(harness: Harness, node: str, uscc: str) -> list[bool]:
    sql = (
        "SELECT x.confirmed FROM event_epc x JOIN epcis_event e ON e.record_id = x.record_id "
        "WHERE x.node = $1 AND e.owner_uscc = $2 ORDER BY x.record_id, x.position"
    )
    return [bool(row[0]) for row in harness.rows(sql, node, uscc)]


async def delivered(harness: Harness) -> None:
    """The packer made two lots, and sent one of them to the shop in a pallet."""
    await settle(harness)
    made = [amount(BOX, "P5", 9, None), amount(BOX, "P6", 9, None)]
    first = chain.event("ObjectEvent", 6, 2, "commissioning", action="ADD", quantityList=made)
    await tell(harness, PACKER, first, inside(6.1, 2, sscc(41), MINE), chain.ship(2, 4, 6.3, epcs=(sscc(41),)))
    await tell(harness, SHOP, chain.receive(2, 4, 6.5, epcs=(sscc(41),)))


async def test_more_was_in_the_pallet_says_who_received_it(traceability: Harness) -> None:
    await delivered(traceability)
    assert await reads(traceability, MINE, SHOP)
    for day, action in ((6.05, "ADD"), (6.3, "OBSERVE"), (6.6, "ADD")):
        await tell(traceability, SHOP, inside(day, 4, sscc(41), OTHER, lot(FRUIT, "F2"), action=action))
    sold = chain.event("ObjectEvent", 7, 4, "destroying", action="DELETE", quantityList=[amount(BOX, "P6", 700, None)])
    await tell(traceability, SHOP, sold)
    assert set(words(traceability, OTHER, SHOP)) == {False}
    for code in (OTHER, lot(FRUIT, "F2")):
        assert not await reads(traceability, code, SHOP)
    assert await reads(traceability, MINE, SHOP)


async def test_two_that_vouch_for_each_other(on_sqlite: Harness) -> None:
    """Each packs what neither had into a crate that it sends to the other, before and after the other's."""
    await delivered(on_sqlite)
    for one, other, firm, days in ((4, 3, SHOP, (7.0, 7.4)), (3, 4, MARKET, (7.2, 7.6))):
        for number, day in enumerate(days):
            box = sscc(50 + one * 10 + number)
            sent = inside(day, one, box, OTHER), chain.ship(one, other, day, epcs=(box,))
            await tell(on_sqlite, firm, *sent)
            await tell(on_sqlite, MARKET if firm == SHOP else SHOP, chain.receive(one, other, day, epcs=(box,)))
    for firm in (SHOP, MARKET):
        assert set(words(on_sqlite, OTHER, firm)) == {False}
        assert not await reads(on_sqlite, OTHER, firm)


@pytest.mark.parametrize("back", [False, True])
async def test_a_pallet_of_another_in_a_crate(on_sqlite: Harness, back: bool) -> None:
    """A crate went between the packer and a stranger, who says that the packer's pallet was in it: the pallet is not
    handed to the stranger, nor had the stranger it first."""
    await delivered(on_sqlite)
    ends = (2, 5) if back else (5, 2)
    there, here = (PACKER, ATTACKER) if back else (ATTACKER, PACKER)
    await tell(on_sqlite, there, chain.ship(*ends, 6.01, epcs=(POOL,)))
    await tell(on_sqlite, here, chain.receive(*ends, 6.02, epcs=(POOL,)))
    before = words(on_sqlite, sscc(41), PACKER)
    for day in (5.9, 6.005):
        claim = inside(day, 5, POOL, childEPCs=[sscc(41)]), inside(day, 5, sscc(41), lot(chain.gtin(5), "BAD"))
        await tell(on_sqlite, ATTACKER, *claim)
    assert words(on_sqlite, sscc(41), PACKER) == before
    assert set(words(on_sqlite, sscc(41), ATTACKER)) == {False}
    async with on_sqlite.platform.read() as session:
        assert await service.opened(session, ATTACKER, [sscc(41), MINE], {}) == set()
        assert await service.opened(session, SHOP, [sscc(41), MINE], {}) == {sscc(41), MINE}


async def test_a_carton_that_was_only_put_into_a_pallet(on_sqlite: Harness) -> None:
    """Who put it there spoke of it first: a stranger that says it received it does not hold it."""
    await settle(on_sqlite)
    await tell(on_sqlite, PACKER, inside(6, 2, sscc(32), childEPCs=[sscc(31)]), chain.ship(2, 3, 6.1, epcs=(sscc(32),)))
    await tell(on_sqlite, ATTACKER, chain.receive(2, 5, 6.2, epcs=(sscc(31),)))
    await tell(on_sqlite, MARKET, chain.receive(2, 3, 6.3, epcs=(sscc(32),)), chain.ship(3, 4, 6.4, epcs=(sscc(31),)))
    assert words(on_sqlite, sscc(31), ATTACKER) == [False]
    assert words(on_sqlite, sscc(31), MARKET) == [True]


async def test_a_rightful_way_counts_in_every_order(on_sqlite: Harness) -> None:
    """A box on a pallet to the market, which unpacks it, packs the lot again and sends it to the shop: each firm comes
    first, second or last."""
    await settle(on_sqlite)
    for number, order in enumerate(itertools.permutations((PACKER, MARKET, SHOP))):
        code, (box, outer, third) = lot(BOX, f"W{number}"), (sscc(100 + number * 3 + n) for n in range(3))
        made = chain.event(
            "ObjectEvent", 6, 2, "commissioning", action="ADD", quantityList=[amount(BOX, f"W{number}", 5, None)]
        )
        told = {
            PACKER: [
                *(made, inside(6.1, 2, box, code), inside(6.2, 2, outer, childEPCs=[box])),
                chain.ship(2, 3, 6.3, epcs=(outer,)),
            ],
            MARKET: [
                *(chain.receive(2, 3, 6.4, epcs=(outer,)), emptied(6.5, 3, outer), emptied(6.6, 3, box)),
                *(inside(6.7, 3, third, code), chain.ship(3, 4, 6.8, epcs=(third,))),
            ],
            SHOP: [chain.receive(3, 4, 6.9, epcs=(third,)), inside(7, 4, sscc(90), code)],
        }
        for firm in order:
            await tell(on_sqlite, firm, *told[firm])
        for firm in (MARKET, SHOP):
            assert set(words(on_sqlite, code, firm)) == {True}, (order, firm)
            assert await reads(on_sqlite, code, firm), (order, firm)
        for thing, firm in ((box, MARKET), (outer, MARKET), (third, SHOP), (box, PACKER)):
            assert set(words(on_sqlite, thing, firm)) <= {True}, (order, thing, firm)


async def test_who_received_it_tells_the_packing_of_an_absent_packer(on_sqlite: Harness) -> None:
    """The orchard sent its lot to the market by way of a packer that tells nothing; the market says into what it was
    packed, and sends that on."""
    await settle(on_sqlite)
    code, some = lot(FRUIT, "F2"), amount(FRUIT, "F2", 5)
    await tell(on_sqlite, MARKET, inside(6.2, 3, POOL, code), chain.ship(3, 4, 6.4, epcs=(POOL,)))
    await tell(on_sqlite, SHOP, chain.receive(3, 4, 6.5, epcs=(POOL,)))
    assert not await reads(on_sqlite, code, SHOP)
    await tell(on_sqlite, ORCHARD, chain.ship(1, 3, 6.1, some))
    assert await reads(on_sqlite, code, SHOP)
    assert words(on_sqlite, code, MARKET) == [True]


async def test_an_owner_says_that_the_packing_is_so(on_sqlite: Harness) -> None:
    await delivered(on_sqlite)
    await tell(on_sqlite, SHOP, inside(6.2, 4, sscc(41), OTHER))
    [waiting] = (await on_sqlite.get(f"{T}/claims", as_=of(PACKER))).json()["items"]
    answer = await on_sqlite.post(f"{T}/claims/{waiting['record_id']}:confirm", as_=of(PACKER))
    assert answer.status_code == 200, answer.text
    assert await reads(on_sqlite, OTHER, SHOP)


FIRST = datetime(2026, 11, 1, tzinfo=UTC)


def row(number: int, node: str, at: datetime, party: str, step: str | None, to: str | None = None) -> Row:
    field, action = ("epc", "OBSERVE") if step else ("parent", "ADD")
    kind = "ObjectEvent" if step else "AggregationEvent"
    return Row(f"{number:06}", 0, node, field, kind, action, step, at, party, destination=to)


def test_a_way_is_the_same_however_it_is_asked_for() -> None:
    """Word by word, with questions between, against all at once."""
    for seed in range(300):
        rng = random.Random(seed)
        said = [
            row(
                number,
                POOL,
                FIRST + timedelta(hours=rng.randint(0, 12)),
                rng.choice("ABC"),
                rng.choice(["shipping", "shipping", "receiving", None]),
                rng.choice("ABCD"),
            )
            for number in range(rng.randint(1, 14))
        ]
        way = Way("A", ())
        for count, each in enumerate(said, 1):
            way.add([each])
            at, who = FIRST + timedelta(hours=rng.randint(0, 12)), rng.choice("ABC")
            whole = Way("A", said[:count])
            assert way.holds(who, at) == whole.custody().holds(who, at), seed
        assert way.custody().segments == Way("A", said).custody().segments, seed


def trips(count: int, answered: bool) -> float:
    """CPU seconds for who held a crate that was packed and sent in another one so often."""
    crate, other, who, number = sscc(1), sscc(2), "A", itertools.count()
    rows: dict[str, list[Row]] = {crate: [row(next(number), crate, FIRST, who, None)], other: []}
    packed = []
    for trip in range(count):
        at, to = FIRST + timedelta(hours=trip), ("B" if who == "A" else "A") if answered else "Z"
        rows[other].append(row(next(number), other, at, who, None))
        packed.append((other, at, rows[other][-1].record_id))
        rows[other].append(row(next(number), other, at + timedelta(minutes=1), who, "shipping", to))
        if answered:
            who = to
            rows[other].append(row(next(number), other, at + timedelta(minutes=2), who, "receiving"))
    picture = Picture(rows, {crate: packed}, {}, {}, lambda one, other: True, datetime.date)
    started = time.process_time()
    held = picture.custody(crate)
    spent = time.process_time() - started
    assert len(held.segments) == (count + 1 if answered else 1)
    return spent


@pytest.mark.parametrize("answered", [True, False])
def test_trips_of_a_crate_inside_another_are_followed_once(answered: bool) -> None:
    small, large = (min(trips(count, answered) for _ in range(3)) for count in (500, 2_000))
    assert large / small < 4 * 1.6 * 1.25, (small, large)


@pytest.mark.timeout(300)
async def test_a_shipment_after_many_packings_of_a_stranger(on_sqlite: Harness) -> None:
    """A stranger says ever more often that the lot was in its crate, and sends that: CPU of one later shipment."""
    await settle(on_sqlite)
    spent, told = [], 0
    for count in (300, 1_200):
        events = []
        for number in range(told, count):
            events.append(inside(4 + number / 100_000, 5, POOL, lot(BOX, "B4")) | {"eventID": f"urn:x:p{number}"})
            sent = chain.event("ObjectEvent", 4.5 + number / 100_000, 5, "shipping", action="OBSERVE", epcList=[POOL])
            events.append(sent | chain.parties(5, 2) | {"eventID": f"urn:x:s{number}"})
        told = count
        await tell(on_sqlite, ATTACKER, *events)
        best = 60.0
        for again in range(3):
            shipment = chain.ship(2, 3, 5 + count / 10_000 + again / 100, amount(BOX, "B4", 1, None))
            body = {"@context": [chain.CONTEXT], **shipment}
            started = time.process_time()
            answer = await on_sqlite.post("/epcis/events", json=body, as_=of(PACKER))
            best = min(best, time.process_time() - started)
            assert answer.status_code == 201, answer.text
        spent.append(best)
    assert spent[1] / spent[0] < 4 * 1.6 * 1.25, spent
    assert not await reads(on_sqlite, lot(BOX, "B4"), ATTACKER)
