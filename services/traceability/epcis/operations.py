"""The operator's view of capture jobs: those that were set aside, run again or dropped."""

from datetime import datetime

from services.traceability.epcis import jobs, repository
from services.traceability.epcis.models import Capture
from shared.auth import Staff
from shared.web import Out, Page, ReadSession, Router, Uow, allow, page_of, page_params, problem
from shared.web.paging import Keyset

router = Router(prefix="/v1/traceability/captures", tags=["operations"])
_SET_ASIDE = Keyset("captures-set-aside", str)
OPERATOR = Staff("administrator")
_STEP = problem(401, 403, 404, 409, 422)


class SetAsideOut(Out):
    """A job whose work ended the process twice. Its owner reads why at `/epcis/capture/{id}`."""

    capture_id: str
    owner: str
    created_at: datetime
    finished_at: datetime | None
    state: str
    events: int
    begun: int
    """How often its work was begun, the last time only to set it aside."""


@router.get("/set-aside", response_model=Page[SetAsideOut], responses=problem(401, 403, 422))
@allow(OPERATOR, private=True)
async def list_set_aside(session: ReadSession, params: page_params) -> Page[SetAsideOut]:
    """搁置的捕获任务 / Capture jobs that wait for an operator, oldest first."""
    after = _SET_ASIDE.after(params.cursor)
    rows = await repository.set_aside(session, params.limit + 1, after and after[0])
    page = page_of(rows, params.limit, _SET_ASIDE, lambda row: (row.capture_id,))
    return Page(items=[_out(row) for row in page.items], next=page.next)


@router.post("/{capture_id}:retry", response_model=SetAsideOut, responses=_STEP)
@allow(OPERATOR)
async def retry_capture(capture_id: str, uow: Uow) -> SetAsideOut:
    """重新运行 / Let the job run once more: after a release that mends it, or with more memory."""
    return uow.answer(_out(await jobs.again(uow, capture_id)))


@router.post("/{capture_id}:drop", response_model=SetAsideOut, responses=_STEP)
@allow(OPERATOR)
async def drop_capture(capture_id: str, uow: Uow) -> SetAsideOut:
    """放弃 / End the job. Nothing of its document is stored; its owner keeps the answer why."""
    return uow.answer(_out(await jobs.drop(uow, capture_id)))


def _out(job: Capture) -> SetAsideOut:
    return SetAsideOut(**job.model_dump(include=set(SetAsideOut.model_fields)))
