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
from zajil.protocol.limits import RECORD_SIZES

TLS_DEADLINE_S: Final = 5.0
USABLE_DEADLINE_S: Final = 10.0
"""From the start of a dial to the end of TLS, and to a connection that takes records."""
CARRIED_BYTES: Final = RECORD_SIZES[-1] + 64
"""Longest unit on a carrier: a record, and the tag that a seal adds."""
ORIGIN_GONE: Final = 4502
"""WebSocket close code of a bridge whose origin does not answer."""


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
    origin_gone: a bridge or front said that the home server behind it does not answer.
    """

    def __init__(self, stage: Stage, reason: Reason, *, note: str = "", origin_gone: bool = False) -> None:
        super().__init__("unreachable", f"{stage.value} {reason.value}", status=0)
        self.stage = stage
        self.reason = reason
        self.note = note
        self.origin_gone = origin_gone


class Carrier(Protocol):
    """One connection that carries session records."""

    rx_bytes: int
    """Bytes of all records received, as they are on the connection."""
    tx_bytes: int
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
