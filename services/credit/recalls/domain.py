"""What the notes of recalls declare."""

from services.credit.recalls import service
from shared.bus import Subscription
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated
from shared.web import Domain

RECALLS = Domain(
    "recalls",
    subscriptions=[
        Subscription(RecallOpened, service.apply_case),
        Subscription(RecallUpdated, service.apply_case),
        Subscription(RecallClosed, service.apply_closed),
    ],
    projection_tables=["recall_note"],
)
