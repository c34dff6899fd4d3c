"""What follows in one domain of a service from what happened in another, without the two knowing each other.

The domain where it happens tells a message (`uow.tell`); `consequences.py` of the service, above its domains, says what
follows, in written order. It runs at once, in the transaction of the message, and its results come back.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class Message(Generic[R]):
    """Something that happened; `R` is what each consequence answers."""


Consequences = Mapping[type[Message[Any]], Sequence[Callable[[Any, Any], Awaitable[Any]]]]
"""By message: functions of the unit of work and the message."""
