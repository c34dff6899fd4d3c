"""Everything that a verdict is made of, for many lots at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, cast

from sqlalchemy import and_, bindparam, case, delete, func, or_, select, text, update
from sqlmodel import col

from services.traceability.alerts.models import Alert, AlertLot
from services.traceability.inspections import rules as inspections
from services.traceability.inspections.models import LotTest
from services.traceability.masterdata.models import Lot, Party, Product
from services.traceability.recalls.models import Recall, RecallLot
from services.traceability.verdicts.body import Mark, Stored
from services.traceability.verdicts.facts import LotFacts
from services.traceability.verdicts.models import LotVerdict, StaleLot
from services.traceability.verdicts.rules import OpenAlert, Recalled
from services.traceability.verdicts.ways import journeys
from shared.clock import shanghai_date
from shared.db import AsyncSession, Database
from shared.db.sql import among, chunks, upsert
from shared.db.types import UTC, utc_text
from shared.events.traceability import Instruction, TestSummary
from shared.i18n import Lang, Text

FRESH = {"populate_existing": True}
"""Set-based writes go past the session's objects, so what it has in hand may be old."""
MAX_TESTS = 20
"""Newest reports of authorities, and as many of the producer's own, that a verdict names."""


async def load(session: AsyncSession, lot_ids: Sequence[str]) -> dict[str, LotFacts]:
    """The facts of each lot that is registered, seen or recalled; others are left out."""
    found: dict[str, LotFacts] = {}
    for chunk in chunks(lot_ids):
        statement = (
            select(Lot, Product, Party)
            .outerjoin(Product, col(Product.gtin) == col(Lot.gtin))
            .outerjoin(Party, col(Party.uscc) == col(Lot.owner_uscc))
            .where(col(Lot.lot_id).in_(chunk))
        )
        for lot, product, party in (await session.execute(statement.execution_options(**FRESH))).all():
            name = product.name if product else ""
            found[lot.lot_id] = LotFacts(lot.lot_id, lot.gtin, lot.lot, lot, product, party, name)
        await _recalls(session, chunk, found)
        await _alerts(session, chunk, found)
        await _tests(session, chunk, found)
    for lot_id, seen in (await journeys(session, sorted(found))).items():
        found[lot_id].seen = seen
    return found


async def _recalls(session: AsyncSession, lot_ids: list[str], found: dict[str, LotFacts]) -> None:
    statement = (
        select(RecallLot, Recall)
        .join(Recall, col(Recall.recall_id) == col(RecallLot.recall_id))
        .where(col(RecallLot.lot_id).in_(lot_ids))
    )
    for row, recall in (await session.execute(statement.execution_options(**FRESH))).all():
        # Also of a revoked one: a lot that no register has is known by it, and what was said of it has an end.
        facts = found.setdefault(row.lot_id, LotFacts(row.lot_id, row.gtin, row.lot, product_name=row.product_name))
        facts.recalled_at = min(recall.opened_at, facts.recalled_at or recall.opened_at)
        if recall.outcome == "revoked":
            continue
        facts.recalls.append(Recalled(instruction(recall), closed=recall.state == "closed"))


def instruction(recall: Recall) -> Instruction:
    return Instruction(
        recall_id=recall.recall_id,
        number=recall.number,
        level=cast(Literal[1, 2, 3], recall.level),
        reason=recall.reason,
        reason_en=recall.reason_en,
        started_on=shanghai_date(recall.opened_at),
        contact=recall.contact,
    )


async def _alerts(session: AsyncSession, lot_ids: list[str], found: Mapping[str, LotFacts]) -> None:
    statement = (
        select(col(AlertLot.lot_id), Alert)
        .join(Alert, col(Alert.alert_id) == col(AlertLot.alert_id))
        .where(col(AlertLot.lot_id).in_(lot_ids), col(AlertLot.open).is_(True))
        .order_by(col(Alert.alert_id))
    )
    for lot_id, alert in (await session.execute(statement.execution_options(**FRESH))).all():
        if facts := found.get(lot_id):
            test_id = alert.cause.removeprefix("test:") if alert.cause.startswith("test:") else None
            facts.alerts.append(OpenAlert(Text(alert.summary, alert.summary_en), alert.holds, test_id))


