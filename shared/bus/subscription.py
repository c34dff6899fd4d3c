"""What a service does with an event of another."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.bus.envelope import Received
from shared.events.base import Event

if TYPE_CHECKING:
    from shared.db.uow import UnitOfWork

Handler = Callable[["UnitOfWork", Sequence[Received[Any]]], Awaitable[None]]


@dataclass(frozen=True)
class Subscription:
    """`handler` takes a list of events of this type, oldest first, possibly several of one key.

    `projection=True`: the effects are rows of the projection tables and nothing else, so they may be rebuilt from the
    log. False: the handler has effects of its own (opens a case, publishes), which a replay must not repeat.
    """

    event: type[Event]
    handler: Handler
    projection: bool = True
