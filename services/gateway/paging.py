"""Cursors and links of paged answers."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query, Request

from shared.errors import FieldError, Invalid
from shared.web.paging import decode

Limit = Annotated[int, Query(ge=1, le=500, description="Items a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


def typed(cursor: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """A cursor with its parts read by `kinds`. Raises Invalid for one that is broken or of another list."""
    if cursor is None:
        return None
    try:
        return tuple(kind(str(value)) for kind, value in zip(kinds, decode(cursor), strict=True))
    except ValueError as error:
        wrong = FieldError(
            "?cursor",
            "cursor",
            "cursor 不是这个列表给出的，请用上一页的 next",
            "Not a cursor of this list; use `next` of the page before",
        )
        raise Invalid([wrong]) from error


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """`Link: rel="next"` to the same list with the same filters."""
    if cursor is None:
        return {}
    url = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
