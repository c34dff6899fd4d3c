"""Events as the other services publish them: an apple producer, a lot of its apples, a recall, a target."""

from datetime import UTC, date, datetime
from typing import Any

from shared.events import credit, indicators, traceability

ORCHARD = "91370686MA3EX4MP0C"
BAKERY = "91370600MA3C00003H"
APPLE = "09521101530001"
CAKE = "09521101530018"
LOT = "QX261018A"
CODE = f"/01/{APPLE}/10/{LOT}"


def enterprise(uscc: str = ORCHARD, **changed: Any) -> credit.EnterpriseUpdated:
    body: dict[str, Any] = {
        "uscc": uscc,
        "name": "栖霞示例果业专业合作社",
        "area_code": "370686",
        "industry_code": "C13",
        "state": "active",
    }
    return credit.EnterpriseUpdated(**(body | changed))


def _violation(uscc: str, changed: dict[str, Any]) -> dict[str, Any]:
    return {
        "violation_id": "v-1",
        "version": 1,
        "uscc": uscc,
        "party_name": "栖霞示例果业专业合作社",
        "authority": "yt-scjg",
        "authority_name": "烟台市市场监督管理局",
        "area_code": "370686",
        "document_number": "烟市监处罚〔2026〕12号",
        "violation_type": "生产经营不合格食品",
        "field": "food",
        "decision_date": date(2026, 11, 1),
        "penalty_kinds": ["罚款"],
        "fine_fen": 5_000_000,
        "publishable": True,
    } | changed


def recorded(uscc: str = ORCHARD, **changed: Any) -> credit.ViolationRecorded:
    return credit.ViolationRecorded(**_violation(uscc, changed))


def corrected(uscc: str = ORCHARD, **changed: Any) -> credit.ViolationCorrected:
    return credit.ViolationCorrected(**(_violation(uscc, {"version": 2, "reason": "金额录错"} | changed)))


def published(uscc: str = ORCHARD, **changed: Any) -> credit.ViolationPublished:
    own = {
        "legal_basis": "食品安全法第一百二十四条",
        "published_on": date(2026, 11, 10),
        "expires_on": date(2029, 11, 9),
    }
    return credit.ViolationPublished(**_violation(uscc, own | changed))


def ended(uscc: str = ORCHARD, violation_id: str = "v-1", **changed: Any) -> credit.ViolationPublicationEnded:
    body: dict[str, Any] = {"ended_on": date(2026, 11, 24), "reason": "repaired"}
    return credit.ViolationPublicationEnded(uscc=uscc, violation_id=violation_id, **(body | changed))


def withdrawn(uscc: str = ORCHARD, violation_id: str = "v-1") -> credit.ViolationWithdrawn:
    return credit.ViolationWithdrawn(uscc=uscc, violation_id=violation_id, version=3, reason="复议撤销")


def proposed(uscc: str = ORCHARD, listing_id: str = "l-1") -> credit.ListingProposed:
    return credit.ListingProposed(
        listing_id=listing_id,
        uscc=uscc,
        colour="black",
        area_code="370686",
        authority="yt-scjg",
        ground_code="food.repeated",
    )


def listed(uscc: str = ORCHARD, **changed: Any) -> credit.ListingPublished:
    body: dict[str, Any] = {
        "listing_id": "l-1",
        "uscc": uscc,
        "party_name": "栖霞示例果业专业合作社",
        "colour": "black",
        "area_code": "370686",
        "industry_code": "C13",
        "ground_code": "food.repeated",
        "ground": "生产经营不合格食品，情节严重",
        "ground_en": "Grave case of substandard food",
        "article": "市场监督管理严重违法失信名单管理办法第五条",
        "authority": "yt-scjg",
        "authority_name": "烟台市市场监督管理局",
        "document_number": "烟市监列严字〔2026〕3号",
        "decided_on": date(2026, 11, 18),
        "published_on": date(2026, 11, 20),
        "valid_from": date(2026, 11, 20),
        "valid_until": date(2029, 11, 19),
        "removable_from": date(2027, 11, 20),
        "measures": ["从严审查行政许可"],
        "remedies": "六十日内可以申请行政复议",
        "remedies_en": "Review may be asked for within 60 days",
    }
    return credit.ListingPublished(**(body | changed))


