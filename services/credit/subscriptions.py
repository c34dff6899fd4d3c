"""Event type -> handler, the whole list."""

from services.credit.leads import service as leads
from services.credit.recalls import service as recalls
from services.credit.topic_intake import service as topic_intake
from shared.auth import revocations
from shared.bus import Subscription
from shared.events.gateway import ClientUpdated
from shared.events.traceability import RecallClosed, RecallOpened, RecallUpdated, TestCorrected, TestRecorded

SUBSCRIPTIONS = [
    Subscription(TestRecorded, leads.apply_reports, projection=False),
    Subscription(TestCorrected, leads.apply_reports, projection=False),
    Subscription(RecallOpened, recalls.apply_case),
    Subscription(RecallUpdated, recalls.apply_case),
    Subscription(RecallClosed, recalls.apply_closed),
    Subscription(ClientUpdated, topic_intake.apply_clients),
    revocations.SUBSCRIPTION,
]
