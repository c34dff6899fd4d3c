"""What a guarded broker refuses, tried: the wrong door, the wrong name, and everything that is somebody else's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import JoinGroupRequest

from deploy import access, broker
from shared.bus import Record
from shared.bus.kafka import KafkaBus
from shared.bus.kafka_access import KafkaAccess
from shared.settings import KafkaSettings
from tests.contract.bus_suite import nothing_more, record, take
from tests.support.secure_kafka import City

pytestmark = pytest.mark.kafka

DENIED_TOPIC, DENIED_GROUP, MEMBER_ID_REQUIRED = 29, 30, 79
SERVICES = ("gateway", "indicators", "credit", "traceability")
WRITES = {
    "gateway": {"gateway"},
    "indicators": {"indicators"},
    "credit": {"credit", "enforcement.receipts", "enforcement.receipts.unit-one", "enforcement.receipts.unit-two"},
    "traceability": {"traceability"},
    "unit-one": {"enforcement.intake.unit-one"},
    "unit-two": {"enforcement.intake.unit-two"},
}
READS = {
    "gateway": {"credit", "indicators", "traceability"},
    "indicators": {"credit", "gateway", "traceability"},
    "credit": {
        "gateway",
        "traceability",
        "enforcement.intake",
        "enforcement.intake.unit-one",
        "enforcement.intake.unit-two",
    },
    "traceability": {"credit", "gateway"},
    "unit-one": {"enforcement.receipts.unit-one"},
    "unit-two": {"enforcement.receipts.unit-two"},
}
GROUPS = {
    "gateway": {"gateway"},
    "indicators": {"indicators"},
    "credit": {"credit", "credit.intake"},
    "traceability": {"traceability"},
    "unit-one": {"unit.unit-one"},
    "unit-two": {"unit.unit-two"},
}
"""By hand, from the catalogue of events; names without `pinzhi.` and `.v1`."""
TOPICS = sorted(
    {*SERVICES, "enforcement.intake", "enforcement.receipts"}
    | {f"enforcement.{way}.{unit}" for way in ("intake", "receipts") for unit in ("unit-one", "unit-two")}
)


@asynccontextmanager
async def producer_of(who: KafkaAccess) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(**who.options(), request_timeout_ms=8000) as producer:
        yield producer


@asynccontextmanager
async def client_of(who: KafkaAccess) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(**who.options())
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


async def may_write(producer: AIOKafkaProducer, topic: str) -> bool:
    try:
        await producer.send_and_wait(topic, b"{}")
    except TopicAuthorizationFailedError:
        return False
    return True


async def may_read(client: AIOKafkaClient, topic: str) -> bool:
    """Asked on the wire: the client library would wait for rights that never come."""
    place = [(topic, [(0, 0, 1000)])]
    answer = await client.send(client.get_random_node(), FetchRequest(10, 1, 1000, 0, place))
    ((_topic, ((_partition, code, *_rest),)),) = answer.topics
    assert code in (0, DENIED_TOPIC), code
    return bool(code == 0)


async def may_join(client: AIOKafkaClient, group: str) -> bool:
    request = JoinGroupRequest(group, 6000, 6000, "", None, "consumer", [("range", b"")])
    code = (await client.send(client.get_random_node(), request)).error_code
    # The right is asked for first; then the broker may not coordinate yet, or wants the member to name itself.
    assert code in (DENIED_GROUP, 14, 15, 16, MEMBER_ID_REQUIRED), code
    return bool(code != DENIED_GROUP)


async def principals(city: City) -> dict[str, KafkaAccess]:
    found = {name: city.service(name) for name in SERVICES}
    return found | {name: await city.unit(name) for name in ("unit-one", "unit-two")}


async def test_each_may_do_what_is_written_here_and_no_more(secure_city: City) -> None:
    """Every principal at every topic and every group, both ways."""
    city = secure_city
    everybody = await principals(city)
    everything = {f"{city.prefix}pinzhi.{name}.v1": name for name in TOPICS}
    for name, who in everybody.items():
        async with producer_of(who) as producer:
            written = {short for topic, short in everything.items() if await may_write(producer, topic)}
        assert written == WRITES[name], name
        groups = {group for each in GROUPS.values() for group in each} | {"nobody"}
        async with client_of(who) as client:
            read = {short for topic, short in everything.items() if await may_read(client, topic)}
            joined = {group for group in groups if await may_join(client, f"{city.prefix}pinzhi.{group}")}
        assert (read, joined) == (READS[name], GROUPS[name]), name


async def test_nobody_but_the_operator_changes_topics_users_or_grants(secure_city: City) -> None:
    city = secure_city
    unit = await city.unit("unit-one")
    for who in (unit, city.service("credit")):
        admin = AIOKafkaAdminClient(**who.options())
        await admin.start()
        answer = await admin.create_topics([NewTopic(f"{city.prefix}mine", 1, 1)])
        assert [code for _name, code, _text in answer.topic_errors] == [29]
        answer = await admin.delete_topics([f"{city.prefix}pinzhi.credit.v1"])
        assert [code for _name, code in answer.topic_error_codes] == [29]
        await admin.close()
        with pytest.raises(RuntimeError, match="31"):
            await broker.set_users(who, {access.unit_user("unit-one"): "another"})
        mine = access.Grant(who.settings.user, "topic", f"{city.prefix}pinzhi.gateway.v1", "Write")
        with pytest.raises(RuntimeError, match="31"):
            await broker.grant(who, [mine])
    bus = KafkaBus(unit)
    seen = await bus.topics("pinzhi.")
    await bus.close()
    assert seen == ["pinzhi.enforcement.intake.unit-one.v1", "pinzhi.enforcement.receipts.unit-one.v1"]


async def test_a_user_that_was_dropped_is_out(secure_city: City) -> None:
    city = secure_city
    unit = await city.unit("unit-gone")
    await broker.drop_users(city.operator, [access.unit_user("unit-gone")])
    async with asyncio.timeout(20):
        while True:
            bus = KafkaBus(unit)
            try:
                await bus.topics("")
            except OSError as error:
                assert "refuses the user 'unit-unit-gone'" in str(error)
                break
            finally:
                await bus.close()
            await asyncio.sleep(0.1)
    await broker.drop_users(city.operator, [access.unit_user("unit-gone")])


async def refusal(who: KafkaAccess) -> str:
    bus = KafkaBus(who)
    try:
        with pytest.raises(OSError, match="kafka: ") as caught:
            await bus.publish([Record("pinzhi.credit.v1", "k", b"v")])
        return str(caught.value)
    finally:
        await bus.close()


async def test_the_wrong_door_and_the_wrong_name_are_told_without_the_secret(secure_city: City, tmp_path: Path) -> None:
    city = secure_city
    credit = city.service("credit")
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2")
    text = await refusal(replace(credit, settings=credit.settings.model_copy(update={"password_file": wrong})))
    assert "refuses the user 'pinzhi-credit' or its password" in text
    assert "hunter2" not in text
    assert "does it want TLS" in await refusal(KafkaAccess.of(f"kafka://{city.servers}"))
    plain = replace(credit, protocol="SASL_PLAINTEXT")
    assert "closed" in await refusal(plain)
    strangers = replace(credit, settings=credit.settings.model_copy(update={"ca_file": None}))
    assert "certificate does not hold" in await refusal(strangers)
    assert credit.options()["ssl_context"].check_hostname
    # the operator's door takes nobody without a certificate, and no user
    door = f"127.0.0.1:{city.guard.operator_port}"
    only_tls = KafkaSettings(ca_file=city.guard.authority.ca)
    bus = KafkaBus(KafkaAccess.of(f"kafka+ssl://{door}", only_tls))
    with pytest.raises((OSError, KafkaError)):
        await bus.topics("")
    await bus.close()


async def test_the_bus_works_for_those_who_may(secure_city: City) -> None:
    """Everywhere a client is made: producer, member of a group, lag, the whole log, topics."""
    city = secure_city
    credit, traceability = KafkaBus(city.service("credit")), KafkaBus(city.service("traceability"))
    try:
        sent = [record(f"k{number % 3}", number) for number in range(30)]
        await credit.publish(sent)
        reader = await traceability.subscribe("traceability", ["pinzhi.credit.v1"], member="traceability:0")
        got = await take(reader, 30)
        assert sorted(each.value for each in got) == sorted(each.value for each in sent)
        await nothing_more(reader)
        await reader.commit(got)
        assert await traceability.lag("traceability", ["pinzhi.credit.v1"]) == {"pinzhi.credit.v1": 0}
        await reader.close()
        log = [each async for batch in traceability.read_all(["pinzhi.credit.v1"]) for each in batch]
        assert len(log) == 30
        assert credit.authenticates
        assert not KafkaBus(city.servers).authenticates
    finally:
        await credit.close()
        await traceability.close()


BAD = {
    "kafka+tls://h:1": "use kafka://",
    "kafka+sasl_ssl://u:geheim@h:1": "PINZHI_KAFKA_USER",
    "kafka://": "at least one broker",
    "kafka+sasl_ssl://h:1": "PINZHI_KAFKA_USER and PINZHI_KAFKA_PASSWORD_FILE",
}


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_cannot_work_is_told_in_one_line(url: str) -> None:
    with pytest.raises(ValueError, match=BAD[url]) as caught:
        KafkaAccess.of(url, KafkaSettings()).checked()
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ca_file": "none.pem"}, "PINZHI_KAFKA_CA_FILE=.*none.pem: No such file"),
        ({"ca_file": "text"}, "PINZHI_KAFKA_CA_FILE=.*: no certificate in it"),
        ({"cert_file": "text"}, "PINZHI_KAFKA_CERT_FILE=.*: no certificate with its key"),
        ({"user": "u", "password_file": "empty"}, "PINZHI_KAFKA_PASSWORD_FILE=.*: is empty"),
        ({"user": "u", "password_file": "none"}, "PINZHI_KAFKA_PASSWORD_FILE=.*: No such file"),
        ({"mechanism": "OAUTHBEARER"}, "PINZHI_KAFKA_TOKEN_FILE"),
    ],
)
def test_a_setting_that_is_missing_or_bad_is_named(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    (tmp_path / "text").write_text("geheim")
    (tmp_path / "empty").write_text("\n")
    given = {name: tmp_path / value if name.endswith("_file") else value for name, value in settings.items()}
    with pytest.raises(ValueError, match=says) as caught:
        KafkaAccess.of("kafka+sasl_ssl://h:1", KafkaSettings(**given)).checked()
    assert "geheim" not in str(caught.value)


def test_commands_for_a_broker_of_others_name_every_grant() -> None:
    text = access.commands(["unit-x"], access.of_unit("x"), servers="kafka.city:9094")
    assert text.count("kafka-acls.sh") == 3
    assert "--allow-principal User:unit-x --operation Write --topic pinzhi.enforcement.intake.x.v1" in text
    assert json.dumps(text).count("prefixed") == 0
