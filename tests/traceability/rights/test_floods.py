"""What a stranger says that it made of a lot takes no room in its recall, however much it is."""

import pytest

from services.traceability.genealogy import service
from services.traceability.graph import repository as graph
from tests.support.app import Harness
from tests.traceability import chain, food
from tests.traceability.chain import BOX, FRUIT, MARKET, ORCHARD, amount, gtin, lot, of
from tests.traceability.rights.attacks import ATTACKER, NUTS, settle

JUICE = gtin(6)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_strangers_products_push_nothing_out_of_a_recall(
    traceability: Harness, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The bounds are lowered; the stranger's lots alone fill them, and are nearer than what the market made."""
    monkeypatch.setattr(service, "AFFECTED_NODES", 40)
    monkeypatch.setattr(graph, "CONCERNED_NODES", 40)
    await settle(traceability)
    await chain.put(
        traceability, f"products/{JUICE}", {"name": "果汁", "owner_uscc": MARKET, "shelf_life_days": 9}, MARKET
    )
    outputs = [amount(NUTS, f"Z{number}", 1, None) for number in range(100)]
    flood = chain.event(
        "TransformationEvent",
        4,
        5,
        "commissioning",
        inputQuantityList=[amount(FRUIT, "F1", 1)],
        outputQuantityList=outputs,
    )
    await chain.capture(traceability, chain.document(flood), of(ATTACKER))
    made = chain.event(
        "TransformationEvent",
        6.6,
        3,
        "commissioning",
        inputQuantityList=[amount(BOX, "B1", 5, None)],
        outputQuantityList=[amount(JUICE, "C1", 5, None)],
    )
    if when == "before":
        await chain.capture(traceability, chain.document(made), of(MARKET))
    body = {"lots": [lot(FRUIT, "F1")], "level": 1, "reason": "农药残留超标"}
    recall = food.ok(await traceability.post("/v1/traceability/recalls", json=body, as_=of(ORCHARD)), 201)
    if when == "after":
        await chain.capture(traceability, chain.document(made), of(MARKET))
    rows = traceability.rows("SELECT lot_id FROM recall_lot WHERE recall_id = $1", recall["recall_id"])
    members = {lot_id for (lot_id,) in rows}
    assert {lot(FRUIT, "F1"), lot(BOX, "B1"), lot(JUICE, "C1")} <= members
    assert (await food.verdict(traceability, lot(JUICE, "C1")))["verdict"] == "recalled"
