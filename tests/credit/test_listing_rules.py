"""The listing procedure: every rule, every skip, and that no sequence of acts gets around due process."""

import contextlib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.credit.listings import rules
from services.credit.listings.rules import Basis, Case, Refused, Step
from services.credit.rulebook.law import law_on
from services.credit.rulebook.rules import Colour, Law
from shared.reference import workdays

TODAY = date(2026, 11, 24)
USCC = "91370600MA0000015A"
HEAVY = Basis("v1", USCC, "yt-scjg", "food", heavy=True, withdrawn=False)
GROUNDS: dict[Colour, str] = {"black": "food.contaminated", "red": "red.benchmark"}
PROPOSED = Step("proposal", TODAY, "li")
SERVED = Step("notice", TODAY, "li", "告知1号")
WAIVED = Step("hearing", TODAY, "li", "放弃1号", {"how": "waived"})
HELD = Step("hearing", TODAY, "li", "笔录1号", {"how": "held"})
PASSED = Step("hearing", TODAY, "li", None, {"how": "period_passed"})
LISTED = Step("decision", TODAY, "wang", "决定1号", {"outcome": "list"})
REJECTED = Step("decision", TODAY, "wang", None, {"outcome": "reject"})
PUBLISHED = Step("publication", TODAY, "sun")
REMOVED = Step("removal", TODAY, "wang")


def case(*steps: Step, colour: Colour = "black") -> Case:
    return Case(colour, GROUNDS[colour], steps)


def law(days: int = 0) -> Law:
    return law_on(TODAY + timedelta(days=days))


