"""Identifiers: UUIDv7 (RFC 9562 section 5.7), whose text order is the order of creation within a process."""

import os
import threading
import time
from array import array
from collections.abc import Iterator

_lock = threading.Lock()
_last = 0
_random: Iterator[int] = iter(())
"""Words of 64 bits, drawn many at a time: each draw lets go of the interpreter, and a thread that makes an id for each
of 20,000 events would wake the event loop as often, and in vain."""
_MANY = 512


def _forget() -> None:
    """A child draws its own; what it got from the parent, the parent's other children have too."""
    global _random, _lock
    _random, _lock = iter(()), threading.Lock()


os.register_at_fork(after_in_child=_forget)


def random_word() -> int:
    """64 bits that nobody guesses."""
    global _random
    word = next(_random, None)
    if word is None:
        drawn = _random = iter(array("Q", os.urandom(8 * _MANY)))
        word = next(drawn)
    return word


def uuid7() -> str:
    """A new UUIDv7 in its text form; strictly increasing within the process."""
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of fraction, bumped when the clock did not move.
        stamp = (time.time_ns() << 12) // 1_000_000
        _last = stamp = max(stamp, _last + 1)
    milliseconds, fraction = stamp >> 12, stamp & 0xFFF
    tail = random_word() & 0x3FFF_FFFF_FFFF_FFFF
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
