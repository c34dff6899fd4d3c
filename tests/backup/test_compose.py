"""The container for backups sees what the services see."""

from pathlib import Path
from typing import Any

import yaml

from deploy import topology
from deploy.backup.places import places
from tests.support.sources import ROOT


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return found


def test_every_service_has_its_volume_in_it(monkeypatch: Any) -> None:
    whole, backup = loaded("docker-compose.yml"), loaded("deploy/compose/backup.yml")["services"]["backup"]
    mounted = dict(volume.rsplit(":", 1) for volume in backup["volumes"])
    environment = backup["environment"]
    operator = whole["services"]["topics"]
    for name, owner in (
        ("PINZHI_DATABASE_URL", "gateway"),
        ("PINZHI_REFERENCE_DIR", "gateway"),
        ("PINZHI_BUS_URL", "topics"),
        ("PINZHI_KAFKA_CA_FILE", "topics"),
        ("PINZHI_KAFKA_CERT_FILE", "topics"),
    ):
        if "KAFKA" not in name and "BUS" not in name:  # files of the container
            monkeypatch.setenv(name, environment[name])
        assert environment[name] == whole["services"][owner]["environment"][name]
    assert set(backup["secrets"]) <= set(operator["secrets"])
    home = Path("var")  # of the commands, below the working directory
    where = places(home, "", "kafka://127.0.0.1:9")
    assert where.kind == "postgresql"
    assert set(where.urls.values()) == {
        f"postgresql://pinzhi@postgres/{service.database}" for service in topology.SERVICES
    }
    folders = {str(folder) for _name, folder in where.folders()}
    for service in topology.SERVICES:
        (volume, _own), *_ = (each.split(":")[:2] for each in whole["services"][service.name]["volumes"])
        assert mounted[volume] == f"{backup['working_dir']}/{home}/{service.name}"
        assert f"{home}/{service.name}/attachments" in folders
    assert mounted["reference"] == str(where.reference)
    assert backup["profiles"], "`up` must not start it"
