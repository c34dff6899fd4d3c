"""Settings of the traceability service; every default works on a laptop."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    service: str = "traceability"

    capture_max_bytes: int = 16 * 1024 * 1024
    """Largest EPCIS document accepted at `/epcis/capture` (`413` above it)."""
    capture_max_events: int = 20_000
    """Most events in one document, as announced in `GS1-EPCIS-Capture-Limit`."""
    capture_poll_seconds: float = 1.0
    """How often the capture worker looks for jobs that another process stored or that a kill left behind."""
    trace_max_depth: int = 30
    trace_max_nodes: int = 5_000
    """Bounds of one trace; an answer that reached one says so."""
