"""Settings of the gateway."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings
from shared.web.limits import Limit


class Settings(ServiceSettings):
    max_body_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    """As much as any service behind it takes (traceability announces this for EPCIS documents)."""
    indicators_url: str = "http://127.0.0.1:8001"
    credit_url: str = "http://127.0.0.1:8002"
    traceability_url: str = "http://127.0.0.1:8003"
    public_url: str = ""
    """Where clients reach the gateway, for absolute links (feed, resolver). Empty: the request's own host."""

    issuer_key_file: Path | None = None
    """Private key of the embedded issuer. Empty: `<data_dir>/keys/issuer.json`, made at the first start."""

    request_seconds: float = Field(default=10.0, gt=0)
    """Deadline of one request; parts of an aggregate get 85 % of it. A client may ask for less, not for more."""
    upstream_in_flight: int = Field(default=100, gt=0)
    """Requests under way to one upstream; the next one gets 503."""
    monitor_seconds: float = Field(default=1.0, gt=0)
    stale_seconds: float = Field(default=5.0, gt=0)
    """A part whose source was not heard for longer is shown with its age."""
    scan_flush_seconds: float = Field(default=0.5, gt=0)

    requests_per_second: int = Field(default=1000, gt=0)
    """Of one address without a token, scans included; over it 429. Many phones may stand behind one address."""
    client_requests_per_second: int = Field(default=1000, gt=0)
    """Of one client or user with a token, from wherever it comes."""
    scans_logged_per_second: int = Field(default=200, ge=0)
    """Of one address; those beyond it are answered and counted, and not logged one by one."""

    def limits(self) -> tuple[Limit, ...]:
        return (
            Limit("client", self.client_requests_per_second, clients=True),
            Limit("scan", self.requests_per_second, prefixes=("/v1/scan", "/01/")),
            Limit("address", self.requests_per_second),
        )

    def resolved_issuer_key_file(self) -> Path:
        return self.issuer_key_file or self.data_dir / "keys" / "issuer.json"

    def upstream_urls(self) -> dict[str, str]:
        return {"indicators": self.indicators_url, "credit": self.credit_url, "traceability": self.traceability_url}
