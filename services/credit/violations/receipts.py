"""The answer to an enforcement unit: id, version, what happens next and when, under which rule."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from services.credit.violations.rules import Outlook
from shared.db.types import utc_text


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
    acts: list[dict[str, Any]],
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
