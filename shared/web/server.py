"""The protocol class of the server, the same in all four services: uvicorn's, with bounds.

ASGI begins when the head of a request is complete. Who sends ten thousand header lines, or one byte a second, or opens
connections only, is never seen there; so the bounds are here. A refusal is a problem document that names the limit, and
the connection ends with it.

Time costs the hot path nothing: one task for each server looks at all connections, and compares what it saw last time.
"""

import asyncio
import re
from dataclasses import replace
from operator import itemgetter
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.settings import ServiceSettings
from shared.web.connections import (
    HOST,
    HOST_FORM,
    HOST_OTHER,
    MALFORMED,
    Bounds,
    Refusal,
    Watch,
    head_size,
    too_many_waiting,
)
from shared.web.limits import subscriber

_NAME = itemgetter(0)
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?[ \t]*", re.ASCII)
"""RFC 3986, 3.2.2 and 3.2.3: a name or an address, perhaps a port; more than the address of a city's service needs."""
_TARGET = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)")
"""RFC 9112, 3.2.2: a target in absolute form, with its scheme and authority."""
_PORTS = {b"http": 80, b"https": 443}
_LINGER_SECONDS = 2.0
"""After a refusal what still comes is read and dropped for so long: a reset would take the answer from the client."""


class _Refused(Exception):
    """Leaves the parser; what is refused stands in the protocol."""


