"""The bus that an address names."""

from pathlib import Path

from shared.bus.protocol import EventBus


def open_bus(url: str) -> EventBus:
    """`memory:`, `sqlite:<path>` or `kafka://host:port[,host:port][/prefix]` (see `kafka_access.py` for TLS and users).

    ValueError names the forms, or the setting that is missing.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "memory":
        from shared.bus.memory import MemoryBus

        return MemoryBus()
    if scheme == "sqlite":
        from shared.bus.sqlite import SqliteBus

        return SqliteBus(Path(rest))
    if scheme.startswith("kafka"):
        from shared.bus.kafka import KafkaBus
        from shared.bus.kafka_access import KafkaAccess

        return KafkaBus(KafkaAccess.of(url).checked())
    raise ValueError(f"{scheme!r} is no bus; use memory:, sqlite:<path> or kafka://host:port[,host:port][/prefix]")
