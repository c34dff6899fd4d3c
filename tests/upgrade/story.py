"""What happens in the city of the gate's data: all through the public API, the same at every run (seeded).

2,000 pushed violations, 500 and more EPCIS events of 42 days, lists, recalls, test reports, observations, attachments.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from tests.upgrade.answers import token
from tests.upgrade.city import City

TODAY = date(2026, 11, 24)
RECORDED_AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Noon in Shanghai of a Tuesday: the time at which the answers were given."""
DAYS = 42
PUSHES = 2_000
FIRMS = 60
_AREAS = ("370602", "370611", "370612", "370613", "370681", "370682", "370683", "370685", "370686", "370687")
_BLACK, _RED = range(1, 7), range(11, 15)
"""Numbers of firms that end on a list."""
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


def firm(number: int) -> str:
    """The number-th invented enterprise: a conforming code that belongs to nobody."""
    from shared.identifiers import uscc

    organisation = f"MA{number:06d}"
    first = "91370600" + organisation + uscc.organisation_check_character(organisation)
    return first + uscc.check_character(first)


def area_of(number: int) -> str:
    return _AREAS[number % len(_AREAS)]


class Story:
    """`ids` collects what was made, for the questions: kind -> ids in order."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._http = httpx.AsyncClient(base_url=city.base, timeout=60)
        self._tokens: dict[str, tuple[datetime, str]] = {}
        self._chance = random.Random(20_261_124)
        self.ids: dict[str, list[str]] = {}

    async def tell(self) -> None:
        try:
            self._at(date(2026, 10, 1))  # before the first day of the chains
            await self._firms()
            await self._push()
            await self._publish()
            for day in range(DAYS):
                await self._chain(TODAY - timedelta(days=DAYS - day))
            self._at(TODAY - timedelta(days=12))
            await self._lists()
            self._at(TODAY)
            await self._loader(TODAY, whole=True)
            await self._recalls()
            await self._files()
            await self._figures()
            await self._scans()
        finally:
            await self._http.aclose()

    def _at(self, day: date, hour: int = 9) -> None:
        self._city.clock.set(datetime(day.year, day.month, day.day, hour - 8, tzinfo=UTC))

    def _keep(self, kind: str, value: str) -> None:
        self.ids.setdefault(kind, []).append(value)

    async def _call(self, method: str, path: str, who: str, body: Any = None, **options: Any) -> Any:
        now = self._city.clock.now()
        until, bearer = self._tokens.get(who, (now, ""))
        if not now < until < now + timedelta(minutes=10):
            bearer = await token(self._http, who)
            self._tokens[who] = (now + timedelta(minutes=5), bearer)
        self._city.clock.advance(seconds=1)
        headers = {"Authorization": f"Bearer {bearer}", **options.pop("headers", {})}
        response = await self._http.request(method, path, json=body, headers=headers, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text[:2000]}"
        return response.json()

    async def _firms(self) -> None:
        items = [
            {
                "uscc": firm(number),
                "name": f"烟台样例{'食品' if number % 3 else '建材'}{number}号有限公司",
                "area_code": area_of(number),
                "industry_code": ("C14", "C13", "F52", "E47")[number % 4],
            }
            for number in range(1, FIRMS + 1)
        ]
        answer = await self._call("POST", "/v1/credit/enterprises:batch", "demo-unit", {"items": items})
        assert all(each.get("receipt") for each in answer["receipts"]), answer
        for item in items:
            self._keep("uscc", item["uscc"])

    def _violation(self, number: int) -> dict[str, Any]:
        who = self._chance.randint(1, FIRMS)
        serious = number % 7 == 0
        return {
            "external_id": f"CASE-{number:05d}",
            "uscc": firm(who),
            "party_name": f"烟台样例{'食品' if who % 3 else '建材'}{who}号有限公司",
            "area_code": area_of(who),
            "document_number": f"烟市监罚〔2026〕{number}号",
            "violation_type": "生产经营不符合食品安全标准的食品" if number % 3 else "标签不符合规定",
            "field": "food",
            "facts": f"抽检 {number} 号样品不符合食品安全标准（示例数据）",
            "legal_basis": "《中华人民共和国食品安全法》第一百二十四条",
            "penalty_kinds": ["fine", "production_stopped"]
            if serious
            else ["warning"]
            if number % 5 == 0
            else ["fine"],
            **({} if number % 5 == 0 and not serious else {"fine_fen": 100 * self._chance.randint(100, 90_000)}),
            "decision_date": (date(2026, 9, 29) - timedelta(days=self._chance.randint(0, 900))).isoformat(),
        }

    async def _push(self) -> None:
        items = [self._violation(number) for number in range(1, PUSHES + 1)]
        for item in items[:20]:
            receipt = await self._call("POST", "/v1/credit/violations", "demo-unit", item)
            self._taken(receipt)
        for start in range(20, PUSHES, 198):
            if start % 5 == 0:
                self._city.clock.advance(days=1)
            body = {"items": items[start : start + 198]}
            answer = await self._call("POST", "/v1/credit/violations:batch", "demo-unit", body)
            for each in answer["receipts"]:
                assert each.get("receipt"), each
                self._taken(each["receipt"])
        assert len(self.ids["violation"]) == PUSHES

    def _taken(self, receipt: dict[str, Any]) -> None:
        self._keep("violation", receipt["violation_id"])
        self._keep("receipt", receipt["id"])

    async def _publish(self) -> None:
        self._at(date(2026, 10, 12))
        for violation in self.ids["violation"][6::35]:  # with a grave kind: what is light is kept and not published
            await self._call("POST", f"/v1/credit/violations/{violation}/publication", "demo-publisher", {})
            self._keep("published", violation)
        for violation in self.ids["published"][:6]:
            body = {"version": 1, "reason": "录入有误", "changes": {"facts": "更正后的事实（示例数据）"}}
            await self._call("POST", f"/v1/credit/violations/{violation}/corrections", "demo-unit", body)
            self._keep("corrected", violation)
        for violation in self.ids["published"][6:10]:
            body = {"reason": "复议撤销", "document_number": "烟复决〔2026〕1号", "annulled_on": "2026-10-12"}
            await self._call("POST", f"/v1/credit/violations/{violation}/withdrawal", "demo-unit", body)
            self._keep("withdrawn", violation)

    async def _chain(self, day: date) -> None:
        self._at(day, 18)
        await self._loader(day, whole=False)

    async def _loader(self, day: date, *, whole: bool) -> None:
        """The demo of a day: two chains, its reports; `whole` adds figures, a listing and a recall."""
        from deploy.demo import chains
        from deploy.demo.load import Loader

        def load() -> None:
            with httpx.Client(base_url=self._city.base, timeout=60) as http:
                loader = Loader(http, day)
                if whole:
                    for _what, step in loader.steps():
                        step()
                    return
                loader.register_enterprises()
                loader.register_chain()
                for party, document in chains.documents(day):
                    loader.enterprises[party.uscc].capture(_of_day(document, day))
                loader.report_tests()

        await asyncio.to_thread(load)
        days = chains.Days(day)
        for lot in days.lots:
            self._keep("lot", lot.lot_id)

    async def _lists(self) -> None:
        for number in (*_BLACK, *_RED):
            await self._list(number, "black" if number in _BLACK else "red")

    async def _list(self, number: int, colour: str) -> None:
        """Some stop on the way: a case for each state of the procedure."""
        day = self._city.clock.now().date().isoformat()
        if colour == "black":
            violation = await self._call("POST", "/v1/credit/violations", "demo-unit", self._grave(number))
            case = {"ground_code": "food.contaminated", "violation_id": violation["violation_id"]}
        else:
            case = {"ground_code": "red.benchmark", "valid_until": "2028-12-31"}
        case |= {"colour": colour, "uscc": firm(number), "facts": f"{number} 号事实（示例数据）"}
        listing = (await self._call("POST", "/v1/credit/listings", "demo-officer", case))["listing_id"]
        self._keep("listing", listing)
        path = f"/v1/credit/listings/{listing}"
        if number == 5:
            return
        notice = {"served_on": day, "document_number": f"烟市监列告〔2026〕{number}号"}
        if colour == "red":
            notice |= {"method": "announcement"}
        await self._call("POST", f"{path}/notice", "demo-officer", notice)
        if number == 4:
            return
        if colour == "red":
            before = self._city.clock.now()
            self._city.clock.set(before + timedelta(days=8))
            hearing = {"how": "period_passed", "on": self._city.clock.now().date().isoformat()}
        else:
            hearing = {"how": "waived", "on": day, "document_number": f"放弃听证声明书{number}号"}
        await self._call("POST", f"{path}/hearing", "demo-officer", hearing)
        decided = self._city.clock.now().date().isoformat()
        decision = {"outcome": "list", "decided_on": decided, "document_number": f"烟市监列决〔2026〕{number}号"}
        await self._call("POST", f"{path}/decision", "demo-reviewer", decision | {"reason": "性质恶劣、情节严重"})
        if number == 3:
            return
        await self._call("POST", f"{path}/publication", "demo-publisher", {})
        if number == 2:
            removal = {"reason": "revoked", "detail": "判决撤销列入决定", "document_number": "(2026)鲁06行终1号"}
            await self._call("POST", f"{path}/removal", "demo-reviewer", removal)
        if colour == "red":
            self._city.clock.set(before + timedelta(minutes=5))

    def _grave(self, number: int) -> dict[str, Any]:
        grave = self._violation(PUSHES + number)
        who = {"uscc": firm(number), "area_code": area_of(number), "decision_date": "2026-09-20"}
        kinds = {"penalty_kinds": ["fine", "production_stopped"], "fine_fen": 5_000_000}
        return grave | who | kinds | {"party_name": f"烟台样例食品{number}号有限公司"}

    async def _recalls(self) -> None:
        """The loader made one; two more: one that reaches the shop, and one that is closed."""
        from deploy.demo import chains

        for back, level in ((3, 1), (9, 3)):
            lot = chains.Days(TODAY - timedelta(days=back)).harvest if level == 1 else None
            lot = lot or chains.Days(TODAY - timedelta(days=back)).dried_cucumber
            body = {
                "lots": [lot.lot_id],
                "level": level,
                "reason": "毒死蜱超标",
                "reason_en": "Chlorpyrifos above the limit",
                "risk": "短期少量食用一般不会有不适",
                "instructions": "停止食用，到购买处退货",
                "contact": "0535-000 0000",
            }
            recall = (await self._call("POST", "/v1/traceability/recalls", "demo-officer", body))["recall_id"]
            self._keep("recall", recall)
            await self._call("POST", f"/v1/traceability/recalls/{recall}:start", "demo-officer")
        note = {"outcome": "completed", "note": "已全部收回（示例数据）"}
        await self._call("POST", f"/v1/traceability/recalls/{recall}:close", "demo-officer", note)
        found = await self._call("GET", "/v1/traceability/recalls", "demo-officer")
        self.ids["recall"] = [each["recall_id"] for each in found["items"]]

    async def _files(self) -> None:
        for number, (service, who, visibility) in enumerate(
            (
                ("credit", "demo-officer", "public"),
                ("credit", "demo-officer", "departmental"),
                ("traceability", "demo-orchard", "departmental"),
            )
        ):
            path = f"/v1/{service}/attachments?visibility={visibility}&name=file-{number}.pdf"
            bearer = await token(self._http, who)
            headers = {"Authorization": f"Bearer {bearer}", "content-type": "application/pdf"}
            response = await self._http.post(path, content=PDF + b"%% %d\n" % number, headers=headers)
            assert response.status_code == 201, response.text
            self._keep("attachment", f"/v1/{service}/attachments/{response.json()['sha256']}")

    async def _figures(self) -> None:
        items = [
            {
                "target_id": target,
                "area_code": area,
                "period": period,
                "n": n,
                "passed": n - self._chance.randint(0, n // 20),
                "source": "示例年报",
                "external_id": f"{target}-{area}-{period}",
            }
            for target in ("agri_sampling_pass_rate", "food_sampling_pass_rate")
            for area in ("370600", "370602", "370613", "370686")
            for period in ("2019", "2022", "2025")
            for n in [self._chance.randint(200, 5_000)]
        ]
        answer = await self._call("POST", "/v1/indicators/observations:batch", "demo-quality", {"items": items})
        assert not answer["rejected"], answer
        for item in items:
            self._keep("observation", item["external_id"])
        revised = items[0] | {"passed": items[0]["passed"] - 1, "reason": "录入有误"}
        await self._call("POST", "/v1/indicators/observations", "demo-quality", revised)

    async def _scans(self) -> None:
        for lot in self.ids["lot"][::9]:
            gtin, _, number = lot.partition(".")
            response = await self._http.get(f"/v1/scan/01/{gtin}/10/{number}")
            assert response.status_code == 200, response.text


def _of_day(document: dict[str, Any], day: date) -> dict[str, Any]:
    """The demo names its transformation once for all days; here each day has its own."""
    for event in document["epcisBody"]["eventList"]:
        if "transformationID" in event:
            event["transformationID"] += f"-{day:%y%m%d}"
    return document


def numbers() -> Callable[[], str]:
    """A `uuid7` that counts: the same story gets the same ids, and they compress."""
    count: Iterator[int] = iter(range(1, 10_000_000))

    def following() -> str:
        number = next(count)
        return f"019d0000-{number >> 16:04x}-7000-8000-{number & 0xFFFF:012x}"

    return following
