"""`docs/coverage.csv` says what the plan's 99 systems have become. A row is one of

done        module, endpoint and test are named, and exist
planned     `planned`, with the place in the note
outside     `outside, because ...`: what is not software
"""

import ast
import csv
import importlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.topology import SERVICES
from tests.support.reference import ROOT, reference

COLUMNS = ["number", "name_zh", "module", "endpoint", "test", "note"]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"}
Row = dict[str, str]


def table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


ROWS = table(ROOT / "docs" / "coverage.csv")
DONE = [row for row in ROWS if row["module"] != "planned" and not row["module"].startswith("outside")]


def problems_of(row: Row, operations: set[str]) -> list[str]:
    """Everything that is wrong with one row; `operations` are those of the services' OpenAPI documents."""
    if row["module"] == "planned":
        wrong = [] if row["note"] else ["a planned row names its place in the note"]
        return wrong + [f"a planned row has no {column}" for column in ("endpoint", "test") if row[column]]
    if row["module"].startswith("outside"):
        reason = row["module"].removeprefix("outside, because ")
        good = reason != row["module"] and len(reason) > 20
        wrong = [] if good else ["write `outside, because ...` with a reason"]
        return wrong + [f"a row outside has no {column}" for column in ("endpoint", "test") if row[column]]
    found = [f"no {column}" for column in ("module", "endpoint", "test") if not row[column]]
    found += [f"module {module} does not exist" for module in parts(row["module"]) if not module_exists(module)]
    found += [f"endpoint {each} is in no service" for each in parts(row["endpoint"]) if each not in operations]
    found += [f"test {node} does not exist" for node in parts(row["test"]) if not node_exists(node)]
    return found


def parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def module_exists(module: str) -> bool:
    """A folder with Python files, or a Python file, of the product: `services/credit/listings`."""
    path = ROOT / module
    inside = re.match("(services|shared|deploy)/[a-z]", module) is not None and ".." not in module
    return inside and (any(path.glob("*.py")) if path.is_dir() else path.suffix == ".py" and path.is_file())


def node_exists(node: str) -> bool:
    """`tests/credit/test_listings.py::test_x` or `...::TestX::test_y`, without parameters."""
    file, *names = node.split("::")
    path = ROOT / file
    if not names or not file.startswith("tests/") or not path.is_file():
        return False
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for depth, name in enumerate(names, 1):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef) if depth == len(names) else (ast.ClassDef,)
        named = [each for each in body if isinstance(each, kinds) and each.name == name]
        if not named or (depth == len(names) and not name.startswith("test")):
            return False
        body = named[0].body
    return True


def operations_of(document: dict[str, Any]) -> set[str]:
    """`POST /v1/credit/violations` for each operation of an OpenAPI document."""
    return {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method.upper() in METHODS
    }


@cache
def operations() -> frozenset[str]:
    """The operations of all services, from the documents that they serve."""
    found: set[str] = set()
    for service in SERVICES:
        module, factory = service.factory.split(":")
        settings_module, settings = service.settings.split(":")
        made = getattr(importlib.import_module(settings_module), settings)
        app = getattr(importlib.import_module(module), factory)(made(bus_url="memory:"))
        found |= operations_of(json.loads(json.dumps(app.fastapi.openapi())))
    return frozenset(found)


def test_rows_are_those_of_the_plan_s_systems() -> None:
    systems = table(reference("plan/systems.csv"))
    assert [(row["number"], row["name_zh"]) for row in ROWS] == [
        (str(number), system["name_zh"]) for number, system in enumerate(systems, 1)
    ]


def test_the_table_is_whole() -> None:
    assert list(ROWS[0]) == COLUMNS
    assert [row["number"] for row in ROWS] == [str(number) for number in range(1, 100)]
    assert all(row["name_zh"] and row["module"] and None not in row for row in ROWS)


def test_planned_and_outside_rows_say_where_and_why() -> None:
    others = [row for row in ROWS if row not in DONE]
    assert {row["number"]: wrong for row in others if (wrong := problems_of(row, set()))} == {}


def test_what_is_done_exists() -> None:
    wrong = {row["number"]: found for row in DONE if (found := problems_of(row, set(operations())))}
    assert wrong == {}


GOOD = {
    "number": "1",
    "name_zh": "x",
    "module": "shared/reference",
    "endpoint": "GET /v1/x",
    "test": "tests/unit/test_coverage_table.py::test_rows_are_those_of_the_plan_s_systems",
    "note": "",
}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"module": ""}, "no module"),
        ({"endpoint": ""}, "no endpoint"),
        ({"test": ""}, "no test"),
        ({"module": "services/none"}, "services/none does not exist"),
        ({"module": "../shared"}, "does not exist"),
        ({"module": "tests/unit"}, "does not exist"),
        ({"endpoint": "POST /v1/x"}, "is in no service"),
        ({"endpoint": "GET /v1/x; GET /v1/y"}, "GET /v1/y is in no service"),
        ({"test": "tests/unit/test_coverage_table.py"}, "does not exist"),
        ({"test": "tests/unit/test_coverage_table.py::test_none"}, "does not exist"),
        ({"test": "tests/unit/test_coverage_table.py::table"}, "does not exist"),
        ({"test": "tests/unit/none.py::test_x"}, "does not exist"),
        ({"module": "planned"}, "names its place"),
        ({"module": "planned", "note": "services/x"}, "a planned row has no endpoint"),
        ({"module": "outside"}, "with a reason"),
        ({"module": "outside, because no"}, "with a reason"),
    ],
)
def test_the_check_bites(change: Row, wrong: str | None) -> None:
    found = problems_of(GOOD | change, {"GET /v1/x"})
    assert (wrong in " / ".join(found)) if wrong else found == []


def test_nodes_inside_classes_are_found() -> None:
    assert node_exists(
        "tests/unit/attachments/test_store.py::TestDisk::test_damage_is_noticed_and_healed_by_the_next_put"
    )
    assert not node_exists("tests/unit/attachments/test_store.py::TestDisk::test_none")
    assert not node_exists("tests/unit/attachments/test_store.py::TestNone::test_damage_is_noticed")
