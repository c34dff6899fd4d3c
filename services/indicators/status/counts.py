"""Comparators of counts, levels, indices and growth."""

from dataclasses import replace
from fractions import Fraction

from services.indicators.observations.periods import Period
from services.indicators.status import wording
from services.indicators.status.figures import NO_FIGURE, Case, Figure, Outcome, disjoint, latest
from services.indicators.status.rates import sampled_at_least
from services.indicators.status.shortfall import short, undecided


def at_least(case: Case) -> Outcome:
    """`达到…以上`, and bare numbers. A flow counts what its periods add up to since the plan's start."""
    rule = case.rule
    if rule.sampled:
        return sampled_at_least(case)
    assert rule.low is not None
    if rule.readings and (question := rule.question) is not None:
        decided = question.decision["goal"] if question.decision else None
        readings = [Fraction(decided)] if decided is not None else list(rule.readings)
    else:
        readings = [rule.low]
    series = series_of(case)
    if not series:
        return NO_FIGURE
    figure, number = series[-1]
    own = number if number != figure.number else None
    if number >= max(readings):
        zh, en = wording.goal(rule, max(readings))
        return Outcome("met", f"达到{zh}", f"the goal of {en} is reached", figure, own)
    if number >= min(readings):
        return replace(undecided(case), figure=figure, number=own)
    if figure.missing:
        return Outcome(
            "cannot_tell",
            "还有地区没有报送，合计不能下结论",
            "areas are still missing, so the sum decides nothing",
            figure,
            own,
        )
    return short(case, series, min(readings))


def series_of(case: Case) -> list[tuple[Figure, Fraction]]:
    """Number of each figure, oldest first; a flow runs up from the plan's start."""
    figures = [figure for figure in case.figures if figure.number is not None]
    if case.rule.measure != "flow":
        numbered = sorted(figures, key=lambda f: (f.period.end, f.period.days))
        return [(figure, figure.number) for figure in numbered if figure.number is not None]
    total, series = Fraction(0), []
    for figure in disjoint(figure for figure in figures if figure.period.start >= case.rule.start):
        total += figure.number or 0
        series.append((figure, total))
    return series


def more_than(case: Case) -> Outcome:
    """`突破`: strictly more."""
    rule, series = case.rule, series_of(case)
    assert rule.low is not None
    if not series:
        return NO_FIGURE
    figure, number = series[-1]
    zh, en = wording.goal(rule, rule.low)
    own = number if number != figure.number else None
    if number > rule.low:
        return Outcome("met", f"突破{zh}", f"more than {en}", figure, own)
    if number == rule.low:
        outcome = short(case, series, rule.low)
        return replace(
            outcome, zh=f"正好{zh}，“突破”须超过；{outcome.zh}", en=f"exactly {en}, and more is needed; {outcome.en}"
        )
    return short(case, series, rule.low)


def breakthrough(case: Case) -> Outcome:
    """`实现突破`: from none to at least one."""
    figure = latest(case.figures)
    if figure is None or figure.number is None:
        return NO_FIGURE
    before = [f for f in case.figures if f.period.end < case.rule.start and f.number]
    if before and figure.number >= 1:
        return Outcome(
            "cannot_tell",
            f"{before[0].period.zh}已经有过，不是从无到有",
            f"there was one already in {before[0].period.en}, so it is not a first",
            figure,
        )
    if figure.number >= 1:
        return Outcome("met", "实现从无到有的突破", "the first one is there", figure)
    return short(case, series_of(case), Fraction(1))


def at_most(case: Case) -> Outcome:
    rule, figure = case.rule, latest(case.figures)
    assert rule.high is not None
    if figure is None or figure.number is None:
        return NO_FIGURE
    zh, en = wording.goal(rule, rule.high)
    if figure.number <= rule.high:
        return Outcome("met", f"不超过{zh}", f"not above {en}", figure)
    return short(case, series_of(case), rule.high, falling=True)


