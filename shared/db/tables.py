"""Tables that every service has: outbox, inbox, dead letters, audit, idempotency, hot invalidation, leases.

They are Core tables; `metadata_of` copies them into the service's own metadata, from which its migrations are made.
"""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlmodel import SQLModel

from shared.db.types import UTC

PLATFORM = MetaData()

# BigInteger on SQLite does not autoincrement; Integer does and is 64 bits wide there.
Position = BigInteger().with_variant(Integer, "sqlite")

outbox = Table(
    "outbox",
    PLATFORM,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False, unique=True),
    Column("topic", String(100), nullable=False),
    Column("key", String(200), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", String(150), nullable=False),
    Column("headers", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", UTC, nullable=False),
    Column("published_at", UTC, nullable=True),
    Index("outbox_key_sequence", "key", "sequence", unique=True),
)
Index(
    "outbox_pending",
    outbox.c.position,
    postgresql_where=outbox.c.published_at.is_(None),
    sqlite_where=outbox.c.published_at.is_(None),
)
"""Keeps the relay's read small however many rows were published."""

outbox_sequence = Table(
    "outbox_sequence",
    PLATFORM,
    Column("key", String(200), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

revoked_principal = Table(
    "revoked_principal",
    PLATFORM,
    Column("principal", String(150), primary_key=True),
    Column("not_before", UTC, nullable=False),
)
"""Clients and users whose tokens are void although they have not expired (`shared/auth/revocations.py`)."""

inbox = Table(
    "inbox",
    PLATFORM,
    Column("consumer", String(60), primary_key=True),
    Column("source", String(30), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("applied_at_event_time", UTC, nullable=False),
)

dead_letter = Table(
    "dead_letter",
    PLATFORM,
    Column("id", String(36), primary_key=True),
    Column("consumer", String(60), nullable=False),
    Column("source", String(30), nullable=False),
    Column("key", String(200), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", String(150), nullable=False),
    Column("headers", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),  # failed | parked (behind one that failed) | gap | skipped | applied
    Column("error", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_at", UTC, nullable=False),
    Column("last_at", UTC, nullable=False),
    Index("dead_letter_key", "consumer", "source", "key", "sequence", unique=True),
    Index("dead_letter_state", "consumer", "state"),
)

lease = Table(
    "lease",
    PLATFORM,
    Column("name", String(60), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", UTC, nullable=False),
)

hot_counter = Table(
    "hot_counter",
    PLATFORM,
    Column("name", String(10), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
hot_invalidation = Table(
    "hot_invalidation",
    PLATFORM,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("tags", Text, nullable=False),
    Column("at", UTC, nullable=False),
)

idempotency = Table(
    "idempotency",
    PLATFORM,
    Column("principal", String(120), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UTC, nullable=False, index=True),
)

audit_entry = Table(
    "audit_entry",
    PLATFORM,
    Column("id", String(36), primary_key=True),
    Column("at", UTC, nullable=False),
    Column("principal", String(120), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("department", String(60), nullable=True),
    Column("action", String(80), nullable=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("purpose", String(200), nullable=True),
    Column("request_id", String(80), nullable=True),
    Column("detail", Text, nullable=False),
    Column("batch", BigInteger, nullable=True),
)
Index(
    "audit_unsealed",
    audit_entry.c.id,
    postgresql_where=audit_entry.c.batch.is_(None),
    sqlite_where=audit_entry.c.batch.is_(None),
)
audit_batch = Table(
    "audit_batch",
    PLATFORM,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed_at", UTC, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

generation = Table(
    "projection_generation",
    PLATFORM,
    Column("name", String(60), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("rebuilding", Boolean, nullable=False),
)


def metadata_of(base: type[SQLModel]) -> MetaData:
    """The service's metadata with the platform's tables copied in; call it once all models are imported."""
    metadata: MetaData = base.metadata
    for table in PLATFORM.sorted_tables:
        if table.name not in metadata.tables:
            table.to_metadata(metadata)
    return metadata


def import_models(service: str) -> None:
    """Import the `models.py` of every domain of the service, so that its tables are known."""
    package = import_module(f"services.{service}")
    for domain in sorted(module.name for module in iter_modules(package.__path__) if module.ispkg):
        if find_spec(f"services.{service}.{domain}.models") is not None:
            import_module(f"services.{service}.{domain}.models")
