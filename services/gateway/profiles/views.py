"""An enterprise as data."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from services.gateway.enterprises import repository, rules
from services.gateway.inspections import repository as inspections
from services.gateway.names import area_name, area_names, industry_name
from services.gateway.profiles import asked
from services.gateway.projection import Row
from services.gateway.recalls import repository as recalls
from services.gateway.schemas import (
    DepartmentPart,
    EnterpriseView,
    Identity,
    Inspections,
    PartError,
)
from services.gateway.upstreams import freshness
from services.gateway.upstreams.client import Deadline, UpstreamError
from services.gateway.upstreams.clients import UPSTREAMS
from shared.auth import PUBLIC, Principal
from shared.auth.reading import ALERTS, CREDIT, TESTS
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.i18n import Lang
from shared.identifiers import IdentifierError
from shared.identifiers import uscc as codes

if TYPE_CHECKING:
    from shared.platform import Platform


async def enterprise_view(
    platform: "Platform",
    uscc: str,
    *,
    lang: Lang = "zh",
    as_of: date | None = None,
    reader: Principal = PUBLIC,
    deadline: Deadline | None = None,
) -> EnterpriseView | None:
    """The public picture of an enterprise; and what `reader` may see beside it.

    Now: from the gateway's own copy. As of a past day: credit's part is asked from credit (null, with an error, when it
    cannot be had); products are those of today, recalls those opened until then. None when no service ever named the
    USCC (or it cannot be one). The view is in both languages; `lang` is for the words of an error only.
    """
    try:
        uscc = codes.parse(uscc, nonconforming_ok=True).code
    except IdentifierError:
        return None
    today = shanghai_date(platform.clock.now())
    day = min(as_of or today, today)
    async with platform.read() as session:
        row = await repository.get(session, uscc)
        if row is None:
            return None
        row["tests"] = await _tests(session, uscc, day)
        hidden = await _hidden(session, row, today, reader)
        if day != today:
            row |= {"recalls": rules.recalls_on(row, day)}
        recalled = rules.open_recalls(row)
        counts = await recalls.count_by_product(session, recalled, row["products"]) if recalled else {}
    if day == today:
        return _shape(platform, row, today, counts, department=hidden, reader=reader)
    upstreams, errors = UPSTREAMS.of(platform), []
    then = None
    try:
        then = await asked.credit_part(upstreams, uscc, day, deadline or upstreams.deadline(None))
    except UpstreamError as error:
        errors.append(freshness.error_of(error))
    row |= then or {"listings": {}, "violations": {}}
    view = _shape(platform, row, day, counts, errors=errors)
    view["as_of"] = day.isoformat()
    if errors:
        view["credit"] = None
    return view


def _shape(
    platform: "Platform",
    row: Row,
    day: date,
    open_recalls: Mapping[str, int],
    *,
    department: DepartmentPart | None = None,
    reader: Principal = PUBLIC,
    errors: Sequence[PartError] = (),
) -> EnterpriseView:
    names = area_names(record["area_code"] for part in ("listings", "recalls") for record in row[part].values())
    credit = rules.credit_status(row, day, names, partial(CREDIT.shows, reader))
    violations = rules.violations_on(row, day)
    told = rules.recalls_of(row, names)
    changed = {"credit": row["credit_at"], "traceability": row["traceability_at"]}
    view: dict[str, Any] = {
        **freshness.envelope(UPSTREAMS.of(platform).monitor, changed, platform.clock.now(), errors),
        "uscc": row["uscc"],
        "as_of": None,
        "identity": identity_of(row),
        "name": rules.name_of(row),
        "credit": credit,
        "violations": violations,
        "products": rules.products_of(row, open_recalls),
        "recalls": told,
        "tests": row["tests"],
        "timeline": rules.timeline([*credit["listings"], *credit["former_listings"]], violations, told, day),
    }
    if department is not None:
        view["department"] = department
    return cast(EnterpriseView, view)


async def _tests(session: AsyncSession, uscc: str, day: date) -> Inspections:
    since = rules.a_year_before(day)
    n, passed = await inspections.tally(session, uscc, since, day)
    newest = await inspections.newest(session, uscc, day, limit=10)
    return {
        "since": since.isoformat(),
        "until": day.isoformat(),
        "n": n,
        "passed": passed,
        "newest": [rules.test_of(body) for body in newest],
    }


async def _hidden(session: AsyncSession, row: Row, day: date, reader: Principal) -> DepartmentPart | None:
    """Each part as its own service would show it to the reader; None for one who may read none of them anywhere."""
    if not any(policy.admits(reader) for policy in (CREDIT, TESTS, ALERTS)):
        return None
    home, party = rules.homes(row)
    violations, procedures = rules.department_part(row, day, partial(CREDIT.shows, reader))
    part: DepartmentPart = {
        "violations": violations if CREDIT.admits(reader) else None,
        "procedures": procedures if CREDIT.admits(reader) else None,
        "tests": None,
        "alerts": None,
    }
    if TESTS.admits(reader):
        tests = await inspections.newest(
            session, row["uscc"], day, limit=50, kind=None, seen=_seen(reader, home, party)
        )
        part["tests"] = [rules.test_of(body) for body in tests]
    if ALERTS.admits(reader):
        alerts = await inspections.open_alerts(session, row["uscc"])
        part["alerts"] = [alert for alert in alerts if ALERTS.shows(reader, alert.get("area_code") or party)]
    return part


def _seen(reader: Principal, home: str | None, party: str | None) -> Callable[[Row], bool]:
    def seen(body: Row) -> bool:
        return TESTS.shows(reader, body["area_code"], *(() if body["kind"] == "supervision" else (home, party)))

    return seen


def identity_of(row: Row) -> Identity | None:
    known = row["identity"]
    if known is None:
        return None
    return cast(
        Identity,
        known | {"area_name": area_name(known["area_code"]), "industry_name": industry_name(known["industry_code"])},
    )
