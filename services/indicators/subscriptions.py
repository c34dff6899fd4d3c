"""Everything that this service hears from the others."""

from services.indicators.counts import handlers
from shared.auth import revocations
from shared.bus import Subscription
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated, TestCorrected, TestRecorded

SUBSCRIPTIONS = [
    Subscription(EnterpriseUpdated, handlers.apply_enterprise),
    Subscription(ViolationPublished, handlers.apply_violation_published),
    Subscription(ViolationPublicationEnded, handlers.apply_violation_ended),
    Subscription(ListingPublished, handlers.apply_listing_published),
    Subscription(ListingRemoved, handlers.apply_listing_removed),
    Subscription(RecallOpened, handlers.apply_recalls),
    Subscription(RecallUpdated, handlers.apply_recalls),
    Subscription(RecallClosed, handlers.apply_recall_closed),
    Subscription(TestRecorded, handlers.apply_tests),
    Subscription(TestCorrected, handlers.apply_tests),
    revocations.SUBSCRIPTION,
]
