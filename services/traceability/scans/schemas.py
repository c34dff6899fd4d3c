"""Bodies of scan counts."""

from datetime import datetime

from shared.web import Out


class AreaCount(Out):
    area_code: str | None
    """Null: scans that named no area."""
    times: int


class ScanCounts(Out):
    """How often this very code was scanned. A lot's code counts its own scans, not those of its serial numbers."""

    gtin: str
    lot: str | None
    serial: str | None
    times: int
    first_at: datetime | None
    first_area_code: str | None
    last_at: datetime | None
    areas: list[AreaCount]
    """Most first, twenty at most."""
    as_of: datetime | None
    """Time of the newest batch of scans that is counted; null before the first."""
