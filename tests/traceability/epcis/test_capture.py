"""Capture over HTTP: jobs, repeats, rollback and proceed, kills, owners, bad input."""

import asyncio
from typing import Any

import orjson

from services.traceability.app import create_app
from services.traceability.epcis import jobs
from services.traceability.epcis.models import Capture
from services.traceability.settings import Settings
from shared.events.traceability import LotUpdated
from tests.support.app import Harness, running
from tests.support.callers import department, public
from tests.support.databases import Backend
from tests.traceability import chain
from tests.traceability.chain import (
    BOX,
    DEPARTMENT,
    FRUIT,
    MARKET,
    ORCHARD,
    PACKER,
    SHOP,
    amount,
    capture,
    document,
    of,
)


def stored(harness: Harness) -> int:
    [(count,)] = harness.rows("SELECT count(*) FROM epcis_event")
    return int(count)


async def test_a_chain_is_captured_and_its_lots_are_announced(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    assert stored(traceability) == 12
    last = {event.lot_id: event for event in traceability.published(LotUpdated)}
    assert set(last) == {chain.lot(FRUIT, "F1"), chain.lot(FRUIT, "F2"), chain.lot(BOX, "B1"), chain.lot(BOX, "B2")}
    assert "retail_selling" in [step.step for step in last[chain.lot(BOX, "B1")].journey]


async def test_a_lot_that_nobody_registered_is_known_from_its_events(traceability: Harness) -> None:
    await chain.register(traceability)
    ilmd = {"cbvmda:itemExpirationDate": "2026-12-24", "cbvmda:productionDate": "9999-12-31"}
    await capture(traceability, document(chain.harvest("F8"), chain.harvest("F9") | {"ilmd": ilmd}), of(ORCHARD))
    dates = "SELECT produced_on, expires_on, registered_at FROM lot WHERE lot_id = $1"
    [first], [second] = (traceability.rows(dates, chain.lot(FRUIT, number)) for number in ("F8", "F9"))
    assert [str(value) for value in first] == ["2026-11-04", "2027-02-02", "None"]
    assert [str(value) for value in second] == ["9999-12-31", "2026-12-24", "None"]
    endless = chain.harvest("F7") | {"ilmd": {"cbvmda:productionDate": "9999-12-31"}}
    assert (await capture(traceability, document(endless), of(ORCHARD)))["success"] is True


async def test_dates_come_when_the_origin_is_told(traceability: Harness) -> None:
    """The receiver may report before the producer does."""
    await chain.register(traceability)
    await capture(traceability, document(chain.receive(1, 2, 2, amount(FRUIT, "F8", 9))), of(PACKER))
    dates = "SELECT produced_on, expires_on FROM lot WHERE lot_id = $1"
    assert traceability.rows(dates, chain.lot(FRUIT, "F8")) == [(None, None)]
    await capture(traceability, document(chain.harvest("F8")), of(ORCHARD))
    [told] = traceability.rows(dates, chain.lot(FRUIT, "F8"))
    assert [str(value) for value in told] == ["2026-11-04", "2027-02-02"]


async def test_a_place_that_is_registered_later_gets_its_name(traceability: Harness) -> None:
    await chain.register(traceability)
    harvest = chain.harvest("F1")
    harvest["readPoint"] = harvest["bizLocation"] = {"id": f"https://id.gs1.org/414/{chain.gln(9)}"}
    await capture(traceability, document(harvest), of(ORCHARD))
    body = {"name": "西山果园", "uscc": ORCHARD, "area_code": "370686", "kind": "orchard"}
    await chain.put(traceability, f"places/{chain.gln(9)}", body, ORCHARD)
    assert [step.place for step in traceability.published(LotUpdated)[-1].journey] == ["西山果园"]


async def test_one_event_of_a_lot_a_document(traceability: Harness) -> None:
    """However many events of a document touch a lot, it is announced once."""
    await chain.register(traceability)
    events = [chain.harvest("F1")] + [
        chain.event("ObjectEvent", day, 1, "inspecting", action="OBSERVE", quantityList=[amount(FRUIT, "F1", 1000)])
        for day in range(1, 6)
    ]
    before = len(traceability.published(LotUpdated))
    await capture(traceability, document(*events), of(ORCHARD))
    assert [event.lot_id for event in traceability.published(LotUpdated)][before:] == [chain.lot(FRUIT, "F1")]


async def test_a_repeat_is_stored_once_and_told(traceability: Harness) -> None:
    await chain.register(traceability)
    once = await capture(traceability, document(chain.harvest("F1")), of(ORCHARD))
    urn = {"epcClass": f"urn:epc:class:lgtin:{FRUIT[1:8]}.{FRUIT[0]}{FRUIT[8:13]}.F1", "quantity": 1000.0, "uom": "KGM"}
    same = chain.harvest("F1") | {"quantityList": [urn], "recordTime": chain.at(5)}
    again = await capture(traceability, document(same, chain.harvest("F2"), same), of(ORCHARD))
    assert (once["success"], once["stored"], once["duplicates"]) == (True, 1, [])
    assert (again["success"], again["stored"]) == (True, 1)
    assert [each["pointer"] for each in again["duplicates"]] == ["/epcisBody/eventList/0", "/epcisBody/eventList/2"]
    assert stored(traceability) == 2


async def test_one_event_at_once(traceability: Harness) -> None:
    await chain.register(traceability)
    body = {"@context": chain.CONTEXT, **chain.harvest("F1")}
    first = await traceability.post("/epcis/events", json=body, as_=of(ORCHARD))
    assert first.status_code == 201, first.text
    assert first.json()["eventID"].startswith("ni:///sha-256;")
    found = await traceability.get(first.headers["location"], as_=of(ORCHARD))
    assert found.status_code == 200
    second = await traceability.post("/epcis/events", json=body, as_=of(ORCHARD))
    assert second.status_code == 409
    assert second.json()["type"] == "epcisException:ResourceAlreadyExistsException"
    assert second.headers["location"] == first.headers["location"]


async def test_an_event_id_names_one_event(traceability: Harness) -> None:
    await chain.register(traceability)
    name = {"eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8"}
    await capture(traceability, document(chain.harvest("F1") | name), of(ORCHARD))
    job = await capture(traceability, document(chain.harvest("F1", 999) | name), of(ORCHARD))
    assert job["success"] is False
    assert job["errors"][0]["type"] == "epcisException:ResourceAlreadyExistsException"


async def test_rollback_stores_nothing_proceed_stores_what_is_good(traceability: Harness) -> None:
    await chain.register(traceability)
    bad = chain.harvest("F2") | {"action": "CREATE"}
    foreign = chain.event("ObjectEvent", 1, 3, "inspecting", action="OBSERVE", quantityList=[amount(FRUIT, "F1", 1)])
    body = document(chain.harvest("F1"), bad, foreign)
    job = await capture(traceability, body, of(ORCHARD))
    assert (job["success"], job["stored"], stored(traceability)) == (False, 0, 0)
    assert job["errors"][0]["errors"][0]["pointer"] == "/epcisBody/eventList/1/action"
    job = await capture(traceability, body, of(ORCHARD), behaviour="proceed")
    assert (job["success"], job["stored"], stored(traceability)) == (False, 1, 1)
    assert [error["event"] for error in job["errors"]] == ["/epcisBody/eventList/1", "/epcisBody/eventList/2"]
    assert [error["type"].partition(":")[2] for error in job["errors"]] == ["ValidationException", "SecurityException"]


async def test_a_job_survives_a_kill(backend: Backend) -> None:
    """The job and its document are stored before the 202: what a dead process left is done by the next one."""
    async with running(create_app, Settings, backend) as first:
        await chain.register(first)
        url = first.platform.db.url.render_as_string(hide_password=False)
        answer = await first.post("/epcis/capture", json=document(chain.harvest("F1")), as_=of(ORCHARD))
        await chain.job(first, answer.headers["location"], of(ORCHARD))
        left = await _left_by_a_kill(first, answer.headers["location"], document(chain.harvest("F2")))
        assert (await first.get(left, as_=of(ORCHARD))).json()["running"], "it is in another's hand"
    async with running(create_app, Settings, backend, url=url, worker_id="1") as second:
        job = await chain.job(second, left, of(ORCHARD))
        assert (job["success"], job["stored"]) == (True, 1)
        assert stored(second) == 2


async def _left_by_a_kill(harness: Harness, location: str, body: dict[str, Any], worker: str | None = "1") -> str:
    """A second job as a kill in the middle of its work leaves it, of a process under another id; without one, as a kill
    just after its 202 does."""
    async with harness.platform.system_unit_of_work() as uow:
        done = await uow.session.get(Capture, location.rpartition("/")[2])
        assert done is not None
        waiting = done.model_dump() | {"capture_id": uow.id(), "state": "waiting", "success": None, "finished_at": None}
        waiting |= {"document": orjson.dumps(body), "worker": worker, "begun": 1 if worker else 0, "begun_at": uow.now}
        uow.session.add(Capture(**waiting))
    return f"/epcis/capture/{waiting['capture_id']}"


async def test_the_same_event_at_the_same_time(traceability: Harness) -> None:
    await chain.register(traceability)
    body = {"@context": chain.CONTEXT, **chain.harvest("F1")}
    answers = await asyncio.gather(*(traceability.post("/epcis/events", json=body, as_=of(ORCHARD)) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert stored(traceability) == 1


async def test_two_processes_capture_the_same_documents(backend: Backend) -> None:
    """Each job is done once, whoever does it, and equal events of several jobs are stored once."""
    async with running(create_app, Settings, backend) as first:
        await chain.register(first)
        url = first.platform.db.url.render_as_string(hide_password=False)
        async with running(create_app, Settings, backend, url=url, worker_id="1") as second:
            bodies = [document(*(chain.harvest(f"F{n}") for n in range(k, k + 4))) for k in range(4)]
            posts = [
                app.post("/epcis/capture", json=body, as_=of(ORCHARD)) for body in bodies for app in (first, second)
            ]
            locations = [answer.headers["location"] for answer in await asyncio.gather(*posts)]
            done = [await chain.job(first, location, of(ORCHARD)) for location in locations]
            assert [job["success"] for job in done] == [True] * 8
            assert sum(job["stored"] for job in done) == stored(first) == 7
            assert sum(job["stored"] + len(job["duplicates"]) for job in done) == 32


async def test_a_job_that_always_fails_ends_and_blocks_no_other(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    location = await _left_by_a_kill(
        on_sqlite,
        (await on_sqlite.post("/epcis/capture", json=document(chain.harvest("F1")), as_=of(ORCHARD))).headers[
            "location"
        ],
        {"type": "EPCISDocument", "epcisBody": {}},
        worker=None,
    )
    for _ in range(jobs.MAX_ATTEMPTS):
        await jobs.process_waiting(on_sqlite.platform)
    job = await chain.job(on_sqlite, location, of(ORCHARD))
    assert (job["success"], job["errors"][0]["type"]) == (False, "epcisException:ImplementationException")
    assert await jobs.process_waiting(on_sqlite.platform) is False


PALLET = {"action": "OBSERVE", "epcList": [chain.sscc(9)]}


FOREIGN = [
    (MARKET, chain.harvest("F1"), "epcis.owner.place"),
    (SHOP, chain.event("ObjectEvent", 1, 1, "storing", **PALLET), "epcis.owner.place"),
    (SHOP, chain.event("ObjectEvent", 1, None, "storing", **PALLET), "epcis.owner.unknown"),
    (
        ORCHARD,
        chain.pack(1, [amount(FRUIT, "F1", 1)], [amount(BOX, "B9", 1, None)]),
        "epcis.owner.place",
    ),
]


async def test_events_of_others_are_refused(traceability: Harness) -> None:
    await chain.register(traceability)
    for caller, body, code in FOREIGN:
        answer = await traceability.post("/epcis/events", json={"@context": chain.CONTEXT, **body}, as_=of(caller))
        assert answer.status_code == 403, (code, answer.text)
        assert answer.json()["type"] == "epcisException:SecurityException"
        assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert stored(traceability) == 0


async def test_a_receiver_may_report_at_the_senders_place(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    await capture(on_sqlite, document(chain.harvest("F1")), of(ORCHARD))
    fetched = chain.ship(1, 2, 1, amount(FRUIT, "F1", 100))
    assert (await capture(on_sqlite, document(fetched), of(PACKER)))["success"] is True


async def test_a_department_captures_inside_its_area(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    body = document(chain.harvest("F1"))
    outside = department("traceability:epcis:write", area="370611", code="fs-scjg")
    job = await capture(on_sqlite, body, outside)
    assert [error["errors"][0]["code"] for error in job["errors"]] == ["area"]
    assert (await capture(on_sqlite, body, DEPARTMENT))["stored"] == 1


async def test_an_error_declaration_takes_the_event_out_of_the_graph(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    declared = chain.PACKING | {"errorDeclaration": {"declarationTime": chain.at(10), "reason": "incorrect_data"}}
    refused = await capture(traceability, document(declared), of(ORCHARD))
    assert refused["errors"][0]["errors"][0]["code"] == "epcis.owner.place"
    done = await capture(traceability, document(declared), of(PACKER))
    assert (done["success"], done["stored"]) == (True, 1)
    box = chain.lot(BOX, "B1")
    trace = (await traceability.get(f"/v1/traceability/lots/{box}/trace?direction=backward", as_=of(PACKER))).json()
    assert [node["node"] for node in trace["nodes"]] == [box]
    assert (await capture(traceability, document(declared), of(PACKER)))["duplicates"] != []


async def test_a_declaration_that_comes_first(traceability: Harness) -> None:
    """The declared event takes no part even when it arrives after its declaration."""
    await chain.register(traceability)
    made = chain.pack(1, [amount(FRUIT, "F1", 1)], [amount(BOX, "B1", 1, None)])
    declared = made | {"errorDeclaration": {"declarationTime": chain.at(2)}}
    await capture(traceability, document(declared), of(PACKER))
    job = await capture(traceability, document(made), of(PACKER))
    assert (job["success"], job["stored"]) == (True, 1)
    assert traceability.rows("SELECT count(*) FROM edge WHERE known_to IS NULL") == [(0,)]


BAD = [
    (b"{", "application/json", 400, "ValidationException"),
    (b"[" * 100 + b"]" * 100, "application/json", 400, "ValidationException"),
    (b'{"type": "EPCISQueryDocument"}', "application/json", 400, "ValidationException"),
    (b"null", "application/ld+json", 400, "ValidationException"),
    (b'{"type": "EPCISDocument", "x": "\\u0000"}', "application/json", 400, "ValidationException"),
    (b"<xml/>", "application/xml", 415, "UnsupportedMediaTypeException"),
    (b"\xff\xfe", "application/json", 400, "ValidationException"),
]


async def test_bad_bodies(on_sqlite: Harness) -> None:
    for path in ("/epcis/capture", "/epcis/events"):
        for content, media, status, kind in BAD:
            answer = await on_sqlite.post(path, content=content, as_=DEPARTMENT, headers={"Content-Type": media})
            assert (answer.status_code, answer.json()["type"]) == (status, f"epcisException:{kind}"), (path, content)


async def test_limits_and_versions(sqlite_backend: Backend) -> None:
    async with running(create_app, Settings, sqlite_backend, capture_max_events=2) as harness:
        body = document(*(chain.harvest(f"F{n}") for n in range(3)))
        answer = await harness.post("/epcis/capture", json=body, as_=DEPARTMENT)
        assert (answer.status_code, answer.headers["GS1-EPCIS-Capture-Limit"]) == (413, "2")
        for header, value in (("GS1-EPCIS-Version", "1.2"), ("GS1-EPCIS-Min", "2.1.0"), ("GS1-CBV-Max", "1.2.2")):
            answer = await harness.post("/epcis/capture", json=body, as_=DEPARTMENT, headers={header: value})
            assert answer.status_code == 406
        answer = await harness.get("/epcis/events", as_=DEPARTMENT, headers={"GS1-EPC-Format": "Always_EPC_URN"})
        assert answer.status_code == 406
        behaviour = {"GS1-Capture-Error-Behaviour": "all"}
        assert (await harness.post("/epcis/capture", json=body, as_=DEPARTMENT, headers=behaviour)).status_code == 400
        told = await harness.request("OPTIONS", "/epcis/capture")
        assert told.status_code == 204
        assert told.headers["GS1-EPCIS-Capture-Limit"] == "2"
        assert told.headers["GS1-EPCIS-Version"] == "2.0.0"


async def test_jobs_are_their_owners(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    locations = []
    for n in range(3):
        answer = await on_sqlite.post("/epcis/capture", json=document(chain.harvest(f"F{n}")), as_=of(ORCHARD))
        locations.append(answer.headers["location"])
        await chain.job(on_sqlite, locations[-1], of(ORCHARD))
        on_sqlite.clock.advance(seconds=1)
    assert (await on_sqlite.get(locations[0], as_=of(PACKER))).status_code == 404
    assert (await on_sqlite.get("/epcis/capture", as_=public())).status_code == 401
    page = await on_sqlite.get("/epcis/capture?perPage=2", as_=of(ORCHARD))
    assert [job["captureID"] for job in page.json()] == [each.rpartition("/")[2] for each in locations[:0:-1]]
    following = page.headers["link"].partition("<")[2].partition(">")[0]
    rest = await on_sqlite.get(following, as_=of(ORCHARD))
    assert [job["captureID"] for job in rest.json()] == [locations[0].rpartition("/")[2]]
    assert "link" not in rest.headers
    assert (await on_sqlite.get("/epcis/capture?perPage=0", as_=of(ORCHARD))).status_code == 400
