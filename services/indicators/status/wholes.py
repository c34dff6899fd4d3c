"""Comparators that look at more than one number: grades, counties, classes, alternatives, states, directions."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from services.indicators.catalogue.targets import GRADES
from services.indicators.observations.periods import en_day, zh_day
from services.indicators.status import wording
from services.indicators.status.counts import at_least, series_of
from services.indicators.status.figures import NO_FIGURE, Case, Figure, Outcome, latest
from services.indicators.status.numbers import trend
from services.indicators.status.shortfall import short
from shared.events.indicators import Light

TREND_P = 0.05


def grade(case: Case) -> Outcome:
    figure = latest(f for f in case.figures if f.grade is not None)
    if figure is None or figure.grade is None or case.rule.grade is None:
        return Outcome("no_data", "没有等级", "No grade was reported")
    wanted, wanted_en = case.rule.grade, wording.GRADES_EN[case.rule.grade]
    if GRADES.index(figure.grade) <= GRADES.index(wanted):
        return Outcome("met", f"达到{wanted}", f"at least the {wanted_en}", figure)
    return short(case, [], Fraction(0), figure=figure, goal_zh=wanted, goal_en=f"the {wanted_en}")


def grade_every_area(case: Case) -> Outcome:
    """Met only when every county that exists on the day has the grade."""
    wanted = case.rule.grade
    assert wanted is not None
    below, missing, figures = [], [], []
    for place in case.expected:
        figure = latest(f for f in case.parts.get(place.code, ()) if f.grade is not None)
        if figure is None or figure.grade is None:
            missing.append(place)
            continue
        figures.append(figure)
        if GRADES.index(figure.grade) > GRADES.index(wanted):
            below.append((place, figure))
    en = wording.GRADES_EN[wanted]
    if below:
        names = "、".join(f"{place.name}（{figure.grade}）" for place, figure in below)
        outcome = short(case, [], Fraction(0), figure=below[0][1], goal_zh=wanted, goal_en=f"the {en}")
        names_en = ", ".join(f"{place.name_en} ({wording.GRADES_EN[figure.grade or '']})" for place, figure in below)
        return replace(
            outcome, zh=f"{names}没有达到{wanted}；{outcome.zh}", en=f"{names_en} below the {en}; {outcome.en}"
        )
    if missing or not figures:
        names, names_en = "、".join(p.name for p in missing), ", ".join(p.name_en for p in missing)
        return Outcome("cannot_tell", f"{names}没有等级", f"no grade for {names_en}", latest(figures))
    return Outcome(
        "met",
        f"{len(figures)}个县（市、区）都达到{wanted}",
        f"all {len(figures)} counties have the {en}",
        latest(figures),
    )


def mean_over_areas(case: Case) -> Outcome:
    """The plain mean over the counties. Missing ones count as nothing only where even that reaches the goal."""
    rule, own = case.rule, latest(f for f in case.figures if f.number is not None and not f.summed)
    assert rule.low is not None
    if own is not None or not case.expected:
        return at_least(replace(case, figures=[f for f in case.figures if not f.summed]))
    numbers: list[Fraction] = []
    missing, last = [], None
    for place in case.expected:
        figure = latest(f for f in case.parts.get(place.code, ()) if f.number is not None)
        if figure is None or figure.number is None:
            missing.append(place)
            continue
        numbers.append(figure.number)
        last = latest(f for f in (last, figure) if f is not None)
    if last is None:
        return NO_FIGURE
    total, count = sum(numbers, Fraction(0)), len(case.expected)
    zh, en = wording.goal(rule, rule.low)
    if total / count >= rule.low:
        return Outcome(
            "met",
            f"{count}个县（市、区）平均达到{zh}",
            f"the mean of {count} counties reaches {en}",
            last,
            total / count,
        )
    if missing:
        names, names_en = "、".join(p.name for p in missing), ", ".join(p.name_en for p in missing)
        mean = total / len(numbers)
        return Outcome(
            "cannot_tell", f"{names}没有数据，不能算平均", f"no figure for {names_en}, so no mean", last, mean
        )
    outcome = short(case, [(last, total / count)], rule.low)
    return replace(outcome, number=total / count)


def covers_all(case: Case) -> Outcome:
    """Every class that the clause names. Rows of single classes (1 covered, 0 not) name what is missing."""
    rule = case.rule
    count = len(rule.classes)
    by_class = {name: latest(f for f in case.classes if f.category == name) for name in rule.classes}
    known = {name: f for name, f in by_class.items() if f is not None and f.number is not None}
    own = latest(case.figures)
    if own is not None and own.number is not None and not (known and _newer(known.values(), own)):
        if own.number >= count:
            return Outcome("met", f"{count}类全部覆盖", f"all {count} are covered", own)
        return short(case, series_of(case), Fraction(count))
    if not known:
        return NO_FIGURE
    figure = latest(known.values())
    covered = Fraction(sum(1 for f in known.values() if f.number))
    lacking = [name for name, f in known.items() if not f.number]
    unknown = [name for name in rule.classes if name not in known]
    if lacking:
        names = "、".join(lacking)
        outcome = short(case, [], Fraction(count), figure=figure)
        return replace(
            outcome, zh=f"{names}没有覆盖；{outcome.zh}", en=f"{names} not covered; {outcome.en}", number=covered
        )
    if unknown:
        names = "、".join(unknown)
        return Outcome("cannot_tell", f"{names}没有数据", f"no figure for {names}", figure, covered)
    return Outcome("met", f"{'、'.join(rule.classes)}全部覆盖", f"all {count} are covered", figure, covered)


def _newer(figures: Iterable[Figure], own: Figure) -> bool:
    newest = latest(figures)
    return newest is not None and newest.period.end > own.period.end


def per_unit_or(case: Case) -> Outcome:
    """`每个街道办事处或每3—10万居民`: components `centres`, `subdistricts`, `population`."""
    rule, figure = case.rule, latest(f for f in case.figures if f.components)
    assert rule.residents_min is not None
    assert rule.residents_max is not None
    if figure is None:
        return Outcome("no_data", "没有中心数、街道数和人口数", "No number of centres, subdistricts and residents")
    parts = {name: Fraction(value) for name, value in figure.components.items()}
    centres, subdistricts, population = (parts.get(name) for name in ("centres", "subdistricts", "population"))
    if centres is None:
        return Outcome("cannot_tell", "没有中心数", "the number of centres is missing", figure)
    if subdistricts is not None and centres >= subdistricts:
        zh = f"{wording.plain(centres)}个中心，{wording.plain(subdistricts)}个街道，每个街道至少一个"
        return Outcome(
            "met",
            zh,
            f"{wording.plain(centres)} centres for {wording.plain(subdistricts)} subdistricts",
            figure,
            centres,
        )
    if population is not None and centres > 0:
        each = population / centres
        zh, en = f"每{round(each):,}名居民一个", f"one for {round(each):,} residents"
        if rule.residents_min <= each <= rule.residents_max:
            low, high = wording.plain(rule.residents_min), wording.plain(rule.residents_max)
            return Outcome("met", f"{zh}，在{low}至{high}之间", f"{en}, between {low} and {high}", figure, centres)
        if each < rule.residents_min:
            note = f"少于{wording.plain(rule.residents_min)}名居民一个，计划没有规定是否算达到"
            return Outcome(
                "cannot_tell", f"{zh}；{note}", f"{en}; the plan does not say what fewer means", figure, centres
            )
    if subdistricts is None or population is None:
        lacking = ("街道数", "subdistricts") if subdistricts is None else ("人口数", "residents")
        return Outcome("cannot_tell", f"没有{lacking[0]}", f"the number of {lacking[1]} is missing", figure, centres)
    outcome = short(case, [], Fraction(0), figure=figure, goal_zh="两种口径", goal_en="either measure")
    return replace(outcome, number=centres)


def either_of(case: Case) -> Outcome:
    """Either this standard or its alternative."""
    rule, own, other = case.rule, latest(case.figures), latest(case.other)
    assert rule.low is not None
    assert case.other_rule is not None
    assert case.other_rule.low is not None
    own_number = own.number if own else None
    other_number = other.number if other else None
    if own is not None and own_number is not None and own_number >= rule.low:
        zh, en = wording.goal(rule, rule.low)
        return Outcome("met", f"不低于{zh}", f"at least {en}", own)
    if other_number is not None and other_number >= case.other_rule.low:
        zh, en = wording.amount(case.other_rule, other_number)
        return Outcome(
            "met",
            f"另一项标准已达到（{zh}），二者满足其一即可",
            f"the alternative standard is met ({en})",
            own,
        )
    if own is None or own_number is None:
        return Outcome("cannot_tell", "本项没有数据，另一项没有达到", "no figure here, and the alternative is not met")
    if other_number is None:
        return Outcome(
            "cannot_tell", "本项没有达到，另一项没有数据", "not met here, and no figure of the alternative", own
        )
    return short(case, series_of(case), rule.low)


def milestone(case: Case) -> Outcome:
    """A state with its evidence and date; an achievement without evidence is only a claim."""
    figure = latest(f for f in case.figures if f.state is not None)
    if figure is None:
        return NO_FIGURE
    if figure.state == "achieved":
        if not figure.source:
            return Outcome("cannot_tell", "没有证明材料", "there is no evidence", figure)
        return Outcome("met", f"依据：{figure.source}", f"evidence: {figure.source}", figure)
    if case.rule.deadline and case.day <= case.rule.deadline:
        day = case.rule.deadline
        return Outcome("not_due", f"期限{zh_day(day)}", f"due {en_day(day)}", figure)
    return short(case, [], Fraction(0), figure=figure, goal_zh="目标", goal_en="the goal")


def direction(case: Case) -> Outcome:
    """Trend of the longest run of equal periods, by the Mann-Kendall test at 5 %."""
    kinds: dict[str, list[Figure]] = {}
    for figure in case.figures:
        if figure.number is not None:
            kinds.setdefault(figure.period.kind, []).append(figure)
    if not kinds:
        return NO_FIGURE
    longest = max(kinds.values(), key=len)
    run = sorted(longest, key=lambda f: f.period.end)
    result = trend([f.number for f in run if f.number is not None])
    wanted, zh_word, en_word = (1, "上升", "rise") if case.rule.trend == "up" else (-1, "下降", "fall")
    if result.p >= TREND_P:
        zh = f"{len(run)}期数据看不出{zh_word}（检验概率{result.p:.2f}，至少要5期）"
        return Outcome(
            "cannot_tell",
            zh,
            f"no {en_word} shows in {len(run)} periods (p = {result.p:.2f}; five are the least)",
            run[-1],
        )
    if result.score * wanted > 0:
        light: Light = "met" if case.rule.deadline and case.day > case.rule.deadline else "on_track"
        return Outcome(light, f"{len(run)}期数据{zh_word}", f"a {en_word} over {len(run)} periods", run[-1])
    return Outcome(
        "off_track",
        f"{len(run)}期数据与“{zh_word}”相反",
        f"the contrary of a {en_word} over {len(run)} periods",
        run[-1],
    )
