"""The floor of a start: import what the four services import, fork four processes, each answers on its port.

python -m bench.bare_fork BASE_PORT
"""

import asyncio
import gc
import importlib
import os
import signal
import sys

from deploy.topology import SERVICES

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def serve(port: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    base = int(sys.argv[1])
    importlib.import_module("uvicorn")
    for service in SERVICES:
        importlib.import_module(service.factory.split(":")[0])
    gc.collect()
    gc.freeze()
    children = []
    for service in SERVICES:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(serve(base + service.port_offset))
            os._exit(0)
        children.append(child)

    def end(_signal: int, _frame: object) -> None:
        for child in children:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
