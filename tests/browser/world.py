"""What the city of the browser tests looks like: events as the services would publish them, enough for every state of
every page. Names are invented; the sampling figures are published ones (see shared/data in the design's sources)."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import services.indicators
from shared.events.base import Event
from shared.events.credit import EnterpriseUpdated, ListingPublished, ListingRemoved, ViolationPublished
from shared.events.indicators import LightChanged, TargetChanged
from shared.events.traceability import (
    Instruction,
    JourneyStep,
    LotUpdated,
    PartyUpdated,
    ProductUpdated,
    RecallClosed,
    RecallLot,
    RecallOpened,
    RecallUpdated,
    TestRecorded,
    TestSummary,
)

BLACK = "91370602MA3DEM027K"
RED = "91370686MA3EX4MP0C"
NAMESAKE = "91370613MA3F4L8E1X"
APPLES = "06901234567892"
PEANUTS = "06912345678902"
CATALOGUE = Path(services.indicators.__file__).parent / "catalogue" / "data" / "yantai_2018.json"

# target, area, light, n, passed, low, high, period: published figures with their exact intervals
RATES = [
    ("agri_sampling_pass_rate", "370600", "breached", 34699, 33660, "96.82", "97.18", "2018Q3"),
    ("food_sampling_pass_rate", "100000", "cannot_tell", 965727, 942908, "97.61", "97.67", "2018Q3"),
    ("food_sampling_pass_rate", "140200", "cannot_tell", 16641, 16294, "97.69", "98.13", "2021"),
    ("industrial_provincial_sampling_pass_rate", "511900", "off_track", 555, 497, "86.70", "91.97", "2024"),
    ("industrial_provincial_sampling_pass_rate", "511902", "cannot_tell", 127, 117, "86.02", "96.15", "2024"),
    ("industrial_provincial_sampling_pass_rate", "511903", "off_track", 85, 76, "80.85", "95.04", "2024"),
    ("industrial_provincial_sampling_pass_rate", "511921", "off_track", 94, 85, "82.60", "95.53", "2024"),
    ("industrial_provincial_sampling_pass_rate", "511922", "off_track", 132, 117, "81.95", "93.50", "2024"),
    ("industrial_provincial_sampling_pass_rate", "511923", "off_track", 99, 86, "78.59", "92.82", "2024"),
]
# target, light, value, Chinese and English sentence
OTHERS = [
    ("logistics_firms_3A", "met", "83", "83 家，达到 80 家。", "83 firms reach the target of 80."),
    ("medical_elderly_care_beds", "on_track", "24500", "按现在的速度能够达到。", "The present pace is enough."),
    ("elderly_beds_per_1000", "at_risk", "36.2", "按现在的速度可能达不到。", "The present pace may not be enough."),
    ("marine_ranch_demo_zones", "off_track", "9", "按现在的速度达不到。", "The present pace is not enough."),
    ("new_crop_varieties", "not_due", None, "还没有到期。", "Not due yet."),
]


def targets() -> Iterator[TargetChanged]:
    for row in json.loads(CATALOGUE.read_text(encoding="utf-8"))["targets"]:
        yield TargetChanged.model_validate(
            {**row, "target_id": row["id"], "version": 1, "comparator": row["rule"]["kind"]}
        )


def lights() -> Iterator[LightChanged]:
    for target, area, light, n, passed, low, high, period in RATES:
        rate = f"{100 * passed / n:.2f}"
        yield LightChanged(
            target_id=target,
            area_code=area,
            as_of=date(2024 if period == "2024" else 2018, 12, 31),
            light=light,  # type: ignore[arg-type]
            sentence=f"抽查 {n:,} 批，合格 {passed:,} 批，合格率 {rate}%（95% 区间 {low}%–{high}%）。",
            sentence_en=f"{n:,} batches sampled, {passed:,} passed: {rate}% (95% interval {low}%–{high}%).",
            value=rate,
            n=n,
            passed=passed,
            low=low,
            high=high,
            period=period,
            source="http://www.sh1j2.com/ms/content/2018-11/01/content_6413697.htm (公开数据)",
            provisional=area == "140200",
            rule_version="2026.1",
        )
    for target, light, value, zh, en in OTHERS:
        yield LightChanged(
            target_id=target,
            area_code="370600",
            as_of=date(2018, 12, 31),
            light=light,  # type: ignore[arg-type]
            sentence=zh,
            sentence_en=en,
            value=value,
            period="2018",
            source="责任部门填报",
            rule_version="2026.1",
        )


def listing(number: int, **changes: object) -> ListingPublished:
    """A black listing; `changes` make it another."""
    body: dict[str, object] = {
        "listing_id": f"L{number}",
        "uscc": BLACK,
        "party_name": "烟台样例食品有限公司",
        "colour": "black",
        "area_code": "370602",
        "industry_code": "C14",
        "ground_code": "food.additives",
        "ground": "超范围使用食品添加剂，受到较重行政处罚",
        "ground_en": "Food additives used beyond their permitted scope; heavy penalty",
        "article": "《市场监督管理严重违法失信名单管理办法》（总局令第44号）第五条",
        "authority": "yt-scjgj",
        "authority_name": "烟台市市场监督管理局",
        "document_number": "烟市监列〔2026〕3 号",
        "decided_on": date(2026, 3, 10),
        "published_on": date(2026, 3, 16),
        "valid_from": date(2026, 3, 16),
        "valid_until": date(2029, 3, 15),
        "removable_from": date(2027, 3, 16),
        "measures": ["行政许可从严审查", "政府采购评审时作为参考"],
        "remedies": "条件是已履行处罚、消除危害、没有新的较重处罚。",
        "remedies_en": "Conditions: the penalty is performed, harm removed, no new heavy penalty.",
        **changes,
    }
    return ListingPublished.model_validate(body)


def credit() -> Iterator[Event]:
    yield EnterpriseUpdated(
        uscc=BLACK, name="烟台样例食品有限公司", former_names=["烟台样例糕点厂"], area_code="370602",
        industry_code="C14", state="active", chief_quality_officer=True,
    )  # fmt: skip
    yield EnterpriseUpdated(uscc=RED, name="栖霞示例果业专业合作社", area_code="370686", state="active")
    yield ViolationPublished(
        violation_id="V1", version=1, uscc=BLACK, party_name="烟台样例食品有限公司", authority="yt-scjgj",
        authority_name="烟台市市场监督管理局", area_code="370602", document_number="烟市监处〔2026〕17 号",
        violation_type="食品添加剂", field="food", decision_date=date(2026, 2, 10), penalty_kinds=["罚款"],
        fine_fen=12_000_000, publishable=True,
        legal_basis="《中华人民共和国食品安全法》第一百二十四条", published_on=date(2026, 2, 20),
        expires_on=date(2029, 2, 19),
    )  # fmt: skip
    yield listing(1)
    red: dict[str, object] = {
        "uscc": RED, "party_name": "栖霞示例果业专业合作社", "colour": "red", "area_code": "370686",
        "ground_code": "benchmark", "ground": "2026年市级质量标杆", "ground_en": "Quality benchmark of the city, 2026",
        "removable_from": None, "measures": [], "remedies": "", "remedies_en": "",
    }  # fmt: skip
    yield listing(2, **red)
    yield listing(3, **red, valid_from=date(2021, 5, 20), valid_until=date(2024, 5, 19))
    yield ListingRemoved(listing_id="L3", uscc=RED, colour="red", removed_on=date(2024, 5, 20), reason="expired")


def lot(gtin: str, number: str, **changes: object) -> LotUpdated:
    peanuts = gtin == PEANUTS
    body: dict[str, object] = {
        "lot_id": f"{gtin}.{number}",
        "gtin": gtin,
        "lot": number,
        "verdict": "safe",
        "product_name": "烟台样例花生酱 350 g" if peanuts else "栖霞红富士苹果 5 kg 箱装",
        "product_name_en": None if peanuts else "Qixia Fuji apples, 5 kg box",
        "producer_uscc": BLACK if peanuts else RED,
        "producer_name": "烟台样例食品有限公司" if peanuts else "栖霞示例果业专业合作社",
        "origin": "山东省烟台市栖霞市",
        "produced_on": date(2026, 10, 18),
        "expires_on": date(2027, 4, 16),
        "registered_at": datetime(2026, 10, 18, 2, tzinfo=UTC),
        "claims": ["地理标志：栖霞苹果"],
        "journey": [
            JourneyStep(at=datetime(2026, 10, 12, 2, tzinfo=UTC), step="commissioning", place="栖霞市示例果园"),
            JourneyStep(at=datetime(2026, 10, 18, 2, tzinfo=UTC), step="packing", party="栖霞示例果业专业合作社"),
            JourneyStep(at=datetime(2026, 10, 22, 2, tzinfo=UTC), step="transporting", note="2–4 ℃，全程 6 小时 20 分"),
            JourneyStep(at=None, step="receiving", gap=True),
            JourneyStep(at=datetime(2026, 10, 25, 2, tzinfo=UTC), step="stocking", place="芝罘区示例超市南大街店"),
        ],
        "tests": [
            TestSummary(
                test_id="T1", tested_on=date(2026, 10, 20), laboratory="示例检测中心", result="pass", items=48,
                report_number="SP-2026-10482", summary="农药残留 48 项，全部合格",
            )
        ],
        **changes,
    }  # fmt: skip
    return LotUpdated.model_validate(body)


def recall(kind: type[RecallOpened] | type[RecallUpdated], number: int, **changes: object) -> Event:
    body: dict[str, object] = {
        "recall_id": f"R{number}",
        "number": f"R-2026-03{number}",
        "level": 2,
        "uscc": BLACK,
        "party_name": "烟台样例食品有限公司",
        "area_code": "370602",
        "reason": "这几个批次的花生酱黄曲霉毒素 B₁ 超标。",
        "reason_en": "Aflatoxin B₁ above the limit in these lots of peanut butter.",
        "risk": "长期食用可能损害肝脏。",
        "instructions": "请停止食用这几个批次，到购买处退货。",
        "contact": "0535-000 0000",
        "lots": [
            RecallLot(lot_id=f"{PEANUTS}.{n}", gtin=PEANUTS, lot=n, product_name="烟台样例花生酱 350 g")
            for n in ("HS261030", "HS261031")
        ],
        "opened_at": datetime(2026, 11, 23, 2, tzinfo=UTC),
        "start_by": datetime(2026, 11, 25, 2, tzinfo=UTC),
        "finish_by": date(2026, 12, 21),
        **changes,
    }
    return kind.model_validate(body)


def food() -> Iterator[Event]:
    yield PartyUpdated(party_id=RED, name="栖霞示例果业专业合作社", area_code="370686", roles=["producer"])
    yield PartyUpdated(party_id=BLACK, name="烟台样例食品有限公司", area_code="370602", roles=["producer"])
    yield ProductUpdated(
        gtin=APPLES, name="栖霞红富士苹果 5 kg 箱装", name_en="Qixia Fuji apples, 5 kg box", owner_uscc=RED,
        shelf_life_days=180, claims=["地理标志：栖霞苹果"],
    )  # fmt: skip
    yield ProductUpdated(gtin=PEANUTS, name="烟台样例花生酱 350 g", owner_uscc=BLACK, shelf_life_days=365)
    yield lot(APPLES, "QX261018A")
    yield lot(APPLES, "QX251018A", expires_on=date(2026, 4, 16))
    yield lot(APPLES, "QX261020B", verdict="held", reasons=["检验报告不合格，正在核实"], reasons_en=["A test failed"])
    yield lot(
        PEANUTS,
        "HS261030",
        verdict="recalled",
        reasons=["黄曲霉毒素 B₁ 超标"],
        reasons_en=["Aflatoxin B₁ above the limit"],
        recall=Instruction(
            recall_id="R1",
            number="R-2026-031",
            level=2,
            reason="这个批次的花生酱黄曲霉毒素 B₁ 超标。",
            reason_en="Aflatoxin B₁ above the limit in this lot.",
            started_on=date(2026, 11, 23),
            contact="0535-000 0000",
        ),
    )
    for number, result in enumerate(("pass", "pass", "fail")):
        yield TestRecorded(
            test_id=f"T{number}", sample_id=f"S{number}", lot_id=f"{PEANUTS}.HS261030", gtin=PEANUTS,
            producer_uscc=BLACK, area_code="370602", kind="supervision", category="food", result=result,
            tested_on=date(2026, 11, 20 + number), laboratory="示例检测中心", report_number=f"SP-2026-1100{number}",
            failed_items=["黄曲霉毒素 B₁"] if result == "fail" else [],
        )  # fmt: skip
    yield recall(RecallOpened, 1)
    yield recall(
        RecallUpdated, 1, change="新增 1 个批次，召回范围已扩大", updated_at=datetime(2026, 11, 24, 2, tzinfo=UTC)
    )
    yield recall(
        RecallOpened, 2, reason="标签未标注致敏原。", reason_en="An allergen is missing on the label.", level=3
    )
    yield RecallClosed(
        recall_id="R2", uscc=BLACK, closed_at=datetime(2026, 11, 24, 1, tzinfo=UTC), outcome="已全部收回。"
    )


def events() -> list[Event]:
    return [*targets(), *lights(), *credit(), *food()]