class BoundedProtocol(HttpToolsProtocol):
    # Slots: uvicorn's own attributes fill the shared keys of an instance, and further ones make each of them slow.
    __slots__ = (
        "_began_at",
        "_fed",
        "_head",
        "_last",
        "_received",
        "_seen",
        "_seen_scope",
        "_silent",
        "_since_body",
        "_waited",
        "address",
        "refusal",
    )
    watch: Watch
    bounds: Bounds

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.address = ""
        self.refusal: Refusal | None = None
        """Set once; from then on nothing is read from this connection."""
        self._head = 0
        """Bytes of a head that is not complete yet."""
        self._fed = 0
        """Bytes of the head and of the piece that is being parsed, where that is not the whole of it."""
        self._received = 0
        """Bytes of bodies, over all requests of the connection."""
        self._silent = 0
        """Bytes that came since then and are no body: chunk headers, trailers."""
        self._seen: tuple[Any, ...] = ()
        self._seen_scope: Any = None
        self._waited = self._since_body = 0.0
        """Seconds in the state that was seen last, and without a byte of the body."""
        self._began_at = self._last = 0
        """`_received` when this state began, and when it was looked at last."""

    # What uvicorn calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = subscriber(self.client[0]) if self.client else ""
        refusal = self.watch.add(self)
        if refusal is not None:
            self.refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self.forget()
        super().connection_lost(exc)

    def forget(self) -> None:
        self.watch.remove(self)

    def end(self) -> None:
        """Make room for another one."""
        self.forget()
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        cycle = self.cycle
        if self.refusal is not None:
            return
        if len(data) > self.bounds.head_bytes or self._head or (cycle is not None and cycle.more_body):
            self._take_all(data)
            return
        # The plain case, a head in one piece, costs no more than this.
        HttpToolsProtocol.data_received(self, data)
        if (self.cycle is None or self.cycle.scope is not self.scope) and self.refusal is None:
            self._judge_head(len(data) if self.cycle is cycle else 0)

    def _take_all(self, data: bytes) -> None:
        size = self.bounds.head_bytes
        while len(data) > size and not self._in_body():
            # A large piece is not parsed at once: it may hold nothing but header lines.
            self._take(data[:size])
            data = data[size:]
            if self.refusal is not None:
                return
        self._take(data)

    def _take(self, data: bytes) -> None:
        cycle, received = self.cycle, self._received
        in_body = cycle is not None and cycle.more_body
        self._fed = self._head + len(data)
        super().data_received(data)
        self._fed = 0
        if self.refusal is not None:
            return
        if self._in_head():
            # Of a head that began behind another request in this piece, what comes next is counted.
            self._judge_head(len(data) if self.cycle is cycle and not in_body else 0)
        elif in_body and self._received == received and self.cycle.more_body:
            self._silent += len(data)
            if self._silent > self.bounds.head_bytes or len(self.headers) > self.bounds.headers:
                self.refuse(MALFORMED)
        else:
            self._head = self._silent = 0

    def _judge_head(self, more: int) -> None:
        """Of a head without an end yet."""
        if self.scope is None:
            return  # not even its first letter
        self._head += more
        if self._head > self.bounds.head_bytes or len(self.headers) > self.bounds.headers:
            self.refuse(self._head_too_large() or head_size(self.bounds))

    def on_headers_complete(self) -> None:
        bounds, headers = self.bounds, self.headers
        names = [*map(_NAME, headers)]
        if (
            names.count(b"host") != 1
            or not _HOST.fullmatch(headers[names.index(b"host")][1])
            or len(headers) > bounds.headers
            or len(self.url) > bounds.url_bytes
            or not self.url.startswith(b"/")
            or self._fed
            or self.pipeline
        ):
            self.refusal = self._refusal_of_head()
            if self.refusal is not None:
                raise _Refused
        HttpToolsProtocol.on_headers_complete(self)
        # Trailers come through the same callback; they are no headers of the request.
        self.headers = []

    def _refusal_of_head(self) -> Refusal | None:
        refusal = self._head_too_large()
        if refusal is None and len(self.pipeline) >= self.bounds.pipelined:
            refusal = too_many_waiting(self.bounds)
        if refusal is None:
            hosts = [value for name, value in self.headers if name == b"host"]
            if len(hosts) > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
                refusal = HOST
            elif hosts and not _HOST.fullmatch(hosts[0]):
                refusal = HOST_FORM
            elif hosts and names_another(self.url, hosts[0]):
                refusal = HOST_OTHER
        return refusal

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls it when the parser gave up: by itself, or because `_Refused` left it."""
        refusal, self.refusal = self.refusal or MALFORMED, None
        self.refuse(refusal)

    # What is looked at.

    def _head_too_large(self) -> Refusal | None:
        bounds = self.bounds
        if len(self.url) > bounds.url_bytes:
            return Refusal(
                414,
                "url_size",
                f"地址不能超过 {bounds.url_bytes} 字节",
                f"The address may have at most {bounds.url_bytes} bytes",
                bounds.url_bytes,
            )
        if len(self.headers) > bounds.headers:
            return Refusal(
                431,
                "header_count",
                f"请求头不能超过 {bounds.headers} 个",
                f"At most {bounds.headers} headers",
                bounds.headers,
            )
        if self._fed > bounds.head_bytes:  # what came is more than a head may be; how much of it is one?
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > bounds.head_bytes:
                return head_size(bounds)
        return None

    def _in_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body

    def _in_head(self) -> bool:
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _is_under_way(self) -> bool:
        """An answer is being made or waits for its turn; nothing may be written in between."""
        cycle = self.cycle
        if self.pipeline:
            return True
        return cycle is not None and not (cycle.response_complete or cycle.disconnected)

    def is_idle(self) -> bool:
        return not self._in_head() and (
            self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)
        )

    def is_answering(self) -> bool:
        """A whole request is being worked on."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def look(self, seconds: float) -> None:
        """Called every `seconds`: ends the connection when it has been in one state for too long."""
        cycle = self.cycle
        waiting = bool(self.flow and self.flow.write_paused)
        seen = (
            self.refusal is not None and not self._is_under_way(),
            self._in_head(),
            cycle is not None and cycle.response_complete,
            self._in_body(),
            self.transport.get_write_buffer_size() if waiting else -1,
        )
        if seen != self._seen or self.scope is not self._seen_scope:
            self._seen, self._seen_scope, self._waited, self._since_body = seen, self.scope, 0.0, 0.0
            self._began_at = self._last = self._received
            return
        self._waited += seconds
        self._judge(seconds, waiting)

    def _judge(self, seconds: float, waiting: bool) -> None:
        bounds, cycle = self.bounds, self.cycle
        if self.refusal is not None and not self._is_under_way():
            if self._waited > _LINGER_SECONDS:
                self.transport.abort()
        elif waiting:
            if self._waited > bounds.stalled_seconds:
                self.transport.abort()
        elif self._in_head():
            if self._waited > bounds.head_seconds:
                zh = f"请求头须在 {bounds.head_seconds:g} 秒内发完"
                en = f"The head of a request has to come within {bounds.head_seconds:g} s"
                self.refuse(Refusal(408, "head_slow", zh, en, bounds.head_seconds))
        elif cycle is None or (cycle.response_complete and not cycle.more_body):
            if self._waited > bounds.idle_seconds:
                self.transport.close()
        elif cycle.more_body:
            self._judge_body(seconds)

    def _judge_body(self, seconds: float) -> None:
        bounds, cycle = self.bounds, self.cycle
        if cycle.response_complete:
            # The answer did not wait for the body; nobody wants the rest.
            if self._waited > bounds.body_seconds:
                self.transport.close()
            return
        if self.flow.read_paused or cycle.response_started:
            self._waited -= seconds  # it is the service that is slow
            return
        self._since_body = 0.0 if self._received != self._last else self._since_body + seconds
        self._last = self._received
        slow = self._waited > bounds.body_seconds and self._received - self._began_at < bounds.body_rate * self._waited
        if slow or self._since_body > bounds.body_seconds:
            rate, pause = bounds.body_rate, f"{bounds.body_seconds:g}"
            zh = f"请求体太慢：每秒不少于 {rate} 字节，停顿不超过 {pause} 秒"
            en = f"The body is too slow: at least {rate} bytes a second, no pause of more than {pause} s"
            self.refuse(Refusal(408, "body_slow", zh, en, rate))

    # How it ends.

    def refuse(self, refusal: Refusal) -> None:
        """Answer once, where no other answer is under way, and read nothing more."""
        if self.refusal is not None or self.transport.is_closing():
            return
        self.refusal = refusal
        self._unset_keepalive_if_required()
        cycle = self.cycle
        if cycle is not None and cycle.more_body and not (cycle.response_started or cycle.response_complete):
            cycle.disconnected = True  # its body will not come
            cycle.message_event.set()
        if self._is_under_way():
            # What came before is answered, and the connection ends with the last answer.
            if cycle is not None:
                cycle.keep_alive = False
            return
        self.transport.write(refusal.response())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


