"""What a case needs around the service under test: a pinned PostgreSQL, settings, tokens, events of other services."""

import asyncio
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bench.frame import LOAD_CORE, Options, say
from deploy.local import postgres
from deploy.local.postgres import Postgres
from shared.bus.envelope import Envelope, to_record
from shared.bus.sqlite import SqliteBus
from shared.db.migrate import upgrade
from shared.events.base import Event, topic_of
from shared.ids import uuid7
from tests.support.callers import AUDIENCE, ISSUER, Caller, write_jwks

T = TypeVar("T")


@contextmanager
def database(options: Options, service: str) -> Iterator[tuple[Postgres, str]]:
    """A PostgreSQL on the load core, with fsync as in production, and a migrated database of the service."""
    tuning = ["shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=30min"]
    with postgres.running(fsync=True, options=tuning, prefix=["taskset", "-c", LOAD_CORE]) as server:
        asyncio.run(server.create(service))
        url = server.url(service)
        upgrade(service, url)
        say(f"  PostgreSQL with the schema of {service}")
        yield server, url


def environment(folder: Path, url: str) -> dict[str, str]:
    """Settings of a service under test: PostgreSQL, an embedded log of its own, tokens of the bench's key."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "PINZHI_DATA_DIR": str(folder),
        "PINZHI_DATABASE_URL": url,
        "PINZHI_BUS_URL": f"sqlite:{folder / 'bus.db'}",
        "PINZHI_ISSUER": ISSUER,
        "PINZHI_AUDIENCE": AUDIENCE,
        "PINZHI_JWKS": str(write_jwks(folder / "jwks.json")),
        "PINZHI_LOG_LEVEL": "warning",
        "PINZHI_REQUESTS_PER_SECOND": "100000000",  # the limits count, and refuse nothing
        "PINZHI_CLIENT_REQUESTS_PER_SECOND": "100000000",
    }


def token(caller: Caller) -> str:
    made = caller.token(datetime.now(UTC))
    assert made is not None
    return made


async def _publish(path: Path, events: Sequence[Event]) -> None:
    bus = SqliteBus(path)
    await bus.start()
    sequences: Counter[tuple[str, str]] = Counter()
    records = []
    for event in events:
        place = (event.publisher(), event.key)
        sequences[place] += 1
        envelope = Envelope(
            id=uuid7(),
            type=event.type,
            source=event.publisher(),
            key=event.key,
            sequence=sequences[place],
            time=datetime.now(UTC),
            data=event.model_dump_json().encode(),
        )
        records.append(to_record(topic_of(event.publisher()), envelope))
    await bus.publish(records)
    await bus.close()


def publish(folder: Path, *events: Event) -> None:
    """Put events on the embedded log of `environment(folder, ...)`, as their services would; once for a folder."""
    asyncio.run(_publish(folder / "bus.db", events))


def until(look: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """What `look` gives once it is not None; HTTP errors count as not yet."""
    deadline = time.monotonic() + seconds
    reason = "nothing"
    while time.monotonic() < deadline:
        try:
            found = look()
            if found is not None:
                return found
        except (urllib.error.URLError, OSError) as error:
            reason = str(error)
        time.sleep(0.1)
    raise RuntimeError(f"{what} did not come within {seconds:.0f} s ({reason})")
