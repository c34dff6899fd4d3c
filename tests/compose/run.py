"""What `make compose-test` does, step by step."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from deploy import topology
from deploy.demo import load as demo
from deploy.demo.accounts import ENFORCEMENT, USERS
from deploy.demo.cast import NUTS
from deploy.demo.client import Account
from shared.clock import SystemClock, shanghai_date
from tests.compose.engine import Compose, Failed, need, until
from tests.compose.load import VIEWS, Load, violation
from tests.compose.outage import outage
from tests.compose.two_credits import two_credits
from tests.support.sources import ROOT
from tests.support.tour import Shell, walk

SERVERS = ("kafka", "postgres")
AGED = ("traceability", "indicators", "credit")
"""Whose part of a view has an age while they are away."""
KILLED = (*AGED, "gateway", *SERVERS)
TOUR_SECONDS = 300
LOGS = ROOT / "build" / "compose-test.log"
TOUR_KILL = "kill -9 $(cat var/run/credit.pid)"
"""The only command of the README's tour that holds on a laptop alone."""


def say(words: str) -> None:
    print(words, flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Run:
    def __init__(self, folder: Path, *, keep: bool) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.folder, self.keep = folder, keep
        self.secret = folder / "db_password"  # secrets.sh makes the broker's beside it
        self.compose = Compose(
            f"pinzhi-test-{os.getpid()}",
            {
                "PINZHI_IMAGE": "pinzhi:compose-test",
                "PINZHI_PORT": str(self.port),
                "PINZHI_DEMO": "true",
                "PINZHI_DB_PASSWORD_FILE": str(self.secret),
                "PINZHI_SECRETS": str(folder),
            },
        )
        self.http = httpx.Client(base_url=self.base, timeout=30)
        self.today = shanghai_date(SystemClock().now())
        self.table: list[tuple[str, str, str]] = []
        """Step, seconds, what was seen."""

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Tells what is done and how long it took; what is put into the list is shown beside it."""
        say(f"{what} ...")
        notes: list[str] = []
        started = time.monotonic()
        yield notes
        seconds = f"{time.monotonic() - started:.0f} s"
        self.table.append((what, seconds, "; ".join(notes)))
        say(f"  {seconds}" + (f": {'; '.join(notes)}" if notes else ""))

    def all(self) -> None:
        say(f"Compose {self.compose.check()}, project {self.compose.project}, {self.base}")
        started = False
        try:
            self.make_secret()
            with self.step("build the image"):
                self.compose.run("build", seconds=1800)
            started = True
            with self.step("up until all are healthy"):
                self.compose.run("up", "-d", "--wait", seconds=600)
            self.check_containers()
            self.load_demo()
            self.walk_the_tour()
            self.push_on_the_topic()
            acknowledged = self.kill_each()
            self.check_acknowledged(acknowledged)
            with self.step("down and up again"):
                self.compose.run("down", seconds=180)
                self.compose.run("up", "-d", "--wait", seconds=600)
            self.check_acknowledged(acknowledged)
            self.check_kept()
            self.check_production()
        except BaseException:
            if started:
                self.keep_logs()
            raise
        finally:
            self.http.close()
            if self.keep:
                say(f"kept: {' '.join(self.compose.command)} -p {self.compose.project} ...")
            elif started:
                with self.step("tear down"):
                    self.compose.run("down", "--volumes", "--remove-orphans", seconds=300)

    # Steps ----------------------------------------------------------------------------------------------------------

    def make_secret(self) -> None:
        script = str(ROOT / "deploy" / "compose" / "secrets.sh")
        for _again in range(2):
            subprocess.run(["sh", script, str(self.folder)], check=True, stdout=subprocess.DEVNULL)
        need(len(self.secret.read_text()) == 48, f"{script} made no password")

    def check_containers(self) -> None:
        with self.step("look at the containers") as notes:
            containers = self.compose.containers()
            published = {
                (name, port["URL"], port["PublishedPort"])
                for name, told in containers.items()
                for port in told["Publishers"] or ()
                if port["PublishedPort"]
            }
            need(published == {("gateway", "127.0.0.1", self.port)}, f"published: {published}")
            for service in topology.SERVICES:
                script = (
                    "import os\nassert os.getuid() == 10001, os.getuid()\n"
                    "try: open('/opt/pinzhi/x', 'w')\nexcept OSError as error: print(error.errno)"
                )
                refused = self.compose.run("exec", "-T", service.name, "python", "-", stdin=script).strip()
                need(refused == "30", f"the root of {service.name} is not read-only ({refused})")
                lag = self.compose.run("exec", "-T", service.name, "pinzhi", "events", "lag")
                need(re.fullmatch(rf"{service.name}\toutbox .*dead letters 0\n", lag), f"in {service.name}: {lag}")
            clients = self.compose.run("exec", "-T", "gateway", "pinzhi", "clients", "list")
            need("demo-unit" in clients, "no demo accounts")
            notes.append("only the gateway is published; users without rights, read-only roots; operators' commands")

    def load_demo(self) -> None:
        with self.step("load the demo over HTTP"):
            for _name, act in demo.Loader(self.http, self.today).steps():
                act()

    def walk_the_tour(self) -> None:
        with self.step("walk the README's tour") as notes:
            killer = f"cd '{ROOT}' && '{sys.executable}' -m tests.compose.kill '{self.compose.project}' credit; cd ~-"
            environment = {name: value for name, value in self.compose.environment.items() if name != "TZ"}
            with Shell(self.folder, environment) as shell:
                timer = threading.Timer(TOUR_SECONDS, shell.stop)
                timer.start()
                try:
                    done = list(walk(shell, self.base, {TOUR_KILL: killer}))
                except AssertionError as error:
                    raise Failed(f"the tour: {error}") from error
                finally:
                    timer.cancel()
            need(TOUR_KILL in done, "the tour kills nothing any more")
            notes.append(f"{len(done)} commands")

    def push_on_the_topic(self) -> None:
        with self.step("push on the intake topic") as notes:
            script = (Path(__file__).parent / "push_on_topic.py").read_text(encoding="utf-8")
            made = self.compose.run("run", "--rm", "-T", "topics", "clients", "kafka", "demo-unit", "--apply")
            password = next(line for line in made.splitlines() if line.startswith("password")).split()[1]
            unit = self.account()
            good = violation("T1", self.today)
            wrong = {name: value for name, value in good.items() if name != "document_number"}
            answers = []
            for number, body in (("topic-1", good), ("topic-2", wrong)):
                text = json.dumps(body, ensure_ascii=False)
                answer = self.compose.run(
                    "exec", "-T", "credit", "python", "-", "demo-unit", password, number, text, stdin=script
                )
                answers.append(json.loads(answer))
            recorded, refused = answers
            need(recorded["status"] == "recorded", f"receipt: {recorded}")
            need(refused["status"] == "refused", f"receipt: {refused}")
            need(unit.get("/v1/credit/receipts?external_id=T1") == recorded["receipt"], "REST knows another receipt")
            notes.append("recorded with its receipt, a wrong one refused with the reason")

    def kill_each(self) -> dict[str, str]:
        with Load(self.base, self.today) as load:
            until(lambda: load.acknowledged and self.whole(), "the first acknowledged push")
            for service in KILLED:
                self.kill(service, load)
            for server in SERVERS:
                until(self.whole, "the whole system")
                outage(self, server, load)
            two_credits(self, load)
        need(not load.wrong, f"{len(load.wrong)} wrong answers, the first: {load.wrong[:1]}")
        return load.acknowledged

    def kill(self, service: str, load: Load) -> None:
        with self.step(f"kill {service}") as notes:
            load.clear()
            pid = self.compose.kill_process(service)
            killed = time.monotonic()
            until(lambda: self.compose.main_process(service) not in (None, pid), f"{service} started again")
            notes.append(f"process back after {time.monotonic() - killed:.1f} s")
            if service in AGED:
                until(lambda: service in load.ages, f"the age of {service} while it was away", 30)
            else:
                with suppress(Failed):  # a database may be back before anybody misses it
                    until(lambda: not self.whole(), f"{service} is missed", 10)
            until(lambda: self.whole() and load.last_acknowledged > killed, "the whole system again")
            notes.append(f"all whole after {time.monotonic() - killed:.1f} s")
            failed = {name: count for name, count in load.reads.items() if name != "200"}
            notes.append(f"views {load.reads['200']} of {load.reads.total()}")
            if service not in ("gateway", "postgres"):
                need(not failed, f"views were not answered while {service} was away: {failed}")
            if load.ages:
                notes.append(f"oldest part {max(load.ages.values())} s")
            until(lambda: self.healthy(service), f"{service} healthy")

    def whole(self) -> bool:
        """All answer, every part is current, nothing is parked."""
        try:
            answers = [self.http.get(path) for path in ("/v1/state", *VIEWS)]
        except httpx.HTTPError:
            return False
        if any(answer.status_code != 200 for answer in answers):
            return False
        state, *views = (answer.json() for answer in answers)
        return state["ok"] and all(part["current"] for view in views for part in view["parts"].values())

    def healthy(self, service: str) -> bool:
        return bool(self.compose.containers()[service]["Health"] == "healthy")

    def check_acknowledged(self, acknowledged: dict[str, str]) -> None:
        with self.step("look for what was acknowledged") as notes:
            until(self.whole, "the whole system")
            unit = self.account()
            for external_id, violation_id in acknowledged.items():
                receipt = unit.get(f"/v1/credit/receipts?external_id={external_id}")
                need(receipt["violation_id"] == violation_id, f"{external_id} has another receipt")

            def effects() -> list[str]:
                hidden = unit.get(f"/v1/enterprises/{NUTS.uscc}")["department"]["violations"]
                return [item["violation_id"] for item in hidden]

            until(lambda: set(acknowledged.values()) <= set(effects()), "all effects in the gateway's view", 30)
            twice = len(effects()) - len(set(effects()))
            need(twice == 0, f"{twice} took effect twice")
            notes.append(f"{len(acknowledged)} of {len(acknowledged)} there, once")

    def check_kept(self) -> None:
        with self.step("look for the tour's case, the recall and the message"):
            seafood = self.http.get("/v1/enterprises/91370613MADEM0D49J").json()
            need(seafood["credit"]["status"] == "black", "the black listing is gone")
            need("召回（一级）" in self.http.get("/v1/feed").text, "the recall is gone from the feed")
            need(self.account().get("/v1/credit/receipts?external_id=T1"), "the topic's violation is gone")

    def check_production(self) -> None:
        with self.step("up without the demo") as notes:
            self.compose.environment["PINZHI_DEMO"] = "false"
            self.compose.run("up", "-d", "--wait", seconds=600)
            who, user = ENFORCEMENT, USERS[0]
            for form in (
                {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.secret},
                {"grant_type": "password", "username": user.username, "password": user.secret},
            ):
                answer = self.http.post("/oauth/token", data=form)
                need(answer.status_code in (400, 401), f"demo accounts still get tokens: {answer.status_code}")
            notes.append("demo accounts are refused")

    def account(self) -> Account:
        return Account(self.http, ENFORCEMENT)

    def keep_logs(self) -> None:
        """What the containers said, for whoever looks for the cause."""
        LOGS.parent.mkdir(exist_ok=True)
        with suppress(Failed), LOGS.open("w", encoding="utf-8") as out:
            for name, told in self.compose.containers().items():
                say(f"  {name}: {told['State']} {told['Health']} (exit code {told['ExitCode']})")
            out.write(self.compose.run("logs", "--no-color", "--timestamps"))
            say(f"  logs: {LOGS.relative_to(ROOT)}")


def main(*, keep: bool) -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pinzhi-compose-") as folder:
        try:
            run = Run(Path(folder), keep=keep)
            run.all()
        except Failed as error:
            print(f"compose-test: {error}", file=sys.stderr, flush=True)
            return 1
        except KeyboardInterrupt:
            return 130
    say("\n| step | time | |\n|---|---|---|")
    for what, seconds, notes in run.table:
        say(f"| {what} | {seconds} | {notes} |")
    say(f"\nAll holds, {(time.monotonic() - started) / 60:.0f} min.")
    return 0
