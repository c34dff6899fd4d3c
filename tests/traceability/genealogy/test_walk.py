"""The trace of an enterprise is its own way: what others make of its lots, however much, takes no room from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.traceability.app import create_app
from services.traceability.genealogy import walk as walking
from services.traceability.settings import Settings
from tests.support.app import Harness, running
from tests.support.databases import Backend
from tests.support.watchdog import watched
from tests.traceability import chain, large
from tests.traceability.chain import BOX, FRUIT, MARKET, ORCHARD, PACKER, amount, document, lot, of, sscc
from tests.traceability.genealogy.test_trace import depths, trace

STRANGER = chain.firm("MA3C0A15")
NUTS, CAKE = chain.gtin(5), chain.gtin(6)
"""Of the stranger, and of the market, which is a lawful customer of the packer."""
MOST = 4_990


@asynccontextmanager
async def firms(backend: Backend, **settings: Any) -> AsyncIterator[Harness]:
    async with running(create_app, Settings, backend, **settings) as harness:
        await chain.register(harness)
        body = {"name": "坚果厂", "area_code": "370686", "roles": ["producer"]}
        await chain.put(harness, f"parties/{STRANGER}", body, STRANGER)
        place = {"name": "坚果厂场所", "uscc": STRANGER, "area_code": "370686", "kind": "factory"}
        await chain.put(harness, f"places/{chain.gln(5)}", place, STRANGER)
        for product, owner in ((NUTS, STRANGER), (CAKE, MARKET)):
            body = {"name": "食品", "owner_uscc": owner, "shelf_life_days": 90}
            await chain.put(harness, f"products/{product}", body, owner)
        yield harness


def made(place: int, day: float, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    lists = {"inputQuantityList": inputs, "outputQuantityList": outputs}
    return chain.event("TransformationEvent", day, place, "commissioning", **lists)


def many(product: str, prefix: str, count: int) -> list[dict[str, Any]]:
    return [amount(product, f"{prefix}{number:05}", 1, None) for number in range(count)]


def box(number: str) -> dict[str, Any]:
    return amount(BOX, number, 1, None)


async def told(harness: Harness, by: str, *events: dict[str, Any]) -> None:
    await large.captured(harness, document(*events), of(by))


async def own_chain(harness: Harness) -> None:
    """F1 -> B1 -> Z1 and Z2, Z1 -> Z3 -> Z4 of the packer; Z sorts behind everything."""
    await told(harness, ORCHARD, chain.harvest("F1"), chain.ship(1, 2, 0.5, amount(FRUIT, "F1", 100)))
    steps = [
        chain.receive(1, 2, 0.6, amount(FRUIT, "F1", 100)),
        made(2, 1, [amount(FRUIT, "F1", 100)], [box("B1")]),
        made(2, 2, [box("B1")], [box("Z1"), box("Z2")]),
        made(2, 3, [box("Z1")], [box("Z3")]),
        made(2, 4, [box("Z3"), box("Z2")], [box("Z4"), box("Z5")]),
    ]
    await told(harness, PACKER, *steps)


OWN = {lot(BOX, "Z1"): 1, lot(BOX, "Z2"): 1, lot(BOX, "Z3"): 2, lot(BOX, "Z4"): 2, lot(BOX, "Z5"): 2}


async def test_what_a_stranger_makes_takes_no_room(backend: Backend) -> None:
    async with firms(backend, trace_max_nodes=500) as harness:
        await own_chain(harness)
        before = await trace(harness, lot(BOX, "B1"), of(PACKER))
        assert (depths(before, "forward"), before["truncated"]) == (OWN, False)
        assert depths(before, "backward") == {lot(FRUIT, "F1"): 1}
        for number in range(2):
            outputs = many(NUTS, f"A{number}-", 490)
            await told(harness, STRANGER, made(5, 2.5 + number, [box("B1")], outputs))
            more = [box("Z1"), amount(NUTS, "N", 1, None)]
            await told(harness, STRANGER, made(5, 3.5 + number, more, many(NUTS, f"S{number}-", 50)))
        assert await trace(harness, lot(BOX, "B1"), of(PACKER)) == before


async def test_what_a_customer_makes_stands_as_ends_and_leaves_room(backend: Backend) -> None:
    """It had the lot: what it made of it is an end by number. Two events with 9,980 of them."""
    async with firms(backend) as harness:
        await own_chain(harness)
        await told(harness, PACKER, chain.ship(2, 3, 2.1, box("B1")))
        await told(harness, MARKET, chain.receive(2, 3, 2.2, box("B1")))
        before = await trace(harness, lot(BOX, "B1"), of(PACKER))
        events = [made(3, 2.5 + number, [box("B1")], many(CAKE, f"A{number}-", MOST)) for number in range(2)]
        for each in events:
            await told(harness, MARKET, each)
        with watched() as stretch:
            found = await trace(harness, lot(BOX, "B1"), of(PACKER))
        assert stretch.longest < 0.05, stretch.where
        onward = depths(found, "forward")
        assert {node: depth for node, depth in onward.items() if node.startswith(BOX)} == OWN
        ends = [node for node in onward if node.startswith(CAKE)]
        assert (len(ends), found["truncated"]) == (1_000, False)
        [left] = [each for each in found["findings"] if each["code"] == "ends_left_out"]
        assert left["text"].startswith("另有 8980 个")
        assert left["text_en"].startswith("8980 more ways end at lots or items that are not open to you")
        assert found["completeness"] == {
            "complete": False,
            "text": "另有 8980 个未向您开放的批次或物品未逐一列出",
            "text_en": "8980 more that are not open to you are not named",
        }
        assert all(each in found["findings"] for each in before["findings"])
        assert depths(found, "backward") == depths(before, "backward")
        # For a department these are lots like all others.
        seen = await trace(harness, lot(BOX, "B1"))
        assert seen["truncated"] is True


async def test_a_customers_many_events_take_no_room(on_backend: Harness) -> None:
    """Events with several lots on both sides meet in a node of their own; those nodes take no room either, and what
    comes back from behind them does not open what lies there."""
    harness = on_backend
    await own_chain(harness)
    await told(harness, PACKER, chain.ship(2, 3, 2.1, box("B1")))
    await told(harness, MARKET, chain.receive(2, 3, 2.2, box("B1")))
    both = [
        made(3, 2.5, [box("B1"), amount(CAKE, f"I{number:03}", 1, None)], many(CAKE, f"A{number:03}-", 2))
        for number in range(40)
    ]
    await told(harness, MARKET, *both)
    found = await trace(harness, lot(BOX, "B1"), of(PACKER))
    onward = depths(found, "forward")
    assert {node: depth for node, depth in onward.items() if node.startswith(BOX)} == OWN
    assert (len(onward) - len(OWN), found["truncated"]) == (10, False)
    [left] = [each for each in found["findings"] if each["code"] == "ends_left_out"]
    assert left["text_en"].startswith("70 more")
    shown = {amount["node"] for edge in found["edges"] for amount in edge["outputs"]}
    assert shown == onward.keys() | {lot(BOX, "B1")}


@pytest.fixture
async def on_backend(backend: Backend) -> AsyncIterator[Harness]:
    async with firms(backend, trace_max_nodes=20, trace_max_ends=10) as harness:
        yield harness


async def test_own_lots_beyond_the_bound_are_truncated(on_backend: Harness) -> None:
    await told(on_backend, PACKER, made(2, 2, [box("B1")], [box(f"C{number:02}") for number in range(30)]))
    found = await trace(on_backend, lot(BOX, "B1"), of(PACKER))
    assert (len(found["nodes"]), found["truncated"]) == (20, True)
    assert "not whole" in found["completeness"]["text_en"]
    assert not [each for each in found["findings"] if each["code"] == "ends_left_out"]


async def test_others_that_were_not_asked_may_be_open(on_backend: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more lots of others than are looked at, some may be open to the caller: that is truncated."""
    monkeypatch.setattr(walking, "ASKED", 1)
    await told(on_backend, PACKER, chain.ship(2, 3, 2.1, box("B1")))
    await told(
        on_backend, PACKER, chain.event("ObjectEvent", 0, 2, "commissioning", action="ADD", quantityList=[box("B1")])
    )
    await told(on_backend, MARKET, made(3, 2.5, [box("B1")], many(CAKE, "A", 30)))
    await told(on_backend, PACKER, made(2, 2.6, [box("B1")], [box("Z1")]))
    found = await trace(on_backend, lot(BOX, "B1"), of(PACKER))
    assert found["truncated"] is True
    assert depths(found, "forward")[lot(BOX, "Z1")] == 1
    [left] = [each for each in found["findings"] if each["code"] == "ends_left_out"]
    assert left["text_en"].startswith("10 more")


