"""One scan, one answer: after every step of a lot's life, through HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.events.credit import EnterpriseUpdated, ListingPublished, ListingRemoved
from shared.events.traceability import LotUpdated
from tests.support.app import Harness
from tests.traceability import food
from tests.traceability.food import COOP, GIFT_LOT, PACKED, PACKED_LOT, RAW_LOT, ok, verdict


def checks(answer: dict[str, Any]) -> dict[str, bool | None]:
    return {check["code"]: check["ok"] for check in answer["checks"]}


async def test_the_verdict_follows_every_step_at_once(traceability: Harness) -> None:
    await food.register(traceability)
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], answer["title"]) == ("safe", "未发现问题")
    assert checks(answer) == {"registered": True, "shelf_life": True, "recall": True, "hold": True, "tests": None}
    assert answer["producer"]["name"] == "栖霞示例果业专业合作社"
    assert answer["expires_on"] == "2027-04-16"

    await food.record(traceability)
    answer = await verdict(traceability, PACKED_LOT)
    assert answer["reasons"] == ["核对了 5 项，没有发现问题"]
    assert answer["tests"][0]["report_number"] == "SP-2026-10482"

    failed = await food.record(traceability, number="SP-2", result="fail")
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], answer["title"]) == ("held", "暂停销售，正在调查")
    assert answer["reasons"] == ["监督抽检不合格：1 项中 1 项不合格：毒死蜱（0.02 mg/kg，限量 1）"]
    assert checks(answer)["hold"] is False

    opened = await food.recall(traceability, PACKED_LOT)
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], answer["title"]) == ("recalled", "正在召回，请勿食用")
    assert answer["recall"]["number"] == opened["number"]
    assert answer["persistent_disposition"] == {"set": ["recalled"], "unset": []}
    assert answer["links"]["recall"] == f"/v1/traceability/recalls/{opened['recall_id']}"

    close = f"/v1/traceability/recalls/{opened['recall_id']}:close"
    body = {"outcome": "revoked", "note": "复检合格，召回撤销"}
    ok(await traceability.post(close, json=body, as_=food.officer))
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "held"

    body = {"reason": "复检合格（FJ-2026-7）"}
    ok(await traceability.post(f"/v1/traceability/alerts/{failed['alerts'][0]}:close", json=body, as_=food.reviewer))
    answer = await verdict(traceability, PACKED_LOT)
    assert answer["verdict"] == "safe"
    assert answer["persistent_disposition"] == {"set": [], "unset": []}


async def test_a_safe_lot_is_expired_from_the_next_midnight_without_any_event(traceability: Harness) -> None:
    await food.register(traceability)
    await food.register_lot(traceability, PACKED_LOT, expires_on="2026-11-24")
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "safe"
    told = len(traceability.published(LotUpdated))
    traceability.clock.advance(hours=12)  # 00:00 of 25 November in Shanghai
    answer = await verdict(traceability, PACKED_LOT)
    assert (answer["verdict"], answer["reasons"]) == ("expired", ["保质期至2026年11月24日"])
    assert checks(answer)["shelf_life"] is False
    assert len(traceability.published(LotUpdated)) == told


async def test_english_is_answered_to_who_prefers_it(traceability: Harness) -> None:
    await food.register(traceability)
    await food.three_levels(traceability)
    english = await verdict(traceability, PACKED_LOT, **{"Accept-Language": "en,zh;q=0.5"})
    assert english["title"] == "No problem found"
    assert english["product"]["name"] == "Qixia Fuji apples, 5 kg box"
    assert [step["title"] for step in english["journey"]][-2:] == ["Shipped", "Received"]
    chinese = await verdict(traceability, PACKED_LOT)
    assert chinese["product"]["name"] == "栖霞红富士苹果 5 kg 箱装"


async def test_the_journey_goes_from_the_orchard_to_the_market(traceability: Harness) -> None:
    await food.register(traceability)
    await food.three_levels(traceability)
    journey = (await verdict(traceability, PACKED_LOT))["journey"]
    assert [(step["step"], step["place"], step["note"]) for step in journey] == [
        ("commissioning", "蛇窝泊示例果园", "栖霞苹果（原料） OR1 · 5,000 kg"),
        ("commissioning", "示例包装厂", "1,900 kg"),
        ("shipping", "示例包装厂", "1,000 kg"),
        ("receiving", "示例批发市场一号厅", "1,000 kg"),
    ]
    gift = (await verdict(traceability, GIFT_LOT))["journey"]
    assert [step["step"] for step in gift if step["gap"]] == ["receiving"]
    assert gift[-1]["party"] == "示例超市"
    await food.receive(traceability, food.shop, food.STORE, GIFT_LOT, 480, 99)
    gift = (await verdict(traceability, GIFT_LOT))["journey"]
    assert not any(step["gap"] for step in gift)


async def test_a_lot_travels_inside_its_container(traceability: Harness) -> None:
    await food.register(traceability)
    await food.harvest(traceability)
    await food.make(traceability, RAW_LOT, PACKED_LOT, 24)
    pallet = "https://id.gs1.org/00/095211010000000016"
    pack = {"action": "ADD", "parentID": pallet, "childQuantityList": food.amounts(PACKED_LOT, 1900)}
    await food.tell(traceability, food.coop, "AggregationEvent", food.PACKHOUSE, "packing", 30, **pack)
    move = {"action": "OBSERVE", "epcList": [pallet]} | food.between(food.PACKHOUSE, food.MARKET)
    await food.tell(traceability, food.coop, "ObjectEvent", food.PACKHOUSE, "shipping", 31, **move)
    await food.tell(traceability, food.wholesale, "ObjectEvent", food.MARKET, "receiving", 40, **move)
    unpack = pack | {"action": "DELETE"}
    await food.tell(traceability, food.wholesale, "AggregationEvent", food.MARKET, "unpacking", 41, **unpack)
    again = {"action": "OBSERVE", "epcList": [pallet]}
    await food.tell(traceability, food.wholesale, "ObjectEvent", food.MARKET, "loading", 99, **again)
    journey = (await verdict(traceability, PACKED_LOT))["journey"]
    assert [step["step"] for step in journey] == [
        "commissioning", "commissioning", "packing", "shipping", "receiving", "unpacking",
    ]  # fmt: skip
    assert not any(step["gap"] for step in journey)


async def test_the_producers_credit_stands_beside_the_verdict_and_never_changes_it(traceability: Harness) -> None:
    await food.register(traceability)
    answer = await verdict(traceability, PACKED_LOT)
    assert answer["producer"]["credit"] == {
        "status": "none", "since": None, "until": None, "ground": None, "as_of": None,
    }  # fmt: skip
    await traceability.deliver(
        EnterpriseUpdated(uscc=COOP, name="栖霞示例果业专业合作社", area_code="370686", state="active")
    )
    assert (await verdict(traceability, PACKED_LOT))["producer"]["credit"]["as_of"] == "2026-11-24T04:00:00.000000Z"
    traceability.clock.advance(minutes=5)
    await traceability.deliver(listing())
    answer = await verdict(traceability, PACKED_LOT)
    assert answer["verdict"] == "safe"
    assert answer["producer"]["credit"] == {
        "status": "black", "since": "2026-11-24", "until": "2029-11-23", "ground": "生产不符合食品安全标准的食品",
        "as_of": "2026-11-24T04:05:00.000000Z",
    }  # fmt: skip
    removed = ListingRemoved(
        listing_id="L1", uscc=COOP, colour="black", removed_on="2026-11-24", reason="repaired", detail=""
    )
    await traceability.deliver(removed)
    assert (await verdict(traceability, PACKED_LOT))["producer"]["credit"]["status"] == "none"


def listing(**more: Any) -> ListingPublished:
    body: dict[str, Any] = {
        "listing_id": "L1", "uscc": COOP, "party_name": "栖霞示例果业专业合作社", "colour": "black",
        "area_code": "370686", "ground_code": "food", "ground": "生产不符合食品安全标准的食品",
        "ground_en": "Food below the standard", "article": "第五条", "authority": "yt-scjg",
        "authority_name": "示例市场监管局", "document_number": "烟市监列字〔2026〕1号", "decided_on": "2026-11-20",
        "published_on": "2026-11-24", "valid_from": "2026-11-24", "valid_until": "2029-11-23",
    }  # fmt: skip
    return ListingPublished(**body | more)


@pytest.mark.parametrize(
    "code",
    [
        f"https://dl.example.org/01/{PACKED}/10/QX1",
        f"https://dl.example.org/01/{PACKED}/10/QX1/21/0007731",
        f"(01){PACKED}(10)QX1",
        f"{PACKED}+QX1+0007731",
        f"{PACKED}.QX1",
        f"01/{PACKED}/10/QX1",
    ],
)
async def test_every_form_of_a_code_is_the_same_lot(on_sqlite: Harness, code: str) -> None:
    await food.register(on_sqlite)
    by_path = ok(await on_sqlite.get(f"/v1/traceability/verdicts/{quote(code, safe='')}"))
    by_query = ok(await on_sqlite.get("/v1/traceability/verdicts", params={"code": code}))
    assert by_path["verdict"] == "safe"
    assert by_path["code"]["lot_id"] == PACKED_LOT
    assert by_path == by_query


async def test_an_unknown_code_is_an_answer_and_turns_when_the_lot_is_registered(traceability: Harness) -> None:
    await food.register(traceability)
    nothing = ok(await traceability.get("/v1/traceability/verdicts/09521101530032+X1"))
    assert (nothing["verdict"], nothing["product"], nothing["producer"]) == ("unknown", None, None)
    lot = f"{PACKED}.NEW1"
    unknown = await verdict(traceability, lot)
    assert unknown["verdict"] == "unknown"
    assert unknown["product"]["name"] == "栖霞红富士苹果 5 kg 箱装"
    await food.register_lot(traceability, lot)
    assert (await verdict(traceability, lot))["verdict"] == "safe"


async def test_a_code_without_a_lot_tells_which_lots_are_recalled(traceability: Harness) -> None:
    await food.register(traceability)
    before = ok(await traceability.get(f"/v1/traceability/verdicts/{PACKED}"))
    assert (before["verdict"], before["recalled_lots"]) == ("unknown", [])
    await food.recall(traceability, PACKED_LOT)
    assert ok(await traceability.get(f"/v1/traceability/verdicts/{PACKED}"))["recalled_lots"] == ["QX1"]


async def test_an_invalid_code_is_a_400_that_says_where(traceability: Harness) -> None:
    for way in (
        f"/v1/traceability/verdicts/{PACKED[:-1]}7+QX1",
        f"/v1/traceability/verdicts?code={PACKED[:-1]}7%2BQX1",
    ):
        response = await traceability.get(way, headers={"Accept-Language": "en"})
        assert response.status_code == 400, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert (problem["position"], problem["expected"]) == (14, "8")


async def test_a_lot_is_told_once_for_each_change_and_not_for_none(traceability: Harness) -> None:
    await food.register(traceability)
    assert [event.lot_id for event in traceability.published(LotUpdated)] == [RAW_LOT, PACKED_LOT, GIFT_LOT]
    await food.register_lot(traceability, PACKED_LOT)
    assert len(traceability.published(LotUpdated)) == 3
    await food.harvest(traceability)
    told = traceability.published(LotUpdated)[3:]
    assert [event.lot_id for event in told] == [RAW_LOT]
    assert told[0].journey[0].step == "commissioning"
    await food.record(traceability, number="F-1", result="fail")
    last = traceability.published(LotUpdated)[-1]
    assert (last.lot_id, last.verdict, last.open_alerts, last.tests[0].result) == (PACKED_LOT, "held", 1, "fail")


async def test_the_answer_has_an_etag_that_changes_with_the_verdict(traceability: Harness) -> None:
    await food.register(traceability)
    path = f"/v1/traceability/verdicts/{PACKED}+QX1"
    first = await traceability.get(path)
    again = await traceability.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    await food.recall(traceability, PACKED_LOT)
    changed = await traceability.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["verdict"] == "recalled"