def removed(uscc: str = ORCHARD, listing_id: str = "l-1", **changed: Any) -> credit.ListingRemoved:
    body: dict[str, Any] = {"colour": "black", "removed_on": date(2026, 11, 24), "reason": "revoked"}
    return credit.ListingRemoved(listing_id=listing_id, uscc=uscc, **(body | changed))


def party(uscc: str = ORCHARD, **changed: Any) -> traceability.PartyUpdated:
    body: dict[str, Any] = {"name": "栖霞示例果业专业合作社", "area_code": "370686", "roles": ["producer"]}
    return traceability.PartyUpdated(party_id=uscc, **(body | changed))


def product(gtin: str = APPLE, uscc: str = ORCHARD, **changed: Any) -> traceability.ProductUpdated:
    body: dict[str, Any] = {
        "name": "栖霞红富士苹果 5 kg",
        "name_en": "Qixia Fuji apples 5 kg",
        "owner_uscc": uscc,
        "category": "鲜苹果",
        "shelf_life_days": 180,
        "claims": ["地理标志：栖霞苹果"],
    }
    return traceability.ProductUpdated(gtin=gtin, **(body | changed))


def lot(lot: str = LOT, gtin: str = APPLE, uscc: str = ORCHARD, **changed: Any) -> traceability.LotUpdated:
    body: dict[str, Any] = {
        "lot_id": f"{gtin}.{lot}",
        "gtin": gtin,
        "lot": lot,
        "verdict": "safe",
        "product_name": "栖霞红富士苹果 5 kg",
        "product_name_en": "Qixia Fuji apples 5 kg",
        "producer_uscc": uscc,
        "producer_name": "栖霞示例果业专业合作社",
        "origin": "烟台市栖霞市",
        "produced_on": date(2026, 10, 18),
        "expires_on": date(2027, 4, 16),
        "registered_at": datetime(2026, 10, 18, 2, 0, tzinfo=UTC),
        "claims": ["地理标志：栖霞苹果"],
        "journey": [
            {"at": datetime(2026, 10, 12, tzinfo=UTC), "step": "harvesting", "place": "示例果园 7 号地块"},
            {"at": None, "step": "receiving", "gap": True},
        ],
        "tests": [
            {
                "test_id": "t-1",
                "tested_on": date(2026, 10, 20),
                "laboratory": "示例检测中心",
                "result": "pass",
                "items": 48,
                "report_number": "SP-2026-10482",
            }
        ],
    }
    return traceability.LotUpdated(**(body | changed))


def _tested(number: str, changed: dict[str, Any]) -> dict[str, Any]:
    return {
        "test_id": number,
        "sample_id": f"s-{number}",
        "lot_id": f"{APPLE}.{LOT}",
        "gtin": APPLE,
        "producer_uscc": ORCHARD,
        "area_code": "370686",
        "kind": "supervision",
        "category": "agricultural",
        "result": "pass",
        "tested_on": date(2026, 10, 20),
        "laboratory": "示例检测中心",
        "report_number": "SP-2026-10482",
    } | changed


def sampled(number: str = "t-1", **changed: Any) -> traceability.TestRecorded:
    return traceability.TestRecorded(**_tested(number, changed))


def retested(number: str = "t-1", **changed: Any) -> traceability.TestCorrected:
    return traceability.TestCorrected(**_tested(number, {"reason": "录入错误", "version": 2} | changed))


def alert(alert_id: str = "a-1", **changed: Any) -> traceability.AlertOpened:
    body: dict[str, Any] = {
        "rule": "failed_test",
        "subject": f"{APPLE}.{LOT}",
        "lots": [f"{APPLE}.{LOT}"],
        "holds": True,
        "opened_at": datetime(2026, 11, 22, tzinfo=UTC),
        "summary": "检验不合格：农药残留",
    }
    return traceability.AlertOpened(alert_id=alert_id, **(body | changed))


def alert_closed(alert_id: str = "a-1") -> traceability.AlertClosed:
    return traceability.AlertClosed(alert_id=alert_id, closed_at=datetime(2026, 11, 24, tzinfo=UTC), reason="复检合格")


RECALL = {
    "recall_id": "r-1",
    "number": "召回〔2026〕1号",
    "level": 2,
    "reason": "农药残留超标",
    "reason_en": "Pesticide residue above the limit",
    "started_on": date(2026, 11, 23),
    "contact": "0535-0000000",
}


