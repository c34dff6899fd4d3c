"""The whole system on one page: services, ports, databases, topics, consumer groups.

`pinzhi up`, `docker-compose.yml`, the local servers and the tests agree with it (`tests/rules/test_topology.py`).
"""

from dataclasses import dataclass

from shared.events.base import (
    INTAKE_TOPIC,
    RECEIPTS_TOPIC,
    UNIT_INTAKE,
    UNIT_RECEIPTS,
    topic_of,
    unit_intake,
    unit_receipts,
)
from shared.events.base import Service as ServiceName
from shared.events.catalogue import EVENTS, expected_handlers


@dataclass(frozen=True)
class Service:
    """One service: how it is built, where it listens, what it keeps."""

    name: ServiceName
    port_offset: int
    """Added to the base port: 8000 on a laptop, and in a container (each has its own address)."""
    public: bool = False
    """Whether clients outside reach it; all others are reached through the gateway."""

    @property
    def factory(self) -> str:
        return f"services.{self.name}.app:create_app"

    @property
    def settings(self) -> str:
        return f"services.{self.name}.settings:Settings"

    @property
    def database(self) -> str:
        """Database name on PostgreSQL; the file `<database>.db` on a laptop."""
        return self.name

    @property
    def group(self) -> str:
        """Consumer group that builds this service's projections; hot caches add one group for each process."""
        return f"pinzhi.{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        """All its consumer groups."""
        return (self.group, "pinzhi.credit.intake") if self.name == "credit" else (self.group,)


@dataclass(frozen=True)
class Topic:
    """One topic. `retention_ms` -1 keeps everything: a projection can always be rebuilt from the log."""

    name: str
    partitions: int
    retention_ms: int = -1
    replication: int = 3
    """In a city; a single broker has 1."""
    append_time: bool = False
    """Whether a record's time is that of the broker, which nobody who writes can choose."""
    many: bool = False
    """Whether `name` is how the names of several topics begin."""


BASE_PORT = 8000
SERVICES = (
    Service("gateway", 0, public=True),
    Service("indicators", 1),
    Service("credit", 2),
    Service("traceability", 3),
)
PARTITIONS = 12
"""Order is for each key, so partitions only bound how many members share a topic. Never change it on a live topic:
keys would move and lose their order."""
TOPICS = (
    *(Topic(topic_of(service.name), PARTITIONS) for service in SERVICES),
    Topic(INTAKE_TOPIC, PARTITIONS, append_time=True),
    Topic(RECEIPTS_TOPIC, PARTITIONS),
)


UNIT_PARTITIONS = 1
"""All that a unit sends keeps its order; a unit sends a few a second at most."""
UNIT_RETENTION_MS = 7 * 24 * 3600 * 1000
"""What was taken in is in credit's database."""


def topics_of_unit(client: str) -> tuple[Topic, Topic]:
    """What the client writes, and where it reads its receipts."""
    names = unit_intake(client), unit_receipts(client)
    intake, receipts = (Topic(name, UNIT_PARTITIONS, UNIT_RETENTION_MS, append_time=True) for name in names)
    return intake, receipts


def writes(service: Service) -> list[Topic]:
    own = [topic for topic in TOPICS if topic.name == topic_of(service.name)]
    if service.name == "credit":
        return [*own, Topic(RECEIPTS_TOPIC, PARTITIONS), Topic(UNIT_RECEIPTS, UNIT_PARTITIONS, many=True)]
    return own


def reads(service: Service) -> list[Topic]:
    """The topics of those whose events it handles; credit also what units push."""
    publishers = {EVENTS[event].publisher() for event in expected_handlers(service.name)}
    handled = [Topic(topic_of(publisher), PARTITIONS) for publisher in sorted(publishers)]
    if service.name == "credit":
        return [*handled, Topic(INTAKE_TOPIC, PARTITIONS), Topic(UNIT_INTAKE, UNIT_PARTITIONS, many=True)]
    return handled


def service(name: str) -> Service:
    """Raises `KeyError` for a name that is no service."""
    return {each.name: each for each in SERVICES}[name]  # type: ignore[index]
