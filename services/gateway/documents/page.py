"""`/docs`: the merged OpenAPI document as one plain page. It loads nothing, so it works on an intranet."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_STYLE = (
    "body{font:16px/1.6 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;max-width:60rem;margin:0 auto;"
    "padding:1rem;color:#18212B;background:#F5F6F4}code{font-size:.95em;overflow-wrap:anywhere}a{color:#0B5394}"
    "details{background:#fff;border:1px solid #D5DBDF;border-radius:8px;margin:.5rem 0;padding:.25rem .75rem}"
    "summary{cursor:pointer;min-height:24px}summary b{display:inline-block;min-width:4.5rem}pre{white-space:pre-wrap}"
    "td,th{text-align:left;vertical-align:top;padding:.15rem .75rem .15rem 0}small{color:#4A5661}"
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "Cache-Control": "no-cache",
}


def render(document: Mapping[str, Any]) -> str:
    """HTML of the document: operations by tag, each with who may call it, its parameters, body and answers."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                tag = (operation.get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(method, path, operation))
    missing = document.get("x-missing")
    note = f"<p><strong>暂时缺少 / missing: {escape(', '.join(missing))}</strong></p>" if missing else ""
    sections = "".join(
        f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>{"".join(items)}</section>'
        for tag, items in sorted(groups.items())
    )
    links = " · ".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in sorted(groups))
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>接口 API – 品质 Pinzhi</title><style>{_STYLE}</style></head><body><main><h1>接口 API</h1>"
        '<p><a href="/openapi.json">OpenAPI</a> · <a href="/asyncapi.json">AsyncAPI</a> · <a href="/">首页 Home</a></p>'
        f"{note}<nav><p>{links}</p></nav>{sections}</main></body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    policy = operation.get("x-policy")
    parts = [
        f"<p><small>{escape(policy)}</small></p>" if policy else "",
        f"<pre>{escape(operation['description'])}</pre>" if operation.get("description") else "",
        _parameters(operation.get("parameters", ())),
        _body(operation.get("requestBody")),
        _answers(operation.get("responses", {})),
    ]
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"<small>{escape(operation.get('summary', ''))}</small></summary>{''.join(parts)}</details>"
    )


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}"
        f"{' *' if one.get('required') else ''}</td><td>{escape(_type(one.get('schema', {})))}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in parameters
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _body(body: Mapping[str, Any] | None) -> str:
    if not body:
        return ""
    kinds = [f"{kind}: {_type(content.get('schema', {}))}" for kind, content in body.get("content", {}).items()]
    return f"<p>请求体 Body: <code>{escape('; '.join(kinds))}</code></p>"


def _answers(answers: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td>"
        f"<td><code>{escape('; '.join(_kinds(answer)))}</code></td></tr>"
        for status, answer in answers.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _kinds(answer: Mapping[str, Any]) -> list[str]:
    return [f"{kind}: {_type(content.get('schema', {}))}" for kind, content in answer.get("content", {}).items()]


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " | ".join(_type(one) for one in schema[word])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    return str(schema.get("const") or schema.get("format") or schema.get("type") or "")