async def _tests(session: AsyncSession, lot_ids: list[str], found: Mapping[str, LotFacts]) -> None:
    """The newest reports, supervision and the firm's own counted apart so that neither pushes the other out, and every
    report that an open alert rests on: that one in its newest failing version, also when a later version passes."""
    held = {alert.test_id for facts in found.values() for alert in facts.alerts if alert.test_id is not None}
    own = case((col(LotTest.kind) == "supervision", 0), else_=1)
    newest = (col(LotTest.tested_on).desc(), col(LotTest.test_id).desc())
    rank = func.row_number().over(partition_by=(col(LotTest.lot_id), own), order_by=newest).label("rank")
    present = (
        select(col(LotTest.test_id), col(LotTest.version), rank)
        .where(col(LotTest.lot_id).in_(lot_ids), col(LotTest.known_to).is_(None))
        .subquery()
    )
    chosen = and_(present.c.test_id == col(LotTest.test_id), present.c.version == col(LotTest.version))
    statement = select(LotTest).join(present, chosen).where(present.c.rank <= MAX_TESTS)
    tests = {test.test_id: test for test in (await session.execute(statement.execution_options(**FRESH))).scalars()}
    for chunk in chunks(held):
        failing = select(LotTest).where(col(LotTest.test_id).in_(chunk), col(LotTest.result) == "fail")
        failing = failing.order_by(col(LotTest.version)).execution_options(**FRESH)
        tests |= {test.test_id: test for test in (await session.execute(failing)).scalars()}
    for test in sorted(tests.values(), key=lambda test: (test.tested_on, test.test_id), reverse=True):
        facts = found.get(test.lot_id)
        if facts is None:
            continue
        words = inspections.summary(test.items)
        if test.known_to is not None:
            words = Text(f"{words.zh}；已有更正，待监管人员核实", f"{words.en}; corrected since, not yet verified")
        facts.tests_en[test.test_id] = words.en
        facts.tests.append(
            TestSummary(
                test_id=test.test_id,
                tested_on=test.tested_on,
                laboratory=test.laboratory,
                result=cast(Literal["pass", "fail"], test.result),
                items=len(test.items),
                report_number=test.report_number,
                summary=words.zh,
                kind=cast(Any, test.kind),
            )
        )


