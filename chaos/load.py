"""Clients that write beside each other, each one key after its own order, and remember what they were told."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from chaos.history import Answer, Write

_PATIENCE_SECONDS = 90.0
_AGAIN_SECONDS = 0.05
_ANSWERS: dict[str, Answer] = {"201": "acknowledged", "409 write.refused": "refused"}


class Load:
    """Writes until `total` are acknowledged or `end()` is called, from a thread of its own.

    One client for each key writes one thing after the other. Most repeat what was not answered, with the same
    Idempotency-Key, until it is; every fifth client never repeats (its write stays unknown). About every twentieth
    write is one that the service refuses after its event was published, by rolling back.
    """

    def __init__(
        self, ports: Sequence[int], *, name: str, keys: int, total: int = 1_000_000, pause: float = 0.0, seed: int = 1
    ) -> None:
        self.writes: list[Write] = []
        self.answers: Counter[str] = Counter()
        """HTTP status of each try, or the name of the error."""
        self.failure: BaseException | None = None
        self._urls = [f"http://127.0.0.1:{port}/v1/credit/writes" for port in ports]
        self._name = name
        self._keys = keys
        self._left = total
        self._ending = False
        self._pause = pause
        self._random = random.Random(seed)
        self._thread = threading.Thread(target=self._main, name=f"load-{name}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def acknowledged(self) -> int:
        return sum(write.answer == "acknowledged" for write in list(self.writes))

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        """No new writes; returns when those under way are told. Raises what broke the load itself."""
        self._ending = True
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _main(self) -> None:
        try:
            asyncio.run(self._write_all())
        except BaseException as error:
            self.failure = error

    async def _write_all(self) -> None:
        limits = httpx.Limits(max_connections=self._keys, max_keepalive_connections=self._keys)
        async with (
            httpx.AsyncClient(timeout=15, limits=limits, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(self._keys):
                group.create_task(self._write_key(client, number))

    async def _write_key(self, client: httpx.AsyncClient, number: int) -> None:
        key, patient, count = f"{self._name}{number}", number % 5 != 4, 0
        while self._left > 0 and not self._ending:
            count += 1
            refuse = self._random.random() < 0.05
            # Taken before it is asked for, given back when it was not acknowledged: the total is met exactly.
            self._left -= 1
            answer = await self._write(client, key, f"{key}/{count}", refuse=refuse, patient=patient)
            if answer != "acknowledged":
                self._left += 1
            if answer == "unknown":  # else a client that does not repeat would spend an outage asking
                await asyncio.sleep(_AGAIN_SECONDS * self._random.uniform(5, 15))
            if self._pause:
                await asyncio.sleep(self._pause * self._random.uniform(0.5, 1.5))

    async def _write(self, client: httpx.AsyncClient, key: str, content: str, *, refuse: bool, patient: bool) -> Answer:
        asked = time.monotonic()
        while True:
            answer = await self._try(client, key, content, refuse=refuse)
            told = time.monotonic()
            kind = _ANSWERS.get(answer, "unknown")
            if kind != "unknown" or not patient or told - asked > _PATIENCE_SECONDS:
                self.writes.append(Write(key, content, asked, told, kind))
                return kind
            await asyncio.sleep(_AGAIN_SECONDS * self._random.uniform(0.5, 1.5))

    async def _try(self, client: httpx.AsyncClient, key: str, content: str, *, refuse: bool) -> str:
        body = {"key": key, "content": content, "refuse": refuse}
        url = self._random.choice(self._urls)
        try:
            response = await client.post(url, json=body, headers={"Idempotency-Key": content})
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            return "none"
        self.answers[str(response.status_code)] += 1
        if response.status_code == 409:
            return f"409 {response.json().get('code')}"
        return str(response.status_code)
