"""What a route declares about who may call it. Everything that is not granted is denied."""

from dataclasses import dataclass, field

from shared.auth.principal import ROLE_NAMES, ROLES, Principal
from shared.errors import Forbidden, Unauthenticated
from shared.i18n import Text


@dataclass(frozen=True)
class Public:
    """Everybody, with or without a token."""

    def admits(self, principal: Principal) -> bool:
        return True

    def describe(self) -> Text:
        return Text("任何人", "public")


@dataclass(frozen=True)
class Department:
    """A department client whose token has `scope`."""

    scope: str

    def admits(self, principal: Principal) -> bool:
        return principal.kind == "department" and self.scope in principal.scopes

    def describe(self) -> Text:
        return Text(f"部门客户端，权限范围 {self.scope}", f"department with scope {self.scope}")


@dataclass(frozen=True)
class Enterprise:
    """An enterprise client; `scope` if one is needed."""

    scope: str | None = None

    def admits(self, principal: Principal) -> bool:
        return principal.kind == "enterprise" and (self.scope is None or self.scope in principal.scopes)

    def describe(self) -> Text:
        if self.scope is None:
            return Text("企业客户端", "enterprise")
        return Text(f"企业客户端，权限范围 {self.scope}", f"enterprise with scope {self.scope}")


@dataclass(frozen=True, init=False)
class Staff:
    """A person with one of `roles`."""

    roles: frozenset[str] = field(default_factory=frozenset)

    def __init__(self, *roles: str) -> None:
        unknown = set(roles) - set(ROLES)
        if unknown or not roles:
            raise ValueError(f"unknown roles {sorted(unknown)}; known: {', '.join(ROLES)}")
        object.__setattr__(self, "roles", frozenset(roles))

    def admits(self, principal: Principal) -> bool:
        return principal.kind == "staff" and bool(self.roles & principal.roles)

    def describe(self) -> Text:
        roles = sorted(self.roles)
        names = "或".join(ROLE_NAMES[role] for role in roles)
        return Text(f"工作人员（{names}）", f"staff with role {' or '.join(roles)}")


Grant = Public | Department | Enterprise | Staff


@dataclass(frozen=True)
class Policy:
    """`grants`: any of them admits. `area`, `owner`: where in the request the area or USCC stands that the service
    then checks. `private`: what is read is not public, so the read goes to the audit log.
    """

    grants: tuple[Grant, ...]
    area: str | None = None
    owner: str | None = None
    private: bool = False

    @property
    def public(self) -> bool:
        return any(isinstance(grant, Public) for grant in self.grants)

    def describe(self) -> Text:
        told = [grant.describe() for grant in self.grants]
        return Text("；".join(each.zh for each in told), "; ".join(each.en for each in told))

    def check(self, principal: Principal) -> None:
        if principal.kind == "system" or any(grant.admits(principal) for grant in self.grants):
            return
        needed = self.describe()
        if principal.kind == "public":
            raise Unauthenticated(
                zh=f"这个接口需要令牌（{needed.zh}），请先 POST /oauth/token",
                en=f"This needs a token ({needed.en}); get one at POST /oauth/token",
            )
        raise Forbidden(
            "not_granted",
            zh=f"您的令牌没有这项权限；需要：{needed.zh}",
            en=f"Your token does not allow this; needed: {needed.en}",
        )
