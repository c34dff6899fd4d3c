"""What the service does by itself: take over the plan at the start, decide lights anew when the day changes."""

import asyncio

from services.indicators.catalogue import service as catalogue
from services.indicators.catalogue.rules import shipped
from services.indicators.status import lights
from shared.clock import shanghai_date
from shared.web import Platform


async def start(platform: Platform) -> None:
    city = platform.settings.city
    async with platform.system_unit_of_work() as uow:
        await catalogue.load(uow, shipped(city))
    async with platform.system_unit_of_work() as uow:
        await lights.sweep(uow, city)


async def follow_the_day(platform: Platform) -> None:
    """A deadline passes at midnight without an event: once a day every light is looked at."""
    seconds: float = getattr(platform.settings, "sweep_seconds", 60.0)
    day = shanghai_date(platform.clock.now())
    while True:
        await asyncio.sleep(seconds)
        today = shanghai_date(platform.clock.now())
        if today != day:
            async with platform.system_unit_of_work() as uow:
                await lights.sweep(uow, platform.settings.city)
            day = today
