"""Units that push on the topic that they share: the same rules as REST, an answer for each message, none blocks it.

What holds for a unit's own topic: `test_unit_topics.py`.
"""

import json
from typing import Any

import pytest

from services.credit.app import create_app
from services.credit.settings import Settings
from services.credit.topic_intake import reader, rules, service
from shared.bus import Record
from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC
from shared.events.credit import ViolationCorrected, ViolationRecorded, ViolationWithdrawn
from tests.credit.samples import COUNTY, OTHER_UNIT, UNIT, code, push, violation
from tests.support.app import NOW, Harness, running, staff
from tests.support.callers import Caller
from tests.support.databases import Backend


def message(
    credit: Harness, body: Any, *, kind: str = "violation", who: Caller | None = UNIT, **headers: str
) -> Record:
    value = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    given = {"ce_type": f"pinzhi.enforcement.{kind}.v1", "ce_id": f"m-{kind}"}
    if who is not None:
        given["authorization"] = f"Bearer {who.token(credit.clock.now())}"
    return Record(INTAKE_TOPIC, "k", value, given | headers)


async def send(credit: Harness, *records: Record) -> list[dict[str, Any]]:
    """Push and wait for the answers to these records, in order."""
    before = len(await receipts(credit))
    await credit.bus.publish(records)
    await credit.until(lambda: len(credit.bus._log[RECEIPTS_TOPIC]) >= before + len(records), "the receipts")
    return (await receipts(credit))[before:]


async def receipts(credit: Harness) -> list[dict[str, Any]]:
    found = [record async for batch in credit.bus.read_all([RECEIPTS_TOPIC]) for record in batch]
    assert all(record.headers["ce_type"] == rules.RECEIPT_TYPE for record in found)
    return [json.loads(record.value) for record in found]


async def test_a_message_gets_the_receipt_that_rest_would_give(credit: Harness) -> None:
    (first,) = await send(credit, message(credit, violation(1)))
    assert first["status"] == "recorded"
    assert first["request"]["id"] == "m-violation"
    again = await credit.post("/v1/credit/violations", json=violation(1), as_=UNIT)
    assert again.status_code == 200
    assert again.json() == first["receipt"]
    (repeated,) = await send(credit, message(credit, violation(1)))
    assert (repeated["status"], repeated["receipt"]) == ("repeated", first["receipt"])
    assert len(credit.published(ViolationRecorded)) == 1


async def test_each_wrong_message_is_answered_and_the_good_ones_beside_it_are_recorded(credit: Harness) -> None:
    wrong = violation(3, fine=1) | {"uscc": code(3)[:-1] + "0"}
    del wrong["document_number"]
    answers = await send(
        credit,
        message(credit, violation(1)),
        message(credit, b"\xff not json"),
        message(credit, wrong),
        message(credit, violation(4), who=None),
        message(credit, violation(5), who=UNIT.but(exp=1)),
        message(credit, violation(6), who=COUNTY.but(area="511900")),
        message(credit, violation(7), kind="poem"),
        message(credit, [1, 2]),
        message(credit, violation(8), who=staff("auditor")),
        message(credit, violation(2)),
    )
    assert [each["status"] for each in answers] == ["recorded", *["refused"] * 8, "recorded"]
    codes = [each["problem"]["code"] for each in answers[1:-1]]
    assert codes == ["json", "invalid", "token.scheme", "token.expired", "area", "invalid", "invalid", "not_granted"]
    places = {error["pointer"] for error in answers[2]["problem"]["errors"]}
    assert places == {"/uscc", "/document_number", "/fine"}
    assert answers[2]["problem"]["detail_en"].startswith("3 places")
    assert len(credit.published(ViolationRecorded)) == 2
    kept = credit.rows("SELECT status, count(*) FROM intake_message GROUP BY status ORDER BY status")
    assert kept == [("recorded", 2), ("refused", 8)]
    assert credit.rows("SELECT body FROM intake_message WHERE type = 'pinzhi.enforcement.poem.v1'")[0][0]
    tokens = credit.rows("SELECT count(*) FROM intake_message WHERE answer LIKE $1", "%Bearer ey%")
    assert tokens == [(0,)]


