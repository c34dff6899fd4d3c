"""Scans, gathered in memory and published as one event at least every half second.

Losing what was not flushed when a process is killed is allowed: counts inform, they decide nothing.
"""

import asyncio
import itertools
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from services.gateway.settings import Settings
from shared.events.gateway import Scan, ScanCount, ScansRecorded
from shared.ids import uuid7
from shared.wiring import Kept, Wiring

if TYPE_CHECKING:
    from shared.identifiers.digital_link import Code
    from shared.platform import Platform

log = structlog.get_logger("scans")

BATCH = 1_000
KEPT = 100_000
"""When the database is away longer, the newest scans are given up."""

_Counted = tuple[str, str | None, str | None, str | None]
"""GTIN, lot, serial, area."""


class ScanLog:
    """`logged`: scans of one address in a second that are logged one by one; of those beyond it only the number is
    kept, so that nobody fills a disk with a phone."""

    def __init__(self, *, every: float, logged: int) -> None:
        self._every, self._logged = every, logged
        self._instance = uuid7()
        self._numbers = itertools.count(1)
        self._waiting: list[Scan] = []
        self._counts: dict[_Counted, ScanCount] = {}
        self._flushing = asyncio.Lock()
        self.dropped = 0

    def add(self, platform: "Platform", code: "Code", where: str | None, rate: int = 0) -> None:
        """`rate`: how many requests came from the same address in this second, with this one."""
        if rate > self._logged:
            self._count((code.gtin, code.lot, code.serial, where), platform.clock.now())
            return
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

    def _count(self, counted: _Counted, at: datetime) -> None:
        known = self._counts.get(counted)
        if known is None:
            if len(self._counts) >= KEPT:
                self.dropped += 1
                return
            gtin, lot, serial, where = counted
            known = ScanCount(gtin=gtin, lot=lot, serial=serial, where=where, times=0, first_at=at, last_at=at)
        self._counts[counted] = known.model_copy(update={"times": known.times + 1, "last_at": at})

    async def flush(self, platform: "Platform") -> int:
        """Publish what is waiting; how many scans. What could not be stored waits for the next time.

        One at a time, so that the last flush of a process waits for the one that is under way.
        """
        async with self._flushing:
            batch, self._waiting = self._waiting, []
            counts, self._counts = self._counts, {}
            if not batch and not counts:
                return 0
            many = list(counts.values())
            try:
                async with platform.system_unit_of_work() as uow:
                    for start in range(0, max(len(batch), len(many)), BATCH):
                        part = slice(start, start + BATCH)
                        uow.publish(ScansRecorded(instance=self._instance, scans=batch[part], counts=many[part]))
            except BaseException as error:
                self._take_back(batch, counts)
                if not isinstance(error, Exception):
                    raise
                log.warning("scans wait", waiting=len(self._waiting), error=str(error)[:200])
                return 0
            return len(batch) + sum(each.times for each in many)

    def _take_back(self, batch: list[Scan], counts: dict[_Counted, ScanCount]) -> None:
        self._waiting = batch + self._waiting
        for counted, before in counts.items():
            now = self._counts.get(counted)
            more = {} if now is None else {"times": before.times + now.times, "last_at": now.last_at}
            self._counts[counted] = before.model_copy(update=more)

    async def run(self, platform: "Platform") -> None:
        while True:
            await asyncio.sleep(self._every)
            await self.flush(platform)


def _of(wiring: Wiring) -> ScanLog:
    settings = wiring.settings_as(Settings)
    return ScanLog(every=settings.scan_flush_seconds, logged=settings.scans_logged_per_second)


SCANS: Kept[Wiring, ScanLog] = Kept(_of)
