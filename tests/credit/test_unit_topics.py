"""A unit's own topic: who it is says the topic, what it may do says the instant at which the bus took the message."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.credit.app import create_app
from services.credit.settings import Settings
from services.credit.topic_intake import reader, rules
from services.credit.topic_intake.repository import known_clients
from shared.bus import Record
from shared.bus.memory import MemoryBus
from shared.clock import FixedClock
from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC, unit_intake, unit_of, unit_receipts
from shared.events.credit import ViolationRecorded
from shared.events.gateway import ClientUpdated
from tests.credit.samples import UNIT, violation
from tests.support.app import NOW, Harness, running
from tests.support.databases import Backend

SCOPE = "credit:violations:write"
HOW: dict[str, Any] = {"sweep_seconds": 3600, "intake_refresh_seconds": 0.05}


def client(name: str = "yt-scjg", version: int = 1, **changes: Any) -> ClientUpdated:
    given = {
        "client_id": name,
        "version": version,
        "valid_from": NOW - timedelta(days=1),
        "name": f"unit {name}",
        "kind": "department",
        "department": name,
        "area": "370600",
        "scopes": [SCOPE],
    }
    return ClientUpdated(**(given | changes))


def message(
    body: Any, *, unit: str = "yt-scjg", kind: str = "violation", number: str = "m-1", **headers: str
) -> Record:
    value = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    given = {"ce_type": f"pinzhi.enforcement.{kind}.v1", "ce_id": number}
    return Record(unit_intake(unit), "k", value, given | headers)


def structured(body: Any, *, unit: str = "yt-scjg", **changes: Any) -> Record:
    event = {
        "specversion": "1.0",
        "id": "s-1",
        "source": "/unit",
        "type": "pinzhi.enforcement.violation.v1",
        "data": body,
    } | changes
    value = json.dumps({name: each for name, each in event.items() if each is not ...}).encode()
    return Record(unit_intake(unit), "k", value, {"content-type": "application/cloudevents+json; charset=utf-8"})


async def receipts(credit: Harness, unit: str = "yt-scjg") -> list[dict[str, Any]]:
    found = [record async for batch in credit.bus.read_all([unit_receipts(unit)]) for record in batch]
    return [json.loads(record.value) | {"headers": record.headers} for record in found]


async def send(credit: Harness, *records: Record, unit: str = "yt-scjg") -> list[dict[str, Any]]:
    before = len(await receipts(credit, unit))
    await credit.bus.publish(records)
    await credit.until(lambda: len(credit.bus._log[unit_receipts(unit)]) >= before + len(records), "the receipts")
    return (await receipts(credit, unit))[before:]


@pytest.fixture
async def credit(backend: Backend) -> Any:
    async with running(create_app, Settings, backend, **HOW) as harness:
        await harness.deliver(client())
        yield harness


@pytest.fixture
async def credit_sqlite(sqlite_backend: Backend) -> Any:
    async with running(create_app, Settings, sqlite_backend, **HOW) as harness:
        await harness.deliver(client())
        yield harness


async def test_a_message_without_a_token_is_the_units_whose_topic_it_is(credit: Harness) -> None:
    (first,) = await send(credit, message(violation(1)))
    assert (first["status"], first["request"]["id"]) == ("recorded", "m-1")
    assert first["headers"]["ce_causationid"] == "m-1"
    again = await credit.post("/v1/credit/violations", json=violation(1), as_=UNIT)
    assert (again.status_code, again.json()) == (200, first["receipt"]), "REST knows the unit as the same sender"
    # a token of somebody else is nobody's business here, and is not kept
    (repeated,) = await send(credit, message(violation(1), authorization="Bearer geheim", number="m-2"))
    assert (repeated["status"], repeated["receipt"]) == ("repeated", first["receipt"])
    assert len(credit.published(ViolationRecorded)) == 1
    own = (await credit.get("/v1/credit/intake-messages", as_=UNIT)).json()["items"]
    assert [item["message_id"] for item in own] == ["m-1", "m-2"]
    assert all(item["stored_at"] for item in own)
    assert "geheim" not in json.dumps(own)
    assert RECEIPTS_TOPIC not in credit.bus._log


async def test_both_modes_say_the_same_and_name_the_place(credit: Harness) -> None:
    wrong = violation(3) | {"uscc": "x"}
    sent: Sequence[tuple[Record, str, str]] = [
        (structured(violation(1)), "recorded", ""),
        (structured(..., data_base64=b64encode(json.dumps(violation(2)).encode()).decode()), "recorded", ""),
        (message(wrong), "refused", "/uscc"),
        (structured(wrong), "refused", "/data/uscc"),
        (structured(..., data_base64="%%"), "refused", "/data_base64"),
        (structured(...), "refused", "/data"),
        (structured([1]), "refused", "/data"),
        (structured(violation(4), type="poem"), "refused", "/type"),
        (structured(violation(4), type=7), "refused", "/type"),
        (structured(violation(4), specversion="0.3"), "refused", "/specversion"),
        (structured(violation(4), id=...), "refused", "/id"),
        (structured(violation(4), source=""), "refused", "/source"),
        (message(violation(4), ce_specversion="2"), "refused", "#ce_specversion"),
        (message([1, 2]), "refused", ""),
        (message(violation(4), kind="poem"), "refused", "#ce_type"),
        (message({}, kind="correction"), "refused", "/violation_id"),
        (structured({}, type="pinzhi.enforcement.withdrawal.v1"), "refused", "/data/violation_id"),
    ]
    answers = await send(credit, *(record for record, _, _ in sent))
    assert [answer["status"] for answer in answers] == [status for _, status, _ in sent]
    for answer, (_, status, place) in zip(answers, sent, strict=True):
        if status == "refused":
            assert place in {error["pointer"] for error in answer["problem"]["errors"]}, (place, answer)
    assert answers[3]["request"]["id"] == "s-1"


async def test_what_is_hardly_a_message_gets_its_receipt_too(credit: Harness) -> None:
    odd = {"content-type": "application/cloudevents+json"}
    topic = unit_intake("yt-scjg")
    answers = await send(
        credit,
        Record(topic, "", b"", {}),
        Record(topic, "k", b"", {"ce_type": "pinzhi.enforcement.violation.v1"}),
        Record(topic, "k\0" * 300, b"\xff\xfe", odd),
        Record(topic, "k", b"[]", odd),
        Record(topic, "k", b"[" * 100_000, odd),
        Record(topic, "k", b"{}", {"content-type": "application/cloudevents-batch+json"}),
        message(b"[" * 300_000),
        message(violation(1), number="m\0" * 200),
    )
    assert [each["status"] for each in answers] == ["refused"] * 7 + ["recorded"]
    codes = [each["problem"]["code"] for each in answers[:-1]]
    assert codes == ["json", "json", "json", "invalid", "json_values", "invalid", "too_large"]
    assert "262144" in answers[6]["problem"]["detail"]
    kept = credit.rows("SELECT count(*) FROM intake_message WHERE sender = 'client:yt-scjg'")
    assert kept == [(8,)]


async def test_rights_are_those_of_the_instant_at_which_the_bus_took_it(sqlite_backend: Backend) -> None:
    """Credit is away while the client is registered, changed and revoked; it judges each message as of its instant."""
    clock = FixedClock(NOW)
    bus, url = MemoryBus(clock), sqlite_backend.url("credit")
    how = {"bus": bus, "clock": clock, "url": url, **HOW}
    async with running(create_app, Settings, sqlite_backend, **how) as credit:
        later = [credit.record(each) for each in (
            client(valid_from=NOW + timedelta(hours=1)),
            client(version=2, valid_from=NOW + timedelta(hours=2), area="370602"),
            client(version=3, valid_from=NOW + timedelta(hours=3), scopes=[]),
            client(version=4, valid_from=NOW + timedelta(hours=4)),
            client(version=5, valid_from=NOW + timedelta(hours=5), revoked_at=NOW + timedelta(hours=5)),
        )]  # fmt: skip
    for hour in range(7):
        clock.set(NOW + timedelta(hours=hour, minutes=30))
        await bus.publish([message(violation(hour + 1, area_code="370612"), number=str(hour))])
    clock.set(NOW + timedelta(hours=5) - timedelta(milliseconds=1))
    await bus.publish([message(violation(20, area_code="370612"), number="just before")])
    clock.set(NOW + timedelta(hours=5))
    await bus.publish([message(violation(21, area_code="370612"), number="just then")])
    clock.set(NOW + timedelta(days=3))
    await bus.publish(later)
    async with running(create_app, Settings, sqlite_backend, **how) as credit:
        await credit.until(lambda: len(bus._log[unit_receipts("yt-scjg")]) == 9, "the receipts")
        answers = await receipts(credit)
    told = {each["request"]["id"]: (each["problem"] or {}).get("code", each["status"]) for each in answers}
    assert told == {
        "0": "client.not_yet",
        "1": "recorded",
        "2": "area",
        "3": "not_granted",
        "4": "recorded",
        "5": "client.revoked",
        "6": "client.revoked",
        "just before": "recorded",
        "just then": "client.revoked",
    }


async def test_a_message_waits_until_its_client_is_known(sqlite_backend: Backend) -> None:
    async with running(create_app, Settings, sqlite_backend, **HOW) as credit:
        await credit.bus.publish([message(violation(1), unit="late"), message(violation(2), unit="never")])
        await credit.deliver(client("other"))
        assert (await send(credit, message(violation(3), unit="other"), unit="other"))[0]["status"] == "recorded"
        assert unit_receipts("late") not in credit.bus._log
        await credit.deliver(client("late"))
        await credit.until(lambda: bool(credit.bus._log[unit_receipts("late")]), "the receipt")
        assert (await receipts(credit, "late"))[0]["status"] == "recorded"
        assert unit_receipts("never") not in credit.bus._log


async def test_no_message_outruns_what_the_issuer_has_sent(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    assert (await send(credit, message(violation(1))))[0]["status"] == "recorded"
    credit.clock.advance(seconds=10)
    gone = client(version=2, valid_from=credit.clock.now(), revoked_at=credit.clock.now())
    # both at once, the message first
    await credit.bus.publish([message(violation(2)), credit.record(gone)])
    await credit.until(lambda: len(credit.bus._log[unit_receipts("yt-scjg")]) == 2, "the receipt")
    assert (await receipts(credit))[1]["problem"]["code"] == "client.revoked"


async def test_each_unit_reads_its_own_receipts_and_nothing_of_another(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    await credit.deliver(client("yt-nyj"))
    await send(credit, message(violation(1)))
    await send(credit, message(violation(2), unit="yt-nyj", number="n-1"), unit="yt-nyj")
    assert [each["request"]["id"] for each in await receipts(credit)] == ["m-1"]
    assert [each["request"]["id"] for each in await receipts(credit, "yt-nyj")] == ["n-1"]
    # what one recorded the other may not correct
    name = (await receipts(credit))[0]["receipt"]["violation_id"]
    correction = {"violation_id": name, "version": 1, "reason": "金额有误", "changes": {"fine_fen": 100}}
    answer = await send(credit, message(correction, unit="yt-nyj", kind="correction"), unit="yt-nyj")
    assert answer[0]["status"] == "refused"


async def test_demo_clients_enterprises_and_parked_clients_push_nothing(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    await credit.deliver(client("demo-one", demo=True), client("a-firm", kind="enterprise", department=None))
    demo = await send(credit, message(violation(1), unit="demo-one"), unit="demo-one")
    firm = await send(credit, message(violation(2), unit="a-firm"), unit="a-firm")
    assert (demo[0]["problem"]["code"], firm[0]["problem"]["code"]) == ("client.demo", "not_granted")
    async with credit.platform.read() as session:
        assert await known_clients(session, ["demo-one", "nobody"]) == {"demo-one"}


async def test_receipts_that_cannot_be_sent_keep_nobody_else_waiting(
    credit_sqlite: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.bus.protocol import TopicRefused

    credit = credit_sqlite
    await credit.deliver(client("yt-nyj"))
    real, broken = credit.bus.publish, unit_receipts("yt-nyj")

    async def publish(records: Sequence[Record]) -> None:
        if any(record.topic == broken for record in records):
            raise TopicRefused(broken, "not ours to write")
        await real(records)

    monkeypatch.setattr(credit.bus, "publish", publish)
    monkeypatch.setattr(reader, "_ASIDE_SECONDS", 0.3)
    await real([message(violation(1), unit="yt-nyj"), message(violation(2))])
    await credit.until(lambda: bool(credit.bus._log[unit_receipts("yt-scjg")]), "the other's receipt")
    assert broken not in credit.bus._log
    monkeypatch.setattr(credit.bus, "publish", real)
    await credit.until(lambda: bool(credit.bus._log[broken]), "the receipt that waited")
    assert len(await receipts(credit, "yt-nyj")) == 1
    assert len(credit.published(ViolationRecorded)) == 2


async def test_the_projection_is_rebuilt_from_the_log(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    await credit.deliver(client(version=2, area="370602"))
    before = credit.rows("SELECT * FROM unit_version ORDER BY client_id, version")
    assert len(before) == 2
    from shared.bus.replay import replay

    await replay(credit.platform)
    assert credit.rows("SELECT * FROM unit_version ORDER BY client_id, version") == before


def test_names_of_topics_tell_one_unit_and_the_shared_one_none() -> None:
    for name in ("yt-scjg", "a.b", "foo.v1", "v1x", "x_y"):
        assert unit_of(unit_intake(name)) == name
    for topic in (INTAKE_TOPIC, RECEIPTS_TOPIC, unit_receipts("x"), "pinzhi.enforcement.intake..v1", "x"):
        assert unit_of(topic) is None


def test_the_version_that_held_is_the_last_that_had_begun() -> None:
    """Against a walk through all instants with plain conditions."""
    starts, revoked = [10, 20, 20, 40], 40
    versions = [
        rules.Version("c", NOW + timedelta(seconds=start), str(number), "department", None, None, [],
                      revoked_at=NOW + timedelta(seconds=revoked) if start >= revoked else None)
        for number, start in enumerate(starts)
    ]  # fmt: skip
    for second in range(60):
        at = NOW + timedelta(seconds=second)
        expected = "not_yet" if second < 10 else "revoked" if second >= 40 else "0" if second < 20 else "2"
        try:
            got = rules.version_at(versions, at).name
        except rules.Forbidden as error:
            got = error.code.removeprefix("client.")
        assert got == expected, second
