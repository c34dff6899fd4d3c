"""What the verdict on a lot is, why, and what was looked at. Pure.

`recalled` > `held` > `expired` > `safe`; `unknown` for a lot that nobody registered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from services.traceability.verdicts import words
from shared.events.traceability import Instruction, TestSummary
from shared.i18n import Text

State = Literal["safe", "held", "recalled", "unknown"]
Verdict = Literal["safe", "held", "recalled", "expired", "unknown"]


@dataclass(frozen=True)
class OpenAlert:
    summary: Text
    holds: bool
    test_id: str | None = None
    """The report that it rests on, if it is about one."""


@dataclass(frozen=True)
class Recalled:
    """The recall that a shopper is told of; `closed` when it was completed (the food is still not to be eaten)."""

    notice: Instruction
    closed: bool = False


@dataclass(frozen=True)
class Facts:
    """What the register knows of one lot, without the day of the question."""

    registered_on: date | None
    expires_on: date | None
    recalls: Sequence[Recalled] = ()
    alerts: Sequence[OpenAlert] = ()
    tests: Sequence[TestSummary] = ()
    """Newest first, each in its current version; one that an open alert rests on in the version that failed."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `ok` is None where nothing is known."""

    code: Literal["registered", "shelf_life", "recall", "hold", "tests"]
    ok: bool | None
    title: Text
    text: Text


@dataclass(frozen=True)
class Decision:
    state: State
    reasons: list[Text]
    recall: Instruction | None = None
    checks: list[Check] = field(default_factory=list)


def decide(facts: Facts) -> Decision:
    """The verdict but for the date, which is decided when it is asked (`on_day`)."""
    recall = worst(facts.recalls)
    holding = [alert for alert in facts.alerts if alert.holds]
    state: State = "safe"
    reasons: list[Text] = []
    if recall is not None:
        state, reasons = "recalled", [_recall_reason(recall)]
    elif holding:
        state, reasons = "held", _told(holding)
    elif facts.registered_on is None:
        state = "unknown"
        reasons = [Text("生产者没有登记这个批次", "The producer has not registered this lot")]
    checks = [
        _registered(facts.registered_on),
        shelf_life(facts.expires_on, None),
        _recall_check(recall),
        _hold(facts.alerts),
        _tests(facts),
    ]
    return Decision(state, reasons, recall.notice if recall else None, checks)


MOST_REASONS = 10
"""Of a hold: an event and an answer have room for so many."""


def _told(alerts: Sequence[OpenAlert]) -> list[Text]:
    return list(dict.fromkeys(alert.summary for alert in alerts))[:MOST_REASONS]


def on_day(state: State, expires_on: date | None, today: date) -> Verdict:
    """The verdict on a day: a safe lot is expired from the day after its last day."""
    if state == "safe" and expires_on is not None and today > expires_on:
        return "expired"
    return state


def worst(recalls: Sequence[Recalled]) -> Recalled | None:
    """The recall to tell of: open before completed, then the gravest level, then the oldest number."""
    return min(recalls, key=lambda one: (one.closed, one.notice.level, one.notice.number), default=None)


def expired_reason(expires_on: date) -> Text:
    last = words.day(expires_on)
    return Text(f"保质期至{last.zh}", f"It was to be eaten by {last.en}")


def safe_reason(checks: Sequence[bool | None]) -> Text:
    """What `safe` means: how many things were looked at, and that what is not known was not counted."""
    known = sum(ok is True for ok in checks)
    if known == len(checks):
        return Text(f"核对了 {known} 项，没有发现问题", f"{known} checks, no problem found")
    missing = len(checks) - known
    return Text(
        f"核对了 {known} 项，没有发现问题；另有 {missing} 项没有记录",
        f"{known} checks, no problem found; nothing is on record for {missing} more",
    )


def shelf_life(expires_on: date | None, today: date | None) -> Check:
    """The check of the date; without a day it is taken as within date (the stored form, patched when it is asked)."""
    title = Text("在保质期内", "Within its date")
    if expires_on is None:
        return Check("shelf_life", None, title, Text("没有登记保质期", "No date was registered"))
    last = words.day(expires_on)
    if today is not None and today > expires_on:
        title = Text("已过保质期", "Past its date")
        return Check("shelf_life", False, title, Text(f"到{last.zh}为止", f"Until {last.en}"))
    return Check("shelf_life", True, title, Text(f"至 {last.zh}", f"Until {last.en}"))


