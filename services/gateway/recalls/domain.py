"""What the gateway's view of recalls declares."""

from services.gateway.recalls import api, handlers
from shared.bus import Subscription
from shared.events import traceability
from shared.web import Domain

RECALLS = Domain(
    "recalls",
    routers=[api.router],
    subscriptions=[
        Subscription(traceability.RecallOpened, handlers.recall_changed),
        Subscription(traceability.RecallUpdated, handlers.recall_changed),
        Subscription(traceability.RecallLotsAdded, handlers.lots_added),
        Subscription(traceability.RecallLotsReleased, handlers.lots_released),
        Subscription(traceability.RecallClosed, handlers.recall_closed),
    ],
    projection_tables=["recall_view", "recall_lot_view"],
)
