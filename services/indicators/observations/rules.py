"""What makes one reported figure good: checks between fields, all errors at once. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol

import orjson

from services.indicators.areas.rules import AreaFacts
from services.indicators.catalogue.targets import GRADES, Rule
from services.indicators.observations.periods import Period, PeriodError, parse
from shared.errors import FieldError


class Row(Protocol):
    """The fields of `ObservationIn` that the checks look at."""

    @property
    def target_id(self) -> str | None: ...
    @property
    def area_code(self) -> str | None: ...
    @property
    def area_name(self) -> str | None: ...
    @property
    def within(self) -> str | None: ...
    @property
    def period(self) -> str | None: ...
    @property
    def n(self) -> int | None: ...
    @property
    def passed(self) -> int | None: ...
    @property
    def value(self) -> Decimal | None: ...
    @property
    def grade(self) -> str | None: ...
    @property
    def state(self) -> Any: ...
    @property
    def components(self) -> Any: ...
    @property
    def breakdown(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def source(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class World:
    """What a row is checked against."""

    targets: Mapping[str, Rule]
    area: Callable[[str], AreaFacts | None]
    today: date
    required: tuple[str, ...] = ()


CARRIERS = ("n", "passed", "value", "grade", "state", "components")


def carriers_of(rule: Rule) -> tuple[str, ...]:
    """Which fields carry the figure of a target."""
    match rule.kind:
        case "milestone":
            return ("state",)
        case "grade" | "grade_every_area":
            return ("grade",)
        case "per_unit_or":
            return ("components",)
    return ("n", "passed", "value") if rule.is_rate and rule.measure != "growth" else ("value",)


def check(row: Row, broken: frozenset[str], world: World, at: str = "") -> list[FieldError]:
    """Errors beyond those of single fields. `broken` are fields that were wrong already; `at` is the row's pointer."""

    def wrong(field: str, code: str, zh: str, en: str) -> FieldError:
        return FieldError(f"{at}/{field}", code, zh, en)

    errors = [
        wrong(field, "missing", "必须填写", "Required")
        for field in world.required
        if getattr(row, field) is None and field not in broken
    ]
    rule = world.targets.get(row.target_id) if row.target_id else None
    if row.target_id and rule is None:
        errors.append(
            wrong(
                "target_id",
                "target.unknown",
                f"目录中没有“{row.target_id}”，全部目标见 /v1/indicators/targets",
                f'No target "{row.target_id}"; all are at /v1/indicators/targets',
            )
        )
    period: Period | None = None
    if row.period is not None:
        try:
            period = parse(row.period)
            errors += _period(period, row, world.today, wrong)
        except PeriodError as error:
            errors.append(wrong("period", error.code, error.zh, error.en))
    errors += _area(row, broken, period, world, wrong)
    errors += _counts(row, wrong)
    if rule is not None:
        errors += _carriers(row, broken, rule, wrong)
    if (row.breakdown is None) != (row.category is None) and not {"breakdown", "category"} & broken:
        missing = "category" if row.category is None else "breakdown"
        errors.append(
            wrong(
                missing,
                "breakdown.pair",
                "分类方式和分类要同时填写",
                "A breakdown needs its category, and the other way round",
            )
        )
    return errors


Wrong = Callable[[str, str, str, str], FieldError]


def _period(period: Period | None, row: Row, today: date, wrong: Wrong) -> Iterator[FieldError]:
    if period is None:
        if row.area_code is not None or row.within is not None:
            yield wrong(
                "period",
                "period.unknown",
                "只有未注明地区的来源可以不写时期",
                "Only a source that names no area may leave the period open",
            )
    elif period.end > today:
        yield wrong(
            "period",
            "period.future",
            f"时期到{period.end.isoformat()}才结束；请等它结束，或写到今天为止的起止日期",
            f"The period ends on {period.end.isoformat()}; wait for it, or give the days up to today",
        )


