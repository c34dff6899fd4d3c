"""Addresses of PostgreSQL as libpq writes them: several hosts, TLS, files of passwords and certificates, sockets.

asyncpg understands most of it by itself and gets it as it was written. What it lacks is done here: a time limit for
each host, `connect_timeout`, the `keepalives`, and a clear word about a parameter that nobody would heed.
"""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_URL = re.compile(r"(?:postgresql|postgres)://(?:(?P<user>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?:/(?P<database>[^?#]*))?")
_DRIVER = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
    *("passfile", "service", "krbsrvname", "gsslib"),
}
"""What asyncpg reads from the address itself."""
_SOCKET = {
    "keepalives": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "keepalives_idle": (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", None)),
    "keepalives_interval": (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", None)),
    "keepalives_count": (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPCNT", None)),
    "tcp_user_timeout": (socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", None)),
}
_KEEP_ALIVE = {
    **{"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3},
    "tcp_user_timeout": 20_000,
}
"""A host that is gone without a word (power, network) is given up after half a minute and not after two hours."""
_AS_IT_IS = {
    "client_encoding": ("utf8", "utf-8", "auto"),
    "gssencmode": ("disable", "prefer"),
    "channel_binding": ("disable", "prefer"),
    "load_balance_hosts": ("disable",),
    "sslcompression": ("0",),
    "sslsni": ("1",),
}
"""Parameters that change nothing here, with the values for which that is true."""
_OWN = {"host", "port", "dbname", "user", "password", "connect_timeout", "application_name", "options", "pooler"}
_KNOWN = sorted(_DRIVER | _SOCKET.keys() | _AS_IT_IS.keys() | _OWN | {"fallback_application_name"})
POOLERS = ("", "transaction")


class AddressError(ValueError):
    """An address that cannot be used; the text names the part, never the password."""


@dataclass(frozen=True)
class Address:
    """Where a database is. `hosts` is empty where the driver looks by itself (`service=`, PGHOST, the local socket)."""

    hosts: tuple[tuple[str, int], ...]
    database: str | None
    user: str | None
    password: str | None = field(repr=False)
    driver: Mapping[str, str] = field(repr=False)
    server: Mapping[str, str]
    """Settings of the session: `application_name`, `options`."""
    keep_alive: Mapping[str, int]
    timeout: float
    """Seconds for each host."""
    pooler: str
    """`transaction`: a PgBouncer stands before the server, and no session outlasts a transaction."""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Raises AddressError."""
        found = _URL.match(url)
        if found is None:
            raise AddressError("a PostgreSQL address begins with postgresql://user@host:port/database")
        given = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
        unknown = sorted(given.keys() - set(_KNOWN))
        if unknown:
            raise AddressError(f"unknown parameter {unknown[0]!r}; known are {', '.join(_KNOWN)}")
        for name, harmless in _AS_IT_IS.items():
            if given.get(name, harmless[0]).lower() not in harmless:
                raise AddressError(f"{name}={given[name]} cannot be kept; only {' or '.join(harmless)}")
        user, _, password = (found["user"] or "").partition(":")
        calling = given.get("application_name") or given.get("fallback_application_name")
        server = {"application_name": calling} if calling else {}
        if given.get("options"):
            server["options"] = given["options"]
        pooler = given.get("pooler", "")
        if pooler not in POOLERS:
            raise AddressError(f"pooler={pooler} is unknown; leave it out, or give pooler=transaction")
        return cls(
            hosts=_hosts(unquote(given.get("host") or found["hosts"]), given.get("port", "")),
            database=given.get("dbname") or unquote(found["database"] or "") or None,
            user=given.get("user") or unquote(user) or None,
            password=given.get("password") or unquote(password) or None,
            driver={key: value for key, value in given.items() if key in _DRIVER},
            server=server,
            keep_alive={key: _number(key, given.get(key, str(preset))) for key, preset in _KEEP_ALIVE.items()},
            timeout=float(max(2, _number("connect_timeout", given.get("connect_timeout") or "5") or 3600)),
            pooler=pooler,
        )

    async def connect(self, settings: Mapping[str, str] | None = None, **options: Any) -> "Connection":
        """A connection to the first host that answers and is what `target_session_attrs` asks for.

        `settings` are those of the session, which the address may overrule; behind a pooler they are left out. Raises
        what asyncpg raises (see `reason`).
        """
        if self.pooler:
            options |= {"statement_cache_size": 0}  # what is prepared would stay with a server that others use next
            settings = {key: value for key, value in (settings or {}).items() if key == "application_name"}
        options |= {"server_settings": {**(settings or {}), **self.server}, "timeout": self.timeout}
        failed: Exception | None = None
        for host in self._in_order():
            try:
                return self._keep(await self._open(host, options))
            except Exception as error:
                if not _next_may_do(error):
                    raise
                # That a host is no primary says less than that the others do not answer.
                failed = error if failed is None or isinstance(failed, _not_wanted()) else failed
        assert failed is not None
        if isinstance(failed, _not_wanted()):  # an outage, while the hosts change their parts
            raise ConnectionError(f"no host is {self.driver.get('target_session_attrs')}") from failed
        raise failed

    def _in_order(self) -> tuple[tuple[str, int] | None, ...]:
        return self.hosts or (None,)

    async def _open(self, host: tuple[str, int] | None, options: Mapping[str, Any]) -> "Connection":
        import asyncpg

        dsn = "postgresql://" + (f"?{urlencode(self.driver)}" if self.driver else "")
        where: dict[str, Any] = {} if host is None else {"host": host[0], "port": host[1]}
        who: dict[str, Any] = {"user": self.user, "password": self.password, "database": self.database}
        connection: Connection = await asyncpg.connect(dsn, **where, **who, **options)
        return connection

    def _keep(self, connection: "Connection") -> "Connection":
        transport = getattr(connection, "_transport", None)
        plug = transport.get_extra_info("socket") if transport else None
        if plug is not None and plug.family in (socket.AF_INET, socket.AF_INET6):
            for name, value in self.keep_alive.items():
                level, option = _SOCKET[name]
                if option is not None and (value or name == "keepalives"):
                    plug.setsockopt(level, option, value)
        return connection

    def __str__(self) -> str:
        """For a log or an error: no password."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{hosts or 'the local server'}/{self.database or ''}"


def is_postgres(url: str) -> bool:
    return url.startswith(("postgresql://", "postgres://"))


def with_database(base: str, database: str) -> str:
    """`base` (an address without a database, perhaps with parameters) for one database of that server."""
    where, mark, parameters = base.partition("?")
    scheme, _, rest = where.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}/{quote(database, safe='')}{mark}{parameters}"


def with_password(url: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    user, at, hosts = rest[:end].rpartition("@")
    return (
        f"{scheme}://{user.partition(':')[0]}:{quote(password, safe='')}@{hosts}{rest[end:]}"
        if at
        else (with_parameter(url, "password", password))
    )


def with_parameter(url: str, name: str, value: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{name}={quote(value, safe='')}"


def _hosts(listed: str, ports: str) -> tuple[tuple[str, int], ...]:
    if not listed:
        return ()
    found, common = [], ports.split(",") if ports else []
    parts = listed.split(",")
    for index, part in enumerate(parts):
        host, port = _host(part)
        if not port and common:
            port = common[index] if len(common) == len(parts) else common[0]
        found.append((host, _number("port", port or "5432")))
    return tuple(found)


def _host(part: str) -> tuple[str, str]:
    if part.startswith("/"):  # the folder of a socket
        folder, _, port = part.partition(":")
        return folder, port
    if part.startswith("["):
        host, _, rest = part[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = part.partition(":") if part.count(":") == 1 else (part, "", "")
    return host or "localhost", port


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise AddressError(f"{name}={text} is no whole number") from error


def _not_wanted() -> Any:
    import asyncpg

    return asyncpg.TargetServerAttributeNotMatched


def _next_may_do(error: Exception) -> bool:
    """Whether another host may answer where this one did not; a wrong password is wrong everywhere."""
    import asyncpg

    if isinstance(error, FileNotFoundError | PermissionError):  # a certificate, not a socket
        return False
    kinds = (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, _not_wanted())
    return isinstance(error, kinds)
