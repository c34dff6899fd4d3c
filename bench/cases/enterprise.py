"""The enterprise view at the gateway, warm: one answer out of what three services told."""

import json
from collections.abc import Iterator

from bench import samples
from bench.frame import Options, Outcome, alternate, case, compare, say
from bench.servers import floor, get, service, serving
from bench.system import database, environment, publish, until
from bench.wrk import Load, wrk

PATH = f"/v1/enterprises/{samples.USCC}"
NGINX_HOP = 29_000
"""Requests/s of nginx as a plain reverse proxy to one upstream, on one core (measured before; see the design)."""
KRAKEND_MERGE = 1_660
"""Requests/s of KrakenD merging three upstreams, on one core (measured before)."""


@case("enterprise-warm")
def warm(options: Options) -> Iterator[Outcome]:
    folder = options.folder / "enterprise-warm"
    latest: dict[str, Load] = {}
    with database(options, "gateway") as (_server, url):
        settings = environment(folder, url)
        events = [samples.enterprise(), *samples.violations(), samples.listing()]
        publish(folder, *events, samples.party(), samples.product(), samples.lot())
        with serving(service("gateway"), environment=settings, folder=folder, ready="/readyz") as product:

            def complete() -> bytes | None:
                body = get(product + PATH)
                return body if "烟市监列严" in body.decode() and json.loads(body) else None

            body = until(complete, "the enterprise in the gateway's view")
            constant = folder / "constant.json"
            constant.write_bytes(body)
            say(f"  one answer is {len(body):,} bytes")

            def measure(name: str, address: str) -> float:
                latest[name] = wrk(address, seconds=options.seconds)
                return latest[name].rate

            given = {"BENCH_BODY": str(constant)}
            with (
                serving(floor("constant"), environment=given, folder=folder) as bare,
                serving(floor("fastapi_constant"), environment=given, folder=folder) as framework,
            ):
                raw = alternate(options, lambda: measure("raw", bare + "/"), lambda: measure("view", product + PATH))
                plain = alternate(
                    options, lambda: measure("plain", framework + "/"), lambda: measure("view", product + PATH)
                )
    work = f"enterprise view at the gateway, warm, one worker, 32 connections, {len(body):,} bytes"
    yield compare(
        raw,
        name="enterprise-warm",
        work=work,
        against="uvicorn answering a constant of the same size (raw ASGI)",
        unit="requests/s",
        goal=f">= {max(5 * KRAKEND_MERGE, NGINX_HOP // 3):,}/s (5 x KrakenD's merge, a third of nginx's hop)",
        over=max(5 * KRAKEND_MERGE, NGINX_HOP / 3),
        note=f"p99 {latest['view'].p99:.1f} ms against {latest['raw'].p99:.1f} ms. KrakenD and nginx: measured before",
    )
    yield compare(
        plain,
        name="enterprise-warm-fastapi",
        work=work,
        against="FastAPI on uvicorn returning ready bytes of the same size",
        unit="requests/s",
        goal="-",
    )
