"""What a witness could write down: which key sealed what, what the server took and for whom, what was lost on purpose.

The books of `tests.client.world`. Nothing here is part of the product; the hook on the sealing function only records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat, wrap

Device = tuple[bytes, int]


class Violation(AssertionError):
    """A rule of delivery was broken."""


class Place(NamedTuple):
    """The ratchet position that sealed a message."""

    gid: bytes
    epoch: int
    leaf: int
    kind: str
    generation: int


class Seals:
    """Records the place of every sealing; a place may leave the device under one ciphertext only.

    A sealing whose transaction did not become durable never leaves, so its generation is free again.
    """

    def __init__(self) -> None:
        self.places: dict[bytes, Place] = {}
        self.left: dict[Place, bytes] = {}
        self._original: Callable[..., Any] = protect.seal_private  # Any: wrapped as it is

    def install(self) -> None:
        """Begin to record."""

        def recorded(suite: Any, signed: Any, **rest: Any) -> Any:  # Any: passed through untouched
            content = signed.content
            kind = protect.ratchet_kind(content.content_type)
            generation, _, _ = rest["secret_tree"].next_key(content.sender.index, kind)
            sealed, moved = self._original(suite, signed, **rest)
            body = wrap(WireFormat.PRIVATE_MESSAGE, sealed.encode())
            place = Place(content.group_id, content.epoch, content.sender.index, kind.name, generation)
            self.places[hashlib.sha256(body).digest()] = place
            return sealed, moved

        protect.seal_private = recorded

    def remove(self) -> None:
        """Stop recording."""
        protect.seal_private = self._original

    def leave(self, body: bytes) -> None:
        """These bytes leave a device. Raises Violation when other bytes left under the same key."""
        digest = hashlib.sha256(body).digest()
        place = self.places[digest]
        if self.left.setdefault(place, digest) != digest:
            raise Violation(f"generation reused: {place}")


class Sealing(NamedTuple):
    """A text or control message that left a device."""

    message_id: bytes
    sender: Device
    shown: bool


class Acceptance(NamedTuple):
    """One message the server took, and for whom."""

    gid: bytes
    epoch: int
    message_id: bytes
    sender: Device
    shown: bool
    roster: tuple[Device, ...]


class Seat(NamedTuple):
    """A roster entry: whose mailbox, and the epoch in which it came in."""

    device: Device
    since: int


@dataclass
class Books:
    """The server's acceptances as a witness would write them down, beside what the test did on purpose."""

    epochs: dict[bytes, int] = field(default_factory=dict)
    rosters: dict[bytes, dict[int, Seat]] = field(default_factory=dict)
    sealings: dict[bytes, Sealing] = field(default_factory=dict)
    accepted: list[Acceptance] = field(default_factory=list)
    submitted: dict[tuple[bytes, Device], list[bytes]] = field(default_factory=dict)
    readds: list[tuple[bytes, Device]] = field(default_factory=list)
    removed: set[tuple[bytes, Device]] = field(default_factory=set)
    lost: set[tuple[bytes, Device]] = field(default_factory=set)
    restored: set[Device] = field(default_factory=set)

    def seats(self, gid: bytes) -> dict[Device, Seat]:
        """The roster by device."""
        return {seat.device: seat for seat in self.rosters.get(gid, {}).values()}

    def found(self, gid: bytes, device: Device) -> None:
        """A group began with this device alone."""
        self.epochs[gid] = 0
        self.rosters[gid] = {0: Seat(device, 0)}

    def advance(self, gid: bytes, add: list[tuple[int, Device]], rm: tuple[int, ...]) -> None:
        """A commit won."""
        roster = self.rosters[gid]
        gone = [roster.pop(leaf).device for leaf in rm]
        self.removed |= {(gid, device) for device in gone}
        self.readds += [(gid, device) for _, device in add if device in gone]
        self.epochs[gid] += 1
        for leaf, device in add:
            roster[leaf] = Seat(device, self.epochs[gid])

    def accept(self, gid: bytes, epoch: int, body: bytes) -> None:
        """A message was taken."""
        sealing = self.sealings[hashlib.sha256(body).digest()]
        roster = tuple(seat.device for seat in self.rosters[gid].values())
        if sealing.sender not in roster:
            raise Violation("a device sends after its removal")
        self.accepted.append(Acceptance(gid, epoch, sealing.message_id, sealing.sender, sealing.shown, roster))

    def excuses(self, gid: bytes, device: Device, epoch: int) -> bool:
        """Whether this device lost its state on purpose and came back only after `epoch`."""
        seat = self.seats(gid).get(device)
        return (gid, device) in self.lost and (seat is None or epoch < seat.since)
