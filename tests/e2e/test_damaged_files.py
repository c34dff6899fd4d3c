"""Damaged and foreign database files: one line that says which file and what to do, never a traceback."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from deploy import topology
from deploy.local.pinzhi import command, environment, free_ports
from shared.db.files import problem_of
from tests.support.databases import Databases
from tests.support.mounts import fill, small_filesystem

SERVICES = [service.name for service in topology.SERVICES]


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def cut(file: Path) -> None:
    with file.open("r+b") as whole:
        whole.truncate(file.stat().st_size // 2)


def foreign(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE photo (id INTEGER)")


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def swap(file: Path) -> None:
    shutil.copyfile(file.with_name("traceability.db"), file)


def schema(file: Path) -> None:
    """A good head, and nonsense where the tables are told."""
    with file.open("r+b") as whole:
        whole.seek(100)
        whole.write(b"\xff" * 3000)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "head": (lambda file: file.write_bytes(b"\x00" * 5000), "is no SQLite database, or its head is damaged"),
    "text": (lambda file: file.write_text("id,name\n"), "is no SQLite database, or its head is damaged"),
    "cut": (cut, "is cut off"),
    "directory": (directory, "is a directory"),
    "foreign": (foreign, "is a database of something else"),
    "newer": (newer, "has schema 9999"),
    "swapped": (swap, "is the database of traceability, not of credit"),
    "schema": (schema, "is damaged"),
}


@pytest.fixture
def data_dir(tmp_path: Path, databases: Databases) -> Path:
    folder = tmp_path / "var"
    for service in SERVICES:
        databases.fresh(service, folder / f"{service}.db", None)
        assert problem_of(folder / f"{service}.db", service) is None
    return folder


def run(*arguments: str, data_dir: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment() | {"PINZHI_DATA_DIR": str(data_dir)} | settings,
    )


COMMANDS = [
    ("up", "--data-dir", "{dir}", "--port", "{port}"),
    ("serve", "credit", "--port", "{port}"),
    ("serve", "--prepare", "credit", "--port", "{port}"),
    ("migrate", "credit", "--data-dir", "{dir}"),
    ("audit", "verify", "--data-dir", "{dir}"),
]


@pytest.mark.parametrize(
    ("damage", "commands"),
    [("head", COMMANDS), *((damage, COMMANDS[:1]) for damage in DAMAGES if damage != "head")],
    ids=list(dict.fromkeys(["head", *DAMAGES])),
)
def test_a_start_names_the_file_and_the_way_out(damage: str, commands: list[tuple[str, ...]], data_dir: Path) -> None:
    file = data_dir / "credit.db"
    break_, words = DAMAGES[damage]
    break_(file)
    port = free_ports()
    for form in commands:
        arguments = [part.format(dir=data_dir, port=port) for part in form]
        done = run(*arguments, data_dir=data_dir)
        assert done.returncode == 2, (arguments, done)
        assert "Traceback" not in done.stdout + done.stderr, (arguments, done.stderr)
        (line,) = [each for each in done.stderr.splitlines() if each.startswith("pinzhi: ")]
        assert str(file) in line
        assert words in line
        assert "pinzhi doctor" in line
        assert "pinzhi restore" in line


def test_the_embedded_log_is_looked_at_too(data_dir: Path) -> None:
    (data_dir / "bus.db").write_bytes(b"no log" * 100)
    done = run("up", "--data-dir", str(data_dir), "--port", str(free_ports()), data_dir=data_dir)
    assert done.returncode == 2
    assert f"{data_dir / 'bus.db'} is no SQLite database" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("up", "--port", "{port}"), ("serve", "credit", "--port", "{port}")])
def test_the_log_that_is_looked_at_is_the_one_that_is_used(arguments: tuple[str, ...], data_dir: Path) -> None:
    """A setting puts it elsewhere: the file of that name in the data directory is nobody's."""
    (data_dir / "bus.db").write_bytes(b"no log" * 100)
    log = data_dir / "log" / "events.db"
    log.parent.mkdir()
    log.write_bytes(b"no log" * 100)
    port = free_ports()
    where = {"PINZHI_BUS_URL": f"sqlite:{log}"}
    done = run(*(part.format(port=port) for part in arguments), data_dir=data_dir, **where)
    assert done.returncode == 2
    assert f"{log} is no SQLite database" in done.stderr
    assert "Traceback" not in done.stderr


def test_damage_further_inside_is_one_line_too(data_dir: Path) -> None:
    """The head and the names of the tables are good, the pages behind are not."""
    file = data_dir / "credit.db"
    with file.open("r+b") as whole:
        whole.seek(3 * 4096)
        whole.write(b"\xff" * (file.stat().st_size - 3 * 4096))
    done = run("audit", "verify", "--data-dir", str(data_dir), data_dir=data_dir)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("pinzhi: ")


def test_a_start_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with small_filesystem(tmp_path / "var", megabytes=1) as folder:
        fill(folder)
        done = run("up", "--data-dir", str(folder), "--port", str(free_ports()), data_dir=folder)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr or "disk full" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_not_there_yet_is_no_damage(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "credit.db", "credit") is None
    (tmp_path / "credit.db").touch()
    assert problem_of(tmp_path / "credit.db", "credit") is None
