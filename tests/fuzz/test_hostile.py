"""What no generator of good data thinks of: bodies that were taken once, with one thing in them turned hostile.

The body of every request that fills the services is taken apart: each place in turn gets each hostile value.
"""

import itertools
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from shared.web.routing import PolicyRoute
from tests.fuzz.engine import Raw, ask
from tests.fuzz.world import NAMES, Fuzzed, cases

DEEP = "FUZZ_EXAMPLES" in os.environ
SHARE = 1.0 if DEEP else 0.12
"""Part of all pairs of place and value that is tried; the choice is always the same."""
MARK = "zqz"
"""Stands between hostile characters in addresses: with them in a header, it is the caller's header."""
BEHIND = [name for name in NAMES if name != "gateway"]
VALUES: list[bytes] = [
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e400",
    b"-0.0",
    b"NaN",
    b"Infinity",
    b"9" * 40,
    b"9" * 5000,
    b"1." + b"9" * 60,
    b"9223372036854775808",
    b'"9223372036854775808"',
    b'"1e999999"',
    b'"NaN"',
    b'"-Infinity"',
    b'""',
    b'" "',
    b'"\\u0000"',
    b'"a\\u0000b"',
    b'"\\ud800"',
    b'"\\udfff\\ud800"',
    b'"\\uffff\\u202e\\ufeff"',
    b'"\xf0\x9f\x8d\x8e"',
    b'"\xff"',
    b'"' + b"x" * 100_000 + b'"',
    b'"' + "龘".encode() * 70_000 + b'"',
    b'"0000-00-00"',
    b'"0001-01-01"',
    b'"9999-12-31"',
    b'"9999-12-31T23:59:59-14:00"',
    b'"0001-01-01T00:00:00+14:00"',
    b'"2026-11-24T24:00:00+99:99"',
    b'"2026-W01"',
    b'"../../etc/passwd"',
    b'"=1+1"',
    b'"\'; DROP TABLE outbox; --"',
    b'"%00%ff"',
    b'"\\r\\nSet-Cookie: a=b"',
    b"[]",
    b"{}",
    b"[[]]",
    b'[null,1,"x",{}]',
    b'{"":{"":""}}',
    b'{"\\ud800":1}',
    b'{"\\u0000":1}',
    b"[" * 600 + b"]" * 600,
    b'{"a":' * 600 + b"1" + b"}" * 600,
    b"[" + b"1," * 3000 + b"1]",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    if isinstance(value, list):
        for index, part in enumerate(value[:2]):
            yield from places(part, (*path, index))


def without(value: Any, path: tuple[Any, ...], raw: bytes) -> bytes:
    """JSON text of `value` with `raw` in one place."""
    if not path:
        return raw
    head, *rest = path
    if isinstance(value, dict):
        parts = [
            orjson.dumps(key) + b":" + (without(part, tuple(rest), raw) if key == head else orjson.dumps(part))
            for key, part in value.items()
        ]
        return b"{" + b",".join(parts) + b"}"
    items = [
        without(part, tuple(rest), raw) if index == head else orjson.dumps(part) for index, part in enumerate(value)
    ]
    return b"[" + b",".join(items) + b"]"


def wrong(answer: Raw, path: str, statuses: set[str]) -> str | None:
    """Why this answer may not be given, if so."""
    if answer.status >= 500 and b'"upstream.unavailable"' not in answer.body:
        return f"{answer.status} {answer.body[:200]!r}"
    if str(answer.status) not in statuses:
        return f"{answer.status} is not documented (only {', '.join(sorted(statuses))})"
    if answer.status >= 400 and path != "/oauth/token":
        if "problem+json" not in answer.header("content-type"):
            return f"{answer.status} as {answer.header('content-type')}"
        if not orjson.loads(answer.body).get("code"):
            return f"{answer.status} without a code"
    return forged(answer)


def forged(answer: Raw) -> str | None:
    """A header that holds what none may hold, or part of an address that ends what stands in it (`MARK`)."""
    for name, value in answer.headers:
        if not (value.isascii() and value.isprintable()) or re.search(rf'[<>"]{MARK}|{MARK}[<>"]', value):
            return f"{name}: {value[:300]!r}"
    return None


def documented(document: dict[str, Any], method: str, path: str) -> tuple[str, dict[str, Any]]:
    """Template and operation of a request; the template with the fewest parameters wins."""
    for template, operations in sorted(document["paths"].items(), key=lambda pair: pair[0].count("{")):
        if method.lower() in operations and re.fullmatch(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template)), path):
            return template, operations[method.lower()]
    raise AssertionError(f"{method} {path} is in no document")


def distinct(fuzzed: Fuzzed) -> dict[tuple[str, str], tuple[str, bytes, dict[str, Any]]]:
    """(method, template) -> path, body, operation: the largest body that each operation took."""
    found: dict[tuple[str, str], tuple[str, bytes, dict[str, Any]]] = {}
    for method, path, body in fuzzed.world.good:
        template, operation = documented(fuzzed.document, method, path)
        if (method, template) not in found or len(body) > len(found[method, template][1]):
            found[method, template] = (path, body, operation)
    return found


