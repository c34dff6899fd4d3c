"""What recall events do to a recall. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shared.clock import utc_text

_DETAIL_ONLY = ("risk", "instructions", "contact", "start_by", "outcome", "changes")


def lot_href(gtin: str, lot: str) -> str:
    return f"/01/{gtin}/10/{quote(lot, safe='')}"


def opened_or_updated(former: Mapping[str, Any] | None, body: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The case as the newest event tells it. An update after the end opens it again (late events widen the set)."""
    change = body.get("change")
    changes = list(former["changes"]) if former else []
    if change:
        changes.append({"at": body["updated_at"], "change": change})
    kept = {key: value for key, value in body.items() if key not in ("change", "updated_at", "lots")}
    return kept | {
        "lots": [dict(lot) | {"href": lot_href(lot["gtin"], lot["lot"])} for lot in body["lots"]],
        "updated_at": body.get("updated_at"),
        "closed_at": None,
        "outcome": None,
        "state": "open",
        "changes": changes,
    }


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


def gtins(body: Mapping[str, Any]) -> set[str]:
    return {lot["gtin"] for lot in body["lots"]}


def mark(body: Mapping[str, Any], gtin: str) -> dict[str, Any]:
    """What a product carries of an open recall."""
    lots = sorted(lot["lot"] for lot in body["lots"] if lot["gtin"] == gtin)
    return {
        key: body[key] for key in ("recall_id", "number", "level", "reason", "reason_en", "opened_at", "contact")
    } | {"lots": lots}
