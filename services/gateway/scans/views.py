"""The answer for one code as data: one indexed read."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import orjson

from services.gateway import freshness
from services.gateway.names import area_name
from services.gateway.scans import repository, rules
from services.gateway.schemas import Producer, ScanView
from services.gateway.state import gateway_of
from shared.clock import shanghai_date
from shared.errors import Malformed
from shared.i18n import Lang
from shared.identifiers import IdentifierError
from shared.identifiers.digital_link import Code, parse_any

if TYPE_CHECKING:
    from shared.platform import Platform


LONGEST_CODE = 2_000


def read_code(text: str) -> Code:
    """The code in any form. Raises Malformed (400) that says which character is wrong and what should stand there."""
    try:
        return parse_any(text)
    except IdentifierError as error:
        raise Malformed(
            error.code, zh=error.zh, en=error.en, position=error.position, expected=error.expected
        ) from error


def code_in_path(raw: bytes) -> Code:
    """The code of a raw path remainder: a Digital Link path as it stands, or one percent-encoded segment."""
    if len(raw) > LONGEST_CODE:
        raise Malformed(
            "code.length",
            zh=f"编码太长，最多 {LONGEST_CODE} 个字符",
            en=f"The code is too long; it has at most {LONGEST_CODE} characters",
        )
    return _code_in_path(raw)


@lru_cache(maxsize=20_000)
def _code_in_path(raw: bytes) -> Code:
    text = raw.decode("latin-1").lstrip("/")
    return read_code("/" + text if "/" in text else unquote(text))


async def scan_view(platform: "Platform", code: str | Code, lang: Lang = "zh") -> ScanView:
    """The verdict with everything that stands on the page of a code. `lang` is for the words of an error only.

    A code that nobody registered is an answer (`unknown`), not an error. Raises Malformed for what is no code.
    """
    parsed = code if isinstance(code, Code) else read_code(code)
    return await of_code(platform, parsed)


async def of_code(platform: "Platform", code: Code) -> ScanView:
    now = platform.clock.now()
    day = shanghai_date(now)
    if code.lot_id is not None:
        row = await repository.read_lot(platform.db, code.lot_id, code.gtin)
        if row is not None:
            lot, changed_at, product, *producer = row
            body = orjson.loads(lot)
            made_by = _producer(platform, body["producer_uscc"], body["producer_name"], producer, day)
            view = rules.of_lot(code, body, _json(product), made_by, day)
            return _with_age(platform, view, changed_at, producer[1])
    row = await repository.read_product(platform.db, code.gtin)
    if row is None:
        return _with_age(platform, rules.of_product(code, None, {}, None), None, None)
    product, changed_at, recalls, *producer = row
    body = _json(product)
    made_by = _producer(platform, body["owner_uscc"], "", producer, day) if body else None
    view = rules.of_product(code, body, orjson.loads(recalls), made_by)
    return _with_age(platform, view, changed_at, producer[1])


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _producer(platform: "Platform", uscc: str, name: str, columns: list[Any], day: Any) -> Producer | None:
    if not uscc:
        return None
    listings, _, identity, party = columns
    made_by = rules.producer(uscc, name, _json(listings), _json(identity), _json(party), day)
    made_by["area_name"] = area_name(made_by["area_code"])
    return made_by


def _with_age(platform: "Platform", view: ScanView, changed_at: str | None, credit_at: str | None) -> ScanView:
    changed = {"traceability": changed_at, "credit": credit_at}
    envelope = freshness.envelope(gateway_of(platform).monitor, changed, platform.clock.now())
    mark = view["producer"]["credit"] if view["producer"] else None
    if mark is not None:
        mark["as_of"] = envelope["parts"]["credit"]["as_of"]
    return cast(ScanView, view | envelope)


def answer(view: ScanView, code: Code, lang: Lang) -> dict[str, Any]:
    """The body of `/v1/scan`: the form of traceability's verdict in one language, with the age of its parts."""
    product, recall = view["product"], view["recall"]
    producer: dict[str, Any] | None = None
    if view["producer"]:
        producer = {key: view["producer"][key] for key in ("uscc", "name", "area_code")}
        producer["credit"] = _credit(view["producer"], lang)
    return {
        "code": {"gtin": code.gtin, "lot": code.lot, "serial": code.serial, "lot_id": code.lot_id, "uri": code.uri()},
        "verdict": view["verdict"],
        "title": rules.TITLES[view["verdict"]](lang),
        "reasons": view["reasons_en"] if lang == "en" else view["reasons"],
        "checks": [
            {"code": c["code"], "ok": c["ok"], "title": _of(c, "title", lang), "text": _of(c, "text", lang)}
            for c in view["checks"]
        ],
        "product": {
            "gtin": product["gtin"],
            "name": _of(product, "name", lang),
            "name_zh": product["name"],
            "category": product["category"],
        }
        if product
        else None,
        "producer": producer,
        "origin": view["origin"],
        "produced_on": view["produced_on"],
        "expires_on": view["expires_on"],
        "registered_at": view["registered_at"],
        "journey": view["journey"],
        "tests": view["tests"],
        "recall": {key: value for key, value in recall.items() if key != "reason_en"}
        | {"reason": _of(recall, "reason", lang)}
        if recall
        else None,
        "claims": product["claims"] if product else [],
        "recalled_lots": view["recalled_lots"],
        "links": view["links"],
        "complete": view["complete"],
        "parts": view["parts"],
        "errors": view["errors"],
    }


def _credit(producer: Producer, lang: Lang) -> dict[str, Any] | None:
    mark = producer["credit"]
    if mark is None:
        return None
    return {key: mark[key] for key in ("status", "since", "until", "listing_id", "as_of")} | {
        "ground": _of(mark, "ground", lang)
    }


def _of(body: Mapping[str, Any], key: str, lang: Lang) -> Any:
    return (lang == "en" and body[key + "_en"]) or body[key]
