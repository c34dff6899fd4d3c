"""Questions and their recorded answers: asked, freed of what is volatile, compared, differences declared.

An answer is `{"status": 200, "type": "application/json", "body": ...}`; JSON is kept parsed, all else as text.
"""

import asyncio
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx

VOLATILE = {
    "age_seconds": "the age of a part is told by the machine's own clock",
    "ms": "how long a part took",
    "request_id": "made anew for each request",
    "instance": "names the request",
    "pid": "of the process",
}
"""Names of JSON members whose values differ between two runs on the same data, with the reason. Nothing else may."""
_AT_ONCE = 8


@dataclass(frozen=True)
class Question:
    """One request; `caller` is a demo account's name, or empty for nobody in particular."""

    name: str
    path: str
    caller: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """What differs on purpose: `answers` and `paths` are patterns (`*`) of names of questions and JSON pointers."""

    answers: str
    paths: Sequence[str]
    changelog: str
    """The bullet of CHANGELOG.md that tells it, or an unmistakable part of it."""


@dataclass(frozen=True)
class Found:
    """One place of one answer that is not as recorded."""

    question: str
    path: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.question} {self.path}: {_short(self.before)} -> {_short(self.now)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 300 else text[:300] + "…"


async def ask(base: str, questions: Sequence[Question]) -> dict[str, dict[str, Any]]:
    """Name -> answer. Every caller gets one token from the issuer of this data."""
    answers: dict[str, dict[str, Any]] = {}
    turn = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(base_url=base, timeout=30) as http:
        tokens = {caller: await token(http, caller) for caller in sorted({q.caller for q in questions} - {""})}

        async def one(question: Question) -> None:
            headers = dict(question.headers)
            if question.caller:
                headers["Authorization"] = f"Bearer {tokens[question.caller]}"
            async with turn:
                response = await http.get(question.path, headers=headers)
            answers[question.name] = _answer(response)

        await asyncio.gather(*(one(question) for question in questions))
    return {question.name: answers[question.name] for question in questions}


async def token(http: httpx.AsyncClient, caller: str) -> str:
    from deploy.demo import accounts

    client = next((each for each in accounts.CLIENTS if each.client_id == caller), None)
    if client is not None:
        form = {"grant_type": "client_credentials", "client_id": caller, "client_secret": client.secret}
    else:
        user = next(each for each in accounts.USERS if each.username == caller)
        form = {"grant_type": "password", "username": caller, "password": user.secret}
    response = await http.post("/oauth/token", data=form)
    assert response.status_code == 200, f"no token for {caller}: {response.text}"
    return str(response.json()["access_token"])


def _answer(response: httpx.Response) -> dict[str, Any]:
    kind = response.headers.get("content-type", "").partition(";")[0]
    body: Any = response.text
    if kind.endswith("json"):
        body = stable(response.json())
    return {"status": response.status_code, "type": kind, "body": body}


def stable(value: Any) -> Any:
    """The same value without what is volatile by name."""
    if isinstance(value, dict):
        return {name: "volatile" if name in VOLATILE else stable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [stable(part) for part in value]
    return value


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Found]:
    """Every place at which an answer is not as it was."""
    return [found for name in before for found in _differ(name, "", before[name], now.get(name))]


ABSENT = "(absent)"


def _differ(name: str, path: str, before: Any, now: Any) -> Iterator[Found]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _differ(name, f"{path}/{escaped}", before.get(key, ABSENT), now.get(key, ABSENT))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differ(name, f"{path}/{number}", one, other)
    elif type(before) is not type(now) or before != now:
        yield Found(name, path, before, now)


def declared(file: Path) -> list[Difference]:
    """Of `differences.toml`."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("difference", [])
    return [Difference(entry["answers"], tuple(entry["paths"]), entry["changelog"]) for entry in entries]


def undeclared(
    found: Sequence[Found], differences: Sequence[Difference], used: Callable[[Difference], None] = lambda _: None
) -> list[Found]:
    """Those that no declared difference covers; `used` is told each one that covers something."""
    left = []
    for each in found:
        covering = [
            difference
            for difference in differences
            if fnmatchcase(each.question, difference.answers)
            and any(fnmatchcase(each.path, pattern) for pattern in difference.paths)
        ]
        for difference in covering:
            used(difference)
        if not covering:
            left.append(each)
    return left
