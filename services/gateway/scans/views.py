"""The answer for one code as data: one indexed read."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import orjson

from services.gateway.names import area_name
from services.gateway.recalls import rules as recalls
from services.gateway.scans import body, repository, rules
from services.gateway.schemas import Envelope, Producer, ScanView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.clients import UPSTREAMS
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
            text, changed_at, under, product, *producer = row
            lot = orjson.loads(text)
            if under is not None and lot["recall"] is None and (found := await _notice(platform, code.lot_id)):
                lot, changed_at = rules.under_recall(lot, found[0]), max(changed_at, found[1])
            made_by = _producer(platform, lot["producer_uscc"], lot["producer_name"], producer, day)
            view = rules.of_lot(code, lot, _json(product), made_by, day)
            return _with_age(platform, view, changed_at, producer[1])
    found = await _notice(platform, code.lot_id) if code.lot_id is not None else None
    lots = [] if found else await repository.read_recalled_lots(platform.db, code.gtin)
    notice, told_at = found or (None, max((at for _, at in lots), default=""))
    row = await repository.read_product(platform.db, code.gtin)
    product, changed_at, *producer = row or (None, "", None, None, None, None)
    known = _json(product)
    made_by = _producer(platform, known["owner_uscc"], "", producer, day) if known else None
    view = rules.of_product(code, known, [lot for lot, _ in lots], made_by, notice)
    return _with_age(platform, view, max(changed_at, told_at), producer[1])


async def _notice(platform: "Platform", lot_id: str) -> tuple[dict[str, Any], str] | None:
    """The notice of the recall that a lot is under, with the time of the newest event about it."""
    found = [(orjson.loads(body), at) for body, at in await repository.read_recalls(platform.db, lot_id)]
    if not found:
        return None
    told = rules.worst([(recalls.notice(body), body["state"] == "closed") for body, _ in found])
    return dict(told), max(at for _, at in found)


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _producer(platform: "Platform", uscc: str, name: str, columns: list[Any], day: Any) -> Producer | None:
    if not uscc:
        return None
    listings, _, identity, party = columns
    made_by = rules.producer(uscc, name, _json(listings), _json(identity), _json(party), day)
    made_by["area_name"] = area_name(made_by["area_code"])
    return made_by


def _envelope(platform: "Platform", changed_at: str | None, credit_at: str | None) -> Envelope:
    changed = {"traceability": changed_at, "credit": credit_at}
    return freshness.envelope(UPSTREAMS.of(platform).monitor, changed, platform.clock.now())


def _with_age(platform: "Platform", view: ScanView, changed_at: str | None, credit_at: str | None) -> ScanView:
    envelope = _envelope(platform, changed_at, credit_at)
    mark = view["producer"]["credit"] if view["producer"] else None
    if mark is not None:
        mark["as_of"] = envelope["parts"]["credit"]["as_of"]
    return cast(ScanView, view | envelope)


@dataclass(frozen=True, slots=True)
class Scanned:
    """An answer in one language, with what makes it stale."""

    content: bytes
    envelope: Envelope
    uscc: str | None


async def scanned(platform: "Platform", code: Code, lang: Lang) -> Scanned:
    """What `answer` of `of_code` says, of a registered lot out of ready bytes."""
    row = await _ready(platform, code, code.lot_id, lang) if code.lot_id is not None else None
    if row is None:
        view = await of_code(platform, code)
        content = orjson.dumps(body.answer(view, code, lang))
        return Scanned(content, view, view["producer"]["uscc"] if view["producer"] else None)
    text, uscc, changed_at, under, product, listings, credit_at, identity, party = row
    if under is not None and not body.tells_recall(text):
        view = await of_code(platform, code)
        return Scanned(orjson.dumps(body.answer(view, code, lang)), view, uscc or None)
    if text.startswith("{"):  # a row that was stored before there were ready bytes
        text = body.ready(orjson.loads(text), lang)
    now = platform.clock.now()
    envelope = _envelope(platform, changed_at, credit_at)
    kept = body.Kept(text, product, listings, identity, party)
    as_of = envelope["parts"]["credit"]["as_of"]
    return Scanned(body.of_lot(kept, code, shanghai_date(now), envelope, as_of, lang), envelope, uscc or None)


@dataclass(frozen=True, slots=True)
class _Columns:
    """What stands beside a lot, kept in the hot cache until its tags go stale."""

    values: tuple[Any, ...]
    tags: tuple[str, ...]
    body: bytes = b""


async def _ready(platform: "Platform", code: Code, lot_id: str, lang: Lang) -> tuple[Any, ...] | None:
    """Columns of `repository.READY`. Many lots share a product and a producer, so these are read once."""
    cache = platform.hot_cache
    product_key, version = ("product", code.gtin), cache.version
    product = cache.get(product_key)
    if product is not None:
        lot = await repository.read_ready_alone(platform.db, lot_id, lang)
        if lot is None:
            return None
        producer = cache.get(("producer", lot[1]))
        if producer is not None:
            return (*lot, *product.values, *producer.values)
    row = await repository.read_ready(platform.db, lot_id, code.gtin, lang)
    if row is not None:
        uscc = row[1]
        cache.put(product_key, _Columns(row[4:5], (f"product:{code.gtin}",)), version)
        cache.put(("producer", uscc), _Columns(row[5:], (f"enterprise:{uscc}",)), version)
    return row
