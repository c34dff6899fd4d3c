"""Addresses of PostgreSQL as libpq writes them."""

import ssl

import asyncpg
import pytest

from shared.db.address import Address, AddressError, with_database, with_parameter, with_password
from shared.db.reasons import reason
from shared.settings import ServiceSettings

HOSTS = {
    "postgresql://u@h/d": (("h", 5432),),
    "postgres://u@h:6000/d": (("h", 6000),),
    "postgresql://u@h1:5433,h2:5434/d": (("h1", 5433), ("h2", 5434)),
    "postgresql://u@h1,h2/d?port=7000": (("h1", 7000), ("h2", 7000)),
    "postgresql:///d?host=h1,h2&port=1,2": (("h1", 1), ("h2", 2)),
    "postgresql://u@[2001:db8::1]:5433,[::1]/d": (("2001:db8::1", 5433), ("::1", 5432)),
    "postgresql:///d?host=/run/postgresql": (("/run/postgresql", 5432),),
    "postgresql://%2Frun%2Fpostgresql:5433/d": (("/run/postgresql", 5433),),
    "postgresql:///d": (),
    "postgresql://": (),
}


@pytest.mark.parametrize(("url", "hosts"), HOSTS.items())
def test_hosts(url: str, hosts: tuple[tuple[str, int], ...]) -> None:
    assert Address.parse(url).hosts == hosts


def test_everything_else() -> None:
    address = Address.parse(
        "postgresql://u%40x:p%2F%3A%40@h/d%20b?sslmode=verify-full&sslrootcert=/ca.pem&target_session_attrs=read-write"
        "&connect_timeout=9&application_name=me&options=-c%20search_path%3Da&keepalives_idle=30&gssencmode=disable"
        "&pooler=transaction"
    )
    assert (address.user, address.password, address.database) == ("u@x", "p/:@", "d b")
    assert address.driver == {
        "sslmode": "verify-full", "sslrootcert": "/ca.pem", "target_session_attrs": "read-write",
    }  # fmt: skip
    assert address.server == {"application_name": "me", "options": "-c search_path=a"}
    assert (address.timeout, address.pooler) == (9.0, "transaction")
    assert address.keep_alive["keepalives_idle"] == 30
    assert "p/:@" not in str(address) + repr(address)
    plain = Address.parse(
        "postgresql://u:a@h/d?user=v&password=b&dbname=e&connect_timeout=1&fallback_application_name=f"
    )
    assert (plain.user, plain.password, plain.database) == ("v", "b", "e")
    assert (plain.timeout, plain.server, plain.pooler) == (2.0, {"application_name": "f"}, "")


WRONG = {
    "mysql://h/d": "begins with postgresql://",
    "postgresql://u:secret@h:port/d": "port=port",
    "postgresql://u:secret@h/d?sslmod=require": "'sslmod'",
    "postgresql://u:secret@h/d?gssencmode=require": "gssencmode=require",
    "postgresql://u:secret@h/d?client_encoding=latin1": "client_encoding=latin1",
    "postgresql://u:secret@h/d?connect_timeout=soon": "connect_timeout=soon",
    "postgresql://u:secret@h/d?pooler=session": "pooler=session",
}


@pytest.mark.parametrize(("url", "named"), WRONG.items())
def test_what_cannot_be_kept_is_named_without_the_password(url: str, named: str) -> None:
    with pytest.raises(AddressError) as caught:
        Address.parse(url)
    assert named in str(caught.value)
    assert "secret" not in str(caught.value)


def test_addresses_are_put_together() -> None:
    base = "postgresql://u:p@h1:1,h2:2/?sslmode=require"
    assert with_database(base, "credit") == "postgresql://u:p@h1:1,h2:2/credit?sslmode=require"
    assert with_database("postgresql://u@h", "a b") == "postgresql://u@h/a%20b"
    assert with_parameter("postgresql://h/d", "pooler", "transaction") == "postgresql://h/d?pooler=transaction"
    for url in ("postgresql://u@h1,h2/d?x=1@2", "postgresql://u:old@h1,h2/d"):
        changed = with_password(url, "a@b:/?")
        assert Address.parse(changed.replace("?x=1@2", "")).password == "a@b:/?"
        assert Address.parse(changed.replace("?x=1@2", "")).hosts == (("h1", 5432), ("h2", 5432))
    assert Address.parse(with_password("postgresql://h/d?user=u", "p&w")).password == "p&w"


def test_the_settings_give_the_password_and_the_pooler(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "password"
    file.write_text("s3cret/\n")
    settings = ServiceSettings(
        database_url="postgresql://u@h1,h2/d?sslmode=require",
        database_password_file=file,
        database_pooler="transaction",
    )
    address = Address.parse(settings.resolved_database_url("credit"))
    assert (address.password, address.pooler, len(address.hosts)) == ("s3cret/", "transaction", 2)
    assert ServiceSettings(database_pooler="transaction").resolved_database_url("credit").startswith("sqlite:")


REASONS = [
    (OSError("nothing"), "nothing"),
    (ConnectionRefusedError("x"), "nothing listens"),
    (TimeoutError(), "no answer within 5 s"),
    (FileNotFoundError(2, "No such file", "/ca.pem"), "/ca.pem"),
    (ssl.SSLError("x"), "TLS failed"),
    (asyncpg.InvalidPasswordError("x"), "password of u is wrong"),
    (asyncpg.InvalidCatalogNameError("x"), "no database 'd'"),
    (asyncpg.InvalidAuthorizationSpecificationError("no encryption"), "pg_hba.conf"),
    (asyncpg.InvalidSQLStatementNameError("x"), "PINZHI_DATABASE_POOLER=transaction"),
    (asyncpg.ProtocolViolationError("unsupported startup parameter: jit"), "PINZHI_DATABASE_POOLER=transaction"),
    (ConnectionError("no host is read-write"), "no host is read-write"),
]


@pytest.mark.parametrize(("error", "told"), REASONS)
def test_reasons_are_one_line(error: Exception, told: str) -> None:
    line = reason(Address.parse("postgresql://u:secret@h/d?target_session_attrs=read-write"), error)
    assert told in line
    assert line.startswith("PostgreSQL at h:5432/d: ")
    assert "\n" not in line
    assert "secret" not in line
