"""Creates the topics of `deploy/topology.py` on a Kafka.

    python -m deploy.topics kafka://kafka:9092 --replication 3

Topics that are there already keep their partitions: a changed number would move keys and lose their order. Whose time
a record has (`message.timestamp.type`) is set right where an earlier version left it to the writers.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from deploy.topology import TOPICS, Topic
from shared.bus.kafka_access import KafkaAccess

_EXISTS = 36
_TIMESTAMP = "message.timestamp.type"


@asynccontextmanager
async def admin_of(where: KafkaAccess | str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client for `where` (as text: `host:port` without protection). Raises OSError with the cause."""
    access = KafkaAccess.of(f"kafka://{where}") if isinstance(where, str) else where
    admin = AIOKafkaAdminClient(**access.options())
    try:
        await admin.start()
    except KafkaError as error:
        await admin.close()
        raise await access.why(error) from error
    try:
        yield admin
    finally:
        await admin.close()


async def create_topics(
    where: KafkaAccess | str, topics: Iterable[Topic], *, replication: int | None = None
) -> list[str]:
    """Create those of `topics` that are not there yet and return their names; `replication` overrides theirs."""
    topics = list(topics)
    async with admin_of(where) as admin:
        present = set(await admin.list_topics())
        wanted = [
            NewTopic(topic.name, topic.partitions, replication or topic.replication, topic_configs=_config(topic))
            for topic in topics
            if topic.name not in present
        ]
        if wanted:
            answer = await admin.create_topics(wanted)
            failed = [f"{name}: {text}" for name, code, text in answer.topic_errors if code not in (0, _EXISTS)]
            if failed:
                raise RuntimeError(f"topics could not be created: {'; '.join(failed)}")
        await _take_append_time(admin, [topic for topic in topics if topic.append_time and topic.name in present])
        return [topic.name for topic in wanted]


def _config(topic: Topic) -> dict[str, str]:
    times = {_TIMESTAMP: "LogAppendTime"} if topic.append_time else {}
    return {"retention.ms": str(topic.retention_ms)} | times


async def _take_append_time(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    """The request replaces all settings of a topic, so those that somebody chose are sent again."""
    for topic in topics:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
        chosen = _chosen(await admin.describe_configs([resource]))
        if chosen.get(_TIMESTAMP) == "LogAppendTime":
            continue
        values = chosen | {_TIMESTAMP: "LogAppendTime"}
        for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, values)]):
            failed = [f"{name}: {text}" for code, text, _type, name in answer.resources if code]
            if failed:
                raise RuntimeError(f"{_TIMESTAMP} could not be set: {'; '.join(failed)}")


def _chosen(answers: Sequence[Any]) -> dict[str, str]:
    """Settings that stand at the topic itself (source 1), not defaults of the broker."""
    return {
        entry[0]: entry[1]
        for answer in answers
        for resource in answer.resources
        for entry in resource[4]
        if entry[3] == 1
    }


async def brokers(where: KafkaAccess | str) -> int:
    """How many brokers the cluster has."""
    async with admin_of(where) as admin:
        return len((await admin.describe_cluster())["brokers"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.topics", description="Create the platform's topics.")
    parser.add_argument("address", help="kafka://host:port[,host:port] of the brokers, or kafka+ssl:// ...")
    parser.add_argument("--replication", type=int, help="copies of each partition (default: the topology's)")
    arguments = parser.parse_args()
    try:
        access = KafkaAccess.of(arguments.address).checked()
        made = asyncio.run(create_topics(access, TOPICS, replication=arguments.replication))
    except (OSError, RuntimeError, ValueError) as error:
        raise SystemExit(f"python -m deploy.topics: {error}") from None
    print(f"created: {', '.join(made)}" if made else "all topics are there already")


if __name__ == "__main__":
    main()
