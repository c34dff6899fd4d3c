"""Announcing lights: once for each subject and transaction, when the light or the figure behind it has changed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from services.indicators.areas import service as areas
from services.indicators.catalogue import repository as catalogue
from services.indicators.catalogue.locks import lock
from services.indicators.status import repository, service
from services.indicators.status.rules import RULE_VERSION
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.events.indicators import LightChanged

if TYPE_CHECKING:
    from datetime import date

Subject = tuple[str, str]
"""`(target_id, area_code)`."""


async def refresh(uow: UnitOfWork, subjects: Sequence[Subject]) -> None:
    """Decide the lights of the subjects anew, and of the areas and targets that depend on them; publish what changed.

    Runs just before the commit, one city after the other: who holds the city's lock sees all that others committed, so
    no sum misses a figure that was written beside it.
    """
    if not subjects:
        return
    today = shanghai_date(uow.now)
    cities: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for target_id, area in subjects:
        line = areas.lineage(area)
        for each in line:
            cities[line[-1]][each].add(target_id)
    await lock(uow.session, (f"lights:{city}" for city in cities))
    for city in sorted(cities):
        await _refresh_city(uow, city, today, cities[city])


async def _refresh_city(uow: UnitOfWork, city: str, today: "date", wanted: dict[str, set[str]]) -> None:
    rows_known = await catalogue.known(uow.session, today, uow.now)
    rules = {row.target_id: row.body["rule"] for row in rows_known}
    for targets in wanted.values():
        targets |= {other for target in list(targets) if (other := rules[target]["alternative"]) is not None}
    known = await service.know(uow.session, city, today, uow.now, set().union(*wanted.values()), rows_known)
    before = await repository.announced(uow.session, wanted)
    rows, events = [], []
    for area in sorted(wanted):
        for lit in service.light_all(known, area, wanted[area]):
            event = _event(lit, area, today)
            body = event.model_dump(mode="json", exclude={"as_of"})
            if before.get((event.target_id, area)) == body:
                continue
            events.append(event)
            rows.append(
                {"target_id": event.target_id, "area_code": area, "light": event.light, "as_of": today, "body": body}
            )
    await repository.announce(uow.session, rows)
    uow.publish(*events)
    uow.invalidate(*(f"lights:{area}" for area in _areas_of(events)))


def _areas_of(events: Collection[LightChanged]) -> list[str]:
    return sorted({event.area_code for event in events})


def _event(lit: service.Lit, area: str, today: "date") -> LightChanged:
    figure = lit.outcome.figure
    return LightChanged(
        target_id=lit.target.target_id,
        area_code=area,
        as_of=today,
        light=lit.outcome.light,
        sentence=lit.sentence,
        sentence_en=lit.sentence_en,
        value=lit.value,
        n=figure.n if figure else None,
        passed=figure.passed if figure else None,
        low=lit.low,
        high=lit.high,
        period=figure.period.label if figure else None,
        source=figure.source if figure else None,
        provisional=figure is not None,
        rule_version=RULE_VERSION,
    )


async def sweep(uow: UnitOfWork, city: str) -> None:
    """Every target in the city and every light ever announced: what a new day, rule or catalogue changes."""
    today = shanghai_date(uow.now)
    targets = await catalogue.known(uow.session, today, uow.now)
    known = {row.target_id for row in targets}
    subjects = {(row.target_id, city) for row in targets}
    subjects |= {subject for subject in await repository.all_subjects(uow.session) if subject[0] in known}
    await refresh(uow, sorted(subjects))
