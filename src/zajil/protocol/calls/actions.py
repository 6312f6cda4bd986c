"""What the machine of a call asks of its shell, in this order within one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from zajil.protocol.calls.events import Record
from zajil.protocol.calls.signals import Kind, Signal

Phase: TypeAlias = Literal["idle", "outgoing", "incoming", "connecting", "active", "reconnecting", "ended"]
Outcome: TypeAlias = Literal["answered", "missed", "declined", "busy", "failed"]


@dataclass(frozen=True, slots=True)
class Send:
    """Seal and send it; `to` says whom it is for."""

    signal: Signal


@dataclass(frozen=True, slots=True)
class SendLog:
    """Write the call into the chat, durably. seconds: of talking."""

    call: bytes
    kind: Kind
    outcome: Outcome
    seconds: int


@dataclass(frozen=True, slots=True)
class RingOn:
    """Show the ring. sound: also let it be heard."""

    sound: bool


@dataclass(frozen=True, slots=True)
class RingOff:
    """Stop ringing."""


@dataclass(frozen=True, slots=True)
class OpenLink:
    """This leaf takes part: begin to send to it, and take its offers."""

    leaf: int


@dataclass(frozen=True, slots=True)
class CloseLink:
    """Close all that goes to and comes from this leaf, before the next action."""

    leaf: int


@dataclass(frozen=True, slots=True)
class ShownPeer:
    """A device in the call. up: its media flows."""

    leaf: int
    account: bytes
    up: bool
    mic: bool
    cam: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person may know of the call. since: ms of the first media. joinable: calling would join a live call."""

    phase: Phase
    call: bytes
    caller: bool
    kind: Kind
    since: int | None
    peers: tuple[ShownPeer, ...]
    mic: bool
    cam: bool
    joinable: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Show:
    """The call looks otherwise now."""

    view: Shown


@dataclass(frozen=True, slots=True)
class Persist:
    """Keep this for a reload, durably and before the next action; None: erase it."""

    record: Record | None


@dataclass(frozen=True, slots=True)
class WakeAt:
    """A `Tick` is due then and not before, whatever was asked for earlier. at_ms None: never."""

    at_ms: int | None


Action: TypeAlias = Send | SendLog | RingOn | RingOff | OpenLink | CloseLink | Show | Persist | WakeAt
