"""What a person types: `pinzhi up` and its kin, with what can go wrong."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from deploy import topology
from deploy.cli.prepare import is_needed
from deploy.demo.accounts import ENFORCEMENT
from deploy.local.pinzhi import command, environment, free_ports
from tests.e2e.running import running, until


def pinzhi(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
        env=environment() | variables,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("pinzhi: ")
    return lines[0]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    base = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 2))
        other.listen(1)
        line = refused(pinzhi("up", "--data-dir", str(tmp_path), "--port", str(base)))
    assert f"port {base + 2} (for credit)" in line
    assert "--port" in line


def test_a_port_that_is_none(tmp_path: Path) -> None:
    assert "between 1 and 65535" in refused(pinzhi("up", "--data-dir", str(tmp_path), "--port", "65534"))


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    line = refused(pinzhi("up", "--data-dir", str(file), "--port", str(free_ports())))
    assert "not writable" in line
    assert "--data-dir" in line
    assert file.read_text() == "mine"


def test_a_broken_setting(tmp_path: Path) -> None:
    options = ("up", "--data-dir", str(tmp_path), "--port", str(free_ports()))
    assert "PINZHI_POLL_SECONDS=-1" in refused(pinzhi(*options, PINZHI_POLL_SECONDS="-1")).replace("'", "")
    assert "PINZHI_LOG_LEVEL" in refused(pinzhi(*options, PINZHI_LOG_LEVEL="loud"))
    assert "use memory:, sqlite:" in refused(pinzhi(*options, PINZHI_BUS_URL="rabbit://x"))


def test_a_guarded_broker_without_its_settings(tmp_path: Path) -> None:
    given = {"PINZHI_BUS_URL": "kafka+sasl_ssl://127.0.0.1:1", "PINZHI_DATA_DIR": str(tmp_path)}
    line = refused(pinzhi("serve", "credit", **given))
    assert "PINZHI_KAFKA_USER and PINZHI_KAFKA_PASSWORD_FILE are needed" in line
    given |= {"PINZHI_KAFKA_USER": "u", "PINZHI_KAFKA_CA_FILE": str(tmp_path / "ca.pem")}
    assert f"PINZHI_KAFKA_CA_FILE={tmp_path}/ca.pem: No such file" in refused(pinzhi("serve", "credit", **given))
    wrong = pinzhi("topics", "create", "kafka+ssl://127.0.0.1:1", PINZHI_KAFKA_MECHANISM="PLAIN")
    assert "PINZHI_KAFKA_MECHANISM='PLAIN'" in refused(wrong)
    assert "Connect call failed" in refused(pinzhi("topics", "create", "kafka+ssl://127.0.0.1:1"))


def test_an_unknown_service() -> None:
    line = refused(pinzhi("serve", "weather"))
    assert "indicators, credit, traceability" in line


def test_accounts_need_a_database(tmp_path: Path) -> None:
    assert "pinzhi migrate" in refused(pinzhi("clients", "list", "--data-dir", str(tmp_path)))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    done = pinzhi("migrate", "--data-dir", str(folder))
    assert done.returncode == 0, done.stderr
    assert not is_needed(folder, demo=False)
    assert is_needed(folder, demo=True), "the demo accounts are not there"
    return folder


def test_accounts_work_without_the_demo(migrated: Path) -> None:
    where = ("--data-dir", str(migrated))
    options = ("--name", "市场监管执法系统", "--kind", "department", "--department", "yt-scjg", "--area", "370600")
    added = pinzhi("clients", "add", "unit-1", *options, "--scope", "credit:violations:write", *where)
    assert added.returncode == 0, added.stderr
    first = added.stdout.strip()
    assert len(first) >= 32
    assert "exists" in refused(pinzhi("clients", "add", "unit-1", *options, *where))
    assert "uscc" in refused(pinzhi("clients", "add", "firm-1", "--name", "x", "--kind", "enterprise", *where))
    person = ("--name", "甲", "--department", "yt-scjg", "--area", "370600", "--role", "case_officer")
    assert pinzhi("users", "add", "officer-1", *person, *where).returncode == 0
    with running(migrated, demo=False) as up:

        def token(secret: str) -> int:
            form = {"grant_type": "client_credentials", "client_id": "unit-1", "client_secret": secret}
            return httpx.post(f"{up.base}/oauth/token", data=form).status_code

        assert token(first) == 200
        second = pinzhi("clients", "rotate", "unit-1", *where).stdout.strip()
        assert second not in ("", first)
        until(lambda: token(second) == 200, "the new secret")
        assert token(first) == 401
        form = {"grant_type": "client_credentials", "client_id": "unit-1", "client_secret": second}
        held = {"Authorization": f"Bearer {httpx.post(f'{up.base}/oauth/token', data=form).json()['access_token']}"}

        def refused_with(service: str) -> str | None:
            """What a token is told that needs a scope which it does not have, before or after it became void."""
            code: str | None = httpx.get(f"{up.url(service)}/v1/{service}/events/lag", headers=held).json().get("code")
            return code

        names = [each.name for each in topology.SERVICES]
        assert [refused_with(name) for name in names] == ["not_granted"] * 4
        assert pinzhi("clients", "revoke", "unit-1", *where).returncode == 0
        began = time.monotonic()
        until(lambda: all(refused_with(name) == "token.revoked" for name in names), "the end of tokens in all services")
        print(f"the tokens of a revoked client ended everywhere after {time.monotonic() - began:.2f} s")
        until(lambda: token(second) == 401, "the revocation")
    listed = pinzhi("clients", "list", *where).stdout
    assert "unit-1\tdepartment\tyt-scjg 370600\tcredit:violations:write\trevoked" in listed
    assert first not in listed
    assert "officer-1" in pinzhi("users", "list", *where).stdout
    assert "No client nobody" in refused(pinzhi("clients", "revoke", "nobody", *where))
    verified = pinzhi("audit", "verify", *where)
    assert verified.returncode == 0, verified.stderr
    assert "gateway: " in verified.stdout


def test_topics_are_for_units_on_a_kafka(migrated: Path) -> None:
    def unit(*arguments: str) -> subprocess.CompletedProcess[str]:
        return pinzhi("clients", *arguments, "--data-dir", str(migrated))

    firm = ("--name", "f", "--kind", "enterprise", "--uscc", "91370613MADEM0D49J")
    assert unit("add", "topics-firm", *firm).returncode == 0
    office = ("--name", "u", "--kind", "department", "--department", "yt-scjg", "--area", "370600")
    assert unit("add", "topics-unit", *office).returncode == 0
    bus = ("--bus", "kafka://127.0.0.1:1")
    assert "no client nobody" in refused(unit("kafka", "nobody", *bus))
    assert "only departments" in refused(unit("kafka", "topics-firm", *bus))
    assert "embedded log has no users" in refused(unit("kafka", "topics-unit"))
    assert "Connect call failed" in refused(unit("kafka", "topics-unit", *bus))
    assert "nothing to change" in refused(unit("change", "topics-unit"))
    assert unit("change", "topics-unit", "--area", "370602").returncode == 0
    assert "370602" in unit("list").stdout
    assert unit("revoke", "topics-unit").returncode == 0
    assert "is revoked" in refused(unit("kafka", "topics-unit", *bus))


def test_start_again_stop_and_a_directory_in_use(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        base, port = up.base, up.port
        line = refused(pinzhi("up", "--data-dir", str(tmp_path), "--port", str(free_ports())))
        assert f"in use by process {up.process.pid}" in line
        pids = {name: up.pid(name) for name in ("gateway", "credit")}
        token = up.account(ENFORCEMENT)
        assert token.get("/v1/credit/enterprises?q=示例")["items"]
        up.process.send_signal(signal.SIGINT)  # Ctrl-C
        assert up.process.wait(30) == 0
        assert "Stopping" in up.output()
        for pid in pids.values():
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{base}/healthz")
    before = (tmp_path / "out.txt").read_text().count("demo data 1/")
    with running(tmp_path, port=port) as again:
        assert again.http.get("/v1/lists/black").json()["total"] == 1
        assert again.output().count("demo data 1/") == before, "the demo is not loaded twice"


def test_what_is_written_is_its_owners_alone(tmp_path: Path) -> None:
    """Databases hold what is not published, keys sign everybody's tokens: in a new directory and in one that an
    earlier release left open."""
    data_dir = tmp_path / "data"
    before = os.umask(0o022)
    try:
        with running(data_dir, demo=False) as up:
            assert up.answers("gateway")
    finally:
        os.umask(before)

    def open_to_others() -> list[str]:
        mine = (path for path in data_dir.rglob("*") if path.name != "out.txt")  # which the test itself made
        return [f"{path.name} {path.stat().st_mode & 0o777:o}" for path in mine if path.stat().st_mode & 0o077]

    names = {path.name for path in data_dir.rglob("*")}
    assert {"gateway.db", "credit.db", "bus.db", "issuer.json", "jwks.json", "gateway.log"} <= names, names
    assert open_to_others() == []
    for path in data_dir.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with running(data_dir, demo=False):
        left = open_to_others()
    assert [
        each for each in left if ".db" in each or ".json" in each or each.split()[0] in ("run", "log", "keys")
    ] == []


def test_a_killed_parent_leaves_no_service_behind(tmp_path: Path) -> None:
    with running(tmp_path, demo=False) as up:
        pids = [up.pid(name) for name in ("gateway", "indicators", "credit", "traceability")]
        up.process.kill()
        up.process.wait()
        until(lambda: not any(_alive(pid) for pid in pids), "the end of the four services")


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
