"""Cursors and links of paged answers."""

from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=500, description="Items a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]
