"""What the machine of a call remembers, and what follows from it alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from zajil.protocol.calls import limits
from zajil.protocol.calls.actions import Phase, Shown, ShownPeer
from zajil.protocol.calls.events import Member, Record
from zajil.protocol.calls.signals import Kind

IN_CALL: Final[tuple[Phase, ...]] = ("connecting", "active", "reconnecting")
REMEMBERED: Final = 8
"""Calls that ended here and must not ring again."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A leaf in the call. until: when it is given up unless its media flows, None: with the phase."""

    leaf: int
    account: bytes
    up: bool = False
    mic: bool = True
    cam: bool = False
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The live call of the chat as far as this device knows. leaf: who told. at: ms of its last ring or beacon."""

    call: bytes
    secret: bytes
    kind: Kind
    leaf: int
    at: int


@dataclass(frozen=True, slots=True)
class CallState:
    """The calls of one chat on one device. group: the chat is no DM.

    host: the leaf that rang or was joined; None when this device rang. caller: this device rang, so it writes the log.
    until: when the phase ends by itself. quiet: a sibling answered; the ring is silent. over: the last calls that
    ended here. fault: why it failed, for the person. relay_only: this device hides its address.
    """

    me: Member
    members: tuple[Member, ...]
    group: bool
    relay_only: bool = False
    phase: Phase = "idle"
    call: bytes = b""
    secret: bytes = b""
    kind: Kind = "audio"
    caller: bool = False
    host: int | None = None
    mic: bool = True
    cam: bool = False
    peers: tuple[Peer, ...] = ()
    until: int | None = None
    since: int | None = None
    quiet: bool = False
    alone_until: int | None = None
    beacon_at: int | None = None
    known: Known | None = None
    over: tuple[bytes, ...] = ()
    reason: str = ""
    fault: str = ""

    def find_peer(self, leaf: int) -> Peer | None:
        """The peer of this leaf."""
        return next((peer for peer in self.peers if peer.leaf == leaf), None)

    @property
    def hosts(self) -> bool:
        """Whether this device has the lowest leaf of those in the call: it speaks for the group."""
        return all(self.me.leaf < peer.leaf for peer in self.peers)

    @property
    def rings(self) -> bool:
        """Whether a ring is shown."""
        return self.phase == "incoming" and not self.quiet

    @property
    def sounds(self) -> bool:
        """Whether a ring of this chat is heard."""
        return len({member.account for member in self.members}) <= limits.QUIET_ACCOUNTS


def at_rest(state: CallState) -> CallState:
    """The chat without a call: what outlives one."""
    return CallState(state.me, state.members, state.group, state.relay_only, known=state.known, over=state.over)


def find_live(state: CallState, now: int) -> Known | None:
    """The call that dialling would join."""
    known = state.known
    return known if known is not None and now - known.at <= limits.KNOWN_MS else None


def with_peer(state: CallState, peer: Peer) -> CallState:
    """The peer is in the call, in the order of leaves."""
    others = [one for one in state.peers if one.leaf != peer.leaf]
    return replace(state, peers=tuple(sorted([*others, peer], key=lambda one: one.leaf)))


def without_peer(state: CallState, leaf: int) -> CallState:
    """The peer is not in the call."""
    return replace(state, peers=tuple(one for one in state.peers if one.leaf != leaf))


def find_record(state: CallState) -> Record | None:
    """What a reload needs, None where there is nothing to return to."""
    if state.phase not in ("outgoing", *IN_CALL):
        return None
    leaves = tuple(peer.leaf for peer in state.peers)
    return Record(state.call, state.secret, state.kind, state.caller, state.since, leaves, state.mic)


def show(state: CallState) -> Shown:
    """What a person may know."""
    peers = tuple(ShownPeer(one.leaf, one.account, one.up, one.mic, one.cam) for one in state.peers)
    joinable = state.phase in ("idle", "ended") and state.known is not None
    known = (state.phase, state.call, state.caller, state.kind, state.since)
    return Shown(*known, peers, state.mic, state.cam, joinable, state.fault or state.reason)


def next_deadline(state: CallState) -> int | None:
    """When a `Tick` has something to do."""
    times = [state.until, state.alone_until, state.beacon_at]
    if state.phase == "active":
        times += [peer.until for peer in state.peers]
    if state.known is not None and state.phase in ("idle", "ended"):
        times.append(state.known.at + limits.KNOWN_MS + 1)
    return min((time for time in times if time is not None), default=None)
