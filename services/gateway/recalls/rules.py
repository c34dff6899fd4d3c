"""What recall events do to a recall. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shared.clock import shanghai_date, utc_text

_DETAIL_ONLY = ("risk", "instructions", "contact", "start_by", "outcome", "changes")


def lot_href(gtin: str, lot: str) -> str:
    return f"/01/{gtin}/10/{quote(lot, safe='')}"


FIRST = 100
"""Lots that stand in a recall itself; more are read by page."""
CHANGES = 200
"""Newest changes that a recall tells."""


def opened_or_updated(former: Mapping[str, Any] | None, body: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The case as the newest event tells it. An update after the end opens it again (late events widen the set)."""
    change = body.get("change")
    changes = list(former["changes"]) if former else []
    if change:
        if body.get("replaces"):
            changes = [each for each in changes if each["change"] != change]
        changes.append({"at": body["updated_at"], "change": change})
    kept = {
        key: value
        for key, value in body.items()
        if key not in ("change", "updated_at", "replaces", "lots", "lots_count")
    }
    return kept | {
        "lots": [lot_of(lot) for lot in body["lots"][:FIRST]],
        "lots_count": len(body["lots"]) if is_whole(body) else body["lots_count"],
        "updated_at": body.get("updated_at"),
        "closed_at": None,
        "outcome": None,
        "state": "open",
        "changes": changes[-CHANGES:],
    }


def is_whole(body: Mapping[str, Any]) -> bool:
    """Whether the event carries the whole set, as all did before there were pages."""
    return body["lots_count"] is None


def in_force(body: Mapping[str, Any]) -> bool:
    """Food of a recall that was completed is still not to be eaten; a revoked one frees it."""
    return not (body["outcome"] or "").startswith("revoked")


def lot_of(lot: Mapping[str, Any]) -> dict[str, Any]:
    names = ("lot_id", "gtin", "lot", "product_name")
    return {name: lot[name] for name in names} | {"href": lot_href(lot["gtin"], lot["lot"])}


def notice(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a lot says of the recall, as its own event would (`Instruction`)."""
    started = shanghai_date(datetime.fromisoformat(body["opened_at"])).isoformat()
    names = ("recall_id", "number", "level", "reason", "reason_en", "contact")
    return {name: body[name] for name in names} | {"started_on": started}


def closed(former: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return dict(former) | {"closed_at": body["closed_at"], "outcome": body["outcome"], "state": "closed"}


def summary(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `RecallSummary` of a body with the fields of `RecallDetail`."""
    return {key: value for key, value in body.items() if key not in _DETAIL_ONLY}


def words(body: Mapping[str, Any]) -> str:
    lots = [f"{lot['product_name']} {lot['gtin']} {lot['lot']}" for lot in body["lots"]]
    return " ".join([body["number"], body["party_name"], body["reason"], body["reason_en"] or "", *lots]).lower()


def opened_at(body: Mapping[str, Any]) -> str:
    """UTC text of fixed width: its order is the order of time."""
    return utc_text(datetime.fromisoformat(body["opened_at"]))
