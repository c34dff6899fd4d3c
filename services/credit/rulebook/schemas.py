"""Answers of the rulebook."""

from datetime import date

from pydantic import BaseModel


class RuleOut(BaseModel):
    code: str
    issuer: str
    order: str
    order_en: str
    article: str
    valid_from: date
    valid_until: date | None
    number: int | None
    unit: str | None
    clock: str
    status: str
    zh: str
    en: str
    applied: bool
    """False where another rule on the same question is applied instead."""
    why: str
    why_en: str
    replaces: str


class GroundOut(BaseModel):
    code: str
    colour: str
    field: str
    zh: str
    en: str
    order: str
    order_en: str
    article: str
    status: str


class NamedOut(BaseModel):
    code: str
    zh: str
    en: str


class PenaltyKindOut(NamedOut):
    gravity: str
    heavy: bool


class RulebookOut(BaseModel):
    """Everything in force on the day. Where rules disagree, all of them stand here and one is `applied`."""

    on: date
    rules: list[RuleOut]
    grounds: list[GroundOut]
    penalty_kinds: list[PenaltyKindOut]
    fields: list[NamedOut]
