"""A scan at the gateway: warm (the answer is in the process) and cold (one of many lots on PostgreSQL)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bench import samples
from bench.frame import Options, Outcome, Series, alternate, case, compare, say
from bench.seed import clone, fetch
from bench.servers import floor, get, send, service, serving
from bench.system import database, environment, publish, token, until
from bench.wrk import wrk
from tests.support.callers import enterprise, staff

LOTS = 1_000_000
NUMBER = "'B' || lpad(n::text, 7, '0')"
SELECT = "bare asyncpg select by primary key of the same bytes behind raw ASGI"


def verdict_path(lot: str) -> str:
    return f"/v1/traceability/verdicts/{samples.GTIN}+{lot}"


def path(lot: str) -> str:
    return f"/v1/scan/01/{samples.GTIN}/10/{lot}"


@case("scan-warm")
def warm(options: Options) -> Iterator[Outcome]:
    folder = options.folder / "scan-warm"
    with database(options, "gateway") as (_server, url):
        settings = environment(folder, url)
        publish(folder, samples.party(), samples.enterprise(), samples.product(), samples.lot())
        with serving(service("gateway"), environment=settings, folder=folder, ready="/readyz") as product:
            body = until(lambda: safe(product + path(samples.LOT)), "the lot in the gateway's view")
            constant = folder / "constant.json"
            constant.write_bytes(body)
            say(f"  one answer is {len(body):,} bytes")
            with serving(floor("constant"), environment={"BENCH_BODY": str(constant)}, folder=folder) as bare:
                series = alternate(
                    options,
                    lambda: wrk(bare + "/", seconds=options.seconds).rate,
                    lambda: wrk(product + path(samples.LOT), seconds=options.seconds).rate,
                )
    yield compare(
        series,
        name="scan-warm",
        work=f"scan of one lot at the gateway, warm, one worker, 32 connections, {len(body):,} bytes",
        against="uvicorn answering a constant of the same size (raw ASGI)",
        unit="requests/s",
        goal=">= 70 %",
        at_least=0.7,
    )


@case("scan-cold")
def cold(options: Options) -> Iterator[Outcome]:
    folder, lots = options.folder / "scan-cold", options.size(LOTS)
    with database(options, "gateway") as (_server, url):
        settings = environment(folder, url)
        publish(folder, samples.party(), samples.enterprise(), samples.product(), samples.lot())
        with serving(service("gateway"), environment=settings, folder=folder, ready="/readyz") as product:
            body = until(lambda: safe(product + path(samples.LOT)), "the lot in the gateway's view")
            where = f"lot_id = '{samples.lot_id()}'"
            changed = {
                "lot_id": f"'{samples.GTIN}.' || {NUMBER}",
                "body": f"replace(t.body, '{samples.LOT}', {NUMBER})",
            }
            clone(url, "lot_view", lots, where=where, **changed)
            series = walk(options, folder, url, lots, body, product, path("B%07d"))
    yield compare(
        series,
        name="scan-cold",
        work=f"scan of a cold code out of {lots:,} lots on PostgreSQL at the gateway, one worker, 32 connections",
        against=SELECT,
        unit="requests/s",
        goal=">= 80 %",
        at_least=0.8,
    )


@case("verdict-cold")
def verdict(options: Options) -> Iterator[Outcome]:
    folder, lots = options.folder / "verdict-cold", options.size(LOTS)
    with database(options, "traceability") as (_server, url):
        settings = environment(folder, url)
        with serving(service("traceability"), environment=settings, folder=folder, ready="/readyz") as product:
            _register(product + "/v1/traceability", token(enterprise(samples.USCC)))
            body = until(lambda: safe(product + verdict_path(samples.LOT)), "the lot's verdict")
            changed = {
                "lot_id": f"'{samples.GTIN}.' || {NUMBER}",
                "lot": NUMBER,
                "body_zh": f"replace(t.body_zh, '{samples.LOT}', {NUMBER})",
                "body_en": f"replace(t.body_en, '{samples.LOT}', {NUMBER})",
            }
            clone(url, "lot_verdict", lots, where=f"lot_id = '{samples.lot_id()}'", **changed)
            series = walk(options, folder, url, lots, body, product, verdict_path("B%07d"))
    yield compare(
        series,
        name="verdict-cold",
        work=f"verdict of a cold code out of {lots:,} lots on PostgreSQL at traceability, one worker, 32 connections",
        against=SELECT,
        unit="requests/s",
        goal=">= 80 %",
        at_least=0.8,
    )


def _register(base: str, key: str) -> None:
    party, product, lot = samples.party(), samples.product(), samples.lot()
    body: dict[str, object] = {"name": party.name, "area_code": party.area_code, "roles": ["producer"]}
    send("PUT", f"{base}/parties/{samples.USCC}", body, key)
    body = {"name": product.name, "name_en": product.name_en, "owner_uscc": samples.USCC, "shelf_life_days": 180}
    send("PUT", f"{base}/products/{samples.GTIN}", body, key)
    body = {"produced_on": str(lot.produced_on), "expires_on": str(lot.expires_on), "origin": lot.origin}
    send("PUT", f"{base}/lots/{samples.GTIN}/{samples.LOT}", body, key)


def walk(options: Options, folder: Path, url: str, lots: int, body: bytes, product: str, pattern: str) -> Series:
    """Product against a bare select, each asking for codes that were not asked for before.

    The floor reads rows of its own table, with the very bytes that the product answers.
    """
    say("  seeding the floor's table ...")
    fetch(url, "CREATE TABLE bench_answer (lot text PRIMARY KEY, body text NOT NULL)")
    fetch(
        url,
        f"INSERT INTO bench_answer SELECT {NUMBER}, replace($1, '{samples.LOT}', {NUMBER}) "
        f"FROM generate_series(1, {lots}) AS n",
        body.decode(),
    )
    fetch(url, "ANALYZE bench_answer")
    if safe(product + (pattern % lots)) is None:
        raise RuntimeError("a copied lot cannot be scanned")
    bare_walk, product_walk = Walk(folder / "floor.lua", lots), Walk(folder / "product.lua", lots)
    given = {"BENCH_DSN": url, "BENCH_SQL": "SELECT body FROM bench_answer WHERE lot = $1"}
    before = _hits(product)
    with serving(floor("select"), environment=given, folder=folder) as bare:
        series = alternate(
            options,
            lambda: bare_walk.measure(bare, "/lots/B%07d", options.seconds),
            lambda: product_walk.measure(product, pattern, options.seconds),
        )
    hits = (_hits(product) - before) / product_walk.asked
    if hits > 0.02:
        raise RuntimeError(f"not cold: {hits:.0%} of the answers came out of the process's cache")
    return series


def _hits(product: str) -> float:
    """Answers that the service gave out of its cache so far."""
    operator = {"Authorization": f"Bearer {token(staff('administrator'))}"}
    told = get(product + "/metrics", operator).decode()
    counts = re.findall(r'^pinzhi_hot_reads_total\{[^}]*outcome="(\w+)"[^}]*\} (\S+)$', told, re.M)
    if not counts:
        raise RuntimeError("the service counts no hot reads: this case would measure another path")
    return sum(float(value) for outcome, value in counts if outcome == "hit")


def safe(address: str) -> bytes | None:
    """The answer once the lot is known."""
    body = get(address)
    return body if json.loads(body)["verdict"] == "safe" else None


class Walk:
    """wrk runs that ask for one code after another in a scattered order, each run going on where the last one ended."""

    STEP = 7919

    def __init__(self, script: Path, lots: int) -> None:
        self._script, self._lots = script, lots
        self.asked = 0

    def measure(self, base: str, pattern: str, seconds: float) -> float:
        self._script.write_text(
            f"local n = {self.asked * self.STEP % self._lots}\n"
            "request = function()\n"
            f"  n = (n + {self.STEP}) % {self._lots}\n"
            f'  return wrk.format("GET", string.format("{pattern}", n + 1))\n'
            "end\n"
        )
        load = wrk(base, seconds=seconds, script=self._script)
        self.asked += load.requests
        return load.rate
