"""Whose an event id is: repeats, equal ids of two firms, declarations in error in every order, races, landed rows."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import Connection, MetaData, text

from shared.db.migrate import upgrade
from tests.contract.test_migrations import run
from tests.support.app import Harness
from tests.support.callers import Caller, department
from tests.support.databases import Backend
from tests.traceability import chain
from tests.traceability.chain import BOX, FRUIT, ORCHARD, PACKER, amount, capture, document, lot, of

ERP = "urn:erp:1"
NEIGHBOURS = department("traceability:epcis:write", "traceability:epcis:read", area="370611", code="fs-scjg")


async def send(harness: Harness, event: dict[str, Any], as_: Caller) -> httpx.Response:
    return await harness.post("/epcis/events", json={"@context": chain.CONTEXT, **event}, as_=as_)


async def read(harness: Harness, event_id: str, as_: Caller) -> list[dict[str, Any]]:
    answer = await harness.get("/epcis/events/" + quote(event_id, safe=""), as_=as_)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found


def declared(event: dict[str, Any], day: float = 10) -> dict[str, Any]:
    return event | {"errorDeclaration": {"declarationTime": chain.at(day), "reason": "incorrect_data"}}


def made(name: str = "B1", day: float = 3, source: str = "F1") -> dict[str, Any]:
    return chain.pack(day, [amount(FRUIT, source, 1)], [amount(BOX, name, 1, None)])


def in_force(harness: Harness) -> int:
    [(count,)] = harness.rows("SELECT count(*) FROM edge WHERE known_to IS NULL")
    return int(count)


async def test_two_firms_use_the_same_id(traceability: Harness) -> None:
    """Nobody locks another's id, whoever comes first, and each reads its own."""
    await chain.register(traceability)
    harvest, packing = chain.harvest("F1") | {"eventID": ERP}, made() | {"eventID": ERP}
    assert (await send(traceability, harvest, of(ORCHARD))).status_code == 201
    assert (await send(traceability, packing, of(PACKER))).status_code == 201
    for firm, kind in ((ORCHARD, "ObjectEvent"), (PACKER, "TransformationEvent")):
        assert [event["type"] for event in await read(traceability, ERP, of(firm))] == [kind]
    both = await read(traceability, ERP, chain.DEPARTMENT)
    assert sorted(event["type"] for event in both) == ["ObjectEvent", "TransformationEvent"]


async def test_the_own_id_decides(traceability: Harness) -> None:
    """Equal content under two ids is two events (two tills, one second); an event without an id is known by content."""
    await chain.register(traceability)
    sold = chain.harvest("F1")
    for name in ("urn:till:1", "urn:till:2"):
        assert (await send(traceability, sold | {"eventID": name}, of(ORCHARD))).status_code == 201
    assert (await send(traceability, sold, of(ORCHARD))).status_code == 201
    again = [await send(traceability, sold | extra, of(ORCHARD)) for extra in ({}, {"eventID": "urn:till:2"})]
    assert [answer.status_code for answer in again] == [409, 409]
    other = await send(traceability, chain.harvest("F1", 999) | {"eventID": "urn:till:2"}, of(ORCHARD))
    assert (other.status_code, "urn:till:2" in other.text) == (409, True)
    assert traceability.rows("SELECT count(*) FROM epcis_event") == [(3,)]


@pytest.mark.parametrize("order", ["event first", "declaration first", "one document"])
@pytest.mark.parametrize("own_id", [{}, {"eventID": ERP}])
async def test_a_declaration_binds_to_its_partys_event(
    traceability: Harness, order: str, own_id: dict[str, str]
) -> None:
    """In every order: the stranger's declaration of the same id and content voids nothing, the firm's own does."""
    await chain.register(traceability)
    event = made() | own_id
    stranger = declared(event)
    if order == "one document":
        await capture(traceability, document(stranger), of(ORCHARD), behaviour="proceed")
        await capture(traceability, document(declared(event), event), of(PACKER))
    else:
        await capture(traceability, document(stranger), of(ORCHARD), behaviour="proceed")
        await capture(traceability, document(event), of(PACKER))
        assert in_force(traceability) == 1
        if order == "declaration first":
            later = made("B2") | ({"eventID": "urn:erp:2"} if own_id else {})
            await capture(traceability, document(declared(later)), of(PACKER))
            await capture(traceability, document(later), of(PACKER))
            assert in_force(traceability) == 1
        await capture(traceability, document(declared(event)), of(PACKER))
    assert in_force(traceability) == 0


async def test_a_voided_event_is_no_duplicate(traceability: Harness) -> None:
    """The one way of EPCIS to take a wrong declaration back: the same event under a new id."""
    await chain.register(traceability)
    event = made() | {"eventID": ERP}
    await capture(traceability, document(event, declared(event)), of(PACKER))
    job = await capture(traceability, document(event), of(PACKER))
    assert [(each["event_id"], each["voided"]) for each in job["duplicates"]] == [(ERP, True)]
    told = await send(traceability, event, of(PACKER))
    assert (told.status_code, "新的 eventID" in told.text) == (409, True)
    assert in_force(traceability) == 0
    assert (await send(traceability, event | {"eventID": "urn:erp:2"}, of(PACKER))).status_code == 201
    assert in_force(traceability) == 1


