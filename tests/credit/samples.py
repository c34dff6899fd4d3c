"""Invented enterprises, decisions and the people who handle them."""

from typing import Any

from services.credit.enterprises.api import WRITE as ENTERPRISES_WRITE
from services.credit.violations.api import WRITE as VIOLATIONS_WRITE
from shared.identifiers import uscc
from tests.support.app import Harness, department, staff

UNIT = department(VIOLATIONS_WRITE, ENTERPRISES_WRITE)
"""市市场监管局, Yantai."""
OTHER_UNIT = department(VIOLATIONS_WRITE, ENTERPRISES_WRITE, code="yt-nyj")
COUNTY = department(VIOLATIONS_WRITE, ENTERPRISES_WRITE, area="370602", client="zhifu")
ELSEWHERE = department(VIOLATIONS_WRITE, ENTERPRISES_WRITE, area="511900", client="bazhong")
OFFICER = staff("case_officer", user="li")
REVIEWER = staff("reviewer", user="wang")
BOTH = staff("case_officer", "reviewer", user="zhao")
PUBLISHER = staff("publisher", user="sun")


def code(number: int, division: str = "370600") -> str:
    """The number-th invented enterprise that an authority of the division registered: a conforming code."""
    organisation = f"MA{number:06d}"
    first = "91" + division + organisation + uscc.organisation_check_character(organisation)
    return first + uscc.check_character(first)


def violation(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A penalty with a heavy kind, as a unit pushes it."""
    return {
        "external_id": f"CASE-{number}",
        "uscc": code(number),
        "party_name": f"烟台样例食品{number}号有限公司",
        "area_code": "370602",
        "document_number": f"烟市监罚〔2026〕{number}号",
        "violation_type": "生产经营不符合食品安全标准的食品",
        "field": "food",
        "facts": "抽检检出毒死蜱残留超过食品安全标准限量",
        "legal_basis": "《中华人民共和国食品安全法》第一百二十四条",
        "penalty_kinds": ["fine", "production_stopped"],
        "fine_fen": 5_000_000,
        "decision_date": "2026-11-20",
    } | changes


async def push(credit: Harness, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Record a violation; answers the receipt."""
    answer = await credit.post("/v1/credit/violations", json=violation(number, **changes), as_=UNIT)
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def proposal(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "colour": "black",
        "uscc": code(number),
        "ground_code": "food.contaminated",
        "facts": "农药残留超标，责令停产停业",
    } | changes


NOTICE = {"served_on": "2026-11-24", "document_number": "烟市监列告〔2026〕1号"}
WAIVER = {"how": "waived", "on": "2026-11-24", "document_number": "放弃听证声明书1号"}
DECISION = {
    "outcome": "list",
    "decided_on": "2026-11-24",
    "document_number": "烟市监列决〔2026〕1号",
    "reason": "性质恶劣、情节严重",
}


async def step(
    credit: Harness, listing: str, act: str, body: dict[str, Any], who: Any, status: int = 200
) -> dict[str, Any]:
    answer = await credit.post(f"/v1/credit/listings/{listing}/{act}", json=body, as_=who)
    assert answer.status_code == status, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def propose(credit: Harness, number: int = 1, **changes: Any) -> str:
    """Record a heavy penalty and propose the black listing that rests on it."""
    receipt = await push(credit, number)
    body = proposal(number, violation_id=receipt["violation_id"], **changes)
    answer = await credit.post("/v1/credit/listings", json=body, as_=OFFICER)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["listing_id"])


async def blacklist(credit: Harness, number: int = 1) -> tuple[str, str]:
    """The whole procedure; answers listing and violation."""
    listing = await propose(credit, number)
    await step(credit, listing, "notice", NOTICE, OFFICER)
    await step(credit, listing, "hearing", WAIVER, OFFICER)
    await step(credit, listing, "decision", DECISION, REVIEWER)
    published = await step(credit, listing, "publication", {}, PUBLISHER)
    return listing, published["violation_id"]


def pointers(answer: Any) -> dict[str, str]:
    """Pointer -> code of every wrong place of a problem."""
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}
