"""Sets that somebody changed, hashes and all: refused in words, and the installation is byte for byte as it was."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.backup import manifest
from deploy.backup.manifest import LogPart, Manifest, ServicePart
from deploy.backup.places import Places, places
from deploy.backup.restore import restore
from deploy.backup.take import take
from deploy.cli import datadir
from deploy.cli.errors import CliError
from deploy.topology import SERVICES
from tests.backup.conftest import change, installed, published, read
from tests.support.databases import Databases

Body = dict[str, Any]
Damage = Callable[[Path, Body], object]
"""Changes the folder of the set, and the manifest's body; text or bytes that it returns are the manifest instead."""


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode and bytes; not the lock, which holds the number of the last process."""
    return {
        path.relative_to(folder).as_posix(): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] not in ("run", "log")
    }


def told(path: Path) -> list[object]:
    return [path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()]


def named(name: str) -> Damage:
    """A file that the manifest names, with its right hash."""

    def damage(folder: Path, body: Body) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        body["files"][name] = told(path)

    return damage


def without(name: str) -> Damage:
    """Neither in the set nor in the manifest."""
    return lambda folder, body: (body["files"].pop(name), (folder / name).unlink())


def replaced(name: str, make: Callable[[Path], object]) -> Damage:
    """Other contents, and their hash in the manifest."""

    def damage(folder: Path, body: Body) -> None:
        make(folder / name)
        body["files"][name] = told(folder / name)

    return damage


def put(value: object, *place: str) -> Damage:
    def damage(_folder: Path, body: Body) -> None:
        for name in place[:-1]:
            body = body[name]
        body[place[-1]] = value

    return damage


def linked(name: str, target: str, *, to_folder: bool = False) -> Damage:
    def damage(folder: Path, body: Body) -> None:
        path, other = folder / name, folder.parent / target
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if not other.exists():
            other.mkdir() if to_folder else other.write_bytes(b"{}")
        path.symlink_to(other)
        if not to_folder:
            body["files"][name] = told(path)

    return damage


def rows_gone(path: Path) -> None:
    change(path, "DELETE FROM outbox")


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


FORMS: dict[str, Damage] = {
    "a list": lambda *_: "[1, 2]",
    "null": lambda *_: "null",
    "no JSON": lambda *_: "{",
    "nothing": lambda *_: "",
    "UTF-16": lambda _, body: json.dumps(body).encode("utf-16"),
    "deep": lambda *_: "[" * 100_000,
    "a lone surrogate": lambda _, body: json.dumps(body | {"taken_at": "\ud800"}),
    "no files": lambda _, body: body.pop("files"),
    "files as a list": put(["a"], "files"),
    "an empty list of files": put([], "files"),
    "a file without a hash": put([1], "files", "credit.db"),
    "a file with a size that is text": put(["1", "0" * 64], "files", "credit.db"),
    "a file of less than nothing": put([-1, "0" * 64], "files", "credit.db"),
    "a file with a hash too short": put([1, "0"], "files", "credit.db"),
    "a file that is null": put(None, "files", "credit.db"),
    "no format": lambda _, body: body.pop("format"),
    "a format that is null": put(None, "format"),
    "another field": put(1, "more"),
    "another field of a service": put(1, "services", "credit", "more"),
    "no services": put({}, "services"),
    "services as a list": put([], "services"),
    "a service less": lambda _, body: body["services"].pop("credit"),
    "a service too many": lambda _, body: put(body["services"]["credit"], "services", "../evil")(_, body),
    "a revision that is null": put(None, "services", "credit", "revision"),
    "a revision that is a number": put(6, "services", "credit", "revision"),
    "a revision of words": put("0001'; DROP", "services", "credit", "revision"),
    "a revision that never was": put("0000", "services", "credit", "revision"),
    "tables as a list": put([], "services", "credit", "tables"),
    "a table that leads away": put({"../../x": 1}, "services", "credit", "tables"),
    "an epoch that is text": put("0", "log", "epoch"),
    "an epoch that no database holds": put(10**30, "log", "epoch"),
    "an epoch that is true": put(True, "services", "credit", "epoch"),
    "a log of another kind": put("tape", "log", "kind"),
    "databases of another kind": put(None, "databases"),
    "partitions that are text": put({"pinzhi.credit.v1": {"a": 1}}, "log", "ends"),
    "a partition left out": put({"pinzhi.credit.v1": {"1": 1}}, "log", "ends"),
    "a topic of somebody else": put({"other": {"0": 1}}, "log", "ends"),
    "a topic of another epoch": put({"pinzhi.credit.v1.e7": {"0": 1}}, "log", "ends"),
    "seconds without an end": lambda _, body: json.dumps(body | {"held_seconds": 1}).replace(
        '"held_seconds": 1', '"held_seconds": 1e999'
    ),
    "a time with a line of its own": put("2026\n\x1b[2J", "taken_at"),
}
NAMES: dict[str, Damage] = {
    "a file above the set": named("../escape.txt"),
    "a file far above": named("../../escape.txt"),
    "a file above, by a detour": named("keys/../../escape.txt"),
    "a file twice": lambda folder, body: put(told(folder / "credit.db"), "files", "./credit.db")(folder, body),
    "a file anywhere": lambda folder, body: named(str(folder.parent / "escape.txt"))(folder, body),
    "the folder itself": put([1, "0" * 64], "files", "."),
    "no name": put([1, "0" * 64], "files", ""),
    "a name with a NUL": put([1, "0" * 64], "files", "keys/a\0b"),
    "a name with a line break": named("keys/a\nb"),
    "the manifest": put([1, "0" * 64], "files", manifest.NAME),
    "what no backup holds": named("notes.txt"),
    "what SQLite keeps beside a database": named("credit.db-wal"),
    "a journal of SQLite": named("bus.db-journal"),
    "a folder of nobody": named("other/x.json"),
    "a key outside its folder": named("credit/x.json"),
}
PARTS: dict[str, Damage] = {f"no {name}": without(name) for name in ("bus.db", *(f"{s.name}.db" for s in SERVICES))}
UNNAMED: dict[str, Damage] = {
    f"{name} is not named": lambda _, body, name=name: body["files"].pop(name)  # type: ignore[misc]
    for name in ("bus.db", "credit.db", "keys/issuer.json")
}
LINKS: dict[str, Damage] = {
    "a link for a key": linked("keys/issuer.json", "elsewhere.json"),
    "a link that the manifest names": linked("keys/more.json", "elsewhere.json"),
    "a link for a database": linked("credit.db", "elsewhere.db"),
    "a link to a folder": linked("keys", "elsewhere", to_folder=True),
    "a link to nothing": lambda folder, _: (folder / "keys" / "gone.json").symlink_to(folder / "nowhere"),
    "a link to an empty folder": linked("reference", "elsewhere", to_folder=True),
    "a pipe": lambda folder, _: os.mkfifo(folder / "keys" / "pipe"),
    "a link for the manifest": lambda folder, _: (
        shutil.copy(folder / manifest.NAME, folder.parent / "m.json"),
        (folder / manifest.NAME).unlink(),
        (folder / manifest.NAME).symlink_to(folder.parent / "m.json"),
    ),
}
FILES: dict[str, Damage] = {
    "rubbish for a database": replaced("credit.db", lambda path: path.write_bytes(b"rubbish" * 100)),
    "nothing for a database": replaced("credit.db", lambda path: path.write_bytes(b"")),
    "half a database": replaced("traceability.db", cut),
    "the database of another service": replaced("credit.db", lambda p: shutil.copy(p.with_name("gateway.db"), p)),
    "a database without its rows": replaced("credit.db", rows_gone),
    "rubbish for the log": replaced("bus.db", lambda path: path.write_bytes(b"rubbish" * 100)),
    "nothing for the log": replaced("bus.db", lambda path: path.write_bytes(b"")),
    "a database for the log": replaced("bus.db", lambda path: shutil.copy(path.with_name("credit.db"), path)),
}
ALL = FORMS | NAMES | PARTS | UNNAMED | LINKS | FILES


@pytest.fixture(scope="module")
def untouched(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> tuple[Places, Path]:
    """An installation and a set of it; it went on since. No test may change either."""
    home = tmp_path_factory.mktemp("untouched")
    there = installed(home / "city" / "var", databases)
    take(there, home / "set")
    change(there.sqlite_file("credit"), *published([4]), "PRAGMA wal_checkpoint(TRUNCATE)")
    datadir.close_to_others(there.data_dir)  # as every start does
    return there, home / "set"


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in ALL.items()])
def test_a_changed_set_is_refused_and_nothing_is_touched(
    untouched: tuple[Places, Path], tmp_path: Path, damage: Damage
) -> None:
    there, whole = untouched
    backed = tmp_path / "sets" / "set"
    shutil.copytree(whole, backed)
    file = backed / manifest.NAME
    body = json.loads(file.read_text())
    made = damage(backed, body)
    if isinstance(made, str | bytes):
        file.write_bytes(made.encode() if isinstance(made, str) else made)
    elif not file.is_symlink():
        file.write_text(json.dumps(body))
    before, around = tree(there.data_dir), set(there.data_dir.parent.iterdir())
    for _ in range(2):
        with pytest.raises(CliError) as refused:
            restore(backed, there, force=True)
        assert str(backed) in str(refused.value) or "credit" in str(refused.value)
        assert str(refused.value).isprintable()
        assert tree(there.data_dir) == before
        assert set(there.data_dir.parent.iterdir()) == around, "something was written beside it"


def test_the_folder_of_a_set_may_be_a_link(untouched: tuple[Places, Path], tmp_path: Path) -> None:
    """It is the operator who names it."""
    (tmp_path / "newest").symlink_to(untouched[1])
    there = places(tmp_path / "new", "", "")
    restore(tmp_path / "newest", there, force=False)
    assert read(there.sqlite_file("credit"), "SELECT max(sequence) FROM outbox") == [(3,)]


def city(tmp_path: Path) -> tuple[Path, Manifest]:
    """A set of PostgreSQL and Kafka, of which only the names matter."""
    names = [f"{service.name}/outbox.copy" for service in SERVICES] + ["log/pinzhi.credit.v1.e2-0.jsonl"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    services = {service.name: ServicePart("0001", {"outbox": 1}, 2, 0, 0) for service in SERVICES}
    log = LogPart(
        "kafka", 2, {}, {"pinzhi.credit.v1.e2": {"0": 1}}, {"pinzhi.gateway": {"pinzhi.credit.v1.e2": {"0": 1}}}
    )
    made = Manifest("2026-12-01T00:00:00+00:00", "postgresql", services, log, manifest.list_files(tmp_path))
    manifest.write(tmp_path, made)
    return tmp_path, made


def test_tables_and_partitions_are_needed_too(tmp_path: Path) -> None:
    folder, made = city(tmp_path)
    assert manifest.read(folder) == made
    manifest.check(folder, made)
    for name in made.files:
        whole = (folder / name).read_bytes()
        (folder / name).unlink()
        body = json.loads((folder / manifest.NAME).read_text())
        body["files"].pop(name)
        (folder / manifest.NAME).write_text(json.dumps(body))
        with pytest.raises(CliError, match=Path(name).name):
            manifest.check(folder, manifest.read(folder))
        (folder / name).write_bytes(whole)
        manifest.write(folder, made)
    (folder / "credit" / "more.copy").write_bytes(b"x")
    more = Manifest(
        made.taken_at, made.databases, made.services, made.log, made.files | {"credit/more.copy": (1, "0" * 64)}
    )
    manifest.write(folder, more)
    with pytest.raises(CliError, match=r"more\.copy"):
        manifest.check(folder, manifest.read(folder))


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    folder, made = city(tmp_path)
    with pytest.raises(CliError, match="services"):
        manifest.write(folder, Manifest(made.taken_at, "postgresql", {}, made.log, made.files))