async def test_corrections_and_withdrawals_keep_their_order(credit: Harness) -> None:
    (recorded,) = await send(credit, message(credit, violation(1)))
    name = recorded["receipt"]["violation_id"]
    correction = {"violation_id": name, "version": 1, "reason": "金额有误", "changes": {"fine_fen": 100}}
    withdrawal = {
        "violation_id": name,
        "reason": "复议撤销",
        "document_number": "烟复决〔2026〕1号",
        "annulled_on": "2026-11-23",
    }
    answers = await send(
        credit,
        message(credit, correction, kind="correction"),
        message(credit, correction, kind="correction"),
        message(credit, correction, kind="correction", who=OTHER_UNIT),
        message(credit, {"version": 1}, kind="correction"),
        message(credit, withdrawal, kind="withdrawal"),
        message(credit, withdrawal, kind="withdrawal"),
    )
    assert [each["status"] for each in answers] == [
        "corrected",
        "refused",
        "refused",
        "refused",
        "withdrawn",
        "refused",
    ]
    assert answers[0]["receipt"]["version"] == 2
    assert answers[1]["problem"]["code"] == "version"
    assert answers[3]["problem"]["errors"][0]["pointer"] == "/violation_id"
    assert len(credit.published(ViolationCorrected)) == 1
    assert len(credit.published(ViolationWithdrawn)) == 1


async def test_a_message_delivered_again_is_answered_as_before(credit: Harness) -> None:
    (recorded,) = await send(credit, message(credit, violation(1)))
    name = recorded["receipt"]["violation_id"]
    correction = {"violation_id": name, "version": 1, "reason": "金额有误", "changes": {"fine_fen": 100}}
    (corrected,) = await send(credit, message(credit, correction, kind="correction"))
    log = [record async for batch in credit.bus.read_all([INTAKE_TOPIC]) for record in batch]
    await service.take(credit.platform, log)  # as after a crash between the commit and the offset
    assert (await receipts(credit))[-2:] == [recorded, corrected]
    assert len(credit.published(ViolationRecorded)) == 1
    assert len(credit.published(ViolationCorrected)) == 1


async def test_a_message_that_breaks_the_service_is_kept_and_blocks_nothing(
    credit_sqlite: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    credit = credit_sqlite
    real = service.intake.record

    async def record(uow: Any, pushes: Any) -> Any:
        if any(each.body.document_number.endswith("2号") for each in pushes):
            raise RuntimeError("a defect of ours")
        return await real(uow, pushes)

    monkeypatch.setattr(service.intake, "record", record)
    answers = await send(credit, *(message(credit, violation(number)) for number in (1, 2, 3)))
    assert [each["status"] for each in answers] == ["recorded", "refused", "recorded"]
    assert answers[1]["problem"]["code"] == "internal"
    assert "defect" not in json.dumps(answers[1])
    assert credit.rows("SELECT count(*) FROM intake_message WHERE status = 'refused'") == [(1,)]


async def test_a_unit_sees_its_own_messages_and_an_operator_all(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    await send(credit, message(credit, violation(1)), message(credit, violation(2), who=OTHER_UNIT, ce_id="other"))
    path = "/v1/credit/intake-messages"
    own = (await credit.get(path, as_=UNIT)).json()["items"]
    assert [item["message_id"] for item in own] == ["m-violation"]
    operator = staff("administrator")
    assert len((await credit.get(path, as_=operator)).json()["items"]) == 2
    first = (await credit.get(f"{path}?limit=1", as_=operator)).json()
    second = (await credit.get(f"{path}?limit=1&cursor={first['next']}", as_=operator)).json()
    assert first["items"][0]["place"] < second["items"][0]["place"]
    assert (await credit.get(path, as_=staff("case_officer"))).status_code == 403
    assert (await credit.get(path)).status_code == 401


async def test_messages_that_came_while_the_service_was_down_are_taken(sqlite_backend: Backend) -> None:
    clock = FixedClock(NOW)
    bus, url = MemoryBus(clock), sqlite_backend.url("credit")
    how = {"bus": bus, "clock": clock, "url": url, "sweep_seconds": 3600}
    async with running(create_app, Settings, sqlite_backend, **how) as credit:
        await push(credit, 1)
        good, old = message(credit, violation(2)), message(credit, violation(3), who=UNIT.but(exp=1))
    await bus.publish([good, old])
    clock.advance(hours=9)  # the token has long expired when the message is read
    async with running(create_app, Settings, sqlite_backend, **how) as credit:
        await credit.until(lambda: len(credit.bus._log[RECEIPTS_TOPIC]) == 2, "the receipts")
        answers = await receipts(credit)
    assert [answer["status"] for answer in answers] == ["recorded", "refused"]
    assert answers[1]["problem"]["code"] == "token.expired"


async def test_a_setting_ends_the_shared_topic(sqlite_backend: Backend) -> None:
    async with running(create_app, Settings, sqlite_backend, sweep_seconds=3600, shared_intake=False) as credit:
        assert await reader.readable(credit.platform, set()) == []
