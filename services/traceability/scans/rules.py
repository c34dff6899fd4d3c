"""Adding scans up. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Seen:
    """One scan, or so many (`times`) of one code in one area of which only the number was kept."""

    scan_id: str
    code: str
    at: datetime
    area_code: str | None
    times: int = 1
    last_at: datetime | None = None
    """Of several; `at` is the first one's."""


def code_key(gtin: str, lot: str | None, serial: str | None) -> str:
    """`<gtin>[/<lot>[/<serial>]]` as scanned. A part is percent-encoded, so that no two codes share a key."""
    parts = [gtin, *(quote(part, safe="") for part in (lot or "", serial or ""))]
    return "/".join(parts).rstrip("/")


def totals(scans: Iterable[Seen]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows to add to the counters of codes and of their areas."""
    codes: dict[str, dict[str, Any]] = {}
    areas: dict[tuple[str, str], int] = {}
    for scan in sorted(scans, key=lambda one: (one.at, one.scan_id)):
        row = codes.setdefault(
            scan.code,
            {"code": scan.code, "times": 0, "first_at": scan.at, "first_area": scan.area_code, "last_at": scan.at},
        )
        row["times"] += scan.times
        row["last_at"] = max(row["last_at"], scan.last_at or scan.at)
        key = (scan.code, scan.area_code or "")
        areas[key] = areas.get(key, 0) + scan.times
    return list(codes.values()), [{"code": c, "area_code": a, "times": n} for (c, a), n in areas.items()]
