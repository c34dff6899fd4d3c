"""Loads the demo through the public HTTP API: `python -m deploy.demo.load BASE_URL [STATE_DIR]`.

Every call is idempotent by a natural key, so a load that was cut off is taken up by running it again; a finished one
leaves a mark in STATE_DIR and is not repeated.
"""

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.demo import accounts, chains
from deploy.demo.cast import NUTS, PARTIES, PLACES, PRODUCTS
from deploy.demo.client import Account, ApiError
from shared.clock import SystemClock, shanghai_date

DATA = Path(__file__).parent / "data"


class Loader:
    def __init__(self, http: httpx.Client, today: date) -> None:
        self.today = today
        self.days = chains.Days(today)
        self.unit = Account(http, accounts.ENFORCEMENT)
        self.enterprises = {client.uscc: Account(http, client) for client in accounts.ENTERPRISES}
        self.users = {user.username: Account(http, user) for user in accounts.USERS}

    def steps(self) -> list[tuple[str, Callable[[], Any]]]:
        return [
            ("enterprises", self.register_enterprises),
            ("parties, places, products, lots", self.register_chain),
            ("EPCIS documents", self.capture),
            ("test reports", self.report_tests),
            ("published sampling figures", self.observe),
            ("a black listing with its procedure", self.list_black),
            ("a failed test and a recall", self.recall),
        ]

    def register_enterprises(self) -> None:
        items = [
            {"uscc": party.uscc, "name": party.name, "area_code": party.area, "industry_code": party.industry}
            for party in PARTIES
        ]
        refused = [
            each
            for each in self.unit.post("/v1/credit/enterprises:batch", {"items": items})["receipts"]
            if "receipt" not in each or each["receipt"] is None
        ]
        if refused:
            raise ApiError(f"enterprises refused: {refused}")

    def register_chain(self) -> None:
        for party in PARTIES:
            body = {"name": party.name, "area_code": party.area, "roles": list(party.roles)}
            self.enterprises[party.uscc].put(f"/v1/traceability/parties/{party.uscc}", body)
        for place in PLACES:
            body = {"name": place.name, "uscc": place.party.uscc, "area_code": place.area, "kind": place.kind}
            self.enterprises[place.party.uscc].put(f"/v1/traceability/places/{place.gln}", body)
        for product in PRODUCTS:
            values = {
                "name": product.name,
                "name_en": product.name_en,
                "owner_uscc": product.owner.uscc,
                "category": product.category,
                "shelf_life_days": product.shelf_life_days,
                "claims": list(product.claims),
            }
            self.enterprises[product.owner.uscc].put(f"/v1/traceability/products/{product.gtin}", values)
        for lot in self.days.lots:
            registered = {"produced_on": lot.produced_on.isoformat(), "quantity": lot.quantity, "uom": lot.uom}
            if lot.origin is not None:
                registered["origin_gln"] = lot.origin.gln
            owner = self.enterprises[lot.product.owner.uscc]
            owner.put(f"/v1/traceability/lots/{lot.product.gtin}/{lot.number}", registered)

    def capture(self) -> None:
        for party, document in chains.documents(self.today):
            self.enterprises[party.uscc].capture(document)

    def report_tests(self) -> None:
        pesticides = [("毒死蜱", "0.01", "mg/kg"), ("多菌灵", "5", "mg/kg"), ("吡虫啉", "0.5", "mg/kg")]
        metals = [("镉", "2.0", "mg/kg"), ("铅", "1.0", "mg/kg")]
        self._test("SP-A", self.days.apples, "agricultural", 35, [self._item(*each, "未检出") for each in pesticides])
        self._test("SP-H", self.days.dried_cucumber, "food", 13, [self._item(*each, "0.05") for each in metals])

    def _item(self, name: str, limit: str, unit: str, value: str, result: str = "pass") -> dict[str, str]:
        return {"name": name, "limit": limit, "unit": unit, "value": value, "result": result}

    def _test(self, series: str, lot: chains.Lot, category: str, days: int, items: list[dict[str, str]]) -> Any:
        day = self.days.ago(days)
        failed = any(item["result"] == "fail" for item in items)
        return self.unit.post(
            "/v1/traceability/tests",
            {
                "report_number": f"{series}-{lot.number}",
                "laboratory": "烟台示例检验检测中心",
                "sample_id": f"{series}-{lot.number}-1",
                "lot_id": lot.lot_id,
                "kind": "supervision",
                "category": category,
                "sampled_on": (day - timedelta(days=2)).isoformat(),
                "tested_on": day.isoformat(),
                "items": items,
                "result": "fail" if failed else "pass",
            },
        )

    def observe(self) -> None:
        quality = self.users["demo-quality"]
        for batch in json.loads((DATA / "published_sampling.json").read_text(encoding="utf-8")):
            # The quality office may enter figures of other cities, for comparison.
            answer = quality.post("/v1/indicators/observations:batch", batch["body"])
            if answer["rejected"]:
                raise ApiError(f"observations rejected: {[v for v in answer['verdicts'] if v['errors']][:3]}")

    def list_black(self) -> None:
        today = self.today.isoformat()
        receipt = self.unit.post(
            "/v1/credit/violations",
            {
                "external_id": "demo-violation-1",
                "uscc": NUTS.uscc,
                "party_name": NUTS.name,
                "area_code": NUTS.area,
                "document_number": f"烟市监处罚〔{self.today.year}〕17号（示例）",
                "violation_type": "生产经营生物毒素超标食品",
                "field": "food",
                "facts": "花生酱黄曲霉毒素 B₁ 含量超过食品安全标准限量（演示数据）",
                "legal_basis": "《中华人民共和国食品安全法》第一百二十四条",
                "penalty_kinds": ["fine", "confiscation"],
                "fine_fen": 12_000_000,
                "aggravated": True,
                "gravity": "serious",
                "decision_date": self.days.ago(20).isoformat(),
            },
        )
        officer, reviewer, publisher = (
            self.users[name] for name in ("demo-officer", "demo-reviewer", "demo-publisher")
        )
        publisher.post(f"/v1/credit/violations/{receipt['violation_id']}/publication", ok=(200, 201, 409))
        if officer.get(f"/v1/credit/lists/black?q={NUTS.uscc}")["items"]:
            return
        case = officer.post(
            "/v1/credit/listings",
            {
                "colour": "black",
                "uscc": NUTS.uscc,
                "ground_code": "food.contaminated",
                "facts": "生产的花生酱黄曲霉毒素 B₁ 超标，受到较重行政处罚（演示数据）",
                "violation_id": receipt["violation_id"],
            },
        )
        path = f"/v1/credit/listings/{case['listing_id']}"
        number = f"烟市监列〔{self.today.year}〕3号（示例）"
        officer.post(f"{path}/notice", {"served_on": today, "document_number": f"{number}告知书"})
        officer.post(f"{path}/hearing", {"how": "waived", "on": today, "document_number": f"{number}放弃听证书"})
        decision = {"outcome": "list", "decided_on": today, "document_number": number, "reason": "事实清楚，证据充分"}
        reviewer.post(f"{path}/decision", decision)
        publisher.post(f"{path}/publication", {})

    def recall(self) -> None:
        lot = self.days.peanut_butter
        toxin = [self._item("黄曲霉毒素 B₁", "20", "μg/kg", "38.4", "fail")]
        self._test("SP-N", lot, "food", 2, toxin)
        officer = self.users["demo-officer"]
        if officer.get(f"/v1/traceability/recalls?lot_id={lot.lot_id}")["items"]:
            return
        officer.post(
            "/v1/traceability/recalls",
            {
                "lots": [lot.lot_id],
                "level": 2,
                "reason": "黄曲霉毒素 B₁ 超标",
                "reason_en": "Aflatoxin B1 above the limit",
                "risk": "长期食用可能损害肝脏",
                "instructions": "停止食用，保留包装，到购买处退货退款",
                "contact": "0535-000 0000",
            },
        )


def main() -> int:
    base, state = sys.argv[1].rstrip("/"), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    mark = state / "demo-loaded" if state else None
    if mark is not None and mark.exists():
        return 0
    with httpx.Client(base_url=base, timeout=30) as http:
        loader = Loader(http, shanghai_date(SystemClock().now()))
        try:
            steps = loader.steps()
            for number, (what, step) in enumerate(steps, 1):
                print(f"  demo data {number}/{len(steps)}: {what} ...", flush=True)
                step()
        except (ApiError, httpx.HTTPError) as error:
            print(f"pinzhi: demo data: {error}", file=sys.stderr, flush=True)
            return 1
    if mark is not None:
        mark.write_text("")
    print("  demo data loaded\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
