"""A unit that pushes on Kafka: run inside the network, the message and the token as arguments.

    docker compose exec -T credit python - BROKERS TOKEN NUMBER BODY < push_on_topic.py

Prints the answer that came on the receipts topic for that message.
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

INTAKE, RECEIPTS = "pinzhi.enforcement.intake.v1", "pinzhi.enforcement.receipts.v1"
SECONDS = 60


async def push(brokers: str, token: str, number: str, body: str) -> str:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, enable_auto_commit=False)
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all")
    await consumer.start()
    await producer.start()
    try:
        places = [TopicPartition(RECEIPTS, each) for each in await producer.partitions_for(RECEIPTS)]
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        for place in places:  # the end as of now, not as of the first fetch
            await consumer.position(place)
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", number.encode()),
            ("ce_source", b"/unit"),
            ("ce_type", b"pinzhi.enforcement.violation.v1"),
            ("authorization", f"Bearer {token}".encode()),
        ]
        await producer.send_and_wait(INTAKE, body.encode(), key=number.encode(), headers=headers)
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
