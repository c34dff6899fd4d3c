"""Which alert rule speaks, and what an alert may become. Pure."""

from collections.abc import Iterable
from datetime import date

from services.traceability.alerts.rulebook import AlertRule, Trigger

OPEN_STATES = ("open", "acknowledged")


def in_force(rules: Iterable[AlertRule], on: date) -> list[AlertRule]:
    return [rule for rule in rules if rule.valid_from <= on and (rule.valid_until is None or on <= rule.valid_until)]


def rule_for(rules: Iterable[AlertRule], trigger: Trigger, on: date, kind: str | None = None) -> AlertRule | None:
    """The rule in force on `on` for this trigger (and this kind of test); the newest where two overlap."""
    found = [
        rule
        for rule in in_force(rules, on)
        if rule.trigger == trigger and (kind is None or not rule.kinds or kind in rule.kinds)
    ]
    return max(found, key=lambda rule: rule.valid_from, default=None)
