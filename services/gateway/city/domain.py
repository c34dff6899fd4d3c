"""What the gateway's view of the city declares."""

from services.gateway.city import api, handlers
from shared.bus import Subscription
from shared.events import indicators
from shared.web import Domain

CITY = Domain(
    "city",
    routers=[api.router],
    subscriptions=[
        Subscription(indicators.TargetChanged, handlers.target_changed),
        Subscription(indicators.LightChanged, handlers.light_changed),
    ],
    projection_tables=["target_view", "light_view"],
    hot=api.HOT,
)
