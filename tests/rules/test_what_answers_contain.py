"""Every GET route of every service x every kind of caller x every object that is not public: what answers *contain*.

Objects are planted with marks that stand nowhere else. Every route is asked by every caller, with the planted ids in
its path and query, and a mark in an answer must belong to its caller by the table `SEES`, written by hand. Whoever may
see it must find it in some answer, so a route that shows nothing to anybody proves nothing. Where what is planted has
no public effect at all, the answers of those who may not see it are the same before and after, byte for byte: neither
an id, a name, a number nor a count tells of it.

A new route joins by itself: one whose path names something that `VALUES` does not know fails until it stands there.
"""

import asyncio
import importlib
import itertools
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

import pytest

from deploy.topology import SERVICES
from shared.web.routing import PolicyRoute
from tests.credit import samples as credit_samples
from tests.gateway import samples as gateway_samples
from tests.gateway.conftest import down
from tests.rules.planting import GROUND, PLANTS, QIXIA, WITHOUT_PUBLIC_EFFECT, YANTAI, ZHIFU
from tests.support.app import Harness, running
from tests.support.callers import Caller, department, enterprise, public, staff
from tests.support.databases import Backend
from tests.traceability import food

VARIABLE = {
    *("/metrics", "/readyz", "/healthz", "/v1/state", "/state", "/en/state", "/docs", "/openapi.json"),
    "/v1/gateway/events/lag",
}
"""Answers that tell of the process and its load: never compared before and after; marks are looked for in them, too."""
ELSEWHERE = re.compile(r"^(/v1/(indicators|credit|traceability)(/\{rest:path})?|/epcis(/\{rest:path})?)$")
"""Proxied by the gateway as they are: the owner of the route decides, and is asked here by itself."""
EPCIS = re.compile(r"^(/epcis/|/v1/traceability/lots/\{lot_id:path}/trace$)")
"""Captured events and their graph have a table of their own (tests/traceability/epcis)."""


# --- who sees what, by hand -----------------------------------------------------------------------------------------

CALLERS: dict[str, dict[str, Caller]] = {
    "credit": {
        "public": public(),
        "unit here": department("credit:violations:write", "credit:read", area=ZHIFU),
        "unit above": department("credit:read", area=YANTAI, code="yt-nyj"),
        "unit elsewhere": department("credit:violations:write", "credit:read", area=QIXIA, code="qx-scjg"),
        "another scope here": department("traceability:tests:read", "indicators:observations:write", area=ZHIFU),
        "no scope here": department(area=ZHIFU),
        "the firm": enterprise(credit_samples.code(1)),
        "another firm": enterprise(credit_samples.code(2)),
        "officer here": staff("case_officer", area=ZHIFU),
        "officer elsewhere": staff("case_officer", area=QIXIA, department="qx-scjg"),
        "administrator": staff("administrator", area=YANTAI),
    },
    "traceability": {
        "public": public(),
        "tests here": department("traceability:tests:read", area=QIXIA, code="qx-scjg"),
        "tests above": department("traceability:tests:read", area=YANTAI, code="yt-nyj"),
        "tests elsewhere": department("traceability:tests:read", area=ZHIFU, code="zf-scjg"),
        "alerts here": department("traceability:alerts:read", area=QIXIA, code="qx-scjg"),
        "alerts elsewhere": department("traceability:alerts:read", area=ZHIFU, code="zf-scjg"),
        "lots here": department("traceability:lots:read", area=QIXIA, code="qx-scjg"),
        "lots elsewhere": department("traceability:lots:read", area=ZHIFU, code="zf-scjg"),
        "recalls here": department("traceability:recalls:write", area=QIXIA, code="qx-scjg"),
        "recalls elsewhere": department("traceability:recalls:write", area=ZHIFU, code="zf-scjg"),
        "another scope here": department("credit:read", "indicators:observations:write", area=QIXIA, code="qx-scjg"),
        "the firm": enterprise(food.COOP),
        "a holder": enterprise(food.WHOLESALE),
        "another firm": enterprise(food.SHOP),
        "inspector here": staff("inspector", area=QIXIA, department="qx-scjg"),
        "inspector elsewhere": staff("inspector", area=ZHIFU, department="zf-scjg"),
        "administrator": staff("administrator", area=YANTAI),
    },
    "gateway": {
        "public": public(),
        "credit here": department("credit:read", area=QIXIA, code="qx-scjg"),
        "credit elsewhere": department("credit:read", area=ZHIFU, code="zf-scjg"),
        "tests here": department("traceability:tests:read", area=QIXIA, code="qx-scjg"),
        "tests elsewhere": department("traceability:tests:read", area=ZHIFU, code="zf-scjg"),
        "alerts here": department("traceability:alerts:read", area=YANTAI, code="yt-nyj"),
        "alerts elsewhere": department("traceability:alerts:read", area=ZHIFU, code="zf-scjg"),
        "another scope here": department("indicators:observations:write", "credit:nothing", area=QIXIA),
        "no scope here": department(area=YANTAI),
        "the firm": enterprise(gateway_samples.ORCHARD),
        "another firm": enterprise(gateway_samples.BAKERY),
        "inspector here": staff("inspector", area=QIXIA, department="qx-scjg"),
        "publisher here": staff("publisher", area=QIXIA, department="qx-scjg"),
        "inspector elsewhere": staff("inspector", area=ZHIFU, department="zf-scjg"),
        "administrator here": staff("administrator", area=QIXIA),
    },
    "indicators": {
        "public": public(),
        "another scope": department("credit:read"),
        "a firm": enterprise(food.COOP),
        "officer": staff("case_officer"),
    },
}

