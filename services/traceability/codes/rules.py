"""The link set behind a code, in the JSON form of RFC 9264. Pure."""

from typing import Any
from urllib.parse import quote

from shared.i18n import Text

VOC = "https://gs1.org/voc/"
"""Link types of the GS1 Web Vocabulary."""
CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"
"""Makes the JSON readable as JSON-LD (GS1-Conformant Resolver standard)."""


def linkset(uri: str, base: str, name: Text, events: str, recalled: bool, tested: bool) -> dict[str, Any]:
    """All links of one code. `uri`: its Digital Link on this platform; `base`: address of the platform; `events`: the
    EPCIS query for it."""
    escaped = quote(uri, safe="")
    verdict = f"{base}/v1/traceability/verdicts/{escaped}"
    page = {"href": uri, "type": "text/html", "hreflang": ["zh", "en"]} | _titles(name)
    status = Text("正在召回", "Recalled") if recalled else Text("没有召回", "Not recalled")
    links: dict[str, Any] = {
        "anchor": uri,
        f"{VOC}defaultLink": [page],
        f"{VOC}pip": [page],
        f"{VOC}traceability": [_json(verdict, Text("追溯结论和流转过程", "Verdict and journey"))],
        f"{VOC}recallStatus": [_json(verdict, status)],
        f"{VOC}epcis": [_json(f"{base}/epcis/events?{events}", Text("EPCIS 事件", "EPCIS events"))],
    }
    if tested:
        links[f"{VOC}certificationInfo"] = [_json(verdict, Text("检验报告摘要", "Summaries of test reports"))]
    return {"linkset": [links]}


def _json(href: str, title: Text) -> dict[str, Any]:
    return {"href": href, "type": "application/json", "hreflang": ["zh", "en"]} | _titles(title)


def _titles(text: Text) -> dict[str, Any]:
    return {
        "title": text.zh,
        "title*": [{"value": text.zh, "language": "zh"}, {"value": text.en, "language": "en"}],
    }