async def test_a_circle_ends_also_where_it_runs_through_others(on_backend: Harness) -> None:
    """Own rework, and a customer that works the lot into one of its own and into what it sends back."""
    await told(on_backend, PACKER, made(2, 1, [box("A"), box("X")], [box("B"), box("C")]))
    await told(on_backend, PACKER, made(2, 2, [box("B"), box("C")], [box("A"), box("D")]))
    await told(on_backend, PACKER, chain.ship(2, 3, 3, box("D")))
    await told(on_backend, MARKET, made(3, 4, [box("D")], [amount(CAKE, "K", 1, None)]))
    await told(on_backend, MARKET, chain.ship(3, 2, 5, amount(CAKE, "K", 1, None)))
    await told(on_backend, PACKER, made(2, 6, [amount(CAKE, "K", 1, None)], [box("A")]))
    found = await trace(on_backend, lot(BOX, "A"), of(PACKER), max_depth=30)
    assert {node["node"] for node in found["nodes"]} == {*(lot(BOX, n) for n in "ABCDX"), lot(CAKE, "K")}
    assert (found["truncated"], depths(found, "self")) == (False, {lot(BOX, "A"): 0})


async def test_what_is_open_behind_what_is_closed_stays_closed(on_backend: Harness) -> None:
    """B1 -> the market's K -> the packer's Z9, made of it: K was never sent to the packer, so the way ends at K."""
    await told(on_backend, PACKER, made(2, 1, [box("B0")], [box("B1")]), chain.ship(2, 3, 1.5, box("B1")))
    await told(on_backend, MARKET, made(3, 2, [box("B1")], [amount(CAKE, "K", 1, None)]))
    await told(on_backend, PACKER, made(2, 3, [amount(CAKE, "K", 1, None)], [box("Z9")]))
    found = await trace(on_backend, lot(BOX, "B1"), of(PACKER))
    assert depths(found, "forward") == {lot(CAKE, "K"): 1}
    assert depths(found, "backward") == {lot(BOX, "B0"): 1}
    back = await trace(on_backend, lot(BOX, "Z9"), of(PACKER))
    assert depths(back, "backward") == {lot(CAKE, "K"): 1}
    assert [each["node"] for each in back["findings"] if each["code"] == "not_open"] == [lot(CAKE, "K")]
    sent = chain.ship(3, 2, 2.5, amount(CAKE, "K", 1, None))
    await told(on_backend, MARKET, sent)
    opened = await trace(on_backend, lot(BOX, "B1"), of(PACKER))
    assert depths(opened, "forward") == {lot(CAKE, "K"): 1, lot(BOX, "Z9"): 2}


