"""Who decides who supervises: areas of parties and places, owners of GTINs and GLNs, and what follows a lawful change.

The expectations are tables by hand; nothing here asks the code that decides.
"""

import asyncio
from typing import Any

import pytest

from shared.events.credit import EnterpriseUpdated
from shared.events.traceability import AlertOpened, PartyUpdated, RecallUpdated
from tests.support.app import Harness, department, enterprise, staff
from tests.support.callers import Caller
from tests.traceability import food
from tests.traceability.food import COOP, PACKED, PACKED_LOT, SHOP, ok, refused

BASE = "/v1/traceability"
WRITE = ("traceability:masterdata:write", "traceability:recalls:write", "traceability:tests:write")
READ = ("traceability:lots:read", "traceability:tests:read")
QIXIA, ZHIFU, YANTAI, SHANDONG, BEIJING, NATION = "370686", "370602", "370600", "370000", "110101", "100000"
REASON = "核对营业执照后变更"


def dept(area: str) -> Caller:
    return department(*WRITE, *READ, area=area, code=f"scjg-{area}")


def party(area: str = QIXIA, **more: Any) -> dict[str, Any]:
    return {"name": "栖霞示例果业专业合作社", "area_code": area, "roles": ["producer"]} | more


async def put_party(service: Harness, caller: Caller, area: str = QIXIA, **more: Any) -> Any:
    return await service.put(f"{BASE}/parties/{COOP}", json=party(area, **more), as_=caller)


async def register_says(service: Harness, area: str, source: str | None = "register", uscc: str = COOP) -> None:
    told = EnterpriseUpdated(uscc=uscc, name="示例", area_code=area, state="active", source=source)  # type: ignore[arg-type]
    await service.deliver(told)


def area_of(service: Harness, uscc: str = COOP) -> str:
    [(area,)] = service.rows("SELECT area_code FROM party WHERE uscc = $1", uscc)
    return str(area)


FIRST: list[tuple[str | None, str | None, str, str | None, bool]] = [
    # what the register says (area, source), the claim, the area of the department (None: the firm), taken
    (None, None, QIXIA, None, True),
    (None, None, BEIJING, None, False),
    (None, None, BEIJING, BEIJING, False),
    (None, None, ZHIFU, ZHIFU, True),
    (None, None, BEIJING, NATION, True),
    (QIXIA, "register", QIXIA, None, True),
    (QIXIA, "register", "370686001", None, True),
    (YANTAI, "register", QIXIA, None, True),
    (QIXIA, "register", YANTAI, None, False),
    (QIXIA, "register", ZHIFU, None, False),
    (QIXIA, "register", BEIJING, None, False),
    (QIXIA, "violation", ZHIFU, None, True),
    (QIXIA, None, ZHIFU, None, True),
    (None, None, QIXIA, QIXIA, True),
    (None, None, QIXIA, ZHIFU, False),
    (ZHIFU, "register", QIXIA, QIXIA, False),
    (ZHIFU, "register", QIXIA, YANTAI, True),
    (YANTAI, "register", QIXIA, QIXIA, True),
    (ZHIFU, "violation", QIXIA, QIXIA, True),
]


@pytest.mark.parametrize(("area", "source", "claim", "registrar", "taken"), FIRST)
async def test_the_first_area_is_what_credits_register_has(
    on_sqlite: Harness, area: str | None, source: str | None, claim: str, registrar: str | None, taken: bool
) -> None:
    if area is not None:
        await register_says(on_sqlite, area, source)
    answer = await put_party(on_sqlite, dept(registrar) if registrar else food.coop, claim)
    assert answer.status_code == (200 if taken else 403), answer.text


