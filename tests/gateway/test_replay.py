"""A projection that is rebuilt from the log equals the live one, byte for byte, and announces nothing again."""

import random
from typing import Any

from services.gateway.app import DOMAINS, create_app
from services.gateway.settings import Settings
from shared.bus.replay import replay
from shared.events.base import Event
from shared.web import ServiceSpec
from tests.gateway import samples as s
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend

SPEC = ServiceSpec("gateway", DOMAINS)


def contents(gateway: Harness) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(gateway.rows(f'SELECT * FROM "{name}"'), key=repr) for name in SPEC.projection_tables}


def history() -> list[list[Event]]:
    """One list for each key, in its order."""
    both = [s.ORCHARD, s.BAKERY]
    credit: list[list[Event]] = [
        [
            s.enterprise(uscc),
            s.recorded(uscc, violation_id=f"v-{uscc}"),
            s.published(uscc, violation_id=f"v-{uscc}"),
            s.proposed(uscc, f"l-{uscc}"),
            s.listed(uscc, listing_id=f"l-{uscc}"),
            s.corrected(uscc, violation_id=f"v-{uscc}"),
            s.ended(uscc, f"v-{uscc}"),
            s.removed(uscc, f"l-{uscc}"),
            s.enterprise(uscc, name="新名称"),
            s.listed(uscc, listing_id=f"l2-{uscc}", colour="red"),
        ]
        for uscc in both
    ]
    food: list[list[Event]] = [
        [s.party(), s.party(name="改名")],
        [s.product(), s.product(uscc=s.BAKERY), s.product(uscc=s.BAKERY, name="苹果")],
        [s.product(s.CAKE, s.BAKERY)],
        [s.lot(), s.lot(verdict="held"), s.lot(verdict="recalled", recall=s.RECALL)],
        [s.lot("B", s.CAKE, s.BAKERY)],
        [s.sampled(), s.retested(result="fail"), s.sampled("t-2")],
        [s.alert(), s.alert_closed()],
        [s.alert("a-2", lots=[])],
        [s.recall_opened(), s.recall_updated(), s.recall_closed(), s.recall_updated(change="再次打开")],
        [s.recall_opened(s.BAKERY, recall_id="r-2"), s.recall_closed(s.BAKERY, "r-2")],
        [
            s.recall_opened(recall_id="r-3", lots=s.recalled_lots(1, 2), lots_count=5),
            s.lots_added(s.recalled_lots(1, 3), recall_id="r-3", lots_count=5, pages=2),
            s.lots_added(s.recalled_lots(4, 5), recall_id="r-3", lots_count=5, page=2, pages=2),
            s.lots_released(s.recalled_lots(2, 2), recall_id="r-3", lots_count=4),
            s.recall_closed(recall_id="r-3", outcome="revoked: 复检合格"),
        ],
    ]
    city: list[list[Event]] = [
        [s.target("a"), s.light("a"), s.light("a", "370686"), s.light("a", light="met")],
        [s.target("b", 2), s.target("b", 3, version=2)],
    ]
    return [*credit, *food, *city]


def interleaved(seed: int) -> list[Event]:
    """All events in some order that keeps the order of each key."""
    chance = random.Random(seed)
    waiting = [list(events) for events in history()]
    found: list[Event] = []
    while any(waiting):
        found.append(chance.choice([events for events in waiting if events]).pop(0))
    return found


async def test_rebuilt_equals_live(gateway: Harness) -> None:
    events = interleaved(1)
    assert {event.type for event in events} | {s.withdrawn().type} == {one.event.type for one in SPEC.subscriptions}
    for event in events:
        gateway.clock.advance(seconds=1)
        await gateway.deliver(event)
    live, feed = contents(gateway), gateway.rows("SELECT * FROM feed ORDER BY seq")
    assert all(live.values()), "every table holds something"
    gateway.clock.advance(hours=1)
    assert await replay(gateway.platform) == len(events)
    assert contents(gateway) == live
    assert gateway.rows("SELECT * FROM feed ORDER BY seq") == feed


async def test_the_order_between_keys_makes_no_difference(sqlite_backend: Backend) -> None:
    """Several topics and partitions are read as they come; only the order within a key is promised."""
    found = []
    for seed in (2, 3, 4):
        async with running(create_app, Settings, sqlite_backend, **down()) as gateway:
            await gateway.deliver(*interleaved(seed))
            found.append(contents(gateway))
    assert found[0] == found[1] == found[2]
