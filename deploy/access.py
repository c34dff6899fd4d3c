"""Who may do what on the broker: the services what the topology says, a unit its own pair of topics. Nobody more.

Pure lists, and the same as commands for the operator of a broker that this machine may not administer.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from deploy.topology import SERVICES, Service, Topic, reads, writes
from shared.events.base import topic_of, unit_intake, unit_receipts

OPERATOR = "operator"
"""Name in the certificate of the broker's operator."""
Resource = Literal["topic", "group"]
Operation = Literal["Read", "Write", "Describe"]


@dataclass(frozen=True, order=True)
class Grant:
    """`user` may do `operation` on the topic or group `name`; `prefixed`: on all whose names begin so."""

    user: str
    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False


def service_user(name: str) -> str:
    return f"pinzhi-{name}"


def unit_user(client: str) -> str:
    """Never a service's: those begin with `pinzhi-`."""
    return f"unit-{client}"


def unit_group(client: str) -> str:
    """The consumer group in which a unit reads its receipts."""
    return f"pinzhi.unit.{client}"


_DOMAIN = frozenset(topic_of(service.name) for service in SERVICES)


def _prefixed(topic: Topic) -> bool:
    """A domain topic goes on as `<name>.e<epoch>` after a restore (`shared/bus/epochs.py`)."""
    return topic.many or topic.name in _DOMAIN


def of_service(service: Service, prefix: str = "") -> list[Grant]:
    """What it publishes, what it handles, its consumer groups."""
    user = service_user(service.name)
    grants = [
        *(Grant(user, "topic", prefix + topic.name, "Write", _prefixed(topic)) for topic in writes(service)),
        *(Grant(user, "topic", prefix + topic.name, "Read", _prefixed(topic)) for topic in reads(service)),
        *(Grant(user, "group", prefix + group, "Read") for group in service.groups),
    ]
    return sorted(set(grants))


def of_services(prefix: str = "") -> list[Grant]:
    return [grant for service in SERVICES for grant in of_service(service, prefix)]


def of_unit(client: str, prefix: str = "") -> list[Grant]:
    """Write the one topic, read the other, in one group. Names are literal: a prefix would hold another unit's too."""
    user = unit_user(client)
    return [
        Grant(user, "topic", prefix + unit_intake(client), "Write"),
        Grant(user, "topic", prefix + unit_receipts(client), "Read"),
        Grant(user, "group", prefix + unit_group(client), "Read"),
    ]


def removal_commands(users: Iterable[str], *, servers: str, config: str = "operator.properties") -> str:
    to = f"--bootstrap-server {shlex.quote(servers)} --command-config {config}"
    lines = []
    for user in users:
        for resource in ("--topic '*'", "--group '*'"):
            lines.append(
                f"kafka-acls.sh {to} --remove --force --allow-principal {shlex.quote('User:' + user)} "
                f"{resource} --resource-pattern-type any"
            )
        lines.append(
            f"kafka-configs.sh {to} --alter --entity-type users --entity-name {shlex.quote(user)} "
            "--delete-config SCRAM-SHA-512"
        )
    return "\n".join(lines)


def commands(
    users: Iterable[str], grants: Iterable[Grant], *, servers: str, config: str = "operator.properties"
) -> str:
    """The same for `kafka-configs.sh` and `kafka-acls.sh`, one command a line. Passwords are left to be filled in."""
    to = f"--bootstrap-server {shlex.quote(servers)} --command-config {config}"
    lines = [
        f"kafka-configs.sh {to} --alter --entity-type users --entity-name {shlex.quote(user)} "
        "--add-config 'SCRAM-SHA-512=[password=PASSWORD]'"
        for user in users
    ]
    for grant in grants:
        pattern = " --resource-pattern-type prefixed" if grant.prefixed else ""
        lines.append(
            f"kafka-acls.sh {to} --add --allow-principal {shlex.quote('User:' + grant.user)} "
            f"--operation {grant.operation} --{grant.resource} {shlex.quote(grant.name)}{pattern}"
        )
    return "\n".join(lines)
