"""Service state and the two static pages."""

from starlette.responses import Response

from services.gateway import views
from services.gateway.portal.query import Ask
from services.gateway.portal.rendering import WORDS, render
from services.gateway.portal.routing import Pages
from services.gateway.portal.texts.prose import ACCESSIBILITY, METHODS

pages = Pages()
LIGHTS = {"up": "met", "degraded": "at_risk", "down": "breached", "unknown": "no_data"}


@pages.page("/state")
async def state(ask: Ask) -> Response:
    view = await views.state_view(ask.platform)
    answer = render(
        ask.request,
        "state.html",
        lang=ask.lang,
        title=WORDS[ask.lang]("state_h1"),
        sheets=("pages.css",),
        view=view,
        service_light=LIGHTS,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.page("/methods")
async def methods(ask: Ask) -> Response:
    return _prose(ask, "methods", *METHODS[ask.lang])


@pages.page("/accessibility")
async def accessibility(ask: Ask) -> Response:
    return _prose(ask, "accessibility", *ACCESSIBILITY[ask.lang])


def _prose(ask: Ask, name: str, lead: str, blocks: object) -> Response:
    heading = WORDS[ask.lang](f"{name}_h1")
    return render(
        ask.request,
        "prose.html",
        lang=ask.lang,
        title=heading,
        sheets=("pages.css",),
        heading=heading,
        lead=lead,
        blocks=blocks,
    )
