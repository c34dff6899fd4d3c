"""Short ways to write a case for the rules."""

from datetime import date
from decimal import Decimal
from typing import Any

from services.indicators.areas.rules import Place
from services.indicators.catalogue.rules import shipped
from services.indicators.catalogue.targets import Rule
from services.indicators.observations.periods import parse
from services.indicators.status.figures import Case, Figure, Outcome
from services.indicators.status.rules import evaluate

TARGETS: dict[str, dict[str, Any]] = {target["id"]: target for target in shipped("370600")["targets"]}


def rule(target_id: str, decision: dict[str, Any] | None = None) -> Rule:
    """The rule as shipped, with a decision on record if the test makes one."""
    body = TARGETS[target_id]
    if decision is not None:
        body = body | {"question": body["question"] | {"decision": decision}}
    return Rule.of(body)


def figure(period: str, **fields: Any) -> Figure:
    days = parse(period)
    assert days is not None
    if "value" in fields:
        fields["value"] = Decimal(str(fields["value"]))
    if "components" in fields:
        fields["components"] = {name: Decimal(value) for name, value in fields["components"].items()}
    return Figure(fields.pop("area", "370600"), days, **{"source": "a source", **fields})


def batch(period: str, passed: int, n: int, **fields: Any) -> Figure:
    return figure(period, passed=passed, n=n, **fields)


def values(**numbers: Any) -> list[Figure]:
    """`values(y2018=90, y2019=95)`: one figure a year."""
    return [figure(name.removeprefix("y"), value=number) for name, number in numbers.items()]


def decide(target_id: str, figures: list[Figure], day: str = "2020-12-31", **more: Any) -> Outcome:
    decision = more.pop("decision", None)
    return evaluate(Case(rule(target_id, decision), date.fromisoformat(day), figures, **more))


COUNTIES = (
    Place("370602", "芝罘区", "Zhifu"),
    Place("370611", "福山区", "Fushan"),
    Place("370612", "牟平区", "Muping"),
)
