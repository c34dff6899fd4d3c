"""A database that cannot be used: every command ends soon, with one line that names the cause and no password."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import pgbouncer, postgres
from deploy.local.pinzhi import command, environment, free_ports
from deploy.local.process import MissingPart, free_port
from tests.support.reference import missing

pytestmark = pytest.mark.postgres
HBA = "local all all trust\nhost all secret 127.0.0.1/32 scram-sha-256\nhost all pinzhi 127.0.0.1/32 trust\n"
SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    try:
        postgres.binaries()
        pgbouncer.program()
    except MissingPart as error:
        missing(str(error))
    home = Path("/tmp") / f"pinzhi-hba-{tmp_path_factory.getbasetemp().name}-{free_port()}"
    home.mkdir()
    (home / "hba").write_text(HBA)
    try:
        with postgres.running(home, options=[f"hba_file={home / 'hba'}"]) as made:
            yield made
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=False)


def last_line(folder: Path, *arguments: str, **settings: str) -> str:
    """What the command says last; it must have ended by itself with exit code 2."""
    done = subprocess.run(
        command(*arguments),
        env=environment() | {"PINZHI_DATA_DIR": str(folder)} | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    assert "geheim" not in said
    return done.stderr.strip().splitlines()[-1]


def wrong(server: postgres.Postgres) -> dict[str, tuple[str, str]]:
    host = server.address.rpartition("@")[2]
    return {
        "password": (f"postgresql://secret:geheim@{host}", "the password of secret is wrong"),
        "host": ("postgresql://pinzhi:geheim@nowhere.invalid", "the host name is unknown"),
        "port": (f"postgresql://pinzhi:geheim@127.0.0.1:{free_port()}", "nothing listens there"),
        "tls": (f"postgresql://pinzhi:geheim@{host}?sslmode=require", "sslmode demands it"),
        "parameter": (f"postgresql://pinzhi:geheim@{host}?sslmod=require", "unknown parameter 'sslmod'"),
        "address": ("postgresql://pinzhi:geheim@127.0.0.1:x", "port="),
    }


KINDS = ["password", "host", "port", "tls", "parameter", "address"]


@pytest.mark.parametrize("kind", KINDS)
def test_serve(server: postgres.Postgres, tmp_path: Path, kind: str) -> None:
    base, told = wrong(server)[kind]
    where, mark, rest = base.partition("?")
    line = last_line(
        tmp_path, "serve", "credit", "--port", str(free_port()), PINZHI_DATABASE_URL=f"{where}/credit{mark}{rest}"
    )
    assert line.startswith("pinzhi: ")
    assert told in line


@pytest.mark.parametrize("kind", KINDS)
def test_up(server: postgres.Postgres, tmp_path: Path, kind: str) -> None:
    base, told = wrong(server)[kind]
    line = last_line(tmp_path, "up", "--data-dir", str(tmp_path), "--port", str(free_ports()), "--postgres", base)
    assert line.startswith("pinzhi: ")
    assert told in line


@pytest.mark.parametrize("arguments", [("migrate", "credit"), ("events", "lag"), ("audit", "verify")])
def test_other_commands(server: postgres.Postgres, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    base, told = wrong(server)["port"]
    line = last_line(tmp_path, *arguments, PINZHI_DATABASE_URL=f"{base}/credit")
    assert told in line


def test_a_database_that_is_not_there_and_one_without_a_schema(server: postgres.Postgres, tmp_path: Path) -> None:
    serve = ("serve", "credit", "--port", str(free_port()))
    assert "there is no database 'nothing'" in last_line(tmp_path, *serve, PINZHI_DATABASE_URL=server.url("nothing"))
    line = last_line(tmp_path, *serve, PINZHI_DATABASE_URL=server.url("postgres"))
    assert "the database is empty; run `pinzhi migrate`" in line


@pytest.mark.parametrize("ignored", ["", "ignore_startup_parameters = jit, plan_cache_mode"])
def test_a_pooler_without_the_setting(server: postgres.Postgres, tmp_path: Path, ignored: str) -> None:
    with pgbouncer.running(server, options=[ignored] if ignored else []) as pooler:
        url = pooler.url("postgres")
        line = last_line(tmp_path, "serve", "credit", "--port", str(free_port()), PINZHI_DATABASE_URL=url)
        assert "PINZHI_DATABASE_POOLER=transaction" in line
        assert not line.endswith("it left no word")
