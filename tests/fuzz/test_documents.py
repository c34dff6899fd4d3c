"""The OpenAPI documents: valid 3.1, nothing dangling, one name for an operation, every answer of the platform told."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi import definitions

from tests.fuzz.world import NAMES, Fuzzed

DOCUMENTS = [*(f"{name}-sqlite" for name in NAMES), "all-sqlite"]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def nodes(value: Any, path: str = "#") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from nodes(part, f"{path}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from nodes(part, f"{path}/{index}")


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), f"{reference} is not of this document"
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method.upper(), path, item[method]


@pytest.mark.parametrize("fuzzed", DOCUMENTS, indirect=True)
def test_the_document_is_valid(fuzzed: Fuzzed) -> None:
    document = json.loads(json.dumps(fuzzed.document))
    assert document["openapi"].startswith("3.1")
    errors = [
        f"{error.instance_path}: {error.message[:200]}"
        for error in definitions.OPENAPI_31_VALIDATOR.iter_errors(document)
    ]
    assert not errors, "\n".join(errors)
    wrong = []
    for path, node in nodes(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            try:
                resolve(document, node["$ref"])
            except (KeyError, AssertionError) as error:
                wrong.append(f"{path}: {node['$ref']}: {error!r}")
    assert not wrong, "\n".join(wrong)
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert name.isidentifier() or name.replace("-", "").replace(".", "").isidentifier(), name


@pytest.mark.parametrize("fuzzed", DOCUMENTS, indirect=True)
def test_operations_have_one_name_and_their_parameters(fuzzed: Fuzzed) -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations(fuzzed.document))
    assert not {name: count for name, count in names.items() if count > 1}
    for method, path, operation in operations(fuzzed.document):
        given = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        wanted = {part.partition("}")[0] for part in path.split("{")[1:]}
        assert given == wanted, f"{method} {path}"


@pytest.mark.parametrize("fuzzed", DOCUMENTS, indirect=True)
def test_what_the_platform_answers_everywhere_is_told(fuzzed: Fuzzed) -> None:
    missing = []
    for method, path, operation in operations(fuzzed.document):
        answers = set(operation["responses"])
        wanted = {"401"} if "public" in operation["x-policy"] else {"401", "403"}
        if method in {"POST", "PUT", "PATCH", "DELETE"} and path != "/oauth/token":
            wanted |= {"413"}
        if "requestBody" in operation:
            wanted |= {"400"}
        if wanted - answers:
            missing.append(f"{method} {path}: {sorted(wanted - answers)}")
        for status, answer in operation["responses"].items():
            if status >= "400" and path not in {"/oauth/token", "/readyz"}:
                assert "application/problem+json" in answer["content"], f"{method} {path} {status}"
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_the_merged_document_has_the_whole_of_the_others(fuzzed: Fuzzed) -> None:
    """And what the gateway itself answers when one of them is away or slow."""
    assert fuzzed.document["x-missing"] == []
    owners = ("/v1/indicators", "/v1/credit", "/v1/traceability", "/epcis")
    behind = [one for one in operations(fuzzed.document) if one[1].startswith(owners)]
    assert len(behind) > 80
    for method, path, operation in behind:
        assert {"503", "504"} <= set(operation["responses"]), f"{method} {path}"
