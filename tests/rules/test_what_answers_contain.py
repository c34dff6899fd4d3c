"""Every GET route of every service x every kind of caller x every object that is not public: what answers *contain*.

Objects are planted with marks that stand nowhere else. Every route is asked by every caller, with the planted ids in
its path and query, and a mark in an answer must belong to its caller by the table `SEES`, written by hand. Whoever may
see it must find it in some answer, so a route that shows nothing to anybody proves nothing. Where what is planted has
no public effect at all, the answers of those who may not see it are the same before and after, byte for byte: neither
an id, a name, a number nor a count tells of it.

A new route joins by itself: one whose path names something that `VALUES` does not know fails until it stands there.
"""

import importlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import pytest

from deploy.topology import SERVICES
from shared.events import traceability as food_events
from shared.web.routing import PolicyRoute
from tests.credit import samples as credit_samples
from tests.gateway import samples as gateway_samples
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.callers import Caller, department, enterprise, public, staff
from tests.support.databases import Backend
from tests.traceability import food

QIXIA, ZHIFU, YANTAI = "370686", "370602", "370600"
VARIABLE = {"/metrics", "/readyz", "/healthz", "/v1/state", "/state", "/en/state", "/docs", "/openapi.json"}
"""Answers that tell of the process and its load: never compared before and after; marks are looked for in them, too."""
ELSEWHERE = re.compile(r"^(/v1/(indicators|credit|traceability)(/\{rest:path})?|/epcis(/\{rest:path})?)$")
"""Proxied by the gateway as they are: the owner of the route decides, and is asked here by itself."""
EPCIS = re.compile(r"^(/epcis/|/v1/traceability/lots/\{lot_id:path}/trace$)")
"""Captured events and their graph have a table of their own (tests/traceability/epcis)."""


@dataclass
class Planted:
    """What stands in a service: values for names in paths and queries, and the marks of what is not public."""

    values: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """Object (a name of `SEES`) -> text that stands in every answer that shows it, and in no other."""


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


# --- planting -------------------------------------------------------------------------------------------------------

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


async def file_of(service: Harness, path: str, caller: Caller, name: str) -> str:
    answer = await service.post(f"{path}/attachments?name={quote(name)}", content=PDF + name.encode(), as_=caller)
    return str(food.ok(answer, 201)["sha256"])


async def plant_credit_ground(service: Harness) -> Planted:
    """The firms, as the register has them: public."""
    for number, area in ((1, ZHIFU), (2, ZHIFU)):
        body = {"name": f"烟台样例食品{number}号有限公司", "area_code": area, "industry_code": None}
        path = f"/v1/credit/enterprises/{credit_samples.code(number)}"
        food.ok(await service.put(path, json=body, as_=credit_samples.UNIT))
    return Planted(
        {
            "uscc": [credit_samples.code(1), credit_samples.code(2)],
            "colour": ["black", "red"],
            "q": [credit_samples.code(1), "样例食品"],
            "state": ["open", "closed"],
            "area": [ZHIFU],
            "violation_id": ["none"],
            "listing_id": ["none"],
            "receipt_id": ["none"],
            "letter_id": ["none"],
            "sha256": ["0" * 64],
        }
    )


async def plant_credit(service: Harness) -> Planted:
    listing = await credit_samples.propose(service)
    [(violation,)] = service.rows("SELECT violation_id FROM violation WHERE known_to IS NULL")
    lead = food_events.TestRecorded(
        **gateway_samples.sampled("t-9", result="fail", producer_uscc=credit_samples.code(1)).model_dump()
        | {"sample_id": "S-LEAD-1", "area_code": ZHIFU}
    )
    await service.deliver(lead)
    name = "内部决定书-7731.pdf"
    sha256 = await file_of(service, "/v1/credit", department("attachments:write", area=ZHIFU), name)
    return Planted(
        {
            "violation_id": [violation],
            "listing_id": [listing],
            "receipt_id": [f"{violation}.1"],
            "external_id": ["CASE-1"],
            "sha256": [sha256],
        },
        {
            "unpublished violation": str(violation),
            "its document": "烟市监罚〔2026〕1号",
            "open procedure": listing,
            "case lead": "S-LEAD-1",
            "file of the unit": name,
        },
    )


