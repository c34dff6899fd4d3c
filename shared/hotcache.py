"""Answers, and what answers are made of, kept in this process as long as nothing invalidates them.

A stale "safe" after a recall is a defect, so what is kept carries tags, and every worker process reads every
invalidation: its own at commit, those of other processes from a gap-free table that it polls twice a second.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from shared.db.engine import Database


class Tagged(Protocol):
    """What can be kept: `tags` say what makes it stale, the length of `body` what it weighs."""

    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(slots=True)
class _Kept:
    answer: Any
    version: int
    """Up to which invalidation it is known to be fresh."""


class HotCache:
    """LRU of answers, and of what answers are made of, with tags. To keep one costs nothing for each of its tags: an
    invalidation notes the tag, and what was kept before is looked at when it is asked for again.

    Bounded by number and by bytes: whoever asks for one thing under ever new addresses fills no memory.
    """

    def __init__(self, size: int = 20_000, max_bytes: int = 64 * 1024 * 1024, tags: int = 100_000) -> None:
        self._size, self._max_bytes, self._max_tags = size, max_bytes, tags
        self.bytes = 0
        """Of bodies."""
        self._answers: OrderedDict[Any, _Kept] = OrderedDict()
        self._invalidated: dict[str, int] = {}
        """The version at which a tag was invalidated last, oldest first."""
        self._forgotten = 0
        """Invalidations up to this version are not in there any more: what was not asked for since then goes too."""
        self._watchers: dict[str, Callable[[], None]] = {}
        self.version = 0
        self.sequence = 0
        """Last invalidation of the table that was read."""

    def get(self, key: Any) -> Any | None:
        kept = self._answers.get(key)
        if kept is None:
            return None
        if kept.version != self.version:
            if self._is_stale(kept):
                self._drop(key)
                return None
            kept.version = self.version
        self._answers.move_to_end(key)
        return kept.answer

    def put(self, key: Any, answer: Tagged, version: int) -> None:
        """`version` is what `self.version` was before the read: one of the tags may have been invalidated since."""
        kept = _Kept(answer, version)
        if version != self.version and self._is_stale(kept):
            return
        self._drop(key)
        self._answers[key] = kept
        self.bytes += len(answer.body)
        while len(self._answers) > self._size or self.bytes > self._max_bytes:
            self._drop(next(iter(self._answers)))

    def _is_stale(self, kept: _Kept) -> bool:
        return kept.version < self._forgotten or any(
            self._invalidated.get(tag, 0) > kept.version for tag in kept.answer.tags
        )

    def watch(self, tag: str, told: Callable[[], None]) -> None:
        """Call `told` whenever the tag is invalidated: for what is kept elsewhere under the same promise."""
        self._watchers[tag] = told

    def invalidate(self, tags: Iterable[str]) -> None:
        """`*` is every tag."""
        self.version += 1
        for tag in tags:
            for watched, told in self._watchers.items():
                if tag in (watched, "*"):
                    told()
            if tag == "*":
                self._answers.clear()
                self._invalidated.clear()
                self.bytes, self._forgotten = 0, self.version
                return
            self._invalidated.pop(tag, None)
            self._invalidated[tag] = self.version
        while len(self._invalidated) > self._max_tags:
            self._forgotten = self._invalidated.pop(next(iter(self._invalidated)))

    def _drop(self, key: Any) -> None:
        kept = self._answers.pop(key, None)
        if kept is not None:
            self.bytes -= len(kept.answer.body)

    async def follow(self, db: Database) -> None:
        """Read what other processes invalidated since the last look. Sequences are gap-free in order of commit.

        A gap means that rows went (old ones do) before this process had read them: it stood still, or the clock was
        set.
        """
        rows = await db.fetch(
            "SELECT sequence, tags FROM hot_invalidation WHERE sequence > $1 ORDER BY sequence", self.sequence
        )
        for sequence, tags in rows:
            self.invalidate(orjson.loads(tags) if sequence == self.sequence + 1 else ["*"])
            self.sequence = sequence
