"""Names and texts with HTML and formulas in them, put in through the API and looked for in every page and file."""

import asyncio
import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from tests.credit import samples as credit
from tests.fuzz.world import Fuzzed
from tests.indicators.test_observations import AGRI, OFFICE
from tests.support.app import Harness
from tests.traceability import food

EVIL = """=1+1"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"""
FORMULA = "@SUM(1+9)*cmd|' /C calc'!A0"
CASE = 21
USCC = credit.code(CASE)
GTIN, LOT = "09521101530032", "EV1"
HERE = re.compile(r"/(?![/\\\\])")
"""An address on this site, as a browser reads it."""


async def put_in(fuzzed: Fuzzed) -> dict[str, str]:
    """Hostile text in every field that takes text; the ids of the recalls."""
    await _credit(fuzzed.behind["credit"])
    figure = AGRI | {"period": "2022", "source": EVIL}
    food.ok(await fuzzed.behind["indicators"].post("/v1/indicators/observations", json=figure, as_=OFFICE), 201)
    figure = AGRI | {"period": "2021", "source": FORMULA}
    food.ok(await fuzzed.behind["indicators"].post("/v1/indicators/observations", json=figure, as_=OFFICE), 201)
    return {"recall_id": await _food(fuzzed.behind["traceability"])}


async def _credit(service: Harness) -> None:
    enterprise = {"name": EVIL, "area_code": "370602"}
    food.ok(await service.put(f"/v1/credit/enterprises/{USCC}", json=enterprise, as_=credit.UNIT))
    words = {name: EVIL for name in ("party_name", "facts", "legal_basis", "violation_type")}
    receipt = await credit.push(service, CASE, document_number=FORMULA, **words)
    body = credit.proposal(CASE, violation_id=receipt["violation_id"], facts=EVIL)
    proposed = food.ok(await service.post("/v1/credit/listings", json=body, as_=credit.OFFICER), 201)["listing_id"]
    await credit.step(service, proposed, "notice", credit.NOTICE | {"document_number": EVIL}, credit.OFFICER)
    await credit.step(service, proposed, "hearing", credit.WAIVER | {"document_number": EVIL}, credit.OFFICER)
    decision = credit.DECISION | {"document_number": FORMULA, "reason": EVIL}
    await credit.step(service, proposed, "decision", decision, credit.REVIEWER)
    await credit.step(service, proposed, "publication", {}, credit.PUBLISHER)


async def _food(service: Harness) -> str:
    party = {"name": EVIL, "area_code": "370686", "roles": ["producer"]}
    food.ok(await service.put(f"/v1/traceability/parties/{food.COOP}", json=party, as_=food.coop))
    place = {"name": EVIL, "uscc": food.COOP, "area_code": "370686", "kind": "orchard", "address": EVIL}
    food.ok(await service.put(f"/v1/traceability/places/{food.ORCHARD}", json=place, as_=food.coop))
    product = {"name": EVIL, "name_en": EVIL, "owner_uscc": food.COOP, "category": EVIL, "shelf_life_days": 180}
    food.ok(await service.put(f"/v1/traceability/products/{GTIN}", json=product, as_=food.coop))
    await food.register_lot(service, f"{GTIN}.{LOT}", origin=EVIL)
    await food.harvest(service, f"{GTIN}.{LOT}")
    item = {name: EVIL for name in ("name", "method", "limit", "value", "unit")} | {"result": "fail"}
    words = {"laboratory": EVIL, "sample_id": EVIL, "items": [item]}
    await food.record(service, lot_id=f"{GTIN}.{LOT}", number=EVIL, result="fail", **words)
    words = {name: EVIL for name in ("reason", "reason_en", "risk", "instructions", "contact")}
    recall = await food.recall(service, f"{GTIN}.{LOT}", **words)
    return str(recall["recall_id"])


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def hurts(self) -> Iterator[str]:
        for tag, attributes in self.elements:
            if tag in {"script", "iframe", "object", "embed", "base"} or attributes.get("src") == "x":
                yield f"<{tag} {attributes}>"
            for name, value in attributes.items():
                if name.startswith("on") or name == "srcdoc":
                    yield f"<{tag} {name}={value!r}>"
                target = (value or "").strip().lower()
                if name in {"href", "action", "formaction", "src"} and target.startswith(("javascript:", "data:")):
                    yield f"<{tag} {name}={value!r}>"


@pytest.fixture(scope="session")
def spoilt(fuzzed: Fuzzed) -> dict[str, str]:
    """The ids, once everything has arrived at the gateway."""
    known = fuzzed.loop.run(put_in(fuzzed))
    recall = known["recall_id"]

    async def arrived() -> None:
        async with asyncio.timeout(30):
            for path in ("/v1/lists/black", f"/v1/recalls/{recall}", f"/v1/enterprises/{USCC}"):
                while "alert(1)" not in (await fuzzed.harness.get(path)).text:
                    await asyncio.sleep(0.1)
            while "alert(1)" not in (await fuzzed.harness.get(f"/v1/scan/01/{GTIN}/10/{LOT}")).text:
                await asyncio.sleep(0.1)

    fuzzed.loop.run(arrived())
    return known


