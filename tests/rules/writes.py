"""Who may write what: the callers and, by hand, the rows of `test_what_writes_do.py`."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.credit import samples as credit
from tests.support.app import Harness
from tests.support.callers import Caller, department, enterprise, public, staff
from tests.traceability import food

QIXIA, ZHIFU, YANTAI = "370686", "370602", "370600"
F = "/v1/traceability"
C = "/v1/credit"
Asked = tuple[str, str, Any]
"""Method, path, body."""
NUMBERS = itertools.count(1)

FOOD_SCOPES = ("traceability:masterdata:write", "traceability:tests:write", "traceability:recalls:write")
CREDIT_SCOPES = ("credit:violations:write", "credit:enterprises:write")
STAFF = ("inspector", "case_officer", "reviewer", "publisher")
CALLERS: dict[str, Caller] = {
    # the objects are the cooperative's (registered in Qixia) and the records those of yt-scjg
    "public": public(),
    "owner": enterprise(food.COOP),
    "holder": enterprise(food.WHOLESALE),
    "stranger": enterprise(food.SHOP),
    "department": department(*FOOD_SCOPES, *CREDIT_SCOPES, area=QIXIA),
    "department above": department(*FOOD_SCOPES, *CREDIT_SCOPES, area=YANTAI),
    "department elsewhere": department(*FOOD_SCOPES, *CREDIT_SCOPES, area=ZHIFU),
    "another department": department(*FOOD_SCOPES, *CREDIT_SCOPES, area=QIXIA, code="qx-nyncj"),
    "another scope": department("indicators:observations:write", "credit:read", "traceability:tests:read", area=QIXIA),
    "staff": staff(*STAFF, area=QIXIA),
    "staff above": staff(*STAFF, area=YANTAI, user="above"),
    "staff elsewhere": staff(*STAFF, area=ZHIFU, user="elsewhere"),
    "staff of another department": staff(*STAFF, area=QIXIA, department="qx-nyncj", user="other"),
    "administrator": staff("administrator", area=YANTAI),
}
DEPARTMENTS = {"department", "department above", "another department"}
"""With the scope, and the area covered."""
AUTHORITIES = {"staff", "staff above", "staff of another department"}
OWN_DEPARTMENT = {"department", "department above"}
OWN_STAFF = {"staff", "staff above"}


@dataclass(frozen=True)
class Write:
    route: str
    ask: Callable[[Harness], Awaitable[Asked]]
    """Makes a fresh object that the write names, and says what is asked."""
    allowed: set[str]
    field: str = ""
    """What of the request names the object, where a route has several rows."""

    def __str__(self) -> str:
        return f"{self.route} {self.field}".strip()


# --- traceability ---------------------------------------------------------------------------------------------------


def plain(method: str, path: str, body: Callable[[int], Any]) -> Callable[[Harness], Awaitable[Asked]]:
    async def ask(_service: Harness) -> Asked:
        return method, path, body(next(NUMBERS))

    return ask


async def new_lot(service: Harness) -> str:
    lot_id = f"{food.PACKED}.W{next(NUMBERS)}"
    await food.register_lot(service, lot_id)
    return lot_id


def sent(number: int, **more: Any) -> dict[str, Any]:
    return food.report(number=f"W-{number}", **more)


async def record_own(service: Harness) -> Asked:
    return "POST", f"{F}/tests", sent(next(NUMBERS), kind="self")


async def record_supervision(service: Harness) -> Asked:
    return "POST", f"{F}/tests", sent(next(NUMBERS), kind="supervision")


def corrected(body: dict[str, Any], kind: str) -> dict[str, Any]:
    kept = {k: v for k, v in body.items() if k not in ("report_number", "laboratory", "sample_id", "lot_id")}
    return kept | {"kind": kind, "reason": "录入有误", "tested_on": "2026-11-21"}


async def correct_departments(service: Harness) -> Asked:
    body = sent(next(NUMBERS))
    test = food.ok(await service.post(f"{F}/tests", json=body, as_=CALLERS["department"]), 201)
    return "PUT", f"{F}/tests/{test['test_id']}", corrected(body, "self")


async def correct_own(service: Harness) -> Asked:
    body = sent(next(NUMBERS), kind="self")
    test = food.ok(await service.post(f"{F}/tests", json=body, as_=food.coop), 201)
    return "PUT", f"{F}/tests/{test['test_id']}", corrected(body, "self")


async def alert(service: Harness) -> str:
    body = sent(next(NUMBERS), result="fail", lot_id=await new_lot(service))
    return str(food.ok(await service.post(f"{F}/tests", json=body, as_=CALLERS["department"]), 201)["alerts"][0])


async def acknowledge_alert(service: Harness) -> Asked:
    return "POST", f"{F}/alerts/{await alert(service)}:acknowledge", None


async def close_alert(service: Harness) -> Asked:
    return "POST", f"{F}/alerts/{await alert(service)}:close", {"reason": "复检合格"}


async def open_recall(service: Harness) -> Asked:
    return "POST", f"{F}/recalls", food.recall_body(await new_lot(service))


async def recalled(service: Harness) -> str:
    """A recall of a lot that the wholesaler holds."""
    lot_id = await new_lot(service)
    await food.ship(service, lot_id, 10, 100)
    await food.receive(service, food.wholesale, food.MARKET, lot_id, 10, 101)
    return str((await food.recall(service, lot_id))["recall_id"])


async def start_recall(service: Harness) -> Asked:
    return "POST", f"{F}/recalls/{await recalled(service)}:start", None


async def acknowledge_notice(service: Harness) -> Asked:
    return "POST", f"{F}/recalls/{await recalled(service)}/notices/{food.WHOLESALE}:acknowledge", None


async def report_quantity(service: Harness) -> Asked:
    recall_id = await recalled(service)
    lot_id = service.rows("SELECT lot_id FROM recall_lot WHERE recall_id = $1", recall_id)[0][0]
    body = {"holder": food.WHOLESALE, "lot_id": lot_id, "uom": "KGM", "recovered": "1"}
    return "POST", f"{F}/recalls/{recall_id}/quantities", body


async def close_recall(service: Harness) -> Asked:
    return "POST", f"{F}/recalls/{await recalled(service)}:close", {"outcome": "revoked", "note": "复检合格，撤销"}


def product(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"苹果 {number}", "owner_uscc": food.COOP, "shelf_life_days": 180} | more


def lot(number: int) -> dict[str, Any]:
    return {"produced_on": "2026-10-18", "quantity": str(number)}


def place(number: int) -> dict[str, Any]:
    return {"name": f"包装厂 {number}", "uscc": food.COOP, "area_code": QIXIA, "kind": "packhouse"}


def party(number: int) -> dict[str, Any]:
    return {"name": f"合作社 {number}", "area_code": QIXIA, "roles": ["producer"]}


def batch(item: Callable[[int], dict[str, Any]], **key: str) -> Callable[[int], dict[str, Any]]:
    return lambda number: {"items": [item(number) | key]}


async def claimed(service: Harness) -> str:
    """What the wholesaler says that it made: a lot of the cooperative's product, at its own market."""
    made = f"{food.PACKED}.C{next(NUMBERS)}"
    outputs = {"inputQuantityList": food.amounts(food.RAW_LOT, 1), "outputQuantityList": food.amounts(made, 1)}
    hours = next(NUMBERS) % 500
    await food.tell(service, food.wholesale, "TransformationEvent", food.MARKET, "commissioning", hours, **outputs)
    return str(service.rows("SELECT max(record_id) FROM epcis_event")[0][0])


