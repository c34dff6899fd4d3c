"""Numbers and lights in words, Chinese and English."""

from fractions import Fraction

from services.indicators.catalogue.targets import Rule
from services.indicators.status.figures import Figure
from services.indicators.status.numbers import exact_interval, shown
from shared.events.indicators import Light
from shared.i18n import Text

LIGHTS: dict[Light, Text] = {
    "met": Text("已达到", "Met"),
    "on_track": Text("按计划", "On track"),
    "at_risk": Text("有风险", "At risk"),
    "off_track": Text("落后", "Off track"),
    "breached": Text("失守", "Breached"),
    "cannot_tell": Text("尚难判断", "Cannot tell"),
    "not_due": Text("未到期", "Not due"),
    "no_data": Text("无数据", "No data"),
}
STATES = {
    "achieved": Text("已完成", "achieved"),
    "in_progress": Text("推进中", "in progress"),
    "not_achieved": Text("未完成", "not achieved"),
}
GRADES_EN = {
    "特级": "special grade",
    "一级": "first grade",
    "二级": "second grade",
    "三级": "third grade",
    "未定级": "no grade",
}
RATE_PLACES = 2


def fences(rule: Rule) -> list[Fraction]:
    """Numbers that a rounded one must not reach unless the true one does."""
    return [
        Fraction(0),
        Fraction(100),
        *(bound for bound in (rule.low, rule.high, *rule.readings) if bound is not None),
    ]


def plain(value: Fraction, places: int = 2) -> str:
    """`1,234`, `0.2`; a number that does not end in four decimals is rounded to `places`, never onto a whole number."""
    scaled = value * 10_000
    if scaled.denominator == 1:
        text = f"{shown(value, 4):,}"
        return text.rstrip("0").rstrip(".")
    return f"{shown(value, places, [Fraction(round(value))]):,}"


def decimal_text(rule: Rule, value: Fraction) -> str:
    """The number as it travels in answers and events: no unit, no thousands separator."""
    if rule.is_rate:
        return str(shown(value, RATE_PLACES, fences(rule)))
    return plain(value).replace(",", "")


def goal(rule: Rule, value: Fraction) -> Text:
    number = plain(value)
    if rule.is_rate:
        return Text(f"{number}%", f"{number} %")
    return Text(f"{number}{rule.unit}", f"{number} {rule.unit_en}".rstrip())


def amount(rule: Rule, value: Fraction) -> Text:
    """A measured number with its unit."""
    if rule.is_rate:
        number = decimal_text(rule, value)
        return Text(f"{number}%", f"{number} %")
    return goal(rule, value)


def figure(rule: Rule, fig: Figure, number: Fraction | None = None) -> Text:
    """The figure as a phrase: `18批中16批合格（88.89%，95%区间65.29%–98.62%）`."""
    if fig.state is not None:
        return STATES[fig.state]
    if fig.grade is not None:
        return Text(fig.grade, GRADES_EN[fig.grade])
    value = number if number is not None else fig.number
    if value is None:
        return Text("", "")
    zh, en = amount(rule, value)
    if fig.n and fig.passed is not None and number is None:
        if rule.sampled:
            low, high = (shown(bound, RATE_PLACES, fences(rule)) for bound in exact_interval(fig.passed, fig.n))
            zh = f"{fig.n:,}批中{fig.passed:,}批合格（{zh}，95%区间{low}%–{high}%）"
            en = f"{fig.passed:,} of {fig.n:,} batches passed ({en}, 95 % interval {low}-{high} %)"
        else:
            zh, en = f"{fig.n:,}中有{fig.passed:,}（{zh}）", f"{fig.passed:,} of {fig.n:,} ({en})"
    if fig.summed:
        zh, en = f"{zh}，由{fig.summed}个地区合计", f"{en}, summed over {fig.summed} areas"
    if fig.missing:
        zh, en = f"{zh}，缺{'、'.join(fig.missing)}", f"{en}, missing: {', '.join(fig.missing)}"
    return Text(zh, en)
