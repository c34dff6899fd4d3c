"""Identifiers: UUIDv7 (RFC 9562 section 5.7), whose text order is the order of creation within a process."""

import os
import threading
import time

_lock = threading.Lock()
_last = 0


def uuid7() -> str:
    """A new UUIDv7 in its text form; strictly increasing within the process."""
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of fraction, bumped when the clock did not move.
        stamp = (time.time_ns() << 12) // 1_000_000
        _last = stamp = max(stamp, _last + 1)
    milliseconds, fraction = stamp >> 12, stamp & 0xFFF
    tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
