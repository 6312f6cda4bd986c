"""What a session tells the shell around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Message:
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
class Closed:
    """The session is over; send what is left to pull, then close the carrier. The next one begins anew.

    by_peer: the peer said so; otherwise it broke the protocol (code `protocol`) or `close` was called.
    """

    code: str
    retry_ms: int
    by_peer: bool


ClientEvent: TypeAlias = Message | Begin | Usable | Stalled | Closed
