"""Parameters that no client means: never a 5xx, on either database."""

import pytest

from tests.support.app import Harness
from tests.traceability import food

HOSTILE = ["%00", "a%00b", "%ED%A0%80", "'%20OR%201=1--", "%F0%9F%8D%8E" * 200, "..%2F..", "%E2%80%AE"]
READS = [
    "verdicts/{}", "verdicts?code={}", "scans/{}", "codes/{}/linkset", "codes/{}/{}/qr.svg", "tests/{}",
    "tests?lot_id={}", "tests?cursor={}", "alerts/{}", "alerts?subject={}", "recalls/{}", "recalls?lot_id={}",
    "recalls?uscc={}", "recalls?cursor={}",
]  # fmt: skip
WRITES = ["tests/{}", "alerts/{}:close", "recalls/{}:start", "recalls/{}/notices/{}:acknowledge", "recalls/{}:close"]


@pytest.mark.parametrize("way", READS)
async def test_reads(traceability: Harness, way: str) -> None:
    for text in HOSTILE:
        for caller in (food.reviewer, food.laboratory):
            answer = await traceability.get(f"/v1/traceability/{way.replace('{}', text)}", as_=caller)
            assert answer.status_code < 500, (way, text, answer.text)


async def test_writes(traceability: Harness) -> None:
    await food.register(traceability)
    bodies = [
        {"reason": "a\x00bcdef"},
        {"outcome": "revoked", "note": "\x00\x00\x00\x00"},
        food.recall_body("\x00"),
        [],
    ]
    for way in WRITES:
        for text in HOSTILE:
            for body in bodies:
                path = f"/v1/traceability/{way.replace('{}', text)}"
                answer = await traceability.post(path, json=body, as_=food.officer)
                assert answer.status_code < 500, (way, text, body, answer.text)


async def test_bodies(traceability: Harness) -> None:
    await food.register(traceability)
    alert = (await food.record(traceability, result="fail"))["alerts"][0]
    recall = (await food.recall(traceability, food.GIFT_LOT))["recall_id"]
    nul = "a\x00bcdef"
    item = {"name": nul, "method": nul, "limit": nul, "value": nul, "unit": nul, "result": "pass"}
    report = food.report(number=nul, laboratory=nul, sample_id=nul, items=[item])
    for path, body, caller in (
        ("tests", report, food.laboratory),
        ("tests", food.report(lot_id=nul), food.laboratory),
        (f"alerts/{alert}:close", {"reason": nul}, food.reviewer),
        ("recalls", food.recall_body(food.PACKED_LOT, reason=nul, contact=nul), food.officer),
        ("recalls", food.recall_body(f"{food.PACKED}.\x00"), food.officer),
        (f"recalls/{recall}/quantities", {"holder": nul, "lot_id": food.GIFT_LOT, "note": nul}, food.officer),
        (f"recalls/{recall}:close", {"outcome": "revoked", "note": nul}, food.officer),
    ):  # fmt: skip
        answer = await traceability.post(f"/v1/traceability/{path}", json=body, as_=caller)
        assert answer.status_code == 422, (path, answer.text)