def _registered(on: date | None) -> Check:
    if on is None:
        return Check(
            "registered",
            False,
            Text("批次没有登记", "Lot not registered"),
            Text("生产者没有登记这个批次", "The producer has not registered this lot"),
        )
    day = words.day(on)
    return Check(
        "registered",
        True,
        Text("批次已登记", "Lot registered"),
        Text(f"生产者于{day.zh}登记", f"Registered by the producer on {day.en}"),
    )


def _recall_check(recall: Recalled | None) -> Check:
    if recall is None:
        return Check(
            "recall", True, Text("没有召回", "Not recalled"), Text("没有召回通知", "There is no recall notice")
        )
    notice, day, level = recall.notice, words.day(recall.notice.started_on), words.LEVELS[recall.notice.level]
    zh = f"{notice.number}，{day.zh}起{level.zh}召回"
    en = f"{notice.number}, {level.en} recall since {day.en}"
    if recall.closed:
        zh, en = f"{zh}，已完成", f"{en}, completed"
    return Check("recall", False, Text("已召回", "Recalled"), Text(zh, en))


def _recall_reason(recall: Recalled) -> Text:
    notice, day, level = recall.notice, words.day(recall.notice.started_on), words.LEVELS[recall.notice.level]
    return Text(
        f"{notice.reason}。{day.zh}起{level.zh}召回（{notice.number}）",
        f"{notice.reason_en or notice.reason}. {level.en} recall since {day.en} ({notice.number})",
    )


def _hold(alerts: Sequence[OpenAlert]) -> Check:
    holding = [alert for alert in alerts if alert.holds]
    if holding:
        reasons = _told(holding)
        return Check(
            "hold",
            False,
            Text("暂停销售", "On hold"),
            Text("；".join(text.zh for text in reasons), "; ".join(text.en for text in reasons)),
        )
    title = Text("没有暂停销售", "Not on hold")
    if alerts:
        count = len(alerts)
        return Check(
            "hold",
            True,
            title,
            Text(f"{count} 个预警正在核实，不暂停销售", f"{count} open without a hold"),
        )
    return Check("hold", True, title, Text("没有未结案的预警", "No open alert"))


def _tests(facts: Facts) -> Check:
    """A failure stands until its alert is closed. Then the newest supervision report decides, and only where there is
    none the producer's own: what a firm says of itself never outweighs what an authority found.
    """
    if not facts.tests:
        return Check("tests", None, Text("检验", "Tests"), Text("没有检验记录", "No test on record"))
    standing = {alert.test_id for alert in facts.alerts}
    if failed := [test for test in facts.tests if test.test_id in standing]:
        worst = next((test for test in failed if test.kind == "supervision"), failed[0])
        day, kind = words.day(worst.tested_on), words.test_kind(worst.kind)
        return Check(
            "tests",
            False,
            Text("检验不合格", "A test failed"),
            Text(f"{day.zh}，{kind.zh}报告 {worst.report_number}", f"{day.en}, {kind.en} report {worst.report_number}"),
        )
    supervision = [test for test in facts.tests if test.kind == "supervision"]
    own = [test for test in facts.tests if test.kind != "supervision"]
    deciding = supervision or own
    of_last_day = [test for test in deciding if test.tested_on == deciding[0].tested_on]
    newest = min(of_last_day, key=lambda test: test.result != "fail")
    day, kind = words.day(newest.tested_on), words.test_kind(newest.kind)
    differs = bool(supervision and own and own[0].result != newest.result)
    if newest.result == "fail":
        zh = f"{day.zh}有一份{kind.zh}报告不合格，监管人员已处理结案"
        en = f"A {kind.en} report of {day.en} failed; the authority has closed the case"
        if differs:
            zh, en = (
                f"{zh}；企业的检验结论不同，以监督抽检为准",
                f"{en}; the producer's own test differs and does not count",
            )
        return Check("tests", None, Text("检验", "Tests"), Text(zh, en))
    items = newest.items
    zh = f"{day.zh}，{kind.zh} {items} 项，全部合格"
    en = f"{day.en}, {kind.en} of {items} {'item' if items == 1 else 'items'}, all passed"
    if differs:
        zh, en = f"{zh}；企业的检验有不合格，已处理结案", f"{en}; the producer's own test failed, the case is closed"
    return Check("tests", True, Text("检验合格", "Tests passed"), Text(zh, en))
