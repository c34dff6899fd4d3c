"""Creates the topics of `deploy/topology.py` on a Kafka.

    python -m deploy.topics kafka:9092 --replication 3

Topics that are there already are left as they are: a changed number of partitions would move keys and lose their order.
"""

import argparse
import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.topology import TOPICS, Topic


async def create_topics(bootstrap: str, topics: Iterable[Topic], *, replication: int | None = None) -> list[str]:
    """Create those of `topics` that are not there yet and return their names; `replication` overrides theirs."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        present = set(await admin.list_topics())
        wanted = [
            NewTopic(
                topic.name,
                topic.partitions,
                replication or topic.replication,
                topic_configs={"retention.ms": str(topic.retention_ms)},
            )
            for topic in topics
            if topic.name not in present
        ]
        if wanted:
            answer = await admin.create_topics(wanted)
            failed = [
                f"{name}: {text}" for name, code, text in answer.topic_errors if code not in (0, 36)
            ]  # 36: exists
            if failed:
                raise RuntimeError(f"topics could not be created: {'; '.join(failed)}")
        return [topic.name for topic in wanted]
    finally:
        await admin.close()


async def brokers(bootstrap: str) -> int:
    """How many brokers the cluster has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return len((await admin.describe_cluster())["brokers"])
    finally:
        await admin.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.topics", description="Create the platform's topics.")
    parser.add_argument("bootstrap", help="host:port[,host:port] of the brokers")
    parser.add_argument("--replication", type=int, help="copies of each partition (default: the topology's)")
    arguments = parser.parse_args()
    made = asyncio.run(create_topics(arguments.bootstrap, TOPICS, replication=arguments.replication))
    print(f"created: {', '.join(made)}" if made else "all topics are there already")


if __name__ == "__main__":
    main()
