"""The whole system on one page: services, ports, databases, topics, consumer groups.

`pinzhi up`, `docker-compose.yml`, the local servers and the tests agree with it (`tests/rules/test_topology.py`).
"""

from dataclasses import dataclass

from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC, topic_of
from shared.events.base import Service as ServiceName


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


@dataclass(frozen=True)
class Topic:
    """One topic. `retention_ms` -1 keeps everything: a projection can always be rebuilt from the log."""

    name: str
    partitions: int
    retention_ms: int = -1
    replication: int = 3
    """In a city; a single broker has 1."""


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
    Topic(INTAKE_TOPIC, PARTITIONS),
    Topic(RECEIPTS_TOPIC, PARTITIONS),
)


def service(name: str) -> Service:
    """Raises `KeyError` for a name that is no service."""
    return {each.name: each for each in SERVICES}[name]  # type: ignore[index]
