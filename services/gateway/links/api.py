"""`/01/{gtin}/10/{lot}/21/{serial}` and its shorter forms, and `/.well-known/gs1resolver`."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from services.gateway.feed.api import base_url
from services.gateway.links import rules
from services.gateway.links.rules import LINKSET
from services.gateway.portal.pages import scan_page
from services.gateway.proxy.api import unavailable
from services.gateway.scans import body, schemas, views
from services.gateway.scans.api import count
from services.gateway.upstreams.answers import view_response
from services.gateway.upstreams.client import UpstreamError
from services.gateway.upstreams.clients import UPSTREAMS
from shared.auth import Public
from shared.errors import NotFound
from shared.i18n import Lang
from shared.identifiers.digital_link import Code
from shared.web import CurrentPlatform, RequestLang, Router, allow, problem
from shared.web.header_values import link_to
from shared.web.limits import rate_of

if TYPE_CHECKING:
    from shared.platform import Platform

router = Router(tags=["digital link"])
_OPEN = {"Vary": "Accept, Accept-Language", "Access-Control-Allow-Origin": "*"}
"""Scripts of any site may read what a resolver says: it is public and carries no cookie."""


@router.get(
    "/01/{code:path}",
    response_model=schemas.ScanAnswer,
    responses={
        200: {"content": {"text/html": {}, LINKSET: {}}},
        307: {"description": "To the link of the asked `linkType`"},
        **problem(400, 404, 503),
    },
)
@allow(Public())
async def digital_link(
    code: str,
    request: Request,
    platform: CurrentPlatform,
    lang: RequestLang,
    link_type: Annotated[
        str | None, Query(alias="linkType", max_length=200, description="`linkset`, or a GS1 link type")
    ] = None,
) -> Response:
    """GS1 Digital Link: `/01/{gtin}`, with `/10/{lot}`, `/21/{serial}` or both behind.

    HTML for a browser, JSON for an app; `linkType=linkset` (or `Accept: application/linkset+json`) gives all links (RFC
    9264), another `linkType` leads to that link. A path that is no code is a 400 that says which character is wrong.
    """
    raw: bytes = request.scope.get("raw_path") or f"/01/{code}".encode()
    accept = request.headers.get("accept", "")
    wants = rules.wanted(accept, link_type)
    text = raw.decode("latin-1")
    if wants == "page":
        response = await scan_page(platform, request, text)
        if response.status_code == 200:
            count(platform, views.code_in_path(raw), request.headers.get("x-scan-area"), rate_of(request.scope))
        return response
    parsed = views.code_in_path(raw)
    if wants == "verdict":
        view = await views.of_code(platform, parsed)
        count(platform, parsed, request.headers.get("x-scan-area"), rate_of(request.scope))
        # Of the code that was read: anything may stand before one in an address, and would say the links itself.
        headers = {"Link": link_to(f"{parsed.path}?linkType=linkset", "linkset", LINKSET), **_OPEN}
        return view_response(body.answer(view, parsed, lang), headers=headers)
    linkset = await _linkset(platform, request, parsed, lang)
    if wants == "linkset":
        return Response(orjson.dumps(linkset), media_type=LINKSET, headers=_OPEN)
    assert link_type is not None
    target = rules.target(linkset, link_type)
    if target is None:
        raise NotFound(
            "link_type",
            zh=f"这个码没有 {link_type} 类型的链接；可用的见 ?linkType=linkset",
            en=f"This code has no link of type {link_type}; see ?linkType=linkset for those there are",
        )
    return RedirectResponse(rules.with_query(target, request.url.query), status_code=307, headers=_OPEN)


# A resolver answers HEAD as GET (GS1-Conformant Resolver Standard); one operation in the document is enough.
router.add_api_route("/01/{code:path}", digital_link, methods=["HEAD"], include_in_schema=False)


async def _linkset(platform: "Platform", request: Request, code: Code, lang: Lang) -> Any:
    """Traceability's linkset, with the gateway as anchor and host."""
    upstreams = UPSTREAMS.of(platform)
    path = f"/v1/traceability/codes/{quote(code.uri(), safe='')}/linkset"
    headers = {"accept": LINKSET, "accept-language": "en" if lang == "en" else "zh-CN"}
    deadline = upstreams.deadline(request.headers.get("x-request-deadline-ms"))
    try:
        answer = await upstreams.clients["traceability"].get_json(path, deadline=deadline, headers=headers)
    except UpstreamError as error:
        raise unavailable(error) from error
    if answer is None:
        raise NotFound("code", zh="没有这个码的链接", en="There are no links for this code")
    return rules.absolute(answer, base_url(platform, request))


@router.get("/.well-known/gs1resolver")
@allow(Public())
async def resolver(request: Request, platform: CurrentPlatform) -> dict[str, Any]:
    """Description of this resolver (GS1-Conformant Resolver Standard)."""
    return {
        "name": "Pinzhi 品质",
        "resolverRoot": base_url(platform, request),
        "supportedPrimaryKeys": ["01"],
        "linkTypeDefaultCanBeLinkset": False,
        "supportedLinkType": [{"namespace": "https://ref.gs1.org/voc/", "prefix": "gs1:"}],
        "supportedContextValuesEnumerated": [],
    }
