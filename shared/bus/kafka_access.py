"""How to reach a Kafka: where it is, and who we are to it. Every client of the project is made with this.

    kafka://HOST:PORT[,HOST:PORT][/PREFIX]   no protection: a laptop, tests, a closed network
    kafka+ssl://...                          TLS; with a client certificate that is also who we are
    kafka+sasl_ssl://...                     TLS and a user (SCRAM-SHA-512, or OAUTHBEARER)
    kafka+sasl_plaintext://...               a user without TLS, for tests on a closed network

Who we are never stands in the address: addresses are logged. It comes from `PINZHI_KAFKA_*` and from files, which are
read for each new connection, so that a password or a certificate can be changed without a restart.
"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from pydantic import ValidationError

from shared.settings import KafkaSettings

SCHEMES = {
    "kafka": "PLAINTEXT",
    "kafka+ssl": "SSL",
    "kafka+sasl_ssl": "SASL_SSL",
    "kafka+sasl_plaintext": "SASL_PLAINTEXT",
}
FORMS = "kafka://host:port[,host:port][/prefix], with TLS kafka+ssl:// or kafka+sasl_ssl://"
_PROBE_MS = 5_000


@dataclass(frozen=True)
class KafkaAccess:
    """`prefix` stands before the names of topics and groups, so that several installations can share a cluster."""

    servers: str
    """`host:port[,host:port]`."""
    prefix: str
    protocol: str
    settings: KafkaSettings

    @classmethod
    def of(cls, url: str, settings: KafkaSettings | None = None) -> "KafkaAccess":
        """`settings`: from the environment where none are given. Raises ValueError for an address that is none."""
        scheme, found, rest = url.partition("://")
        if not found or scheme not in SCHEMES:
            raise ValueError(f"{scheme!r} is no Kafka; use {FORMS}")
        if "@" in rest:  # a password that stands in an address stands in logs: not even repeated here
            raise ValueError("an address holds no user and no password; use PINZHI_KAFKA_USER and _PASSWORD_FILE")
        servers, _, prefix = rest.partition("/")
        if not servers:
            raise ValueError(f"name at least one broker: {FORMS}")
        try:
            return cls(servers, prefix, SCHEMES[scheme], settings or KafkaSettings())
        except ValidationError as error:
            first = error.errors()[0]
            variable = f"PINZHI_KAFKA_{first['loc'][0]}".upper()
            raise ValueError(f"{variable}={first['input']!r}: {first['msg']}") from error

    def checked(self) -> "KafkaAccess":
        """Raises ValueError: a setting or a file that is needed is missing or bad."""
        self.options()
        return self

    @property
    def authenticates(self) -> bool:
        """Whether the broker learns who we are. Without it whoever reaches the broker may do everything."""
        return self.protocol.startswith("SASL") or (self.protocol == "SSL" and self.settings.cert_file is not None)

    def options(self) -> dict[str, Any]:
        """Keyword arguments for any client of aiokafka. Raises ValueError as `checked` does."""
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = self._tls()
        if self.protocol.startswith("SASL"):
            options |= self._user()
        return options

    def _tls(self) -> ssl.SSLContext:
        settings = self.settings
        for name in ("ca_file", "cert_file", "key_file"):
            path: Path | None = getattr(settings, name)
            if path is not None:
                _read(name, path)
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
        except ssl.SSLError as error:
            raise ValueError(f"PINZHI_KAFKA_CA_FILE={settings.ca_file}: no certificate in it") from error
        if settings.cert_file is not None:
            try:
                context.load_cert_chain(settings.cert_file, settings.key_file or settings.cert_file)
            except ssl.SSLError as error:
                place = f"PINZHI_KAFKA_CERT_FILE={settings.cert_file}"
                raise ValueError(
                    f"{place}: no certificate with its key (or PINZHI_KAFKA_KEY_FILE is another's)"
                ) from error
        return context

    def _user(self) -> dict[str, Any]:
        settings = self.settings
        if settings.mechanism == "OAUTHBEARER":
            if settings.token_file is None:
                raise ValueError("PINZHI_KAFKA_TOKEN_FILE is needed for OAUTHBEARER: a file that holds the token")
            _read("token_file", settings.token_file)
            return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": _TokenFile(settings.token_file)}
        if not settings.user or settings.password_file is None:
            raise ValueError("PINZHI_KAFKA_USER and PINZHI_KAFKA_PASSWORD_FILE are needed for a broker with users")
        return {
            "sasl_mechanism": settings.mechanism,
            "sasl_plain_username": settings.user,
            "sasl_plain_password": _read("password_file", settings.password_file),
        }

    async def why(self, error: Exception, at: str = "") -> OSError:
        """`error` as an OSError that tells the cause: the client only logs why it could not connect. `at`: what was
        being done."""
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, KafkaConnectionError):
            try:
                options = self.options() | {"request_timeout_ms": _PROBE_MS}
                servers = options.pop("bootstrap_servers")
                host, port, _ = collect_hosts(servers)[0]
                connection = await create_conn(host, port, **options)
                connection.close()
            except Exception as cause:
                text = f"{servers}: {self._words(cause)}"
        return OSError(f"kafka: {at}{text}")

    def _words(self, cause: Exception) -> str:
        if isinstance(cause, SaslAuthenticationFailed):
            return f"the broker refuses the user {self.settings.user!r} or its password (PINZHI_KAFKA_USER)"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the broker's certificate does not hold: {cause.verify_message} (PINZHI_KAFKA_CA_FILE)"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS is spoken there: {cause.reason}"
        if isinstance(cause, TimeoutError):
            return "no answer"
        words = f"{type(cause).__name__}: {cause}"
        if self.protocol == "PLAINTEXT" and isinstance(cause, KafkaConnectionError):
            words += " (does it want TLS? kafka+ssl:// or kafka+sasl_ssl://)"
        return words


class _TokenFile(AbstractTokenProvider):  # type: ignore[misc]
    """The token that stands in a file; whoever puts it there (a sidecar, a timer) also renews it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        return await asyncio.to_thread(_read, "token_file", self._path)


def _read(name: str, path: Path) -> str:
    variable = f"PINZHI_KAFKA_{name.upper()}={path}"
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise ValueError(f"{variable}: {reason}") from error
    if not text:
        raise ValueError(f"{variable}: is empty")
    return text
