"""Ports for the four services, and the processes that one start makes."""

import random
import socket
from contextlib import closing
from pathlib import Path

from deploy.topology import SERVICES


def free_base() -> int:
    """A port that is free with the three after it, below the ephemeral ones: a client that asks for a port there before
    the server has it can be connected to itself.
    """
    while True:
        base = random.randrange(20_000, 32_000)
        if all(_is_free(base + service.port_offset) for service in SERVICES):
            return base


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def tree(root: int) -> set[int]:
    """The process and all below it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(text.rsplit(")", 1)[1].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
