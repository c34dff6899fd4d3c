"""Each kind of damage is found, named with its place, and comes with the command that helps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import topology
from deploy.backup.doctor import Finding, as_json, as_text, examine
from deploy.backup.places import Places
from deploy.cli import datadir
from shared.db.migrate import head
from tests.backup.conftest import AT, change, published
from tests.backup.drill import pinzhi


def bad(where: Places) -> list[Finding]:
    return [finding for finding in examine(where) if finding.bad]


def test_a_sound_installation_is_sound(installation: Places) -> None:
    findings = examine(installation)
    assert bad(installation) == []
    assert {finding.place for finding in findings if finding.code == "ok"} == {
        "log",
        *(service.name for service in topology.SERVICES),
    }
    assert json.loads(as_json(findings))["ok"] is True


def garble(path: Path) -> None:
    """As a dying disk does: whole pages of something else in the middle."""
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data) - 4096, 8192):
        data[at : at + 4096] = b"\xff" * 4096
    path.write_bytes(data)


def attachment(where: Places) -> Path:
    return next(path for path in (where.data_dir / "attachments").rglob("*") if path.is_file())


def letter(where: Places) -> None:
    values = f"('d', 'gateway', 'credit', 'K', 4, 't', '{{}}', x'7b7d', 'failed', 'why', 1, '{AT}', '{AT}')"
    change(where.sqlite_file("gateway"), f"INSERT INTO dead_letter VALUES {values}")


def audited(where: Places) -> None:
    file = where.sqlite_file("credit")
    change(file, f"INSERT INTO audit_batch VALUES (1, '{AT}', 3, '{'0' * 64}', '{'1' * 64}')")


def epoch(where: Places) -> None:
    change(where.sqlite_file("credit"), "INSERT INTO projection_generation VALUES ('log', 2, 0)")


def sql(service: str, *statements: str) -> Callable[[Places], None]:
    return lambda where: change(where.sqlite_file(service), *statements)


DAMAGE: dict[str, tuple[str, Callable[[Places], object], str]] = {
    "file.missing": ("credit", lambda where: where.sqlite_file("credit").unlink(), "pinzhi restore"),
    "file.damaged": ("traceability", lambda where: garble(where.sqlite_file("traceability")), "pinzhi restore"),
    "file.damaged-log": ("log", lambda where: where.log_file.write_bytes(b"no database" * 1000), "pinzhi restore"),
    "file.missing-log": ("log", lambda where: where.log_file.unlink(), "pinzhi restore"),
    "database.foreign": (
        "credit",
        lambda where: where.sqlite_file("credit").write_bytes(where.sqlite_file("indicators").read_bytes()),
        "pinzhi restore",
    ),
    "database.foreign-empty": (
        "gateway",
        sql("gateway", "DROP TABLE alembic_version"),
        "pinzhi restore",
    ),
    "schema.behind": ("credit", sql("credit", "UPDATE alembic_version SET version_num = '0001'"), "pinzhi migrate"),
    "schema.ahead": ("credit", sql("credit", "UPDATE alembic_version SET version_num = '9999'"), "newer version"),
    "outbox.gap": ("credit", sql("credit", *published([4, 6], sent=False), "UPDATE outbox_sequence SET last = 6"), ""),
    "outbox.gap-end": ("credit", sql("credit", *published([4], sent=False), "UPDATE outbox_sequence SET last = 9"), ""),
    "inbox.ahead": ("gateway", sql("gateway", "UPDATE inbox SET sequence = 4"), "pinzhi restore"),
    "log.behind": ("log", lambda where: change(where.log_file, "DELETE FROM log WHERE offset > 0"), "pinzhi restore"),
    "dead_letters": ("gateway", letter, "pinzhi events dead list gateway"),
    "audit.broken": ("credit", audited, "pinzhi audit verify"),
    "attachment.missing": ("credit", lambda where: attachment(where).unlink(), "backup"),
    "attachment.damaged": ("credit", lambda where: attachment(where).write_bytes(b"x"), "backup"),
    "keys.missing": ("keys", lambda where: (where.data_dir / "keys" / "issuer.json").unlink(), "backup"),
    "keys.open": (
        "issuer.json",
        lambda where: (where.data_dir / "keys" / "issuer.json").chmod(0o644),
        "chmod 600",
    ),
    "keys.open-folder": ("keys", lambda where: (where.data_dir / "keys").chmod(0o755), "chmod 700"),
    "restore.cut": ("var", lambda where: (where.data_dir / datadir.SWAPPING).touch(), "pinzhi restore"),
    "epochs": ("services", epoch, "pinzhi restore"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_damage_is_named_and_the_way_out(installation: Places, kind: str) -> None:
    place, damage, help_ = DAMAGE[kind]
    damage(installation)
    code = kind.partition("-")[0]
    found = [finding for finding in bad(installation) if finding.code == code]
    assert found, as_text(examine(installation))
    assert found[0].place.endswith(place)
    assert help_ in found[0].help
    assert found[0].zh
    # One cause does not look like many: only what follows from it is told beside it.
    follows = {"file.missing": {"log.behind"}, "database.foreign": set()}
    others = {finding.code for finding in bad(installation)} - {code} - follows.get(code, set())
    assert not others, as_text(bad(installation))


def test_what_only_waits_is_told_and_not_bad(installation: Places) -> None:
    change(installation.sqlite_file("credit"), *published([4], sent=False), "UPDATE outbox_sequence SET last = 4")
    columns = "topic, offset, key, headers, value"
    change(
        installation.log_file,
        f"INSERT INTO log ({columns}) SELECT topic, 3, key, headers, value FROM log WHERE offset = 0",
    )
    findings = examine(installation)
    assert [finding.code for finding in findings if finding.bad] == []
    assert {"outbox.waiting", "lag"} <= {finding.code for finding in findings}


def test_no_room_on_the_disk(installation: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.backup.doctor._LEAST_FREE", 1 << 60)
    assert [finding.code for finding in bad(installation)] == ["disk"]


def test_the_command_ends_with_what_it_found(installation: Places) -> None:
    options = ["--data-dir", str(installation.data_dir)]
    sound = pinzhi("doctor", *options)
    assert (sound.returncode, "!!" in sound.stdout) == (0, False), sound.stdout + sound.stderr
    change(installation.sqlite_file("credit"), "UPDATE alembic_version SET version_num = '0001'")
    told = pinzhi("doctor", "--json", *options)
    assert told.returncode == 1
    document = json.loads(told.stdout)
    assert document["ok"] is False
    (finding,) = [each for each in document["findings"] if each["bad"]]
    assert (finding["place"], finding["help"]) == ("credit", "pinzhi migrate credit")
    assert f"wants {head('credit')}" in finding["en"]
