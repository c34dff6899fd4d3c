"""A unit that pushes on Kafka: run inside the network, as its own user of the broker.

    docker compose exec -T credit python - CLIENT PASSWORD NUMBER BODY < push_on_topic.py

Prints the answer that came on the unit's receipts topic for that message.
"""

import asyncio
import ssl
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

SECONDS = 60


async def push(client: str, password: str, number: str, body: str) -> str:
    access: dict[str, Any] = {
        "bootstrap_servers": "kafka:9092",
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile="/run/secrets/kafka_ca"),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": f"unit-{client}",
        "sasl_plain_password": password,
    }
    consumer = AIOKafkaConsumer(**access, enable_auto_commit=False)
    producer = AIOKafkaProducer(**access, acks="all")
    await consumer.start()
    await producer.start()
    try:
        places = [TopicPartition(f"pinzhi.enforcement.receipts.{client}.v1", 0)]
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        for place in places:  # the end as of now, not as of the first fetch
            await consumer.position(place)
        intake = f"pinzhi.enforcement.intake.{client}.v1"
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", number.encode()),
            ("ce_source", b"/unit"),
            ("ce_type", b"pinzhi.enforcement.violation.v1"),
        ]
        await producer.send_and_wait(intake, body.encode(), key=number.encode(), headers=headers)
        async with asyncio.timeout(SECONDS):
            async for answer in consumer:
                if ("ce_causationid", number.encode()) in answer.headers:
                    return str(answer.value, "utf-8")
    finally:
        await producer.stop()
        await consumer.stop()
    raise RuntimeError("the receipts ended")


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(push(*sys.argv[1:5])))
