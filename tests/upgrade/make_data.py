"""Makes the data of the upgrade gate with the code of an older commit:

    git worktree add --detach /tmp/old 4f5bbf5
    python -m tests.upgrade.make_data /tmp/old tests/upgrade/data/4f5bbf5

writes `4f5bbf5-sqlite.tar.xz` (a data directory) and `4f5bbf5-postgres.tar.xz` (a dump of each database with the log,
keys and attachments), each with its 200 questions and answers. The story is seeded, ids count, the clock is set: two
runs tell the same city, though the order in which services hear of things is theirs.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from tests.upgrade import story
from tests.upgrade.answers import Question, ask, compare
from tests.upgrade.city import NAMES, fixed_clock, running
from tests.upgrade.questions import questions

LARGEST = 2_000_000
"""Bytes of both archives together."""


async def make(data_dir: Path, databases: dict[str, str]) -> None:
    """Tell the story, then answer the questions after a restart, twice: what differs by itself must be named."""
    from deploy.demo.accounts import add_all

    await add_all()
    clock = fixed_clock(story.RECORDED_AT)
    async with running(data_dir, clock, databases) as city:
        told = story.Story(city)
        await told.tell()
        clock.set(story.RECORDED_AT)
        await city.settled()
    asked = questions(told.ids)
    rounds = []
    for _ in range(2):
        async with running(data_dir, fixed_clock(story.RECORDED_AT), databases) as city:
            await city.settled()
            rounds.append(await ask(city.base, asked))
    differ = compare(*rounds)
    assert not differ, "\n".join(map(str, differ[:20]))
    write_answers(data_dir / "answers.json", asked, rounds[0])
    report(rounds[0])


def write_answers(file: Path, asked: list[Question], answers: dict[str, dict[str, object]]) -> None:
    rows = [{"question": asdict(question), "answer": answers[question.name]} for question in asked]
    file.write_text(json.dumps(rows, ensure_ascii=False, indent=0), encoding="utf-8")


def report(answers: dict[str, dict[str, object]]) -> None:
    statuses: dict[str, list[str]] = {}
    for name, answer in answers.items():
        statuses.setdefault(str(answer["status"]), []).append(name)
    print({status: len(names) for status, names in statuses.items()}, flush=True)
    print([name for status, names in statuses.items() if status not in ("200", "404") for name in names], flush=True)


def pack(data_dir: Path, archive: Path) -> None:
    """Files in order and without the machine's own marks, so that a change of the data is the only change."""
    for name in ("run", "log", "test-jwks.json"):
        path = data_dir / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for file in sorted(data_dir.glob("*.db")):
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for file in sorted(path for path in data_dir.rglob("*") if path.is_file()):
            info = tar.gettarinfo(file, file.relative_to(data_dir).as_posix())
            info.uid = info.gid = info.mtime = 0
            info.uname = info.gname = ""
            info.mode = 0o600
            with file.open("rb") as content:
                tar.addfile(info, content)
    print(f"{archive}: {archive.stat().st_size:,} bytes", flush=True)


def make_postgres(old: Path, data_dir: Path) -> None:
    from deploy.local import postgres

    with postgres.running() as server:
        databases = {name: server.url(name) for name in NAMES}
        for name in NAMES:
            asyncio.run(server.create(name))
        in_child(old, data_dir, databases)
        tool = postgres.binaries() / "pg_dump"
        for name, url in databases.items():
            # Statements of INSERT are read by any psql; --no-owner, since the account of the test is another.
            command = [str(tool), "--no-owner", "--no-privileges", "--dbname", url]
            dump = subprocess.run(command, check=True, capture_output=True).stdout
            lines = [line for line in dump.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict"))]
            (data_dir / f"{name}.sql").write_bytes(b"\n".join(lines) + b"\n")


def in_child(old: Path, data_dir: Path, databases: dict[str, str]) -> None:
    """One kind in a process of its own: ids count from one, and no setting is left over."""
    command = [sys.executable, "-m", "tests.upgrade.make_data", str(old), str(data_dir), json.dumps(databases)]
    subprocess.run(command, check=True)


def child(data_dir: Path, databases: dict[str, str]) -> None:
    import shared.ids

    shared.ids.uuid7 = story.numbers()
    from shared.db.migrate import upgrade

    for name in NAMES:
        upgrade(name, databases.get(name) or f"sqlite:///{data_dir / name}.db")
    os.environ["PINZHI_DATA_DIR"] = str(data_dir)
    if databases:
        os.environ["PINZHI_DATABASE_URL"] = databases["gateway"]  # where the demo accounts go
    asyncio.run(make(data_dir, databases))


def main() -> None:
    old, target = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    sys.path.insert(0, str(old))  # services, shared and deploy are the old ones; tests are today's
    import shared

    assert Path(str(shared.__file__)).is_relative_to(old), f"{shared.__file__} is not the code of {old}"
    if len(sys.argv) > 3:
        child(target, json.loads(sys.argv[3]))
        return
    total = 0
    for kind in ("sqlite", "postgres"):
        with tempfile.TemporaryDirectory() as folder:
            data_dir = Path(folder) / "var"
            data_dir.mkdir()
            in_child(old, data_dir, {}) if kind == "sqlite" else make_postgres(old, data_dir)
            archive = target.with_name(f"{target.name}-{kind}.tar.xz")
            pack(data_dir, archive)
            total += archive.stat().st_size
    assert total < LARGEST, f"{total:,} bytes; the repository keeps {LARGEST:,}"


if __name__ == "__main__":
    main()
