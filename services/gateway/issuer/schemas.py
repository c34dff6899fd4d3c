"""What is asked of the issuer and what it answers."""

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.auth.principal import ROLES
from shared.errors import field_error
from shared.identifiers import USCCStr
from shared.reference.areas import AreaCode

ID = re.compile(r"[a-z0-9][a-z0-9._-]{2,59}")
Id = Annotated[str, StringConstraints(pattern=f"^{ID.pattern}$")]
Scope = Annotated[str, StringConstraints(pattern=r"^[a-z]+(:[a-z_-]+){1,3}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class NewClient(BaseModel):
    """A client of a department has a department and an area; a client of an enterprise has a USCC."""

    model_config = ConfigDict(extra="forbid")

    client_id: Id
    name: Name
    kind: Literal["department", "enterprise"]
    department: str | None = Field(default=None, max_length=60)
    area: AreaCode | None = None
    uscc: USCCStr | None = None
    scopes: list[Scope] = []
    demo: bool = False

    @model_validator(mode="after")
    def _belongs_somewhere(self) -> Self:
        if self.kind == "department" and not (self.department and self.area):
            raise field_error(
                "client.department",
                "部门客户端须给出部门（department）和地区（area）",
                "A department client needs department and area",
            )
        if self.kind == "enterprise" and not self.uscc:
            raise field_error(
                "client.uscc", "企业客户端须给出统一社会信用代码（uscc）", "An enterprise client needs uscc"
            )
        return self


class ClientChange(BaseModel):
    """What is given replaces what was; the rest stays. Kind and USCC say who a client is and never change."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    department: str | None = Field(default=None, min_length=1, max_length=60)
    area: AreaCode | None = None
    scopes: list[Scope] | None = None


class NewUser(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: Id
    name: Name
    department: str = Field(min_length=1, max_length=60)
    area: AreaCode
    roles: list[Literal[ROLES]] = Field(min_length=1)  # type: ignore[valid-type]
    demo: bool = False


class Client(BaseModel):
    """A client as it is listed: everything but its secret."""

    client_id: str
    name: str
    kind: str
    department: str | None
    area: str | None
    uscc: str | None
    scopes: list[str]
    demo: bool
    created_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None


class User(BaseModel):
    username: str
    name: str
    department: str
    area: str
    roles: list[str]
    demo: bool
    created_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None


class Token(BaseModel):
    """RFC 6749 section 5.1."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the type's name
    expires_in: int
    scope: str


class TokenError(BaseModel):
    """RFC 6749 section 5.2; `error_description_zh` is ours."""

    error: str
    error_description: str
    error_description_zh: str