async def confirm_claim(service: Harness) -> Asked:
    return "POST", f"{F}/claims/{await claimed(service)}:confirm", None


async def reject_claim(service: Harness) -> Asked:
    return "POST", f"{F}/claims/{await claimed(service)}:reject", None


def makers(number: int) -> dict[str, Any]:
    return {"makers": [{"uscc": food.WHOLESALE, "until": f"2027-01-{number % 28 + 1:02}"}]}


FOOD = [
    Write("POST /v1/traceability/claims/{record_id}:confirm", confirm_claim, {"owner", *DEPARTMENTS}),
    Write("POST /v1/traceability/claims/{record_id}:reject", reject_claim, {"owner", *DEPARTMENTS}),
    Write("POST /v1/traceability/places/{gln}:confirm",  # an enterprise's word is about its own events alone
          plain("POST", f"{F}/places/{food.PACKHOUSE}:confirm", lambda _: None),
          {"owner", "holder", "stranger", *DEPARTMENTS}),
    Write("POST /v1/traceability/products/{gtin}:confirm",  # likewise
          plain("POST", f"{F}/products/{food.PACKED}:confirm", lambda _: None),
          {"owner", "holder", "stranger", *DEPARTMENTS}),
    Write("PUT /v1/traceability/products/{gtin}/makers", plain("PUT", f"{F}/products/{food.PACKED}/makers", makers),
          {"owner", *DEPARTMENTS}),
    Write("PUT /v1/traceability/parties/{uscc}", plain("PUT", f"{F}/parties/{food.COOP}", party),
          {"owner", *DEPARTMENTS}),
    Write("PUT /v1/traceability/places/{gln}", plain("PUT", f"{F}/places/{food.PACKHOUSE}", place),
          {"owner", *DEPARTMENTS}),
    Write("PUT /v1/traceability/products/{gtin}", plain("PUT", f"{F}/products/{food.PACKED}", product),
          {"owner", *DEPARTMENTS}),
    Write("POST /v1/traceability/products:batch",
          plain("POST", f"{F}/products:batch", batch(product, gtin=food.PACKED)), {"owner", *DEPARTMENTS}),
    Write("PUT /v1/traceability/lots/{gtin}/{lot:path}", plain("PUT", f"{F}/lots/{food.PACKED}/QX1", lot),
          {"owner", *DEPARTMENTS}),
    Write("POST /v1/traceability/lots:batch",
          plain("POST", f"{F}/lots:batch", batch(lot, gtin=food.PACKED, lot="QX1")), {"owner", *DEPARTMENTS}),
    Write("POST /v1/traceability/tests", record_own, {"owner", *DEPARTMENTS}, "lot_id, a test of the firm's"),
    Write("POST /v1/traceability/tests", record_supervision, DEPARTMENTS, "lot_id, a supervision test"),
    Write("PUT /v1/traceability/tests/{test_id}", correct_departments, OWN_DEPARTMENT, "a department's report"),
    Write("PUT /v1/traceability/tests/{test_id}", correct_own, {"owner"}, "an enterprise's report"),
    Write("POST /v1/traceability/alerts/{alert_id}:acknowledge", acknowledge_alert, AUTHORITIES),
    Write("POST /v1/traceability/alerts/{alert_id}:close", close_alert, AUTHORITIES),
    Write("POST /v1/traceability/recalls", open_recall, {"owner", *DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/traceability/recalls/{recall_id}:start", start_recall, {"owner", *DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/traceability/recalls/{recall_id}/notices/{holder}:acknowledge", acknowledge_notice,
          {"owner", "holder", *DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/traceability/recalls/{recall_id}/quantities", report_quantity,
          {"owner", "holder", *DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/traceability/recalls/{recall_id}:close", close_recall, AUTHORITIES),
]  # fmt: skip


# --- credit: records of yt-scjg in Qixia ----------------------------------------------------------------------------


async def pushed(service: Harness, **more: Any) -> tuple[int, dict[str, Any]]:
    number = next(NUMBERS)
    body = credit.violation(number, area_code=QIXIA, **more)
    answer = await service.post(f"{C}/violations", json=body, as_=CALLERS["department above"])
    return number, food.ok(answer, 201)


async def record_violation(_service: Harness) -> Asked:
    return "POST", f"{C}/violations", credit.violation(next(NUMBERS), area_code=QIXIA)


async def record_violations(_service: Harness) -> Asked:
    return "POST", f"{C}/violations:batch", {"items": [credit.violation(next(NUMBERS), area_code=QIXIA)]}


async def correct_violation(service: Harness) -> Asked:
    _, receipt = await pushed(service)
    body = {"version": 1, "reason": "录入有误", "changes": {"fine_fen": 6_000_000}}
    return "POST", f"{C}/violations/{receipt['violation_id']}/corrections", body


async def withdraw_violation(service: Harness) -> Asked:
    _, receipt = await pushed(service)
    body = {"reason": "行政复议撤销", "document_number": "鲁行终〔2026〕1号", "annulled_on": "2026-11-23"}
    return "POST", f"{C}/violations/{receipt['violation_id']}/withdrawal", body


async def publish_violation(service: Harness) -> Asked:
    _, receipt = await pushed(service)
    return "POST", f"{C}/violations/{receipt['violation_id']}/publication", {}


async def state_enterprise(service: Harness) -> Asked:
    uscc, body = await registered(service)
    return "PUT", f"{C}/enterprises/{uscc}", body | {"name": body["name"] + "新"}


async def state_enterprises(service: Harness) -> Asked:
    uscc, body = await registered(service)
    return "POST", f"{C}/enterprises:batch", {"items": [body | {"uscc": uscc, "name": body["name"] + "新"}]}


async def registered(service: Harness) -> tuple[str, dict[str, Any]]:
    number = next(NUMBERS)
    body = {"name": f"样例{number}号", "area_code": QIXIA}
    path = f"{C}/enterprises/{credit.code(number)}"
    food.ok(await service.put(path, json=body, as_=CALLERS["department"]))
    return credit.code(number), body


async def propose_listing(service: Harness) -> Asked:
    number, receipt = await pushed(service)
    return "POST", f"{C}/listings", credit.proposal(number, violation_id=receipt["violation_id"])


async def proposed(service: Harness, *steps: tuple[str, dict[str, Any], Caller]) -> str:
    number, receipt = await pushed(service)
    body = credit.proposal(number, violation_id=receipt["violation_id"])
    proposer = staff("case_officer", area=QIXIA, user="proposer")
    listing = str(food.ok(await service.post(f"{C}/listings", json=body, as_=proposer), 201)["listing_id"])
    for act, given, who in steps:
        food.ok(await service.post(f"{C}/listings/{listing}/{act}", json=given, as_=who))
    return listing


NOTICE = ("notice", credit.NOTICE, staff("case_officer", area=QIXIA, user="proposer"))
HEARING = ("hearing", credit.WAIVER, staff("case_officer", area=QIXIA, user="proposer"))
DECISION = ("decision", credit.DECISION, staff("reviewer", area=QIXIA, user="decider"))
PUBLICATION = ("publication", {}, staff("publisher", area=QIXIA, user="publisher"))


def listing_step(
    act: str, body: dict[str, Any], *before: tuple[str, dict[str, Any], Caller]
) -> Callable[[Harness], Awaitable[Asked]]:
    async def ask(service: Harness) -> Asked:
        return "POST", f"{C}/listings/{await proposed(service, *before)}/{act}", body

    return ask


REMOVAL = {"reason": "revoked", "detail": "所依据的处罚已被撤销", "document_number": "烟市监列撤〔2026〕1号"}
CREDIT = [
    Write("POST /v1/credit/violations", record_violation, {*DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/credit/violations:batch", record_violations, {*DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/credit/violations/{violation_id}/corrections", correct_violation, {*OWN_DEPARTMENT, *OWN_STAFF}),
    Write("POST /v1/credit/violations/{violation_id}/withdrawal", withdraw_violation, {*OWN_DEPARTMENT, *OWN_STAFF}),
    Write("POST /v1/credit/violations/{violation_id}/publication", publish_violation, OWN_STAFF),
    Write("PUT /v1/credit/enterprises/{uscc}", state_enterprise, {*DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/credit/enterprises:batch", state_enterprises, {*DEPARTMENTS, *AUTHORITIES}),
    Write("POST /v1/credit/listings", propose_listing, OWN_STAFF),
    Write("POST /v1/credit/listings/{listing_id}/notice", listing_step("notice", credit.NOTICE), OWN_STAFF),
    Write("POST /v1/credit/listings/{listing_id}/hearing", listing_step("hearing", credit.WAIVER, NOTICE), OWN_STAFF),
    Write("POST /v1/credit/listings/{listing_id}/decision",
          listing_step("decision", credit.DECISION, NOTICE, HEARING), OWN_STAFF),
    Write("POST /v1/credit/listings/{listing_id}/publication",
          listing_step("publication", {}, NOTICE, HEARING, DECISION), OWN_STAFF),
    Write("POST /v1/credit/listings/{listing_id}/removal",
          listing_step("removal", REMOVAL, NOTICE, HEARING, DECISION, PUBLICATION), OWN_STAFF),
]  # fmt: skip
