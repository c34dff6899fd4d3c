"""Violations from enforcement units: batches of 500, and one a request from 32 clients at once.

The product sends its outbox to the bus while it takes records in, and goes on afterwards if it took in faster than the
bus takes. Each measurement, of the floor and of the product alike, begins when that is done: else what one round left
behind would be counted against the next, and against the floor, which runs on the same core.
"""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import samples
from bench.frame import SERVICE_CORE, Options, Outcome, alternate, case, compare, say
from bench.seed import fetch
from bench.servers import ROOT, floor, send, service, serving
from bench.system import database, environment, token, until
from bench.wrk import wrk
from shared.db.migrate import upgrade
from shared.identifiers import uscc
from tests.support.callers import department

BATCH = 500
PARTIES = 2_000
PATH = "/v1/credit/violations"
CALLER = department("credit:violations:write", area="370600")


def parties(count: int) -> list[str]:
    """Valid codes of enterprises in the city."""
    made = []
    for number in range(count):
        first = f"{number:08}"
        body = f"91370600{first}{uscc.organisation_check_character(first)}"
        made.append(body + uscc.check_character(body))
    return made


def violation(code: str, number: str) -> dict[str, Any]:
    """As an enforcement unit sends it: soon after the decision, so that nothing falls due for publication meanwhile."""
    like = samples.violations(1)[0]
    return {
        "external_id": f"x-{number}",
        "uscc": code,
        "party_name": like.party_name,
        "area_code": like.area_code,
        "document_number": f"烟市监处罚〔2026〕{number}号",
        "violation_type": like.violation_type,
        "field": like.field,
        "facts": "当事人经营的预包装食品标签没有标明生产日期。",
        "legal_basis": like.legal_basis,
        "penalty_kinds": ["fine"],
        "penalty_content": "罚款人民币伍仟元整",
        "fine_fen": 500_000,
        "decision_date": samples.TODAY.isoformat(),
    }


class Pushes:
    """wrk scripts whose requests never repeat a document number or an external id, over all runs."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, itertools.count()
        self._token, self._parties = token(CALLER), parties(PARTIES)

    def script(self, batch: int | None) -> Path:
        run = next(self._number)
        item = json.dumps(violation("@USCC@", "@NUMBER@"), ensure_ascii=False)
        assert "%" not in item
        item = item.replace("@USCC@", "%s").replace("@NUMBER@", "%s")
        codes = ", ".join(f'"{code}"' for code in self._parties)
        file = self._folder / f"push-{run}.lua"
        file.write_text(
            f"local codes, n = {{{codes}}}, 0\n"
            f"local item = [==[{item}]==]\n"
            "local headers = {\n"
            f'  ["Content-Type"] = "application/json", ["Authorization"] = "Bearer {self._token}",\n'
            "}\n"
            "local function one()\n"
            "  n = n + 1\n"
            f'  local number = "{run}-" .. n\n'
            "  return string.format(item, number, codes[n % #codes + 1], number)\n"
            "end\n"
            "request = function()\n"
            + (
                "  return wrk.format('POST', nil, headers, one())\n"
                if batch is None
                else "  local items = {}\n"
                f"  for i = 1, {batch} do items[i] = one() end\n"
                '  return wrk.format("POST", nil, headers, \'{"items":[\' .. table.concat(items, ",") .. "]}")\n'
            )
            + "end\n",
        )
        return file


def push_one(base: str) -> None:
    """The first violation: the row that the floors copy."""
    send("POST", base + PATH, violation(parties(1)[0], "first"), token(CALLER))


def _rows(url: str) -> int:
    return int(fetch(url, "SELECT count(*) AS n FROM violation")[0]["n"])


def _settled(url: str) -> None:
    def look() -> bool | None:
        waiting = fetch(url, "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL) AS any")[0]["any"]
        return None if waiting else True

    until(look, "an empty outbox", seconds=120)


@case("intake")
def intake(options: Options) -> Iterator[Outcome]:
    folder = options.folder / "intake"
    with database(options, "credit") as (server, url):
        asyncio.run(server.create("floor"))
        floor_url = server.url("floor")
        upgrade("credit", floor_url)
        pushes_folder = folder / "scripts"
        pushes_folder.mkdir(parents=True)
        pushes = Pushes(pushes_folder)
        with serving(service("credit"), environment=environment(folder, url), folder=folder, ready="/readyz") as base:
            push_one(base)

            def bare_batches() -> float:
                _settled(url)
                arguments = [url, floor_url, str(BATCH), str(options.seconds)]
                command = ["taskset", "-c", SERVICE_CORE, sys.executable, "-m", "bench.floor_insert", *arguments]
                done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
                if done.returncode != 0:
                    raise RuntimeError(f"the floor failed: {done.stderr[-500:]}")
                return float(done.stdout)

            def bare_singles(base: str) -> float:
                _settled(url)
                return wrk(base + "/violations", seconds=options.seconds, script=pushes.script(None)).rate

            def pushed(path: str, batch: int | None, connections: int) -> float:
                """Rows that were really recorded and answered, by the second."""
                _settled(url)
                before = _rows(url)
                load = wrk(base + path, seconds=options.seconds, connections=connections, script=pushes.script(batch))
                answered = min(_rows(url) - before, load.requests * (batch or 1))
                return answered * load.rate / load.requests

            say("  batches of 500 ...")
            batches = alternate(options, bare_batches, lambda: pushed(f"{PATH}:batch", BATCH, 2))
            say("  one a request ...")
            given = {"BENCH_DSN": floor_url, "BENCH_SAMPLE": url}
            with serving(floor("fastapi_insert"), environment=given, folder=folder) as bare:
                singles = alternate(
                    options,
                    lambda: bare_singles(bare),
                    lambda: pushed(PATH, None, 32),
                )
    yield compare(
        batches,
        name="intake-batch",
        work=f"violations in batches of {BATCH} (token, validate, receipts, store, outbox), PostgreSQL with fsync",
        against="bare asyncpg INSERT ... SELECT unnest(...) of the same violation and outbox rows",
        unit="violations/s",
        goal=">= 50 %",
        at_least=0.5,
    )
    yield compare(
        singles,
        name="intake-single",
        work="violations one a request from 32 clients, PostgreSQL with fsync",
        against="FastAPI + asyncpg, one transaction each, the same two rows",
        unit="violations/s",
        goal=">= 2 x",
        at_least=2.0,
    )
