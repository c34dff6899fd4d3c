"""`deploy/topology.py` is the one description of the system; what runs it agrees."""

import importlib
import re
from typing import Any

import pytest
import yaml

from deploy.access import OPERATOR, service_user
from deploy.topology import BASE_PORT, SERVICES, TOPICS, service
from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC, topic_of
from tests.support.sources import ROOT

IN_CONTAINER = 8000


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_services_are_the_folders() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")}
    assert {each.name for each in SERVICES} == folders


def test_ports_and_databases_are_distinct() -> None:
    assert sorted(each.port_offset for each in SERVICES) == list(range(len(SERVICES)))
    assert service("gateway").port_offset == 0
    assert len({each.database for each in SERVICES}) == len(SERVICES)
    assert BASE_PORT == 8000


@pytest.mark.parametrize("each", SERVICES, ids=lambda each: each.name)
def test_factories_and_settings_exist(each: Any) -> None:
    for reference in (each.factory, each.settings):
        module, _, attribute = reference.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_topics_are_those_of_the_event_contracts() -> None:
    contracts = {topic_of(each.name) for each in SERVICES} | {INTAKE_TOPIC, RECEIPTS_TOPIC}
    assert {topic.name for topic in TOPICS} == contracts
    assert all(topic.retention_ms == -1 for topic in TOPICS), "a projection must be rebuildable from the log"


def test_compose_runs_the_same_services(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {each.name for each in SERVICES} | {"postgres", "kafka", "topics"}
    assert [name for name, told in services.items() if "build" in told] == ["topics"], "one image, built once"
    for each in SERVICES:
        told = services[each.name]
        assert told["image"] == services["topics"]["image"]
        assert told["command"] == ["serve", "--prepare", each.name, "--host", "0.0.0.0"]
        assert told["environment"]["PINZHI_DATABASE_URL"].endswith(f"@postgres/{each.database}")
        assert told["environment"]["PINZHI_BUS_URL"] == "kafka+sasl_ssl://kafka:9092"
        assert told["environment"]["PINZHI_KAFKA_USER"] == service_user(each.name)
        assert told["environment"]["PINZHI_KAFKA_PASSWORD_FILE"] == f"/run/secrets/kafka_{each.name}"
        assert told["secrets"] == ["db_password", "kafka_ca", f"kafka_{each.name}"], "its own and no other's"
        assert told["environment"]["PINZHI_DEMO"] == "${PINZHI_DEMO:-false}", "the demo is somebody's choice"
    assert services["topics"]["command"] == ["topics", "create", "--services", "/run/secrets"]


def test_compose_guards_its_broker(compose: dict[str, Any]) -> None:
    told = compose["services"]["kafka"]["environment"]
    assert "PLAINTEXT" not in str(told)
    assert told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"] == "CLIENTS:SASL_SSL,CONTROLLER:SSL,OPERATOR:SSL"
    for listener in ("CONTROLLER", "OPERATOR"):
        assert told[f"KAFKA_LISTENER_NAME_{listener}_SSL_CLIENT_AUTH"] == "required"
    assert told["KAFKA_AUTHORIZER_CLASS_NAME"].endswith(".StandardAuthorizer")
    assert told["KAFKA_SUPER_USERS"] == f"User:CN=broker;User:CN={OPERATOR}"
    script = (ROOT / "deploy/compose/secrets.sh").read_text()
    assert {name for name in compose["secrets"] if name != "db_password"} == {
        f"kafka_{name}" for name in ("ca", "broker", "operator", *(each.name for each in SERVICES))
    }
    assert f"for service in {' '.join(each.name for each in SERVICES)}; do" in script


def test_only_the_gateway_is_published(compose: dict[str, Any]) -> None:
    published = {name for name, told in compose["services"].items() if told.get("ports")}
    assert published == {each.name for each in SERVICES if each.public} == {"gateway"}
    (port,) = compose["services"]["gateway"]["ports"]
    assert port.endswith(f":{IN_CONTAINER}")
    assert "127.0.0.1" in port, "a wider address is the operator's choice"


def test_compose_databases_are_made(compose: dict[str, Any]) -> None:
    sql = (ROOT / "deploy/postgres/databases.sql").read_text()
    assert set(re.findall(r"CREATE DATABASE (\w+);", sql)) == {each.database for each in SERVICES}
    assert any(
        "databases.sql:/docker-entrypoint-initdb.d/" in volume for volume in compose["services"]["postgres"]["volumes"]
    )


def test_every_container_is_bounded_and_watched(compose: dict[str, Any]) -> None:
    for name, told in compose["services"].items():
        assert told.get("mem_limit"), name
        assert told.get("pids_limit"), name
        assert told["logging"]["options"]["max-size"], name
        assert "no-new-privileges:true" in told["security_opt"], name
        if name == "topics":
            assert told["restart"] == "no"
            continue
        assert told["restart"] == "unless-stopped", name
        assert told["healthcheck"]["test"][0] == "CMD", name
    for each in SERVICES:
        told = compose["services"][each.name]
        assert told["read_only"] is True
        assert told["cap_drop"] == ["ALL"]
        assert set(told["depends_on"]) == {"postgres", "topics"}


def test_data_lives_on_volumes_and_secrets_in_files(compose: dict[str, Any]) -> None:
    for name, place in {"postgres": "/var/lib/postgresql/data", "kafka": "/var/lib/kafka/data"}.items():
        assert f"{name}:{place}" in compose["services"][name]["volumes"]
    assert compose["services"]["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"
    used = {volume.split(":")[0] for told in compose["services"].values() for volume in told.get("volumes", ())}
    assert {name for name in used if not name.startswith(".")} == set(compose["volumes"])
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"PASSWORD\s*:|POSTGRES_HOST_AUTH_METHOD", text)
    assert compose["secrets"]["db_password"]["file"]


def test_kafka_version_is_the_one_that_is_tested(compose: dict[str, Any]) -> None:
    from deploy.local.kafka import VERSION

    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{VERSION}"
    assert f"<version>{VERSION}</version>" in (ROOT / "deploy/kafka/pom.xml").read_text()


def test_image_is_small_in_rights() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] not in {"root", "0"}
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert any("--require-hashes" in line for line in lines)
