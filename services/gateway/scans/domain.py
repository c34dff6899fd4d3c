"""What public scans declare."""

from services.gateway.scans import api, handlers
from services.gateway.scans.log import SCANS as LOG
from shared.bus import Subscription
from shared.events.traceability import LotUpdated, ProductUpdated
from shared.web import Domain, Platform


async def flush(platform: Platform) -> None:
    await LOG.of(platform).run(platform)


async def last_scans(platform: Platform) -> None:
    await LOG.of(platform).flush(platform)


SCANS = Domain(
    "scans",
    routers=[api.router],
    subscriptions=[
        Subscription(ProductUpdated, handlers.product_updated),
        Subscription(LotUpdated, handlers.lot_updated),
    ],
    projection_tables=["lot_view", "product_view"],
    hot=api.HOT,
    background=[flush],
    on_stop=[last_scans],
)
