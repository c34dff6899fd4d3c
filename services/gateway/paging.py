"""Cursors and links of paged answers."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query

from shared.web.paging import PageParams, decode

Limit = Annotated[int, Query(ge=1, le=500, description="Items a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


def typed(cursor: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The parts of a cursor, each read by its kind; None without one. Raises Invalid."""
    parts = tuple(str(part) for part in decode(cursor)) if cursor else None
    return PageParams(0, parts).after(*kinds)
