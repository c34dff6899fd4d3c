"""The traceability service in a process of its own, without HTTP, for tests that kill it:
`python -m tests.traceability.one_process DATABASE_URL FOLDER FAILPOINTS [WORKERS THAT DO NOT RUN]`."""

import asyncio
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from services.traceability.app import create_app
from services.traceability.settings import Settings
from shared.bus.memory import MemoryBus
from shared.web.supervisor import Supervisor
from tests.support.callers import AUDIENCE, ISSUER, write_jwks
from tests.support.lifespan import Lifespan


def without(workers: Collection[str]) -> None:
    """The service of this process starts none of these: their work is left for others."""
    start = Supervisor.start

    def others(supervisor: Supervisor, name: str, run: Any) -> None:
        if not any(worker in name for worker in workers):
            start(supervisor, name, run)

    Supervisor.start = others  # type: ignore[method-assign]


async def main(url: str, folder: Path, points: str, *resting: str) -> None:
    settings = Settings(
        data_dir=folder,
        database_url=url,
        bus_url="memory:",
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks=str(write_jwks(folder / "test-jwks.json")),
        log_level="warning",
        failpoints=points,
    )
    without(resting)
    async with Lifespan(create_app(settings, bus=MemoryBus())):
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
