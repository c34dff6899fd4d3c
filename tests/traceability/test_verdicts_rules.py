"""What the verdict is, why, and which checks stand beside it."""

from datetime import date, timedelta

import pytest

from services.traceability.verdicts import rules
from services.traceability.verdicts.rules import Facts, OpenAlert, Recalled
from shared.events.traceability import Instruction, TestSummary
from shared.i18n import Text

DAY = date(2026, 11, 24)
REGISTERED = Facts(registered_on=date(2026, 10, 18), expires_on=date(2027, 4, 16))
HOLD = OpenAlert(Text("监督抽检不合格", "Supervision test failed"), holds=True, test_id="t")
WATCH = OpenAlert(Text("列入黑榜", "Black-listed"), holds=False)


def notice(level: int = 2, number: str = "R-2026-001", closed: bool = False) -> Recalled:
    instruction = Instruction(
        recall_id="r-" + number, number=number, level=level, reason="黄曲霉毒素 B₁ 超标", reason_en="Aflatoxin B1",
        started_on=date(2026, 11, 23),
    )  # fmt: skip
    return Recalled(instruction, closed)


def report(
    result: str = "pass",
    day: date = date(2026, 10, 20),
    items: int = 48,
    kind: str | None = "supervision",
    test_id: str = "t",
) -> TestSummary:
    return TestSummary(
        test_id=test_id, tested_on=day, laboratory="示例检测中心", result=result, items=items, report_number="SP-1",
        kind=kind,
    )  # fmt: skip


def facts(**changes: object) -> Facts:
    return Facts(**{**REGISTERED.__dict__, **changes})  # type: ignore[arg-type]


def checks(given: Facts) -> dict[str, bool | None]:
    return {check.code: check.ok for check in rules.decide(given).checks}


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (REGISTERED, "safe"),
        (facts(alerts=[HOLD]), "held"),
        (facts(alerts=[WATCH]), "safe"),
        (facts(recalls=[notice()], alerts=[HOLD]), "recalled"),
        (facts(recalls=[notice(closed=True)]), "recalled"),
        (facts(registered_on=None), "unknown"),
        (facts(registered_on=None, alerts=[HOLD]), "held"),
        (facts(registered_on=None, recalls=[notice()]), "recalled"),
    ],
)
def test_the_graver_state_wins(given: Facts, state: str) -> None:
    assert rules.decide(given).state == state


def test_a_safe_lot_expires_the_day_after_its_last_day_and_nothing_else_does() -> None:
    last = date(2027, 4, 16)
    assert rules.on_day("safe", last, last) == "safe"
    assert rules.on_day("safe", last, last + timedelta(days=1)) == "expired"
    assert rules.on_day("safe", None, last + timedelta(days=9999)) == "safe"
    for state in ("held", "recalled", "unknown"):
        assert rules.on_day(state, last, last + timedelta(days=1)) == state  # type: ignore[arg-type]


def test_five_checks_each_with_its_fact() -> None:
    decision = rules.decide(facts(tests=[report()]))
    told = {check.code: (check.ok, check.text.zh, check.text.en) for check in decision.checks}
    assert list(told) == ["registered", "shelf_life", "recall", "hold", "tests"]
    assert told["registered"] == (True, "生产者于2026年10月18日登记", "Registered by the producer on 18 Oct 2026")
    assert told["shelf_life"] == (True, "至 2027年4月16日", "Until 16 Apr 2027")
    assert told["tests"] == (
        True,
        "2026年10月20日，监督抽检 48 项，全部合格",
        "20 Oct 2026, supervision test of 48 items, all passed",
    )
    assert told["recall"][0] is True
    assert told["hold"][0] is True


def test_what_is_not_known_is_neither_good_nor_bad() -> None:
    assert checks(facts(expires_on=None))["shelf_life"] is None
    assert checks(REGISTERED)["tests"] is None
    assert rules.safe_reason([True, True, True, True, None]).zh == "核对了 4 项，没有发现问题；另有 1 项没有记录"
    assert rules.safe_reason([True] * 5).en == "5 checks, no problem found"


