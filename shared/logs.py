"""Structured logs with request, event and trace ids. Values of secret-like fields never reach a log.

What libraries write with the standard `logging` comes out as the same JSON lines, in a bounded amount.
"""

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import orjson
import structlog

from shared import context

_SECRET = ("secret", "password", "token", "authorization", "cookie")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


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
        else structlog.processors.JSONRenderer(serializer=lambda v, **_: orjson.dumps(v, default=str).decode())
    )
    structlog.configure(
        processors=[
            add_context,
            _hide_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, LibraryHandler)]:
        root.removeHandler(handler)
    root.addHandler(LibraryHandler())
    root.setLevel(max(logging.WARNING, _LEVELS[level]))


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if any(word in name.lower() for word in _SECRET):
            event[name] = "***"
    return event


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
        except Exception:
            self.handleError(record)

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
