"""A client that was not there before: run inside the network, says when the server that was away took its first write.

    docker compose exec -T credit python - kafka|postgres prepare|wait < fresh.py

`prepare` makes the place that it writes to. `wait` begins before the server is back and prints the machine's monotonic
clock, in seconds, at the first acknowledgement: of a record by all replicas, of a committed row.
"""

import asyncio
import os
import sys
import time

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.bus.kafka_access import KafkaAccess

TOPIC, SECONDS = "pinzhi.enforcement.receipts.v1", 120
"""One that credit may write and nobody here reads."""


async def record() -> None:
    access = KafkaAccess.of(os.environ["PINZHI_BUS_URL"]).options()
    producer = AIOKafkaProducer(**access, acks="all", request_timeout_ms=3000)
    try:
        await producer.start()
        await producer.send_and_wait(TOPIC, b"is it back?")
    finally:
        await producer.stop()


async def row(sql: str = "INSERT INTO compose_test VALUES (1)") -> None:
    with open("/run/secrets/db_password", encoding="utf-8") as file:
        password = file.read().strip()
    connection = await asyncpg.connect(
        host="postgres", user="pinzhi", database="postgres", password=password, timeout=3
    )
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def main(server: str, what: str) -> None:
    if what == "prepare":
        if server == "postgres":
            await row("CREATE TABLE compose_test (n integer)")
        return
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                async with asyncio.timeout(5):
                    await (record() if server == "kafka" else row())
            except (KafkaError, asyncpg.PostgresError, OSError):  # of which TimeoutError is one
                await asyncio.sleep(0.05)
            else:
                print(time.monotonic())
                return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
