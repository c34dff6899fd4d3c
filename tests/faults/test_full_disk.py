"""The disk of all four services runs full under load, their logs on it, and is freed: nothing acknowledged is lost,
reads go on, what is refused says why, and everything works again by itself.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy import topology
from deploy.demo.accounts import ENFORCEMENT, USERS
from deploy.demo.cast import SEAFOOD
from deploy.demo.chains import Days
from shared.clock import SystemClock, shanghai_date
from tests.e2e.running import Running, running, until
from tests.support.mounts import fill, free_bytes, small_filesystem

TODAY = shanghai_date(SystemClock().now())
DAYS = Days(TODAY)
SERVICES = [service.name for service in topology.SERVICES]
EFFECT_SECONDS = 10.0
"""From the acknowledged recall to the scan that says so, once there is space."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        small_filesystem(tmp_path_factory.mktemp("full") / "var", megabytes=160) as folder,
        running(folder) as up,
    ):
        yield up


@dataclass
class Told:
    """What clients were told: statuses by kind of request, receipts, and answers that should not be."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


class Load:
    """Pushes, captures and scans side by side, until it is left."""

    def __init__(self, city: Running) -> None:
        self._city, self.told = city, Told()
        self._end = threading.Event()
        self._token = city.account(ENFORCEMENT).bearer()
        self._threads = [
            threading.Thread(target=self._repeat, args=(each,)) for each in (self.push, self.capture, self.read)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, send: Callable[[httpx.Client, int], None]) -> None:
        with httpx.Client(base_url=self._city.base, timeout=60, trust_env=False) as http:
            number = 0
            while not self._end.is_set():
                number += 1
                try:
                    send(http, number)
                except httpx.HTTPError as error:
                    self.told.wrong.append(f"{send.__name__}: {type(error).__name__}: {error}")
                self._end.wait(0.01)

    def _post(self, http: httpx.Client, path: str, body: Any) -> httpx.Response:
        answer = http.post(path, json=body, headers={"Authorization": f"Bearer {self._token}"})
        self.told.counts[path, answer.status_code] += 1
        if answer.status_code not in (201, 202):
            problem = answer.json()
            self.told.refused[problem["code"]] += 1
            if answer.status_code != 503 or "retry-after" not in answer.headers or problem["code"] != "storage.full":
                self.told.wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer

    def push(self, http: httpx.Client, number: int) -> None:
        answer = self._post(http, "/v1/credit/violations", violation(f"full-{id(self)}-{number}"))
        if answer.status_code == 201:
            self.told.violations.append(answer.json()["violation_id"])

    def capture(self, http: httpx.Client, number: int) -> None:
        answer = self._post(http, "/epcis/capture", document(id(self), number))
        if answer.status_code == 202:
            self.told.jobs.append(answer.headers["location"])

    def read(self, http: httpx.Client, number: int) -> None:
        for lot in (DAYS.apples, DAYS.raw_cucumber):
            for path in (
                f"/01/{lot.product.gtin}/10/{lot.number}?n={number}",
                f"/v1/scan/01/{lot.product.gtin}/10/{lot.number}",
            ):
                self._get(http, path)
        self._get(http, "/v1/lists/black")
        self._get(http, "/v1/credit/lists/black")
        self._get(http, "/v1/indicators/dashboard")

    def _get(self, http: httpx.Client, path: str) -> None:
        answer = http.get(path, headers={"Accept": "application/json"})
        self.told.counts["read", answer.status_code] += 1
        if answer.status_code != 200:
            self.told.wrong.append(f"GET {path}: {answer.status_code} {answer.text[:300]}")


def violation(number: str) -> dict[str, Any]:
    return {
        "external_id": number,
        "uscc": SEAFOOD.uscc,
        "party_name": SEAFOOD.name,
        "area_code": SEAFOOD.area,
        "document_number": f"烟市监处罚〔{TODAY.year}〕{number}号（演示）",
        "violation_type": "在食品中添加可能危害人体健康的物质",
        "field": "food",
        "facts": "在海参加工中使用非食用物质（演示）" * 40,
        "legal_basis": "《中华人民共和国食品安全法》第一百二十三条",
        "penalty_kinds": ["fine"],
        "fine_fen": 30_000_000,
        "decision_date": (TODAY - timedelta(days=3)).isoformat(),
    }


def document(run: int, number: int) -> dict[str, Any]:
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": SystemClock().now().isoformat(),
        "epcisBody": {
            "eventList": [
                {
                    "type": "ObjectEvent",
                    "eventTime": (SystemClock().now() - timedelta(minutes=1)).isoformat(),
                    "eventTimeZoneOffset": "+08:00",
                    "action": "OBSERVE",
                    "bizStep": "inspecting",
                    "epcList": [
                        f"https://id.gs1.org/01/09521101530018/21/{run % 10**6}N{number}E{each}" for each in range(20)
                    ],
                    "readPoint": {"id": "https://id.gs1.org/414/9521321000018"},
                }
            ]
        },
    }


def ready(city: Running, service: str) -> dict[str, Any]:
    administrator = city.account(next(each for each in USERS if "administrator" in each.roles))
    headers = {"Authorization": f"Bearer {administrator.bearer()}"} if service == "gateway" else {}
    answer: dict[str, Any] = city.http.get(f"{city.url(service)}/readyz", timeout=20, headers=headers).json()
    return answer


def settled(city: Running) -> bool:
    """Every event is on the bus and applied everywhere."""
    for service in SERVICES:
        told = ready(city, service)
        if told["reasons"] or told["outbox_pending"] or sum(told["consumer_lag"].values()) or told["dead_letters"]:
            return False
    return True


def open_recall(city: Running) -> float:
    """The instant of the acknowledgment, by the clock that nobody sets."""
    officer = city.account(next(each for each in USERS if each.username == "demo-officer"))
    officer.post(
        "/v1/traceability/recalls",
        {
            "lots": [DAYS.raw_cucumber.lot_id],
            "level": 1,
            "reason": "检出禁用药物氯霉素",
            "reason_en": "Chloramphenicol found",
            "instructions": "停止食用，退回购买处",
        },
    )
    return time.monotonic()


def verdict(city: Running) -> str:
    lot = DAYS.raw_cucumber
    answer = city.http.get(f"/01/{lot.product.gtin}/10/{lot.number}", headers={"Accept": "application/json"})
    return str(answer.json()["verdict"])


def test_the_disk_runs_full_and_is_freed(city: Running) -> None:
    unit = city.account(ENFORCEMENT)
    with Load(city) as before:
        until(lambda: before.told.violations and before.told.jobs, "a load")
    assert not before.told.wrong
    first = before.told.jobs[0]
    until(lambda: not unit.get(first)["running"], "the first capture job")
    assert unit.get(first)["success"], str(unit.get(first)["errors"])[:2000]
    with Load(city) as load:
        until(lambda: len(load.told.violations) > 10, "pushes")
        ballast = fill(city.data_dir)
        assert free_bytes(city.data_dir) == 0
        told = load.told

        def refused_by_both() -> bool:
            fill(city.data_dir)  # what a checkpoint or a shorter log gave back
            return all(told.counts[path, 503] > 5 for path in ("/v1/credit/violations", "/epcis/capture"))

        until(refused_by_both, "refusals")
        reads = told.counts["read", 200]
        for service in ("credit", "traceability"):
            reason = until(lambda service=service: ready(city, service)["reasons"].get("storage"), "the reason")
            assert "磁盘已满" in reason
            assert "disk full" in reason
        until(lambda: told.counts["read", 200] > reads + 50, "reads that go on")
        assert city.process.poll() is None
        ballast.unlink()
        assert not told.wrong, told.wrong[:5]
        recalled = open_recall(city)
        until(lambda: verdict(city) == "recalled", "the recall on the scan", seconds=EFFECT_SECONDS)
        print(f"recalled on the scan {time.monotonic() - recalled:.2f} s after the acknowledgment")
    left = recalled + EFFECT_SECONDS - time.monotonic()
    until(lambda: settled(city), "every event applied everywhere", seconds=left)
    print(f"settled {time.monotonic() - recalled:.2f} s after the acknowledgment; {dict(told.counts)}")
    for told in (before.told, load.told):
        for number in told.violations:
            unit.get(f"/v1/credit/violations/{number}")
        for job in told.jobs:
            until(lambda job=job: not unit.get(job)["running"], "the capture job")
            assert unit.get(job)["success"], str(unit.get(job)["errors"])[:2000]


def test_a_service_that_ends_on_a_full_disk_is_started_again(city: Running) -> None:
    """Its log, its pid file and the words of the supervisor are on the full disk too."""
    ballast = fill(city.data_dir)
    pid = city.kill("indicators")
    until(lambda: city.http.get("/v1/indicators/dashboard").status_code == 503, "that it is gone")
    assert city.http.get("/v1/lists/black").status_code == 200
    fill(city.data_dir)
    ballast.unlink()
    until(lambda: city.answers("indicators") and city.pid("indicators") != pid, "the service")
    assert city.process.poll() is None
    assert city.http.get("/v1/indicators/dashboard").status_code == 200


def test_a_file_that_is_damaged_while_it_is_served(city: Running) -> None:
    """The last test here: its city is lost."""
    file = city.data_dir / "credit.db"
    size = file.stat().st_size
    with file.open("r+b") as damaged:
        damaged.write(b"\xff" * (size // 2))
    for suffix in ("-wal",):
        with (city.data_dir / f"credit.db{suffix}").open("r+b") as log:
            log.truncate(0)
    unit = city.account(ENFORCEMENT)

    numbers = itertools.count(1)

    def told() -> Any:
        answer = city.http.post(
            "/v1/credit/violations",
            json=violation(f"damaged-{next(numbers)}"),
            headers={"Authorization": f"Bearer {unit.bearer()}"},
        )
        assert answer.status_code in (201, 503), answer.text
        return answer.status_code == 503 and answer.json()["code"] == "storage.damaged"

    until(told, "the refusal")
    reason = until(lambda: ready(city, "credit")["reasons"].get("storage"), "the reason")
    assert "credit.db" in reason
    assert "pinzhi restore" in reason
    assert city.http.get("/v1/lists/black").status_code == 200, "the gateway has its own copy"
