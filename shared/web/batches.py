"""Batches: items that are judged each by itself, and one receipt for each, in order."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from shared.errors import FieldError, Invalid, PlatformError
from shared.i18n import Lang
from shared.web.bodies import problem_of

T = TypeVar("T")
R = TypeVar("R")


class Judged(Generic[T]):
    """`good`: what `judge(index, item)` made of the items that it did not refuse with Invalid, in order; `refused`: for
    each item why, or None."""

    def __init__(self, items: Sequence[Any], judge: Callable[[int, Any], T]) -> None:
        self.good: list[T] = []
        self.refused: list[Invalid | None] = []
        for index, item in enumerate(items):
            try:
                self.good.append(judge(index, item))
                self.refused.append(None)
            except Invalid as error:
                self.refused.append(error)

    def with_results(self, results: Iterable[R]) -> list[R | Invalid]:
        """For each item its refusal, or what came of it: one result for each of the good ones."""
        following = iter(results)
        return [next(following) if refused is None else refused for refused in self.refused]


def refusals_of(results: Sequence[object]) -> list[FieldError]:
    """Every wrong place of a batch that is taken as a whole."""
    wrong: list[FieldError] = []
    for index, result in enumerate(results):
        if isinstance(result, Invalid):
            wrong += result.errors
        elif isinstance(result, PlatformError):
            wrong.append(FieldError(f"/items/{index}", result.code, result.text.zh, result.text.en))
    return wrong


def receipts(
    results: Sequence[R | PlatformError], accepted: Callable[[R], tuple[str, Any]], statuses: Sequence[str], lang: Lang
) -> dict[str, Any]:
    """The answer to a batch: how many of each status, then a receipt for each item. `accepted` gives the status and the
    receipt of an item that was taken; `statuses` are all of them, `refused` comes last."""
    told: list[dict[str, Any]] = []
    counts = dict.fromkeys([*statuses, "refused"], 0)
    for index, result in enumerate(results):
        if isinstance(result, PlatformError):
            status, receipt, problem = "refused", None, problem_of(result, lang)
        else:
            (status, receipt), problem = accepted(result), None
        counts[status] += 1
        told.append({"index": index, "status": status, "receipt": receipt, "problem": problem})
    return counts | {"receipts": told}