def test_a_failed_report_is_told_while_its_alert_is_open_and_as_settled_after() -> None:
    failed = report("fail")
    assert checks(facts(tests=[failed], alerts=[HOLD]))["tests"] is False
    assert checks(facts(tests=[failed]))["tests"] is None
    again = report("pass", date(2026, 10, 25))
    assert checks(facts(tests=[again, failed]))["tests"] is True


LATER, DAY_BEFORE = date(2026, 10, 25), date(2026, 10, 19)


@pytest.mark.parametrize(
    ("supervision", "own", "open_alert", "ok", "says"),
    [
        # (result, day) of the newest supervision report, of the newest of the firm's own, what an open alert rests on
        (("fail", None), ("pass", LATER), "t", False, "监督抽检报告 SP-1"),
        (("fail", None), ("pass", LATER), None, None, "以监督抽检为准"),
        (("fail", None), ("pass", DAY_BEFORE), None, None, "以监督抽检为准"),
        (("fail", None), ("fail", LATER), None, None, "监督抽检报告不合格，监管人员已处理结案"),
        (("pass", None), ("fail", LATER), "own", False, "企业自检报告 SP-1"),
        (("pass", None), ("fail", LATER), None, True, "企业的检验有不合格，已处理结案"),
        (("pass", None), ("pass", LATER), None, True, "监督抽检 48 项，全部合格"),
        (None, ("pass", LATER), None, True, "企业自检 48 项，全部合格"),
        (None, ("fail", LATER), None, None, "企业自检报告不合格，监管人员已处理结案"),
        (None, ("fail", LATER), "own", False, "企业自检报告 SP-1"),
    ],
)
def test_supervision_wins_over_the_firms_own_tests_and_says_so(
    supervision: tuple[str, date | None] | None,
    own: tuple[str, date],
    open_alert: str | None,
    ok: bool | None,
    says: str,
) -> None:
    reports = [report(own[0], own[1], kind="self", test_id="own")]
    if supervision:
        reports.append(report(supervision[0]))
    reports.sort(key=lambda one: one.tested_on, reverse=True)
    alerts = [OpenAlert(Text("不合格", "failed"), holds=True, test_id=open_alert)] if open_alert else []
    check = rules.decide(facts(tests=reports, alerts=alerts)).checks[-1]
    assert check.ok is ok
    assert says in check.text.zh
    assert (check.title.zh == "检验合格") is (ok is True)


def test_of_two_supervision_reports_of_one_day_the_failed_one_is_told() -> None:
    both = [report("pass", test_id="t2"), report("fail", test_id="t1")]
    assert checks(facts(tests=both))["tests"] is None
    assert checks(facts(tests=both[::-1]))["tests"] is None


def test_the_date_check_turns_with_the_day() -> None:
    check = rules.shelf_life(date(2026, 11, 23), DAY)
    assert (check.ok, check.title.zh, check.text.zh) == (False, "已过保质期", "到2026年11月23日为止")


def test_the_gravest_open_recall_is_told() -> None:
    told = rules.worst([notice(3, "R-2026-001"), notice(1, "R-2026-009", closed=True), notice(2, "R-2026-004")])
    assert told is not None
    assert told.notice.number == "R-2026-004"
    reason = rules.decide(facts(recalls=[notice(2)])).reasons[0]
    assert reason.zh == "黄曲霉毒素 B₁ 超标。2026年11月23日起二级召回（R-2026-001）"
    assert reason.en == "Aflatoxin B1. Class 2 recall since 23 Nov 2026 (R-2026-001)"


def test_equal_reasons_are_told_once() -> None:
    assert len(rules.decide(facts(alerts=[HOLD, HOLD])).reasons) == 1
