"""Queries of alerts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlmodel import col

from services.traceability.alerts.models import Alert, AlertLot
from services.traceability.alerts.rules import OPEN_STATES
from services.traceability.masterdata.models import Lot, Party
from shared.area_scope import within
from shared.db import AsyncSession


async def get(session: AsyncSession, alert_id: str) -> Alert | None:
    return await session.get(Alert, alert_id)


async def by_causes(
    session: AsyncSession, causes: Sequence[str], *, only_open: bool = True, lock: bool = False
) -> list[Alert]:
    """`lock`: until commit, so that nobody closes meanwhile what is taken for open."""
    statement = select(Alert).where(col(Alert.cause).in_(causes)).order_by(col(Alert.alert_id))
    if only_open:
        statement = statement.where(col(Alert.state).in_(OPEN_STATES))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return list((await session.execute(statement)).scalars())


async def occurrences(session: AsyncSession, rule: str, cause: str) -> int:
    statement = select(func.max(col(Alert.occurrence))).where(col(Alert.rule) == rule, col(Alert.cause) == cause)
    return (await session.execute(statement)).scalar() or 0


async def lots_of(session: AsyncSession, alert_ids: Sequence[str]) -> dict[str, list[str]]:
    statement = select(col(AlertLot.alert_id), col(AlertLot.lot_id)).where(col(AlertLot.alert_id).in_(alert_ids))
    found: dict[str, list[str]] = {alert_id: [] for alert_id in alert_ids}
    for alert_id, lot_id in (await session.execute(statement.order_by(col(AlertLot.lot_id)))).all():
        found[alert_id].append(lot_id)
    return found


async def move(session: AsyncSession, alert_id: str, sources: Sequence[str], **values: Any) -> bool:
    """Change an alert that is in one of the states; False when another transaction was faster."""
    statement = update(Alert).where(col(Alert.alert_id) == alert_id, col(Alert.state).in_(sources))
    result: Any = await session.execute(statement.values(**values))
    return bool(result.rowcount == 1)


async def open_about(session: AsyncSession, uscc: str, area_code: str) -> list[Alert]:
    """Open alerts of an area about a firm or one of its lots, locked until commit."""
    lots = select(col(AlertLot.alert_id)).join(Lot, col(Lot.lot_id) == col(AlertLot.lot_id))
    about = or_(col(Alert.subject) == uscc, col(Alert.alert_id).in_(lots.where(col(Lot.owner_uscc) == uscc)))
    statement = select(Alert).where(about, col(Alert.state).in_(OPEN_STATES), col(Alert.area_code) == area_code)
    statement = statement.order_by(col(Alert.alert_id)).with_for_update().execution_options(populate_existing=True)
    return list((await session.execute(statement)).scalars())


async def free_lots(session: AsyncSession, alert_id: str) -> None:
    await session.execute(update(AlertLot).where(col(AlertLot.alert_id) == alert_id).values(open=False))


async def known_parties(session: AsyncSession, usccs: Sequence[str]) -> set[str]:
    statement = select(col(Party.uscc)).where(col(Party.uscc).in_(usccs))
    return set((await session.execute(statement)).scalars())


async def page(
    session: AsyncSession, *, state: str | None, subject: str | None, area: str | None, limit: int, after: Any
) -> list[Alert]:
    """Newest first; one row more than `limit` when there is a next page. `area`: the caller's."""
    statement = select(Alert).where(within(col(Alert.area_code), area))
    if state == "open":
        statement = statement.where(col(Alert.state).in_(OPEN_STATES))
    elif state is not None:
        statement = statement.where(col(Alert.state) == state)
    if subject is not None:
        statement = statement.where(col(Alert.subject) == subject)
    if after is not None:
        statement = statement.where(col(Alert.alert_id) < after[0])
    statement = statement.order_by(col(Alert.alert_id).desc()).limit(limit + 1)
    return list((await session.execute(statement)).scalars())
