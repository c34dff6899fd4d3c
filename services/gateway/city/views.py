"""The dashboard and one target as data."""

import asyncio
from collections.abc import Awaitable
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar, cast

from services.gateway.city import asked, repository, rules
from services.gateway.enterprises import repository as enterprises
from services.gateway.feed import repository as feed
from services.gateway.names import area_name
from services.gateway.recalls import repository as recalls
from services.gateway.schemas import CityView, FeedItem, PartError, TargetView
from services.gateway.upstreams import freshness
from services.gateway.upstreams.client import Deadline, UpstreamError
from services.gateway.upstreams.clients import UPSTREAMS
from shared.clock import shanghai_date
from shared.i18n import Lang

if TYPE_CHECKING:
    from shared.platform import Platform


async def city_view(
    platform: "Platform",
    *,
    area: str | None = None,
    as_of: date | None = None,
    light: str | None = None,
    dept: str | None = None,
    lang: Lang = "zh",
    deadline: Deadline | None = None,
) -> CityView:
    """All targets with their lights in an area, what needs action, lists, recalls, newest notices.

    Now: from the gateway's own projections. As of a past day: the lights are asked from indicators; when it cannot be
    had, they are `no_data`, and `errors` says so.
    """
    upstreams, now = UPSTREAMS.of(platform), platform.clock.now()
    area, today = area or platform.settings.city, shanghai_date(now)
    as_of = None if as_of == today else as_of
    errors: list[PartError] = []
    async with platform.read() as session:
        rows = await repository.targets_with_lights(session, area)
        lit = await repository.lit_areas(session)
        totals = await enterprises.totals(session, as_of or today)
        open_recalls = await recalls.count_open(session)
        latest = await feed.page(session, today, limit=4, before=None)
        newest_listing = await enterprises.newest_change(session)
    targets = [rules.target_light(target, light_body) for target, _, light_body, _ in rows]
    if as_of is not None:
        try:
            then = await asked.lights(upstreams, area, as_of, deadline or upstreams.deadline(None), lang)
            targets = [rules.with_light(target, then.get(target["target_id"])) for target in targets]
        except UpstreamError as error:
            errors.append(freshness.error_of(error))
            targets = [rules.with_light(target, None) for target in targets]
    changed = {
        "indicators": max(
            filter(None, (at for _, target_at, _, light_at in rows for at in (target_at, light_at))), default=None
        ),
        "credit": newest_listing,
        "traceability": latest[0]["at"] if latest else None,
    }
    view: dict[str, Any] = {
        **freshness.envelope(upstreams.monitor, changed, now, errors),
        "area_code": area,
        "area_name": area_name(area),
        "as_of": as_of.isoformat() if as_of else None,
        "lights": rules.counts(targets),
        "total": len(targets),
        "with_figure": sum(target["has_figure"] for target in targets),
        "targets": rules.filtered(targets, light, dept),
        "sections": rules.sections(targets),
        "attention": rules.attention(targets),
        "departments": rules.departments(targets),
        "areas": [{"area_code": code, "area_name": area_name(code) or code} for code in lit],
        "black": totals["black"],
        "red": totals["red"],
        "open_recalls": open_recalls,
        "latest": cast(list[FeedItem], latest),
    }
    return cast(CityView, view)


async def target_view(
    platform: "Platform",
    target_id: str,
    *,
    area: str | None = None,
    as_of: date | None = None,
    lang: Lang = "zh",
    deadline: Deadline | None = None,
) -> TargetView | None:
    """One target: its light, the other areas, and its series, which is asked from indicators for this answer."""
    upstreams, now = UPSTREAMS.of(platform), platform.clock.now()
    area = area or platform.settings.city
    async with platform.read() as session:
        rows = await repository.targets_with_lights(session, area, target_id=target_id)
        others = await repository.lights_of(session, target_id)
    if not rows:
        return None
    body, target_at, light_body, light_at = rows[0]
    target = rules.target_light(body, light_body)
    errors: list[PartError] = []
    limit = deadline or upstreams.deadline(None)
    series, then = await asyncio.gather(
        _or_error(asked.series(upstreams, target_id, area, as_of, limit, lang)),
        _or_error(asked.lights(upstreams, area, as_of, limit, lang)) if as_of else _nothing(),
    )
    if isinstance(series, UpstreamError):
        errors.append(freshness.error_of(series, "series"))
    if isinstance(then, UpstreamError):
        errors.append(freshness.error_of(then))
    if as_of is not None:
        target = rules.with_light(target, then.get(target_id) if isinstance(then, dict) else None)
    changed = {"indicators": max(filter(None, (target_at, light_at)))}
    view: dict[str, Any] = {
        **freshness.envelope(upstreams.monitor, changed, now, errors),
        "area_code": area,
        "area_name": area_name(area),
        "as_of": as_of.isoformat() if as_of else None,
        "target": target,
        "areas": [rules.area_light(other, area_name(other["area_code"])) for other in others],
        "series": series if isinstance(series, list) else None,
    }
    return cast(TargetView, view)


T = TypeVar("T")


async def _or_error(asking: Awaitable[T]) -> T | UpstreamError:
    try:
        return await asking
    except UpstreamError as error:
        return error


async def _nothing() -> None:
    return None
