"""The bytes of an answer: what is stored for each lot, and what is added when it is asked. No query here."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson

from services.traceability.masterdata.models import Product
from services.traceability.verdicts import rules, words
from services.traceability.verdicts.facts import LotFacts
from services.traceability.verdicts.journey import steps
from shared.events.traceability import CheckSummary, Instruction, JourneyStep, LotUpdated, TestSummary
from shared.i18n import Lang, Text
from shared.identifiers.digital_link import Code

_UNREGISTERED_PRODUCT = Text("没有登记的产品", "Unregistered product")


@dataclass(frozen=True)
class Rendered:
    """What is stored of one lot, and the event that tells it (None for a lot that is of no public concern)."""

    state: rules.State
    expires_on: date | None
    producer_uscc: str
    body_zh: str
    body_en: str
    event: LotUpdated | None
    digest: str


@dataclass(frozen=True)
class Mark:
    """One listing of the producer, as credit's events told it."""

    colour: str
    ground: str
    ground_en: str
    valid_from: date
    valid_until: date
    removed_on: date | None
    as_of: str

    def in_force(self, today: date) -> bool:
        return self.valid_from <= today <= self.valid_until and (self.removed_on is None or today < self.removed_on)


@dataclass(frozen=True)
class Stored:
    """A stored answer as the hot read finds it, with what credit said of the producer."""

    state: rules.State
    expires_on: date | None
    producer_uscc: str
    body: str
    marks: list[Mark]
    credit_as_of: str | None
    stale: bool = False
    """Whether more is known of the lot than the body tells."""


def render(facts: LotFacts, *, announced: bool = False) -> Rendered:
    """`announced`: others were told of the lot before, so they are told too when nothing is known of it any more."""
    decision = rules.decide(facts.facts)
    journey = steps(facts.seen)
    event = _event(facts, decision, journey, announced)
    bodies = {lang: _stored(facts, decision, journey, lang) for lang in ("zh", "en")}
    expires_on = facts.lot.expires_on if facts.lot else None
    producer = facts.lot.owner_uscc if facts.lot else ""
    told = event.model_dump_json() if event else decision.state
    digest = hashlib.sha256("\n".join((told, bodies["zh"], bodies["en"])).encode()).hexdigest()
    return Rendered(decision.state, expires_on, producer, bodies["zh"], bodies["en"], event, digest)


def _event(facts: LotFacts, decision: rules.Decision, journey: list[JourneyStep], announced: bool) -> LotUpdated | None:
    if decision.state == "unknown" and not announced:
        return None
    lot, product, party = facts.lot, facts.product, facts.party
    if lot is None and decision.recall is None and not announced:
        return None
    seen = min((seen.at for seen in facts.seen), default=None)
    known_since = (lot.registered_at or lot.first_seen_at) if lot else seen or facts.recalled_at
    if known_since is None:
        return None
    return LotUpdated(
        lot_id=facts.lot_id,
        gtin=facts.gtin,
        lot=facts.number,
        verdict=decision.state,
        held=any(alert.holds for alert in facts.alerts),
        reasons=[reason.zh for reason in decision.reasons],
        reasons_en=[reason.en for reason in decision.reasons],
        product_name=facts.product_name or _UNREGISTERED_PRODUCT.zh,
        product_name_en=product.name_en if product else None,
        producer_uscc=lot.owner_uscc if lot else "",
        producer_name=party.name if party else "",
        origin=lot.origin if lot else None,
        produced_on=lot.produced_on if lot else None,
        expires_on=lot.expires_on if lot else None,
        registered_at=known_since,
        claims=product.claims if product else [],
        journey=journey,
        tests=facts.tests,
        tests_check=_check_summary(decision.checks[-1]),
        recall=decision.recall,
        open_alerts=len(facts.alerts),
    )


def _check_summary(check: rules.Check) -> CheckSummary:
    return CheckSummary(
        ok=check.ok, title=check.title.zh, title_en=check.title.en, text=check.text.zh, text_en=check.text.en
    )