@pytest.mark.timeout(0 if DEEP else 180)
@pytest.mark.parametrize("fuzzed", cases(BEHIND), indirect=True)
def test_one_hostile_value_in_a_good_body(fuzzed: Fuzzed) -> None:
    chance = random.Random(20180101)
    found: list[str] = []
    tried = 0
    for (method, template), (path, body, operation) in distinct(fuzzed).items():
        good = orjson.loads(body)
        for place in places(good):
            for value in VALUES:
                if chance.random() > SHARE:
                    continue
                tried += 1
                content = without(good, place, value)
                headers = {"content-type": "application/json", **fuzzed.headers(operation["x-policy"], chance)}
                answer = send(fuzzed, method, path, content, headers)
                told = wrong(answer, template, set(operation["responses"]))
                if told:
                    found.append(f"{method} {template} /{'/'.join(map(str, place))} = {value[:40]!r}: {told}")
    assert tried > 20
    assert not found, "\n".join(found)


def send(fuzzed: Fuzzed, method: str, path: str, content: bytes, headers: dict[str, str], query: bytes = b"") -> Raw:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return fuzzed.loop.run(ask(fuzzed.app, method, path, query, raw, content))


BODIES: list[tuple[bytes, bytes]] = [
    (b"", b"application/json"),
    (b"{", b"application/json"),
    (b"\xff\xfe{\x00}\x00", b"application/json"),
    (b"\x00" * 64, b"application/json"),
    (b"[" * 100_000, b"application/json"),
    (b'{"a":' * 20_000, b"application/json"),
    (b"9" * 100_000, b"application/json"),
    (b'"\\ud800"', b"application/json"),
    (b'{"\\ud800":1}', b"application/json"),
    (b'{"a":1,"a":2}', b"application/json; charset=utf-16"),
    (b"{}", b"application/json; charset=nonsense"),
    (b"{}", b"text/plain"),
    (b"{}", b""),
    (b"{}", b"application/xml"),
    (b"{}", b";;;/,"),
    (b"<a/>", b"text/xml"),
    (b"a,b\n1,2\n", b"text/csv"),
    (b'\xff\x00,\n"', b"text/csv"),
    (b'"' + b"x" * 200_000, b"text/csv"),
    (b'{"a":1}\n{"b":2}\n\x00', b"application/x-ndjson"),
    (b"a=%ff&a=%00&grant_type=password&username=%00&password=%ff", b"application/x-www-form-urlencoded"),
    (b"&" * 20_000, b"application/x-www-form-urlencoded"),
    (b"--x\r\n\r\n", b"multipart/form-data; boundary=x"),
    (b"--x\r\ncontent-disposition: form-data; name=file\r\n\r\n\x00\r\n--x--\r\n", b"multipart/form-data; boundary=x"),
    (
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="\xff\x00"\r\n\r\nMZ\r\n--x--',
        b"multipart/form-data; boundary=x",
    ),
    (b"--x", b"multipart/form-data"),
    (b"no boundary at all", b"multipart/form-data; boundary=" + b"y" * 5000),
    (b"\x1f\x8b\x08\x00", b"application/gzip"),
]


@pytest.mark.timeout(0 if DEEP else 180)
@pytest.mark.parametrize("fuzzed", cases(NAMES), indirect=True)
def test_bodies_that_no_client_means(fuzzed: Fuzzed) -> None:
    """On every operation that writes, whether it says that it takes a body or not."""
    chance = random.Random(1)
    found: list[str] = []
    for template, operations in fuzzed.document["paths"].items():
        path = re.sub(r"\{([^}]+)\}", lambda match: str(fuzzed.world.known.get(match[1], ["x"])[0]), template)
        path = path.replace("https://id.gs1.org/", "")
        for method, operation in operations.items():
            if method not in ("post", "put", "patch", "delete") or template.endswith(":replay"):
                continue
            for content, media in BODIES:
                headers = fuzzed.headers(operation["x-policy"], chance)
                if media:
                    headers["content-type"] = media.decode()
                answer = send(fuzzed, method.upper(), path, content, headers)
                told = wrong(answer, template, set(operation["responses"]))
                if told:
                    found.append(f"{method.upper()} {template} {content[:40]!r} {media[:40]!r}: {told}")
    assert not found, "\n".join(found)


QUERIES: list[bytes] = [
    b"%00",
    b"a%00b",
    b"%ff%fe",
    b"%ed%a0%80",
    b"x" * 60_000,
    b"9" * 400,
    b"9223372036854775808",
    b"-1",
    b"1e9",
    b"nan",
    b"0001-01-01",
    b"9999-12-31",
    b"9999-12-31T23:59:59-14:00",
    b"0001-01-01T00:00:00%2B14:00",
    b"%F0%9F%8D%8E",
    b"%25%5F%5C",
    b"%27%22%3B--",
    b"=1%2B1",
    b"W10",
    b"WzFd",
    b"WzEsMiwzLDRd",
    b"W251bGwsbnVsbF0",
    b"WyJcdTAwMDAiLCJcdTAwMDAiXQ",
    b"WyIyMDI2LTExLTI0IixbXV0",
    b"%0d%0aSet-Cookie:%20a=b",
    b"",
]


