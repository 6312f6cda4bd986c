"""What happens to a call: what a person does, what peers signal, what the media and the roster show, and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from zajil.protocol.calls.signals import Kind, Signal, Unsupported


@dataclass(frozen=True, slots=True)
class Member:
    """One device of the chat: its MLS leaf, and the account it belongs to."""

    leaf: int
    account: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What outlives a reload. secret: 32 bytes. since: ms of the first media, None before. leaves: of the peers.

    mic: whether this device was heard; where nobody knows, it was not.
    """

    call: bytes
    secret: bytes
    kind: Kind
    caller: bool
    since: int | None
    leaves: tuple[int, ...]
    mic: bool = False


@dataclass(frozen=True, slots=True)
class Dial:
    """The person calls; where a call goes on, this joins it. call, secret: 16 and 32 random bytes for a new one."""

    kind: Kind
    call: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class AcceptCall:
    """The person answers. kind: what they mean to send."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class DeclineCall:
    """The person does not want to answer."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The person ends their part."""


@dataclass(frozen=True, slots=True)
class SetMedia:
    """What this device sends from now on."""

    mic: bool
    cam: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A signal came. age_ms: by the server's clock.

    heard: the chat is accepted and not blocked. busy: this device is in a call of another chat.
    """

    signal: Signal | Unsupported
    leaf: int
    account: bytes
    age_ms: int
    heard: bool = True
    busy: bool = False


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Media flows both ways with this leaf: a `got` was sent and one received."""

    leaf: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """`lost` in either direction."""

    leaf: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something was about to leave, or came, without encryption."""

    leaf: int


@dataclass(frozen=True, slots=True)
class Fail:
    """This device cannot go on. why: a reason of the user interface, such as `no-route` or `permission-denied`."""

    why: str


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is in the chat now. me: this device, None when it was removed. Told before anything of the new epoch."""

    epoch: int
    members: tuple[Member, ...]
    me: Member | None


@dataclass(frozen=True, slots=True)
class Restored:
    """After a reload the person returns to the call. age_ms: since the record was last touched."""

    record: Record
    age_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


Event: TypeAlias = (
    Dial
    | AcceptCall
    | DeclineCall
    | Hangup
    | SetMedia
    | Received
    | LinkUp
    | LinkDown
    | Alarm
    | Fail
    | Roster
    | Restored
    | Tick
)