async def test_the_depth_is_the_bound_only_where_something_follows(on_backend: Harness) -> None:
    for number in range(4):
        await told(on_backend, PACKER, made(2, number, [box(f"S{number}")], [box(f"S{number + 1}")]))
    whole = await trace(on_backend, lot(BOX, "S0"), of(PACKER), direction="forward", max_depth=4)
    assert (len(whole["nodes"]), whole["truncated"]) == (5, False)
    cut = await trace(on_backend, lot(BOX, "S0"), of(PACKER), direction="forward", max_depth=3)
    assert (len(cut["nodes"]), cut["truncated"]) == (4, True)


async def test_a_duty_to_ask_is_not_pushed_out_by_others(on_backend: Harness) -> None:
    """600 lots of the victim's customer that a stranger says it made of the lot, before the owner's own claim."""
    await told(on_backend, STRANGER, made(5, 1, [box("B1")], many(CAKE, "A", 600)))
    await told(on_backend, PACKER, made(2, 2, [box("B1")], [amount(CAKE, "K", 1, None), box("Z1")]))
    found = await trace(on_backend, lot(BOX, "B1"), of(PACKER))
    assert [each["node"] for each in found["findings"] if each["code"] == "unconfirmed"] == [lot(CAKE, "K")]


async def test_a_pallet_is_walked_as_its_holders_read_it(on_backend: Harness) -> None:
    await chain.put(on_backend, f"lots/{BOX}/B1", {"produced_on": "2026-11-07"}, PACKER)
    packed = chain.event(
        "AggregationEvent", 4, 2, "packing", action="ADD", parentID=sscc(1), childQuantityList=[box("B1"), box("B2")]
    )
    await told(
        on_backend,
        PACKER,
        made(2, 1, [box("B0")], [box("B1"), box("B2")]),
        packed,
        chain.ship(2, 3, 5, epcs=(sscc(1),)),
    )
    outer = chain.event("AggregationEvent", 6, 3, "packing", action="ADD", parentID=sscc(2), childEPCs=[sscc(1)])
    await told(on_backend, MARKET, chain.receive(2, 3, 5.5, epcs=(sscc(1),)), outer)
    for reader in (PACKER, MARKET):
        found = await trace(on_backend, lot(BOX, "B1"), of(reader), direction="forward")
        assert depths(found, "forward") == {sscc(1): 1, sscc(2): 2}
