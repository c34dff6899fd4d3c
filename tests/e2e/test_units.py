"""docs/units.md is true: every command and both programs are run against a guarded broker and a real platform."""

import asyncio
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.local.pinzhi import environment
from tests.e2e.running import running
from tests.support.reference import missing
from tests.support.secure_kafka import City
from tests.support.sources import ROOT
from tests.support.tour import WRITTEN_BASE, Shell, pattern, steps

CLIENT = "PINZHI_KAFKA_CA_FILE=$CA PINZHI_KAFKA_CERT_FILE=$OPERATOR_CERT .venv/bin/pinzhi clients kafka unit-1"
PAGE = ROOT / "docs" / "units.md"
PROGRAMS = re.compile(r"```(?:python\n# |java\n// )(\S+)\n(.*?)```", re.S)


def tools(folder: Path) -> None:
    """`.venv` with what the page types of it, in the test's own folder."""
    for name, module in (("pinzhi", "-m deploy.cli.main"), ("python", "")):
        path = folder / ".venv" / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {module} "$@"\n')
        path.chmod(0o755)
    (folder / ".venv" / "lib").symlink_to(Path(sys.prefix) / "lib")


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_every_line_of_the_page_gives_its_answer(secure_city: City, tmp_path: Path) -> None:
    city = secure_city
    for program in ("kcat", "curl", "java"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed; docs/units.md uses it")
    if find_spec("confluent_kafka") is None:
        missing("confluent-kafka is not installed (requirements/dev.txt); its librdkafka is put under kcat")
    text = PAGE.read_text(encoding="utf-8")
    tools(tmp_path)
    programs = dict(PROGRAMS.findall(text))
    assert set(programs) == {"unit.py", "Unit.java"}
    for name, source in programs.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    access = {
        "PINZHI_KAFKA_CA_FILE": str(city.guard.authority.ca),
        "PINZHI_KAFKA_USER": "pinzhi-{service}",
        "PINZHI_KAFKA_PASSWORD_FILE": str(city.guard.password_file("pinzhi-{service}")),
    }
    given = {
        "BROKERS": city.servers,
        "CA": str(city.guard.authority.ca),
        "OPERATOR": f"kafka+ssl://127.0.0.1:{city.guard.operator_port}/{city.prefix}",
        "OPERATOR_CERT": str(city.guard.operator_certificate),
        "KAFKA_JARS": str(city.broker.jars),
    }
    bus = f"kafka+sasl_ssl://{city.servers}/{city.prefix}"
    with running(tmp_path / "var", "--bus", bus, demo=False, variables=access) as up:
        ready = up.http.get(f"{up.url('credit')}/readyz").json()
        assert ready["warnings"] == {}
        with Shell(tmp_path, environment() | given) as shell:
            wrong, done = [], 0
            for command, expected in steps(text):
                answer = shell.run(command.replace(WRITTEN_BASE, up.base))
                if not pattern(expected).fullmatch(answer):
                    wrong.append(f"{command}\n--- said\n{answer}\n--- not\n{expected}")
                done += 1
            assert not wrong, "\n\n".join(wrong)
            assert done >= 12
            prints = shell.run(f"{CLIENT} --bus $OPERATOR")
            assert "both topics are there already" in prints
            assert prints.count("kafka-acls.sh") == 3
            assert shell.run(f"{CLIENT} --bus $OPERATOR --remove --apply").startswith("unit-unit-1 is gone")
            gone = shell.run("kcat -F unit-1.kcat -b $BROKERS -L -t $INTAKE -m 5 2>&1")
            assert "uthentication" in gone
            door = f"kafka+sasl_ssl://{city.servers}/{city.prefix}"
            password = city.guard.password_file("pinzhi-credit")
            credit = f"PINZHI_KAFKA_USER=pinzhi-credit PINZHI_KAFKA_PASSWORD_FILE={password}"
            denied = shell.run(f"{credit} {CLIENT} --bus {door} --apply")
            assert "made by the broker's operator" in denied
        kept = asyncio.run(_topics(city))
        assert kept["LogAppendTime"] == "604800000"


async def _topics(city: City) -> dict[str, str]:
    """How the pair was made: whose time, and for how long it is kept."""
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    from deploy.topics import admin_of

    async with admin_of(city.operator) as admin:
        name = f"{city.prefix}pinzhi.enforcement.intake.unit-1.v1"
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    values = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    return {values["message.timestamp.type"]: values["retention.ms"]}
