"""A scan at the gateway: warm (the answer is in the process) and cold (one of many lots on PostgreSQL)."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from bench import samples
from bench.frame import Options, Outcome, alternate, case, compare, say
from bench.seed import clone, fetch
from bench.servers import floor, get, service, serving
from bench.system import database, environment, publish, until
from bench.wrk import wrk

LOTS = 1_000_000


def path(lot: str) -> str:
    return f"/v1/scan/01/{samples.GTIN}/10/{lot}"


@case("scan-warm")
def warm(options: Options) -> Iterator[Outcome]:
    folder = options.folder / "scan-warm"
    with database(options, "gateway") as (_server, url):
        settings = environment(folder, url)
        publish(folder, samples.party(), samples.enterprise(), samples.product(), samples.lot())
        with serving(service("gateway"), environment=settings, folder=folder, ready="/readyz") as product:
            body = until(lambda: safe(product, samples.LOT), "the lot in the gateway's view")
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
    with database(options, "gateway") as (server, url):
        settings = environment(folder, url)
        publish(folder, samples.party(), samples.enterprise(), samples.product(), samples.lot())
        with serving(service("gateway"), environment=settings, folder=folder, ready="/readyz") as product:
            body = until(lambda: safe(product, samples.LOT), "the lot in the gateway's view")
            number = "'B' || lpad(n::text, 7, '0')"
            clone(
                url,
                "lot_view",
                lots,
                where=f"lot_id = '{samples.lot_id()}'",
                lot_id=f"'{samples.GTIN}.' || {number}",
                body=f"replace(t.body, '{samples.LOT}', {number})",
            )
            # the floor reads rows of its own table, with the very bytes that the product answers
            fetch(url, "CREATE TABLE bench_answer (lot text PRIMARY KEY, body text NOT NULL)")
            fetch(
                url,
                f"INSERT INTO bench_answer SELECT {number}, replace($1, '{samples.LOT}', {number}) "
                f"FROM generate_series(1, {lots}) AS n",
                body.decode(),
            )
            fetch(url, "ANALYZE bench_answer")
            assert json.loads(safe(product, f"B{lots:07}") or b"{}"), "a copied lot cannot be scanned"
            bare_settings = {"BENCH_DSN": url, "BENCH_SQL": "SELECT body FROM bench_answer WHERE lot = $1"}
            with serving(floor("select"), environment=bare_settings, folder=folder) as bare:
                walk = Walk(folder, lots)
                series = alternate(
                    options,
                    lambda: wrk(bare + "/", seconds=options.seconds, script=walk.over("/lots/B%07d")).rate,
                    lambda: wrk(product, seconds=options.seconds, script=walk.over(path("B%07d"))).rate,
                )
        assert server
    yield compare(
        series,
        name="scan-cold",
        work=f"scan of a cold code out of {lots:,} lots on PostgreSQL at the gateway, one worker, 32 connections",
        against="bare asyncpg select by primary key of the same bytes behind raw ASGI",
        unit="requests/s",
        goal=">= 80 %",
        at_least=0.8,
    )


def safe(base: str, lot: str) -> bytes | None:
    """The answer once the lot is known."""
    body = get(base + path(lot))
    return body if json.loads(body)["verdict"] == "safe" else None


class Walk:
    """wrk scripts that ask for a code which was not asked for before, as far as the lots reach."""

    STEP = 7919

    def __init__(self, folder: Path, lots: int) -> None:
        self._folder, self._lots, self._number = folder, lots, itertools.count()

    def over(self, pattern: str) -> Path:
        number = next(self._number)
        start = number * 50_021 * self.STEP % self._lots
        script = self._folder / f"walk-{number}.lua"
        script.write_text(
            f"local n = {start}\n"
            "request = function()\n"
            f"  n = (n + {self.STEP}) % {self._lots}\n"
            f'  return wrk.format("GET", string.format("{pattern}", n + 1))\n'
            "end\n"
        )
        return script
