"""`/v1/credit/enterprises/{uscc}`, as it is read."""

from typing import Any

from services.credit.dossiers import views
from services.credit.dossiers.schemas import DepartmentFile, PublicFile
from services.credit.enterprises.api import code_of
from services.credit.people import READERS
from shared.auth import Enterprise, Public
from shared.web import CurrentPrincipal, ReadSession, Router, allow, problem
from shared.web.asof import AsOfTermParams

router = Router(prefix="/v1/credit", tags=["enterprises"])


@router.get("/enterprises/{uscc}", response_model=DepartmentFile | PublicFile, responses=problem(401, 404, 422))
@allow(Public(), Enterprise(), *READERS, private=True)
async def read(uscc: str, session: ReadSession, principal: CurrentPrincipal, at: AsOfTermParams) -> Any:
    """The credit file as of a day: public facts for everybody, for departments and staff also what is not
    public of the enterprises of their area, and of records of it."""
    code = code_of(uscc, place="{uscc}", evidence=True)
    return await views.read(session, code, at, principal)
