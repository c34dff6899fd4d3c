"""No module of `shared/` and no domain of a service stands in a circle of imports, in function bodies and for the type
checker included; and within a service, reads go downwards."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("credit", "traceability", "indicators", "gateway")

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
