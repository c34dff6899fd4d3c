"""Rates: samples are decided by their exact interval, a full count by its own number."""

from dataclasses import replace
from fractions import Fraction

from services.indicators.status import wording
from services.indicators.status.figures import NO_FIGURE, Case, Figure, Outcome, latest
from services.indicators.status.numbers import exact_interval, samples_at_this_rate, samples_without_failure
from services.indicators.status.shortfall import short, undecided


def _open(figure: Figure, goal: Fraction, goal_zh: str, goal_en: str) -> Outcome:
    """The goal lies within the interval: say how many samples would settle it."""
    assert figure.n is not None
    assert figure.passed is not None
    least = samples_without_failure(goal)
    if least is not None and figure.n < least:
        return Outcome(
            "cannot_tell",
            f"{goal_zh}在区间内；一批不失，也要{least:,}批才能证明达到{goal_zh}",
            f"{goal_en} lies within; even without a failure it takes {least:,} batches to show {goal_en}",
            figure,
            settle_n=least,
        )
    needed = samples_at_this_rate(figure.passed, figure.n, goal)
    if needed is None:
        return Outcome("cannot_tell", f"{goal_zh}在区间内", f"{goal_en} lies within", figure)
    return Outcome(
        "cannot_tell",
        f"{goal_zh}在区间内；照此合格率约需{needed:,}批才能分辨",
        f"{goal_en} lies within; at this rate about {needed:,} batches would settle it",
        figure,
        settle_n=needed,
    )


def _no_interval(figure: Figure) -> Outcome:
    return Outcome(
        "cannot_tell",
        "只有合格率，没有批次数，算不出区间",
        "only a rate and no number of batches, so there is no interval",
        figure,
    )


def sampled_at_least(case: Case) -> Outcome:
    rule, figure = case.rule, latest(f for f in case.figures if f.number is not None)
    assert rule.low is not None
    if figure is None:
        return NO_FIGURE
    zh, en = wording.goal(rule, rule.low)
    if not figure.n or figure.passed is None:
        return _no_interval(figure)
    low, high = exact_interval(figure.passed, figure.n)
    if low >= rule.low:
        return Outcome("met", f"区间不低于{zh}", f"the interval is not below {en}", figure)
    if high < rule.low:
        return Outcome("off_track", f"区间低于{zh}", f"the interval is below {en}", figure)
    return _open(figure, rule.low, zh, en)


def hold_at_least(case: Case) -> Outcome:
    """`保持`: every period counts; one that is wholly below is a breach, whatever comes after."""
    rule = case.rule
    assert rule.low is not None
    zh, en = wording.goal(rule, rule.low)
    figures = sorted(
        (f for f in case.figures if f.number is not None and f.period.end >= rule.start),
        key=lambda f: (f.period.end, f.period.days),
    )
    if not figures:
        return Outcome("no_data", "计划期内没有可用的数据", "No usable figure of the plan's time")
    dips = [f for f in figures if _wholly_below(f, rule.low, rule.sampled)]
    if dips:
        dip = dips[-1]
        others = "" if len(dips) == 1 else f"，共{len(dips)}期"
        others_en = "" if len(dips) == 1 else f", {len(dips)} periods in all"
        return Outcome(
            "breached",
            f"{dip.period.zh}低于{zh}{others}；“保持”类目标跌破一次即失守",
            f"below {en} in {dip.period.en}{others_en}; one dip is a breach",
            dip,
        )
    last = figures[-1]
    if not rule.sampled:
        return Outcome("met", f"{len(figures)}期都不低于{zh}", f"{len(figures)} periods, none below {en}", last)
    if not last.n or last.passed is None:
        return _no_interval(last)
    if exact_interval(last.passed, last.n).low >= rule.low:
        open_periods = [f for f in figures if not f.n or exact_interval(f.passed or 0, f.n).low < rule.low]
        more = f"；另有{len(open_periods)}期尚难判断" if open_periods else ""
        more_en = f"; {len(open_periods)} earlier periods cannot be told" if open_periods else ""
        return Outcome("met", f"本期守住{zh}{more}", f"{en} is held in this period{more_en}", last)
    return _open(last, rule.low, zh, en)


def _wholly_below(figure: Figure, goal: Fraction, sampled: bool) -> bool:
    if not sampled:
        return figure.number is not None and figure.number < goal
    if not figure.n or figure.passed is None:
        return False
    return exact_interval(figure.passed, figure.n).high < goal


def about(case: Case) -> Outcome:
    """`稳定在…左右`: decided against the tolerance on record; without one nobody can say."""
    rule, figure = case.rule, latest(f for f in case.figures if f.number is not None)
    assert rule.low is not None
    assert rule.question is not None
    if figure is None or figure.number is None:
        return NO_FIGURE
    decision = rule.question.decision
    if decision is None:
        return replace(undecided(case), figure=figure)
    floor = rule.low - Fraction(decision["below"])
    ceiling = None if decision.get("above") is None else rule.low + Fraction(decision["above"])
    low, high = (figure.number, figure.number)
    if rule.sampled:
        if not figure.n or figure.passed is None:
            return _no_interval(figure)
        low, high = exact_interval(figure.passed, figure.n)
    floor_text = wording.goal(rule, floor)
    band_zh, band_en = f"{floor_text.zh}以上", f"{floor_text.en} or more"
    if ceiling is not None:
        top = wording.goal(rule, ceiling)
        band_zh, band_en = f"{floor_text.zh}至{top.zh}", f"{floor_text.en} to {top.en}"
    if low >= floor and (ceiling is None or high <= ceiling):
        return Outcome("met", f"在容差{band_zh}之内", f"within the tolerance, {band_en}", figure)
    if high < floor or (ceiling is not None and low > ceiling):
        return Outcome("off_track", f"在容差{band_zh}之外", f"outside the tolerance, {band_en}", figure)
    edge = floor if low < floor else ceiling
    assert edge is not None
    return (
        _open(figure, edge, *wording.goal(rule, edge)) if figure.n else Outcome("cannot_tell", band_zh, band_en, figure)
    )


def full_coverage(case: Case) -> Outcome:
    """Exactly 100 per cent: with n and passed nothing may be missing, however the rate rounds."""
    figures = sorted((f for f in case.figures if f.number is not None), key=lambda f: (f.period.end, f.period.days))
    if not figures:
        return NO_FIGURE
    last = figures[-1]
    series = [(figure, figure.number) for figure in figures if figure.number is not None]
    if series[-1][1] < 100:
        return short(case, series, Fraction(100))
    if last.missing:
        return Outcome("cannot_tell", "还有地区没有报送", "areas are still missing", last)
    return Outcome("met", "达到100%", "100 % is reached", last)
