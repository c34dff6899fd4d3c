"""Scans, gathered in memory and published as one event at least every half second.

Losing what was not flushed when a process is killed is allowed: counts inform, they decide nothing.
"""

import asyncio
import itertools
from typing import TYPE_CHECKING

import structlog

from shared.events.gateway import Scan, ScansRecorded
from shared.ids import uuid7

if TYPE_CHECKING:
    from shared.identifiers.digital_link import Code
    from shared.platform import Platform

log = structlog.get_logger("scans")

BATCH = 1_000
KEPT = 100_000
"""When the database is away longer, the oldest scans are given up."""


class ScanLog:
    def __init__(self, *, every: float) -> None:
        self._every = every
        self._instance = uuid7()
        self._numbers = itertools.count(1)
        self._waiting: list[Scan] = []
        self._flushing = asyncio.Lock()
        self.dropped = 0

    def add(self, platform: "Platform", code: "Code", where: str | None) -> None:
        if len(self._waiting) >= KEPT:
            self.dropped += 1
            return
        self._waiting.append(
            Scan(
                scan_id=f"{self._instance}.{next(self._numbers)}",
                at=platform.clock.now(),
                gtin=code.gtin,
                lot=code.lot,
                serial=code.serial,
                where=where,
            )
        )

    async def flush(self, platform: "Platform") -> int:
        """Publish what is waiting; how many. What could not be stored waits for the next time.

        One at a time, so that the last flush of a process waits for the one that is under way.
        """
        async with self._flushing:
            batch, self._waiting = self._waiting, []
            if not batch:
                return 0
            try:
                async with platform.system_unit_of_work() as uow:
                    for start in range(0, len(batch), BATCH):
                        uow.publish(ScansRecorded(instance=self._instance, scans=batch[start : start + BATCH]))
            except Exception as error:
                self._waiting = batch + self._waiting
                log.warning("scans wait", waiting=len(self._waiting), error=str(error)[:200])
                return 0
            return len(batch)

    async def run(self, platform: "Platform") -> None:
        while True:
            await asyncio.sleep(self._every)
            await self.flush(platform)
