"""The OpenAPI document of a service: FastAPI's, with the problems that the platform itself answers for every route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.web import problems
from shared.web.routing import WRITES, PolicyRoute

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "重复同一个键得到第一次的答复 / Repeating a key gives the first answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
_WITHOUT_STORAGE = {"/healthz", "/asyncapi.json", "/.well-known/jwks.json"}


def openapi(app: FastAPI) -> dict[str, Any]:
    """Made once. Validation errors are problems here, not FastAPI's own form."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, openapi_version="3.1.0")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = problems.PROBLEM_SCHEMA
    issuer = app.state.platform.settings.issuer.rstrip("/")
    components.setdefault("securitySchemes", {})["oauth2"] = {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": f"{issuer}/oauth/token", "scopes": {}}},
    }
    for route in app.routes:
        if isinstance(route, PolicyRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                _complete(document["paths"][route.path_format][method.lower()], route, method)
    components["schemas"].pop("HTTPValidationError", None)
    components["schemas"].pop("ValidationError", None)
    app.openapi_schema = document
    return document


def _complete(operation: dict[str, Any], route: PolicyRoute, method: str) -> None:
    if method in WRITES and type(route) is PolicyRoute:
        operation.setdefault("parameters", []).append(_KEY)
    answers = operation["responses"]
    if "422" in answers and _is_fastapis(answers["422"]):
        del answers["422"]
    for status, described in problems.problem(*sorted(_common(operation, route, method))).items():
        answers.setdefault(str(status), described)
    operation["responses"] = dict(sorted(answers.items()))


def _common(operation: dict[str, Any], route: PolicyRoute, method: str) -> set[int]:
    """401: a token that does not hold is refused everywhere. 409 of a write: a key of another request."""
    found = {401}
    if not route.policy.public:
        found.add(403)
    if operation.get("parameters"):
        found |= {400, 422}
    if method in WRITES:
        found |= {409, 413} if type(route) is PolicyRoute else {413}
    if "requestBody" in operation:
        found |= {400, 415}
    if route.path not in _WITHOUT_STORAGE:
        found.add(503)
    return found


def _is_fastapis(answer: dict[str, Any]) -> bool:
    return "HTTPValidationError" in str(answer.get("content"))
