"""`/v1/indicators/dashboard`, `/targets/{id}/status`, `/targets/{id}/series`, `/rankings/{id}`: lights and figures."""

import re
from fractions import Fraction
from typing import Annotated

import orjson
from fastapi import Query, Response

from services.indicators.areas import service as areas
from services.indicators.catalogue import repository as catalogue
from services.indicators.catalogue.models import TargetVersion
from services.indicators.catalogue.rules import rule_of
from services.indicators.catalogue.targets import Rule
from services.indicators.observations.periods import Days, Period
from services.indicators.status import service
from services.indicators.status.assemble import Stored, figures_of
from services.indicators.status.figures import Figure
from services.indicators.status.present import area_ref, bounds_of, dashboard_of, point_of, status_of
from services.indicators.status.ranking import rank, small_n
from services.indicators.status.schemas import DashboardOut, RankingOut, RankOut, SeriesOut, TargetStatus
from services.indicators.status.wording import decimal_text
from shared.auth import Public
from shared.clock import end_of_day
from shared.errors import NotFound
from shared.web import (
    CurrentPlatform,
    HotAnswer,
    HotRequest,
    HotRoute,
    Platform,
    ReadSession,
    Router,
    allow,
    problem,
)
from shared.web.asof import AsOf, AsOfParams, resolve

router = Router(prefix="/v1/indicators", tags=["status"])
AreaParameter = Annotated[str | None, Query(max_length=20, description="地区代码，默认为本市", examples=["370600"])]


@router.get("/dashboard", responses=problem(422))
@allow(Public())
async def dashboard(platform: CurrentPlatform, as_of: AsOfParams, area: AreaParameter = None) -> DashboardOut:
    """All targets by section with their lights, as of a day; the same address gives the same bytes later."""
    root = areas.require(area or platform.settings.city).code
    return _bytes(await _dashboard(platform, root, as_of))  # type: ignore[return-value]


async def _dashboard(platform: Platform, area: str, as_of: AsOf) -> DashboardOut:
    async with platform.read() as session:
        known = await service.know(session, area, as_of.valid, as_of.known)
    return dashboard_of(service.light_all(known, area), area, as_of.valid)


def _bytes(answer: DashboardOut) -> Response:
    return Response(orjson.dumps(answer.model_dump(mode="json")), media_type="application/json")


async def load_dashboard(platform: Platform, match: re.Match[str], request: HotRequest) -> HotAnswer | None:
    """Today's dashboard of the city, kept until a light changes or the day ends."""
    city: str = platform.settings.city
    as_of = resolve(None, None, None, platform.clock.now())
    body = orjson.dumps((await _dashboard(platform, city, as_of)).model_dump(mode="json"))
    return HotAnswer(body, tags=(f"lights:{city}", "catalogue"), fresh_until=end_of_day(as_of.valid))


HOT = [HotRoute(pattern=r"/v1/indicators/dashboard", load=load_dashboard)]


@router.get("/targets/{target_id}/status", responses=problem(404, 422))
@allow(Public())
async def read_status(
    target_id: str,
    session: ReadSession,
    platform: CurrentPlatform,
    as_of: AsOfParams,
    area: AreaParameter = None,
) -> TargetStatus:
    """The light of one target in one area on one day, explained."""
    root = areas.require(area or platform.settings.city).code
    known, _, _ = await _known(session, target_id, root, as_of)
    lit = service.light_all(known, root, {target_id})[0]
    return TargetStatus(**dict(status_of(lit, root)), area=area_ref(root), as_of=as_of.valid)


async def _known(
    session: ReadSession, target_id: str, root: str, as_of: AsOf
) -> tuple[service.Known, TargetVersion, Rule]:
    """What is known of one target (and of its alternative)."""
    targets = await catalogue.known(session, as_of.valid, as_of.known)
    row = next((row for row in targets if row.target_id == target_id), None)
    if row is None:
        raise NotFound(
            "target",
            zh=f"目录中没有“{target_id[:60]}”，全部目标见 /v1/indicators/targets",
            en=f'No target "{target_id[:60]}"; all are at /v1/indicators/targets',
        )
    rule = rule_of(row.body, row.digest)
    wanted = {target_id} if rule.alternative is None else {target_id, rule.alternative}
    known = await service.know(session, root, as_of.valid, as_of.known, wanted, targets)
    return known, row, rule


