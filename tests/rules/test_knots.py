"""Layers, over the syntax of the code: function bodies and what only the type checker sees are imports too.

No module of `shared/` and no domain of a service stands in a circle. The domains of a service stand in `app.py` in the
order of their layers, and none reaches what stands after it. Files directly in a service are the layer below its
domains; `app.py` and `consequences.py` stand above."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from shared.web import Domain

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("credit", "traceability", "indicators", "gateway")

ABOVE = {"app.py", "consequences.py"}

Graph = dict[str, set[str]]


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def reached(graph: Graph, start: str) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        for following in graph.get(waiting.pop(), set()) - found:
            found.add(following)
            waiting.append(following)
    return found


def circles(graph: Graph) -> set[frozenset[str]]:
    """The largest sets whose members reach each other."""
    reach = {node: reached(graph, node) for node in graph}
    return {
        frozenset(other for other in reach[node] if node in reach.get(other, ()))
        for node in graph
        if node in reach[node]
    }


def shared() -> Graph:
    """A package stands for what its `__init__` imports; within it, its own modules do not count it."""
    files = sorted((ROOT / "shared").rglob("*.py"))
    names = {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}
    graph: Graph = {}
    for name, file in names.items():
        found = {each for each in imported(file) if each in names and each != name and not name.startswith(each + ".")}
        graph[name] = found
    return graph


def domains(service: str) -> Graph:
    folder = ROOT / "services" / service
    graph: Graph = {}
    for file in folder.glob("*/**/*.py"):
        domain = file.relative_to(folder).parts[0]
        if domain == "migrations":
            continue
        for name in imported(file):
            parts = name.split(".")
            if parts[:2] == ["services", service] and len(parts) > 2 and (folder / parts[2]).is_dir():
                graph.setdefault(domain, set()).update({parts[2]} - {domain})
    return graph


def test_the_graph_sees_what_is_there() -> None:
    """A circle that is drawn is found, and edges that everybody knows are in the graphs."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"e"}}) == {
        frozenset("abc"),
        frozenset("e"),
    }
    assert "shared.wiring" in shared()["shared.platform"]
    assert "masterdata" in domains("traceability")["epcis"]


def test_shared_has_no_circle() -> None:
    assert circles(shared()) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_domain_stands_in_a_circle(service: str) -> None:
    assert circles(domains(service)) == set()


def declared(service: str) -> Sequence[Domain]:
    found: Sequence[Domain] = importlib.import_module(f"services.{service}.app").DOMAINS
    return found


def upwards(graph: Graph, order: Sequence[str]) -> list[tuple[str, str]]:
    """What reaches something that stands after it."""
    return [(low, high) for n, low in enumerate(order) for high in order[n + 1 :] if high in reached(graph, low)]


def test_an_import_that_goes_upwards_is_found() -> None:
    graph: Graph = {"a": {"x"}, "x": {"c"}, "b": {"a"}, "c": set()}
    assert upwards(graph, ["c", "a", "b"]) == []
    assert upwards(graph, ["a", "b", "c"]) == [("a", "c"), ("b", "c")]  # also by way of one that declares nothing


@pytest.mark.parametrize("service", SERVICES)
def test_domains_stand_in_the_order_of_their_layers(service: str) -> None:
    assert upwards(domains(service), [domain.name for domain in declared(service)]) == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_domain_that_declares_itself_is_taken_in(service: str) -> None:
    folders = {file.parent.name for file in (ROOT / "services" / service).glob("*/domain.py")}
    names = [domain.name for domain in declared(service)]
    assert sorted(folders | {"revocations", "attachments"} & set(names)) == sorted(names)


@pytest.mark.parametrize("service", SERVICES)
def test_files_of_the_service_know_no_domain(service: str) -> None:
    folder = ROOT / "services" / service
    found = {
        (file.name, name)
        for file in folder.glob("*.py")
        if file.name not in ABOVE
        for name in imported(file)
        if name.startswith(f"services.{service}.") and (folder / name.split(".")[2]).is_dir()
    }
    assert found == set()


@pytest.mark.parametrize(
    ("kind", "without"),
    [("rules", {"fastapi", "starlette", "sqlalchemy", "aiokafka"}), ("models", {"fastapi", "aiokafka"})],
)
def test_loading_one_file_does_not_load_the_web_or_the_rest_of_its_domain(kind: str, without: set[str]) -> None:
    files = sorted((ROOT / "services").glob(f"*/*/{kind}.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    assert len(names) > 15
    load = "; ".join(["import sys", *(f"import {name}" for name in names), "print(*sys.modules)"])
    done = subprocess.run([sys.executable, "-c", load], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert set(names) <= loaded
    roles = {"api", "service", "domain", "app", "repository"}
    assert {name for name in loaded if name.startswith("services.") and name.rsplit(".")[-1] in roles} == set()
    assert loaded & without == set()


def test_the_package_of_a_domain_is_a_docstring() -> None:
    for file in sorted((ROOT / "services").glob("*/*/domain.py")):
        package = ast.parse(file.with_name("__init__.py").read_text(encoding="utf-8"))
        assert [type(node) for node in package.body] in ([], [ast.Expr]), file
