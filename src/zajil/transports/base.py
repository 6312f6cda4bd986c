"""What every transport promises.

A `Carrier` moves session records on one connection; a `Caller` makes control calls. Both fail with `DialError` or by
ending, never by silence that a deadline would not catch, and neither tries again: that is for whoever dials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from zajil.protocol.errors import Unreachable
from zajil.protocol.limits import MIB

TLS_DEADLINE_S: Final = 5.0
USABLE_DEADLINE_S: Final = 10.0
"""From the start of a dial to the end of TLS, and to a connection that takes records."""
CARRIED_BYTES: Final = MIB
"""Longest unit taken from a carrier: the root documents, once, before any record; what is no record ends it anyway."""


class Stage(Enum):
    """How far a dial came. ACCEPT: the first answer on a sealed carrier; ECHO: the proof of a usable one."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    ACCEPT = "accept"
    ECHO = "echo"


class Reason(Enum):
    """What stopped it. FROZEN: bytes came and then no more; PROXY: the SOCKS server or transport program failed."""

    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    CERT = "cert"
    STATUS = "status"
    FROZEN = "frozen"
    PROXY = "proxy"
    CLOSED = "closed"


class DialError(Unreachable):
    """The server was not reached. A certificate that does not verify is a failed route; there is no bypass.

    note: a fact for the table of routes, as "not installed: package obfs4proxy"; it names no address.
    answered: the HTTP status, or the code with which the WebSocket was closed; 0 where there was none. 502 and 4502 are
    how a bridge or an edge says that the home server behind it does not answer.
    """

    def __init__(self, stage: Stage, reason: Reason, *, note: str = "", answered: int = 0) -> None:
        super().__init__("unreachable", f"{stage.value} {reason.value}", status=0)
        self.stage = stage
        self.reason = reason
        self.note = note
        self.answered = answered


class Carrier(Protocol):
    """One connection that carries session records."""

    failure: DialError | None
    """What ended it, where that is known."""

    @property
    def rx_bytes(self) -> int:
        """Bytes of all records received, as they are on the connection."""

    @property
    def tx_bytes(self) -> int:
        """Bytes of all records handed over."""

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