@pytest.mark.timeout(0 if DEEP else 180)
@pytest.mark.parametrize("fuzzed", cases(NAMES), indirect=True)
def test_parameters_that_no_client_means(fuzzed: Fuzzed) -> None:
    """Every query, header and path parameter of every operation that reads; the others keep good values."""
    chance = random.Random(2)
    found: list[str] = []
    for template, operations in fuzzed.document["paths"].items():
        operation = operations.get("get")
        for parameter in (operation or {}).get("parameters", ()):
            for value in QUERIES:
                if not DEEP and chance.random() > 0.4:
                    continue
                target = _address(fuzzed, template, parameter, value)
                headers = fuzzed.headers(operation["x-policy"], chance)
                if parameter["in"] == "header":
                    headers[parameter["name"]] = value.decode("latin-1")
                answer = send(fuzzed, "GET", target, b"", headers, _query(fuzzed, operation, parameter, value))
                told = wrong(answer, template, {*operation["responses"], "404", "405"})
                if told:
                    found.append(f"GET {template} {parameter['name']}={value[:60]!r}: {told}")
    assert not found, "\n".join(found)


SEGMENTS = [
    "%E5%BA%97",
    "%E2%80%AE",
    f"%22%3E{MARK}%22%3E;%20rel=%22next%22,%20%3C{MARK}%3E",
    f'"><{MARK}>;rel="x"',
    f"%0d%0aSet-Cookie:%20{MARK}=1",
    "%ff",
]


@pytest.mark.timeout(0 if DEEP else 180)
@pytest.mark.parametrize("fuzzed", cases(NAMES), indirect=True)
def test_no_address_writes_headers(fuzzed: Fuzzed) -> None:
    """Every route with every part of its path hostile, alone, behind a good value and in front of one, the undocumented
    pages too; and a hostile query, which links to other pages hold again."""
    chance = random.Random(3)
    found: list[str] = []
    links = tried = 0
    for route in fuzzed.app.fastapi.routes:
        if not isinstance(route, PolicyRoute) or route.path.endswith(":replay"):
            continue
        for (target, query), method in itertools.product(_hostile(fuzzed, route.path), sorted(route.methods or ())):
            headers = fuzzed.headers(route.policy.describe().en, chance)
            headers["accept"] = chance.choice(["application/json", "text/html", "*/*"])
            body = b"" if method in ("GET", "HEAD", "DELETE") else b"{}"
            headers |= {"content-type": "application/json"} if body else {}
            answer = send(fuzzed, method, target, body, headers, query)
            tried += 1
            links += bool(answer.header("link") or answer.header("location"))
            away = fuzzed.name == "gateway" and answer.status == 503
            told = f"{answer.status} {answer.body[:200]!r}" if answer.status >= 500 and not away else forged(answer)
            if told:
                found.append(f"{method} {target}?{query.decode()}: {told}")
    assert not found, "\n".join(found)
    assert tried > 50
    assert links or fuzzed.name == "indicators", "no answer leads anywhere, so this proves nothing"


def _hostile(fuzzed: Fuzzed, path: str) -> Iterator[tuple[str, bytes]]:
    """Paths and queries: good values in all parts of the path, then hostile ones in each in turn."""
    queries = itertools.cycle([b"limit=1", f'limit=1&{MARK}="<{MARK}>'.encode(), f"area=%22%3E{MARK}".encode()])
    names = re.findall(r"\{(\w+)", path)
    good = {name: str(fuzzed.world.known.get(name, ["x"])[0]).replace("https://id.gs1.org", "") for name in names}
    yield from zip([_filled(path, good)] * 3, queries, strict=False)
    for name in names:
        for value in SEGMENTS:
            for each in (value, good[name] + value, value + "/" + good[name].lstrip("/")):
                yield _filled(path, good | {name: each}), next(queries)


def _filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda match: values[match[1]], path)


def _address(fuzzed: Fuzzed, template: str, parameter: dict[str, Any], value: bytes) -> str:
    def filled(match: re.Match[str]) -> str:
        if match[1] == parameter["name"] and parameter["in"] == "path":
            return value.decode("latin-1") or "%20"
        return str(fuzzed.world.known.get(match[1], ["x"])[0]).replace("https://id.gs1.org/", "")

    return re.sub(r"\{([^}]+)\}", filled, template)


def _query(fuzzed: Fuzzed, operation: dict[str, Any], parameter: dict[str, Any], value: bytes) -> bytes:
    parts = []
    for one in operation["parameters"]:
        if one["in"] != "query":
            continue
        if one is parameter:
            parts.append(one["name"].encode() + b"=" + value)
        elif one.get("required"):
            parts.append(f"{one['name']}={fuzzed.world.known.get(one['name'], ['x'])[0]}".encode())
    return b"&".join(parts)
