"""The shipped catalogue: read, fingerprinted, compared. Pure but for reading the package's own file."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import orjson

from services.indicators.catalogue.targets import Rule

CATALOGUES = {"370600": "yantai_2018.json"}
"""City -> its plan."""


@cache
def shipped(city: str) -> Mapping[str, Any]:
    """The catalogue of the city's plan; empty for a city that ships none."""
    name = CATALOGUES.get(city)
    if name is None:
        return {"version": 0, "source": None, "sections": [], "targets": []}
    content = files("services.indicators.catalogue").joinpath("data", name).read_bytes()
    catalogue: Mapping[str, Any] = orjson.loads(content)
    return catalogue


def bodies(catalogue: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row | {"source": catalogue["source"]} for row in catalogue["targets"]]


def digest(body: Mapping[str, Any]) -> str:
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def changed(bodies: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Rows that are new or differ from what is known (`target_id -> digest`)."""
    return [body for body in bodies if known.get(body["id"]) != digest(body)]


def valid_from(body: Mapping[str, Any]) -> date:
    return date.fromisoformat(body["source"]["published_on"])


def rule_of(body: Mapping[str, Any], key: str) -> Rule:
    """The parsed rule of a catalogue row; `key` is its digest."""
    found = _RULES.get(key)
    if found is None:
        found = _RULES[key] = Rule.of(body)
    return found


_RULES: dict[str, Rule] = {}
"""Parsed once for each version of a row, however many questions are asked."""
