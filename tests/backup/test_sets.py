"""Sets on files: one moment, whole or not there, unchanged or refused with the name of the file."""

import asyncio
import json
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from deploy.backup import manifest
from deploy.backup.places import Places, places
from deploy.backup.restore import restore
from deploy.backup.take import take
from deploy.cli.errors import CliError
from shared.db.copies import Busy, SqliteCopy
from tests.backup.conftest import change, published, read


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_set_holds_everything_for_its_owner_alone(installation: Places, tmp_path: Path) -> None:
    target = tmp_path / "sets" / "monday"
    made = take(installation, target)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert {"bus.db", "credit.db", "gateway.db", "indicators.db", "traceability.db", "manifest.json"} <= found
    assert {"keys/issuer.json", "keys/jwks.json"} <= found
    assert sum(name.startswith("attachments/") for name in found) == 1
    assert {mode(path) for path in target.rglob("*") if path.is_file()} == {0o600}
    assert {mode(path) for path in (target, *target.rglob("*")) if path.is_dir()} == {0o700}
    assert (made.services["credit"].outbox, made.services["gateway"].inbox) == (3, 3)
    assert made.services["credit"].tables["outbox"] == 3
    assert manifest.read(target) == made
    with pytest.raises(CliError, match="is there already"):
        take(installation, target)


def test_the_copy_is_of_the_moment_though_writes_go_on(installation: Places, tmp_path: Path) -> None:
    file = installation.sqlite_file("credit")

    async def copied() -> None:
        copy = SqliteCopy(file)
        await copy.hold()
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            await copy.pin()
            await copy.release()
            for statement in published([4]):
                other.execute(statement)  # the moment is over
        assert await copy.rows("SELECT max(sequence) FROM outbox") == [(3,)]
        await copy.write(tmp_path)
        await copy.close()

    asyncio.run(copied())
    assert read(tmp_path / "credit.db", "SELECT max(sequence) FROM outbox") == [(3,)]
    assert read(file, "SELECT max(sequence) FROM outbox") == [(4,)]


def test_a_writer_that_does_not_end_is_told(installation: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.db.copies._HOLD_SECONDS", 0.1)
    file = installation.sqlite_file("credit")
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match=r"credit\.db"):
            asyncio.run(SqliteCopy(file).hold())


def test_there_and_back(installation: Places, tmp_path: Path) -> None:
    take(installation, tmp_path / "set")
    there = places(tmp_path / "new", "", "")
    restore(tmp_path / "set", there, force=False)
    for name in there.urls:
        tables = read(there.sqlite_file(name), "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        assert len(tables) > 10
        for (table,) in tables:
            if table != "lease":
                rows = f'SELECT * FROM "{table}"'
                assert read(there.sqlite_file(name), rows) == read(installation.sqlite_file(name), rows), (name, table)
    assert read(there.log_file, "SELECT * FROM log") == read(installation.log_file, "SELECT * FROM log")
    for name, folder in installation.folders():
        for path in folder.rglob("*") if folder.is_dir() else ():
            back = dict(there.folders())[name] / path.relative_to(folder)
            assert path.is_dir() or back.read_bytes() == path.read_bytes()
    assert mode(there.data_dir / "keys" / "issuer.json") == 0o600


def test_what_is_there_is_dropped_only_when_told(installation: Places, tmp_path: Path) -> None:
    take(installation, tmp_path / "set")
    change(installation.sqlite_file("credit"), *published([4]))
    extra = installation.data_dir / "keys" / "later.json"
    extra.write_text("{}")
    with pytest.raises(CliError, match=r"credit\.db.*--force"):
        restore(tmp_path / "set", installation, force=False)
    assert read(installation.sqlite_file("credit"), "SELECT max(sequence) FROM outbox") == [(4,)]
    restore(tmp_path / "set", installation, force=True)
    assert read(installation.sqlite_file("credit"), "SELECT max(sequence) FROM outbox") == [(3,)]
    assert not extra.exists()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("credit.db", "change"),
        ("bus.db", "change"),
        ("keys/issuer.json", "change"),
        ("traceability.db", "remove"),
        ("manifest.json", "remove"),
        ("manifest.json", "change"),
        ("stranger.db", "add"),
    ],
)
def test_a_set_that_is_not_as_it_was_made_is_refused_by_name(
    installation: Places, tmp_path: Path, name: str, damage: str
) -> None:
    take(installation, tmp_path / "set")
    file = tmp_path / "set" / name
    if damage == "remove":
        file.unlink()
    elif damage == "add":
        file.write_bytes(b"x")
    else:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data[: len(data) // 2 + 1] if name == "manifest.json" else data)
    there = places(tmp_path / "new", "", "")
    with pytest.raises(CliError, match=Path(name).name):
        restore(tmp_path / "set", there, force=True)
    assert not there.data_dir.exists()


def test_every_single_file_is_watched(installation: Places, tmp_path: Path) -> None:
    """Of the manifest's own list: any one of them that is shorter is found."""
    take(installation, tmp_path / "set")
    for name in manifest.read(tmp_path / "set").files:
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "set", copy)
        (copy / name).write_bytes((copy / name).read_bytes()[:-1])
        with pytest.raises(CliError, match=Path(name).name):
            manifest.check(copy, manifest.read(copy))
        shutil.rmtree(copy)


def test_a_newer_schema_and_another_kind_are_refused(installation: Places, tmp_path: Path) -> None:
    take(installation, tmp_path / "set")
    file = tmp_path / "set" / manifest.NAME
    body = json.loads(file.read_text())
    body["services"]["credit"]["revision"] = "9999"
    file.write_text(json.dumps(body))
    with pytest.raises(CliError, match="9999"):
        restore(tmp_path / "set", places(tmp_path / "new", "", ""), force=False)
    body["databases"] = "postgresql"
    file.write_text(json.dumps(body))
    with pytest.raises(CliError, match="postgres"):
        restore(tmp_path / "set", places(tmp_path / "new", "", ""), force=False)
    body["format"] = 2
    file.write_text(json.dumps(body))
    with pytest.raises(CliError, match="format 2"):
        manifest.read(tmp_path / "set")


def test_nothing_there_is_told(tmp_path: Path, installation: Places) -> None:
    with pytest.raises(CliError, match=r"gateway\.db"):
        take(places(tmp_path / "nowhere", "", ""), tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert not list(tmp_path.glob("*.part"))
