"""What the counts of the platform's own data declare."""

from services.indicators.counts import api, handlers
from shared.bus import Subscription
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated, TestCorrected, TestRecorded
from shared.web import Domain

COUNTS = Domain(
    "counts",
    routers=[api.router],
    subscriptions=[
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
    ],
    projection_tables=[
        "enterprise_version",
        "violation_publication",
        "listing_period",
        "recall_case",
        "sample_test",
        "sample_state",
    ],
)
