"""An answer is cut together out of stored bytes; this is the same answer made of the parsed body."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, cast
from urllib.parse import quote

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.traceability.masterdata.models import Lot, Party, Product
from services.traceability.verdicts import body, rules, words
from services.traceability.verdicts.body import Mark, Stored
from services.traceability.verdicts.facts import LotFacts
from services.traceability.verdicts.journey import Seen
from services.traceability.verdicts.rules import OpenAlert, Recalled
from shared.events.traceability import Instruction, TestSummary
from shared.i18n import Lang, Text
from shared.identifiers.digital_link import Code

GTIN, USCC = "06901234567892", "91370600MA3C00003H"
LAST = date(2026, 11, 30)
AT = datetime(2026, 11, 1, tzinfo=UTC)
LOOKS_LIKE_JSON = [
    '"checks":[',
    ',"product":{"producer":{"origin":1',
    '{"code":"shelf_life","ok":true}',
    '"recall":{"recall_id":"x","number":',
    '\\","product":null',
    "}],",
]
texts = st.sampled_from([*LOOKS_LIKE_JSON, "红富士苹果"]) | st.text(
    st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
)
texts_or_none = st.none() | texts


def whole(code: Code, stored: Stored, today: date, lang: Lang) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(stored.body)
    verdict = rules.on_day(stored.state, stored.expires_on, today)
    dated = body.check_json(rules.shelf_life(stored.expires_on, today), lang)
    content["checks"] = [dated if check["code"] == "shelf_life" else check for check in content["checks"]]
    if verdict == "expired":
        content["reasons"] = [rules.expired_reason(cast(date, stored.expires_on))(lang)]
    elif verdict == "safe":
        content["reasons"] = [rules.safe_reason([check["ok"] for check in content["checks"]])(lang)]
    if content["producer"]:
        content["producer"]["credit"] = body.credit_json(stored.marks, stored.credit_as_of, today, lang)
    uri, escaped = code.link.uri(), quote(code.link.uri(), safe="")
    links = {
        "digital_link": uri,
        "verdict": f"/v1/traceability/verdicts/{escaped}",
        "scans": f"/v1/traceability/scans/{escaped}",
        "linkset": f"/v1/traceability/codes/{escaped}/linkset",
    }
    if content["producer"]:
        links["enterprise"] = f"/v1/enterprises/{content['producer']['uscc']}"
    if content["recall"]:
        links["recall"] = f"/v1/traceability/recalls/{content['recall']['recall_id']}"
    named = {"gtin": code.gtin, "lot": code.lot, "serial": code.serial, "lot_id": code.lot_id, "uri": uri}
    return {"code": named, "verdict": verdict, "title": words.TITLES[verdict](lang)} | content | {"links": links}


@st.composite
def lots(draw: st.DrawFn) -> LotFacts:
    number = draw(st.sampled_from(["B1", "A/1+(b)%", 'q"']))
    expires_on = draw(st.sampled_from([None, LAST]))
    facts = LotFacts(f"{GTIN}.{number}", GTIN, number)
    if draw(st.booleans()):
        facts.lot = Lot(
            lot_id=facts.lot_id,
            gtin=GTIN,
            lot=number,
            owner_uscc=USCC,
            origin=draw(texts_or_none),
            expires_on=expires_on,
            quantity=draw(st.sampled_from([None, Decimal("1200.500")])),
            uom=draw(st.sampled_from([None, "kg"])),
            registered_at=draw(st.sampled_from([None, AT])),
            first_seen_at=AT,
            updated_at=AT,
        )
    if draw(st.booleans()):
        name, name_en, claims = draw(texts), draw(texts_or_none), draw(st.lists(texts, max_size=2))
        facts.product = Product(
            gtin=GTIN, name=name, name_en=name_en, owner_uscc=USCC, area_code="370600", claims=claims, updated_at=AT
        )
        facts.party = Party(uscc=USCC, name=draw(texts), area_code="370600", roles=[], licences=[], updated_at=AT)
    if draw(st.booleans()):
        level = cast(Literal[1, 2, 3], draw(st.integers(1, 3)))
        notice = Instruction(
            recall_id=f"r-{level}",
            number=draw(texts),
            level=level,
            reason=draw(texts),
            reason_en=draw(texts_or_none),
            started_on=LAST,
            contact=draw(texts_or_none),
        )
        facts.recalls.append(Recalled(notice, closed=draw(st.booleans())))
    if draw(st.booleans()):
        facts.alerts.append(OpenAlert(Text(draw(texts), draw(texts)), draw(st.booleans()), draw(st.booleans())))
    if draw(st.booleans()):
        result = cast(Literal["pass", "fail"], draw(st.sampled_from(["pass", "fail"])))
        facts.tests.append(
            TestSummary(
                test_id="t",
                tested_on=LAST,
                laboratory=draw(texts),
                result=result,
                items=3,
                report_number=draw(texts),
                summary=draw(texts_or_none),
            )
        )
    if draw(st.booleans()):
        place, note = draw(texts), draw(texts_or_none)
        facts.seen.append(Seen("e", AT, facts.lot_id, "own", "ObjectEvent", "shipping", place=place, note=note))
    return facts


marks = st.builds(
    Mark,
    st.sampled_from(["black", "red"]),
    texts,
    texts,
    st.just(date(2026, 1, 1)),
    st.just(date(2027, 1, 1)),
    st.sampled_from([None, date(2026, 6, 1)]),
    st.just("2026-01-01T00:00:00.000000Z"),
)


@given(
    lots(),
    st.lists(marks, max_size=2),
    st.sampled_from([-1, 0, 1, 40]),
    st.sampled_from([None, "21"]),
    st.booleans(),
    st.sampled_from(["zh", "en"]),
)
def test_cut_together_is_what_was_said(
    facts: LotFacts, listed: list[Mark], days: int, serial: str | None, extra: bool, lang: Lang
) -> None:
    rendered = body.render(facts)
    text = rendered.body_zh if lang == "zh" else rendered.body_en
    stored = Stored(rendered.state, rendered.expires_on, rendered.producer_uscc, text, listed, None)
    code = Code(GTIN, facts.number, serial, (("17", "261231"), ("22", "v/1")) if extra else ())
    today = LAST + timedelta(days=days)
    answer = body.answer(code, stored, today, lang)
    assert answer == orjson.dumps(whole(code, stored, today, lang))
