"""What a gateway shell is: whatever accepts WebSockets and moves records. The rules live behind `Gateway`.

One test suite (`tests/server/test_shell.py`) runs against every shell, so that a leaner one can replace it.
"""

from __future__ import annotations

from typing import Protocol


class Shell(Protocol):
    """Serves one Gateway and the control calls on one address.

    Guarantees: one binary WebSocket message is one record, both ways, uncompressed; a text message or one over 64 KiB
    closes the connection; the path fixes the role and a foreign Origin or a query other than `r` is refused before the
    upgrade; `Connection.crowded` stops reading (TCP pushes back); records go out in order, and a peer that does not
    read holds up nobody else; each connection costs its reader and no timer.
    """

    async def start(self, host: str, port: int) -> int:
        """Listen; the port in use is returned. Raises OSError."""

    async def stop(self) -> None:
        """Stop accepting, then close what is still open. Ends calls under way after a grace of a few seconds."""
