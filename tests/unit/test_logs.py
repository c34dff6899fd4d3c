"""What libraries log: JSON lines beside our own, and never more than a disk can take."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from shared.logs import LibraryHandler
from tests.support.sources import ROOT

SCRIPT = """
import asyncio, gc, logging
from shared.logs import configure_logging

configure_logging("credit", level="info", form="json")
configure_logging("credit", level="info", form="json")  # as two apps in one process do
library = logging.getLogger("aiokafka.conn")
library.info("not shown")
for number in range(5000):
    library.error("Unable to connect to %s", f"broker {number}")
try:
    raise ValueError("x" * 100_000)
except ValueError:
    library.exception("it failed")

async def forget():
    async def fail():
        raise OSError("nobody asked")
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()

for _ in range(20):
    asyncio.run(forget())
"""


def test_every_line_is_json_and_a_library_that_repeats_itself_is_cut_short() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stderr.splitlines()]
    connect = [line for line in lines if line["event"].startswith("Unable")]
    assert [line["event"] for line in connect] == [f"Unable to connect to broker {number}" for number in range(5)]
    assert {(line["logger"], line["level"], line["service"]) for line in connect} == {
        ("aiokafka.conn", "error", "credit")
    }
    assert "silent_seconds" in connect[-1]
    (failed,) = [line for line in lines if line["event"] == "it failed"]
    assert failed["exception"].endswith("xxx")
    assert len(failed["exception"]) <= 4000
    forgotten = [line for line in lines if line["event"].startswith("Task exception was never retrieved")]
    assert len(forgotten) == 5
    assert "OSError: nobody asked" in forgotten[0]["exception"]
    assert len(lines) == 11


@pytest.fixture(autouse=True)
def every_level() -> Iterator[None]:
    """Whatever level an app of an earlier test in this process was set to."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("library", logging.WARNING, __file__, 1, message, arguments, None)


def test_the_next_minute_tells_how_many_were_left_out() -> None:
    now = 0.0
    handler = LibraryHandler(now=lambda: now)
    with capture_logs() as lines:
        for number in range(1000):
            handler.handle(record("again %s", number))
        now = 60.0
        handler.handle(record("again %s", 1000))
        now = 200.0
        handler.handle(record("again %s", 1001))
    assert [line["event"] for line in lines] == [f"again {number}" for number in (0, 1, 2, 3, 4, 1000, 1001)]
    assert lines[4]["silent_seconds"] == 60
    assert [line.get("left_out") for line in lines[5:]] == [995, None]


def test_messages_that_are_all_different_are_bounded_too() -> None:
    handler = LibraryHandler(now=lambda: 0.0)
    with capture_logs() as lines:
        for number in range(10_000):
            handler.handle(record(f"different {number}"))
    assert len(lines) == handler.kinds + handler.often


def test_a_broken_record_does_not_break_who_logs() -> None:
    handler = LibraryHandler()
    with capture_logs() as lines:
        handler.handle(record("%d", "no number"))
    (line,) = lines
    assert line["logger"] == "library"
    assert line["error"].startswith("TypeError")
