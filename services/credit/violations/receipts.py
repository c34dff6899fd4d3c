"""The answer to an enforcement unit: id, version, what happens next and when, under which rule."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal

import orjson

from services.credit.rulebook.law import law_on
from services.credit.violations import rules
from services.credit.violations.rules import Outlook
from shared.db.types import dumps, utc_text

_MOST_OUTLOOKS = 5_000
_deciding = itemgetter(*rules.DECIDING)


def receipt_id(violation_id: str, version: int) -> str:
    return f"{violation_id}.{version}"


def split(receipt: str) -> tuple[str, int] | None:
    """Violation and version of a receipt id; None for a text that is not one."""
    violation_id, _, version = receipt.rpartition(".")
    if not violation_id or not (version.isascii() and version.isdigit()) or len(version) > 9:
        return None
    return violation_id, int(version)


def receipt(
    violation_id: str,
    version: int,
    body: Mapping[str, Any],
    outlook: Outlook,
    recorded_at: datetime,
    acts: Sequence[Mapping[str, Any]] | orjson.Fragment,
    *,
    status: Literal["recorded", "corrected", "withdrawn"],
) -> dict[str, Any]:
    """`acts` is what happens next; of a withdrawn record nothing of the outlook applies any more."""
    ends = status != "withdrawn"
    return {
        "id": receipt_id(violation_id, version),
        "violation_id": violation_id,
        "version": version,
        "external_id": body["external_id"],
        "uscc": body["uscc"],
        "document_number": body["document_number"],
        "status": status,
        "recorded_at": utc_text(recorded_at),
        "gravity": outlook.gravity,
        "publishable": outlook.publishable and ends,
        "publish_by": outlook.publish_by.on.isoformat() if outlook.publish_by and ends else None,
        "expires_on": outlook.expires_on.isoformat() if outlook.expires_on and ends else None,
        "next": acts,
    }


class Outlooks:
    """Outlooks of one day: records that agree in the deciding fields share one."""

    def __init__(self, today: date) -> None:
        self._law = law_on(today)
        self._known: dict[Any, tuple[Outlook, orjson.Fragment]] = {}

    def of(self, body: Mapping[str, Any]) -> tuple[Outlook, orjson.Fragment]:
        """The outlook, and what happens next as a receipt says it."""
        key = (*_deciding(body), *body["penalty_kinds"])
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_OUTLOOKS:
                self._known.clear()
            law = self._law
            made = rules.outlook(body, law.book, today=law.today, add_workdays=law.add_workdays)
            found = self._known[key] = (made, orjson.Fragment(dumps([act.to_dict() for act in made.acts])))
        return found


@lru_cache(maxsize=2)  # at midnight the pushes of two days lie beside each other
def outlooks_on(today: date) -> Outlooks:
    return Outlooks(today)
