"""How many connections a server has and what each may send before a request exists; the refusals that say so."""

import asyncio
import resource
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, Protocol

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from shared.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes in bytes, times in seconds. `docs/ops/abuse.md` says what each is for and which setting changes it."""

    headers: int = 100
    head_bytes: int = 32 * 1024
    """Request line and headers together."""
    url_bytes: int = 8 * 1024
    head_seconds: float = 8.0
    """From the first byte to the end of the head."""
    idle_seconds: float = 30.0
    body_seconds: float = 8.0
    """Without a byte of the body; also how long a body may be slower than `body_rate`."""
    body_rate: int = 1024
    """Least bytes a second of a body, on average."""
    stalled_seconds: float = 30.0
    """Without the client taking a byte of an answer."""
    pipelined: int = 16
    """Requests of one connection that wait for the answer to the one before."""
    connections: int = 4096
    connections_per_address: int = 512
    exempt: tuple[str, ...] = ()
    """Networks of proxies, and of the gateway: many clients come from one of their addresses."""

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Bounds":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = max(64, soft - 200) if soft != resource.RLIM_INFINITY else settings.max_connections
        return cls(
            headers=settings.max_headers,
            head_bytes=settings.max_head_bytes,
            url_bytes=settings.max_url_bytes,
            head_seconds=settings.head_seconds,
            body_seconds=settings.body_seconds,
            body_rate=settings.min_body_rate,
            connections=min(settings.max_connections, room),
            connections_per_address=settings.max_connections_per_address,
            exempt=_networks(f"{settings.trusted_proxies},{settings.crowded_addresses}"),
        )


def _networks(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


class Refusal(NamedTuple):
    """Why a connection ends."""

    status: int
    code: str
    zh: str
    en: str
    limit: float | None = None
    retry_after: int | None = None

    def response(self) -> bytes:
        """The whole answer. Chinese first, English behind it: nobody knows yet which language the client prefers."""
        body: dict[str, Any] = {
            "type": f"urn:pinzhi:problem:{self.code}",
            "title": STATUS_LINE[self.status].split(b" ", 2)[2].decode().strip(),
            "status": self.status,
            "code": self.code,
            "detail": f"{self.zh} / {self.en}",
        }
        if self.limit is not None:
            body["limit"] = self.limit
        content = orjson.dumps(body)
        again = b"retry-after: %d\r\n" % self.retry_after if self.retry_after else b""
        return b"".join(
            [
                STATUS_LINE[self.status],
                b"content-type: application/problem+json\r\ncontent-length: %d\r\n" % len(content),
                again,
                b"cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
                content,
            ]
        )


MALFORMED = Refusal(400, "http", "不是有效的 HTTP/1.1 请求", "Not a valid HTTP/1.1 request")
HOST = Refusal(400, "host", "请求须有且只有一个 Host", "A request needs exactly one Host")
HOST_FORM = Refusal(
    400,
    "host",
    "Host 应为主机名或地址，可带端口，例如 pinzhi.example:443",
    "Host is a name or an address, perhaps with a port, such as pinzhi.example:443",
)
HOST_OTHER = Refusal(
    400,
    "host",
    "请求行的完整地址与 Host 不是同一主机和端口；请让二者一致，或只写路径，例如 GET /healthz",
    "The full address in the request line names another host or port than Host; let both say the same, or write the "
    "path only, such as GET /healthz",
)


class Connection(Protocol):
    """What is counted here: `shared/web/server.py` has the one there is."""

    address: str
    loop: asyncio.AbstractEventLoop

    def is_idle(self) -> bool: ...
    def is_answering(self) -> bool: ...
    def end(self) -> None: ...
    def look(self, seconds: float) -> None: ...


class Watch:
    """All connections of one server, by address, and the task that ends those that take too long."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.count = 0
        self.by_address: dict[str, dict[Connection, None]] = {}
        """Oldest first."""
        self._exempt = [ip_network(network, strict=False) for network in bounds.exempt]
        self._task: asyncio.Task[None] | None = None
        self._tick = min(0.5, bounds.head_seconds / 4, bounds.body_seconds / 4)

    def add(self, protocol: Connection) -> Refusal | None:
        """Why there is no place for another one, if so. An idle connection goes before somebody is refused."""
        if self._task is None or self._task.done():
            self._task = protocol.loop.create_task(self._run(), name="pinzhi:connections")
        self.count += 1
        mine = self.by_address.setdefault(protocol.address, {})
        mine[protocol] = None
        crowded = self._is_exempt(protocol.address)
        if not crowded and len(mine) > self.bounds.connections_per_address and not _end_one(mine, protocol):
            return _full("connections_per_address", self.bounds.connections_per_address, 429)
        if self.count > self.bounds.connections:
            most = max(self.by_address.values(), key=len)
            if not (_end_one(most, protocol) or (len(most) > len(mine) and _end_one(most, protocol, unfinished=True))):
                return _full("connections", self.bounds.connections, 503)
        return None

    def remove(self, protocol: Connection) -> None:
        mine = self.by_address.get(protocol.address)
        if mine is not None and mine.pop(protocol, self) is None:
            self.count -= 1
            if not mine:
                del self.by_address[protocol.address]

    def _is_exempt(self, address: str) -> bool:
        if not self._exempt:
            return False
        try:
            found = ip_address(address.partition("/")[0])
        except ValueError:
            return False
        return any(found in network for network in self._exempt)

    async def _run(self) -> None:
        while self.count:
            await asyncio.sleep(self._tick)
            for connections in list(self.by_address.values()):
                for protocol in list(connections):
                    protocol.look(self._tick)


def _end_one(connections: dict[Connection, None], newcomer: Connection, unfinished: bool = False) -> bool:
    """End the oldest connection on which nothing is going on, or (`unfinished`) whose request is not whole yet."""
    for each in connections:
        if each is not newcomer and (each.is_idle() or (unfinished and not each.is_answering())):
            each.end()
            return True
    return False


def _full(code: str, limit: int, status: int) -> Refusal:
    whose = ("本地址", " from your address") if status == 429 else ("", "")
    return Refusal(
        status,
        code,
        f"{whose[0]}连接数已达上限 {limit}，请复用连接或稍后再试",
        f"At most {limit} connections{whose[1]}; reuse them, or try again shortly",
        limit,
        retry_after=2,
    )


def head_size(bounds: Bounds) -> Refusal:
    return Refusal(
        431,
        "head_size",
        f"请求行和请求头合计不能超过 {bounds.head_bytes} 字节",
        f"Request line and headers may have at most {bounds.head_bytes} bytes together",
        bounds.head_bytes,
    )


def too_many_waiting(bounds: Bounds) -> Refusal:
    return Refusal(
        429,
        "pipelined",
        f"同一连接上等待回答的请求不能超过 {bounds.pipelined} 个",
        f"At most {bounds.pipelined} requests of a connection may wait for their answers",
        bounds.pipelined,
        retry_after=1,
    )
