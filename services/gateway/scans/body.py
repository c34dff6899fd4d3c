"""The body of `/v1/scan` in one language: of a view, and of a registered lot as bytes that were made ready. Pure.

Of each lot are kept lines of JSON fragments (JSON itself holds no line break): its facts, the head within the date, the
head past it, the names of the product, the rest. What the code, the day, the product, the producer and the age of the
parts decide is put between them when it is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from services.gateway.scans import rules
from services.gateway.schemas import Producer, ScanView
from shared.i18n import Lang
from shared.identifiers.digital_link import Code


def answer(view: ScanView, code: Code, lang: Lang) -> dict[str, Any]:
    """The form of traceability's verdict in one language, with the age of its parts."""
    product = view["product"]
    named = {"gtin": product["gtin"], **_names(view, lang), "category": product["category"]} if product else None
    return {
        "code": _code(code),
        **_head(view, lang),
        "product": named,
        "producer": _producer(view["producer"], lang) if view["producer"] else None,
        **_rest(view, lang),
        "links": view["links"],
        "complete": view["complete"],
        "parts": view["parts"],
        "errors": view["errors"],
    }


def _code(code: Code) -> dict[str, Any]:
    return {"gtin": code.gtin, "lot": code.lot, "serial": code.serial, "lot_id": code.lot_id, "uri": code.uri()}


def _head(view: ScanView, lang: Lang) -> dict[str, Any]:
    return {
        "verdict": view["verdict"],
        "title": rules.TITLES[view["verdict"]](lang),
        "reasons": view["reasons_en"] if lang == "en" else view["reasons"],
        "checks": [
            {"code": c["code"], "ok": c["ok"], "title": _of(c, "title", lang), "text": _of(c, "text", lang)}
            for c in view["checks"]
        ],
    }


def _names(view: ScanView, lang: Lang) -> dict[str, Any]:
    product = view["product"]
    return {"name": _of(product, "name", lang), "name_zh": product["name"]} if product else {}


def _rest(view: ScanView, lang: Lang) -> dict[str, Any]:
    product, recall = view["product"], view["recall"]
    told = {key: value for key, value in recall.items() if key != "reason_en"} if recall else None
    return {
        "origin": view["origin"],
        "produced_on": view["produced_on"],
        "expires_on": view["expires_on"],
        "registered_at": view["registered_at"],
        "journey": view["journey"],
        "tests": view["tests"],
        "recall": told | {"reason": _of(recall, "reason", lang)} if told and recall else None,
        "claims": product["claims"] if product else [],
        "recalled_lots": view["recalled_lots"],
    }


def _producer(producer: Producer, lang: Lang) -> dict[str, Any]:
    mark = producer["credit"]
    credit = None
    if mark is not None:
        credit = {key: mark[key] for key in ("status", "since", "until", "listing_id", "as_of")}
        credit["ground"] = _of(mark, "ground", lang)
    return {"uscc": producer["uscc"], "name": producer["name"], "area_code": producer["area_code"], "credit": credit}


def _of(body: Mapping[str, Any], key: str, lang: Lang) -> Any:
    return (lang == "en" and body[key + "_en"]) or body[key]


# --- of a registered lot --------------------------------------------------------------------------------------------


def ready(lot: Mapping[str, Any], lang: Lang) -> str:
    """What is kept of a lot. `lot` is its body as it is stored, keys sorted."""
    code, recall = Code(lot["gtin"], lot["lot"]), lot["recall"]
    within = rules.of_lot(code, lot, None, None, date.min)
    past = rules.of_lot(code, lot, None, None, date.max)
    facts = [lot["expires_on"], lot["producer_uscc"], lot["producer_name"], recall["recall_id"] if recall else None]
    fragments = (_head(within, lang), _head(past, lang), _names(within, lang), _rest(within, lang))
    return "\n".join((_text(facts), *map(_inner, fragments)))


def tells_recall(text: str) -> bool:
    """Whether what is kept of a lot (or its body, in an old row) names its recall."""
    if text.startswith("{"):
        return orjson.loads(text)["recall"] is not None
    recall_id: str | None = orjson.loads(text[: text.index("\n")])[3]
    return recall_id is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """A lot as the hot read finds it: what is kept of it, and columns of the product and the producer as JSON text."""

    text: str
    product: str | None
    listings: str | None
    identity: str | None
    party: str | None


def of_lot(kept: Kept, code: Code, day: date, parts: Mapping[str, Any], as_of: str | None, lang: Lang) -> bytes:
    """Byte for byte `answer` of the view. `parts`: the envelope; `as_of`: of credit's part."""
    facts, within, past, names, rest = kept.text.split("\n")
    expires_on, uscc, name, recall_id = orjson.loads(facts)
    head = past if expires_on and day.isoformat() > expires_on else within
    made_by = "null"
    if uscc:
        made_by = _producer_text(uscc, name, kept.listings, kept.identity, kept.party, day, as_of, lang)
    return (
        f'{{"code":{_text(_code(code))},{head},"product":{{"gtin":"{code.gtin}",{names},'
        f'"category":{_category(kept.product)}}},"producer":{made_by},{rest},'
        f'"links":{_text(rules.links(code, uscc, recall_id))},{_inner(parts)}}}'
    ).encode()


# Texts in, text out, so what is remembered cannot be stale: a changed row is another text.
@lru_cache(maxsize=2_000)
def _category(product: str | None) -> str:
    return _text(orjson.loads(product)["category"]) if product else "null"


@lru_cache(maxsize=2_000)
def _producer_text(
    uscc: str,
    name: str,
    listings: str | None,
    identity: str | None,
    party: str | None,
    day: date,
    as_of: str | None,
    lang: Lang,
) -> str:
    made_by = rules.producer(uscc, name, _json(listings), _json(identity), _json(party), day)
    if made_by["credit"]:
        made_by["credit"]["as_of"] = as_of
    return _text(_producer(made_by, lang))


def _json(text: str | None) -> Any:
    return orjson.loads(text) if text else None


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _inner(value: Mapping[str, Any]) -> str:
    return _text(value)[1:-1]
