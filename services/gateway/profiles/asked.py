"""The credit file of an enterprise as of a past day, asked from credit: only it knows what was known when."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from services.gateway.upstreams.client import Deadline, UpstreamError

if TYPE_CHECKING:
    from services.gateway.upstreams.clients import Upstreams

_LISTING = (
    "listing_id", "uscc", "party_name", "colour", "area_code", "industry_code", "ground_code", "ground", "ground_en",
    "article", "authority", "authority_name", "document_number", "decided_on", "published_on", "valid_from",
    "valid_until", "removable_from", "remedies", "remedies_en",
)  # fmt: skip
_IDENTITY = ("name", "former_names", "area_code", "industry_code", "state", "chief_quality_officer")


async def credit_part(upstreams: "Upstreams", uscc: str, as_of: date, deadline: Deadline) -> dict[str, Any] | None:
    """`identity`, `listings` and `violations` as they stand in an enterprise row; None when credit did not know the
    enterprise on that day. Raises UpstreamError."""
    path = f"/v1/credit/enterprises/{uscc}?as_of={as_of.isoformat()}"
    body = await upstreams.clients["credit"].get_json(path, deadline=deadline.part())
    if body is None:
        return None
    try:
        return {
            "identity": {key: body[key] for key in _IDENTITY},
            "listings": {item["listing_id"]: _listing(item) for item in body["listings"]},
            "violations": {item["violation_id"]: _violation(item, body) for item in body["violations"]},
        }
    except (KeyError, TypeError) as error:
        raise UpstreamError("credit", "bad_answer") from error


def _listing(item: Mapping[str, Any]) -> dict[str, Any]:
    measures = [measure["zh"] if isinstance(measure, dict) else measure for measure in item["measures"]]
    return {key: item[key] for key in _LISTING} | {"measures": measures, "removed_on": None, "removed_reason": None}


def _violation(item: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Who wants the facts follows the document number."""
    known = {
        "violation_id", "version", "document_number", "authority", "authority_name", "violation_type", "field",
        "fine_fen", "decision_date", "published_on", "expires_on",
    }  # fmt: skip
    return {key: item[key] for key in known} | {
        "party_name": body["name"],
        "area_code": body["area_code"],
        "penalty_kinds": [item["penalties_zh"]] if item.get("penalties_zh") else [],
        "legal_basis": "",
        "ended_on": None,
        "ended_reason": None,
    }
