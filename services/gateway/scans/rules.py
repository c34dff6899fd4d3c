"""The answer for one code: the lot's state as announced, the date, the product and the producer's credit. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from services.gateway.enterprises.rules import credit_mark
from services.gateway.schemas import Check, Producer, ScanProduct, ScanView, Verdict
from shared.i18n import Text
from shared.identifiers.digital_link import Code

Json = Mapping[str, Any]

TITLES: dict[Verdict, Text] = {
    "safe": Text("未发现问题", "No problem found"),
    "recalled": Text("正在召回，请勿食用", "Recalled: do not eat"),
    "held": Text("暂停销售，正在调查", "On hold, being checked"),
    "expired": Text("已过保质期", "Past its date"),
    "unknown": Text("没有这个码的记录", "No record of this code"),
    "suspicious": Text("可能是假冒", "May be counterfeit"),
}
LEVELS = {1: Text("一级", "Class 1"), 2: Text("二级", "Class 2"), 3: Text("三级", "Class 3")}
NO_LOT = Text(
    "这个码只有商品条码，没有批号；请输入包装上的批号再查",
    "This code holds no lot number; enter the one printed on the package",
)
NOT_REGISTERED = Text(
    "这个批次没有登记：可能是输错、没有登记，或者是假冒",
    "This lot is not registered: a typing error, not registered yet, or counterfeit",
)
NO_PRODUCT = Text("没有登记过这个商品条码", "This GTIN is not registered")


def verdict_on(lot: Json, day: date) -> Verdict:
    """A safe lot is expired from the day after its last day."""
    verdict, expires_on = lot["verdict"], lot["expires_on"]
    if verdict == "safe" and expires_on and day.isoformat() > expires_on:
        return "expired"
    return cast(Verdict, verdict)


def day_text(iso: str) -> Text:
    day = date.fromisoformat(iso[:10])
    return Text(f"{day.year}年{day.month}月{day.day}日", f"{day.day} {day:%b} {day.year}")


def checks(lot: Json, verdict: Verdict) -> list[Check]:
    """What was looked at for the verdict, each with its fact."""
    return [_registered(lot), _shelf_life(lot, verdict), _recall(lot), _hold(lot), _tests(lot)]


def _check(code: str, ok: bool | None, title: Text, text: Text) -> Check:
    return cast(
        Check,
        {"code": code, "ok": ok, "title": title.zh, "title_en": title.en, "text": text.zh, "text_en": text.en},
    )


def _registered(lot: Json) -> Check:
    day = day_text(lot["registered_at"])
    return _check(
        "registered",
        True,
        Text("批次已登记", "Lot registered"),
        Text(f"生产者于{day.zh}登记", f"Registered by the producer on {day.en}"),
    )


def _shelf_life(lot: Json, verdict: Verdict) -> Check:
    if not lot["expires_on"]:
        text = Text("没有登记保质期", "No date was registered")
        return _check("shelf_life", None, Text("保质期", "Date"), text)
    day = day_text(lot["expires_on"])
    if verdict == "expired":
        text = Text(f"到{day.zh}为止", f"Until {day.en}")
        return _check("shelf_life", False, Text("已过保质期", "Past its date"), text)
    return _check("shelf_life", True, Text("在保质期内", "Within its date"), Text(f"至{day.zh}", f"Until {day.en}"))


def _recall(lot: Json) -> Check:
    recall = lot["recall"]
    if recall is None:
        return _check(
            "recall", True, Text("没有召回", "Not recalled"), Text("没有召回通知", "There is no recall notice")
        )
    day = day_text(recall["started_on"])
    text = Text(f"{recall['number']}，{day.zh}开始", f"{recall['number']}, since {day.en}")
    return _check("recall", False, Text("已召回", "Recalled"), text)


def _hold(lot: Json) -> Check:
    if lot["held"]:
        held = lot["verdict"] == "held"
        zh, en = (
            ("；".join(lot["reasons"]), "; ".join(lot["reasons_en"]))
            if held
            else ("有未结案的预警", "An alert is open")
        )
        return _check("hold", False, Text("暂停销售", "On hold"), Text(zh, en))
    title, count = Text("没有暂停销售", "Not on hold"), lot["open_alerts"]
    if count:
        return _check("hold", True, title, Text(f"{count} 个预警正在核实，不暂停销售", f"{count} open without a hold"))
    return _check("hold", True, title, Text("没有未结案的预警", "No open alert"))


def _tests(lot: Json) -> Check:
    """As traceability decided it from who tested and what is settled."""
    if told := lot.get("tests_check"):
        return _check("tests", told["ok"], Text(told["title"], told["title_en"]), Text(told["text"], told["text_en"]))
    return _tests_by_themselves(lot)


def _tests_by_themselves(lot: Json) -> Check:
    """For a lot that was told of before the check was part of the event."""
    tests = sorted(lot["tests"], key=lambda test: test["tested_on"], reverse=True)
    if not tests:
        return _check("tests", None, Text("检验", "Tests"), Text("没有检验记录", "No test on record"))
    newest = next((test for test in tests if test["result"] == "fail"), tests[0])
    day = day_text(newest["tested_on"])
    if newest["result"] == "fail":
        # A failed test whose case was closed without a hold no longer stands against the lot.
        ok = None if lot["verdict"] == "safe" else False
        text = Text(f"{day.zh}，报告 {newest['report_number']}", f"{day.en}, report {newest['report_number']}")
        return _check("tests", ok, Text("检验不合格", "A test failed"), text)
    text = Text(f"{day.zh}，{newest['items']} 项，全部合格", f"{day.en}, {newest['items']} items, all passed")
    return _check("tests", True, Text("检验合格", "Tests passed"), text)


def producer(
    uscc: str, name: str, listings: Json | None, identity: Json | None, party: Json | None, day: date
) -> Producer:
    """Producer with its credit mark, which never changes the verdict. `area_name` is filled in by the caller."""
    known = identity or party or {}
    return {
        "uscc": uscc,
        "name": known.get("name") or name,
        "area_code": known.get("area_code"),
        "area_name": None,
        "credit": credit_mark(listings, day),
    }


def product_of(gtin: str, name: str, name_en: str | None, body: Json | None, claims: list[str]) -> ScanProduct:
    return {
        "gtin": gtin,
        "name": name,
        "name_en": name_en,
        "category": body["category"] if body else None,
        "claims": claims,
    }


def of_lot(code: Code, lot: Json, product: Json | None, made_by: Producer | None, day: date) -> ScanView:
    """The answer for a registered lot, without freshness."""
    verdict = verdict_on(lot, day)
    reasons, reasons_en = list(lot["reasons"]), list(lot["reasons_en"])
    if verdict == "safe":
        looked_at = [check["ok"] for check in checks(lot, verdict)]
        safe = _safe_reason(looked_at.count(True), len(looked_at))
        reasons, reasons_en = [safe.zh], [safe.en]
    if verdict == "expired":
        last = day_text(lot["expires_on"])
        reasons, reasons_en = [f"保质期至{last.zh}"], [f"It was to be eaten by {last.en}"]
    return _view(
        code,
        verdict=verdict,
        reasons=reasons,
        reasons_en=reasons_en,
        product=product_of(code.gtin, lot["product_name"], lot["product_name_en"], product, lot["claims"]),
        producer=made_by,
        origin=lot["origin"],
        produced_on=lot["produced_on"],
        expires_on=lot["expires_on"],
        registered_at=lot["registered_at"],
        checks=checks(lot, verdict),
        journey=lot["journey"],
        tests=lot["tests"],
        recall=lot["recall"],
    )


def _safe_reason(known: int, all_checks: int) -> Text:
    """What `safe` means: how much was looked at, and that what is not known was not counted."""
    if known == all_checks:
        return Text(f"核对了 {known} 项，没有发现问题", f"{known} checks, no problem found")
    missing = all_checks - known
    return Text(
        f"核对了 {known} 项，没有发现问题；另有 {missing} 项没有记录",
        f"{known} checks, no problem found; nothing is on record for {missing} more",
    )


def worst(notices: Sequence[tuple[Json, bool]]) -> Json:
    """The notice to tell of, out of (notice, closed): open before completed, then the gravest, then the oldest."""
    return min(notices, key=lambda one: (one[1], one[0]["level"], one[0]["number"]))[0]


def under_recall(lot: Json, notice: Json) -> dict[str, Any]:
    """The lot, whose own event does not tell of the recall yet."""
    reason = recall_reason(notice)
    return dict(lot) | {"verdict": "recalled", "recall": notice, "reasons": [reason.zh], "reasons_en": [reason.en]}


def recall_reason(notice: Json) -> Text:
    day, level = day_text(notice["started_on"]), LEVELS[notice["level"]]
    return Text(
        f"{notice['reason']}。{day.zh}起{level.zh}召回（{notice['number']}）",
        f"{notice['reason_en'] or notice['reason']}. {level.en} recall since {day.en} ({notice['number']})",
    )


def of_product(
    code: Code,
    product: Json | None,
    recalled_lots: Sequence[str],
    made_by: Producer | None,
    notice: Json | None = None,
) -> ScanView:
    """The answer for a code without a lot, or with one that nobody registered. `notice`: of a recall that holds it."""
    named = product_of(code.gtin, product["name"], product["name_en"], product, product["claims"]) if product else None
    if notice is not None:
        reason = recall_reason(notice)
        return _view(
            code,
            verdict="recalled",
            reasons=[reason.zh],
            reasons_en=[reason.en],
            product=named,
            producer=made_by,
            checks=[_recall({"recall": notice})],
            recall=notice,
        )
    reason = NOT_REGISTERED if code.lot is not None else NO_LOT if product else NO_PRODUCT
    return _view(
        code,
        verdict="unknown",
        reasons=[reason.zh],
        reasons_en=[reason.en],
        product=named,
        producer=made_by,
        recalled_lots=list(recalled_lots),
    )


def links(code: Code, uscc: str | None, recall_id: str | None) -> dict[str, str]:
    found = {
        "self": f"/v1/scan{code.path}",
        "page": code.path,
        "scans": f"/v1/traceability/scans/{code.escaped_uri()}",
    }
    if uscc:
        found["enterprise"] = f"/v1/enterprises/{uscc}"
    if recall_id:
        found["recall"] = f"/v1/recalls/{recall_id}"
    return found


def _view(code: Code, **fields: Any) -> ScanView:
    made_by, recall = fields.get("producer"), fields.get("recall")
    view: dict[str, Any] = {
        "code": code.path,
        "gtin": code.gtin,
        "lot": code.lot,
        "serial": code.serial,
        "verdict": "unknown",
        "reasons": [],
        "reasons_en": [],
        "product": None,
        "producer": None,
        "origin": None,
        "produced_on": None,
        "expires_on": None,
        "registered_at": None,
        "checks": [],
        "journey": [],
        "tests": [],
        "recall": None,
        "recalled_lots": [],
        "links": links(code, made_by["uscc"] if made_by else None, recall["recall_id"] if recall else None),
    }
    return cast(ScanView, view | fields)
