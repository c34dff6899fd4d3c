"""Every page of the portal in every state that the world of the tests can bring about."""

from dataclasses import dataclass

from tests.browser.world import APPLES, BLACK, PEANUTS, RED


@dataclass(frozen=True)
class Place:
    name: str
    path: str
    status: int = 200
    scan: bool = False
    like: str = ""
    """Built of the same parts as that place: not searched by axe again."""


PLACES = [
    Place("dashboard", "/"),
    Place("dashboard, one light", "/?light=at_risk", like="dashboard, all to attend to"),
    Place("dashboard, all to attend to", "/?light=attention"),
    Place("dashboard, another city", "/?area=511900"),
    Place("dashboard, area without data", "/?area=370602"),
    Place("dashboard, past day while indicators are down", "/?as_of=2018-12-31", like="dashboard"),
    Place("target", "/targets/agri_sampling_pass_rate"),
    Place("target, areas compared", "/targets/industrial_provincial_sampling_pass_rate?area=511900"),
    Place("target, a count", "/targets/logistics_firms_3A"),
    Place("target without data", "/targets/community_health_center_coverage"),
    Place("black list", "/lists/black"),
    Place("black list, nothing found", "/lists/black?q=福建一建"),
    Place("red list", "/lists/red?area=370686"),
    Place("enterprise, black", f"/enterprises/{BLACK}"),
    Place("enterprise, red", f"/enterprises/{RED}"),
    Place("enterprise, past day", f"/enterprises/{BLACK}?as_of=2026-03-01"),
    Place("scan entry", "/scan", scan=True),
    Place("scan, invalid code", "/scan?code=06901234567899", 400, scan=True),
    Place("scan, safe", f"/scan?code=/01/{APPLES}/10/QX261018A", scan=True),
    Place("scan, recalled", f"/scan?code=/01/{PEANUTS}/10/HS261030", scan=True),
    Place("scan, held", f"/scan?code=/01/{APPLES}/10/QX261020B", scan=True),
    Place("scan, expired", f"/scan?code=/01/{APPLES}/10/QX251018A", scan=True),
    Place("scan, unknown", f"/scan?code=/01/{APPLES}/10/NONE", scan=True),
    Place("scan, product only", f"/scan?code={PEANUTS}", scan=True),
    Place("recalls", "/recalls"),
    Place("recalls, nothing found", "/recalls?q=没有这个"),
    Place("recall, open", "/recalls/R1"),
    Place("recall, closed", "/recalls/R2"),
    Place("state", "/state"),
    Place("methods", "/methods"),
    Place("accessibility", "/accessibility"),
    Place("no such page", "/nothing/here", 404),
    Place("no such enterprise", "/enterprises/91370602MA3DEM0270", 404),
    Place("wrong parameters", "/?as_of=yesterday&light=green", 422),
]


def in_english(path: str) -> str:
    return "/en" + path


BOTH = [
    (place, path, lang) for place in PLACES for path, lang in ((place.path, "zh-CN"), (in_english(place.path), "en"))
]
APART = [at for at in BOTH if not at[0].like]


def name(at: tuple[Place, str, str]) -> str:
    return f"{at[0].name} ({at[2][:2]})"


IDS = [name(at) for at in BOTH]
