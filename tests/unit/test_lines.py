"""A target of lines that fails: nothing is raised, nobody waits for long, and it is told how many lines were lost."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.lines import Lines
from tests.support.sources import ROOT


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        for each in (reader, writer):
            try:
                os.close(each)
            except OSError:
                continue  # the test closed it


def test_a_full_disk_costs_lines_and_no_error_and_tells_afterwards_how_many(tmp_path: Path) -> None:
    dropped = 0

    def count() -> None:
        nonlocal dropped
        dropped += 1

    target = os.open("/dev/full", os.O_WRONLY)
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    lines = Lines(target, dropped=count, note=lambda lost, reason: f"{lost} lost: {reason}")
    assert [lines.write(f"line {number}") for number in range(3)] == [False] * 3
    assert (dropped, lines.lost) == (3, 3)
    os.dup2(file, target)  # there is space again
    assert lines.write("line 3")
    assert lines.write("line 4")
    assert (tmp_path / "log").read_text() == "3 lost: No space left on device\nline 3\nline 4\n"
    assert (dropped, lines.lost) == (3, 0)
    for each in (target, file):
        os.close(each)


def test_a_reader_that_went_away() -> None:
    with pipe() as (reader, writer):
        lines = Lines(writer)
        assert lines.write("here")
        os.close(reader)
        assert not lines.write("gone")
        assert lines.lost == 1


def test_a_descriptor_that_is_closed_or_was_never_there() -> None:
    assert not Lines(9999).write("nowhere")
    with pipe() as (_, writer):
        lines = Lines(writer)
        os.close(writer)
        assert not lines.write("nowhere")


def test_a_reader_that_stopped_reading_is_waited_for_for_a_moment_once() -> None:
    with pipe() as (reader, writer):
        lines = Lines(writer)
        begun = time.monotonic()
        while lines.write("x" * 1000):
            assert time.monotonic() < begun + 20
        stuck = time.monotonic()
        written = sum(lines.write("y" * 1000) for _ in range(500))
        assert written == 0
        assert time.monotonic() - stuck < 5, "500 lines wait no longer than one"
        assert lines.lost == 501
        os.set_blocking(reader, False)
        read = b""
        while lines.lost:
            read += os.read(reader, 1 << 20)
            lines.write("back")
        read += os.read(reader, 1 << 20)
        told = read.decode().splitlines()
        assert told[-1] == "back"
        assert told[-2].startswith("50"), "the number that was lost"
        assert "nobody reads it" in told[-2]


def test_a_slow_reader_gets_everything() -> None:
    with pipe() as (reader, writer):
        lines, read = Lines(writer), bytearray()

        def slow() -> None:
            while piece := os.read(reader, 65536):
                read.extend(piece)
                time.sleep(0.001)

        thread = threading.Thread(target=slow)
        thread.start()
        written = sum(lines.write(f"{number:01000}") for number in range(2000))
        os.close(writer)
        thread.join()
        whole = [line for line in read.decode().splitlines() if len(line) == 1000]
        assert len(whole) == written
        assert written > 1000


def test_a_line_that_was_torn_is_ended_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    lines, real, room = Lines(file, note=lambda lost, _reason: f"{lost} lost"), os.write, 4

    def write(descriptor: int, data: Any) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        count = real(descriptor, bytes(data[:room]))
        room -= count
        return count

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        assert not lines.write("0123456789")
    assert lines.write("next")
    assert (tmp_path / "log").read_text() == "0123\n1 lost\nnext\n"
    os.close(file)


@pytest.mark.parametrize("broken", ["note", "dropped"])
def test_even_what_tells_of_the_loss_may_fail(broken: str, tmp_path: Path) -> None:
    def fail(*_: object) -> Any:
        raise RuntimeError("this too")

    target, file = os.open("/dev/full", os.O_WRONLY), os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    given: dict[str, Callable[..., Any]] = {broken: fail}
    lines = Lines(target, **given)
    assert not lines.write("a")
    os.dup2(file, target)
    assert lines.write("b") is (broken == "dropped")
    for each in (target, file):
        os.close(each)


SERVICE = """
import logging, os, sys, warnings
import structlog
from shared.logs import configure_logging
from shared import metrics

class Mute:
    def __repr__(self): raise RuntimeError("no words")

def dropped():
    return int(metrics.LOG_LINES_DROPPED.labels("credit")._value.get())

configure_logging("credit", level="info", form=sys.argv[1])
log = structlog.get_logger("http").bind()
file = os.dup(2)
log.info("before")
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
try:
    try:
        raise OSError("the cause")
    except OSError:
        log.exception("while it is handled")
finally:
    log.info("in the end", path="/x")
logging.getLogger("uvicorn.error").error("of a library")
warnings.warn("of python")
structlog.get_logger().error("made new")
lost = dropped()
os.dup2(file, 2)
log.info("a surrogate", text="\\ud800", big=2**70, mute=Mute(), keys={(1, 2): 3})
logging.getLogger("x").error("%s", Mute())
log.info("after", lost=lost)
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_service_logs_on_whatever_becomes_of_its_log(form: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        subprocess.run([sys.executable, "-c", SERVICE, form], cwd=ROOT, stderr=output, check=True, timeout=60)
    lines = log.read_text().splitlines()
    if form == "json":
        told = [json.loads(line) for line in lines]
        assert [line["event"] for line in told] == [
            "before",
            "log lines were lost",
            "a surrogate",
            "a library logged what cannot be read",
            "after",
        ]
        assert told[1]["lost"] == told[-1]["lost"] == 5
        assert told[1]["reason"] == "No space left on device"
        assert told[1]["service"] == "credit"
    else:
        assert "before" in lines[0]
        assert "log lines were lost" in lines[1]
        assert "after" in lines[-1]
