"""Event type -> handler, the whole list."""

from services.credit.leads import service as leads
from services.credit.recalls import service as recalls
from shared.auth import revocations
from shared.bus import Subscription
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated, TestCorrected, TestRecorded

SUBSCRIPTIONS = [
    Subscription(TestRecorded, leads.apply_reports, projection=False),
    Subscription(TestCorrected, leads.apply_reports, projection=False),
    Subscription(RecallOpened, recalls.apply_case),
    Subscription(RecallUpdated, recalls.apply_case),
    Subscription(RecallClosed, recalls.apply_closed),
    revocations.SUBSCRIPTION,
]
