"""Batches: every item is checked by itself, and one bad item never loses the good ones unless `atomic`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.traceability.registration.schemas import RegisterReceipt
from services.traceability.registration.service import Result
from shared.errors import MOST_ERRORS_OF_AN_ITEM, FieldError, Invalid, PlatformError
from shared.i18n import Lang
from shared.web.problems import field_errors

T = TypeVar("T", bound=BaseModel)


async def run(
    items: Sequence[dict[str, Any]],
    model: type[T],
    key: Callable[[T], str],
    register: Callable[[dict[str, T]], Awaitable[list[Result]]],
    lang: Lang,
    *,
    atomic: bool,
) -> list[RegisterReceipt]:
    """One receipt for each item, in order. Of items with the same key, the first stands and the others are refused.

    Raises Invalid with every error of every item when `atomic` and anything is wrong; nothing is stored then.
    """
    outcomes: list[Result | list[FieldError] | str] = []
    accepted: dict[str, T] = {}
    for item in items:
        try:
            parsed = model.model_validate(item)
            name = key(parsed)
        except ValidationError as error:
            outcomes.append(field_errors(error.errors(include_url=False, include_input=False), prefix=("body",)))
            continue
        if name in accepted:
            outcomes.append(
                [FieldError("", "batch.twice", f"{name} 在本批中重复", f"{name} stands twice in this batch")]
            )
        else:
            accepted[name] = parsed
            outcomes.append(name)
    results = dict(zip(accepted, await register(accepted) if accepted else [], strict=True))
    settled = [results[outcome] if isinstance(outcome, str) else outcome for outcome in outcomes]
    if atomic:
        wrong = [
            FieldError(f"/items/{index}{error.pointer}", error.code, error.zh, error.en)
            for index, outcome in enumerate(settled)
            for error in _errors(outcome)
        ]
        if wrong:
            raise Invalid(wrong)
    return [
        outcome if isinstance(outcome, RegisterReceipt) else _rejected(_errors(outcome), lang) for outcome in settled
    ]


def _errors(outcome: Result | list[FieldError]) -> Sequence[FieldError]:
    if isinstance(outcome, list):
        return outcome
    if isinstance(outcome, PlatformError):
        return outcome.errors or [FieldError("", outcome.code, outcome.text.zh, outcome.text.en)]
    return []


def _rejected(errors: Sequence[FieldError], lang: Lang) -> RegisterReceipt:
    return RegisterReceipt(
        id="", version=0, status="rejected", errors=[error.to_dict(lang) for error in errors[:MOST_ERRORS_OF_AN_ITEM]]
    )