def get(fuzzed: Fuzzed, path: str, **headers: str) -> Any:
    given = {"Accept": "text/html", **headers}
    return fuzzed.loop.run(fuzzed.harness.get(path, headers=given))


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_no_page_runs_what_was_written(fuzzed: Fuzzed, spoilt: dict[str, str]) -> None:
    recall = spoilt["recall_id"]
    shown = {
        "/lists/black", f"/enterprises/{USCC}", f"/enterprises/{food.COOP}", f"/01/{GTIN}/10/{LOT}", "/recalls",
        f"/recalls/{recall}", f"/scan?code={quote(f'/01/{GTIN}/10/{LOT}')}",
        f"/lists/black?q={quote(EVIL)}", f"/scan?code={quote(EVIL)}",
    }  # fmt: skip
    others = {
        "/", "/lists/red", "/state", "/methods", "/accessibility", "/docs", "/scan", "/targets/agri_sampling_pass_rate",
        f"/{quote(EVIL)}", f"/recalls/{quote(EVIL, safe='')}", f"/enterprises/{quote(EVIL, safe='')}",
        f"/targets/{quote(EVIL, safe='')}", f"/?as_of={quote(EVIL)}&area={quote(EVIL)}", f"/recalls?q={quote(EVIL)}",
        f"/01/{quote(EVIL, safe='')}", f"/01/{GTIN}/10/{LOT}?linkType={quote(EVIL)}",
        f"/lists/black?area={quote(EVIL)}&cursor={quote(EVIL)}&as_of={quote(EVIL)}",
    }  # fmt: skip
    found, silent = [], []
    for path in sorted(shown | others):
        for language in ("", "/en"):
            if language and path.startswith(("/docs", "/01")):
                continue
            answer = get(fuzzed, language + path, **({"Accept-Language": "en"} if language else {}))
            while answer.is_redirect:
                target = answer.headers["location"]
                assert HERE.match(target), target
                answer = get(fuzzed, target)
            assert answer.status_code < 500, path
            if not answer.headers["content-type"].startswith("text/html"):
                assert answer.headers["content-type"].startswith("application/"), path
                continue
            page = Page(answer.text)
            found += [f"{language}{path}: {hurt}" for hurt in page.hurts()]
            assert (
                "script-src" in answer.headers["content-security-policy"]
                or "default-src 'none'" in (answer.headers["content-security-policy"])
            )
            if path in shown and "alert(1)" not in page.text + str(page.elements):
                silent.append(language + path)
            assert "{{7*7}}" in answer.text or "{{" not in answer.text
    assert not found, "\n".join(found)
    assert not silent, f"these pages show no hostile text, so they prove nothing: {silent}"


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_no_file_starts_a_formula(fuzzed: Fuzzed, spoilt: dict[str, str]) -> None:
    seen = 0
    for path in ("/v1/credit/lists/black?format=csv", "/targets/agri_sampling_pass_rate/series.csv"):
        answer = get(fuzzed, path, Accept="*/*")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/csv")
        assert "attachment" in answer.headers["content-disposition"]
        rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert len({len(row) for row in rows}) == 1, "a text broke out of its cell"
        for cell in (cell for row in rows for cell in row):
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")), cell
            seen += "alert(1)" in cell or "SUM(1+9)" in cell
    assert seen >= 3


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_the_feed_is_still_a_feed(fuzzed: Fuzzed, spoilt: dict[str, str]) -> None:
    answer = get(fuzzed, "/v1/feed.atom", Accept="*/*")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.text)
    assert not [node for node in feed.iter() if node.tag.rpartition("}")[2] in {"script", "img"}]
    assert "alert(1)" in "".join(feed.itertext())


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_no_address_leads_away(fuzzed: Fuzzed) -> None:
    """Slashes too many, back slashes, line breaks: a Location stays on this site."""
    for path in (
        "//evil.example/", "/%5Cevil.example/", "//evil.example/%2e%2e", "/lists/%0d%0aSet-Cookie:a=b/",
        "/.//evil.example/", "/en//evil.example/", "/%2F/evil.example/", "/lists/?next=//evil.example",
        f"/01/{GTIN}/?linkType=//evil.example",
    ):  # fmt: skip
        answer = get(fuzzed, "http://test" + path)
        assert answer.status_code < 500, path
        where = answer.headers.get("location", "/")
        assert HERE.match(where), (path, where)
