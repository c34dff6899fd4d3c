"""Lists page with an opaque cursor, stable under writes: it holds the sort key of the last item that was given."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query, Request

from shared.errors import FieldError, Invalid
from shared.web.body import Out
from shared.web.header_values import address_of, link_to

T = TypeVar("T")


class Page(Out, Generic[T]):
    items: Sequence[T]
    next: str | None = None
    """Cursor of the next page; null on the last one."""


@dataclass(frozen=True, slots=True)
class PageParams:
    limit: int
    cursor: str | None


Kind = Callable[[str], Any]


class Keyset:
    """The sort key by which one list is paged: the list's name, and the kinds of its parts (`str`, `position`,
    `date.fromisoformat`, `instant`). A cursor of another list is refused, where it would skip rows or lead in a circle.
    """

    def __init__(self, name: str, *kinds: Kind) -> None:
        self.name, self._kinds = name, kinds

    def cursor(self, *key: Any) -> str:
        """The cursor after an item with this sort key."""
        parts = [part.isoformat() if isinstance(part, date) else str(part) for part in key]
        return urlsafe_b64encode(orjson.dumps([self.name, *parts])).decode().rstrip("=")

    def after(self, cursor: str | None) -> Any:
        """The sort key after which the page begins, as a tuple; None without a cursor.

        Raises Invalid for one that is of another list, or made up.
        """
        if cursor is None:
            return None
        try:
            found = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if not isinstance(found, list) or any(not isinstance(part, str) or "\0" in part for part in found):
                raise ValueError("no list of texts")
            name, *parts = found
            if name != self.name:
                raise ValueError("of another list")
            return tuple(kind(part) for kind, part in zip(self._kinds, parts, strict=True))
        except ValueError as error:
            raise _invalid() from error


def position(text: str) -> int:
    """A number as a database has it. Raises ValueError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ValueError(text)
    return int(text)


def _invalid() -> Invalid:
    zh, en = "cursor 无效，请用上一页给出的 next", "Invalid cursor; use `next` of the page before"
    return Invalid([FieldError("?cursor", "cursor", zh, en)])


async def _page_params(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500, description="Items a page")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next` of the page before")] = None,
) -> PageParams:
    return PageParams(limit, cursor or None)


page_params = Annotated[PageParams, Depends(_page_params)]


following: ContextVar[str | None] = ContextVar("pinzhi_following", default=None)
"""Cursor of the page after the one that is being answered; the route makes its `Link` of it."""


def next_link(request: Request, cursor: str | None, parameter: str = "cursor") -> dict[str, str]:
    """The `Link: rel="next"` header to the same list with the same filters; nothing on the last page."""
    if cursor is None:
        return {}
    query = request.url.include_query_params(**{parameter: cursor}).query
    return {"Link": link_to(f"{address_of(request)}?{query}", "next")}


def page_of(rows: Sequence[T], limit: int, keyset: Keyset, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page from `limit + 1` rows: the row too many tells that there is a next page. `key(row)` is its sort key."""
    if len(rows) <= limit:
        return Page(items=list(rows))
    kept = list(rows[:limit])
    cursor = keyset.cursor(*key(kept[-1]))
    following.set(cursor)
    return Page(items=kept, next=cursor)
