"""A view as an HTTP answer."""

from collections.abc import Mapping
from typing import Any, cast

import orjson
from fastapi.responses import Response

from services.gateway.schemas import Envelope
from services.gateway.upstreams import freshness


def view_response(
    view: Mapping[str, Any], *, media_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Response:
    """`Age` is that of the oldest part; an answer that lacks a part is never kept."""
    envelope = cast(Envelope, view)
    age = freshness.age_of(envelope)
    return Response(
        orjson.dumps(view),
        media_type=media_type,
        headers={
            "Cache-Control": "no-cache" if envelope["complete"] else "no-store",
            **({"Age": str(age)} if age else {}),
            **(headers or {}),
        },
    )


def age_headers(view: Envelope) -> list[tuple[bytes, bytes]]:
    age = freshness.age_of(view)
    return [(b"age", str(age).encode())] if age else []