def _stored(facts: LotFacts, decision: rules.Decision, journey: list[JourneyStep], lang: Lang) -> str:
    """All but verdict, title and credit; `reasons` are those of the state, the date is checked when it is asked."""
    lot, party = facts.lot, facts.party
    recall = decision.recall
    body = {
        "reasons": [reason(lang) for reason in decision.reasons],
        "checks": [check_json(check, lang) for check in decision.checks],
        "product": product_json(facts.product, lang) if facts.product else None,
        "producer": {
            "uscc": lot.owner_uscc,
            "name": party.name if party else None,
            "area_code": party.area_code if party else None,
        }
        if lot
        else None,
        "origin": lot.origin if lot else None,
        "produced_on": lot.produced_on if lot else None,
        "expires_on": lot.expires_on if lot else None,
        "registered_at": _instant(lot.registered_at) if lot else None,
        "quantity": {"value": f"{lot.quantity:f}", "uom": lot.uom} if lot and lot.quantity is not None else None,
        "journey": [_step_json(step, lang) for step in journey],
        "tests": [_test_json(facts, test, lang) for test in facts.tests],
        "recall": recall_json(recall, lang) if recall else None,
        "persistent_disposition": {"set": ["recalled"] if recall else [], "unset": []},
        "open_alerts": len(facts.alerts),
        "claims": facts.product.claims if facts.product else [],
    }
    return orjson.dumps(body).decode()


def _step_json(step: JourneyStep, lang: Lang) -> dict[str, Any]:
    title = words.GAPS[step.step](lang) if step.gap else words.step_title(step.step, lang)
    return {
        "at": _instant(step.at),
        "step": step.step,
        "title": title,
        "place": step.place,
        "area_code": step.area_code,
        "party": step.party,
        "note": step.note,
        "gap": step.gap,
    }


def _test_json(facts: LotFacts, test: TestSummary, lang: Lang) -> dict[str, Any]:
    english = {"summary": facts.tests_en.get(test.test_id)} if lang == "en" else {}
    return test.model_dump(mode="json") | english


def product_json(product: Product, lang: Lang) -> dict[str, Any]:
    return {
        "gtin": product.gtin,
        "name": (lang == "en" and product.name_en) or product.name,
        "name_zh": product.name,
        "category": product.category,
        "shelf_life_days": product.shelf_life_days,
    }


def recall_json(recall: Instruction, lang: Lang) -> dict[str, Any]:
    return {
        "recall_id": recall.recall_id,
        "number": recall.number,
        "level": recall.level,
        "reason": (lang == "en" and recall.reason_en) or recall.reason,
        "started_on": recall.started_on,
        "contact": recall.contact,
    }


def check_json(check: rules.Check, lang: Lang) -> dict[str, Any]:
    return {"code": check.code, "ok": check.ok, "title": check.title(lang), "text": check.text(lang)}


def answer(code: Code, stored: Stored, today: date, lang: Lang) -> bytes:
    """The stored answer with what the day and credit decide.

    It is cut at its keys and never read: a key between quotes cannot stand in a string, whose quotes are escaped, and
    the first of each of these names is the outer one (`_stored`).
    """
    text = stored.body
    checks_at = text.index('"checks":')
    product_at = text.index('"product":', checks_at)
    producer_at = text.index('"producer":', product_at)
    origin_at = text.index('"origin":', producer_at)
    reasons, checks, producer = text[1:checks_at], text[checks_at:product_at], text[producer_at:origin_at]
    verdict = rules.on_day(stored.state, stored.expires_on, today)
    if stored.expires_on is not None and today > stored.expires_on:
        begin = checks.index('{"code":"shelf_life"')
        dated = orjson.dumps(check_json(rules.shelf_life(stored.expires_on, today), lang)).decode()
        checks = checks[:begin] + dated + checks[checks.index(',{"code":"recall"', begin) :]
        if verdict == "expired":
            reasons = _reasons(rules.expired_reason(stored.expires_on)(lang))
    if verdict == "safe":
        reasons = _safe(checks.count('"ok":true'), checks.count('"ok":'), lang)
    if stored.producer_uscc:
        credit = orjson.dumps(credit_json(stored.marks, stored.credit_as_of, today, lang)).decode()
        producer = f'{producer[:-2]},"credit":{credit}}},'
    ways = links(code, stored.producer_uscc, _recall_id(text, origin_at) if stored.state == "recalled" else None)
    return "".join(
        (
            _head(code, verdict, lang),
            reasons,
            checks,
            text[product_at:producer_at],
            producer,
            text[origin_at:-1],
            ',"links":',
            orjson.dumps(ways).decode(),
            "}",
        )
    ).encode()