@router.get("/targets/{target_id}/series", responses=problem(404, 422))
@allow(Public())
async def read_series(
    target_id: str,
    session: ReadSession,
    platform: CurrentPlatform,
    as_of: AsOfParams,
    area: AreaParameter = None,
) -> SeriesOut:
    """Figures of one target in one area, oldest first: reported ones, sums of its parts, and samples by month."""
    root = areas.require(area or platform.settings.city).code
    known, row, rule = await _known(session, target_id, root, as_of)
    stored = known.stored.get(target_id, Stored())
    tree = known.tree(root)
    figures = figures_of(rule, as_of.valid, tree, Stored(stored.figures), root)
    figures += _months(stored, set(tree.below(root)), figures)
    figures.sort(key=lambda figure: (figure.period.end, figure.period.days))
    return SeriesOut(
        target_id=target_id,
        area=area_ref(root),
        as_of=as_of.valid,
        unit=row.body["unit"],
        goal=row.body["goal"],
        goal_en=row.body["goal_en"],
        items=[point_of(rule, figure, root) for figure in figures],
    )


def _months(stored: Stored, inside: set[str], reported: list[Figure]) -> list[Figure]:
    """Samples by month over the area and those below it, in months that nobody reported."""
    months: dict[Period, tuple[int, int]] = {}
    taken = Days(figure.period for figure in reported)
    for month in stored.sampled:
        period = Period.month(month.year, month.month)
        if month.area in inside and not taken.overlaps(period):
            n, passed = months.get(period, (0, 0))
            months[period] = (n + month.n, passed + month.passed)
    return [Figure(None, period, n=n, passed=passed, origin="events") for period, (n, passed) in months.items()]


@router.get("/rankings/{target_id}", responses=problem(404, 422))
@allow(Public())
async def read_ranking(
    target_id: str,
    session: ReadSession,
    platform: CurrentPlatform,
    as_of: AsOfParams,
    area: AreaParameter = None,
) -> RankingOut:
    """Areas below one area by pass rate. Small samples are not ranked; what chance may have ordered shares a rank."""
    root = areas.require(area or platform.settings.city).code
    known, _, rule = await _known(session, target_id, root, as_of)
    stored, tree, least = known.stored.get(target_id, Stored()), known.tree(root), small_n(as_of.valid)
    result = rank(
        {part: figures_of(rule, as_of.valid, tree, stored, part) for part in tree.children.get(root, ())}, least.min_n
    )

    def out(key: str, figure: Figure, place: int | None) -> RankOut:
        low, high = bounds_of(rule, figure)
        return RankOut(
            rank=place,
            area_code=figure.area,
            area_name=key.partition("/")[2] or areas.name_of(key),
            value=decimal_text(rule, figure.number or Fraction(0)),
            n=figure.n or 0,
            passed=figure.passed or 0,
            low=low or "",
            high=high or "",
            source=figure.source,
        )

    pooled = None
    zh, en = "没有可比的批次数据", "No batches to compare"
    if result.pooled is not None and result.period is not None:
        n, passed = result.pooled
        pooled = out(root, Figure(root, result.period, n=n, passed=passed), None)
        name = areas.name_of(root)
        zh = f"{name}{result.period.zh}：{n:,}批合格{passed:,}批，{pooled.value}%（{pooled.low}%–{pooled.high}%）"
        en = f"{name}, {result.period.en}: {passed:,} of {n:,} passed, {pooled.value} % ({pooled.low}-{pooled.high} %)"
        for key, figure in result.not_ranked:
            small = out(key, figure, None)
            zh += f"；{small.area_name}{small.n}批，样本太少，不参加排名"
            en += f"; {small.area_name} with {small.n} is too small to be ranked"
    return RankingOut(
        target_id=target_id,
        area=area_ref(root),
        as_of=as_of.valid,
        period=result.period.label if result.period else None,
        pooled=pooled,
        ranked=[out(key, figure, place) for place, key, figure in result.ranked],
        not_ranked=[out(key, figure, None) for key, figure in result.not_ranked],
        min_n=least.min_n,
        min_n_source=f"{least.source} ({least.status})",
        sentence=zh,
        sentence_en=en,
    )
