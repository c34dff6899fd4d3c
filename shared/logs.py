"""Structured logs with request, event and trace ids. Values of secret-like fields never reach a log.

What libraries write with the standard `logging`, and what Python warns of, comes out as the same JSON lines, in a
bounded amount. To log never raises, whatever is logged and whatever becomes of the target: a line that cannot be
written is counted in `pinzhi_log_lines_dropped_total`, and the first one that can be written again tells how many were
lost (`shared/lines.py`).
"""

import json
import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import orjson
import structlog

from shared import context, metrics
from shared.clock import SystemClock
from shared.lines import Lines

_SECRET = ("secret", "password", "token", "authorization", "cookie")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_STDERR = 2


def configure_logging(service: str, *, level: str, form: str) -> None:
    def add_context(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        trace = context.current.get()
        if trace is not None:
            event["request_id"] = trace.request_id
            event["trace_id"] = trace.traceparent.split("-")[1]
            if trace.causation_id:
                event["event_id"] = trace.causation_id
        return event

    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if form == "console"
        else structlog.processors.JSONRenderer(serializer=lambda v, **_: _as_json(v))
    )

    def lost_lines(count: int, reason: str) -> str:
        at = SystemClock().now().isoformat()
        event = {"event": "log lines were lost", "service": service, "level": "error", "timestamp": at}
        return str(renderer(None, "error", event | {"lost": count, "reason": reason}))

    dropped = metrics.LOG_LINES_DROPPED.labels(service)
    target = _Target(Lines(_STDERR, dropped=dropped.inc, note=lost_lines))
    structlog.configure(
        processors=[
            add_context,
            _hide_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=_unfailing(_LEVELS[level], dropped.inc),
        logger_factory=lambda *_: target,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, LibraryHandler)]:
        root.removeHandler(handler)
    root.addHandler(LibraryHandler())
    root.setLevel(max(logging.WARNING, _LEVELS[level]))
    logging.captureWarnings(True)


class _Target:
    """What structlog's loggers write to."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def msg(self, line: str) -> None:
        self._lines.write(line)

    debug = info = warning = error = critical = msg


def _unfailing(level: int, dropped: Callable[[], None]) -> type[Any]:
    """structlog's logger whose calls never raise: `except` and `finally` call it, where nothing may go wrong."""

    class Unfailing(structlog.make_filtering_bound_logger(level)):  # type: ignore[misc]
        def _proxy_to_logger(self, method_name: str, event: str | None = None, *args: Any, **fields: Any) -> Any:
            try:
                return super()._proxy_to_logger(method_name, event, *args, **fields)
            except Exception as error:
                with suppress(Exception):
                    dropped()
                    told = {"event": "a line could not be made", "level": "error", "about": repr(event)[:200]}
                    self._logger.msg(_as_json({**told, "error": type(error).__name__}))
                return None

    return Unfailing


def _as_json(event: object) -> str:
    try:
        return orjson.dumps(event, default=_text).decode()
    except TypeError:  # half of a surrogate pair, a number beyond 64 bits, keys that are no text
        return json.dumps(event, default=_text, skipkeys=True)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__} without words: {type(error).__name__}>"


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if _is_secret(name):
            event[name] = "***"
    return event


@lru_cache(1_000)
def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET)


class LibraryHandler(logging.Handler):
    """Takes what libraries log (also asyncio's "Task exception was never retrieved") into the log of the service.

    A client without its server says the same thing thousands of times a minute. So of each message (without its
    arguments) `often` are shown in `window` seconds, of at most `kinds` messages and the rest together: 325 lines a
    minute of at most 5 kB. The last one that is shown says so, the first one afterwards how many were left out.
    """

    often, window, kinds = 5, 60.0, 64
    longest = 1000, 4000
    """Characters that are kept of a message, and of the end of a traceback."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._seen: dict[tuple[object, ...], list[float]] = {}
        """Message -> start of its window, how many came in it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            told = self._admit(record)
            if told is None:
                return
            event: dict[str, Any] = {"logger": record.name, **told}
            if record.exc_info and record.exc_info[0] is not None:
                trace = logging.Formatter().formatException(record.exc_info)
                event["exception"] = trace[-self.longest[1] :]
            level = "error" if record.levelno >= logging.ERROR else "warning"
            getattr(structlog.get_logger(), level)(record.getMessage()[: self.longest[0]], **event)
        except Exception as error:
            # Not `handleError`: it writes past us.
            problem = f"{type(error).__name__}: {error}"[:200]
            structlog.get_logger().error("a library logged what cannot be read", logger=record.name, error=problem)

    def _admit(self, record: logging.LogRecord) -> dict[str, int] | None:
        """What is to be said about the ones left out, or None to leave this one out."""
        now = self._now()
        # The first line: asyncio puts the addresses of objects into the others.
        key: tuple[object, ...] = (record.name, record.levelno, str(record.msg).partition("\n")[0][:200])
        if key not in self._seen and len(self._seen) >= self.kinds:
            self._seen = {each: seen for each, seen in self._seen.items() if now < seen[0] + self.window}
            if len(self._seen) >= self.kinds:
                key = ("the rest",)
        seen = self._seen.setdefault(key, [now, 0])
        left_out = 0
        if now >= seen[0] + self.window:
            left_out = max(0, int(seen[1]) - self.often)
            seen[:] = [now, 0]
        seen[1] += 1
        if seen[1] > self.often:
            return None
        quiet = {"silent_seconds": int(seen[0] + self.window - now)} if seen[1] == self.often else {}
        return quiet | ({"left_out": left_out} if left_out else {})
