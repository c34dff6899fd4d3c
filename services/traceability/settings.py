"""Settings of the traceability service; every default works on a laptop."""

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    max_body_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    """Also the largest EPCIS document, announced in `GS1-EPCIS-Capture-File-Size-Limit`."""
    capture_max_events: int = 20_000
    """Most events in one document, as announced in `GS1-EPCIS-Capture-Limit`."""
    capture_max_values: int = Field(default=1_500_000, gt=0)
    """Values and fields in the JSON of a document: 75 for each of so many events."""
    event_max_values: int = Field(default=50_000, gt=0)
    event_max_objects: int = Field(default=5_000, gt=0)
    """Objects that one event names: serials, lots and materials."""
    event_max_text: int = Field(default=64 * 1024, gt=0)
    """Characters of any text in an event."""
    event_max_identifier: int = Field(default=4_000, gt=0)
    """Characters of a text in a field of the standard, which is a URI or a word."""
    capture_poll_seconds: float = 1.0
    """How often the capture worker looks for jobs that another process stored or that a kill left
    behind."""
    scan_log_days: int = Field(default=30, gt=0)
    """How long single scans are kept; how many there were of each code, and where, stays."""
    trace_max_depth: int = 30
    trace_max_nodes: int = 5_000
    """Bounds of one trace; an answer that reached one says so. Of an enterprise's, nodes are those that it reads."""
    trace_max_ends: int = Field(default=1_000, gt=0)
    """Ends of an enterprise's trace in each direction: objects that are not open to it. How many more there are is
    told."""
    digital_link_base: str = ""
    """Public address of the Digital Links on packages, e.g. `https://id.example.org`. Empty: the issuer (the
    gateway)."""