def _recall(uscc: str, changed: dict[str, Any]) -> dict[str, Any]:
    return {
        "recall_id": "r-1",
        "number": "召回〔2026〕1号",
        "level": 2,
        "uscc": uscc,
        "party_name": "栖霞示例果业专业合作社",
        "area_code": "370686",
        "reason": "农药残留超标",
        "reason_en": "Pesticide residue above the limit",
        "risk": "短期食用风险低",
        "instructions": "停止食用，凭包装退货",
        "contact": "0535-0000000",
        "lots": [{"lot_id": f"{APPLE}.{LOT}", "gtin": APPLE, "lot": LOT, "product_name": "栖霞红富士苹果 5 kg"}],
        "opened_at": datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
        "start_by": datetime(2026, 11, 25, 1, 0, tzinfo=UTC),
        "finish_by": date(2026, 12, 17),
    } | changed


def recall_opened(uscc: str = ORCHARD, **changed: Any) -> traceability.RecallOpened:
    return traceability.RecallOpened(**_recall(uscc, changed))


def recall_updated(uscc: str = ORCHARD, **changed: Any) -> traceability.RecallUpdated:
    own = {"change": "新增 1 个批次", "updated_at": datetime(2026, 11, 24, 2, 0, tzinfo=UTC)}
    return traceability.RecallUpdated(**_recall(uscc, own | changed))


def recalled_lots(first: int, last: int, gtin: str = APPLE) -> list[dict[str, str]]:
    """Lots `R00001` and so on, as events name them."""
    numbers = [f"R{number:05}" for number in range(first, last + 1)]
    return [{"lot_id": f"{gtin}.{n}", "gtin": gtin, "lot": n, "product_name": "栖霞红富士苹果 5 kg"} for n in numbers]


def _page(lots: list[dict[str, str]], changed: dict[str, Any]) -> dict[str, Any]:
    return {
        "recall_id": "r-1",
        "uscc": ORCHARD,
        "lots": lots,
        "page": 1,
        "pages": 1,
        "lots_count": len(lots),
        "changed_at": datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
    } | changed


def lots_added(lots: list[dict[str, str]], **changed: Any) -> traceability.RecallLotsAdded:
    return traceability.RecallLotsAdded(**_page(lots, changed))


def lots_released(lots: list[dict[str, str]], **changed: Any) -> traceability.RecallLotsReleased:
    return traceability.RecallLotsReleased(**_page(lots, {"reason": "复检合格"} | changed))


def recall_closed(
    uscc: str = ORCHARD, recall_id: str = "r-1", outcome: str = "召回 1,200 箱，全部销毁"
) -> traceability.RecallClosed:
    return traceability.RecallClosed(
        recall_id=recall_id, uscc=uscc, closed_at=datetime(2026, 12, 1, tzinfo=UTC), outcome=outcome
    )


def target(target_id: str = "agri_sampling_pass_rate", position: int = 1, **changed: Any) -> indicators.TargetChanged:
    body: dict[str, Any] = {
        "version": 1,
        "name": "农产品质量抽查合格率",
        "name_en": "Pass rate of farm produce",
        "section": "一(二)",
        "quote": "农产品质量抽查合格率保持在98%以上",
        "comparator": "hold_at_least",
        "goal": "保持在98%以上",
        "goal_en": "stay at or above 98 %",
        "unit": "%",
        "deadline": "2020",
        "lead_departments": ["市农业局"],
        "departments": [],
        "has_figure": True,
    }
    return indicators.TargetChanged(target_id=target_id, position=position, **(body | changed))


def light(target_id: str = "agri_sampling_pass_rate", area: str = "370600", **changed: Any) -> indicators.LightChanged:
    body: dict[str, Any] = {
        "as_of": date(2018, 12, 31),
        "light": "breached",
        "sentence": "抽查 34,699 批，合格 33,660 批，低于 98%",
        "sentence_en": "33,660 of 34,699 passed, below 98 %",
        "value": "97.01",
        "n": 34699,
        "passed": 33660,
        "low": "96.82",
        "high": "97.18",
        "period": "2018Q3",
        "source": "检验结果汇总",
        "rule_version": "1",
    }
    return indicators.LightChanged(target_id=target_id, area_code=area, **(body | changed))
