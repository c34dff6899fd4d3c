"""TLS to PostgreSQL as libpq's parameters name it, on a private server with a certificate of its own authority."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.local import postgres
from shared.db import Database
from shared.db.migrate import head, upgrade
from shared.db.reasons import reason
from tests.support.authority import Authority
from tests.support.reference import missing

pytestmark = pytest.mark.postgres
HBA = """\
local all all trust
hostssl all certified 127.0.0.1/32 cert
hostssl all secret 127.0.0.1/32 scram-sha-256
hostssl all pinzhi 127.0.0.1/32 trust
hostnossl all plain 127.0.0.1/32 trust
"""


@dataclass
class Secure:
    port: int
    authority: Authority
    stranger: Authority

    def url(self, user: str = "pinzhi", host: str = "localhost", database: str = "postgres", **parameters: str) -> str:
        given = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{user}@{host}:{self.port}/{database}?{given}"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    try:
        postgres.binaries()
    except postgres.MissingPart as error:
        missing(str(error))
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(folder / "own"), Authority(folder / "strange", "stranger")
    certificate, key = authority.issue("server", "localhost")
    home = Path("/tmp") / f"pinzhi-tls-{folder.parent.name}-{folder.name}"
    home.mkdir()
    try:
        for source in (certificate, key, authority.certificate):
            shutil.copy(source, home)
            postgres.give_to(postgres.server_user(), home / source.name)
        (home / "hba").write_text(HBA)
        (home / "hba").chmod(0o644)
        options = [
            "ssl=on",
            f"ssl_cert_file={home / certificate.name}",
            f"ssl_key_file={home / key.name}",
            f"ssl_ca_file={home / authority.certificate.name}",
            f"hba_file={home / 'hba'}",
        ]
        with postgres.running(home, options=options) as server:
            made = Secure(int(server.address.rpartition(":")[2]), authority, stranger)
            asyncio.run(_users(made.url(sslmode="require")))
            yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _users(url: str) -> None:
    database = Database(url)
    async with database.writer.begin() as connection:
        for role in ("certified", "plain", "secret"):
            password = " PASSWORD 'p@ss/word'" if role == "secret" else ""
            await connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN{password}")
    await database.close()


async def ask(url: str) -> bool:
    """Whether both ways to the database are encrypted."""
    database = Database(url)
    statement = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    try:
        hot = await database.fetch(statement)
        async with database.read() as session:
            cold = (await session.execute(text(statement))).scalar_one()
        assert hot == [(cold,)]
        return bool(cold)
    finally:
        await database.close()


async def refusal(url: str) -> str:
    """The line that an operator reads."""
    database = Database(url)
    try:
        with pytest.raises(Exception) as hot:  # noqa: PT011 - the words are what counts
            await database.fetch("SELECT 1")
        with pytest.raises(Exception) as cold:  # noqa: PT011
            async with database.read() as session:
                await session.execute(text("SELECT 1"))
        line = reason(database.address, hot.value)
        assert reason(database.address, cold.value) == line
        return line
    finally:
        await database.close()


async def test_the_right_authority_and_host_are_accepted(secure: Secure) -> None:
    own = str(secure.authority.certificate)
    assert await ask(secure.url(sslmode="verify-full", sslrootcert=own))
    assert await ask(secure.url(host="127.0.0.1", sslmode="verify-ca", sslrootcert=own))
    assert await ask(secure.url(host="127.0.0.1", sslmode="require"))
    assert await ask(secure.url(host="127.0.0.1"))  # sslmode=prefer
    assert not await ask(secure.url(user="plain", sslmode="disable"))
    assert await ask(secure.url(user="secret:p%40ss%2Fword", sslmode="verify-full", sslrootcert=own))


async def test_a_certificate_lets_its_client_in(secure: Secure) -> None:
    own = str(secure.authority.certificate)
    certificate, key = secure.authority.issue("certified")
    files = {"sslmode": "verify-full", "sslrootcert": own}
    assert await ask(secure.url(user="certified", sslcert=str(certificate), sslkey=str(key), **files))
    assert "certified not in" in await refusal(secure.url(user="certified", **files))
    other, key = secure.authority.issue("somebody")
    assert "certified not in" in await refusal(
        secure.url(user="certified", sslcert=str(other), sslkey=str(key), **files)
    )


async def test_what_is_wrong_is_refused_with_the_cause(secure: Secure) -> None:
    own, strange = str(secure.authority.certificate), str(secure.stranger.certificate)
    wrong = {
        secure.url(sslmode="verify-full", sslrootcert=strange): "certificate is refused",
        secure.url(host="127.0.0.1", sslmode="verify-full", sslrootcert=own): "certificate is refused: IP address mis",
        secure.url(sslmode="verify-full", sslrootcert="/nowhere/ca.pem"): "cannot be read",
        secure.url(sslmode="disable"): "lets pinzhi not in: no pg_hba.conf entry",
        secure.url(user="secret:wrong", sslmode="require"): "the password of secret is wrong",
        secure.url(sslmode="require", database="nothing"): "there is no database 'nothing'",
        secure.url(host="nowhere.invalid", sslmode="require"): "the host name is unknown",
    }
    for url, told in wrong.items():
        line = await refusal(url)
        assert told in line, (url, line)
        assert "wrong@" not in line


async def test_a_password_file_is_read(secure: Secure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"localhost:{secure.port}:*:secret:p@ss/word\n")
    file.chmod(0o600)
    assert await ask(secure.url(user="secret", sslmode="require", passfile=str(file)))
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert await ask(secure.url(user="secret", sslmode="require"))


def test_migrations_take_the_same_address(secure: Secure) -> None:
    url = secure.url(sslmode="verify-full", sslrootcert=str(secure.authority.certificate), options="-c%20work_mem=5MB")
    upgrade("indicators", url)

    async def look() -> list[tuple[str, str]]:
        database = Database(url)
        try:
            found = await database.fetch("SELECT version_num, current_setting('work_mem') FROM alembic_version")
            return [tuple(row) for row in found]
        finally:
            await database.close()

    assert asyncio.run(look()) == [(head("indicators"), "5MB")]
