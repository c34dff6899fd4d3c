"""Error pages: what is wrong, how to go on, and the reference under which the logs know it."""

from collections.abc import Sequence
from urllib.parse import unquote

from fastapi import Request
from starlette.responses import Response

from services.gateway.portal.formats import Lang
from services.gateway.portal.rendering import WORDS, bare_path, lang_of_path, render
from shared import context
from shared.errors import PlatformError


def error_page(
    request: Request, error: PlatformError, *, lang: Lang | None = None, hints: Sequence[str] = ()
) -> Response:
    """The page for an error. `hints` stand as a list below the explanation, before the errors' own words."""
    lang = lang or lang_of_path(request.url.path)
    words = WORDS[lang]
    heading, explanation = _words(request, error, lang)
    trace = context.current.get()
    return render(
        request,
        "error.html",
        lang=lang,
        title=words("error_prefix", title=heading),
        status=error.status,
        sheets=("pages.css",),
        headers=error.headers,
        code=error.status,
        heading=heading,
        explanation=explanation,
        details=[*hints, *((e.en if lang == "en" else e.zh) for e in error.errors)],
        guess=_guess(request),
        reference=trace.request_id if trace else None,
    )


def _words(request: Request, error: PlatformError, lang: Lang) -> tuple[str, str]:
    words = WORDS[lang]
    if error.status == 404:
        if error.code == "path":
            path = unquote(bare_path(request.url.path))
            return words("not_found_h1"), words("not_found_lead", path=path[:80])
        return words(f"no_{error.code}_h1"), error.text(lang)
    if error.status in (400, 422):
        return words("bad_request_h1"), words("bad_request_lead")
    if error.status == 503:
        return words("busy_h1"), words("busy_lead", seconds=error.headers.get("Retry-After", "30"))
    if error.status >= 500:
        return words("broken_h1"), words("broken_lead")
    return error.title(lang), error.text(lang)


def _guess(request: Request) -> str:
    """What the visitor was probably looking for: the last part of the path."""
    last = unquote(request.url.path).rstrip("/").rsplit("/", 1)[-1]
    return last[:100] if last not in ("en", "") else ""
