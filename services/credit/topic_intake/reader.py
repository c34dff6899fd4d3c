"""Reads what units push: finds their topics, waits until it is known who they are, hands batches on.

A topic is read when the issuer has told of its client: until then its messages wait at the broker. Before a batch is
judged, everything is applied that the issuer had sent by then, so that no message outruns the revocation of its sender.
"""

import asyncio
from collections.abc import Mapping

import structlog

from services.credit.settings import Settings
from services.credit.topic_intake import repository
from services.credit.topic_intake.service import take
from shared.bus import dead_letters
from shared.events.base import INTAKE_TOPIC, UNIT_INTAKE, UNIT_RECEIPTS, topic_of, unit_of, unit_receipts
from shared.platform import Platform

log = structlog.get_logger("intake")
_ISSUER = "gateway"
_PATIENCE_SECONDS, _LOOK_SECONDS = 30.0, 0.02
_ASIDE_SECONDS = 60.0


async def run(platform: Platform) -> None:
    """Until cancelled; errors of bus and database go to the supervisor, which starts this again."""
    loop = asyncio.get_running_loop()
    refresh = platform.settings_as(Settings).intake_refresh_seconds
    member = f"credit-intake:{platform.settings.worker_id}"
    aside: dict[str, float] = {}
    """Topics whose receipts cannot be sent, and until when they are left alone."""
    topics: list[str] = []
    while not topics:
        topics = await readable(platform, set())
        if not topics:
            await asyncio.sleep(refresh)
    subscriber = await platform.bus.subscribe("credit.intake", topics, member=member)
    try:
        look_at = loop.time() + refresh
        while True:
            records = await subscriber.poll(limit=500, timeout=0.5)
            if records:
                await wait_for_clients(platform)
                unanswered = await take(platform, records)
                await subscriber.commit([record for record in records if record.topic not in unanswered])
                if unanswered:
                    aside |= dict.fromkeys(unanswered, loop.time() + _ASIDE_SECONDS)
                    look_at = 0.0
            if loop.time() > look_at:
                found = await readable(platform, _still(aside, loop.time()))
                if not found:  # start again, and read again what is not answered
                    raise OSError(f"nothing is left to read: {sorted(aside) or 'the topics are gone'}")
                if found != topics:
                    topics = found
                    await subscriber.change(topics)
                look_at = loop.time() + refresh
    finally:
        await subscriber.close()


def _still(aside: Mapping[str, float], now: float) -> set[str]:
    return {topic for topic, until in aside.items() if now < until}


async def readable(platform: Platform, aside: set[str]) -> list[str]:
    """Topics that are there, whose client is known and undisputed, and whose receipts have somewhere to go."""
    shared = [INTAKE_TOPIC] if platform.settings_as(Settings).shared_intake else []
    found = {unit: topic for topic in await platform.bus.topics(UNIT_INTAKE) if (unit := unit_of(topic))}
    if platform.bus.topics_are_made and found:
        answers = set(await platform.bus.topics(UNIT_RECEIPTS))
        found = {unit: topic for unit, topic in found.items() if unit_receipts(unit) in answers}
    if found:
        async with platform.read() as session:
            known = await repository.known_clients(session, found)
            # What is parked of a client may be its revocation.
            parked = {
                key
                for source, key in await dead_letters.blocked_keys(session, platform.consumer.name)
                if source == _ISSUER
            }
        found = {unit: topic for unit, topic in found.items() if unit in known and unit not in parked}
    return [topic for topic in [*shared, *sorted(found.values())] if topic not in aside]


async def wait_for_clients(platform: Platform) -> None:
    """Return when nothing of the issuer's waits to be applied. Raises OSError after a while."""
    topic = topic_of(_ISSUER)
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while behind := (await platform.bus.lag(platform.consumer.name, [topic]))[topic]:
        if asyncio.get_running_loop().time() > deadline:
            raise OSError(f"what units push waits: {behind} records of {topic} are not applied yet")
        await asyncio.sleep(_LOOK_SECONDS)
