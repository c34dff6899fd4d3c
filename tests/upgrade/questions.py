"""The 200 questions of the gate: public and as several kinds of caller, over everything that the story made."""

from collections.abc import Sequence
from urllib.parse import quote

from tests.upgrade.answers import Question

COUNT = 200
ENGLISH = {"Accept-Language": "en"}
_STAFF = ("demo-officer", "demo-reviewer", "demo-publisher", "demo-quality")


def questions(ids: dict[str, list[str]]) -> list[Question]:
    """Names are `<kind>/<number>/<caller>`; exactly `COUNT`."""
    made: list[Question] = []

    def add(kind: str, paths: Sequence[str], callers: Sequence[str] = ("",), **headers: str) -> None:
        for path in paths:
            for caller in callers:
                number = sum(each.name.startswith(f"{kind}/") for each in made)
                made.append(Question(f"{kind}/{number}/{caller or 'public'}", path, caller, headers))

    lots, firms = ids["lot"], ids["uscc"]
    codes = [f"01/{gtin}/10/{lot}" for gtin, _, lot in (each.partition(".") for each in lots)]
    add("scan", [f"/v1/scan/{code}" for code in some(codes, 14)])
    add("scan-en", [f"/v1/scan/{code}" for code in (codes[0], codes[-1], "01/09521101530018/10/NONE")], **ENGLISH)
    add("verdict", [f"/v1/traceability/verdicts/https://example.org/{code}" for code in some(codes[3:], 7)])
    add("codes", [f"/v1/traceability/codes/{quote(codes[1], safe='')}/linkset", "/01/09521101530018/10/NONE"])
    callers = ("", "demo-unit", "demo-county", "demo-officer")
    add("enterprise", [f"/v1/enterprises/{code}" for code in (*firms[:3], firms[11])], callers)
    add("enterprise-as-of", [f"/v1/enterprises/{firms[0]}?as_of=2026-11-01"], ("", "demo-officer"))
    add("credit-file", [f"/v1/credit/enterprises/{code}" for code in firms[:3]], callers)
    add("search", ["/v1/credit/enterprises?q=样例食品7", "/v1/credit/enterprises?q=果业"])
    add("list", [f"/v1/lists/{colour}{query}" for colour in ("black", "red") for query in ("", "?limit=2", "?q=食品")])
    add("credit-list", [f"/v1/credit/lists/{colour}" for colour in ("black", "red")], ("", "demo-officer"))
    add("credit-list-csv", ["/v1/credit/lists/black?format=csv"])
    add("listing", [f"/v1/credit/listings/{each}" for each in ids["listing"]], ("demo-officer",))
    add("listing", [f"/v1/credit/listings/{each}" for each in ids["listing"][:5]])
    add("feed", ["/v1/feed?limit=20", "/v1/feed.atom?limit=10"])
    add("city", ["/v1/overview", "/v1/overview?area=370602"])
    targets = ("agri_sampling_pass_rate", "food_sampling_pass_rate", "logistics_firms_3A", "marine_ranch_demo_zones")
    add("target", [f"/v1/targets/{target}" for target in targets])
    add("target-status", [f"/v1/indicators/targets/{target}/status" for target in targets])
    add("series", [f"/v1/indicators/targets/{target}/series" for target in targets[:2]])
    add("ranking", [f"/v1/indicators/rankings/{targets[0]}", "/v1/indicators/dashboard", "/v1/indicators/counts"])
    add("observation", [f"/v1/indicators/observations?external_id={each}" for each in ids["observation"][:3]])
    add("observation", [f"/v1/indicators/observations?target={targets[0]}&history=true"])
    violations = [*ids["violation"][:2], *ids["published"][10:12], ids["corrected"][0], ids["withdrawn"][0]]
    add("violation", [f"/v1/credit/violations/{each}" for each in violations], ("", "demo-unit", "demo-county"))
    add("receipt", [f"/v1/credit/receipts/{each}" for each in ids["receipt"][::400]], ("demo-unit",))
    add("receipt", ["/v1/credit/receipts?external_id=CASE-00007"], ("demo-unit", "demo-county"))
    add("duty", ["/v1/credit/duties?overdue=true", "/v1/credit/leads"], ("demo-officer", "demo-unit"))
    add("measures", ["/v1/credit/measures", "/v1/credit/rulebook?on=2026-11-24"])
    add("recalls", ["/v1/recalls", "/v1/recalls?state=closed", "/v1/traceability/recalls"])
    add("recall", [f"/v1/recalls/{each}" for each in ids["recall"]])
    add(
        "recall-file", [f"/v1/traceability/recalls/{each}" for each in ids["recall"]], ("", "demo-officer", "demo-shop")
    )
    add("notices", ["/v1/traceability/notices"], ("demo-shop", "demo-wholesale"))
    traced = [f"/v1/traceability/lots/{each}/trace" for each in (lots[0], lots[-4])]
    add("trace", traced, ("demo-orchard", "demo-officer", "demo-shop", ""))
    add("trace", [f"/v1/traceability/lots/{lots[-5]}/trace?direction=forward"], ("demo-officer",))
    add("lot", [f"/v1/traceability/lots/{each}" for each in lots[1:4]], ("demo-orchard", "demo-officer"))
    add("lots", ["/v1/traceability/lots?gtin=09521101530018"], ("demo-orchard", "demo-officer"))
    epcis = ["/epcis/events?perPage=20", "/epcis/events?eventType=TransformationEvent&perPage=10"]
    add("epcis", epcis, ("demo-orchard", "demo-unit", "demo-shop", ""))
    add("tests", ["/v1/traceability/tests", "/v1/traceability/tests?result=fail"], ("demo-officer", "demo-orchard"))
    add("alerts", ["/v1/traceability/alerts"], ("demo-officer",))
    add("master", ["/v1/traceability/parties/93370686MADEM0A15K", "/v1/traceability/products/09521101530018"])
    add("attachment", ids["attachment"], ("", "demo-officer"))
    rest = COUNT - len(made)
    assert rest >= 0, f"{-rest} questions too many"
    add("scan-more", [f"/v1/scan/{code}" for code in some(codes[5:], rest)])
    assert len(made) == COUNT, len(made)
    return made


def some(found: Sequence[str], count: int) -> list[str]:
    """So many, spread over all."""
    return [found[number * len(found) // count] for number in range(count)]
