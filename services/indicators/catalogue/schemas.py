"""Answers about targets."""

from datetime import date, datetime
from typing import Any

from shared.web import Out


class DepartmentOut(Out):
    code: str
    name: str
    """As the plan writes it."""
    now: str | None
    """Name of who does its work now, where that is certain."""


class PlanOut(Out):
    file: str
    title: str
    title_en: str
    issuer: str
    published_on: date
    published_by: str
    line: int
    """Line of the clause in the file."""


class QuestionOut(Out):
    """What the plan leaves open, or how it is read."""

    code: str
    state: str
    """`undecided`, `assumed` or `read_as`."""
    blocks: str
    """What cannot be concluded before it is decided."""
    zh: str
    en: str
    note: str
    """The remark made when the plan was read, word for word."""
    decision: dict[str, Any] | None
    """The decision on record; null while there is none."""


class TargetOut(Out):
    target_id: str
    version: int
    position: int
    name: str
    name_en: str
    section: str
    section_title: str
    section_title_en: str
    quote: str
    goal: str
    goal_en: str
    comparator: str
    measure: str
    force: str
    unit: str
    deadline: str | None
    deadline_source: str | None
    lead_departments: list[DepartmentOut]
    lead_basis: str | None
    """`stated` where the clause names one department, `inferred` where the lead is our reading."""
    departments: list[DepartmentOut]
    departments_text: str
    """The clause's own list of departments."""
    has_figure: bool
    open_question: QuestionOut | None
    source: PlanOut
    literal: dict[str, Any]
    """The columns as read from the plan."""
    valid_from: date
    known_from: datetime


class TargetVersionOut(Out):
    version: int
    valid_from: date
    known_from: datetime
    known_to: datetime | None
    goal: str
    decision: dict[str, Any] | None


class TargetDetail(TargetOut):
    versions: list[TargetVersionOut]


class TargetList(Out):
    items: list[TargetOut]
    total: int
    as_of: date
