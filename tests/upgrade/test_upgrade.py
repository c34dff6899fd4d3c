"""The upgrade gate: data that earlier commits made is migrated by today's code, and 200 answers are as they were.

A difference that is meant stands in `differences.toml` beside the bullet of CHANGELOG.md that tells it. How data of a
later commit is added: `docs/ops/upgrade.md`.
"""

import asyncio
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.postgres import Postgres, binaries
from shared.bus.replay import replay
from shared.db.migrate import head, upgrade
from tests.support.databases import apart
from tests.support.sources import ROOT
from tests.upgrade.answers import ABSENT, Difference, Found, Question, ask, compare, declared, stable, undeclared
from tests.upgrade.city import NAMES, City, fixed_clock, running
from tests.upgrade.questions import COUNT
from tests.upgrade.story import PUSHES, RECORDED_AT

HERE = Path(__file__).parent
DIFFERENCES = HERE / "differences.toml"
COMMITS = sorted({path.name.rpartition("-")[0] for path in (HERE / "data").glob("*.tar.xz")})
LARGEST = 2_000_000


@dataclass(frozen=True)
class Landed:
    """Data of a commit in its place; `databases` is empty for the SQLite files of `folder`."""

    commit: str
    kind: str
    folder: Path
    databases: dict[str, str]
    questions: list[Question]
    answers: dict[str, Any]

    def city(self) -> Any:
        return running(self.folder, fixed_clock(RECORDED_AT), self.databases)

    def url(self, name: str) -> str:
        return self.databases.get(name) or f"sqlite:///{self.folder / name}.db"


CASES = [
    pytest.param((commit, kind), id=f"{commit}-{kind}", marks=[pytest.mark.postgres] if kind == "postgres" else [])
    for commit in COMMITS
    for kind in ("sqlite", "postgres")
]


