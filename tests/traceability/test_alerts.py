"""Alerts: opened by rules, closed by persons, ended by the end of what opened them."""

from shared.events.credit import ListingRemoved
from shared.events.traceability import AlertClosed, AlertOpened, LotUpdated
from tests.support.app import Harness, department, staff
from tests.traceability import food
from tests.traceability.food import COOP, PACKED_LOT, ok, places, refused, verdict
from tests.traceability.test_verdicts import listing

ALERTS = "/v1/traceability/alerts"


async def opened(service: Harness, number: str = "F-1") -> str:
    receipt = await food.record(service, number=number, result="fail")
    alert_id: str = receipt["alerts"][0]
    return alert_id


async def test_an_alert_is_acknowledged_then_closed_with_a_reason(traceability: Harness) -> None:
    await food.register(traceability)
    alert = await opened(traceability)
    traceability.clock.advance(minutes=10)
    seen = ok(await traceability.post(f"{ALERTS}/{alert}:acknowledge", as_=food.inspector))
    assert (seen["state"], seen["acknowledged_by"]) == ("acknowledged", "user:sun")
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "held"
    refused(await traceability.post(f"{ALERTS}/{alert}:acknowledge", as_=food.inspector), 409, "alert.state")

    closed = ok(await traceability.post(f"{ALERTS}/{alert}:close", json={"reason": "复检合格"}, as_=food.reviewer))
    assert (closed["state"], closed["closed_by"], closed["close_reason"]) == ("closed", "user:zhao", "复检合格")
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "safe"
    [event] = traceability.published(AlertClosed)
    assert (event.alert_id, event.reason) == (alert, "复检合格")
    assert traceability.published(LotUpdated)[-1].open_alerts == 0
    again = await traceability.post(f"{ALERTS}/{alert}:close", json={"reason": "再次结案"}, as_=food.reviewer)
    refused(again, 409, "alert.state")


async def test_a_lot_is_held_until_its_last_alert_is_closed(traceability: Harness) -> None:
    await food.register(traceability)
    first, second = await opened(traceability, "F-1"), await opened(traceability, "F-2")
    for alert, state in ((first, "held"), (second, "safe")):
        ok(await traceability.post(f"{ALERTS}/{alert}:close", json={"reason": "复检合格"}, as_=food.reviewer))
        assert (await verdict(traceability, PACKED_LOT))["verdict"] == state


async def test_only_a_reviewer_of_the_area_closes_and_only_with_a_reason(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    path = f"{ALERTS}/{await opened(on_sqlite)}:close"
    reason = {"reason": "复检合格"}
    assert (await on_sqlite.post(path, json=reason)).status_code == 401
    for caller in (food.coop, food.inspector, food.officer, food.laboratory):
        refused(await on_sqlite.post(path, json=reason, as_=caller), 403, "not_granted")
    far = staff("reviewer", user="far", area="370602")
    refused(await on_sqlite.post(path, json=reason, as_=far), 403, "area")
    assert places(await on_sqlite.post(path, json={}, as_=food.reviewer)) == [("/reason", "missing")]
    assert places(await on_sqlite.post(path, json={"reason": " ok "}, as_=food.reviewer))[0][0] == "/reason"
    refused(await on_sqlite.post(f"{ALERTS}/none:close", json=reason, as_=food.reviewer), 404, "alert")
    assert (await verdict(on_sqlite, PACKED_LOT))["verdict"] == "held"


async def test_a_black_listed_producer_opens_an_alert_without_a_hold_and_its_removal_ends_it(
    traceability: Harness,
) -> None:
    await food.register(traceability)
    await traceability.deliver(listing())
    [alert] = traceability.published(AlertOpened)
    assert (alert.rule, alert.subject, alert.lots, alert.holds) == ("producer_black_listed", COOP, [], False)
    assert (await verdict(traceability, PACKED_LOT))["verdict"] == "safe"
    told = ok(await traceability.get(ALERTS, params={"subject": COOP}, as_=food.reviewer))["items"]
    assert [row["alert_id"] for row in told] == [alert.alert_id]

    removed = ListingRemoved(
        listing_id="L1", uscc=COOP, colour="black", removed_on="2026-11-24", reason="repaired", detail=""
    )
    await traceability.deliver(removed)
    [event] = traceability.published(AlertClosed)
    assert (event.alert_id, event.reason) == (alert.alert_id, "2026-11-24 移出黑榜（信用修复）")
    await traceability.deliver(removed)
    assert len(traceability.published(AlertClosed)) == 1


async def test_red_listings_and_firms_without_food_open_nothing(traceability: Harness) -> None:
    await food.register(traceability)
    await traceability.deliver(listing(colour="red"))
    await traceability.deliver(listing(listing_id="L2", uscc="91370602MA3EX7QQ2L"))
    assert traceability.published(AlertOpened) == []


async def test_a_corrected_listing_does_not_open_a_second_alert(traceability: Harness) -> None:
    await food.register(traceability)
    await traceability.deliver(listing(), listing(ground="更正后的事由"))
    assert len(traceability.published(AlertOpened)) == 1


async def test_who_sees_alerts(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    alert = await opened(on_sqlite)
    assert (await on_sqlite.get(ALERTS)).status_code == 401
    refused(await on_sqlite.get(ALERTS, as_=food.coop), 403, "not_granted")
    assert len(ok(await on_sqlite.get(ALERTS, params={"state": "open"}, as_=food.laboratory))["items"]) == 1
    far = department("traceability:alerts:read", area="370602")
    assert ok(await on_sqlite.get(ALERTS, as_=far))["items"] == []
    refused(await on_sqlite.get(f"{ALERTS}/{alert}", as_=far), 403, "area")
    refused(await on_sqlite.get(f"{ALERTS}/none", as_=food.reviewer), 404, "alert")
    assert ok(await on_sqlite.get(ALERTS, params={"state": "closed"}, as_=food.reviewer))["items"] == []


async def test_the_rules_are_public_with_their_sources(on_sqlite: Harness) -> None:
    rules = ok(await on_sqlite.get(f"{ALERTS}/rules"))
    assert {rule["code"]: rule["holds"] for rule in rules} == {
        "supervision_test_failed": True, "own_test_failed": True, "producer_black_listed": False,
    }  # fmt: skip
    assert all(rule["source"] and rule["status"] for rule in rules)
