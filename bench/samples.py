"""Realistic bodies: one enterprise, one product, one lot with a journey, as their services publish them."""

from datetime import UTC, date, datetime, timedelta

from shared.events.credit import EnterpriseUpdated, ListingPublished, ViolationPublished
from shared.events.traceability import JourneyStep, LotUpdated, PartyUpdated, ProductUpdated, TestSummary

USCC = "91370600MA3C00003H"
GTIN = "06901234567892"
LOT = "B0000000"
TODAY = datetime.now(UTC).date()


def lot_id(lot: str = LOT) -> str:
    return f"{GTIN}.{lot}"


def enterprise() -> EnterpriseUpdated:
    return EnterpriseUpdated(
        uscc=USCC, name="烟台样例果品有限公司", area_code="370686", industry_code="1371", state="active"
    )


def party() -> PartyUpdated:
    return PartyUpdated(party_id=USCC, name="烟台样例果品有限公司", area_code="370686", roles=["producer", "packer"])


def product() -> ProductUpdated:
    return ProductUpdated(
        gtin=GTIN,
        name="栖霞红富士苹果 5 kg",
        name_en="Qixia Fuji apples, 5 kg",
        owner_uscc=USCC,
        category="水果",
        shelf_life_days=180,
        claims=["绿色食品", "地理标志"],
    )


def lot() -> LotUpdated:
    """A safe lot with six steps and two test reports."""
    begun = datetime.now(UTC) - timedelta(days=20)
    steps = [
        ("commissioning", "栖霞市官道镇果园"),
        ("shipping", "栖霞市官道镇果园"),
        ("receiving", "栖霞分级包装厂"),
        ("packing", "栖霞分级包装厂"),
        ("shipping", "烟台冷链仓"),
        ("receiving", "烟台红利批发市场"),
    ]
    return LotUpdated(
        lot_id=lot_id(),
        gtin=GTIN,
        lot=LOT,
        verdict="safe",
        product_name="栖霞红富士苹果 5 kg",
        product_name_en="Qixia Fuji apples, 5 kg",
        producer_uscc=USCC,
        producer_name="烟台样例果品有限公司",
        origin="山东烟台栖霞",
        produced_on=TODAY - timedelta(days=20),
        expires_on=TODAY + timedelta(days=160),
        registered_at=begun,
        claims=["绿色食品", "地理标志"],
        journey=[
            JourneyStep(at=begun + timedelta(days=day), step=step, place=place, area_code="370686", party="样例")
            for day, (step, place) in enumerate(steps)
        ],
        tests=[
            TestSummary(
                test_id=f"t-{number}",
                tested_on=TODAY - timedelta(days=18 - number),
                laboratory="烟台市食品药品检验检测中心",
                result="pass",
                items=32,
                report_number=f"YT2026-{number:05}",
            )
            for number in (1, 2)
        ],
    )


def violations(count: int = 5) -> list[ViolationPublished]:
    return [
        ViolationPublished(
            violation_id=f"v-{number}",
            version=1,
            uscc=USCC,
            party_name="烟台样例果品有限公司",
            authority="yt-scjg",
            authority_name="烟台市市场监督管理局",
            area_code="370686",
            document_number=f"烟市监处罚〔2026〕{number}号",
            violation_type="经营标签不符合规定的食品",
            field="food",
            decision_date=TODAY - timedelta(days=60 + number),
            penalty_kinds=["fine"],
            fine_fen=500_000,
            publishable=True,
            legal_basis="《中华人民共和国食品安全法》第一百二十五条",
            published_on=TODAY - timedelta(days=40 + number),
            expires_on=date(TODAY.year + 3, 1, 1),
        )
        for number in range(count)
    ]


def listing() -> ListingPublished:
    """The sample enterprise on the black list."""
    return ListingPublished(
        listing_id="l-1",
        uscc=USCC,
        party_name="烟台样例果品有限公司",
        colour="black",
        area_code="370686",
        industry_code="1371",
        ground_code="food.serious",
        ground="违反食品安全法律，受到较重行政处罚",
        ground_en="Heavy penalty under food safety law",
        article="《市场监督管理严重违法失信名单管理办法》第五条",
        authority="yt-scjg",
        authority_name="烟台市市场监督管理局",
        document_number="烟市监列严〔2026〕1号",
        decided_on=TODAY - timedelta(days=30),
        published_on=TODAY - timedelta(days=29),
        valid_from=TODAY - timedelta(days=29),
        valid_until=date(TODAY.year + 3, 1, 1),
        measures=["政府采购", "招标投标", "评先评优"],
        remedies="可以在六十日内申请行政复议",
        remedies_en="An administrative review may be applied for within sixty days",
    )
