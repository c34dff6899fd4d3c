"""A good request for every operation of every service: what the hostile suite attacks, and sends unharmed afterwards.

What changes a record has one of its own, prepared for it. An operation that is not found here fails the suite.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from services.gateway.issuer import service as issuer
from services.gateway.issuer.schemas import NewClient
from services.traceability.epcis.models import Capture
from shared.db import tables
from tests.credit import samples as credit
from tests.fuzz.world import Fuzzed
from tests.indicators.test_observations import AGRI, OFFICE
from tests.support.app import Harness
from tests.support.callers import Caller
from tests.traceability import chain, food

_HEADERS = '{"id":"1","time":"2026-11-24T04:00:00+00:00","correlation_id":"","causation_id":null,"traceparent":null}'
FORM = "application/x-www-form-urlencoded"
PDF = b"%PDF-1.4\n%%EOF\n"


@dataclass(frozen=True)
class Example:
    service: str
    method: str
    template: str
    target: str
    caller: Caller
    body: bytes = b""
    media: str = "application/json"

    @property
    def label(self) -> str:
        return f"{self.service} {self.method} {self.template}"


Write = tuple[str, Caller, Any]
"""Target, who may, and the body: JSON, or bytes with their media type, or None."""


async def writes(fuzzed: Fuzzed) -> dict[tuple[str, str, str], Write]:
    """(service, method, template) -> a write that will be taken."""
    found: dict[tuple[str, str, str], Write] = {}
    admin = fuzzed.callers["staff"]
    for name, harness in fuzzed.harnesses.items():
        for act in ("retry", "skip"):
            letter = await _letter(harness, act)
            path = f"/v1/{name}/events/dead-letters/"
            found[name, "POST", f"{path}{{letter_id}}:{act}"] = (f"{path}{letter}:{act}", admin, None)
        found[name, "POST", f"/v1/{name}/events:replay"] = (f"/v1/{name}/events:replay", admin, None)
    new = NewClient(client_id="fuzz-client", name="fuzz", kind="department", department="yt-scjg", area="370600")
    async with fuzzed.harness.platform.system_unit_of_work() as uow:
        secret = await issuer.add_client(uow, new)
    form = f"grant_type=client_credentials&client_id={new.client_id}&client_secret={quote(secret)}".encode()
    found["gateway", "POST", "/oauth/token"] = ("/oauth/token", fuzzed.callers["public"], (form, FORM))
    url = "/v1/indicators/observations"
    found["indicators", "POST", url] = (url, OFFICE, AGRI | {"period": "2016", "external_id": "fuzz"})
    batch = {"items": [AGRI | {"period": "2015"}, AGRI | {"period": "2014"}]}
    found["indicators", "POST", url + ":batch"] = (url + ":batch", OFFICE, batch)
    for act in ("retry", "drop"):
        capture = await _aside(fuzzed.behind["traceability"])
        path = "/v1/traceability/captures/"
        found["traceability", "POST", f"{path}{{capture_id}}:{act}"] = (f"{path}{capture}:{act}", admin, None)
    recall = fuzzed.world.known["recall_id"][0]
    for (method, template), write in (await _credit(fuzzed.behind["credit"])).items():
        found["credit", method, template] = write
    for (method, template), write in (await _traceability(fuzzed.behind["traceability"], recall)).items():
        found["traceability", method, template] = write
    return found


async def _aside(harness: Harness) -> str:
    """A capture job that ended its process twice."""
    async with harness.platform.system_unit_of_work() as uow:
        job = Capture(
            capture_id=uow.id(),
            created_at=uow.now,
            finished_at=uow.now,
            state="aside",
            success=False,
            behaviour="rollback",
            principal={"kind": "enterprise", "id": food.COOP, "name": "", "uscc": food.COOP},
            owner=food.COOP,
            document=orjson.dumps(chain.document(chain.harvest("ASIDE"))),
            events=1,
            duplicates=[],
            errors=[],
        )
        uow.session.add(job)
    return job.capture_id


async def _letter(harness: Harness, act: str) -> str:
    """A dead letter that waits at the head of its key."""
    platform = harness.platform
    letter = f"letter-{act}"
    async with platform.system_unit_of_work() as uow:
        row = {
            "id": letter, "consumer": platform.consumer.name, "source": "credit", "key": f"fuzz-{act}", "sequence": 1,
            "type": "unknown.v1", "headers": _HEADERS, "data": b"{}", "state": "failed", "error": "for the fuzzers",
            "attempts": 1, "first_at": uow.now, "last_at": uow.now,
        }  # fmt: skip
        await uow.session.execute(tables.dead_letter.insert().values(**row))
    return letter


async def _credit(service: Harness) -> dict[tuple[str, str], Write]:
    root = "/v1/credit"
    ids = {n: (await credit.push(service, n, penalty_kinds=["fine"]))["violation_id"] for n in (210, 211, 212)}
    acts = ("notice", "hearing", "decision", "publication")
    listed = {act: await credit.propose(service, number) for number, act in enumerate(acts, 220)}
    steps = (
        ("notice", credit.NOTICE, credit.OFFICER),
        ("hearing", credit.WAIVER, credit.OFFICER),
        ("decision", credit.DECISION, credit.REVIEWER),
        ("publication", {}, credit.PUBLISHER),
    )
    for wanted, listing in listed.items():
        for act, body, who in steps:
            if act == wanted:
                break
            await credit.step(service, listing, act, body, who)
    black, _ = await credit.blacklist(service, 230)
    removal = {"reason": "revoked", "detail": "决定已被撤销", "document_number": "烟市监列撤〔2026〕1号"}
    based = (await credit.push(service, 231))["violation_id"]
    enterprise = {"name": "烟台样例食品有限公司", "area_code": "370602"}
    annulled = {"reason": "决定被撤销", "document_number": "烟市监撤〔2026〕1号", "annulled_on": "2026-11-24"}
    made: dict[tuple[str, str], Write] = {
        ("POST", f"{root}/violations"): (f"{root}/violations", credit.UNIT, credit.violation(240)),
        ("POST", f"{root}/violations:batch"): (
            f"{root}/violations:batch", credit.UNIT, {"items": [credit.violation(241), credit.violation(242)]},
        ),
        ("POST", f"{root}/violations/{{violation_id}}/corrections"): (
            f"{root}/violations/{ids[210]}/corrections",
            credit.UNIT,
            {"version": 1, "reason": "事实录入有误", "changes": {"facts": "更正后的事实"}},
        ),
        ("POST", f"{root}/violations/{{violation_id}}/withdrawal"): (
            f"{root}/violations/{ids[211]}/withdrawal", credit.UNIT, annulled,
        ),
        ("POST", f"{root}/violations/{{violation_id}}/publication"): (
            f"{root}/violations/{ids[212]}/publication", credit.PUBLISHER, {},
        ),
        ("PUT", f"{root}/enterprises/{{uscc}}"): (f"{root}/enterprises/{credit.code(243)}", credit.UNIT, enterprise),
        ("POST", f"{root}/enterprises:batch"): (
            f"{root}/enterprises:batch", credit.UNIT, {"items": [enterprise | {"uscc": credit.code(244)}]},
        ),
        ("POST", f"{root}/listings"): (
            f"{root}/listings", credit.OFFICER, credit.proposal(231, violation_id=based),
        ),
        ("POST", f"{root}/listings/{{listing_id}}/removal"): (
            f"{root}/listings/{black}/removal", credit.REVIEWER, removal,
        ),
        ("POST", f"{root}/attachments"): (
            f"{root}/attachments?visibility=public", credit.OFFICER, (PDF, "application/pdf"),
        ),
    }  # fmt: skip
    for act, body, who in steps:
        template = f"{root}/listings/{{listing_id}}/{act}"
        made["POST", template] = (template.format(listing_id=listed[act]), who, body)
    return made


async def _traceability(service: Harness, recall: str) -> dict[tuple[str, str], Write]:
    root = "/v1/traceability"
    other = f"{food.PACKED}.HX1"
    await food.register_lot(service, other)
    await food.harvest(service, other)
    alerts = [(await food.record(service, lot_id=other, number=f"HX-{n}", result="fail"))["alerts"][0] for n in (1, 2)]
    test = await food.record(service, lot_id=other, number="HX-3")
    lots = [f"{food.PACKED}.HX{number}" for number in (5, 6, 7)]
    for lot_id in lots:
        await food.register_lot(service, lot_id)
    started, closing = [(await food.recall(service, lot_id))["recall_id"] for lot_id in lots[:2]]
    food.ok(await service.post(f"{root}/recalls/{closing}:start", as_=food.coop))
    party = {"name": "栖霞示例果业专业合作社", "area_code": "370686", "roles": ["producer"]}
    place = {"name": "蛇窝泊示例果园", "uscc": food.COOP, "area_code": "370686", "kind": "orchard"}
    product = {
        "name": "栖霞苹果礼盒", "name_en": "Gift box", "owner_uscc": food.COOP, "category": "fruit",
        "shelf_life_days": 180,
    }  # fmt: skip
    lot = {"produced_on": "2026-10-18", "origin": "山东省烟台市栖霞市"}
    here = {"id": f"https://id.gs1.org/414/{food.ORCHARD}"}
    event = {
        "type": "ObjectEvent", "action": "OBSERVE", "eventTime": "2026-11-20T08:00:00Z",
        "eventTimeZoneOffset": "+08:00", "bizStep": "inspecting", "readPoint": here, "bizLocation": here,
        "quantityList": food.amounts(food.RAW_LOT, 5.0),
    }  # fmt: skip
    for hours, name in ((200, "CL1"), (201, "CL2")):
        made = food.amounts(f"{food.GIFT}.{name}", 5.0)
        await food.tell(
            service, food.wholesale, "ObjectEvent", food.MARKET, "commissioning", hours, action="ADD", quantityList=made
        )
    claims = food.ok(await service.get(f"{root}/claims", as_=food.coop))["items"]
    given = ("report_number", "laboratory", "sample_id", "lot_id")
    correction = {name: value for name, value in food.report().items() if name not in given} | {
        "reason": "数据录入有误"
    }
    quantity = {"holder": food.WHOLESALE, "lot_id": food.PACKED_LOT, "uom": "KGM", "recovered": 1}
    at = f"{root}/recalls/{{recall_id}}"
    return {
        ("PUT", f"{root}/parties/{{uscc}}"): (f"{root}/parties/{food.COOP}", food.coop, party),
        ("PUT", f"{root}/places/{{gln}}"): (f"{root}/places/{food.ORCHARD}", food.coop, place),
        ("PUT", f"{root}/products/{{gtin}}"): (f"{root}/products/{food.GIFT}", food.coop, product),
        ("PUT", f"{root}/products/{{gtin}}/makers"): (
            f"{root}/products/{food.RAW}/makers", food.coop, {"makers": [{"uscc": food.WHOLESALE}]},
        ),
        ("POST", f"{root}/products/{{gtin}}:confirm"): (f"{root}/products/{food.RAW}:confirm", food.coop, None),
        ("POST", f"{root}/places/{{gln}}:confirm"): (f"{root}/places/{food.STORE}:confirm", food.coop, None),
        ("POST", f"{root}/claims/{{record_id}}:confirm"): (
            f"{root}/claims/{claims[0]['record_id']}:confirm", food.coop, None,
        ),
        ("POST", f"{root}/claims/{{record_id}}:reject"): (
            f"{root}/claims/{claims[1]['record_id']}:reject", food.coop, None,
        ),
        ("POST", f"{root}/products:batch"): (
            f"{root}/products:batch", food.coop, {"items": [product | {"gtin": food.GIFT}]},
        ),
        ("PUT", f"{root}/lots/{{gtin}}/{{lot}}"): (f"{root}/lots/{food.GIFT}/HX2", food.coop, lot),
        ("POST", f"{root}/lots:batch"): (
            f"{root}/lots:batch", food.coop, {"items": [lot | {"gtin": food.GIFT, "lot": "HX3"}]},
        ),
        ("POST", "/epcis/capture"): ("/epcis/capture", food.coop, chain.document(event)),
        ("POST", "/epcis/events"): (
            "/epcis/events", food.coop, event | {"@context": [chain.CONTEXT], "eventTime": "2026-11-20T09:00:00Z"},
        ),
        ("POST", f"{root}/tests"): (f"{root}/tests", food.laboratory, food.report(number="HX-4")),
        ("PUT", f"{root}/tests/{{test_id}}"): (
            f"{root}/tests/{test['test_id']}", food.laboratory,
            correction,
        ),
        ("POST", f"{root}/alerts/{{alert_id}}:acknowledge"): (
            f"{root}/alerts/{alerts[0]}:acknowledge", food.inspector, None,
        ),
        ("POST", f"{root}/alerts/{{alert_id}}:close"): (
            f"{root}/alerts/{alerts[1]}:close", food.reviewer, {"reason": "复检合格"},
        ),
        ("POST", f"{root}/recalls"): (f"{root}/recalls", food.officer, food.recall_body(lots[2])),
        ("POST", f"{at}:start"): (f"{root}/recalls/{started}:start", food.coop, None),
        ("POST", f"{at}/notices/{{holder}}:acknowledge"): (
            f"{root}/recalls/{recall}/notices/{food.WHOLESALE}:acknowledge", food.wholesale, None,
        ),
        ("POST", f"{at}/quantities"): (f"{root}/recalls/{recall}/quantities", food.wholesale, quantity),
        ("POST", f"{at}:close"): (
            f"{root}/recalls/{closing}:close", food.officer, {"outcome": "completed", "note": "已全部下架销毁"},
        ),
        ("POST", f"{root}/attachments"): (
            f"{root}/attachments?visibility=public", food.officer, (PDF, "application/pdf"),
        ),
    }  # fmt: skip


async def known(fuzzed: Fuzzed) -> None:
    """What reads are asked for, beside the names and numbers that the seeds know."""
    for name, harness in fuzzed.harnesses.items():
        fuzzed.world.known[f"{name}.letter_id"] = ["letter-retry"]
        fuzzed.world.known["credit.uscc"] = [credit.code(1)]
        if name == "traceability":
            made = await harness.post("/epcis/capture", json=chain.document(), as_=food.coop)
            fuzzed.world.known["capture_id"] = [made.headers["location"].rpartition("/")[2]]
            stored = await harness.post(
                "/v1/traceability/attachments?visibility=public", content=PDF + b"\n",
                headers={"content-type": "application/pdf"}, as_=food.officer,
            )  # fmt: skip
            fuzzed.world.known["traceability.sha256"] = [food.ok(stored, 201)["sha256"]]


_READERS: dict[str, str] = {"/v1/traceability/notices": "enterprise", "/epcis/capture": "enterprise"}


def reads(fuzzed: Fuzzed, service: str, template: str, operation: dict[str, Any], method: str) -> Example:
    """The address with what is known in its places, from the first kind of caller that the policy admits."""

    def named(name: str) -> str:
        world = fuzzed.world.known
        value = str(world.get(f"{service}.{name}", world.get(name, ["x"]))[0])
        return value.removeprefix("https://id.gs1.org") if "{code}" in template and "scan" in template else value

    target = re.sub(r"\{([^}]+)\}", lambda match: quote(named(match[1]).strip("/"), safe="/"), template)
    needed = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query" and one.get("required")]
    query = "&".join(f"{name}={quote(named(name), safe='')}" for name in needed)
    policy = operation["x-policy"]
    kind = next(
        (each for prefix, each in _READERS.items() if template.startswith(prefix)),
        next(kind for kind in ("staff", "department", "public", "enterprise") if kind in policy),
    )
    caller = food.coop if kind == "enterprise" else fuzzed.callers[kind]
    return Example(service, method, template, target + (f"?{query}" if query else ""), caller)


async def all_of(fuzzed: Fuzzed) -> dict[str, Example]:
    """Label -> example, of every operation in the documents of the four services."""
    if fuzzed.examples:
        return fuzzed.examples
    made = await writes(fuzzed)
    await known(fuzzed)
    found = {}
    for name, harness in fuzzed.harnesses.items():
        own = {route.path_format for route in harness.app.fastapi.routes if hasattr(route, "path_format")}  # type: ignore[attr-defined]
        for template, item in harness.app.fastapi.openapi()["paths"].items():  # type: ignore[attr-defined]
            for method, operation in item.items():
                if template not in own:
                    continue
                key = (name, method.upper(), template)
                if method in ("get", "options", "head"):
                    example = reads(fuzzed, name, template, operation, method.upper())
                elif key in made:
                    target, caller, body = made[key]
                    content, media = body if isinstance(body, tuple) else (
                        b"" if body is None else orjson.dumps(body), "application/json")  # fmt: skip
                    example = Example(name, method.upper(), template, target, caller, content, media)
                else:
                    raise AssertionError(f"no example of {' '.join(key)}: write one in tests/fuzz/examples.py")
                found[example.label] = example
    fuzzed.examples = found
    return found
