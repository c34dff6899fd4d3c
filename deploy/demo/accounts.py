"""Demo clients and users. Their secrets stand in the README; the issuer refuses them in any mode but `--demo`."""

from dataclasses import dataclass

from deploy.demo.cast import COOPERATIVE, NUTS, RETAILER, SEAFOOD, WHOLESALER

CITY = "370600"
MARKET_SUPERVISION = "yt-scjg"


@dataclass(frozen=True)
class DemoClient:
    client_id: str
    name: str
    secret: str
    scopes: tuple[str, ...]
    department: str | None = None
    area: str | None = None
    uscc: str | None = None


@dataclass(frozen=True)
class DemoUser:
    username: str
    name: str
    secret: str
    roles: tuple[str, ...]
    department: str = MARKET_SUPERVISION
    area: str = CITY


ENFORCEMENT = DemoClient(
    "demo-unit",
    "烟台市市场监督管理局执法系统（演示）",
    "demo-unit-secret",
    (
        "credit:enterprises:write",
        "credit:violations:write",
        "traceability:masterdata:write",
        "traceability:tests:write",
        "traceability:recalls:write",
        "traceability:epcis:write",
        "traceability:epcis:read",
    ),
    department=MARKET_SUPERVISION,
    area=CITY,
)
STATISTICS = DemoClient(
    "demo-statistics",
    "质量统计系统（演示）",
    "demo-statistics-secret",
    ("indicators:observations:write",),
    department=MARKET_SUPERVISION,
    area=CITY,
)
COUNTY = DemoClient(
    "demo-county",
    "芝罘区市场监督管理局执法系统（演示）",
    "demo-county-secret",
    ("credit:enterprises:write", "credit:violations:write"),
    department=MARKET_SUPERVISION,
    area="370602",
)
ENTERPRISES = tuple(
    DemoClient(f"demo-{party.slug}", f"{party.name}（演示）", f"demo-{party.slug}-secret", (), uscc=party.uscc)
    for party in (COOPERATIVE, SEAFOOD, NUTS, WHOLESALER, RETAILER)
)
CLIENTS = (ENFORCEMENT, STATISTICS, COUNTY, *ENTERPRISES)
USERS = (
    DemoUser("demo-officer", "承办人甲（演示）", "demo-officer-password", ("case_officer",)),
    DemoUser("demo-reviewer", "审核人乙（演示）", "demo-reviewer-password", ("reviewer",)),
    DemoUser("demo-publisher", "公示人丙（演示）", "demo-publisher-password", ("publisher",)),
    DemoUser("demo-quality", "质量办丁（演示）", "demo-quality-password", ("quality_office",)),
    DemoUser("demo-admin", "管理员戊（演示）", "demo-admin-password", ("administrator", "auditor")),
)


async def add_all() -> None:
    """Add what is missing. Idempotent."""
    from pathlib import Path

    from deploy.cli.serve import settings_of
    from deploy.topology import service as topology_service
    from services.gateway.app import create_app
    from services.gateway.issuer import repository, service
    from services.gateway.issuer.schemas import NewClient, NewUser

    settings = settings_of(topology_service("gateway"), bus_url="memory:", log_level="error")
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    platform = create_app(settings).platform  # type: ignore[arg-type]
    try:
        async with platform.system_unit_of_work() as uow:
            for client in CLIENTS:
                if await repository.client(uow.session, client.client_id) is None:
                    new = NewClient(
                        client_id=client.client_id,
                        name=client.name,
                        kind="enterprise" if client.uscc else "department",
                        department=client.department,
                        area=client.area,
                        uscc=client.uscc,
                        scopes=list(client.scopes),
                        demo=True,
                    )
                    await service.add_client(uow, new, secret=client.secret)
            for user in USERS:
                if await repository.user(uow.session, user.username) is None:
                    person = NewUser(
                        username=user.username,
                        name=user.name,
                        department=user.department,
                        area=user.area,
                        roles=list(user.roles),
                        demo=True,
                    )
                    await service.add_user(uow, person, secret=user.secret)
    finally:
        await platform.db.close()