MOVES: list[tuple[str, str, str | None, str, bool]] = [
    # the present area, what the register says (stated by an authority), the caller's area (None: the firm), new, taken
    (QIXIA, "", None, ZHIFU, False),
    (QIXIA, "", None, BEIJING, False),
    (QIXIA, "", None, "370686001", False),
    (QIXIA, "", QIXIA, ZHIFU, False),
    (QIXIA, "", ZHIFU, ZHIFU, False),
    (QIXIA, "", BEIJING, BEIJING, False),
    (QIXIA, "", YANTAI, BEIJING, False),
    (QIXIA, "", YANTAI, ZHIFU, True),
    (QIXIA, "", NATION, BEIJING, True),
    (QIXIA, "", QIXIA, "370686001", True),
    # two authorities, by the register: the old one let it go there, the new one has it
    (QIXIA, BEIJING, BEIJING, BEIJING, True),
    (QIXIA, BEIJING, YANTAI, BEIJING, False),
    (QIXIA, BEIJING, None, BEIJING, False),
    # a claim from before the register was known is put right by the authority that the register names
    (BEIJING, QIXIA, QIXIA, QIXIA, True),
    (BEIJING, QIXIA, YANTAI, QIXIA, True),
    (BEIJING, QIXIA, ZHIFU, ZHIFU, False),
    (BEIJING, "violation", QIXIA, QIXIA, False),
]


@pytest.mark.parametrize(("present", "register", "caller", "new", "taken"), MOVES)
async def test_an_area_changes_only_by_an_authority_of_the_old_and_the_new(
    on_sqlite: Harness, present: str, register: str, caller: str | None, new: str, taken: bool
) -> None:
    ok(await put_party(on_sqlite, dept(NATION), present))
    if register:
        await register_says(on_sqlite, QIXIA if register == "violation" else register,
                            "violation" if register == "violation" else "register")  # fmt: skip
    answer = await put_party(on_sqlite, dept(caller) if caller else food.coop, new, reason=REASON)
    assert answer.status_code == (200 if taken else 403), answer.text
    assert area_of(on_sqlite) == (new if taken else present)
    if not taken:
        problem = answer.json()
        assert problem["code"] in ("party.area", "area")
        assert problem["code"] == "area" or f"PUT {BASE}/parties/{COOP}" in problem["detail"]


async def test_the_reason_of_a_move_is_given_and_audited(on_sqlite: Harness) -> None:
    ok(await put_party(on_sqlite, food.coop))
    answer = await put_party(on_sqlite, dept(YANTAI), ZHIFU)
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/reason", "register.reason")]
    ok(await put_party(on_sqlite, dept(YANTAI), ZHIFU, reason=REASON))
    [detail] = [
        text for (text,) in on_sqlite.rows("SELECT detail FROM audit_entry WHERE action = 'party.register'")
        if REASON in text
    ]  # fmt: skip
    assert QIXIA in detail
    assert ZHIFU in detail
    assert [event.area_code for event in on_sqlite.published(PartyUpdated)] == [QIXIA, ZHIFU]


async def test_what_the_authority_takes_over_follows_the_firm(traceability: Harness) -> None:
    await food.register(traceability)
    failed = await food.record(traceability, result="fail")
    recall = await food.recall(traceability, PACKED_LOT)
    ok(await put_party(traceability, dept(YANTAI), ZHIFU, reason=REASON))
    assert traceability.rows("SELECT DISTINCT area_code FROM product WHERE owner_uscc = $1", COOP) == [(ZHIFU,)]
    assert traceability.published(RecallUpdated)[-1].area_code == ZHIFU
    step = f"{BASE}/recalls/{recall['recall_id']}:start"
    refused(await traceability.post(step, as_=staff("case_officer", area=QIXIA)), 403, "area")
    ok(await traceability.post(step, as_=staff("case_officer", area=ZHIFU)))
    alert = f"{BASE}/alerts/{failed['alerts'][0]}"
    refused(await traceability.get(alert, as_=staff("reviewer", area=QIXIA)), 403, "area")
    assert ok(await traceability.get(alert, as_=staff("reviewer", area=ZHIFU)))["state"] == "open"
    producer = (await food.verdict(traceability, PACKED_LOT))["producer"]
    assert producer["area_code"] == ZHIFU


