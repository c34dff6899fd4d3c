"""A private one-node Kafka 4.1.1 (KRaft): own directory, own loopback ports, ended by its own pid.

    python -m deploy.local.kafka                         # temporary, gone after Ctrl-C
    python -m deploy.local.kafka --data-dir var/kafka    # kept
    python -m deploy.local.kafka --secure                # TLS, users, access lists; see kafka_secure.py

Needs Java 17 or newer, and Maven once: the 46 jars (43 MB) go to `${XDG_CACHE_HOME:-~/.cache}/pinzhi/kafka-4.1.1`.
"""

import argparse
import asyncio
import base64
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import kafka_secure
from deploy.local.kafka_secure import Guard
from deploy.local.process import MissingPart, Say, free_port, stop, tail, tied
from deploy.topics import admin_of, create_topics
from deploy.topology import TOPICS
from shared.bus.kafka_access import KafkaAccess

VERSION = "4.1.1"
FILES = Path(__file__).parent.parent / "kafka"
START_SECONDS = 90.0
JAVA_OPTIONS = ["-Xmx512m", "-Xms256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# after a SIGKILL the broker is let in again only when its old registration has run out (default 9 s)
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
OPEN = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
"""


@dataclass
class Kafka:
    """One broker on this machine. `bootstrap` is `host:port`."""

    home: Path
    jars: Path
    port: int
    controller: int
    advertised: str | None = None
    """`host:port` handed to clients; a proxy's address lets a test cut the line."""
    prefix: list[str] = field(default_factory=list)
    guard: Guard | None = None
    """What a guarded broker has; None: everybody who reaches it may do everything."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return self.advertised or f"127.0.0.1:{self.port}"

    @property
    def operator(self) -> KafkaAccess:
        """How whoever started the broker reaches it."""
        return self.guard.operator() if self.guard else KafkaAccess.of(f"kafka://127.0.0.1:{self.port}")

    @property
    def log(self) -> Path:
        return self.home / "kafka.log"

    def start(self, *, say: Say = lambda _line: None) -> None:
        """Start the broker on its data and wait for its first answer. Also the way back after `kill`."""
        self.home.mkdir(parents=True, exist_ok=True)
        properties, data = self.home / "server.properties", self.home / "data"
        if self.guard:
            listeners = self.guard.properties(self.port, self.controller, self.bootstrap)
        else:
            listeners = OPEN.format(port=self.port, controller=self.controller, advertised=self.bootstrap)
        properties.write_text(PROPERTIES.format(controller=self.controller, data=data) + listeners)
        if not (data / "meta.properties").exists():
            say("Kafka: formatting the log directory ...")
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
            self._tool("format", "--standalone", "-t", cluster, "-c", str(properties))
        say("Kafka: starting ...")
        logging = f"-Dlog4j2.configurationFile={FILES / 'log4j2.xml'}"
        command = [_java(), *JAVA_OPTIONS, logging, f"-Dkafka.logs.dir={self.home}", "-cp", f"{self.jars}/*"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                tied([*self.prefix, *command, "kafka.Kafka", str(properties)]),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        asyncio.run(self._wait_ready())
        say(f"Kafka: ready on {self.bootstrap} (process {self.process.pid})")

    def stop(self) -> None:
        """Clean end: SIGTERM, then SIGKILL after 20 s."""
        if self.process is not None:
            stop(self.process, with_signal=signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a machine that fails would do it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _tool(self, *arguments: str) -> str:
        command = [_java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*"]
        done = subprocess.run(
            [*command, "kafka.tools.StorageTool", *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise RuntimeError(f"kafka.tools.StorageTool {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    async def _wait_ready(self) -> None:
        """A broker is up when it answers a metadata request as itself, not when the port is open."""
        from aiokafka.errors import KafkaError

        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"Kafka ended while starting:\n{tail(self.log)}")
            if await _port_open(self.port):
                try:
                    async with asyncio.timeout(5), admin_of(self.operator) as admin:
                        await admin.list_topics()
                        return
                except (KafkaError, OSError):
                    await asyncio.sleep(0.2)
            await asyncio.sleep(0.2)
        raise RuntimeError(f"Kafka did not answer within {START_SECONDS:.0f} s:\n{tail(self.log)}")


async def _port_open(port: int) -> bool:
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _java() -> str:
    """Path of a Java 17 or newer. Raises `MissingPart`."""
    how = "Install it with `apt-get install -y default-jre-headless`."
    java = shutil.which("java")
    if java is None:
        raise MissingPart(f"Java is not installed; the local Kafka needs Java 17 or newer. {how}")
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < 17:
        raise MissingPart(f"the local Kafka needs Java 17 or newer; {java} says {answer.stderr.strip()!r}. {how}")
    return java


def jars(*, say: Say = lambda _line: None) -> Path:
    """The folder with Kafka's jars, fetched by Maven on the first use.

    Copied under a temporary name and renamed when complete: a killed download never leaves half a cache.
    Raises `MissingPart` (no Maven), `RuntimeError` (the download failed).
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pinzhi"
    target = cache / f"kafka-{VERSION}"
    if target.is_dir():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingPart(
            "Kafka's jars are not there yet and Maven, which fetches them once, is not installed. "
            "Install it with `apt-get install -y maven`."
        )
    say(f"Kafka: fetching the jars of {VERSION} (43 MB, once) ...")
    cache.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"kafka-{VERSION}.part-", dir=cache))
    try:
        done = subprocess.run(
            [
                maven,
                "-q",
                "-B",
                "-f",
                str(FILES / "pom.xml"),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={part}",
            ],
            cwd=part,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0 or not list(part.glob("kafka_2.13-*.jar")):
            raise RuntimeError(f"Maven could not fetch Kafka {VERSION}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        part.chmod(0o755)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():  # else another run was quicker, and its copy is as good
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


@contextmanager
def running(
    directory: Path | None = None,
    *,
    port: int | None = None,
    advertised: str | None = None,
    prefix: Iterable[str] = (),
    secure: bool = False,
    say: Say = lambda _line: None,
) -> Iterator[Kafka]:
    """Start a broker and stop it on leaving; `directory` keeps the log between starts.

    Raises `MissingPart`, or `RuntimeError` with the end of the broker's log.
    """
    _java()
    folder = jars(say=say)
    home = Path(tempfile.mkdtemp(prefix="pinzhi-kafka-")) if directory is None else directory.resolve()
    try:
        for attempt in range(3):
            guard = Guard.of(home, free_port()) if secure else None
            kafka = Kafka(home, folder, port or free_port(), free_port(), advertised, list(prefix), guard)
            try:
                kafka.start(say=say)
                break
            except RuntimeError as error:
                kafka.stop()
                if port is not None or attempt == 2 or "already in use" not in str(error):
                    raise
        try:
            yield kafka
        finally:
            kafka.stop()
    finally:
        if directory is None:
            shutil.rmtree(home, ignore_errors=True)


def _open_words(kafka: Kafka) -> str:
    return f"  .venv/bin/pinzhi up --bus kafka://{kafka.bootstrap}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make kafka", description="A private Kafka until Ctrl-C.")
    parser.add_argument("--data-dir", type=Path, help="keep the log here (default: temporary)")
    parser.add_argument("--port", type=int, help="default: a free one")
    parser.add_argument("--secure", action="store_true", help="TLS, a user for each service, access lists")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGINT may be ignored, as in the background
    try:
        with running(arguments.data_dir, port=arguments.port, secure=arguments.secure, say=print) as kafka:
            asyncio.run(create_topics(kafka.operator, TOPICS, replication=1))
            print(f"\nIts {len(TOPICS)} topics are there; in another shell:\n")
            print(kafka_secure.introduce(kafka.bootstrap, kafka.guard) if kafka.guard else _open_words(kafka))
            print("\nCtrl-C stops the broker.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("Kafka: stopped")
    except (MissingPart, RuntimeError) as error:
        raise SystemExit(f"make kafka: {error}") from None


if __name__ == "__main__":
    main()
