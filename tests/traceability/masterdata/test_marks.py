"""What credit's events make of a party here."""

from datetime import date, timedelta
from typing import Any

from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from tests.support.app import NOW, Harness
from tests.traceability import chain
from tests.traceability.chain import ORCHARD

TODAY = NOW.date()


def listing(listing_id: str, colour: Any, valid_from: date = TODAY, days: int = 365) -> ListingPublished:
    return ListingPublished(
        listing_id=listing_id,
        uscc=ORCHARD,
        party_name="果园合作社",
        colour=colour,
        area_code="370686",
        ground_code="g1",
        ground="生产不符合食品安全标准的食品",
        ground_en="Food outside of the safety standard",
        article="第五条",
        authority="yt-scjg",
        authority_name="烟台市市场监督管理局",
        document_number="烟市监罚〔2026〕1号",
        decided_on=TODAY,
        published_on=TODAY,
        valid_from=valid_from,
        valid_until=valid_from + timedelta(days=days),
    )


def violation(violation_id: str, expires_on: date) -> ViolationPublished:
    return ViolationPublished(
        violation_id=violation_id,
        version=1,
        uscc=ORCHARD,
        party_name="果园合作社",
        authority="yt-scjg",
        authority_name="烟台市市场监督管理局",
        area_code="370686",
        document_number="烟市监罚〔2026〕2号",
        violation_type="food_additive",
        field="food",
        decision_date=TODAY,
        penalty_kinds=["fine"],
        publishable=True,
        legal_basis="依据",
        published_on=TODAY,
        expires_on=expires_on,
    )


async def party(harness: Harness) -> dict[str, Any]:
    answer = await harness.get(f"/v1/traceability/parties/{ORCHARD}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_a_listing_comes_and_goes(traceability: Harness) -> None:
    await chain.register(traceability)
    await traceability.deliver(
        listing("L1", "black"),
        listing("L2", "red", TODAY - timedelta(days=400), days=30),
        listing("L3", "red", TODAY + timedelta(days=5)),
    )
    [mark] = (await party(traceability))["marks"]
    assert (mark["listing_id"], mark["colour"]) == ("L1", "black"), "neither what is over nor what is to come"
    assert mark["as_of"].startswith("2026-11-24T04:00:00")
    await traceability.deliver(
        ListingRemoved(listing_id="L1", uscc=ORCHARD, colour="black", removed_on=TODAY, reason="repaired")
    )
    assert (await party(traceability))["marks"] == []


async def test_published_violations_are_counted_while_they_are_published(traceability: Harness) -> None:
    await chain.register(traceability)
    later, gone = TODAY + timedelta(days=90), TODAY - timedelta(days=1)
    await traceability.deliver(violation("V1", later), violation("V2", later), violation("V3", gone))
    assert (await party(traceability))["published_violations"] == 2
    await traceability.deliver(
        ViolationPublicationEnded(violation_id="V1", uscc=ORCHARD, ended_on=TODAY, reason="repaired")
    )
    assert (await party(traceability))["published_violations"] == 1


async def test_the_registered_name_and_state(traceability: Harness) -> None:
    await chain.register(traceability)
    body = {"uscc": ORCHARD, "area_code": "370686"}
    await traceability.deliver(
        EnterpriseUpdated(**body, name="旧名", state="active"), EnterpriseUpdated(**body, name="新名", state="revoked")
    )
    found = await party(traceability)
    assert (found["registered_name"], found["state"], found["name"]) == ("新名", "revoked", "果园合作社")
