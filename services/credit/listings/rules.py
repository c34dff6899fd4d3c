"""The listing procedure as a pure state machine: proposed, notified, heard, decided, published, removed; or rejected.

A case is its steps. Each `check_*` function answers the step that may be added, or raises `Refused`; nothing skips one:
a black listing is decided only after a served notice and after the party was heard (a hearing held, the period for
asking for one passed unused, or a recorded waiver), by a person who did not propose it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from services.credit.rulebook.rules import Colour, Deadline, Finding, Law

State = Literal["proposed", "notified", "heard", "decided", "published", "removed", "rejected"]
StepKind = Literal["proposal", "notice", "hearing_asked", "hearing", "decision", "publication", "removal", "lapse"]
Hearing = Literal["held", "waived", "period_passed"]
Outcome = Literal["list", "reject"]

OPEN: frozenset[State] = frozenset(("proposed", "notified", "heard", "decided"))


class Refused(Exception):
    """The step may not be taken now. `kind`: due_process, state, two_persons, date, ground, field."""

    def __init__(self, kind: str, zh: str, en: str, rule: Finding | None = None, **extra: Any) -> None:
        super().__init__(f"{kind}: {en}")
        self.kind = kind
        self.zh = zh
        self.en = en
        self.rule = rule
        self.extra = extra


@dataclass(frozen=True)
class Step:
    """`on`: the day it happened in the world; `by`: the principal that recorded it; `attachment`: SHA-256 of the
    document as a file."""

    kind: StepKind
    on: date
    by: str
    document: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    attachment: str | None = None


@dataclass(frozen=True)
class Basis:
    """The penalty behind a black listing."""

    violation_id: str
    uscc: str
    authority: str
    field: str
    """Regulatory field of the penalty: the ground is one of it, or one that fits every field."""
    heavy: bool
    withdrawn: bool


@dataclass(frozen=True)
class Case:
    colour: Colour
    ground_code: str
    steps: tuple[Step, ...] = ()

    @property
    def state(self) -> State:
        state: State = "proposed"
        for step in self.steps:
            match step.kind:
                case "notice":
                    state = "notified"
                case "hearing":
                    state = "heard"
                case "decision":
                    state = "decided" if step.detail["outcome"] == "list" else "rejected"
                case "publication":
                    state = "published"
                case "removal":
                    state = "removed"
                case "lapse":
                    state = "rejected"
        return state

    def step(self, kind: StepKind) -> Step | None:
        return next((step for step in reversed(self.steps) if step.kind == kind), None)

    def with_step(self, step: Step) -> "Case":
        return replace(self, steps=(*self.steps, step))


def check_proposal(law: Law, colour: Colour, ground_code: str, uscc: str, basis: Basis | None) -> None:
    ground = law.book.grounds.get(ground_code)
    if ground is None or ground.colour != colour or not ground.holds(law.today):
        known = [g.code for g in law.book.grounds.values() if g.colour == colour and g.holds(law.today)]
        raise Refused(
            "ground",
            f"没有这一事由，可用：{'、'.join(known)}",
            f"No such ground today; there are: {', '.join(known)}",
        )
    if colour == "black":
        _check_basis(law, uscc, basis)
        _check_field(law, ground_code, basis, "field")


def _check_field(law: Law, ground_code: str, basis: Basis | None, kind: str) -> None:
    """A tourism ground on a metrology penalty would list for what was never found."""
    ground = law.book.grounds[ground_code]
    if basis is None or ground.field in ("any", basis.field):
        return
    of_ground, of_basis = law.book.fields[ground.field], law.book.fields[basis.field]
    fitting = [
        each.code
        for each in law.book.grounds.values()
        if each.colour == ground.colour and each.field in ("any", basis.field) and each.holds(law.today)
    ]
    raise Refused(
        kind,
        f"事由属于“{of_ground.zh}”领域，所依据的处罚属于“{of_basis.zh}”领域，两者不符；可用事由：{'、'.join(fitting)}",
        f"The ground is one of the field {of_ground.en}, the penalty behind it of {of_basis.en}; "
        f"grounds that fit it: {', '.join(fitting)}",
    )


def _check_basis(law: Law, uscc: str, basis: Basis | None) -> None:
    heavy = law.find("listing.black.heavy_penalty")
    if basis is None or basis.uscc != uscc:
        raise Refused(
            "due_process",
            "列入黑榜须以对该主体的处罚决定为依据，请给出 violation_id",
            "A black listing rests on a penalty of this party; give its violation_id",
            heavy,
        )
    if basis.withdrawn:
        raise Refused(
            "due_process",
            "所依据的处罚决定已被撤销，不能列入",
            "The penalty behind it was annulled: no listing",
            law.find("listing.black.delist_after_annulment"),
        )
    if not basis.heavy:
        raise Refused(
            "due_process",
            "所依据的处罚不是较重行政处罚，不能列入黑榜",
            "The penalty behind it is not a heavy one: no black listing",
            heavy,
        )


def check_notice(law: Law, case: Case, step: Step) -> Step:
    _expect(law, case, "proposed", "notice")
    if case.colour == "black" and not step.document:
        raise Refused(
            "due_process",
            "告知必须书面送达，请给出告知书文号",
            "The notice is served in writing; give its document number",
            law.find("listing.black.notice_first"),
        )
    _check_day(law, case, step)
    return step


def hearing_deadline(law: Law, case: Case) -> Deadline:
    """The last day on which a hearing may be asked for (red list: an objection raised)."""
    notice = case.step("notice")
    assert notice is not None
    return law.deadline(_period_rule(case.colour), notice.on)


def _period_rule(colour: Colour) -> str:
    return "hearing.request_within" if colour == "black" else "listing.red.objections_open"


def check_hearing_asked(law: Law, case: Case, step: Step) -> Step:
    _expect(law, case, "notified", "hearing_asked")
    _check_day(law, case, step)
    limit = hearing_deadline(law, case)
    if step.on > limit.on:
        raise Refused(
            "due_process",
            f"已超过提出期限（{limit.on}）",
            f"Asked for after the period ended ({limit.on})",
            limit.rule,
        )
    return step


def check_hearing(law: Law, case: Case, step: Step) -> Step:
    _expect(law, case, "notified", "hearing")
    _check_day(law, case, step)
    how: Hearing = step.detail["how"]
    limit = hearing_deadline(law, case)
    if how == "period_passed":
        if case.step("hearing_asked") is not None:
            raise Refused(
                "due_process",
                "当事人已提出听证或异议，须举行听证、审查异议，或者由当事人书面放弃",
                "A hearing was asked for or an objection raised: hear it, or record the written waiver",
                limit.rule,
            )
        if law.today <= limit.on:
            raise Refused(
                "due_process",
                f"听取意见的期限到{limit.on}才届满",
                f"The period for being heard lasts until {limit.on}",
                limit.rule,
                until=limit.on.isoformat(),
            )
        return replace(step, on=law.today)
    if how == "waived" and case.colour == "red":
        raise Refused(
            "due_process",
            "红榜公示期不能由当事人放弃：异议属于公众",
            "The objection period of the red list cannot be waived: objections belong to the public",
            limit.rule,
        )
    if not step.document:
        raise Refused(
            "due_process",
            "须给出听证笔录或者书面放弃声明的文号" if case.colour == "black" else "须给出异议审查记录的文号",
            "Give the document: the record of the hearing, or the written waiver",
            limit.rule,
        )
    if how == "held" and case.colour == "red" and law.today <= limit.on:
        raise Refused(
            "due_process",
            f"公示期到{limit.on}才届满",
            f"Objections are open until {limit.on}",
            limit.rule,
            until=limit.on.isoformat(),
        )
    return step


def check_decision(law: Law, case: Case, step: Step, basis: Basis | None) -> Step:
    outcome: Outcome = step.detail["outcome"]
    if case.state in ("decided", "published", "removed", "rejected") or (outcome == "list" and case.state != "heard"):
        _expect(law, case, "heard", "decision")
    proposal = case.step("proposal")
    if proposal is not None and proposal.by == step.by:
        raise Refused("two_persons", "提议人不能作决定", "The proposer cannot decide", law.find("listing.two_persons"))
    _check_day(law, case, step)
    if outcome == "list":
        hearing = case.step("hearing")
        if case.colour == "black" and hearing is not None and hearing.detail.get("intent_disproved"):
            raise Refused(
                "due_process",
                "已有证据足以证明没有主观故意，不能列入，只能决定不予列入",
                "Evidence disproved intent: the only decision is not to list",
                law.find("listing.black.intent_disproved"),
            )
        if case.colour == "black":
            uscc = basis.uscc if basis else ""
            _check_basis(law, uscc, basis)
            # The penalty may have been corrected since the proposal.
            _check_field(law, case.ground_code, basis, "due_process")
        if not step.document:
            raise Refused(
                "due_process",
                "决定须有文书，请给出决定书文号",
                "A decision is a document; give its number",
                law.find("listing.black.heavy_penalty") if case.colour == "black" else None,
            )
    return step


def check_publication(law: Law, case: Case, step: Step) -> Step:
    _expect(law, case, "decided", "publication")
    return step


def check_removal(law: Law, case: Case, step: Step) -> Step:
    _expect(law, case, "published", "removal")
    return step


def next_duty(law: Law, case: Case) -> tuple[StepKind, Deadline] | None:
    """What must be done next and by when; None where the procedure asks for nothing."""
    last = case.steps[-1]
    match case.state:
        case "proposed":
            return "notice", law.deadline("listing.notify_within", last.on)
        case "notified":
            notice = case.step("notice")
            assert notice is not None
            return "hearing", law.deadline("listing.hear_within", notice.on)
        case "heard":
            return "decision", law.deadline("listing.decide_within", last.on)
        case "decided":
            return "publication", law.deadline("listing.publish_within", last.on)
    return None


_MISSING: dict[State, tuple[str, str, str]] = {
    "proposed": ("未送达告知书，不能{}", "No {} before notice is served", "listing.black.notice_first"),
    "notified": ("尚未听取当事人意见，不能{}", "No {} before the party was heard", "hearing.request_within"),
    "heard": ("尚未作出决定，不能{}", "No {} before the decision", "listing.two_persons"),
    "decided": ("尚未公布，不能{}", "No {} before publication", "listing.publish_within"),
}
_ACTS: dict[StepKind, tuple[str, str]] = {
    "notice": ("告知", "notice"),
    "hearing_asked": ("申请听证", "request for a hearing"),
    "hearing": ("记录听取意见", "hearing"),
    "decision": ("作出决定", "decision"),
    "publication": ("公布", "publication"),
    "removal": ("移出", "removal"),
}
_ORDER: tuple[State, ...] = ("proposed", "notified", "heard", "decided", "published", "removed")


def _expect(law: Law, case: Case, wanted: State, act: StepKind) -> None:
    """Raise unless the case stands where `act` is next: a skipped step is due process, a late one is state."""
    state = case.state
    if state == wanted:
        return
    zh_act, en_act = _ACTS[act]
    if state != "rejected" and _ORDER.index(state) < _ORDER.index(wanted):
        zh, en, code = _MISSING[state]
        if case.colour == "red" and state in ("proposed", "notified"):
            zh = {"proposed": "红榜提议尚未公示征求异议，不能{}", "notified": "红榜公示征求异议尚未结束，不能{}"}[state]
            en = {
                "proposed": "No {} before the proposal is published for objections",
                "notified": "No {} while objections are open",
            }[state]
            code = "listing.red.objections_open"
        raise Refused("due_process", zh.format(zh_act), en.format(en_act), law.find(code), state=state)
    raise Refused(
        "state",
        f"该案已处于“{state}”，不能再{zh_act}",
        f"The case is already {state}: no {en_act} now",
        state=state,
    )


def _check_day(law: Law, case: Case, step: Step) -> None:
    if step.on > law.today:
        raise Refused("date", "日期不能晚于今天", "The day cannot be after today")
    previous = case.steps[-1].on if case.steps else None
    if previous is not None and step.on < previous:
        raise Refused(
            "date",
            f"日期不能早于上一步（{previous}）",
            f"The day cannot be before the step before it ({previous})",
        )


def in_force(valid_from: date, valid_until: date, on: date) -> bool:
    return valid_from <= on <= valid_until
