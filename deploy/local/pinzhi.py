"""The `pinzhi` command in a process of its own, for the tests and the benches."""

import os
import socket
import sys
from contextlib import ExitStack

from deploy.topology import SERVICES

_taken: list[socket.socket] = []
"""Marks of the ports that this process was given; they end with it."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "deploy.cli.main", *arguments]


def environment() -> dict[str, str]:
    """The shell's, without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PINZHI_")}


def free_ports() -> int:
    """The first of four free ports in a row, below the range that the kernel gives to clients: one that asks for such a
    port before the server has it can be connected to itself. Nobody else who asks here is given them while this process
    lives: a port is free until the one who asked has started its server."""
    for base in range(20_000, 30_000, 4):
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0pinzhi-ports-{base}")
        except OSError:
            mark.close()
            continue
        _taken.append(mark)
        with ExitStack() as stack:
            try:
                for service in SERVICES:
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", base + service.port_offset))
            except OSError:
                continue
            return base
    raise RuntimeError("no four free ports in a row")
