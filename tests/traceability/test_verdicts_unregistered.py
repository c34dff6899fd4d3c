"""Lots that events name but nobody registered: unknown to a shopper, yet never hidden from a recall."""

from shared.events.traceability import LotUpdated
from tests.support.app import Harness
from tests.traceability import food
from tests.traceability.food import PACKED, PACKED_LOT, verdict

SEEN = f"{PACKED}.SEEN"
FOREIGN = "09521101530032.F1"
"""A lot of a product that nobody registered."""


async def test_a_lot_that_was_only_seen_is_unknown_with_its_journey(traceability: Harness) -> None:
    await food.register(traceability)
    await food.make(traceability, food.RAW_LOT, SEEN, 24)
    answer = await verdict(traceability, SEEN)
    assert (answer["verdict"], answer["reasons"]) == ("unknown", ["生产者没有登记这个批次"])
    assert answer["checks"][0]["ok"] is False
    assert [step["step"] for step in answer["journey"]] == ["commissioning"]
    assert SEEN not in {event.lot_id for event in traceability.published(LotUpdated)}
    await food.register_lot(traceability, SEEN)
    assert (await verdict(traceability, SEEN))["verdict"] == "safe"
    assert traceability.published(LotUpdated)[-1].lot_id == SEEN


async def test_a_recall_reaches_lots_that_nobody_registered(traceability: Harness) -> None:
    await food.register(traceability)
    await food.make(traceability, PACKED_LOT, SEEN, 24)
    await food.make(traceability, PACKED_LOT, FOREIGN, 25)
    assert (await verdict(traceability, FOREIGN))["verdict"] == "unknown"
    recall = await food.recall(traceability, PACKED_LOT)
    names = {lot["lot_id"]: lot["product_name"] for lot in recall["lots"]}
    assert names == {
        PACKED_LOT: "栖霞红富士苹果 5 kg 箱装", SEEN: "栖霞红富士苹果 5 kg 箱装", FOREIGN: "没有登记的产品",
    }  # fmt: skip
    for lot in (SEEN, FOREIGN):
        answer = await verdict(traceability, lot)
        assert (answer["verdict"], answer["recall"]["number"]) == ("recalled", "R-2026-001")
    told = {event.lot_id: event for event in traceability.published(LotUpdated)}
    assert told[SEEN].verdict == told[FOREIGN].verdict == "recalled"
    assert (told[FOREIGN].product_name, told[FOREIGN].producer_uscc) == ("没有登记的产品", "")
    answer = await verdict(traceability, FOREIGN)
    assert (answer["product"], answer["producer"]) == (None, None)
