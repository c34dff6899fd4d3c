"""What is done to a good request, and which answers may come."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from tests.fuzz.examples import FORM, Example
from tests.support.callers import Caller

MIB = 1024 * 1024
BOUNDARY = b"--fuzz\r\n"


@dataclass(frozen=True)
class Attack:
    name: str
    fits: Callable[[Example], bool]
    make: Callable[[Example, bytes], bytes]
    """From the example and its Authorization line, what is sent."""
    statuses: frozenset[int]
    limited: bool = True
    """Whether the answer has to name a limit."""


def head(example: Example, token: bytes, *lines: bytes, target: str = "", host: bytes = b"Host: test\r\n") -> bytes:
    first = f"{example.method} {target or example.target} HTTP/1.1\r\n".encode("latin-1")
    return b"".join([first, host, token, *(line + b"\r\n" for line in lines), b"\r\n"])


def whole(example: Example, token: bytes, body: bytes | None = None, media: str = "") -> bytes:
    body = example.body if body is None else body
    if not body and example.method in ("GET", "HEAD", "OPTIONS"):
        return head(example, token)
    return (
        head(example, token, f"Content-Type: {media or example.media}".encode(), b"Content-Length: %d" % len(body))
        + body
    )


def clean(example: Example, caller: Caller, authorization: str | None) -> bytes:
    return whole(example, line(authorization))


def line(authorization: str | None) -> bytes:
    return f"Authorization: {authorization}\r\n".encode() if authorization else b""


def with_query(example: Example, query: str) -> str:
    return example.target + ("&" if "?" in example.target else "?") + query


def is_json(example: Example) -> bool:
    return example.body != b"" and example.media == "application/json"


def writes(example: Example) -> bool:
    return example.method in ("POST", "PUT", "PATCH", "DELETE")


def any_one(example: Example) -> bool:
    return True


def reads(example: Example) -> bool:
    return example.method == "GET"


def body(name: str, content: bytes, *statuses: int, limited: bool = True) -> Attack:
    return Attack(name, is_json, lambda e, t: whole(e, t, content), frozenset(statuses), limited)


def long_text(example: Example, token: bytes) -> bytes:
    """The first text of the good body, a megabyte long."""
    value = orjson.loads(example.body)

    def lengthen(node: object) -> bool:
        parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, part in parts:
            if isinstance(part, str) and key not in ("type", "@context"):
                node[key] = "长" * 350_000  # type: ignore[index]
                return True
            if lengthen(part):
                return True
        return False

    if not lengthen(value):
        value["reason"] = "长" * 350_000
    return whole(example, token, orjson.dumps(value))


def slow_body(example: Example, token: bytes) -> bytes:
    media = f"Content-Type: {example.media}".encode()
    return head(example, token, media, b"Content-Length: 100000") + b"{"


_FORM_PARTS = BOUNDARY + b'Content-Disposition: form-data; name="a"\r\n\r\nx\r\n'
_MULTIPART = "multipart/form-data; boundary=fuzz"
_KEYS = b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(30_000)) + b"}"

SLOW = [
    Attack("slow head", any_one, lambda e, t: head(e, t)[:-4], frozenset({408})),
    Attack("slow body", lambda e: writes(e) and bool(e.body), slow_body, frozenset({408, 429})),
]
ATTACKS = [
    Attack(
        "10,000 headers", any_one, lambda e, t: head(e, t, *[b"x%d: y" % n for n in range(10_000)]), frozenset({431})
    ),
    Attack("a header of 1 MB", any_one, lambda e, t: head(e, t, b"X: " + b"y" * MIB), frozenset({431})),
    Attack(
        "an address of 10 kB",
        any_one,
        lambda e, t: head(e, t, target=with_query(e, "x=" + "y" * 10_000)),
        frozenset({414}),
    ),
    Attack(
        "1,000 parameters",
        any_one,
        lambda e, t: whole_at(e, t, with_query(e, "&".join(["a=1"] * 1000))),
        frozenset({400}),
    ),
    Attack("two hosts", any_one, lambda e, t: head(e, t, b"Host: evil"), frozenset({400}), limited=False),
    Attack("no host", any_one, lambda e, t: head(e, t, host=b""), frozenset({400}), limited=False),
    Attack("an empty host", any_one, lambda e, t: head(e, t, host=b"Host:\r\n"), frozenset({400}), limited=False),
    Attack("no such host", any_one, lambda e, t: head(e, t, host=b"Host: a b<i>\r\n"), frozenset({400}), limited=False),
    Attack("a folded header", any_one, lambda e, t: head(e, t, b"X: a\r\n b"), frozenset({400}), limited=False),
    Attack(
        "octets in headers",
        reads,
        lambda e, t: head(e, t, *[b"%s: \xe5\x93\x81\xff" % n for n in _ODD]),
        frozenset({200, 304, 400, 401, 404, 406, 422}),
        limited=False,
    ),
    Attack(
        "a body that is announced too large",
        writes,
        lambda e, t: head(e, t, f"Content-Type: {e.media}".encode(), b"Content-Length: 1000000000000") + b"{",
        frozenset({413}),
    ),
    body("deep", b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400, 413),
    body("deep within the depth of the parser", b'{"a":' * 500 + b"1" + b"}" * 500, 400),
    body("a name of 4 MB", b'{"' + b"k" * 4_000_000 + b'":1}', 413),
    body("3,000,000 values", b"[" + b"1," * 3_000_000 + b"1]", 413),
    body("2,000,000 objects", b'{"items":[' + b"{}," * 2_000_000 + b"{}]}", 413),
    body("30,000 fields", _KEYS, 400, 422, limited=False),
    body("20,000 items", b'{"items":[' + b'{"a":1},' * 20_000 + b"{}]}", 400, 413, 422, limited=False),
    Attack("a text of 1 MB", is_json, long_text, frozenset({400, 413, 422}), limited=False),
    Attack(
        "UTF-16", is_json, lambda e, t: whole(e, t, e.body.decode().encode("utf-16")), frozenset({400}), limited=False
    ),
    Attack("no UTF-8", is_json, lambda e, t: whole(e, t, b'{"a":"\xff\xfe"}'), frozenset({400}), limited=False),
    Attack(
        "packed",
        is_json,
        lambda e, t: (
            head(e, t, b"Content-Type: application/json", b"Content-Encoding: gzip", b"Content-Length: 20")
            + b"\x1f\x8b"
            + bytes(18)
        ),
        frozenset({415}),
        limited=False,
    ),
    Attack(
        "a form of 1 MB",
        lambda e: e.media == FORM,
        lambda e, t: whole(e, t, e.body + b"&x=" + b"y" * MIB),
        frozenset({413}),
    ),
    Attack(
        "a name of 10 kB",
        lambda e: e.media == FORM,
        lambda e, t: whole(e, t, b"grant_type=client_credentials&client_secret=x&client_id=" + b"y" * 10_000),
        frozenset({400}),
    ),
    Attack(
        "1,000 fields of a form",
        lambda e: e.media == FORM,
        lambda e, t: whole(e, t, b"&".join([b"a=1"] * 1000)),
        frozenset({400}),
        limited=False,
    ),
    Attack(
        "a file of 9 MB",
        lambda e: e.media == "application/pdf",
        lambda e, t: whole(e, t, b"%PDF-" + bytes(9 * MIB)),
        frozenset({413}),
    ),
    Attack(
        "a file of 2,500,000 lists",
        lambda e: e.media == "application/pdf",
        lambda e, t: whole(e, t, b"[" + b"[]," * 2_500_000 + b"[]]"),
        frozenset({201}),
        limited=False,
    ),
    Attack(
        "a file of 8 MB of text",
        lambda e: e.media == "application/pdf",
        lambda e, t: whole(e, t, b"a,b\n" * 2 * MIB),
        frozenset({201}),
        limited=False,
    ),
    Attack(
        "1,000 parts",
        lambda e: e.media == "application/pdf",
        lambda e, t: whole(e, t, _FORM_PARTS * 1000 + b"--fuzz--\r\n", _MULTIPART),
        frozenset({400, 422}),
        limited=False,
    ),
    Attack(
        "a part with a header of 1 MB",
        lambda e: e.media == "application/pdf",
        lambda e, t: whole(e, t, BOUNDARY + b"X: " + b"y" * MIB + b"\r\n\r\nx\r\n--fuzz--\r\n", _MULTIPART),
        frozenset({400, 422}),
        limited=False,
    ),
]
_ODD = (b"X-Request-Id", b"Accept-Language", b"Cookie", b"User-Agent", b"If-None-Match", b"Traceparent", b"X")


def whole_at(example: Example, token: bytes, target: str) -> bytes:
    media = f"Content-Type: {example.media}".encode()
    lines = [media, b"Content-Length: %d" % len(example.body)] if writes(example) else []
    return head(example, token, *lines, target=target) + (example.body if writes(example) else b"")
