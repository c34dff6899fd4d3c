"""What a backup says of a broker that it cannot reach."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from shared.bus.kafka import KafkaBus
from shared.bus.kafka_copy import administering, reading


@pytest.mark.parametrize("open_", [reading, administering])
async def test_a_broker_that_is_not_there_is_told_by_its_address_and_cause(open_: Any) -> None:
    client: AbstractAsyncContextManager[Any] = open_(KafkaBus("127.0.0.1:9"))
    with pytest.raises(OSError, match=r"kafka: .*127\.0\.0\.1:9: ConnectionRefusedError"):
        async with client:
            raise AssertionError("nothing listens there")
