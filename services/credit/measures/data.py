"""Reads the catalogue of measures that ships with the service."""

import tomllib
from functools import cache
from importlib.resources import files

from services.credit.measures.rules import Catalogue, Measure
from services.credit.rulebook.rules import Named


@cache
def catalogue() -> Catalogue:
    text = files("services.credit.measures").joinpath("data", "measures.toml").read_text(encoding="utf-8")
    loaded = tomllib.loads(text)
    rows = [dict(row) for row in loaded["measure"]]
    return Catalogue(
        measures=tuple(Measure(**row | {"from_": row.pop("from"), "until": row.pop("until", None)}) for row in rows),
        fields={row["code"]: Named(**row) for row in loaded["field"]},
    )