def names_another(target: bytes, host: bytes) -> bool:
    """Whether a target in absolute form has another authority than Host: it goes before Host (RFC 9112, 3.2.2), and who
    looks at the other one would answer for a host that nobody asked."""
    found = _TARGET.match(target)
    if found is None:
        return False
    scheme, authority = found[1].lower(), found[2]
    return _authority(authority, scheme) != _authority(host, scheme)


def _authority(text: bytes, scheme: bytes) -> tuple[bytes, int | None]:
    """Name and port as they are compared: in small letters, with the port that the scheme has by default."""
    name, colon, port = text.strip(b" \t").rpartition(b":")
    if not colon or b"]" in port:
        name, port = text.strip(b" \t"), b""
    default = _PORTS.get(scheme)
    if port and not port.isdigit():
        return text.lower(), None  # no authority
    return name.lower(), int(port) if port else default


def bounded(bounds: Bounds) -> type[BoundedProtocol]:
    """A protocol class for `uvicorn.Config(http=...)`; each server needs its own, since it counts connections."""
    return type("Bounded", (BoundedProtocol,), {"__slots__": (), "bounds": bounds, "watch": Watch(bounds)})


def uvicorn_config(
    app: Any, settings: ServiceSettings, *, host: str = "127.0.0.1", port: int = 0, **more: Any
) -> Config:
    """How every service is served; tests serve theirs the same way. `bounds=` changes some of them."""
    bounds = replace(Bounds.of(settings), **more.pop("bounds", {}))
    options: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
        "server_header": False,
        "date_header": False,
        "timeout_graceful_shutdown": 10,
        "timeout_keep_alive": max(1, int(bounds.idle_seconds)),
        "lifespan": "on",
        "ws": "none",
    }
    return Config(app, host=host, port=port, http=bounded(bounds), **(options | more))
