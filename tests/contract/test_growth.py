"""The work of a batch does not grow with the tables, whatever PostgreSQL knew of them when it planned.

A plan that was kept from an empty table reads all of it for every batch: a first load or a restore stalls the system
until the statistics follow. Counted are rows that the server looked at, not time.
"""

from datetime import datetime

import pytest

from services.credit.app import create_app as create_credit
from services.credit.settings import Settings as CreditSettings
from services.gateway.app import create_app as create_gateway
from services.gateway.settings import Settings as GatewaySettings
from shared.bus.envelope import Envelope, StoredRecord, to_record
from shared.events.base import Event, topic_of
from shared.ids import uuid7
from tests.contract.city import City, updated
from tests.credit.samples import UNIT, code, violation
from tests.gateway import samples
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend
from tests.support.growth import STATES, State, analyse, forget, rows_read, sql

pytestmark = pytest.mark.postgres
BATCH = 500
states = pytest.mark.parametrize("state", STATES)
postgres = pytest.mark.parametrize("backend", ["postgres"], indirect=True)


@states
@postgres
async def test_the_inbox(backend: Backend, state: State) -> None:
    city = City(backend, "memory:")
    async with city.consumer() as platform:

        async def apply(keys: range) -> None:
            await platform.consumer.apply([_stored(updated(f"U{key:06d}", "x"), city.clock.now()) for key in keys])

        await forget(platform)
        if state == "analysed while empty":
            await analyse(platform)
        for number in range(12):  # PostgreSQL keeps a plan from the sixth time on
            await apply(range(number * 5, number * 5 + 5))
            if state == "analysed with few rows" and number == 2:
                await analyse(platform)
        await sql(
            platform,
            "INSERT INTO inbox SELECT 'traceability', 'credit', 'V' || i, 1, now() FROM generate_series(1, 50000) i",
        )
        await sql(platform, "INSERT INTO named SELECT 'V' || i, 'x', 1 FROM generate_series(1, 50000) i")
        read = await rows_read(platform, lambda: apply(range(50, 50 + BATCH)))
        assert await sql(platform, "SELECT count(*) FROM inbox") == [(50_000 + 50 + BATCH,)]
        assert max(read.values()) <= 4 * BATCH, read


@states
@postgres
async def test_the_intake_of_violations(backend: Backend, state: State) -> None:
    async with running(create_credit, CreditSettings, backend, sweep_seconds=3600) as credit:

        async def send(numbers: range, status: str = "recorded") -> None:
            items = [violation(number) for number in numbers]
            answer = await credit.post("/v1/credit/violations:batch", json={"items": items}, as_=UNIT)
            assert answer.status_code == 200, answer.text
            assert {receipt["status"] for receipt in answer.json()["receipts"]} == {status}

        await forget(credit.platform)
        if state == "analysed while empty":
            await analyse(credit.platform)
        for number in range(8):
            await send(range(number * 5, number * 5 + 5))
            await send(range(number * 5, number * 5 + 5), "repeated")
            if state == "analysed with few rows" and number == 2:
                await analyse(credit.platform)
        await _swell(credit, ["violation"], 20_000)
        await _swell(credit, ["enterprise", "enterprise_version"], 20_000, wide="name")
        new = await rows_read(credit.platform, lambda: send(range(1000, 1000 + BATCH)))
        again = await rows_read(credit.platform, lambda: send(range(1000, 1000 + BATCH), "repeated"))
        assert again["violation"] >= BATCH, "the counters count"
        for read in (new, again):
            assert read.get("violation", 0) <= 4 * BATCH, read
            assert read.get("enterprise", 0) <= 4 * BATCH, read


@states
@postgres
async def test_the_projections_of_the_gateway(backend: Backend, state: State) -> None:
    async with running(create_gateway, GatewaySettings, backend, **down()) as gateway:

        async def deliver(numbers: range) -> None:
            events = [samples.enterprise(code(number)) for number in numbers]
            cases = [samples.recorded(code(number), violation_id=f"v-{number}") for number in numbers]
            lots = [samples.lot(f"L{number}") for number in numbers]
            records = [_stored(event, gateway.clock.now()) for event in (*events, *lots, *cases)]
            await gateway.platform.consumer.apply(records)

        await forget(gateway.platform)
        if state == "analysed while empty":
            await analyse(gateway.platform)

        async def scan(numbers: range) -> None:
            for number in numbers:
                answer = await gateway.get(f"/v1/scan/01/{samples.APPLE}/10/L{number}")
                assert answer.status_code == 200, answer.text
            await gateway.platform.db.fetch("SELECT pg_stat_force_next_flush()")

        for number in range(8):
            await deliver(range(number * 5, number * 5 + 5))
            await scan(range(number * 5, number * 5 + 4))
            if state == "analysed with few rows" and number == 2:
                await analyse(gateway.platform)
        await _swell(gateway, ["inbox", "enterprise_view", "lot_view"], 50_000)
        hot = await rows_read(gateway.platform, lambda: scan(range(4, 40, 5)))
        assert 8 <= hot["lot_view"] <= 40, hot
        read = await rows_read(gateway.platform, lambda: deliver(range(1000, 1000 + BATCH // 3)))
        assert read["enterprise_view"] > 0, "the counters count"
        assert max(read.values()) <= 4 * BATCH, read


def _stored(event: Event, at: datetime) -> StoredRecord:
    """The first record of the event's key, as it is read from the bus."""
    envelope = Envelope(
        id=uuid7(),
        type=event.type,
        source=event.publisher(),
        key=event.key,
        sequence=1,
        time=at,
        data=event.model_dump_json().encode(),
    )
    record = to_record(topic_of(event.publisher()), envelope)
    return StoredRecord(record.topic, record.key, record.value, record.headers)


async def _swell(harness: Harness, tables: list[str], count: int, *, wide: str = "") -> None:
    """Copy a row of each table many times, under other keys. Of narrow rows it is right to read a few hundred pages
    rather than an index for each key: the column `wide` is made long."""
    for table in tables:
        columns = await sql(
            harness.platform,
            "SELECT a.attname, EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique "
            "AND a.attnum = ANY(i.indkey)) AND a.atttypid IN ('text'::regtype, 'varchar'::regtype) "
            f"FROM pg_attribute a WHERE a.attrelid = '\"{table}\"'::regclass AND a.attnum > 0 AND NOT a.attisdropped",
        )
        assert any(unique for _name, unique in columns), f"{table} has no key of text"
        values = {name: f"left(i || '~' || \"{name}\", 18)" if unique else f'"{name}"' for name, unique in columns}
        if wide:
            values[wide] = f'repeat(md5(i::text), 20) || "{wide}"'
        names = ", ".join(f'"{name}"' for name in values)
        await sql(
            harness.platform,
            f'INSERT INTO "{table}" ({names}) SELECT {", ".join(values.values())} FROM '
            f'(SELECT * FROM "{table}" LIMIT 1) one, generate_series(1, {count}) i',
        )
