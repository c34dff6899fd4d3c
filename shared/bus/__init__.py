"""The event bus: every committed event takes effect exactly once in every subscribed service, in order for each key.

Outbox rows (written by the unit of work) go to the bus by the `Relay`; the `Consumer` applies them with the inbox
position in one transaction. Delivery is at least once, effects are made single by the inbox.
"""

from shared.bus.envelope import Received, Record, StoredRecord
from shared.bus.opening import open_bus
from shared.bus.protocol import EventBus, Subscriber
from shared.bus.subscription import Subscription

__all__ = ["EventBus", "Received", "Record", "StoredRecord", "Subscriber", "Subscription", "open_bus"]
