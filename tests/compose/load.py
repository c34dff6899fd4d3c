"""Light load from outside, over HTTP: a unit pushes violations, a reader asks for views; both keep what they got."""

import threading
import time
from collections import Counter, defaultdict
from datetime import date
from types import TracebackType
from typing import Any

import httpx

from deploy.demo.accounts import ENFORCEMENT
from deploy.demo.cast import NUTS

PAUSE = 0.25
TRY_AGAIN = (502, 503, 504)
"""What the gateway may answer while a part is away; the client tries again."""
VIEWS = (f"/v1/enterprises/{NUTS.uscc}", "/v1/overview")


def violation(external_id: str, today: date) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "uscc": NUTS.uscc,
        "party_name": NUTS.name,
        "area_code": NUTS.area,
        "document_number": f"烟市监处罚〔{today.year}〕{external_id}号（演示）",
        "violation_type": "标签不符合规定",
        "field": "food",
        "facts": "演示",
        "legal_basis": "《中华人民共和国食品安全法》第一百二十五条",
        "penalty_kinds": ["fine"],
        "fine_fen": 100_000,
        "decision_date": today.isoformat(),
    }


class Load:
    """Runs inside `with`. A violation is pushed again until it is acknowledged, as a unit does that got no answer."""

    def __init__(self, base: str, today: date) -> None:
        self._base, self._today = base, today
        self.acknowledged: dict[str, str] = {}
        """External id -> violation id, as the receipts said."""
        self.last_acknowledged = 0.0
        """`time.monotonic` at which the newest acknowledged push was begun."""
        self.wrong: list[str] = []
        """Answers that nothing excuses."""
        self.reads: Counter[str] = Counter()
        self.pushes: Counter[str] = Counter()
        self.ages: defaultdict[str, int] = defaultdict(int)
        """Part -> largest age that was told since `clear`."""
        self._token, self._token_until = "", 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._push_all, self._read_all)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(40)

    def clear(self) -> None:
        """Count anew."""
        self.reads.clear()
        self.pushes.clear()
        self.ages.clear()

    def _push_all(self) -> None:
        with httpx.Client(base_url=self._base, timeout=15) as http:
            number = 1
            while not self._stop.wait(PAUSE):
                if self._push(http, f"C{number}"):
                    number += 1

    def _push(self, http: httpx.Client, external_id: str) -> bool:
        begun = time.monotonic()
        try:
            if begun > self._token_until:
                who = ENFORCEMENT
                form = {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.secret}
                answer = self._judged(http.post("/oauth/token", data=form), self.pushes)
                if answer is None:
                    return False
                self._token, self._token_until = answer["access_token"], begun + answer["expires_in"] / 2
            answer = self._judged(
                http.post(
                    "/v1/credit/violations",
                    json=violation(external_id, self._today),
                    headers={"Authorization": f"Bearer {self._token}"},
                ),
                self.pushes,
            )
        except httpx.HTTPError:
            self.pushes["no answer"] += 1
            return False
        if answer is None:
            return False
        self.acknowledged[external_id] = answer["violation_id"]
        self.last_acknowledged = begun
        return True

    def _read_all(self) -> None:
        with httpx.Client(base_url=self._base, timeout=15) as http:
            while not self._stop.wait(PAUSE):
                for path in VIEWS:
                    try:
                        view = self._judged(http.get(path), self.reads)
                    except httpx.HTTPError:
                        self.reads["no answer"] += 1
                        continue
                    for name, part in (view or {"parts": {}})["parts"].items():
                        if not part["current"] and part["age_seconds"] is not None:
                            self.ages[name] = max(self.ages[name], part["age_seconds"])

    def _judged(self, response: httpx.Response, counts: Counter[str]) -> Any:
        """The body of a good answer; None for one that says to try again. Any other is kept as wrong."""
        counts[str(response.status_code)] += 1
        if response.status_code in (200, 201):
            return response.json()
        excused = response.status_code in TRY_AGAIN and "retry-after" in response.headers
        if not excused:
            request = response.request
            self.wrong.append(f"{request.method} {request.url.path}: {response.status_code} {response.text[:300]}")
        return None
