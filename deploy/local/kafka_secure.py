"""What makes the private Kafka a guarded one: TLS by its own authority, SCRAM users, the standard authorizer.

Clients come in by SASL_SSL. The operator comes in by a second listener that wants a certificate; brokers and
controllers know each other by theirs. So nothing has to know a password before the first user is made.
"""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path

from deploy.access import OPERATOR, of_services, service_user
from deploy.broker import grant, set_users
from deploy.local.certificates import Authority
from deploy.topology import SERVICES
from shared.bus.kafka_access import KafkaAccess
from shared.settings import KafkaSettings

PROPERTIES = """\
listeners=CLIENTS://127.0.0.1:{port},OPERATOR://127.0.0.1:{operator},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://{advertised},OPERATOR://127.0.0.1:{operator}
listener.security.protocol.map=CLIENTS:SASL_SSL,OPERATOR:SSL,CONTROLLER:SSL
inter.broker.listener.name=OPERATOR
controller.listener.names=CONTROLLER
ssl.keystore.type=PEM
ssl.keystore.location={broker}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.operator.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
listener.name.clients.ssl.client.auth=none
listener.name.clients.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:CN=broker;User:CN={name}
"""


@dataclass(frozen=True)
class Guard:
    """Certificates and passwords of one guarded broker, and how its operator and its users reach it."""

    authority: Authority
    operator_port: int

    @classmethod
    def of(cls, home: Path, operator_port: int) -> "Guard":
        made = cls(Authority(home / "access"), operator_port)
        made.broker, made.operator_certificate  # noqa: B018 - made now, before the broker starts
        return made

    @property
    def broker(self) -> Path:
        return self.authority.certificate("broker", "127.0.0.1", "localhost")

    @property
    def operator_certificate(self) -> Path:
        return self.authority.certificate(OPERATOR)

    def properties(self, port: int, controller: int, advertised: str) -> str:
        return PROPERTIES.format(
            port=port,
            controller=controller,
            advertised=advertised,
            operator=self.operator_port,
            broker=self.broker,
            ca=self.authority.ca,
            name=OPERATOR,
        )

    @property
    def operator_settings(self) -> KafkaSettings:
        return KafkaSettings(ca_file=self.authority.ca, cert_file=self.operator_certificate)

    def operator(self, prefix: str = "") -> KafkaAccess:
        """May do everything."""
        return KafkaAccess.of(f"kafka+ssl://127.0.0.1:{self.operator_port}/{prefix}", self.operator_settings)

    def password_file(self, user: str) -> Path:
        return self.authority.folder / f"{user}.password"

    def user(self, servers: str, name: str, password: str, prefix: str = "") -> KafkaAccess:
        """May do what the access list says. The password is kept in a file of its own."""
        file = self.password_file(name)
        file.touch(mode=0o600)
        file.write_text(password)
        settings = KafkaSettings(user=name, password_file=file, ca_file=self.authority.ca)
        return KafkaAccess.of(f"kafka+sasl_ssl://{servers}/{prefix}", settings)


async def add_services(guard: Guard, servers: str, prefix: str = "") -> None:
    """A user for each service with what the topology grants it; passwords that are there already stay."""
    passwords = {}
    for service in SERVICES:
        user = service_user(service.name)
        file = guard.password_file(user)
        passwords[user] = file.read_text() if file.exists() else secrets.token_urlsafe(24)
        guard.user(servers, user, passwords[user])
    await set_users(guard.operator(), passwords)
    await grant(guard.operator(), of_services(prefix))


def introduce(servers: str, guard: Guard) -> str:
    """Make the services' users; what to type for the platform, and as the broker's operator."""
    asyncio.run(add_services(guard, servers))
    password = guard.password_file("pinzhi-{service}")
    return (
        f"  export PINZHI_KAFKA_CA_FILE={guard.authority.ca}\n"
        f"  PINZHI_KAFKA_USER='pinzhi-{{service}}' PINZHI_KAFKA_PASSWORD_FILE='{password}' \\\n"
        f"    .venv/bin/pinzhi up --bus kafka+sasl_ssl://{servers}\n\n"
        "As the operator of the broker, for a unit that pushes on Kafka:\n\n"
        f"  PINZHI_KAFKA_CERT_FILE={guard.operator_certificate} \\\n"
        f"    .venv/bin/pinzhi clients kafka CLIENT --apply --bus kafka+ssl://127.0.0.1:{guard.operator_port}"
    )
