"""The seam for a virus scanner. A city that has one (clamd, an ICAP server) puts its adapter here."""

from typing import Protocol


class Scanner(Protocol):
    async def scan(self, data: bytes) -> str | None:
        """The name of what was found, None for a clean file. Raises when it cannot tell: nothing unscanned is kept."""


class NullScanner:
    """Finds nothing: no scanner is installed."""

    async def scan(self, data: bytes) -> str | None:
        return None
