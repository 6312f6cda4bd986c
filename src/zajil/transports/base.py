"""What every transport promises.

A `Carrier` moves session records on one connection; a `Caller` makes control calls. Both fail with `DialError` or by
ending, never by silence that a deadline would not catch, and neither tries again: that is for whoever dials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from zajil.protocol.errors import Unreachable

TLS_DEADLINE_S = 5.0
USABLE_DEADLINE_S = 10.0
"""From the start of a dial to the end of TLS, and to a connection that takes records."""


class Stage(Enum):
    """How far a dial came."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"


class Reason(Enum):
    """What stopped it."""

    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    CERT = "cert"
    STATUS = "status"
    CLOSED = "closed"


class DialError(Unreachable):
    """The server was not reached. A certificate that does not verify is a failed route; there is no bypass."""

    def __init__(self, stage: Stage, reason: Reason) -> None:
        super().__init__("unreachable", f"{stage.value} {reason.value}", status=0)
        self.stage = stage
        self.reason = reason


class Carrier(Protocol):
    """One connection that carries session records."""

    async def send(self, record: bytes) -> None:
        """Hands over one record; awaiting is the back-pressure. Raises DialError once the connection has ended."""

    async def recv(self) -> bytes | None:
        """The next record, None once the connection has ended. Cancelling loses no record."""

    async def close(self) -> None:
        """Ends the connection; no effect the second time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a control call. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Caller(Protocol):
    """Makes control calls to one server."""

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        """One HTTP call; path begins with /v1 and may hold a query.

        Any status is an answer. Raises DialError when none came in time; the server may have acted on the call then.
        """

    async def close(self) -> None:
        """Frees its connections; no effect the second time."""
