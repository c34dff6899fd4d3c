"""What a case says of figures that do not add up, and its lists by page."""

from typing import Any

from tests.support.app import Harness
from tests.traceability import food, large
from tests.traceability.food import COOP, PACKED, PACKED_LOT, SHOP, STORE, WHOLESALE, ok
from tests.traceability.large import lot
from tests.traceability.test_recalls import step

NOTICES = "/v1/traceability/notices"


async def test_nobody_has_less_than_nothing_and_authorities_see_what_is_missing(traceability: Harness) -> None:
    await food.register(traceability)
    await food.ship(traceability, PACKED_LOT, 100, 40, to=STORE)
    recall = await food.recall(traceability, PACKED_LOT)

    async def figures(as_: Any) -> dict[str, tuple[str, Any]]:
        found = ok(await traceability.get(step(recall, ""), as_=as_))["holders"]
        listed = ok(await traceability.get(step(recall, "/holdings"), as_=as_))["items"]
        shown = {one["holder"]: (one["holdings"][0]["on_hand"], one["holdings"][0]["discrepancy"]) for one in found}
        assert shown == {one["holder"]: (one["on_hand"], one["discrepancy"]) for one in listed}
        return shown

    assert await figures(food.officer) == {COOP: ("0", "100.000000"), SHOP: ("0.000000", None)}
    assert await figures(food.coop) == {COOP: ("0", None), SHOP: ("0.000000", None)}
    trace = ok(await traceability.get(f"/v1/traceability/lots/{PACKED_LOT}/trace", as_=food.inspector))
    assert {one["holder"]: one["on_hand"] for one in trace["holdings"]}[COOP] == "-100.000000"
    assert "more_out_than_in" in {each["code"] for each in trace["findings"]}


async def test_notices_by_page(traceability: Harness) -> None:
    await food.register(traceability)
    numbers: list[str] = []
    for number in range(5):
        one = f"{PACKED}.P{number}"
        await food.register_lot(traceability, one)
        await food.ship(traceability, one, 10, 40 + number)
        recall = await food.recall(traceability, one)
        numbers.append(recall["number"])
        if number in (1, 3):
            ok(await traceability.post(step(recall, f"/notices/{WHOLESALE}:acknowledge"), as_=food.wholesale))
    order = [numbers[index] for index in (4, 2, 0, 3, 1)]
    bare = await traceability.get(NOTICES, as_=food.wholesale)
    assert ([one["number"] for one in bare.json()], bare.headers.get("link")) == (order, None)
    for limit in (1, 2, 4, 5):
        found: list[str] = []
        params: dict[str, Any] = {"limit": limit}
        while True:
            page = ok(await traceability.get(NOTICES, params=params, as_=food.wholesale))
            found += [one["number"] for one in page["items"]]
            if page["next"] is None:
                break
            assert len(page["items"]) == limit
            params["cursor"] = page["next"]
        assert found == order
    for cursor in ("x", "WyIyIiwiYSJd", "WyIwIl0"):
        answer = await traceability.get(NOTICES, params={"cursor": cursor}, as_=food.wholesale)
        assert food.places(answer) == [("?cursor", "cursor")]


async def test_duties_to_ask_of_all_lots_of_a_set(traceability: Harness) -> None:
    """The 150th lot of a set went into 120 lots of another firm, as only the coop says."""
    await large.register(traceability, 150)
    owner = food.wholesale
    other = "09521101530063"
    product = {"name": "他家苹果", "owner_uscc": WHOLESALE, "category": "fruit", "shelf_life_days": 9}
    ok(await traceability.put(f"/v1/traceability/products/{other}", json=product, as_=owner))
    outputs = [amount for number in range(120) for amount in food.amounts(f"{other}.A{number:03}", 1)]
    inputs = food.amounts(lot(150), 1) + food.amounts(lot(149), 1)
    both = {"inputQuantityList": inputs, "outputQuantityList": outputs}
    await food.tell(traceability, food.coop, "TransformationEvent", food.PACKHOUSE, "commissioning", 200, **both)
    recall = await food.recall(traceability, food.RAW_LOT)
    await large.settled(traceability)
    for caller in (food.officer, food.coop):
        case = ok(await traceability.get(step(recall, ""), as_=caller))
        assert (len(case["to_ask"]), case["to_ask_count"]) == (100, 120)
        assert {one["asks"] for one in case["to_ask"]} == {WHOLESALE}
        rest = ok(await traceability.get(case["to_ask_next"], as_=caller))
        nodes = [one["node"] for one in [*case["to_ask"], *rest["items"]]]
        assert (nodes, rest["next"]) == ([f"{other}.A{number:03}" for number in range(120)], None)
    path = step(recall, "/to-ask")
    first = ok(await traceability.get(path, as_=food.officer, params={"limit": 7}))
    assert (len(first["items"]), first["next"] is None) == (7, False)
    for caller in (food.wholesale, food.staff("case_officer", area="370602")):
        food.refused(await traceability.get(path, as_=caller), 403, "area")
    public = ok(await traceability.get(step(recall, "")))
    assert (public["to_ask"], public["to_ask_count"], public["to_ask_next"]) == (None, None, None)
