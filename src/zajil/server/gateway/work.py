"""What sessions ask for: work of whoever has a database, and frames that a Receiver sends. Values, without I/O.

They stand apart from the rules that make them, which can be compiled (`zajil.native`): msgspec makes its classes alone.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from zajil.protocol import frames


class Authenticate(NamedTuple):
    """Check this device token, acknowledge `after` and look the mailbox up; answer with `admitted` or `refused`."""

    token: str
    after: int


class Acknowledge(msgspec.Struct, frozen=True, gc=False):
    """The device holds everything up to `upto`: delete it."""

    upto: int


class Read(msgspec.Struct, frozen=True, gc=False):
    """Read at most `most` messages and about `size_bytes` after this seq; answer with `rows`.

    drains: whether a HELLO waits to hear that everything was read.
    """

    after: int
    most: int
    size_bytes: int
    drains: bool = False


class Emit(msgspec.Struct, frozen=True, gc=False):
    """Send this frame."""

    frame: frames.RFromServer


class Finish(NamedTuple):
    """Send BYE with this code and close the session."""

    code: str
    retry_ms: int = 0


class Submit(msgspec.Struct, frozen=True, gc=False):
    """Hand this request to the Delivery Service and answer under `rid`."""

    rid: int
    request: frames.Request


class Call(NamedTuple):
    """Dispatch this control call in process and answer under `rid`."""

    rid: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Action = Authenticate | Acknowledge | Read | Emit | Finish
"""Of a Receiver."""
Work = Authenticate | Acknowledge | Read | Submit | Call
"""Of a Conversation."""
