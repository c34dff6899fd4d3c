"""What a decision says about remedies where the unit gives no words of its own."""

import tomllib
from functools import cache
from importlib.resources import files

from shared.i18n import Text


@cache
def remedies() -> dict[str, Text]:
    text = files("services.credit.listings").joinpath("remedies.toml").read_text(encoding="utf-8")
    return {colour: Text(row["zh"], row["en"]) for colour, row in tomllib.loads(text).items()}
