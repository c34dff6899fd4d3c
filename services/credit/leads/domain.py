"""What leads declare."""

from services.credit.leads import api, service
from shared.bus import Subscription
from shared.events.traceability import TestCorrected, TestRecorded
from shared.web import Domain

LEADS = Domain(
    "leads",
    routers=[api.router],
    subscriptions=[
        Subscription(TestRecorded, service.apply_reports, projection=False),
        Subscription(TestCorrected, service.apply_reports, projection=False),
    ],
)
