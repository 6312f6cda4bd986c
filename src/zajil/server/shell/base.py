"""What a gateway shell is: whatever accepts WebSockets and moves records. The rules live behind `Gateway`.

One test suite (`tests/server/test_shell.py`) runs against both: aiohttp's and the leaner one on picows.
"""

from __future__ import annotations

from typing import Final, Protocol

SEALED_PATH: Final = "/v1/sealed"
"""Where carriers begin whose TLS ends at a bridge or a front; the seal's channel says the role."""


class Shell(Protocol):
    """Serves one Gateway and the control calls on one address.

    Guarantees: one binary WebSocket message is one record, both ways, uncompressed; a text message or one over 64 KiB
    closes the connection; POSTs on the same paths carry records as `protocol.reach.polling` says; the path fixes the
    role, or the seal's channel on SEALED_PATH, where alone a bridge may show its credential; a foreign Origin or a
    query other than `r` is refused before the upgrade; `Line.crowded` stops reading (TCP pushes back); records go out
    in order, and a peer that does not read holds up nobody else; no timer per connection that is open.
    """

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen; the port in use is returned. reuse_port: beside other processes. Raises OSError."""

    async def stop(self) -> None:
        """Stop accepting, then close what is still open. Ends calls under way after a grace of a few seconds."""
