"""Target rows as answers: codes of departments get their names."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from services.indicators.catalogue.models import TargetVersion
from services.indicators.catalogue.rules import CATALOGUES, shipped
from services.indicators.catalogue.schemas import (
    DepartmentOut,
    PlanOut,
    QuestionOut,
    TargetDetail,
    TargetOut,
    TargetVersionOut,
)
from shared.reference import departments


@cache
def section_titles() -> dict[str, tuple[str, str]]:
    """Section -> its title in both languages."""
    return {
        section["code"]: (section["title"], section["title_en"])
        for city in CATALOGUES
        for section in shipped(city)["sections"]
    }


@cache
def department_of(code: str) -> DepartmentOut:
    found, now = departments.get(code), departments.current(code)
    return DepartmentOut(
        code=code,
        name=found.short_name if found else code,
        now=now.name if now and now.code != code else None,
    )


def department_names(codes: Iterable[str]) -> str:
    return "、".join(department_of(code).name for code in codes)


def target_of(row: TargetVersion) -> TargetOut:
    return TargetOut(**_fields(row))


def detail_of(row: TargetVersion, versions: Sequence[TargetVersion], known_at: datetime) -> TargetDetail:
    """`versions` are those known by `known_at`; an end that came later is not shown."""
    shown = [
        TargetVersionOut(
            version=each.version,
            valid_from=each.valid_from,
            known_from=each.known_from,
            known_to=each.known_to if each.known_to and each.known_to <= known_at else None,
            goal=each.body["goal"],
            decision=(each.body["question"] or {}).get("decision"),
        )
        for each in versions
    ]
    return TargetDetail(**_fields(row), versions=shown)


def _fields(row: TargetVersion) -> dict[str, Any]:
    body, source = row.body, row.body["source"]
    question = body["question"]
    title, title_en = section_titles().get(body["section"], (body["section"], body["section"]))
    return {
        "target_id": row.target_id,
        "version": row.version,
        "position": row.position,
        "name": body["name"],
        "name_en": body["name_en"],
        "section": body["section"],
        "section_title": title,
        "section_title_en": title_en,
        "quote": body["quote"],
        "goal": body["goal"],
        "goal_en": body["goal_en"],
        "comparator": body["rule"]["kind"],
        "measure": body["rule"]["measure"],
        "force": body["rule"]["force"],
        "unit": body["unit"],
        "deadline": body["deadline"],
        "deadline_source": body["literal"]["deadline_source"],
        "lead_departments": [department_of(code) for code in body["lead_departments"]],
        "lead_basis": body["lead_basis"],
        "departments": [department_of(code) for code in body["departments"]],
        "departments_text": body["departments_text"],
        "has_figure": body["has_figure"],
        "open_question": QuestionOut(**question, note=body["note"]) if question else None,
        "source": PlanOut(
            file=source["file"],
            title=source["title"],
            title_en=source["title_en"],
            issuer=source["issuer"],
            published_on=source["published_on"],
            published_by=source["published_by"],
            line=body["source_line"],
        ),
        "literal": body["literal"],
        "valid_from": row.valid_from,
        "known_from": row.known_from,
    }