def equals_zero(case: Case) -> Outcome:
    figure = latest(case.figures)
    if figure is None or figure.number is None:
        return NO_FIGURE
    if figure.number == 0:
        return Outcome("met", "为零", "it is zero", figure)
    return short(case, series_of(case), Fraction(0), falling=True)


def zero_growth(case: Case) -> Outcome:
    """Growth in per cent, year by year. Without a base year the answer must be the same for every possible base."""
    years = {f.period.start.year: f for f in case.figures if f.period.kind == "year" and f.number is not None}
    if not years:
        return Outcome("no_data", "没有全年增长率", "No growth of a whole year")
    last = max(years)
    question = case.rule.question
    base = int(question.decision["year"]) if question and question.decision else None
    level, growths = Fraction(1), {}
    year = last
    while year in years:
        number = years[year].number
        assert number is not None
        level *= 1 + number / 100
        growths[year - 1] = level - 1
        year -= 1
    if base is not None and base not in growths:
        return Outcome(
            "cannot_tell",
            f"基期{base}年以来的增长率不全",
            f"growth since the base year {base} is not complete",
            years[last],
        )
    chosen = growths if base is None else {base: growths[base]}
    if all(growth <= 0 for growth in chosen.values()):
        return Outcome("met", _bases(chosen, "没有增长")[0], _bases(chosen, "no growth")[1], years[last])
    if all(growth > 0 for growth in chosen.values()):
        return Outcome("off_track", _bases(chosen, "有增长")[0], _bases(chosen, "there is growth")[1], years[last])
    return replace(undecided(case), figure=years[last])


def _bases(chosen: dict[int, Fraction], word: str) -> tuple[str, str]:
    first, last = min(chosen), max(chosen)
    zh = f"以{first}年为基期{word}" if first == last else f"以{first}年至{last}年中任何一年为基期都{word}"
    en = f"{word} from the base year {first}" if first == last else f"{word} from any base year from {first} to {last}"
    return zh, en


def yearly_range(case: Case) -> Outcome:
    """`每年2—3次`: every year; the lower bound is the pass line."""
    rule, year = case.rule, case.day.year
    assert rule.low is not None
    assert rule.high is not None
    zh, en = wording.goal(rule, rule.low)
    for each in (year, year - 1):
        whole = Period.year(each)
        taken = disjoint(f for f in case.figures if whole.covers(f.period) and f.number is not None)
        if not taken:
            continue
        number = sum((f.number or Fraction(0) for f in taken), Fraction(0))
        figure = taken[-1].at(Period(taken[0].period.start, taken[-1].period.end))
        if number >= rule.low:
            more = number > rule.high
            note = ("，多于计划的上限", ", more than the plan's upper figure") if more else ("", "")
            return Outcome("met", f"{each}年不少于{zh}{note[0]}", f"at least {en} in {each}{note[1]}", figure, number)
        if case.day < whole.end:
            return Outcome("not_due", f"{each}年还没有结束", f"{each} is not over", figure, number)
        if sum(f.period.days for f in taken) == whole.days:
            return Outcome("breached", f"{each}年少于{zh}", f"fewer than {en} in {each}", figure, number)
        return Outcome("cannot_tell", f"{each}年的数据不全", f"the figures of {each} are not complete", figure, number)
    return Outcome("no_data", f"{year - 1}年和{year}年没有数据", f"No figure of {year - 1} or {year}")


def between(case: Case) -> Outcome:
    """`1—2家`: at least the lower bound; the plan does not say what more than the upper one means."""
    rule, series = case.rule, series_of(case)
    assert rule.low is not None
    assert rule.high is not None
    if not series:
        return NO_FIGURE
    figure, number = series[-1]
    own = number if number != figure.number else None
    low, high = wording.goal(rule, rule.low), wording.goal(rule, rule.high)
    if number < rule.low:
        return short(case, series, rule.low)
    if number > rule.high:
        zh = f"超过{high.zh}；计划没有规定超过上限是否算达到"
        return Outcome("cannot_tell", zh, f"above {high.en}; the plan does not say what that means", figure, own)
    return Outcome("met", f"在{low.zh}至{high.zh}之间", f"between {low.en} and {high.en}", figure, own)
