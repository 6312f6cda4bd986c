"""What a session tells the shell around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """A whole message arrived: one data frame of `frames`, not yet parsed."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Begin:
    """Client: a new session begins and holds nothing sent before. R: send HELLO. S: send the open requests."""


@dataclass(frozen=True, slots=True)
class Usable:
    """The carrier answered. resumed: the session goes on where it was."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class Stalled:
    """Client: the carrier is silent although an answer is due. Close it and open another."""


@dataclass(frozen=True, slots=True)
class Echoed:
    """Client: something came while the carrier is proved. received_bytes: of the echo's 24 KiB. done: all of it."""

    received_bytes: int
    elapsed_s: float
    done: bool


@dataclass(frozen=True, slots=True)
class Rotate:
    """Client: half of the segment is used up. Dial the next carrier and open it; this one carries on until then."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Client: this much was acknowledged in the last 20 s although more waits; once it is 4 KiB/s again, that too."""

    bytes_s: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over; send what is left to pull, then close the carrier. The next one begins anew.

    by_peer: the peer said so; otherwise it broke the protocol (code `protocol`) or `close` was called.
    """

    code: str
    retry_ms: int
    by_peer: bool


ClientEvent: TypeAlias = Message | Begin | Usable | Stalled | Echoed | Rotate | Slow | Closed