async def test_a_false_claim_takes_nobodys_right_away(traceability: Harness) -> None:
    """The firm was registered in another province before credit told of it: its city works all the same."""
    ok(await put_party(traceability, dept(NATION), BEIJING))
    body = {"name": "苹果", "owner_uscc": COOP, "shelf_life_days": 180}
    ok(await traceability.put(f"{BASE}/products/{PACKED}", json=body, as_=food.coop))
    await food.register_lot(traceability, PACKED_LOT)
    here = dept(QIXIA)
    refused(await traceability.get(f"{BASE}/lots/{PACKED_LOT}", as_=here), 403, "area")
    await register_says(traceability, QIXIA)
    ok(await traceability.get(f"{BASE}/lots/{PACKED_LOT}", as_=here))
    assert [lot["lot_id"] for lot in ok(await traceability.get(f"{BASE}/lots", as_=here))["items"]] == [PACKED_LOT]
    own = await food.record(traceability, food.coop, kind="self", number="OWN-1")
    ok(await traceability.get(f"{BASE}/tests/{own['test_id']}", as_=here))
    assert len(ok(await traceability.get(f"{BASE}/tests", as_=here))["items"]) == 1
    failed = ok(await traceability.post(f"{BASE}/tests", json=food.report(result="fail"), as_=here), 201)
    assert failed["alerts"]
    opened = ok(await traceability.post(f"{BASE}/recalls", json=food.recall_body(PACKED_LOT), as_=here), 201)
    assert opened["holders"] is not None
    ok(await traceability.put(f"{BASE}/lots/{PACKED}/QX2", json={"produced_on": "2026-10-19"}, as_=here))
    ok(await put_party(traceability, here, QIXIA, reason=REASON))


