"""What is made for one caller stays out of every cache that others share (RFC 9111 sections 3.5, 4.1 and 5.2.2)."""

from starlette.responses import Response

CACHE_CONTROL = "private, no-store"
HEADERS = ((b"cache-control", CACHE_CONTROL.encode()), (b"vary", b"Authorization"))


def keep_private(response: Response) -> None:
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.headers.add_vary_header("Authorization")
