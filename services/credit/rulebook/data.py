"""Reads the rows of law that ship with the service. A broken row stops the service at its start, not in a decision."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from services.credit.rulebook.rules import Ground, Named, PenaltyKind, Rule, Rulebook


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads(files("services.credit.rulebook").joinpath("data", name).read_text(encoding="utf-8"))


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    row = dict(row)
    return row | {"from_": row.pop("from"), "until": row.pop("until", None)}


@cache
def rulebook() -> Rulebook:
    grounds, penalties = _load("grounds.toml"), _load("penalties.toml")
    return Rulebook(
        rules=tuple(Rule(**{"number": None, "unit": None} | _dated(row)) for row in _load("rules.toml")["rule"]),
        grounds={row["code"]: Ground(**_dated(row)) for row in grounds["ground"]},
        penalties={row["code"]: PenaltyKind(**row) for row in penalties["kind"]},
        fields={row["code"]: Named(**row) for row in grounds["field"]},
    )