def refused(call: Any, *arguments: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.zh
    assert caught.value.en
    return caught.value


def test_states_follow_from_steps() -> None:
    steps = (PROPOSED, SERVED, WAIVED, LISTED, PUBLISHED, REMOVED)
    states = [case(*steps[: n + 1]).state for n in range(len(steps))]
    assert states == ["proposed", "notified", "heard", "decided", "published", "removed"]
    assert case(PROPOSED, REJECTED).state == "rejected"
    assert case(PROPOSED, Step("lapse", TODAY, "system")).state == "rejected"
    assert case(PROPOSED, SERVED, Step("hearing_asked", TODAY, "li")).state == "notified"


@pytest.mark.parametrize(
    ("steps", "words"),
    [((PROPOSED,), "未送达告知书，不能作出决定"), ((PROPOSED, SERVED), "尚未听取当事人意见，不能作出决定")],
)
def test_no_decision_before_notice_and_hearing(steps: tuple[Step, ...], words: str) -> None:
    error = refused(rules.check_decision, law(), case(*steps), LISTED, HEAVY)
    assert (error.kind, error.zh) == ("due_process", words)
    assert error.rule is not None
    assert error.rule.applied.article


def test_every_skip_is_due_process_with_the_rule_behind_it() -> None:
    skips = [
        (rules.check_hearing, (PROPOSED,), WAIVED, ()),
        (rules.check_hearing_asked, (PROPOSED,), Step("hearing_asked", TODAY, "li"), ()),
        (rules.check_decision, (PROPOSED,), LISTED, (HEAVY,)),
        (rules.check_decision, (PROPOSED, SERVED), LISTED, (HEAVY,)),
        (rules.check_publication, (PROPOSED,), PUBLISHED, ()),
        (rules.check_publication, (PROPOSED, SERVED), PUBLISHED, ()),
        (rules.check_publication, (PROPOSED, SERVED, WAIVED), PUBLISHED, ()),
        (rules.check_removal, (PROPOSED,), REMOVED, ()),
        (rules.check_removal, (PROPOSED, SERVED, WAIVED, LISTED), REMOVED, ()),
    ]
    for check, steps, step, more in skips:
        for colour in ("black", "red"):
            error = refused(check, law(), case(*steps, colour=colour), step, *more)  # type: ignore[arg-type]
            assert error.kind == "due_process"
            assert error.rule is not None


def test_nothing_is_done_twice_or_after_the_end() -> None:
    decided = (PROPOSED, SERVED, WAIVED, LISTED)
    ends = [decided, (*decided, PUBLISHED), (*decided, PUBLISHED, REMOVED), (PROPOSED, REJECTED)]
    for steps in ends:
        for check, step, more in (
            (rules.check_notice, SERVED, ()),
            (rules.check_hearing, WAIVED, ()),
            (rules.check_decision, LISTED, (HEAVY,)),
            (rules.check_decision, REJECTED, (HEAVY,)),
        ):
            assert refused(check, law(), case(*steps), step, *more).kind == "state"
    assert refused(rules.check_publication, law(), case(*decided, PUBLISHED), PUBLISHED).kind == "state"
    assert refused(rules.check_removal, law(), case(*decided, PUBLISHED, REMOVED), REMOVED).kind == "state"
    assert refused(rules.check_publication, law(), case(PROPOSED, REJECTED), PUBLISHED).kind == "state"


def test_the_notice_is_in_writing() -> None:
    error = refused(rules.check_notice, law(), case(PROPOSED), replace(SERVED, document=None))
    assert error.kind == "due_process"
    # the red list is announced, not served
    red = case(PROPOSED, colour="red")
    assert rules.check_notice(law(), red, replace(SERVED, document=None)).document is None


def test_the_hearing_period_is_the_rules_and_in_working_days() -> None:
    notified = case(PROPOSED, SERVED)
    last = rules.hearing_deadline(law(), notified).on
    assert last == date(2026, 12, 1)  # five working days after Tuesday 24 November
    on_last = refused(rules.check_hearing, law_on(last), notified, PASSED)
    assert on_last.extra["until"] == "2026-12-01"
    passed = rules.check_hearing(law_on(last + timedelta(days=1)), notified, PASSED)
    assert passed.on == date(2026, 12, 2)
    late = Step("hearing_asked", last + timedelta(days=1), "li")
    assert refused(rules.check_hearing_asked, law_on(last + timedelta(days=2)), notified, late).kind == "due_process"


def test_a_hearing_that_was_asked_for_cannot_pass_by_waiting() -> None:
    asked = case(PROPOSED, SERVED, Step("hearing_asked", TODAY, "li"))
    assert refused(rules.check_hearing, law(60), asked, PASSED).kind == "due_process"
    assert rules.check_hearing(law(), asked, HELD)
    assert rules.check_hearing(law(), asked, WAIVED)


def test_hearing_and_waiver_need_their_document() -> None:
    for step in (HELD, WAIVED):
        error = refused(rules.check_hearing, law(), case(PROPOSED, SERVED), replace(step, document=None))
        assert error.kind == "due_process"


def test_the_red_list_is_open_to_objections_first() -> None:
    announced = case(PROPOSED, SERVED, colour="red")
    last = rules.hearing_deadline(law(), announced).on
    for step in (PASSED, HELD, WAIVED):
        assert refused(rules.check_hearing, law_on(last), announced, step).kind == "due_process"
    after = law_on(last + timedelta(days=1))
    assert refused(rules.check_hearing, after, announced, WAIVED).kind == "due_process"
    assert rules.check_hearing(after, announced, PASSED)
    objected = announced.with_step(Step("hearing_asked", TODAY, "li"))
    assert refused(rules.check_hearing, after, objected, PASSED).kind == "due_process"
    assert rules.check_hearing(after, objected, HELD)


def test_the_proposer_cannot_decide_either_way() -> None:
    heard = case(PROPOSED, SERVED, WAIVED)
    for step in (replace(LISTED, by="li"), replace(REJECTED, by="li")):
        error = refused(rules.check_decision, law(), heard, step, HEAVY)
        assert (error.kind, error.zh) == ("two_persons", "提议人不能作决定")
    assert rules.check_decision(law(), heard, LISTED, HEAVY)


def test_a_case_can_be_rejected_at_any_step_before_the_decision() -> None:
    for steps in ((PROPOSED,), (PROPOSED, SERVED), (PROPOSED, SERVED, WAIVED)):
        assert rules.check_decision(law(), case(*steps), REJECTED, HEAVY)


def test_disproved_intent_leaves_only_rejection() -> None:
    proved = replace(HELD, detail={"how": "held", "intent_disproved": True})
    heard = case(PROPOSED, SERVED, proved)
    error = refused(rules.check_decision, law(), heard, LISTED, HEAVY)
    assert error.kind == "due_process"
    assert error.rule is not None
    assert error.rule.applied.article == "第十二条"
    assert rules.check_decision(law(), heard, REJECTED, HEAVY)


@pytest.mark.parametrize(
    "basis",
    [None, replace(HEAVY, heavy=False), replace(HEAVY, withdrawn=True), replace(HEAVY, uscc="other")],
)
def test_a_black_listing_rests_on_a_heavy_penalty_in_force(basis: Basis | None) -> None:
    error = refused(rules.check_proposal, law(), "black", "food.contaminated", USCC, basis)
    assert error.kind == "due_process"
    if basis is None or basis.uscc == USCC:
        heard = case(PROPOSED, SERVED, WAIVED)
        assert refused(rules.check_decision, law(), heard, LISTED, basis).kind == "due_process"
    rules.check_proposal(law(), "red", "red.benchmark", USCC, None)


def test_grounds_are_of_their_list_and_day() -> None:
    for ground in ("red.benchmark", "nothing"):
        assert refused(rules.check_proposal, law(), "black", ground, USCC, HEAVY).kind == "ground"
    assert refused(rules.check_proposal, law(), "red", "food.contaminated", USCC, None).kind == "ground"
    early = law_on(date(2021, 12, 31))
    assert refused(rules.check_proposal, early, "black", "tourism.serious_dishonesty", USCC, HEAVY).kind == "ground"


@pytest.mark.parametrize(
    ("ground", "field", "fits"),
    [
        ("food.contaminated", "food", True),
        ("tourism.serious_dishonesty", "tourism", True),
        ("tourism.serious_dishonesty", "metrology", False),
        ("food.contaminated", "agriculture", False),
        ("any.obstruction", "metrology", True),
        ("any.refusal_to_perform", "other", True),
    ],
)
def test_a_ground_fits_the_field_of_the_penalty(ground: str, field: str, fits: bool) -> None:
    basis = replace(HEAVY, field=field)
    heard = Case("black", ground, (PROPOSED, SERVED, WAIVED))
    if fits:
        rules.check_proposal(law(), "black", ground, USCC, basis)
        assert rules.check_decision(law(), heard, LISTED, basis)
        return
    error = refused(rules.check_proposal, law(), "black", ground, USCC, basis)
    assert error.kind == "field"
    words = law().book.fields
    assert f"“{words[field].zh}”" in error.zh
    assert f"of {words[field].en};" in error.en
    assert "any.obstruction" in error.zh
    assert ground not in error.zh
    assert refused(rules.check_decision, law(), heard, LISTED, basis).kind == "due_process"
    assert rules.check_decision(law(), heard, REJECTED, basis)


def test_days_are_not_in_the_future_nor_before_the_step_before() -> None:
    tomorrow, yesterday = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
    for day in (tomorrow, yesterday):
        for check, steps, step, more in (
            (rules.check_notice, (PROPOSED,), SERVED, ()),
            (rules.check_hearing, (PROPOSED, SERVED), WAIVED, ()),
            (rules.check_decision, (PROPOSED, SERVED, WAIVED), LISTED, (HEAVY,)),
        ):
            assert refused(check, law(), case(*steps), replace(step, on=day), *more).kind == "date"


def test_each_step_has_its_deadline_in_working_days() -> None:
    expected: list[tuple[tuple[Step, ...], str, int]] = [
        ((PROPOSED,), "notice", 10),
        ((PROPOSED, SERVED), "hearing", 20),
        ((PROPOSED, SERVED, WAIVED), "decision", 10),
        ((PROPOSED, SERVED, WAIVED, LISTED), "publication", 20),
    ]
    for steps, act, days in expected:
        duty = rules.next_duty(law(), case(*steps))
        assert duty is not None
        assert (duty[0], duty[1].on) == (act, workdays.add(TODAY, days).date)
    for steps in ((PROPOSED, REJECTED), (PROPOSED, SERVED, WAIVED, LISTED, PUBLISHED)):
        assert rules.next_duty(law(), case(*steps)) is None


PEOPLE = st.sampled_from(["li", "wang", "sun"])
DOCUMENTS = st.sampled_from([None, "文1号"])


class Procedure(RuleBasedStateMachine):
    """Officers try any act in any order, with and without documents, while days pass and the penalty may fall."""

    def __init__(self) -> None:
        super().__init__()
        self.day = TODAY
        self.basis = HEAVY
        self.case = Case("black", GROUNDS["black"], (Step("proposal", TODAY, "li"),))

    @initialize(colour=st.sampled_from(["black", "red"]))
    def begin(self, colour: Colour) -> None:
        self.case = Case(colour, GROUNDS[colour], (Step("proposal", TODAY, "li"),))

    @precondition(lambda self: self.case.state in ("rejected", "removed", "published"))
    @rule(colour=st.sampled_from(["black", "red"]), by=PEOPLE)
    def begin_again(self, colour: Colour, by: str) -> None:
        self.basis = HEAVY
        self.case = Case(colour, GROUNDS[colour], (Step("proposal", self.day, by),))

    @rule(days=st.integers(1, 12))
    def days_pass(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(by=PEOPLE, how=st.sampled_from(["held", "waived", "period_passed"]), odd=st.integers(0, 3))
    def next_act(self, by: str, how: str, odd: int) -> None:
        """What is due next, so that the far states are reached often; mostly as it should be done."""
        match self.case.state:
            case "proposed":
                self.notice(by, "告知1号", 0)
            case "notified" if odd == 1:
                self.ask(by, 0)
            case "notified":
                self.day += timedelta(days=how.count("p") * 4)
                self.hear(by, "笔录1号", how, odd == 0)
            case "heard":
                self.decide(by, "决定1号", "list")
            case "decided":
                self.publish(by)

    @rule(act=st.sampled_from(["hearing", "decision", "publication", "removal"]), by=PEOPLE)
    def skip(self, act: str, by: str) -> None:
        """A later act, whatever the state."""
        match act:
            case "hearing":
                self.hear(by, "笔录1号", "held", False)
            case "decision":
                self.decide(by, "决定1号", "list")
            case "publication":
                self.publish(by)
            case "removal":
                self.remove(by)

    @rule(falls=st.integers(0, 9))
    def penalty_is_annulled(self, falls: int) -> None:
        if falls == 0:
            self.basis = replace(self.basis, withdrawn=True)

    def _try(self, check: Any, step: Step, *more: Any) -> None:
        with contextlib.suppress(Refused):
            self.case = self.case.with_step(check(law_on(self.day), self.case, step, *more))

    @rule(by=PEOPLE, document=DOCUMENTS, back=st.integers(-1, 3))
    def notice(self, by: str, document: str | None, back: int) -> None:
        self._try(rules.check_notice, Step("notice", self.day - timedelta(days=back), by, document))

    @rule(by=PEOPLE, back=st.integers(-1, 3))
    def ask(self, by: str, back: int) -> None:
        self._try(rules.check_hearing_asked, Step("hearing_asked", self.day - timedelta(days=back), by))

    @rule(by=PEOPLE, document=DOCUMENTS, how=st.sampled_from(["held", "waived", "period_passed"]), odd=st.booleans())
    def hear(self, by: str, document: str | None, how: str, odd: bool) -> None:
        detail = {"how": how, "intent_disproved": odd}
        self._try(rules.check_hearing, Step("hearing", self.day, by, document, detail))

    @rule(by=PEOPLE, document=DOCUMENTS, outcome=st.sampled_from(["list", "list", "reject"]))
    def decide(self, by: str, document: str | None, outcome: str) -> None:
        before = self.case.state
        self._try(rules.check_decision, Step("decision", self.day, by, document, {"outcome": outcome}), self.basis)
        if self.case.state != before == "heard" and self.case.state == "decided" and self.case.colour == "black":
            assert not self.basis.withdrawn, "listed on an annulled penalty"

    @rule(by=PEOPLE)
    def publish(self, by: str) -> None:
        self._try(rules.check_publication, Step("publication", self.day, by))

    @rule(by=PEOPLE)
    def remove(self, by: str) -> None:
        self._try(rules.check_removal, Step("removal", self.day, by))

    @invariant()
    def nothing_happens_tomorrow(self) -> None:
        days = [step.on for step in self.case.steps]
        assert days == sorted(days)
        assert days[-1] <= self.day

    @invariant()
    def due_process(self) -> None:
        """Whatever was tried: who is decided, published or removed was told, heard, and judged by a second person."""
        if self.case.state not in ("decided", "published", "removed"):
            return
        steps = {step.kind: step for step in self.case.steps}
        proposal, notice, hearing, decision = (steps[kind] for kind in ("proposal", "notice", "hearing", "decision"))
        assert proposal.on <= notice.on <= hearing.on <= decision.on <= self.day
        assert decision.by != proposal.by
        assert decision.document
        how = hearing.detail["how"]
        period = 5
        if how == "period_passed":
            assert "hearing_asked" not in steps
            assert hearing.on > workdays.add(notice.on, period).date
        else:
            assert hearing.document
        if self.case.colour == "black":
            assert notice.document
            assert not hearing.detail["intent_disproved"]
        else:
            assert how != "waived"
            assert self.day > workdays.add(notice.on, period).date

    @invariant()
    def steps_stand_in_order(self) -> None:
        order = ["proposal", "notice", "hearing", "decision", "publication", "removal"]
        kinds = [step.kind for step in self.case.steps if step.kind != "hearing_asked"]
        if self.case.state == "rejected":
            assert kinds[-1] == "decision"
            kinds = kinds[:-1]
        assert kinds == order[: len(kinds)]


TestProcedure = Procedure.TestCase
TestProcedure.settings = settings(
    max_examples=300, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