SEES: dict[str, dict[str, set[str]]] = {
    "credit": {
        "unpublished violation": {"unit here", "unit above", "officer here", "the firm"},
        "its document": {"unit here", "unit above", "officer here", "the firm"},
        "open procedure": {"unit here", "unit above", "officer here"},
        "case lead": {"unit here", "unit above", "officer here"},
        "file of the unit": {"unit here", "unit above", "officer here"},
    },
    "traceability": {
        "own test": {"tests here", "tests above", "the firm", "inspector here"},
        "supervision test": {"tests here", "tests above", "the firm", "inspector here"},
        "alert": {"alerts here", "inspector here"},
        "lot in the register": {"lots here", "the firm", "inspector here"},
        "what a holder took back": {"recalls here", "the firm", "a holder", "inspector here"},
        "notice to the holder": {"recalls here", "the firm", "a holder", "inspector here"},
        "file of the firm": {
            *("tests here", "tests above", "alerts here", "lots here", "recalls here", "the firm", "inspector here"),
        },
    },
    "gateway": {
        "unpublished violation": {"credit here", "inspector here", "publisher here"},
        "open procedure": {"credit here", "inspector here", "publisher here"},
        "alert": {"alerts here", "inspector here"},
        "own test": {"tests here", "inspector here"},
    },
    "indicators": {},
}


# --- the routes -----------------------------------------------------------------------------------------------------


