"""A large recall at traceability, from empty tables: until every lot of it says so."""

import itertools
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.frame import Options, Outcome, alternate, case, compare, say
from bench.seed import fetch
from bench.servers import send, service, serving
from bench.system import database, environment, token, until
from tests.support.callers import enterprise
from tests.traceability import large
from tests.traceability.food import COOP, PACKED, PACKHOUSE, RAW

LOTS = 10_000
SECONDS = 300.0


@case("recall")
def recall(options: Options) -> Iterator[Outcome]:
    folder, lots = options.folder / "recall", options.size(LOTS)
    with database(options, "traceability") as (_server, url):
        settings = environment(folder, url)
        with serving(service("traceability"), environment=settings, folder=folder, ready="/readyz") as base:
            key = token(enterprise(COOP))
            _register(base + "/v1/traceability", key)
            fetch(url, "CREATE TABLE bench_lot (recall text, lot text, body text, PRIMARY KEY (recall, lot))")
            fetch(url, "CREATE TABLE bench_verdict (lot text PRIMARY KEY, body text)")
            rounds = itertools.count(1)

            def bare() -> float:
                """The rows that a recall leaves, in two statements: its lots, and what is said of each."""
                number = next(rounds)
                fetch(
                    url,
                    f"INSERT INTO bench_verdict SELECT '{number}-' || n, $1 FROM generate_series(1, {lots}) n",
                    BODY,
                )
                begun = datetime.now(UTC)
                fetch(
                    url,
                    f"INSERT INTO bench_lot SELECT '{number}', '{number}-' || n, $1 FROM generate_series(1, {lots}) n",
                    BODY,
                )
                fetch(url, f"UPDATE bench_verdict SET body = reverse(body) WHERE lot LIKE '{number}-%'")
                return lots / (datetime.now(UTC) - begun).total_seconds()

            def product() -> float:
                number = next(rounds)
                say(f"  {lots:,} lots of R{number} ...")
                _make(base, key, number, lots)
                until(lambda: None if _waiting(url) else True, "verdicts of the new lots", seconds=SECONDS)
                begun = datetime.now(UTC)
                body = {"lots": [f"{RAW}.R{number}"], "level": 1, "reason": "检出农药残留超标"}
                send("POST", base + "/v1/traceability/recalls", body, key)
                until(lambda: _recalled(url, number, lots) >= lots or None, "a verdict on every lot", seconds=SECONDS)
                return lots / (datetime.now(UTC) - begun).total_seconds()

            series = alternate(options, bare, product)
    yield compare(
        series,
        name="recall",
        work=f"a recall of {lots:,} lots on PostgreSQL with fsync: opened, every lot and its verdict says so",
        against="the same numbers of rows inserted and rewritten by two statements",
        unit="lots/s",
        goal=">= 2,000 lots/s",
        over=2_000,
    )


BODY = "x" * 3_000
"""About as much as is said of a lot, in two languages."""


def _register(base: str, key: str) -> None:
    party = {"name": "栖霞示例果业专业合作社", "area_code": "370686", "roles": ["producer"]}
    send("PUT", f"{base}/parties/{COOP}", party, key)
    place = {"name": "示例包装厂", "uscc": COOP, "area_code": "370686", "kind": "packhouse"}
    send("PUT", f"{base}/places/{PACKHOUSE}", place, key)
    for gtin in (RAW, PACKED):
        product = {"name": "苹果", "owner_uscc": COOP, "category": "fruit", "shelf_life_days": 180}
        send("PUT", f"{base}/products/{gtin}", product, key)


def _make(base: str, key: str, number: int, lots: int) -> None:
    """Events of one firm that make the lots of one raw lot."""
    first = number * lots
    document = large.document(large.made(first + 1, first + lots, source=f"{RAW}.R{number}"))
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    asked = urllib.request.Request(f"{base}/epcis/capture", json.dumps(document).encode(), headers, method="POST")
    with urllib.request.urlopen(asked, timeout=60) as answer:
        job = base + answer.headers["location"]

    def done() -> bool | None:
        state: Any = json.loads(urllib.request.urlopen(urllib.request.Request(job, headers=headers), timeout=60).read())
        if not state["running"] and not state["success"]:
            raise RuntimeError(f"the capture failed: {state['errors'][:3]}")
        return None if state["running"] else True

    until(done, "the capture", seconds=SECONDS)


def _waiting(url: str) -> bool:
    return bool(fetch(url, "SELECT EXISTS (SELECT FROM lot_stale) AS any")[0]["any"])


def _recalled(url: str, number: int, lots: int) -> int:
    sql = "SELECT count(*) AS n FROM lot_verdict WHERE state = 'recalled' AND lot_id BETWEEN $1 AND $2"
    found = fetch(url, sql, large.lot(number * lots + 1), large.lot((number + 1) * lots))
    return int(found[0]["n"])
