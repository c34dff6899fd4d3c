"""No cell of a CSV is run as a formula, and what is none stays as it is."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.csvtext import cell, line


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+A1", "-A1", "@SUM(A1)", "=cmd|' /C calc'!A0", "-2+3", "+", "-", "@"),
        *("＝1+1", "＋A1", "－A1", "＠x"),
        *(" =1+1", "\u3000=1+1", "\u200b=1+1", "\ufeff=1+1", "\x00=1+1", " \u2060\t@x", "\u202e=1"),
        *("\tx", "\rx", "\nx", "-1 件", "+86 535 1234567", "-Infinity", "-NaN"),
    ],
)
def test_what_would_be_run_is_text(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, ""), ("", ""), ("烟台=x", "烟台=x"), ("a-b", "a-b"), (" x", " x"), ("'=1", "'=1")),
        *((-5, "-5"), (Decimal("-5.20"), "-5.20"), ("-5.2", "-5.2"), ("+3", "+3"), ("-1e-7", "-1e-7"), (True, "True")),
    ],
)
def test_other_cells(value: object, text: str) -> None:
    assert cell(value) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=5))
def test_a_line_is_read_back(texts: list[str]) -> None:
    [read] = csv.reader(io.StringIO(line(texts), newline=""))
    assert read == [cell(text) for text in texts]
