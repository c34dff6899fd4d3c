"""What the service does by itself: take over the plan at the start, decide lights anew when the day changes."""

import asyncio
from dataclasses import dataclass
from datetime import date

from services.indicators.catalogue import service as catalogue
from services.indicators.catalogue.rules import shipped
from services.indicators.settings import Settings
from services.indicators.status import lights
from shared.clock import shanghai_date
from shared.web import Platform
from shared.wiring import Kept


@dataclass
class _Swept:
    """For which day all lights were looked at last."""

    day: date | None = None


_SWEPT: Kept[Platform, _Swept] = Kept(lambda _: _Swept())


async def start(platform: Platform) -> None:
    city = platform.settings.city
    async with platform.system_unit_of_work() as uow:
        await catalogue.load(uow, shipped(city))
    await _sweep(platform)


async def _sweep(platform: Platform) -> None:
    """Look at every light, and remember for which day that was done."""
    async with platform.system_unit_of_work() as uow:
        await lights.sweep(uow, platform.settings.city)
    _SWEPT.of(platform).day = shanghai_date(uow.now)


async def follow_the_day(platform: Platform) -> None:
    """A deadline passes at midnight without an event: once a day every light is looked at. A sweep that failed is due
    until it succeeds, also after this task was started again."""
    seconds = platform.settings_as(Settings).sweep_seconds
    while True:
        if shanghai_date(platform.clock.now()) != _SWEPT.of(platform).day:
            await _sweep(platform)
        await asyncio.sleep(seconds)
