"""What stands in each service before everybody is asked about it (`test_what_answers_contain.py`): the ground, which is
public, and objects that are not, each with a mark that stands nowhere else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from shared.events import traceability as food_events
from tests.credit import samples as credit_samples
from tests.gateway import samples as gateway_samples
from tests.support.app import Harness
from tests.support.callers import Caller, department
from tests.traceability import food

QIXIA, ZHIFU, YANTAI = "370686", "370602", "370600"


@dataclass
class Planted:
    """What stands in a service: values for names in paths and queries, and the marks of what is not public."""

    values: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """Object (a name of `SEES`) -> text that stands in every answer that shows it, and in no other."""


PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


async def file_of(service: Harness, path: str, caller: Caller, name: str) -> str:
    answer = await service.post(f"{path}/attachments?name={quote(name)}", content=PDF + name.encode(), as_=caller)
    return str(food.ok(answer, 201)["sha256"])


async def plant_credit_ground(service: Harness) -> Planted:
    """The firms, as the register has them: public."""
    for number, area in ((1, ZHIFU), (2, ZHIFU)):
        body = {"name": f"烟台样例食品{number}号有限公司", "area_code": area, "industry_code": None}
        path = f"/v1/credit/enterprises/{credit_samples.code(number)}"
        food.ok(await service.put(path, json=body, as_=credit_samples.UNIT))
    return Planted(
        {
            "uscc": [credit_samples.code(1), credit_samples.code(2)],
            "colour": ["black", "red"],
            "q": [credit_samples.code(1), "样例食品"],
            "state": ["open", "closed"],
            "area": [ZHIFU],
            "violation_id": ["none"],
            "listing_id": ["none"],
            "receipt_id": ["none"],
            "letter_id": ["none"],
            "sha256": ["0" * 64],
        }
    )


async def plant_credit(service: Harness) -> Planted:
    listing = await credit_samples.propose(service)
    [(violation,)] = service.rows("SELECT violation_id FROM violation WHERE known_to IS NULL")
    lead = food_events.TestRecorded(
        **gateway_samples.sampled("t-9", result="fail", producer_uscc=credit_samples.code(1)).model_dump()
        | {"sample_id": "S-LEAD-1", "area_code": ZHIFU}
    )
    await service.deliver(lead)
    name = "内部决定书-7731.pdf"
    sha256 = await file_of(service, "/v1/credit", department("attachments:write", area=ZHIFU), name)
    return Planted(
        {
            "violation_id": [violation],
            "listing_id": [listing],
            "receipt_id": [f"{violation}.1"],
            "external_id": ["CASE-1"],
            "sha256": [sha256],
        },
        {
            "unpublished violation": str(violation),
            "its document": "烟市监罚〔2026〕1号",
            "open procedure": listing,
            "case lead": "S-LEAD-1",
            "file of the unit": name,
        },
    )


async def plant_food(service: Harness) -> Planted:
    await food.register(service)
    await food.three_levels(service)
    await food.register_lot(service, f"{food.PACKED}.SECRET9")
    name = "委托检验报告-4417.pdf"
    sha256 = await file_of(service, "/v1/traceability", food.coop, name)
    own = await food.record(
        service, food.coop, kind="self", number="OWN-1", sample_id="S-OWN-7", lot_id=food.GIFT_LOT, attachment=sha256
    )
    failed = await food.record(service, number="SUP-1", sample_id="S-SUP-8", lot_id=food.GIFT_LOT, result="fail")
    recall = await food.recall(service, food.RAW_LOT)
    body = {"holder": food.WHOLESALE, "lot_id": food.PACKED_LOT, "uom": "KGM", "recovered": "77.125"}
    path = f"/v1/traceability/recalls/{recall['recall_id']}/quantities"
    food.ok(await service.post(path, json=body, as_=food.wholesale), 201)
    lots = [food.RAW_LOT, food.PACKED_LOT, f"{food.PACKED}.SECRET9"]
    return Planted(
        {
            "uscc": [food.COOP, food.WHOLESALE],
            "gln": [food.PACKHOUSE, food.MARKET],
            "gtin": [food.PACKED, food.GIFT],
            "lot": ["QX1"],
            "lot_id": lots,
            "code": [f"https://example.org/01/{food.PACKED}/10/QX1", f"https://example.org/01/{food.GIFT}/10/LH1"],
            "owner": [food.COOP],
            "test_id": [own["test_id"], failed["test_id"]],
            "alert_id": failed["alerts"],
            "recall_id": [recall["recall_id"]],
            "subject": [food.GIFT_LOT, food.COOP],
            "state": ["open", "closed"],
            "result": ["pass", "fail"],
            "overdue": ["true"],
            "letter_id": ["none"],
            "sha256": [sha256],
        },
        {
            "own test": "S-OWN-7",
            "supervision test": "S-SUP-8",
            "alert": failed["alerts"][0],
            "lot in the register": "SECRET9",
            "what a holder took back": "77.125",
            "notice to the holder": f'"holder":"{food.WHOLESALE}"',
            "file of the firm": name,
        },
    )


async def plant_gateway_ground(service: Harness) -> Planted:
    s = gateway_samples
    await service.deliver(s.enterprise(), s.party(), s.product(), s.lot(), s.recall_opened(), s.target(), s.light())
    return Planted(
        {
            "uscc": [s.ORCHARD, s.BAKERY],
            "colour": ["black", "red"],
            "code": [s.CODE.removeprefix("/01/"), s.CODE],
            "recall_id": ["r-1"],
            "target_id": ["agri_sampling_pass_rate"],
            "q": [s.ORCHARD],
            "area": [QIXIA],
            "state": ["all"],
            "light": ["off_track"],
            "letter_id": ["none"],
            "name": ["style.css"],
            "path": ["nothing-here"],
        }
    )


async def plant_gateway(service: Harness) -> Planted:
    s = gateway_samples
    await service.deliver(
        s.recorded(violation_id="v-secret-1"),
        s.proposed(listing_id="l-secret-2"),
        s.alert("a-secret-3", area_code=QIXIA),
        s.sampled("t-secret-4", kind="self", result="fail"),
    )
    return Planted(
        {},
        {
            "unpublished violation": "v-secret-1",
            "open procedure": "l-secret-2",
            "alert": "a-secret-3",
            "own test": "t-secret-4",
        },
    )


async def nothing(_service: Harness) -> Planted:
    return Planted()


async def plant_indicators(_service: Harness) -> Planted:
    return Planted(
        {"target_id": ["agri_sampling_pass_rate"], "observation_id": ["none"], "letter_id": ["none"], "area": [YANTAI]}
    )


Plant = Callable[[Harness], Awaitable[Planted]]
GROUND: Mapping[str, Plant] = {
    "credit": plant_credit_ground,
    "gateway": plant_gateway_ground,
    "traceability": nothing,
    "indicators": plant_indicators,
}
PLANTS: Mapping[str, Plant] = {
    "credit": plant_credit,
    "gateway": plant_gateway,
    "traceability": plant_food,
    "indicators": nothing,
}
WITHOUT_PUBLIC_EFFECT = {"credit", "gateway"}
"""Here what is planted changes nothing for those who may not see it: their answers are compared before and after."""