async def test_who_reads_lots_and_tests(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    test = await food.record(on_sqlite)
    for area, sees in (
        (QIXIA, True),
        (YANTAI, True),
        (SHANDONG, True),
        (NATION, True),
        (ZHIFU, False),
        (BEIJING, False),
    ):
        for path, lists in ((f"lots/{PACKED_LOT}", "lots"), (f"tests/{test['test_id']}", "tests")):
            one = await on_sqlite.get(f"{BASE}/{path}", as_=dept(area))
            assert one.status_code == (200 if sees else 403), (area, path)
            page = ok(await on_sqlite.get(f"{BASE}/{lists}", as_=dept(area)))
            assert bool(page["items"]) is sees, (area, lists)
    sampled_there = await food.record(
        on_sqlite, dept(ZHIFU), number="SP-ZF", area_code=ZHIFU, result="pass", sample_id="S-ZF"
    )
    own = await food.record(on_sqlite, food.coop, number="OWN", kind="self")
    for test_id, area, sees in (
        (sampled_there["test_id"], ZHIFU, True),
        (sampled_there["test_id"], QIXIA, False),
        (own["test_id"], QIXIA, True),
        (own["test_id"], ZHIFU, False),
    ):
        answer = await on_sqlite.get(f"{BASE}/tests/{test_id}", as_=dept(area))
        assert answer.status_code == (200 if sees else 403), (test_id, area)
        listed = [test["test_id"] for test in ok(await on_sqlite.get(f"{BASE}/tests", as_=dept(area)))["items"]]
        assert (test_id in listed) is sees, (test_id, area)


async def test_a_firm_does_not_choose_who_is_warned_of_its_failure(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    body = food.report(kind="self", result="fail", area_code=BEIJING)
    answer = await on_sqlite.post(f"{BASE}/tests", json=body, as_=food.coop)
    assert food.places(answer) == [("/area_code", "test.area")]
    own = await food.record(on_sqlite, food.coop, kind="self", result="fail", area_code="370686001")
    assert len(on_sqlite.published(AlertOpened)) == 1
    moved = food.report(kind="self", result="fail", area_code=ZHIFU, reason="更正地区")
    for name in ("report_number", "laboratory", "sample_id", "lot_id"):
        del moved[name]
    answer = await on_sqlite.put(f"{BASE}/tests/{own['test_id']}", json=moved, as_=food.coop)
    assert food.places(answer) == [("/area_code", "test.area")]


def place(uscc: str = COOP, area: str = QIXIA, **more: Any) -> dict[str, Any]:
    return {"name": "示例包装厂", "uscc": uscc, "area_code": area, "kind": "packhouse"} | more


PLACES: list[tuple[Caller, dict[str, Any], int, str]] = [
    (food.coop, place(area=ZHIFU, reason=REASON), 403, "place.area"),
    (food.shop, place(SHOP, reason=REASON), 403, "owner"),
    (food.shop, place(), 403, "owner"),
    (dept(QIXIA), place(area=ZHIFU, reason=REASON), 403, "area"),
    (dept(ZHIFU), place(area=ZHIFU, reason=REASON), 403, "area"),
    (dept(YANTAI), place(area=ZHIFU), 422, "register.reason"),
    (dept(YANTAI), place(area=ZHIFU, reason=REASON), 200, ""),
    (dept(QIXIA), place(SHOP, reason=REASON), 403, "area"),
    (dept(YANTAI), place(SHOP), 422, "register.reason"),
    (dept(YANTAI), place(SHOP, reason=REASON), 200, ""),
]


@pytest.mark.parametrize("case", range(len(PLACES)))
async def test_a_place_keeps_its_area_and_its_firm(on_sqlite: Harness, case: int) -> None:
    await food.register(on_sqlite)
    caller, body, status, code = PLACES[case]
    answer = await on_sqlite.put(f"{BASE}/places/{food.PACKHOUSE}", json=body, as_=caller)
    assert answer.status_code == status, answer.text
    if status == 403 and code != "area":
        detail = refused(answer, 403, code)["detail"]
        assert "PUT" in detail or body["uscc"] != caller.claims["uscc"], detail  # type: ignore[index]
    elif status == 422:
        assert food.places(answer) == [("/reason", code)]
    now = on_sqlite.rows("SELECT uscc, area_code FROM place WHERE gln = $1", food.PACKHOUSE)
    assert now == [(body["uscc"], body["area_code"]) if status == 200 else (COOP, QIXIA)]


def product(owner: str, **more: Any) -> dict[str, Any]:
    return {"name": "栖霞苹果", "owner_uscc": owner, "shelf_life_days": 180} | more


async def test_a_squatted_gtin_is_transferred_by_who_supervises_both(traceability: Harness) -> None:
    await food.register(traceability)
    path = f"{BASE}/products/{PACKED}"
    told = refused(await traceability.put(path, json=product(SHOP), as_=food.shop), 403, "owner")
    assert f"PUT {path}" in told["detail"]
    for caller in (dept(QIXIA), dept("370611"), dept(ZHIFU)):  # the owner's, the new owner's, somebody else's
        refused(await traceability.put(path, json=product(SHOP, reason=REASON), as_=caller), 403, "area")
    answer = await traceability.put(path, json=product(SHOP), as_=dept(YANTAI))
    assert food.places(answer) == [("/reason", "register.reason")]
    ok(await traceability.put(path, json=product(SHOP, reason=REASON), as_=dept(YANTAI)))
    [(detail,)] = traceability.rows(
        "SELECT detail FROM audit_entry WHERE action = 'product.register' AND detail LIKE '%owner_uscc%'"
    )
    assert all(word in detail for word in (COOP, SHOP, REASON))
    lot = ok(await traceability.get(f"{BASE}/lots/{PACKED_LOT}", as_=food.shop))
    assert lot["owner_uscc"] == SHOP
    refused(await traceability.get(f"{BASE}/lots/{PACKED_LOT}", as_=food.coop), 403, "owner")
    assert (await food.verdict(traceability, PACKED_LOT))["producer"]["uscc"] == SHOP
    refused(await traceability.put(path, json=product(COOP), as_=food.coop), 403, "owner")


async def test_of_two_who_register_a_gtin_at_once_one_has_it_and_the_other_is_told(traceability: Harness) -> None:
    await food.register(traceability)
    for number in range(4):
        gtin = f"06901234{number}0000"
        gtin += str(-sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(gtin)) % 10)
        answers = await asyncio.gather(
            *(
                traceability.put(f"{BASE}/products/{gtin}", json=product(uscc), as_=enterprise(uscc))
                for uscc in (COOP, SHOP, COOP, SHOP)
            )
        )
        codes = [answer.status_code for answer in answers]
        assert sorted(codes) == [200, 200, 403, 403], [answer.text for answer in answers]
        [(owner, version)] = traceability.rows("SELECT owner_uscc, version FROM product WHERE gtin = $1", gtin)
        assert version == 1
        assert all((code == 200) == (uscc == owner) for code, uscc in zip(codes, (COOP, SHOP, COOP, SHOP), strict=True))


async def test_a_firms_own_change_beside_a_move_never_undoes_it(traceability: Harness) -> None:
    ok(await put_party(traceability, food.coop))
    here, there = QIXIA, ZHIFU
    for number in range(4):
        moved, renamed = await asyncio.gather(
            put_party(traceability, dept(YANTAI), there, reason=REASON),
            put_party(traceability, food.coop, here, name=f"新名 {number}"),
        )
        ok(moved)
        assert renamed.status_code in (200, 403), renamed.text
        assert area_of(traceability) == there
        here, there = there, here
