"""What a number that does not reach its goal means: late, on its way, or not to be told."""

from collections.abc import Sequence
from fractions import Fraction

from services.indicators.observations.periods import en_day, zh_day
from services.indicators.status import wording
from services.indicators.status.figures import Case, Figure, Outcome


def undecided(case: Case) -> Outcome:
    question = case.rule.question
    assert question is not None
    return Outcome("cannot_tell", f"{question.zh}尚未决定。", f"{question.en} Not decided yet.")


def short(
    case: Case,
    series: Sequence[tuple[Figure, Fraction]],
    goal: Fraction,
    *,
    falling: bool = False,
    figure: Figure | None = None,
    goal_zh: str | None = None,
    goal_en: str | None = None,
) -> Outcome:
    """A standing rule or a passed deadline makes it late; before the deadline the pace decides; without one nobody can.

    `series` is oldest first; `falling` where lower is better.
    """
    rule = case.rule
    if figure is None:
        figure = series[-1][0]
    number = series[-1][1] if series else None
    own = number if number != figure.number else None
    words = wording.goal(rule, goal)
    zh, en = goal_zh or words.zh, goal_en or words.en
    miss_zh, miss_en = (f"高于{zh}", f"above {en}") if falling else (f"没有达到{zh}", f"{en} is not reached")
    if rule.standing:
        return Outcome("off_track", miss_zh, miss_en, figure, own)
    if rule.deadline is None:
        return Outcome(
            "cannot_tell",
            f"{miss_zh}；计划没有写期限，不能说是否落后",
            f"{miss_en}; the plan sets no deadline, so it cannot be called late",
            figure,
            own,
        )
    due_zh, due_en = zh_day(rule.deadline), en_day(rule.deadline)
    if case.day > rule.deadline:
        if figure.period.end < rule.deadline:
            return Outcome(
                "cannot_tell",
                f"期限{due_zh}已过，最近一期只到{zh_day(figure.period.end)}",
                f"due {due_en}, but the last figure ends {en_day(figure.period.end)}",
                figure,
                own,
            )
        return Outcome("off_track", f"{miss_zh}，期限{due_zh}已过", f"{miss_en}; it was due {due_en}", figure, own)
    pace = _pace(series, goal, (rule.deadline - figure.period.end).days, falling)
    if pace is None:
        return Outcome(
            "cannot_tell",
            f"距{zh}还差，期限{due_zh}；只有一期数据，看不出进度",
            f"short of {en}, due {due_en}; one figure shows no pace",
            figure,
            own,
        )
    moved, needed = pace
    if moved >= needed:
        return Outcome(
            "on_track", f"照此进度能在{due_zh}前达到{zh}", f"at this pace {en} is reached by {due_en}", figure, own
        )
    if moved > 0:
        return Outcome(
            "at_risk", f"照此进度赶不上{due_zh}前达到{zh}", f"at this pace {en} is not reached by {due_en}", figure, own
        )
    return Outcome(
        "off_track", f"没有进展，期限{due_zh}前须达到{zh}", f"no progress; {en} is due {due_en}", figure, own
    )


def _pace(
    series: Sequence[tuple[Figure, Fraction]], goal: Fraction, days_left: int, falling: bool
) -> tuple[Fraction, Fraction] | None:
    """Change for each day so far (first to last figure of the same kind of period), and the change still needed."""
    if not series:
        return None
    last, number = series[-1]
    alike = [(figure, value) for figure, value in series if figure.period.kind == last.period.kind]
    first, before = alike[0]
    days = (last.period.end - first.period.end).days
    if days <= 0:
        return None
    sign = -1 if falling else 1
    moved = (number - before) * sign / days
    needed = (goal - number) * sign / max(days_left, 1)
    return moved, needed