async def test_a_declaration_repeats_the_event(traceability: Harness) -> None:
    """Other content under the same id declares nothing, in either order."""
    await chain.register(traceability)
    await capture(traceability, document(made() | {"eventID": ERP}), of(PACKER))
    wrong = declared(made("B1", day=4) | {"eventID": ERP})
    assert (await send(traceability, wrong, of(PACKER))).status_code == 409
    assert in_force(traceability) == 1
    await capture(traceability, document(wrong | {"eventID": "urn:erp:2"}), of(PACKER))
    assert (await send(traceability, made() | {"eventID": "urn:erp:2"}, of(PACKER))).status_code == 409


async def test_a_department_corrects_what_it_sees(traceability: Harness) -> None:
    await chain.register(traceability)
    event = made() | {"eventID": ERP}
    await capture(traceability, document(event), of(PACKER))
    unrelated = declared(chain.harvest("F9") | {"eventID": ERP})
    for body, as_ in ((declared(event), NEIGHBOURS), (unrelated, NEIGHBOURS), (unrelated, chain.DEPARTMENT)):
        body = {key: value for key, value in body.items() if key not in ("readPoint", "bizLocation")}
        answer = await send(traceability, body, as_)
        assert answer.status_code in (403, 404), answer.text
        assert in_force(traceability) == 1
    answer = await send(traceability, declared(event), chain.DEPARTMENT)
    assert answer.status_code == 201, answer.text
    assert in_force(traceability) == 0


async def test_a_department_binds_no_later_event_of_others(traceability: Harness) -> None:
    await chain.register(traceability)
    await capture(traceability, document(declared(made())), chain.DEPARTMENT)
    await capture(traceability, document(made()), of(PACKER))
    assert in_force(traceability) == 1


async def test_an_event_and_its_declaration_side_by_side(traceability: Harness) -> None:
    """Whoever commits first: neither overlooks the other."""
    await chain.register(traceability)
    for number in range(12):
        event = made(f"B{number}", day=number)
        both = [send(traceability, body, of(PACKER)) for body in (event, declared(event))]
        answers = await asyncio.gather(*(both if number % 2 else reversed(both)))
        assert [answer.status_code for answer in answers] == [201, 201]
    assert in_force(traceability) == 0


async def test_equal_ids_with_other_content_side_by_side(traceability: Harness) -> None:
    await chain.register(traceability)
    bodies = [made(f"B{number}") | {"eventID": ERP} for number in range(5)]
    answers = await asyncio.gather(*(send(traceability, body, of(PACKER)) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert in_force(traceability) == 1


_EVENT = {
    "declaration": False,
    "event_type": "ObjectEvent",
    "event_time": "2026-11-24T04:00:00.000000Z",
    "record_time": "2026-11-24T04:00:00.000000Z",
    "body": "{}",
}


def test_landed_events_keep_their_ids(backend: Backend) -> None:
    """Rows of the schema before: of an enterprise, of a department with a job, of a department without."""
    url = backend.bare(MetaData())
    upgrade("traceability", url, "0003")

    def insert(connection: Connection) -> None:
        job = {"capture_id": "j-1", "state": "done", "behaviour": "rollback", "owner": "client:yt", "events": 1}
        job |= {"created_at": _EVENT["event_time"], "attempts": 0, "stored": 1, "duplicates": "[]", "errors": "[]"}
        put(connection, "capture", job | {"principal": '{"kind":"department","department":"yt-scjg"}'})
        for number, more in enumerate(({"owner_uscc": ORCHARD}, {"capture_id": "j-1"}, {})):
            ids = {"record_id": f"r-{number}", "event_id": f"e-{number}", "hash_id": f"h-{number}"}
            put(connection, "epcis_event", _EVENT | ids | more)

    def put(connection: Connection, table: str, row: dict[str, Any]) -> None:
        values = ", ".join(f"'{value}'" if isinstance(value, str) else str(value).lower() for value in row.values())
        connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"))

    run(url, insert)
    upgrade("traceability", url, "0005")

    def kept(connection: Connection) -> list[Any]:
        return list(connection.execute(text("SELECT captured_by FROM epcis_event ORDER BY record_id")).scalars())

    assert run(url, kept) == [ORCHARD, "department:yt-scjg", "department"]
    again = _EVENT | {"record_id": "r-9", "event_id": "e-0", "hash_id": "h-0", "captured_by": PACKER}
    run(url, lambda connection: put(connection, "epcis_event", again))
    with pytest.raises(Exception, match=r"(?i)unique"):
        run(url, lambda c: put(c, "epcis_event", again | {"record_id": "r-8", "hash_id": "h-9"}))


async def test_a_lot_of_ids_is_one_question(on_sqlite: Harness) -> None:
    """A document of events with ids of their own is looked up at once, and its lots are what they were."""
    await chain.register(on_sqlite)
    body = document(*(chain.harvest(f"F{n}") | {"eventID": f"urn:erp:{n}"} for n in range(200)))
    assert (await capture(on_sqlite, body, of(ORCHARD)))["stored"] == 200
    again = await capture(on_sqlite, body, of(ORCHARD))
    assert (again["stored"], len(again["duplicates"])) == (0, 200)
    assert on_sqlite.rows("SELECT count(*) FROM lot WHERE lot_id = $1", lot(FRUIT, "F7")) == [(1,)]
