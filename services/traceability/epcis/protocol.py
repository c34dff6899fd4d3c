"""What EPCIS says in headers: versions, formats, limits; and the documents that answers are wrapped in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fastapi import Request

from services.traceability.epcis.errors import EpcisError
from services.traceability.epcis.validation import STANDARD_CONTEXT
from services.traceability.graph.models import EpcisEvent
from services.traceability.settings import Settings
from shared.db.types import utc_text

VERSION = "2.0.0"
HEADERS = {
    "GS1-EPCIS-Version": VERSION,
    "GS1-CBV-Version": VERSION,
    "GS1-EPC-Format": "Always_GS1_Digital_Link",
}
_MEDIA = ("application/json", "application/ld+json")
_SAME = ("2.0", "2.0.0")
_FORMATS = ("", "No_Preference", "Always_GS1_Digital_Link")


def discovery(allow: str, settings: Settings | None = None) -> dict[str, str]:
    """Headers of `OPTIONS`; with settings, those of capture."""
    found = HEADERS | {f"GS1-{what}-{bound}": VERSION for what in ("EPCIS", "CBV") for bound in ("Min", "Max")}
    found["Allow"] = allow
    if settings is not None:
        found |= limits(settings) | {"GS1-Capture-Error-Behaviour": "all"}
    return found


def limits(settings: Settings) -> dict[str, str]:
    return {
        "GS1-EPCIS-Capture-Limit": str(settings.capture_max_events),
        "GS1-EPCIS-Capture-File-Size-Limit": str(settings.max_body_bytes),
    }


def check_versions(request: Request) -> None:
    """Raises NotAcceptableException for a version or an EPC format that is not spoken here."""
    for what in ("EPCIS", "CBV"):
        wrong = _text(request, f"GS1-{what}-Version") not in ("", *_SAME)
        wrong |= not _within(_text(request, f"GS1-{what}-Min"), _text(request, f"GS1-{what}-Max"))
        if wrong:
            raise EpcisError(
                "NotAcceptableException",
                zh=f"这里使用 {what} {VERSION}",
                en=f"{what} {VERSION} is spoken here",
            )
    if (wanted := _text(request, "GS1-EPC-Format")) not in _FORMATS:
        raise EpcisError(
            "NotAcceptableException",
            zh=f"GS1-EPC-Format：标识一律以 GS1 Digital Link 给出，不支持 {wanted}",
            en=f"GS1-EPC-Format: identifiers are given as GS1 Digital Links; {wanted} is not supported",
        )


def check_media(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MEDIA:
        raise EpcisError(
            "UnsupportedMediaTypeException",
            zh=f"请以 {' 或 '.join(_MEDIA)} 发送 EPCIS 2.0 JSON-LD，不支持“{media}”",
            en=f'Send EPCIS 2.0 JSON-LD as {" or ".join(_MEDIA)}; "{media}" is not supported',
        )


def _text(request: Request, name: str) -> str:
    return request.headers.get(name, "").strip()


def _within(least: str, most: str) -> bool:
    def number(text: str, default: tuple[int, ...]) -> tuple[int, ...]:
        parts = text.split(".")
        return tuple(int(part[:6]) for part in parts) if text and all(part.isdecimal() for part in parts) else default

    return number(least, (0,)) <= (2, 0, 0) and number(most, (9,)) >= (2, 0)


def event_body(event: EpcisEvent) -> dict[str, Any]:
    return event.body | {"recordTime": utc_text(event.record_time)}


def query_document(events: Iterable[EpcisEvent], now: datetime) -> dict[str, Any]:
    """An EPCISQueryDocument. Prefixes of extensions stand in the `@context` of the event that uses them."""
    return {
        "@context": [STANDARD_CONTEXT],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": utc_text(now),
        "epcisBody": {
            "queryResults": {
                "queryName": "SimpleEventQuery",
                "resultsBody": {"eventList": [event_body(event) for event in events]},
            }
        },
    }
