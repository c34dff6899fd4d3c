"""Parameters and bodies that no client means, on master data, EPCIS and traces: never a 5xx, on either database."""

import json
from typing import Any

from services.traceability.epcis.queries import SUPPORTED
from shared.web import Keyset
from tests.support.app import Harness
from tests.traceability import chain
from tests.traceability.chain import DEPARTMENT, FRUIT, ORCHARD, capture, document, of

HOSTILE = ["%00", "a%00b", "%ED%A0%80", "'%20OR%201=1--", "%F0%9F%8D%8E" * 200, "..%2F..", "%E2%80%AE", "9" * 400]
READS = [
    *("parties/{}", "places/{}", "products/{}", "products?owner={}", "products?cursor={}", "products?limit={}"),
    *("lots/{}", "lots/{}/trace", "lots?gtin={}", "lots?cursor={}", f"lots/{FRUIT}.{{}}", f"lots/{FRUIT}.{{}}/trace"),
]
NUL = "a\x00b"
JSON = {"Content-Type": "application/json"}


async def test_reads(traceability: Harness) -> None:
    for way in READS:
        for text in HOSTILE:
            answer = await traceability.get(f"/v1/traceability/{way.replace('{}', text)}", as_=DEPARTMENT)
            assert answer.status_code < 500, (way, text, answer.text)


async def test_epcis_reads(traceability: Harness) -> None:
    for text in HOSTILE:
        ways = [f"events/{text}", f"capture/{text}", f"capture?nextPageToken={text}", f"capture?perPage={text}"]
        ways += [f"events?{name}={text}" for name in (*SUPPORTED, text)]
        for way in ways:
            answer = await traceability.get(f"/epcis/{way}", as_=DEPARTMENT)
            assert answer.status_code < 500, (way, answer.text)


async def test_bodies(traceability: Harness) -> None:
    await chain.register(traceability)
    party = {"name": NUL, "area_code": "370686", "roles": ["producer"]}
    place = {"name": "x", "uscc": ORCHARD, "area_code": "370686", "kind": "farm", "address": NUL}
    product = {"name": "x", "name_en": NUL, "owner_uscc": ORCHARD, "category": "\ud800"}
    lot = {"produced_on": "2026-09-01", "origin": NUL, "quantity": "1e400"}
    bodies: list[Any] = [party, place, product, lot, [], "text", None, 7, {"items": [party, NUL, None]}]
    for path in (
        f"parties/{ORCHARD}",
        f"places/{chain.gln(1)}",
        f"products/{FRUIT}",
        f"lots/{FRUIT}/L%00",
        f"lots/{FRUIT}/L1",
    ):
        for body in bodies:
            content = json.dumps(body).encode()
            answer = await traceability.put(f"/v1/traceability/{path}", content=content, as_=of(ORCHARD), headers=JSON)
            assert 400 <= answer.status_code < 500, (path, body, answer.text)
    for path in ("products:batch", "lots:batch"):
        for body in bodies:
            answer = await traceability.post(
                f"/v1/traceability/{path}", content=json.dumps(body).encode(), as_=of(ORCHARD), headers=JSON
            )
            assert answer.status_code < 500, (path, body, answer.text)


async def test_headers(traceability: Harness) -> None:
    body = document(chain.harvest("F1"))
    for name in ("GS1-EPCIS-Version", "GS1-EPCIS-Min", "GS1-CBV-Max", "GS1-EPC-Format", "GS1-Capture-Error-Behaviour"):
        for value in ("", "x", "2.0", "9" * 500, "2.0.0.0.0", "²"):
            headers = {name: value.encode("utf-8")}
            answer = await traceability.post("/epcis/capture", json=body, as_=DEPARTMENT, headers=headers)
            assert answer.status_code < 500, (name, value, answer.text)


async def test_odd_events(traceability: Harness) -> None:
    """Valid, and far from anything usual: they are stored, or refused in the job; the worker goes on."""
    deep: Any = "x"
    for _ in range(40):
        deep = {"x:y": deep}
    odd = [
        {"x:deep": deep},
        {"x:long": "苹" * 65_536},
        {"x:many": list(range(5_000))},
        {"x:emoji": "🍎\u202e", "eventID": "https://example.com/" + "%C3%A9" * 150},
        {"quantityList": [{"epcClass": chain.link(FRUIT, "F1"), "quantity": 0.0000001}]},
        {"quantityList": [{"epcClass": chain.link(FRUIT, "F1"), "quantity": 999_999_999_999}]},
        {"epcList": [f"https://id.gs1.org/01/{FRUIT}/21/{n}" for n in range(3_000)]},
        {"readPoint": {"id": "geo:37.3,120.8"}, "bizLocation": {"id": "https://example.com/" + "p" * 900}},
        {"x:" + "k" * 198: None},
    ]
    events = [chain.harvest("F1", day=n) | change for n, change in enumerate(odd)]
    body = document(*events)
    body["@context"].append({"x": "https://x.example/"})
    job = await capture(traceability, body, DEPARTMENT, "proceed")
    assert (job["stored"], job["errors"]) == (len(odd), []), job["errors"]
    longer = chain.harvest("F1") | {"x:long": "苹" * 65_537}
    body["epcisBody"]["eventList"] = [longer]
    job = await capture(traceability, body, DEPARTMENT, "proceed")
    assert [each["code"] for each in job["errors"][0]["errors"]] == ["epcis.text_too_long"]
    for length, code in ((3_900, "epcis.too_long"), (9_000, "epcis.text_too_long")):
        long = chain.harvest("F1") | {"bizLocation": {"id": "https://example.com/" + "p" * length}}
        job = await capture(traceability, document(long), DEPARTMENT, "proceed")
        assert job["errors"][0]["errors"][0]["code"] == code
    assert (await capture(traceability, document(chain.harvest("F2"))))["success"] is True


async def test_a_name_that_is_too_long(traceability: Harness) -> None:
    body = document(chain.harvest("F1") | {"x:" + "k" * 199: None})
    body["@context"].append({"x": "https://x.example/"})
    answer = await traceability.post("/epcis/capture", json=body, as_=DEPARTMENT)
    assert (answer.status_code, answer.json()["limit"]) == (413, 200)


async def test_a_shelf_life_that_ends_beyond_the_calendar(traceability: Harness) -> None:
    await chain.register(traceability)
    answer = await traceability.put(
        f"/v1/traceability/lots/{FRUIT}/L1", json={"produced_on": "9999-12-31"}, as_=of(ORCHARD)
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/produced_on")


async def test_cursors_of_other_lists(traceability: Harness) -> None:
    captures, lots = Keyset("captures"), Keyset("lots")
    wrong = [captures.cursor(*key) for key in (("2026-11-24", "[]"), ("1",), (), ("2026-11-24T04:00:00", "x"))]
    for cursor in (*wrong, lots.cursor("2026-11-24T04:00:00Z", "x")):
        answer = await traceability.get(f"/epcis/capture?nextPageToken={cursor}", as_=DEPARTMENT)
        assert answer.status_code == 400, answer.text