async def stored_states(session: AsyncSession, lot_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Lot id -> `(digest, state)` of what was said last."""
    found: dict[str, tuple[str, str]] = {}
    columns = (col(LotVerdict.lot_id), col(LotVerdict.digest), col(LotVerdict.state))
    for chunk in chunks(lot_ids):
        rows = await session.execute(select(*columns).where(col(LotVerdict.lot_id).in_(chunk)))
        found |= {lot_id: (digest, state) for lot_id, digest, state in rows.all()}
    return found


async def store(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await upsert(session, LotVerdict, rows, key=["lot_id"])


async def product(session: AsyncSession, gtin: str) -> Product | None:
    return await session.get(Product, gtin)


_IN_FORCE = or_(col(Recall.outcome).is_(None), col(Recall.outcome) != "revoked")


async def recalled_lots(session: AsyncSession, gtin: str, limit: int = 50) -> list[str]:
    """Lots of a product that are under recall, for a code that names no lot."""
    statement = (
        select(col(RecallLot.lot))
        .join(Recall, col(Recall.recall_id) == col(RecallLot.recall_id))
        .where(col(RecallLot.gtin) == gtin, _IN_FORCE)
        .group_by(col(RecallLot.lot))
        .order_by(col(RecallLot.lot))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def is_recalled(session: AsyncSession, lot_id: str) -> bool:
    statement = (
        select(col(RecallLot.lot_id))
        .join(Recall, col(Recall.recall_id) == col(RecallLot.recall_id))
        .where(col(RecallLot.lot_id) == lot_id, _IN_FORCE)
        .limit(1)
    )
    return (await session.execute(statement)).first() is not None


# --- lots that wait for a worker ------------------------------------------------------------------------------------

MAX_ATTEMPTS = 3


async def mark_stale(session: AsyncSession, lot_ids: Iterable[str], at: datetime) -> None:
    """The row of a lot that waits already is written again: a worker that has it in hand would else take it away with
    facts that are older than this."""
    for chunk in chunks(lot_ids, 500):
        rows = [{"lot_id": lot_id, "since": at, "attempts": 0} for lot_id in chunk]
        await upsert(session, StaleLot, rows, key=["lot_id"])


async def mark_members_stale(session: AsyncSession, recall_id: str, at: datetime) -> None:
    """All lots of a recall, in the database."""
    await session.execute(
        text(
            "INSERT INTO lot_stale (lot_id, since, attempts) "
            "SELECT lot_id, :at, 0 FROM recall_lot WHERE recall_id = :recall_id ORDER BY lot_id "
            "ON CONFLICT (lot_id) DO UPDATE SET since = excluded.since, attempts = 0"
        ).bindparams(bindparam("at", type_=UTC)),
        {"recall_id": recall_id, "at": at},
    )


async def stale_after(session: AsyncSession, lot_id: str, limit: int) -> list[str]:
    """Lots that wait, in the order of their ids, behind `lot_id`."""
    statement = (
        select(col(StaleLot.lot_id))
        .where(col(StaleLot.lot_id) > lot_id, col(StaleLot.attempts) < MAX_ATTEMPTS)
        .order_by(col(StaleLot.lot_id))
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def take_stale(session: AsyncSession, lot_ids: Sequence[str]) -> list[str]:
    """Those of the lots that still wait and that nobody marks just now; they wait no more when this is committed."""
    mine = among(session, col(StaleLot.lot_id), lot_ids)
    waiting = select(col(StaleLot.lot_id)).where(mine).order_by(col(StaleLot.lot_id))
    waiting = waiting.with_for_update(skip_locked=True)
    taken = list((await session.execute(waiting)).scalars())
    await session.execute(delete(StaleLot).where(among(session, col(StaleLot.lot_id), taken)))
    return taken


async def count_failure(session: AsyncSession, lot_id: str) -> None:
    await session.execute(
        update(StaleLot).where(col(StaleLot.lot_id) == lot_id).values(attempts=col(StaleLot.attempts) + 1)
    )


async def is_stale(session: AsyncSession, lot_id: str) -> bool:
    return await session.get(StaleLot, lot_id) is not None


_STORED = {
    lang: (
        f"SELECT v.state, v.expires_on, v.producer_uscc, v.body_{lang}, e.as_of, "  # noqa: S608 - two constant texts
        "m.colour, m.ground, m.ground_en, m.valid_from, m.valid_until, m.removed_on, m.as_of, s.lot_id "
        "FROM lot_verdict v LEFT JOIN lot_stale s ON s.lot_id = v.lot_id "
        "LEFT JOIN party_enterprise e ON e.uscc = v.producer_uscc "
        "LEFT JOIN party_mark m ON m.uscc = v.producer_uscc WHERE v.lot_id = $1"
    )
    for lang in ("zh", "en")
}


async def stored(db: Database, lot_id: str, lang: Lang) -> Stored | None:
    """The stored answer with the producer's listings, in one read at driver level."""
    rows = await db.fetch(_STORED[lang], lot_id)
    if not rows:
        return None
    state, expires_on, producer, text, as_of = rows[0][:5]
    return Stored(
        state,
        _date(expires_on) if expires_on else None,
        producer,
        text,
        [_mark(row[5:12]) for row in rows if row[5]],
        _instant(as_of) if as_of else None,
        stale=rows[0][12] is not None,
    )


_MARKS = (
    "SELECT m.colour, m.ground, m.ground_en, m.valid_from, m.valid_until, m.removed_on, m.as_of, e.as_of "
    "FROM (SELECT CAST($1 AS VARCHAR) AS uscc) k LEFT JOIN party_enterprise e ON e.uscc = k.uscc "
    "LEFT JOIN party_mark m ON m.uscc = k.uscc"
)


async def marks(db: Database, uscc: str) -> tuple[list[Mark], str | None]:
    """The listings of a producer, and of when credit told of it last."""
    rows = await db.fetch(_MARKS, uscc)
    as_of = rows[0][7]
    return [_mark(row[:7]) for row in rows if row[0]], _instant(as_of) if as_of else None


def _mark(row: Sequence[Any]) -> Mark:
    return Mark(
        colour=row[0],
        ground=row[1],
        ground_en=row[2],
        valid_from=_date(row[3]),
        valid_until=_date(row[4]),
        removed_on=_date(row[5]) if row[5] else None,
        as_of=_instant(row[6]),
    )


def _date(value: date | str) -> date:
    """A date of a driver-level row: PostgreSQL gives dates, SQLite text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def _instant(value: datetime | str) -> str:
    return value if isinstance(value, str) else utc_text(value)
