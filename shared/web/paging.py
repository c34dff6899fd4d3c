"""Lists page with an opaque cursor, stable under writes: it holds the sort key of the last item that was given."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query, Request

from shared.errors import FieldError, Invalid
from shared.web.body import Out

T = TypeVar("T")


class Page(Out, Generic[T]):
    items: Sequence[T]
    next: str | None = None
    """Cursor of the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class PageParams:
    limit: int
    cursor: tuple[Any, ...] | None

    def after(self, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
        """The cursor's parts, each read by its kind (`str`, `date.fromisoformat`, `instant`); None without a cursor.

        Raises Invalid for one that is of another list, or made up.
        """
        if self.cursor is None:
            return None
        try:
            if any(not isinstance(part, str) or "\0" in part for part in self.cursor):
                raise ValueError("no text")
            return tuple(kind(part) for kind, part in zip(kinds, self.cursor, strict=True))
        except ValueError as error:
            raise _invalid() from error


def instant(text: str) -> datetime:
    """An aware time. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no offset")
    return found


def encode(*key: Any) -> str:
    """The cursor after an item with this sort key."""
    return urlsafe_b64encode(orjson.dumps(key, default=str)).decode().rstrip("=")


def decode(cursor: str) -> tuple[Any, ...]:
    try:
        value = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(value, list) or not value:
            raise ValueError("no list")
    except ValueError as error:
        raise _invalid() from error
    return tuple(value)


def _invalid() -> Invalid:
    zh, en = "cursor 无效，请用上一页给出的 next", "Invalid cursor; use `next` of the page before"
    return Invalid([FieldError("?cursor", "cursor", zh, en)])


async def _page_params(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500, description="Items a page")] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> PageParams:
    return PageParams(limit, decode(cursor) if cursor else None)


page_params = Annotated[PageParams, Depends(_page_params)]


following: ContextVar[str | None] = ContextVar("pinzhi_following", default=None)
"""Cursor of the page after the one that is being answered; the route makes its `Link` of it."""


def next_link(request: Request, cursor: str | None, parameter: str = "cursor") -> dict[str, str]:
    """The `Link: rel="next"` header to the same list with the same filters; nothing on the last page."""
    if cursor is None:
        return {}
    url = request.url.include_query_params(**{parameter: cursor})
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


def page_of(rows: Sequence[T], limit: int, key: Any) -> Page[T]:
    """A page from `limit + 1` rows: the row too many tells that there is a next page. `key(row)` is its sort key."""
    if len(rows) <= limit:
        return Page(items=list(rows))
    kept = list(rows[:limit])
    cursor = encode(*key(kept[-1]))
    following.set(cursor)
    return Page(items=kept, next=cursor)
