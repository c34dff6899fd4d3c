"""What the intake of the units' topics declares."""

from services.credit.topic_intake import api, service
from services.credit.topic_intake.reader import run as take_messages
from shared.bus import Subscription
from shared.events.gateway import ClientUpdated
from shared.web import Domain

TOPIC_INTAKE = Domain(
    "topic_intake",
    routers=[api.router],
    subscriptions=[Subscription(ClientUpdated, service.apply_clients)],
    projection_tables=["unit_version"],
    background=[take_messages],
)
