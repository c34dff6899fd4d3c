"""Routes of scan counts."""

from services.traceability.scans import repository, rules
from services.traceability.scans.schemas import AreaCount, ScanCounts
from services.traceability.verdicts.service import read_code
from shared.auth import Public
from shared.web import ReadSession, Router, allow, problem

router = Router(prefix="/v1/traceability", tags=["scans"])
MAX_AREAS = 20


@router.get("/scans/{code:path}", response_model=ScanCounts, responses=problem(400))
@allow(Public())
async def read_counts(code: str, session: ReadSession) -> ScanCounts:
    """这个码被扫了多少次 / How often a code was scanned, first and last when, and where."""
    parsed = read_code(code)
    key = rules.code_key(parsed.gtin, parsed.lot, parsed.serial)
    counter = await repository.counter(session, key)
    areas = await repository.areas(session, key, MAX_AREAS)
    return ScanCounts(
        gtin=parsed.gtin,
        lot=parsed.lot,
        serial=parsed.serial,
        times=counter.times if counter else 0,
        first_at=counter.first_at if counter else None,
        first_area_code=counter.first_area if counter else None,
        last_at=counter.last_at if counter else None,
        areas=[AreaCount(area_code=row.area_code or None, times=row.times) for row in areas],
        as_of=await repository.as_of(session),
    )
