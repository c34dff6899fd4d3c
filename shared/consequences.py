"""What follows in one domain of a service from what happened in another, without the two knowing each other.

The domain where it happens tells a message (`uow.tell`); `consequences.py` of the service, above its domains, says what
follows, in written order. It runs at once, in the transaction of the message, and its results come back.

What is made of many things and must follow each of them (a lot's verdict, a target's light) is touched by whoever
changes one (`uow.touch`); its one refresher runs just before the commit, once for all subjects of the transaction.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class Message(Generic[R]):
    """Something that happened; `R` is what each consequence answers."""


Consequences = Mapping[type[Message[Any]], Sequence[Callable[[Any, Any], Awaitable[Any]]]]
"""By message: functions of the unit of work and the message."""
Refreshers = Mapping[str, Callable[[Any, Sequence[Any]], Awaitable[None]]]
"""By kind of subject: a function of the unit of work and the subjects that were touched in it."""