def urls(app: Any, values: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Route -> what is asked of it: every value in its path, and in each query parameter that has one."""
    found: dict[str, list[str]] = {}
    for route in app.fastapi.routes:
        if not isinstance(route, PolicyRoute) or "GET" not in (route.methods or ()):
            continue
        if ELSEWHERE.match(route.path) or EPCIS.match(route.path):
            continue
        names = re.findall(r"\{(\w+)(?::\w+)?}", route.path)
        unknown = [name for name in names if name not in values]
        assert not unknown, f"{route.path} names {unknown}: give it planted values, so that its answers are looked at"
        asked: list[str] = []
        for chosen in itertools.product(*(values[name] for name in names)):
            path = route.path
            for name, value in zip(names, chosen, strict=True):
                path = re.sub(rf"\{{{name}(?::\w+)?}}", quote(value, safe="/" if value[:1] == "/" else ""), path)
            asked.append(path)
            known = {param.alias for param in route.dependant.query_params} & values.keys()
            asked += [f"{path}?{name}={quote(value, safe='')}" for name in sorted(known) for value in values[name]]
        found[route.path] = asked
    assert found
    return found


@pytest.fixture
async def service(request: pytest.FixtureRequest, sqlite_backend: Backend) -> AsyncIterator[Harness]:
    name = request.param
    app = importlib.import_module(f"services.{name}.app").create_app
    settings = importlib.import_module(f"services.{name}.settings").Settings
    options = down() if name == "gateway" else {}
    async with running(app, settings, sqlite_backend, **options) as harness:
        harness.may_fail = True  # the upstreams of a gateway that runs alone are down
        yield harness


async def answers(
    service: Harness, callers: Mapping[str, Caller], asked: Mapping[str, list[str]]
) -> dict[tuple[str, str, str], str]:
    """`(caller, route, url)` -> status and body."""
    found: dict[tuple[str, str, str], str] = {}
    at_once = asyncio.Semaphore(12)

    async def one(who: str, caller: Caller, route: str, url: str) -> None:
        async with at_once:
            answer = await service.get(url, as_=caller)
        assert answer.status_code < 500 or answer.status_code in (502, 503, 504), (who, url, answer.text)
        text = answer.content.decode("utf-8", "replace")
        text = text.replace(answer.headers.get("x-request-id", "\0"), "")  # another in each answer
        told = (answer.headers.get(name, "") for name in ("link", "location", "content-disposition"))
        found[who, route, url] = " ".join((str(answer.status_code), text, *map(unquote, told)))

    for who, caller in callers.items():
        await asyncio.gather(*(one(who, caller, route, url) for route, each in asked.items() for url in each))
    return found


@pytest.mark.parametrize("service", [service.name for service in SERVICES], indirect=True)
async def test_nobody_is_told_what_it_may_not_see(service: Harness, request: pytest.FixtureRequest) -> None:
    name = service.platform.name
    callers, sees = CALLERS[name], SEES[name]
    ground = await GROUND[name](service)
    before = await answers(service, callers, urls(service.app, ground.values)) if name in WITHOUT_PUBLIC_EFFECT else {}
    planted = await PLANTS[name](service)
    assert planted.marks.keys() == sees.keys(), "every planted object has its row in SEES"
    after = await answers(service, callers, urls(service.app, ground.values | planted.values))

    wrong: list[str] = []
    found: set[tuple[str, str]] = set()
    for (who, route, url), text in after.items():
        for thing, mark in planted.marks.items():
            if mark in text.replace(url, "") and mark not in url:
                found.add((thing, who))
                if who not in sees[thing]:
                    wrong.append(f"{who} is told of the {thing} at {url} ({route})")
            elif mark in url.partition("?")[0] and text.startswith("200") and who not in sees[thing]:
                wrong.append(f"{who} gets the {thing} itself at {url}")
            elif mark in url.partition("?")[0] and text.startswith("200"):
                found.add((thing, who))
    missed = {(thing, who) for thing in sees for who in sees[thing]} - found
    wrong += [f"no answer showed the {thing} to {who}, who may see it" for thing, who in missed]
    for (who, route, url), text in before.items():
        blind = all(who not in sees[thing] for thing in sees)
        if blind and route not in VARIABLE and after.get((who, route, url), text) != text:
            wrong.append(f"{who} sees from {url} that something was planted")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_the_tables_name_each_other() -> None:
    for name in CALLERS:
        for thing, who in SEES[name].items():
            assert who <= CALLERS[name].keys(), (name, thing)
    assert CALLERS.keys() == SEES.keys() == GROUND.keys() == PLANTS.keys() == {one.name for one in SERVICES}
