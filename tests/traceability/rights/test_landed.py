"""What was captured before rights were kept is judged after the upgrade, in slices, on both databases."""

from typing import Any

from sqlalchemy import Connection, MetaData, text

from services.traceability.app import create_app
from services.traceability.rights import sweep
from services.traceability.settings import Settings
from shared.db.migrate import upgrade
from tests.contract.test_migrations import run
from tests.support.app import running
from tests.support.databases import Backend
from tests.traceability.chain import BOX, FRUIT, ORCHARD, PACKER, SHOP, gln, lot, sscc

AT = "2026-11-20T04:00:00.000000Z"
LATER = "2026-11-21T04:00:00.000000Z"
B1, F1, BAD = lot(BOX, "B1"), lot(FRUIT, "F1"), lot(FRUIT, "BAD")
RUN = "transformation:https://x/batch/1"


def put(connection: Connection, table: str, **row: Any) -> None:
    values = ", ".join(
        "NULL" if v is None else f"'{v}'" if isinstance(v, str) else str(v).lower() for v in row.values()
    )
    connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"))


def land(connection: Connection) -> None:
    """A packer's lot in two events of one batch; a stranger's output of that lot, its event in the same batch, its lot
    packed into the packer's lot; a place that was registered after an event that names it."""
    for uscc in (ORCHARD, PACKER, SHOP):
        put(
            connection,
            "party",
            uscc=uscc,
            name="n",
            area_code="370686",
            roles="[]",
            licences="[]",
            version=1,
            updated_at=AT,
        )
    for gtin, owner in ((BOX, PACKER), (FRUIT, ORCHARD)):
        product = {"gtin": gtin, "name": "p", "owner_uscc": owner, "area_code": "370686", "claims": "[]"}
        put(connection, "product", **product, state="active", version=1, updated_at=AT)
    for number, owner, since in ((2, PACKER, AT), (4, SHOP, LATER)):
        place = {"gln": gln(number), "name": "g", "uscc": owner, "area_code": "370686", "kind": "shop"}
        put(connection, "place", **place, version=2, updated_at="2026-11-23T04:00:00.000000Z")
        for version, body in ((1, {"uscc": owner}), (2, {"uscc": owner, "name": "g"})):
            text_ = str(body).replace("'", '"')
            key = {"kind": "place", "key": gln(number), "version": version, "body": text_, "recorded_by": "x"}
            put(
                connection, "master_version", **key, known_from=since if version == 1 else "2026-11-23T04:00:00.000000Z"
            )

    def event(
        record: str, owner: str, kind: str, objects: list[tuple[str, str]], edges: list[tuple[str, str, int]]
    ) -> None:
        step = "shipping" if record == "e" else "commissioning"
        row = {"record_id": f"01abcdef-0000-7000-8000-00000000000{record}", "captured_by": owner, "event_id": record}
        row |= {"hash_id": f"h{record}", "declaration": False, "event_type": kind, "event_time": AT, "record_time": AT}
        more = {"owner_uscc": owner, "biz_step": step, "body": "{}", "action": "ADD" if kind != "ObjectEvent" else None}
        put(connection, "epcis_event", **row, **more, destination_party=gln(4) if record == "e" else None)
        for position, (field, node) in enumerate(objects):
            where = {"record_id": row["record_id"], "position": position, "field": field, "node": node}
            put(connection, "event_epc", **where, value=node)
        for position, (source, target, hop) in enumerate(edges):
            ends = {"from_node": source, "to_node": target, "hop": hop, "at": AT, "known_from": AT}
            relation = "aggregation" if kind == "AggregationEvent" else "transformation"
            put(connection, "edge", record_id=row["record_id"], position=position, **ends, relation=relation)

    event("1", PACKER, "TransformationEvent", [("input_quantity", F1)], [(F1, RUN, 0)])
    event("2", PACKER, "TransformationEvent", [("output_quantity", B1)], [(RUN, B1, 1)])
    event("3", SHOP, "TransformationEvent", [("input_quantity", BAD)], [(BAD, RUN, 0)])
    outputs = [("input_quantity", BAD), ("output_quantity", B1)]
    event("4", SHOP, "TransformationEvent", outputs, [(BAD, B1, 1)])
    event("5", SHOP, "AggregationEvent", [("child_quantity", BAD), ("parent", B1)], [(BAD, B1, 1)])
    event("6", PACKER, "AggregationEvent", [("child_quantity", B1), ("parent", sscc(1))], [(B1, sscc(1), 1)])


