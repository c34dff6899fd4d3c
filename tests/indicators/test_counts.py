"""Counts and rates from events: computed from dates, a sample counted once, replay equals live."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indicators.app import DOMAINS
from services.indicators.counts.handlers import apply_tests
from services.indicators.counts.rules import State, TestFact, timeline
from shared.bus import Received
from shared.bus.replay import replay
from shared.events.base import Event
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.events.gateway import PrincipalRevoked
from shared.events.indicators import LightChanged
from shared.events.traceability import RecallClosed, RecallLot, RecallOpened, RecallUpdated, TestCorrected, TestRecorded
from shared.web import ServiceSpec
from tests.support.app import NOW, Harness

BASE = "/v1/indicators"
PROJECTION_TABLES = ServiceSpec("indicators", DOMAINS).projection_tables
USCC = "91370600MA3C00000X"


def listing(number: str, colour: str = "black", area: str = "370602", **dates: str) -> ListingPublished:
    days = {"valid_from": "2026-11-20", "valid_until": "2029-11-19", **dates}
    return ListingPublished(
        listing_id=number,
        uscc=USCC,
        party_name="烟台样例食品有限公司",
        colour=colour,  # type: ignore[arg-type]
        area_code=area,
        ground_code="g",
        ground="依据",
        ground_en="ground",
        article="art.",
        authority="yt-scjg",
        authority_name="市市场监管局",
        document_number="1",
        decided_on=date(2026, 11, 20),
        published_on=date(2026, 11, 20),
        **{name: date.fromisoformat(day) for name, day in days.items()},
    )


def violation(number: str, version: int = 1, area: str = "370602", **dates: str) -> ViolationPublished:
    days = {"published_on": "2026-11-20", "expires_on": "2027-11-19", **dates}
    return ViolationPublished(
        violation_id=number,
        version=version,
        uscc=USCC,
        party_name="烟台样例食品有限公司",
        authority="yt-scjg",
        authority_name="市市场监管局",
        area_code=area,
        document_number="1",
        violation_type="t",
        field="food",
        decision_date=date(2026, 11, 10),
        penalty_kinds=["fine"],
        publishable=True,
        legal_basis="依据",
        **{name: date.fromisoformat(day) for name, day in days.items()},
    )


def recall(number: str, area: str = "370602") -> RecallOpened:
    return RecallOpened(**_recall(number, area))


def _recall(number: str, area: str) -> dict[str, Any]:
    return {
        "recall_id": number,
        "number": number,
        "level": 1,
        "uscc": USCC,
        "party_name": "烟台样例食品有限公司",
        "area_code": area,
        "reason": "原因",
        "lots": [RecallLot(lot_id="1.A", gtin="1", lot="A", product_name="苹果")],
        "opened_at": NOW,
        "start_by": NOW + timedelta(days=1),
        "finish_by": date(2026, 12, 4),
    }


def sampled(test: str, sample: str, result: str = "pass", **fields: Any) -> TestRecorded:
    return TestRecorded(**_test(test, sample, result, fields))


def corrected(test: str, sample: str, result: str = "pass", **fields: Any) -> TestCorrected:
    return TestCorrected(**_test(test, sample, result, fields), reason="更正", version=2)


def _test(test: str, sample: str, result: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "test_id": test,
        "sample_id": sample,
        "lot_id": "06901234567892.A",
        "gtin": "06901234567892",
        "producer_uscc": USCC,
        "area_code": "370602",
        "kind": "supervision",
        "category": "agricultural",
        "result": result,
        "tested_on": date(2026, 11, 20),
        "laboratory": "烟台检验所",
        "report_number": test,
        **fields,
    }


async def counts(indicators: Harness, **query: str) -> dict[str, Any]:
    answer = await indicators.get(f"{BASE}/counts", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def rate(indicators: Harness, target: str = "agri_sampling_pass_rate", **query: str) -> tuple[int, int]:
    found = (await indicators.get(f"{BASE}/targets/{target}/status", params=query)).json()
    return found["n"], found["passed"]


async def test_listings_violations_and_recalls_by_area(indicators: Harness) -> None:
    await indicators.deliver(
        listing("b1"),
        listing("b2", area="370611"),
        listing("r1", colour="red"),
        listing("other", area="511902"),
        violation("v1"),
        violation("v2", area="370600"),
        recall("c1"),
    )
    city = await counts(indicators)
    assert {name: city[name] for name in ("black", "red", "violations", "recalls")} == {
        "black": {"own": 0, "total": 2},
        "red": {"own": 0, "total": 1},
        "violations": {"own": 1, "total": 2},
        "recalls": {"own": 0, "total": 1},
    }
    by_area = {area["area_code"]: area for area in city["areas"]}
    assert (by_area["370602"]["black"], by_area["370611"]["black"], by_area["370602"]["recalls"]) == (1, 1, 1)
    assert (await counts(indicators, area="370602"))["black"] == {"own": 1, "total": 1}
    assert (await counts(indicators, area="511900"))["black"] == {"own": 0, "total": 1}
    assert (await counts(indicators, area="100000"))["black"]["total"] == 3


async def test_what_ends_is_no_longer_counted_but_was(indicators: Harness) -> None:
    await indicators.deliver(listing("b1"), violation("v1"), recall("c1"), listing("b2", valid_from="2026-12-01"))
    assert (await counts(indicators))["black"]["total"] == 1  # b2 is not in force yet
    indicators.clock.advance(days=10)
    today = date(2026, 12, 4)
    await indicators.deliver(
        ListingRemoved(listing_id="b1", uscc=USCC, colour="black", removed_on=today, reason="repaired"),
        ViolationPublicationEnded(violation_id="v1", uscc=USCC, ended_on=today, reason="repaired"),
        RecallClosed(recall_id="c1", uscc=USCC, closed_at=indicators.clock.now(), outcome="done"),
    )
    now = await counts(indicators)
    assert [now[name]["total"] for name in ("black", "violations", "recalls")] == [1, 0, 0]  # b2 has begun
    before = await counts(indicators, as_of="2026-12-03")
    assert [before[name]["total"] for name in ("black", "violations", "recalls")] == [2, 1, 1]
    later = await counts(indicators, valid_at="2026-12-04", known_at="2026-12-03")
    assert [later[name]["total"] for name in ("black", "violations", "recalls")] == [2, 1, 1]  # not known then


async def test_a_publication_expires_by_its_date_without_an_event(indicators: Harness) -> None:
    await indicators.deliver(violation("v1", expires_on="2026-11-25"), listing("b1", valid_until="2026-11-25"))
    indicators.clock.advance(days=1)
    assert (await counts(indicators))["violations"]["total"] == 1
    indicators.clock.advance(days=1)
    now = await counts(indicators)
    assert (now["violations"]["total"], now["black"]["total"]) == (0, 0)


async def test_a_corrected_violation_is_counted_once(indicators: Harness) -> None:
    await indicators.deliver(violation("v1"))
    indicators.clock.advance(days=1)
    await indicators.deliver(violation("v1", version=2, area="370611"))
    now = await counts(indicators)
    assert now["violations"]["total"] == 1
    assert {area["area_code"]: area["violations"] for area in now["areas"] if area["violations"]} == {"370611": 1}
    then = await counts(indicators, as_of="2026-11-24")
    assert {area["area_code"]: area["violations"] for area in then["areas"] if area["violations"]} == {"370602": 1}


async def test_an_updated_recall_is_one_recall_and_a_closed_one_stays_closed(indicators: Harness) -> None:
    def updated() -> RecallUpdated:
        return RecallUpdated(**_recall("c1", "370611"), change="扩大", updated_at=indicators.clock.now())

    await indicators.deliver(recall("c1"))
    indicators.clock.advance(days=1)
    await indicators.deliver(updated())
    now = await counts(indicators)
    assert {area["area_code"]: area["recalls"] for area in now["areas"] if area["recalls"]} == {"370611": 1}
    await indicators.deliver(
        RecallClosed(recall_id="c1", uscc=USCC, closed_at=indicators.clock.now(), outcome="done"), updated()
    )
    assert (await counts(indicators))["recalls"]["total"] == 0
    assert (await counts(indicators, as_of="2026-11-24"))["recalls"]["total"] == 1


async def test_enterprises_are_the_denominator(indicators: Harness) -> None:
    def enterprise(uscc: str, area: str, industry: str | None, state: str = "active") -> EnterpriseUpdated:
        return EnterpriseUpdated(uscc=uscc, name=uscc, area_code=area, industry_code=industry, state=state)  # type: ignore[arg-type]

    await indicators.deliver(
        enterprise("A", "370602", "C14"), enterprise("B", "370602001", "C14"), enterprise("C", "370611", None)
    )
    indicators.clock.advance(days=1)
    await indicators.deliver(enterprise("C", "370611", None, "cancelled"), enterprise("A", "370611", "C15"))
    now = await counts(indicators)
    assert now["enterprises"]["total"] == 2
    assert [(row["industry_code"], row["industry_name"], row["enterprises"]) for row in now["industries"]] == [
        ("C14", "食品制造业", 1),
        ("C15", "酒、饮料和精制茶制造业", 1),
    ]
    assert (await counts(indicators, area="370602"))["enterprises"] == {"own": 0, "total": 1}
    assert (await counts(indicators, as_of="2026-11-24"))["enterprises"]["total"] == 3


async def test_a_sample_is_counted_once_after_a_correction(indicators: Harness) -> None:
    await indicators.deliver(*(sampled(f"t{n}", f"s{n}") for n in range(4)), sampled("t9", "s9", "fail"))
    assert await rate(indicators) == (5, 4)
    indicators.clock.advance(days=1)
    await indicators.deliver(corrected("t9", "s9", "pass"))
    assert await rate(indicators) == (5, 5)
    assert await rate(indicators, as_of="2026-11-24") == (5, 4)
    await indicators.deliver(sampled("t10", "s9", "fail", lot_id="06901234567892.B", tested_on=date(2026, 11, 21)))
    assert await rate(indicators) == (5, 4)  # the re-inspection of the same sample
    city = (await indicators.get(f"{BASE}/targets/agri_sampling_pass_rate/status")).json()
    assert (city["origin"], city["provisional"], city["light"]) == ("events", True, "cannot_tell")
    series = (await indicators.get(f"{BASE}/targets/agri_sampling_pass_rate/series")).json()
    assert [(point["period"], point["n"], point["passed"]) for point in series["items"]] == [("2026-11", 5, 4)]


async def test_only_supervision_counts_and_each_category_in_its_own_rate(indicators: Harness) -> None:
    await indicators.deliver(
        sampled("t1", "s1"),
        sampled("t2", "s2", kind="self"),
        sampled("t3", "s3", kind="entrusted"),
        sampled("t4", "s4", "fail", category="food", area_code="370611"),
        sampled("t5", "s5", area_code="511902"),
    )
    assert await rate(indicators) == (1, 1)
    assert await rate(indicators, "food_sampling_pass_rate") == (1, 0)
    assert await rate(indicators, "food_sampling_pass_rate", area="370611") == (1, 0)
    assert await rate(indicators, area="511900") == (1, 1)
    await indicators.deliver(corrected("t1", "s1", kind="self"))
    assert (await indicators.get(f"{BASE}/targets/agri_sampling_pass_rate/status")).json()["light"] == "no_data"


async def test_a_light_is_announced_once_for_each_subject_and_transaction(indicators: Harness) -> None:
    def received(sequence: int, body: TestRecorded) -> Received[TestRecorded]:
        return Received(body.test_id, body.type, "traceability", body.key, sequence, NOW, body)

    before = len(indicators.published(LightChanged))
    async with indicators.platform.system_unit_of_work() as uow:
        await apply_tests(uow, [received(n, sampled(f"t{n}", f"s{n}")) for n in range(20)])
        await apply_tests(uow, [received(20, corrected("t1", "s1", "fail"))])
        await apply_tests(uow, [received(n, sampled(f"t{n}", f"s{n}")) for n in range(21, 31)])
    told = indicators.published(LightChanged)[before:]
    assert sorted((event.area_code, event.n, event.passed) for event in told) == [
        ("370600", 30, 29),
        ("370602", 30, 29),
    ]


def history(seed: int) -> list[list[Event]]:
    """Batches of events about few subjects, so that they meet."""
    chance = random.Random(seed)
    events: list[Event] = []
    for number in range(60):
        sample, test = f"s{chance.randrange(6)}", f"t{chance.randrange(8)}"
        fields = {
            "kind": chance.choice(["supervision", "supervision", "self"]),
            "area_code": chance.choice(["370602", "370611"]),
            "tested_on": date(2026, chance.choice([10, 11]), chance.randrange(1, 20)),
            "lot_id": f"06901234567892.{chance.choice('AB')}",
        }
        result = chance.choice(["pass", "fail"])
        events.append(
            chance.choice(
                [
                    sampled(test, sample, result, **fields),
                    corrected(test, sample, result, **fields),
                    violation(f"v{chance.randrange(3)}", version=number),
                    ViolationPublicationEnded(
                        violation_id=f"v{chance.randrange(3)}", uscc=USCC, ended_on=date(2026, 11, 22), reason="expired"
                    ),
                    listing(f"l{chance.randrange(3)}", chance.choice(["black", "red"])),
                    ListingRemoved(
                        listing_id=f"l{chance.randrange(3)}",
                        uscc=USCC,
                        colour="black",
                        removed_on=date(2026, 11, 23),
                        reason="revoked",
                    ),
                    EnterpriseUpdated(
                        uscc=f"U{chance.randrange(3)}",
                        name="n",
                        area_code="370602",
                        state=chance.choice(["active", "revoked"]),
                    ),
                    recall(f"c{chance.randrange(2)}"),
                    RecallUpdated(**_recall(f"c{chance.randrange(2)}", "370611"), change="x", updated_at=NOW),
                    RecallClosed(recall_id=f"c{chance.randrange(2)}", uscc=USCC, closed_at=NOW, outcome="done"),
                ]
            )
        )
    return [events[start : start + 7] for start in range(0, len(events), 7)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_replay_equals_the_live_projection(indicators: Harness, seed: int) -> None:
    for batch in history(seed):
        indicators.clock.advance(minutes=7)
        await indicators.deliver(*batch)
    await indicators.deliver(PrincipalRevoked(principal="client:gone", not_before=indicators.clock.now()))
    live = {table: sorted(map(repr, indicators.rows(f"SELECT * FROM {table}"))) for table in PROJECTION_TABLES}
    assert all(live.values())
    told = len(indicators.published(LightChanged))
    answer = (await indicators.get(f"{BASE}/counts")).content
    assert await replay(indicators.platform) == 61
    again = {table: sorted(map(repr, indicators.rows(f"SELECT * FROM {table}"))) for table in PROJECTION_TABLES}
    assert again == live
    assert (await indicators.get(f"{BASE}/counts")).content == answer
    assert len(indicators.published(LightChanged)) == told


# --- the pure rules -----------------------------------------------------------------------------------------------

START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def facts(draw: st.DrawFn) -> list[TestFact]:
    found = []
    for sequence in range(1, draw(st.integers(1, 12)) + 1):
        found.append(
            TestFact(
                test_id=draw(st.sampled_from(["t1", "t2", "t3"])),
                sequence=sequence,
                sample_id=draw(st.sampled_from(["s", "s", "other"])),
                target_id="agri_sampling_pass_rate",
                area_code=draw(st.sampled_from(["370602", "370611"])),
                supervision=draw(st.booleans()),
                passed=draw(st.booleans()),
                tested_on=date(2026, 1, draw(st.integers(1, 5))),
                known_from=START + timedelta(hours=draw(st.integers(0, 20)) + sequence),
            )
        )
    return found


@given(facts(), st.randoms(use_true_random=False))
def test_a_sample_has_at_most_one_state_at_any_time_in_any_order(known: list[TestFact], chance: random.Random) -> None:
    states = timeline("s", known)
    shuffled = list(known)
    chance.shuffle(shuffled)
    assert timeline("s", shuffled) == states
    for before, after in pairwise(states):
        assert before.known_to is not None
        assert before.known_from < before.known_to <= after.known_from
        assert (before.known_to < after.known_from) or before != after
    for moment in {fact.known_from for fact in known}:
        last: dict[str, TestFact] = {}
        for fact in sorted(known, key=lambda f: (f.known_from, f.test_id, f.sequence)):
            if fact.known_from <= moment:
                last[fact.test_id] = fact
        counted = [fact for fact in last.values() if fact.sample_id == "s" and fact.supervision]
        expected = max(counted, key=lambda f: (f.tested_on, f.test_id), default=None)
        then = [s for s in states if s.known_from <= moment and (s.known_to is None or moment < s.known_to)]
        assert len(then) == (expected is not None)
        if expected is not None:
            assert (then[0].area_code, then[0].passed) == (expected.area_code, expected.passed)


def test_a_state_says_when_it_was_counted() -> None:
    fact = TestFact("t", 1, "s", "x", "370602", True, True, date(2026, 1, 1), START)
    assert timeline("s", [fact]) == [State("x", "370602", date(2026, 1, 1), True, START, None)]
    assert timeline("another", [fact]) == []