@pytest.fixture(scope="module", params=CASES)
def landed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    """The data as it was left, migrated by today's code."""
    commit, kind = request.param
    folder = tmp_path_factory.mktemp(f"{commit}-{kind}")
    with tarfile.open(HERE / "data" / f"{commit}-{kind}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    server: Postgres | None = request.getfixturevalue("postgres_server") if kind == "postgres" else None
    databases = {name: f"upgrade_{commit}_{name}" for name in NAMES} if server is not None else {}
    rows = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    questions = [Question(**row["question"]) for row in rows]
    answers = {row["question"]["name"]: row["answer"] for row in rows}
    urls = {}
    try:
        for name, database in databases.items():
            assert server is not None
            apart(server.drop(database))
            apart(server.create(database))
            urls[name] = server.url(database)
            _psql(urls[name], folder / f"{name}.sql")
        made = Landed(commit, kind, folder, urls, questions, answers)
        for name in NAMES:
            upgrade(name, made.url(name))
        yield made
    finally:
        for database in databases.values():
            assert server is not None
            apart(server.drop(database))


def _psql(url: str, dump: Path) -> None:
    command = [str(binaries() / "psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--single-transaction", "--file"]
    done = subprocess.run([*command, str(dump), url], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_the_answers_are_as_they_were(landed: Landed) -> None:
    async with landed.city() as city:
        await city.settled()
        now = await ask(city.base, landed.questions)
        _judge(landed, now)
        await _nothing_failed(city)


async def test_projections_made_anew_answer_the_same(landed: Landed) -> None:
    async with landed.city() as city:
        await city.settled()
        before = await ask(city.base, landed.questions)
        for name in NAMES:
            if city.platform(name).consumer.topics:
                assert await replay(city.platform(name)) > 0
        await city.settled()
        for name in NAMES:
            await city.platform(name).hot_cache.follow(city.platform(name).db)
        again = compare(before, await ask(city.base, landed.questions))
        # What is optional and unknown may be left out or be null: a later version's rows have both.
        again = [found for found in again if (found.before, found.now) != (ABSENT, None)]
        assert not again, _told(again)


async def _nothing_failed(city: City) -> None:
    """No event became a dead letter on the way, and the chains of the audit logs hold."""
    from shared.audit import verify
    from shared.bus import dead_letters

    for name in NAMES:
        platform = city.platform(name)
        async with platform.read() as session:
            assert await dead_letters.open_count(session, name) == 0
            entries, wrong = await verify(session)
            assert (entries > 0, wrong) == (True, None), name


def test_the_data_is_what_is_promised(landed: Landed) -> None:
    """2,000 pushes, 500 events, and something of each kind; 200 answers, most of them good."""
    counts = {
        "violations": ("credit", "SELECT count(*) FROM violation", PUSHES),
        "listings": ("credit", "SELECT count(*) FROM listing", 10),
        "attachments": ("credit", "SELECT count(*) FROM attachment", 2),
        "events": ("traceability", "SELECT count(*) FROM epcis_event", 500),
        "recalls": ("traceability", "SELECT count(*) FROM recall", 3),
        "tests": ("traceability", "SELECT count(*) FROM lot_test", 50),
        "observations": ("indicators", "SELECT count(*) FROM observation", 50),
        "clients": ("gateway", "SELECT count(*) FROM client", 8),
        "users": ("gateway", 'SELECT count(*) FROM "user"', 5),
    }
    for what, (name, sql, least) in counts.items():
        found = _count(landed, name, sql)
        assert found >= least, f"{what}: {found}"
    statuses = [answer["status"] for answer in landed.answers.values()]
    assert len(statuses) == COUNT
    assert statuses.count(200) >= 0.85 * COUNT
    for name in NAMES:
        assert _text(landed, name, "SELECT version_num FROM alembic_version") == head(name)


def _count(landed: Landed, name: str, sql: str) -> int:
    return int(_text(landed, name, sql))


def _text(landed: Landed, name: str, sql: str) -> str:
    from sqlalchemy import text

    from shared.db import Database

    async def ask_it() -> str:
        database = Database(landed.url(name))
        try:
            async with database.read() as session:
                return str((await session.execute(text(sql))).scalar_one())
        finally:
            await database.close()

    return asyncio.run(ask_it())


def _judge(landed: Landed, now: dict[str, Any]) -> None:
    found = compare(stable(landed.answers), now)
    left = undeclared(found, declared(DIFFERENCES))
    assert not left, _told(left)


def _told(found: list[Found]) -> str:
    return f"{len(found)} places differ, in {len({each.question for each in found})} answers:\n" + "\n".join(
        map(str, found[:40])
    )


def test_every_declared_difference_is_in_the_changelog() -> None:
    changelog = " ".join((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())
    for difference in declared(DIFFERENCES):
        assert len(difference.changelog) > 20, f"{difference.answers}: quote the bullet"
        assert " ".join(difference.changelog.split()) in changelog, f"CHANGELOG.md does not say: {difference.changelog}"


def test_the_archives_stay_small() -> None:
    for commit in COMMITS:
        assert sum(path.stat().st_size for path in (HERE / "data").glob(f"{commit}-*.tar.xz")) < LARGEST


# The gate itself ------------------------------------------------------------------------------------------------------


def test_a_change_is_found_wherever_it_is() -> None:
    before = {"a": {"status": 200, "body": {"items": [{"x": 1}, {"x": 2}], "n": 1}}}
    for now, places in (
        ({"a": {"status": 200, "body": {"items": [{"x": 1}, {"x": 2}], "n": 1}}}, []),
        ({"a": {"status": 200, "body": {"items": [{"x": 1}, {"x": 3}], "n": 1}}}, ["/body/items/1/x"]),
        ({"a": {"status": 200, "body": {"items": [{"x": 1}], "n": 1}}}, ["/body/items"]),
        ({"a": {"status": 404, "body": {"items": [{"x": 1}, {"x": 2}], "n": True}}}, ["/status", "/body/n"]),
        ({"a": {"status": 200, "body": {"items": [{"x": 1}, {"x": 2, "a/b": 0}]}}}, ["/body/items/1/a~1b", "/body/n"]),
        ({}, [""]),
    ):
        assert sorted(found.path for found in compare(before, now)) == sorted(places)


def test_a_declared_difference_covers_its_own_places_only() -> None:
    found = [Found("scan/1/public", "/body/words", "old", "new"), Found("scan/1/public", "/status", 200, 404)]
    meant = Difference("scan/*", ("/body/words",), "…")
    used: list[Difference] = []
    assert undeclared(found, [meant], used.append) == found[1:]
    assert used == [meant]
    assert undeclared(found, [Difference("list/*", ("*",), "…")]) == found
    assert undeclared(found, [Difference("scan/*", ("*",), "…")]) == []


def test_only_what_is_named_is_left_out() -> None:
    body = {"age_seconds": 3, "parts": [{"request_id": "x", "as_of": "2026"}]}
    assert stable(body) == {"age_seconds": "volatile", "parts": [{"request_id": "volatile", "as_of": "2026"}]}