async def plant_food(service: Harness) -> Planted:
    await food.register(service)
    await food.three_levels(service)
    await food.register_lot(service, f"{food.PACKED}.SECRET9")
    name = "委托检验报告-4417.pdf"
    sha256 = await file_of(service, "/v1/traceability", food.coop, name)
    own = await food.record(
        service, food.coop, kind="self", number="OWN-1", sample_id="S-OWN-7", lot_id=food.GIFT_LOT, attachment=sha256
    )
    failed = await food.record(service, number="SUP-1", sample_id="S-SUP-8", lot_id=food.GIFT_LOT, result="fail")
    recall = await food.recall(service, food.RAW_LOT)
    body = {"holder": food.WHOLESALE, "lot_id": food.PACKED_LOT, "uom": "KGM", "recovered": "77.125"}
    path = f"/v1/traceability/recalls/{recall['recall_id']}/quantities"
    food.ok(await service.post(path, json=body, as_=food.wholesale), 201)
    lots = [food.RAW_LOT, food.PACKED_LOT, f"{food.PACKED}.SECRET9"]
    return Planted(
        {
            "uscc": [food.COOP, food.WHOLESALE],
            "gln": [food.PACKHOUSE, food.MARKET],
            "gtin": [food.PACKED, food.GIFT],
            "lot": ["QX1"],
            "lot_id": lots,
            "code": [f"https://example.org/01/{food.PACKED}/10/QX1", f"https://example.org/01/{food.GIFT}/10/LH1"],
            "owner": [food.COOP],
            "test_id": [own["test_id"], failed["test_id"]],
            "alert_id": failed["alerts"],
            "recall_id": [recall["recall_id"]],
            "subject": [food.GIFT_LOT, food.COOP],
            "state": ["open", "closed"],
            "result": ["pass", "fail"],
            "overdue": ["true"],
            "letter_id": ["none"],
            "sha256": [sha256],
        },
        {
            "own test": "S-OWN-7",
            "supervision test": "S-SUP-8",
            "alert": failed["alerts"][0],
            "lot in the register": "SECRET9",
            "what a holder took back": "77.125",
            "notice to the holder": f'"holder":"{food.WHOLESALE}"',
            "file of the firm": name,
        },
    )


async def plant_gateway_ground(service: Harness) -> Planted:
    s = gateway_samples
    await service.deliver(s.enterprise(), s.party(), s.product(), s.lot(), s.recall_opened(), s.target(), s.light())
    return Planted(
        {
            "uscc": [s.ORCHARD, s.BAKERY],
            "colour": ["black", "red"],
            "code": [s.CODE.removeprefix("/01/"), s.CODE],
            "recall_id": ["r-1"],
            "target_id": ["agri_sampling_pass_rate"],
            "q": [s.ORCHARD, "苹果"],
            "area": [QIXIA, YANTAI],
            "state": ["open", "all"],
            "light": ["off_track"],
            "letter_id": ["none"],
            "name": ["style.css"],
            "path": ["nothing-here"],
        }
    )


async def plant_gateway(service: Harness) -> Planted:
    s = gateway_samples
    await service.deliver(
        s.recorded(violation_id="v-secret-1"),
        s.proposed(listing_id="l-secret-2"),
        s.alert("a-secret-3", area_code=QIXIA),
        s.sampled("t-secret-4", kind="self", result="fail"),
    )
    return Planted(
        {},
        {
            "unpublished violation": "v-secret-1",
            "open procedure": "l-secret-2",
            "alert": "a-secret-3",
            "own test": "t-secret-4",
        },
    )


async def nothing(_service: Harness) -> Planted:
    return Planted()


async def plant_indicators(_service: Harness) -> Planted:
    return Planted(
        {"target_id": ["agri_sampling_pass_rate"], "observation_id": ["none"], "letter_id": ["none"], "area": [YANTAI]}
    )


Plant = Callable[[Harness], Awaitable[Planted]]
GROUND: Mapping[str, Plant] = {
    "credit": plant_credit_ground,
    "gateway": plant_gateway_ground,
    "traceability": nothing,
    "indicators": plant_indicators,
}
PLANTS: Mapping[str, Plant] = {
    "credit": plant_credit,
    "gateway": plant_gateway,
    "traceability": plant_food,
    "indicators": nothing,
}
WITHOUT_PUBLIC_EFFECT = {"credit", "gateway"}
"""Here what is planted changes nothing for those who may not see it: their answers are compared before and after."""


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
    for who, caller in callers.items():
        for route, each in asked.items():
            for url in each:
                answer = await service.get(url, as_=caller)
                assert answer.status_code < 500 or answer.status_code in (502, 503, 504), (who, url, answer.text)
                text = answer.content.decode("utf-8", "replace")
                text = text.replace(answer.headers.get("x-request-id", "\0"), "")  # another in each answer
                told = (answer.headers.get(name, "") for name in ("link", "location", "content-disposition"))
                found[who, route, url] = " ".join((str(answer.status_code), text, *map(unquote, told)))
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