async def test_landed_rows(backend: Backend) -> None:
    import asyncio

    url = backend.bare(MetaData())
    await asyncio.to_thread(upgrade, "traceability", url, "0006")
    await asyncio.to_thread(run, url, land)
    await asyncio.to_thread(upgrade, "traceability", url)
    sweep_slice, sweep.SLICE = sweep.SLICE, 1
    try:
        async with running(create_app, Settings, backend, url=url) as harness:
            await harness.until(lambda: harness.rows("SELECT count(*) FROM rights_sweep") == [(0,)], "the sweep")
            sql = "SELECT from_node, to_node, confirmed FROM edge ORDER BY record_id, position"
            edges = [(source, target, bool(confirmed)) for source, target, confirmed in harness.rows(sql)]
            assert edges == [
                (F1, f"made:{PACKER}:https://x/batch/1", True),
                (f"made:{PACKER}:https://x/batch/1", B1, True),
                (BAD, f"made:{SHOP}:https://x/batch/1", True),
                (BAD, B1, False),
                (BAD, B1, False),
                (B1, sscc(1), True),
            ]
            assert harness.rows("SELECT DISTINCT gtin FROM event_epc WHERE node = $1", B1) == [(BOX,)]
            [(early,), (late,)] = harness.rows("SELECT since FROM place ORDER BY gln")
            assert early < late
            assert early.endswith("1")
            assert late.endswith("6~")
        async with running(create_app, Settings, backend, url=url) as again:
            assert again.rows("SELECT count(*) FROM rights_sweep") == [(0,)]
    finally:
        sweep.SLICE = sweep_slice


async def test_what_was_said_over_a_packing_of_a_stranger_is_judged_anew(backend: Backend) -> None:
    """The shop said that the packer's lot was in a crate of the packer; its words on the lot counted."""
    import asyncio

    def told(connection: Connection) -> None:
        land(connection)
        crate, common = sscc(2), {"declaration": False, "event_time": AT, "record_time": AT, "body": "{}"}
        for record, owner, kind, step, action, objects in (
            ("7", PACKER, "ObjectEvent", "shipping", "OBSERVE", [("epc", crate)]),
            ("8", SHOP, "AggregationEvent", "packing", "ADD", [("parent", crate), ("child_quantity", B1)]),
            ("9", SHOP, "ObjectEvent", "retail_selling", "OBSERVE", [("quantity", B1)]),
        ):
            row: dict[str, Any] = {"record_id": f"11abcdef-0000-7000-8000-00000000000{record}", "captured_by": owner}
            row |= {"owner_uscc": owner, "event_id": record, "hash_id": f"h{record}", "event_type": kind}
            row |= {"biz_step": step, "action": action, "destination_party": gln(4) if record == "7" else None}
            put(connection, "epcis_event", **row, **common)
            for position, (field, node) in enumerate(objects):
                where = {"record_id": row["record_id"], "position": position, "field": field, "node": node}
                put(connection, "event_epc", **where, value=node)
            if kind == "AggregationEvent":
                ends = {"from_node": B1, "to_node": crate, "hop": 1, "at": AT, "known_from": AT}
                put(connection, "edge", record_id=row["record_id"], position=0, **ends, relation="aggregation")

    def counted(connection: Connection) -> None:
        """As the rules before had it."""
        connection.execute(text("DELETE FROM rights_sweep"))
        connection.execute(text("UPDATE event_epc SET confirmed = true, asks = NULL WHERE record_id LIKE '11ab%'"))

    url = backend.bare(MetaData())
    await asyncio.to_thread(upgrade, "traceability", url, "0006")
    await asyncio.to_thread(run, url, told)
    await asyncio.to_thread(upgrade, "traceability", url, "0012")
    await asyncio.to_thread(run, url, counted)
    await asyncio.to_thread(upgrade, "traceability", url)
    async with running(create_app, Settings, backend, url=url) as harness:
        await harness.until(lambda: harness.rows("SELECT count(*) FROM rights_sweep") == [(0,)], "the sweep")
        sql = "SELECT confirmed, asks FROM event_epc WHERE node = $1 AND record_id LIKE '11ab%' ORDER BY record_id"
        assert [(bool(one), asks) for one, asks in harness.rows(sql, B1)] == [(False, PACKER)] * 2