def _head(code: Code, verdict: rules.Verdict, lang: Lang) -> str:
    head = {"code": code_json(code), "verdict": verdict, "title": words.TITLES[verdict](lang)}
    return orjson.dumps(head).decode()[:-1] + ","


def _reasons(text: str) -> str:
    return orjson.dumps({"reasons": [text]}).decode()[1:-1] + ","


@lru_cache(maxsize=100)
def _safe(known: int, all_checks: int, lang: Lang) -> str:
    return _reasons(rules.safe_reason([True] * known + [None] * (all_checks - known))(lang))


def _recall_id(text: str, start: int) -> str:
    begin = text.index('"recall":{"recall_id":', start) + len('"recall":{"recall_id":')
    found: str = orjson.loads(text[begin : text.index(',"number":', begin)])
    return found


def code_json(code: Code) -> dict[str, str | None]:
    return {"gtin": code.gtin, "lot": code.lot, "serial": code.serial, "lot_id": code.lot_id, "uri": code.uri()}


def credit_json(marks: Sequence[Mark], as_of: str | None, today: date, lang: Lang) -> dict[str, Any]:
    """The producer's public credit; it stands beside the verdict and never changes it."""
    in_force = (one for one in marks if one.in_force(today))
    mark = min(in_force, key=lambda one: (one.colour != "black", one.valid_from), default=None)
    times = [one.as_of for one in marks] + ([as_of] if as_of else [])
    return {
        "status": mark.colour if mark else "none",
        "since": mark.valid_from if mark else None,
        "until": mark.valid_until if mark else None,
        "ground": ((lang == "en" and mark.ground_en) or mark.ground) if mark else None,
        "as_of": max(times, default=None),
    }


def unknown(code: Code, product: Product | None, recalled: Sequence[str], lang: Lang) -> dict[str, Any]:
    """The answer for a code that no row stands for: `unknown`, with what is known of the product."""
    if product is None:
        reason = Text(
            "没有这个码的记录：可能没有登记、输错，或是假冒",
            "There is no record of this code: it may be unregistered, mistyped or counterfeit",
        )
    elif code.lot is None:
        reason = Text("这个码没有批号，只能查到产品", "This code names no lot, so only the product is known")
    else:
        reason = Text("生产者没有登记这个批次", "The producer has not registered this lot")
    registered = rules.Check("registered", False, Text("批次没有登记", "Lot not registered"), reason)
    return {
        "code": code_json(code),
        "verdict": "unknown",
        "title": words.TITLES["unknown"](lang),
        "reasons": [reason(lang)],
        "checks": [check_json(registered, lang)],
        "product": product_json(product, lang) if product else None,
        "producer": None,
        "origin": None,
        "produced_on": None,
        "expires_on": None,
        "registered_at": None,
        "quantity": None,
        "journey": [],
        "tests": [],
        "recall": None,
        "persistent_disposition": {"set": [], "unset": []},
        "open_alerts": 0,
        "claims": product.claims if product else [],
        "recalled_lots": list(recalled),
        "links": links(code, None, None),
    }


def links(code: Code, producer_uscc: str | None, recall_id: str | None) -> dict[str, str]:
    escaped = code.escaped_uri()
    found = {
        "digital_link": code.uri(),
        "verdict": f"/v1/traceability/verdicts/{escaped}",
        "scans": f"/v1/traceability/scans/{escaped}",
        "linkset": f"/v1/traceability/codes/{escaped}/linkset",
    }
    if producer_uscc:
        found["enterprise"] = f"/v1/enterprises/{producer_uscc}"
    if recall_id:
        found["recall"] = f"/v1/traceability/recalls/{recall_id}"
    return found


def _instant(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None
