"""Reads the dated tables of `data/`."""

import csv
from datetime import date
from pathlib import Path

DATA = Path(__file__).parent / "data"


def rows(name: str | Path) -> list[dict[str, str]]:
    """Rows of a table of `data/`, or of a file of the same form elsewhere."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> date | None:
    """`2020-06-05`, or the first day of `2018-06` or `1983` where a source tells no more; None for an empty text."""
    if not text:
        return None
    year, month, dom = (*map(int, text.split("-")), 1, 1)[:3]
    return date(year, month, dom)


def in_force(valid_from: date | None, valid_until: date | None, on: date) -> bool:
    """`valid_from <= on < valid_until`; a missing bound is open."""
    return (valid_from is None or valid_from <= on) and (valid_until is None or on < valid_until)