def _area(row: Row, broken: frozenset[str], period: Period | None, world: World, wrong: Wrong) -> Iterator[FieldError]:
    if {"area_code", "area_name", "within"} & broken:
        return
    if row.area_code is None and row.area_name is None:
        yield wrong(
            "area_code",
            "area.missing",
            "请写地区代码；没有代码的地区写 area_name（和 within）",
            "Give the area code; for an area without one, area_name (and within)",
        )
    if row.area_code is not None and row.within is not None:
        yield wrong("within", "area.both", "有地区代码时不写 within", "Leave `within` out where there is an area code")
    for field, code in (("area_code", row.area_code), ("within", row.within)):
        if code is None:
            continue
        area = world.area(code)
        if area is None:
            yield wrong(
                field,
                "area.unknown",
                f"没有登记的地区代码“{code}”，全部地区见 /v1/indicators/areas",
                f'Area code "{code}" is not registered; all are at /v1/indicators/areas',
            )
            continue
        if field == "area_code" and row.area_name is not None and row.area_name != area.name:
            yield wrong(
                "area_name",
                "area.mismatch",
                f"代码{code}是{area.name}，不是{row.area_name}",
                f"{code} is {area.name}, not {row.area_name}",
            )
        if period is not None:
            if area.valid_until is not None and period.start >= area.valid_until:
                yield wrong(
                    field,
                    "area.ended",
                    f"{area.name}（{code}）在{area.valid_until.isoformat()}已撤销",
                    f"{area.name} ({code}) ended on {area.valid_until.isoformat()}",
                )
            if area.valid_from is not None and period.end < area.valid_from:
                yield wrong(
                    field,
                    "area.not_yet",
                    f"{area.name}（{code}）{area.valid_from.isoformat()}才设立",
                    f"{area.name} ({code}) begins on {area.valid_from.isoformat()}",
                )


def _counts(row: Row, wrong: Wrong) -> Iterator[FieldError]:
    if row.n == 0:
        yield wrong("n", "n.zero", "总数为零时没有合格率，请不要报送", "There is no rate of nothing; leave the row out")
    if row.n is not None and row.passed is not None and row.passed > row.n:
        yield wrong(
            "passed",
            "passed.above_n",
            f"合格数{row.passed}大于总数{row.n}",
            f"{row.passed} passed is more than the {row.n} in all",
        )


def _carriers(row: Row, broken: frozenset[str], rule: Rule, wrong: Wrong) -> Iterator[FieldError]:
    allowed = carriers_of(rule)
    given = [field for field in CARRIERS if getattr(row, field) is not None]
    for field in given:
        if field not in allowed:
            names = "、".join(allowed)
            yield wrong(
                field,
                "figure.wrong_field",
                f"这个指标用 {names} 报送，不用 {field}",
                f"This target is reported by {', '.join(allowed)}, not by {field}",
            )
    if broken & set(CARRIERS):
        return
    if "n" in allowed:
        if (row.n is None) != (row.passed is None):
            missing = "passed" if row.passed is None else "n"
            yield wrong(missing, "figure.pair", "总数和合格数要同时填写", "n and passed go together")
        if row.value is not None and (row.n is not None or row.passed is not None):
            yield wrong(
                "value",
                "figure.twice",
                "已有总数和合格数，合格率由它们算出，不要再填",
                "The rate is computed from n and passed; leave value out",
            )
        if row.value is not None and not 0 <= row.value <= 100:
            yield wrong("value", "value.rate", "百分数在0到100之间", "A rate lies between 0 and 100")
    if not given:
        names = "n 和 passed，或 value" if "n" in allowed else allowed[0]
        yield wrong(allowed[-1], "figure.missing", f"缺少数值：请填 {names}", f"No figure: give {' / '.join(allowed)}")
    if row.grade is not None and "grade" in allowed and row.grade not in GRADES:
        yield wrong(
            "grade",
            "grade.unknown",
            f"等级应为：{'、'.join(GRADES)}",
            f"The grade needs to be one of {', '.join(GRADES)}",
        )
    if row.value is not None and rule.measure in ("stock", "flow", "level", "ratio", "index") and row.value < 0:
        yield wrong("value", "value.negative", "不能为负数", "Cannot be negative")
    if row.value is not None and "value" in allowed and rule.classes:
        top = 1 if row.category is not None else len(rule.classes)
        if row.value > top:
            yield wrong("value", "value.classes", f"最大为{top}", f"At most {top}")
    if rule.classes and row.category is not None and row.category not in rule.classes:
        yield wrong(
            "category", "category.unknown", f"分类应为：{'、'.join(rule.classes)}", f"One of {', '.join(rule.classes)}"
        )


def series_key(row: Row, period: Period | None) -> str:
    """What a figure is about: the same key means a revision, never a second figure."""
    name = row.area_name if row.area_code is None else None
    days = [period.start.isoformat(), period.end.isoformat()] if period else None
    parts = [row.target_id, row.area_code, row.within, name, row.breakdown, row.category, days]
    return sha256(orjson.dumps(parts)).hexdigest()


def content_digest(row: Row, note: str | None) -> str:
    """Of what is claimed; `97.60` and `97.6` are the same claim."""
    components = row.components.model_dump(exclude_none=True) if row.components is not None else None
    value = None if row.value is None else format(row.value.normalize(), "f")
    parts = [row.n, row.passed, value, row.grade, row.state, components, row.source, note]
    return sha256(orjson.dumps(parts)).hexdigest()
