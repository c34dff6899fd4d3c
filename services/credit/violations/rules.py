"""Pure decisions about penalty decisions: identity, what happens next and when, who may see what on which day."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.credit.rulebook.rules import (
    AddWorkdays,
    Deadline,
    Finding,
    Gravity,
    Rulebook,
    deadline,
    last_day,
)

IDENTITY = ("uscc", "authority", "document_number", "external_id")
"""What a correction cannot change: another identity is another record."""

_BRACKETS = str.maketrans("[]【】〔〕「」<>{}", "()()()()()()")


def document_key(document_number: str) -> str:
    """The number as it is compared: 烟市监罚〔2026〕12号 and 烟市监罚[2026] 12号 are the same document."""
    plain = unicodedata.normalize("NFKC", document_number).translate(_BRACKETS)
    return "".join(plain.split()).upper()


def natural_key(authority: str, document_number: str, uscc: str) -> str:
    return f"{authority}|{document_key(document_number)}|{uscc}"


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Names of the fields whose content differs, sorted."""
    return sorted(name for name in stored.keys() | given.keys() if stored.get(name) != given.get(name))


@dataclass(frozen=True)
class Act:
    """One thing that happens next: what, by when, under which rule."""

    act: str
    by: date | None
    certain: bool
    zh: str
    en: str
    rule: Finding

    def to_dict(self) -> dict[str, Any]:
        return {
            "act": self.act,
            "by": self.by.isoformat() if self.by else None,
            "certain": self.certain,
            "zh": self.zh,
            "en": self.en,
            "rule": self.rule.cite(),
        }


@dataclass(frozen=True)
class Outlook:
    """What follows from a record under the rules of the day of its decision and of today."""

    gravity: Gravity
    heavy: bool
    publishable: bool
    publish_by: Deadline | None
    expires_on: date | None
    """Last day of publication if it is published on the last day allowed."""
    acts: tuple[Act, ...]


def outlook(body: Mapping[str, Any], book: Rulebook, *, today: date, add_workdays: AddWorkdays) -> Outlook:
    """`body` is a record as stored: `decision_date` is an ISO date."""
    kinds: list[str] = body["penalty_kinds"]
    gravity = book.gravity_of(kinds, body["gravity"])
    heavy = book.is_heavy(kinds, aggravated=body["aggravated"])
    scope = book.find("publicity.what_is_published", on=today)
    if set(kinds) == {"warning"} or body["summary_procedure"]:
        why = (
            ("仅受到警告", "with a warning only")
            if set(kinds) == {"warning"}
            else ("适用简易程序", "by summary procedure")
        )
        kept = Act("keep", None, True, f"{why[0]}，留存备查，不予公示", f"Penalty {why[1]}: kept, not published", scope)
        return Outlook(gravity, heavy, False, None, None, (kept,))

    decided = date.fromisoformat(body["decision_date"])
    acts = []
    if body["party_area_code"][:2] != body["area_code"][:2]:
        send = deadline(book.find("publicity.send_other_province_within", on=today), decided, add_workdays)
        acts.append(_act("send", send, "推送至当事人登记地", "Send to the party's place of registration"))
        publish_by = deadline(book.find("publicity.publish_received_within", on=today), send.on, add_workdays)
    else:
        publish_by = deadline(book.find("publicity.publish_within", on=today), decided, add_workdays)
    acts.append(_act("publish", publish_by, "公示", "Publish"))
    ends = book.find(f"publicity.ends.{gravity}", on=today)
    published = max(publish_by.on, today)
    expires_on = publication_end(ends, body, published)
    acts.append(
        Act(
            "end",
            expires_on,
            publish_by.certain,
            f"如于{_zh(published)}公示，公示至{_zh(expires_on)}为止",
            f"If published on {published}, shown until {expires_on}",
            ends,
        )
    )
    return Outlook(gravity, heavy, True, publish_by, expires_on, tuple(acts))


DECIDING = (
    "gravity",
    "aggravated",
    "summary_procedure",
    "area_code",
    "party_area_code",
    "decision_date",
    "conduct_ended_on",
    "recognised_on",
)
"""The fields that an outlook depends on, beside `penalty_kinds`."""


def publication_end(ends: Finding, body: Mapping[str, Any], published_on: date) -> date:
    """The last day of the publication: each rule names the day that its period begins on."""
    start = {
        "publication": published_on,
        "document": date.fromisoformat(body["decision_date"]),
        "end_of_conduct": _day(body.get("conduct_ended_on")) or date.fromisoformat(body["decision_date"]),
        "recognition": _day(body.get("recognised_on")) or date.fromisoformat(body["decision_date"]),
    }[ends.applied.clock]
    return last_day(ends, start)


def decided_on(body: Mapping[str, Any]) -> date:
    return date.fromisoformat(body["decision_date"])


def _act(act: str, limit: Deadline, zh: str, en: str) -> Act:
    doubt = (
        ("", "")
        if limit.certain
        else ("（该年放假安排未公布，按周一至周五推算）", " (holidays not announced yet, Monday to Friday)")
    )
    return Act(
        act,
        limit.on,
        limit.certain,
        f"应于{_zh(limit.on)}前{zh}{doubt[0]}",
        f"{en} by {limit.on}{doubt[1]}",
        limit.rule,
    )


def _zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


class Shown(Protocol):
    """The columns that decide whether a version is shown."""

    state: str
    known_from: datetime
    known_to: datetime | None
    published_on: date | None
    published_at: datetime | None
    expires_on: date | None
    ended_on: date | None
    ended_at: datetime | None


def is_public(row: Shown, *, valid: date, known: datetime) -> bool:
    """Whether the version is shown to everybody on the day `valid`, as far as was known at `known`."""
    if not is_known(row, known) or row.state == "withdrawn":
        return False
    if row.published_on is None or row.published_at is None or row.published_at > known or row.published_on > valid:
        return False
    if row.ended_on is not None and row.ended_at is not None and row.ended_at <= known and row.ended_on <= valid:
        return False
    return row.expires_on is None or valid <= row.expires_on


def is_known(row: Shown, known: datetime) -> bool:
    """Whether this was the version in force at the instant."""
    return row.known_from <= known and (row.known_to is None or known < row.known_to)
