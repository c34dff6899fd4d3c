"""What the calendar does by itself: publication on its last day, its end, the expiry of listings.

Every record is done once: the act and its row change in one transaction, and a row that another worker holds is left to
it. After a restart the next look does what fell due meanwhile.
"""

import asyncio

from services.credit.listings import removal
from services.credit.settings import Settings
from services.credit.violations import publication
from shared.web import Platform


async def once(platform: Platform) -> int:
    """Do everything that is due now; answers how much was done."""
    settings = platform.settings_as(Settings)
    limit, done = settings.sweep_limit, 0
    while True:
        async with platform.system_unit_of_work() as uow:
            count = await publication.end_due(uow, limit) + await removal.expire(uow, limit)
            if settings.auto_publish != "never":
                count += await publication.publish_due(uow, limit, at_once=settings.auto_publish == "at_once")
        done += count
        if count < limit:
            return done


async def run(platform: Platform) -> None:
    settings = platform.settings_as(Settings)
    while True:
        await once(platform)
        await asyncio.sleep(settings.sweep_seconds)
