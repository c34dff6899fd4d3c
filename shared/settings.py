"""Settings that every service has. Each default works on a laptop; the environment (`PINZHI_*`) changes them."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """Who we are to a Kafka that asks (`PINZHI_KAFKA_*`); where it is says `bus_url`."""

    model_config = SettingsConfigDict(env_prefix="PINZHI_KAFKA_", extra="ignore", secrets_dir=None)

    user: str = ""
    password_file: Path | None = None
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "OAUTHBEARER"] = "SCRAM-SHA-512"
    token_file: Path | None = None
    """OAUTHBEARER: the file in which the city's issuer (a sidecar, a timer) keeps the token."""
    ca_file: Path | None = None
    """Certificates that sign the broker's. None: those of the system."""
    cert_file: Path | None = None
    """Our own certificate, for a broker that wants one."""
    key_file: Path | None = None
    """Its key. None: it stands in `cert_file`."""


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PINZHI_", extra="ignore", secrets_dir=None)

    data_dir: Path = Path("var")
    database_url: str = ""
    """Empty: a SQLite file `<data_dir>/<service>.db`. Or `postgresql://user@host[:port][,host...]/name?sslmode=...`, as
    libpq writes it (docs/ops/postgres.md)."""
    database_password_file: Path | None = None
    """File that holds the password of `database_url` (docker and kubernetes secrets)."""
    database_pooler: Literal["", "transaction"] = ""
    """`transaction`: a PgBouncer in transaction mode stands before the database."""
    reference_dir: Path | None = None
    """Folder of what the city adds to the shipped registries (`areas.csv`, see `pinzhi areas import`), read at start.
    Empty: `<data_dir>/reference`."""
    bus_url: str = ""
    """Empty: the SQLite log `<data_dir>/bus.db`. Or `memory:`, `sqlite:<path>`, `kafka://host:port,host:port`, with TLS
    `kafka+ssl://` and `kafka+sasl_ssl://` (see `KafkaSettings`)."""
    worker_id: str = "0"
    """Tells the worker processes of one service apart (static member id, relay lease)."""

    issuer: str = "http://127.0.0.1:8000"
    """`iss` of the tokens that are accepted."""
    audience: str = "pinzhi"
    jwks: str = ""
    """URL or path of the issuer's key set. Empty: `<data_dir>/keys/jwks.json`."""

    trusted_proxies: str = ""
    """Addresses and networks, separated by commas, of the proxies in front (`10.0.0.5, 10.1.0.0/16`). From them alone
    `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Empty: from nobody."""

    demo: bool = False
    """Whether demo clients and users are accepted and pages say that the data is invented."""
    city: str = "370600"
    """Area code of the city that runs the platform."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """A port of its own for `/metrics`, without a token: for a network that clients do not reach. 0: only at the
    service's port, for administrators and clients with the scope `operations:metrics:read`."""
    metrics_host: str = "127.0.0.1"
    """Address that `metrics_port` listens on."""
    max_body_bytes: int = Field(default=10 * 1024 * 1024, gt=0)
    max_json_values: int = Field(default=100_000, gt=0)
    """Values and fields in the JSON of a body."""
    max_unfinished_bodies: int = Field(default=16, gt=0)
    """Bodies of one client that have begun and are not whole yet. A client is a token's principal, else an address."""
    max_unfinished_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    """What is held of them, for one client."""
    max_headers: int = Field(default=100, gt=0)
    max_head_bytes: int = Field(default=32 * 1024, ge=1024)
    """Request line and headers of a request together."""
    max_url_bytes: int = Field(default=8 * 1024, ge=256)
    head_seconds: float = Field(default=8.0, gt=0)
    """From the first byte of a request to the end of its headers."""
    body_seconds: float = Field(default=8.0, gt=0)
    """Without a byte of a body that is not whole; so long, too, may it be slower than `min_body_rate`."""
    min_body_rate: int = Field(default=1024, ge=0)
    """Bytes a second of a body, on average."""
    max_connections: int = Field(default=4096, gt=0)
    """Of one process; at most what its limit of open files leaves."""
    max_connections_per_address: int = Field(default=512, gt=0)
    crowded_addresses: str = ""
    """Addresses or networks that stand for many clients (a proxy; for the services, the gateway): they are bounded by
    `max_connections` only. Separated by commas."""
    poll_seconds: float = Field(default=0.25, gt=0)
    """Floor for everything that is woken in process and polls only to be sure. A revocation by the command line takes
    two of them until the last process knows."""
    outbox_keep_hours: float = Field(default=6, gt=0)
    """How long published events stay in the outbox; the log has them. They are deleted in small steps."""
    failpoints: str = ""
    """Tests only: `name=action` pairs, see `shared/failpoints.py`. Empty in every real run."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for each in filter(None, map(str.strip, value.split(","))):
            ip_network(each)  # its error names the value
        return value

    def sqlite_path(self, service: str) -> Path:
        return self.data_dir / f"{service}.db"

    def resolved_database_url(self, service: str) -> str:
        if not self.database_url:
            return f"sqlite:///{self.sqlite_path(service)}"
        from shared.db.address import is_postgres, with_parameter, with_password

        url = self.database_url
        if self.database_password_file is not None:
            url = with_password(url, self.database_password_file.read_text(encoding="utf-8").strip())
        if self.database_pooler and is_postgres(url) and "pooler=" not in url:
            url = with_parameter(url, "pooler", self.database_pooler)
        return url

    def resolved_areas(self) -> Path:
        return (self.reference_dir or self.data_dir / "reference") / "areas.csv"

    def resolved_bus_url(self) -> str:
        return self.bus_url or f"sqlite:{self.data_dir / 'bus.db'}"

    def resolved_jwks(self) -> str:
        return self.jwks or str(self.data_dir / "keys" / "jwks.json")
