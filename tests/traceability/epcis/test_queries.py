"""SimpleEventQuery: every supported parameter, paging, who sees what, errors."""

from typing import Any

from shared.web import Keyset
from tests.support.app import Harness
from tests.support.callers import department, enterprise, public, staff
from tests.traceability import chain
from tests.traceability.chain import BOX, DEPARTMENT, FRUIT, MARKET, ORCHARD, PACKER, SHOP, capture, document, of


async def ask(harness: Harness, as_: Any = DEPARTMENT, **parameters: Any) -> list[dict[str, Any]]:
    answer = await harness.get("/epcis/events", params=parameters, as_=as_)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found


async def steps(harness: Harness, **parameters: Any) -> list[str]:
    return [event["bizStep"] for event in await ask(harness, **parameters)]


URN_OF_FRUIT = f"urn:epc:class:lgtin:{FRUIT[1:8]}.{FRUIT[0]}{FRUIT[8:13]}"


async def test_parameters(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    one = traceability
    assert len(await ask(one)) == 12
    assert await steps(one, eventType="TransformationEvent|AggregationEvent", orderBy="eventTime") == [
        "unpacking",
        "packing",
        "commissioning",
    ]
    assert await steps(one, EQ_bizStep="https://ref.gs1.org/cbv/BizStep-retail_selling") == ["retail_selling"]
    assert await steps(one, EQ_action="DELETE") == ["unpacking"]
    assert await steps(one, EQ_bizStep="shipping", EQ_bizLocation=f"https://id.gs1.org/414/{chain.gln(3)}") == [
        "shipping"
    ]
    place = f"urn:epc:id:sgln:{chain.gln(4)[:7]}.{chain.gln(4)[7:12]}.0"
    assert await steps(one, EQ_readPoint=place, orderBy="eventTime", orderDirection="ASC") == [
        "receiving",
        "retail_selling",
    ]
    assert await steps(one, GE_eventTime=chain.at(8), LT_eventTime=chain.at(9)) == ["receiving"]
    assert await steps(one, MATCH_anyEPC=chain.sscc(1), EQ_action="ADD") == ["packing"]
    assert await steps(one, MATCH_parentID=chain.sscc(1), orderBy="eventTime") == ["unpacking", "packing"]
    assert await steps(one, MATCH_epc=chain.sscc(1), orderBy="eventTime") == ["receiving", "shipping"]
    assert await steps(one, MATCH_inputEPCClass=f"{URN_OF_FRUIT}.F2") == ["commissioning"]
    assert await steps(one, MATCH_outputEPCClass=chain.link(BOX, "B2")) == ["commissioning"]
    assert len(await steps(one, MATCH_anyEPCClass=f"{URN_OF_FRUIT}.F1|{chain.link(BOX, 'B1')}")) == 8
    assert await steps(one, MATCH_epcClass=chain.link(FRUIT, "F2"), EQ_action="ADD") == ["commissioning"]
    pattern = URN_OF_FRUIT.replace("class:lgtin", "idpat:sgtin") + ".*"
    assert len(await steps(one, MATCH_epcClass=pattern)) == 4
    [sold] = await ask(one, EQ_bizStep="retail_selling")
    assert [event["eventID"] for event in await ask(one, EQ_eventID=sold["eventID"])] == [sold["eventID"]]
    assert len(await ask(one, GE_recordTime=chain.at(0), LT_recordTime="2030-01-01T00:00:00Z")) == 12
    assert await ask(one, LT_recordTime=chain.at(0)) == []
    assert len(await ask(one, orderBy="eventTime", eventCountLimit=5, perPage=3)) == 3


async def test_items_and_dispositions(traceability: Harness) -> None:
    await chain.register(traceability)
    whole, half = (f"https://id.gs1.org/01/{FRUIT}/21/{serial}" for serial in ("W", "H"))
    cut = chain.event(
        "TransformationEvent",
        1,
        1,
        "repackaging",
        inputEPCList=[whole],
        outputEPCList=[half],
        disposition="in_progress",
    )
    await capture(traceability, document(chain.harvest("F1"), cut), of(ORCHARD))
    assert await steps(traceability, MATCH_inputEPC=whole) == ["repackaging"]
    assert await steps(traceability, MATCH_outputEPC=half) == ["repackaging"]
    assert await steps(traceability, MATCH_outputEPC=whole) == []
    assert await steps(traceability, EQ_disposition="in_progress|in_transit") == ["repackaging"]
    pattern = URN_OF_FRUIT.replace("class:lgtin", "idpat:sgtin") + ".*"
    assert await steps(traceability, MATCH_anyEPC=pattern) == ["repackaging"]


async def test_pages_are_stable_while_events_arrive(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    seen: list[str] = []
    address: str | None = "/epcis/events?perPage=5&orderBy=eventTime&orderDirection=ASC"
    while address:
        answer = await traceability.get(address, as_=DEPARTMENT)
        seen += [event["eventID"] for event in answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
        address = answer.headers.get("link", "").partition("<")[2].partition(">")[0] or None
        traceability.clock.advance(seconds=1)
        await capture(traceability, document(chain.harvest(f"N{len(seen)}", day=20)), of(ORCHARD))
    assert len(seen) == len(set(seen)) == 12


async def test_a_limit_holds_over_all_pages(on_sqlite: Harness) -> None:
    await chain.whole_chain(on_sqlite)
    counts: list[int] = []
    address: str | None = "/epcis/events?perPage=3&orderBy=recordTime&eventCountLimit=7"
    while address:
        answer = await on_sqlite.get(address, as_=DEPARTMENT)
        counts.append(len(answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]))
        address = answer.headers.get("link", "").partition("<")[2].partition(">")[0] or None
    assert counts == [3, 3, 1]


async def test_too_many(on_sqlite: Harness) -> None:
    await chain.whole_chain(on_sqlite)
    answer = await on_sqlite.get("/epcis/events?maxEventCount=11", as_=DEPARTMENT)
    assert (answer.status_code, answer.json()["type"]) == (413, "epcisException:QueryTooLargeException")
    assert (await on_sqlite.get("/epcis/events?maxEventCount=12", as_=DEPARTMENT)).status_code == 200


async def test_who_sees_what(traceability: Harness) -> None:
    await chain.whole_chain(traceability)
    counts = {
        ORCHARD: 4,  # its own three, and what the packer received from it
        PACKER: 7,  # its own four, what was sent to it, what the market received from it
        MARKET: 6,
        SHOP: 3,
    }
    counts[MARKET] = 5  # its own three, what was sent to it, what the shop received from it
    assert {owner: len(await ask(traceability, as_=of(owner), perPage=50)) for owner in counts} == counts | {PACKER: 6}
    assert len(await ask(traceability, as_=staff("inspector"))) == 12
    assert await ask(traceability, as_=department("traceability:epcis:read", area="370602")) == []
    assert (await traceability.get("/epcis/events", as_=public())).status_code == 401
    assert (await traceability.get("/epcis/events", as_=department("other:scope"))).status_code == 403
    [sold] = await ask(traceability, EQ_bizStep="retail_selling")
    path = "/epcis/events/" + sold["eventID"].replace("/", "%2F").replace("?", "%3F")
    assert (await traceability.get(path, as_=of(SHOP))).status_code == 200
    stranger = await traceability.get(path, as_=of(ORCHARD))
    assert (stranger.status_code, stranger.json()["type"]) == (404, "epcisException:NoSuchResourceException")
    assert (await traceability.get(path, as_=enterprise(chain.firm("MA3C0A19")))).status_code == 404


async def test_an_event_and_its_declaration(on_sqlite: Harness) -> None:
    await chain.register(on_sqlite)
    harvest = chain.harvest("F1") | {"example:field": "x"}
    declared = harvest | {"errorDeclaration": {"declarationTime": chain.at(1), "reason": "incorrect_data"}}
    body = document(harvest, declared)
    body["@context"].append({"example": "https://ns.example.com/"})
    assert (await capture(on_sqlite, body, of(ORCHARD)))["stored"] == 2
    [first, _] = await ask(on_sqlite)
    assert first["@context"] == [{"example": "https://ns.example.com/"}]
    path = "/epcis/events/" + first["eventID"].replace("/", "%2F").replace("?", "%3F")
    answer = await on_sqlite.get(path, as_=of(ORCHARD))
    found = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert ["errorDeclaration" in event for event in found] == [False, True]


PAGES = Keyset("events")
WRONG = [
    ("EQ_colour=red", ["?EQ_colour"]),
    ("WD_bizLocation=urn:epc:id:sgln:0614141.00777.0", ["?WD_bizLocation"]),
    ("EQ_action=CREATE&GE_eventTime=yesterday", ["?EQ_action", "?GE_eventTime"]),
    ("GE_eventTime=2026-01-01T00:00:00", ["?GE_eventTime"]),
    ("GE_eventTime=2026-01-01T00:00:00Z&GE_eventTime=2026-01-02T00:00:00Z", ["?GE_eventTime"]),
    ("perPage=0", ["?perPage"]),
    ("perPage=9999", ["?perPage"]),
    ("perPage=1e3", ["?perPage"]),
    ("nextPageToken=abc", ["?nextPageToken"]),
    ("nextPageToken=WzFd", ["?nextPageToken"]),
    (f"nextPageToken={PAGES.cursor('0001-01-01T00:00:00+14:00', chain.at(1), 'r', '')}", ["?nextPageToken"]),
    (f"nextPageToken={PAGES.cursor(chain.at(1), chain.at(1), 'r', -1)}", ["?nextPageToken"]),
    ("GE_eventTime=0001-01-01T00:00:00%2B14:00", ["?GE_eventTime"]),
    ("orderBy=price", ["?orderBy"]),
    ("orderBy=eventTime&eventCountLimit=1&maxEventCount=1", ["?maxEventCount"]),
    ("eventCountLimit=1", ["?eventCountLimit"]),
    ("MATCH_epc=", ["?MATCH_epc"]),
    ("MATCH_epc=urn:epc:id:sgtin:1.2", ["?MATCH_epc"]),
    ("MATCH_anyEPCClass=https://id.gs1.org/01/06900000000015/10/A", ["?MATCH_anyEPCClass"]),
]


async def test_wrong_parameters_are_named(on_sqlite: Harness) -> None:
    for query, places in WRONG:
        answer = await on_sqlite.get(f"/epcis/events?{query}", as_=DEPARTMENT)
        assert (answer.status_code, answer.json()["type"]) == (400, "epcisException:QueryParameterException"), query
        assert sorted(error["pointer"] for error in answer.json()["errors"]) == sorted(places), query
