"""What the issuer of tokens declares."""

from services.gateway.issuer import api, service
from shared.web import Domain, Platform


async def make_keys(platform: Platform) -> None:
    service.KEYS.of(platform).ensure(platform.clock.now())


async def tell_clients(platform: Platform) -> None:
    """Clients that were registered before the other services heard of them."""
    told = 1
    while told:
        async with platform.system_unit_of_work() as uow:
            told = await service.tell_clients(uow)


ISSUER = Domain("issuer", routers=[api.router], on_start=[make_keys, tell_clients])
