"""Lines: what a shell feeds. A plain line is a Connection of one role; a sealed line finds out whose it is first.

A shell makes a line for a connection (`PlainLine`, `SealedLine`), feeds it records, sends what `pull` gives whenever
it is kicked, stops reading while it is `crowded`, closes once it is `done` and pulled empty, and says `lost`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from zajil.engine.limits import Limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.reach.seal import (
    NEW_BYTES,
    Channel,
    NewSeal,
    RecordSeal,
    Resumed,
    RootWanted,
    ServerSeals,
    Unknown,
)
from zajil.server.gateway.connection import Connection
from zajil.server.gateway.gateway import Gateway
from zajil.server.gateway.media import MediaConnection, MediaDoor, is_preamble
from zajil.server.http.calls import Peer

_ROLES = {Channel.R: Role.R, Channel.S: Role.S}
_NEW = b"\x01\x01"
_NORMAL = 1000
_PREAMBLES_MAX = 2
"""RESUME, and after `02` a NEW on the same carrier."""


def close_code_of(media: MediaConnection | None) -> int:
    """What a media connection ended with; 1000 for everything else, whose last record says it."""
    return (media.close_code if media else None) or _NORMAL


class Line(Protocol):
    """One connection as a shell sees it."""

    @property
    def done(self) -> bool:
        """Nothing more is to be read; close once pulled empty."""

    @property
    def dropped(self) -> bool:
        """Given up without a word: abort."""

    @property
    def crowded(self) -> bool:
        """Stop reading until this is false again."""

    @property
    def is_live(self) -> bool:
        """Its records are worth less the later they arrive: keep few of them on the way."""

    @property
    def close_code(self) -> int:
        """How a WebSocket ends once the line is done (RFC 6455 7.4)."""

    def feed(self, record: bytes) -> None:
        """One record arrived. Never raises for what a peer sends."""

    def charge(self, size_bytes: int) -> None:
        """Count bytes that are no record; the line is over when they are too many."""

    def heard(self) -> None:
        """The peer showed a sign of life that is no record."""

    def pull(self) -> list[bytes]:
        """Records to send, in order."""

    def lost(self) -> None:
        """The connection is gone; call it once, at the end."""


class PlainLine:
    """Session frames as they are, or the frames of a media room. Raises Unavailable `busy` or `restarting`."""

    def __init__(
        self,
        gateway: Gateway,
        role: Role,
        *,
        peer: Peer,
        kick: Callable[[], None],
        silent_s: float | None = None,
        door: MediaDoor | None = None,
    ) -> None:
        """door: to media rooms, None where none may begin here."""
        gateway.enter(peer.prefix)
        self._gateway = gateway
        self._place = peer.prefix
        self._meter = gateway.meter()
        self._kick = kick
        self._door = door
        self._media: MediaConnection | None = None
        self.is_live = False
        self._connection = gateway.connect(role, peer=peer, kick=kick, silent_s=silent_s)

    @property
    def done(self) -> bool:
        """See Line."""
        if self._media is not None:
            return self._media.close_code is not None
        return self._connection.dropped or self._connection.carrier.done

    @property
    def dropped(self) -> bool:
        """See Line."""
        return self._media.dropped if self._media else self._connection.dropped

    @property
    def crowded(self) -> bool:
        """See Line."""
        return self._media is None and self._connection.crowded

    @property
    def close_code(self) -> int:
        """See Line."""
        return close_code_of(self._media)

    def feed(self, record: bytes) -> None:
        """See Line."""
        if self._media is not None:
            self._media.feed(record)
            return
        door, self._door = self._door, None
        if door is not None and is_preamble(record):
            self._gateway.lost(self._connection)
            self._media = door.enter(record, place=self._place, kick=self._kick)
            self.is_live = True
            self._kick()
            return
        now = self._gateway.now()
        try:
            self._meter.take(now, len(record))
        except ZajilError as reason:
            self._gateway.close(self._connection, reason)
        self._gateway.feed(self._connection, record, now)

    def _spend(self, now: float, size_bytes: int) -> None:
        try:
            self._meter.take(now, size_bytes)
        except ZajilError as reason:
            self._gateway.close(self._connection, reason)

    def charge(self, size_bytes: int) -> None:
        """See Line."""
        if self._media is not None:
            self._media.charge(size_bytes)
        else:
            self._spend(self._gateway.now(), size_bytes)

    def heard(self) -> None:
        """See Line."""
        self._connection.heard_at = self._gateway.now()

    def pull(self) -> list[bytes]:
        """See Line."""
        if self._media is not None:
            return self._media.pull()
        return self._connection.carrier.pull(self._gateway.now())

    def lost(self) -> None:
        """See Line."""
        if self._media is not None:
            self._media.lost()
        else:
            self._gateway.lost(self._connection)
        self._gateway.leave(self._place)


class SealDoor:
    """Where sealed carriers begin: the live seals, what a NEW costs, and the public root documents."""

    def __init__(
        self, seals: ServerSeals, *, limits: Limits, clock: Callable[[], float], roots: Callable[[], bytes]
    ) -> None:
        """clock: Unix seconds. roots: the answer to ROOT, as it is now."""
        self._seals = seals
        self._limits = limits
        self._clock = clock
        self.roots = roots

    def accept(self, first: bytes, peer: Peer, *, media: bool = False) -> NewSeal | Resumed | Unknown | RootWanted:
        """What a first record asks for. media: whether it may ask for a media room.

        Raises RemoteProtocolError, or Limited for too many new seals.
        """
        now = self._clock()
        if first.startswith(_NEW) and len(first) == NEW_BYTES:
            # Before any cryptography, which is what it costs.
            if first[2] not in _ROLES and not (media and first[2] == Channel.MEDIA):
                raise error("protocol", "no session of this channel here")
            if peer.bridge:
                self._limits.take("seal_bridge", peer.bridge, now=now)
            else:
                self._limits.take("seal_prefix", peer.prefix, now=now)
        return self._seals.accept(first, now_ms=int(now * 1000))


class SealedLine:
    """Session frames under a seal, whose channel fixes the role. The seal ends here: the gateway sees padded frames.

    A preamble, tag or length that is wrong ends the line and leaves the session to another one. Until a record has
    opened under its keys nothing of a session is touched, so whoever repeats a RESUME disturbs nobody.
    """

    def __init__(
        self,
        gateway: Gateway,
        door: SealDoor,
        *,
        peer: Peer,
        kick: Callable[[], None],
        silent_s: float | None = None,
        media_door: MediaDoor | None = None,
    ) -> None:
        """peer: of the connection; its prefix becomes the seal's id where it came through a bridge.

        media_door: to media rooms, None where none may begin here. Raises Unavailable `busy` or `restarting`.
        """
        self._place = b"bridge" + peer.bridge if peer.bridge else peer.prefix
        gateway.enter(self._place)
        self.opened_at = gateway.now()
        self._given_up = False
        self._gateway = gateway
        self._door = door
        self._peer = peer
        self._kick = kick
        self._silent_s = silent_s
        self._meter = gateway.meter()
        self._preambles = 0
        self._answers: list[bytes] = []
        self._seal: NewSeal | Resumed | None = None
        self._connection: Connection | None = None
        self._media_door = media_door
        self._media: MediaConnection | None = None
        self._ended = False
        gateway.expect(self)

    @property
    def dropped(self) -> bool:
        """See Line."""
        return self._given_up or (self._media is not None and self._media.dropped)

    @property
    def done(self) -> bool:
        """See Line."""
        if self._media is not None and self._media.close_code is not None:
            return True
        return self._ended or self.dropped or (self._connection is not None and self._connection.done)

    @property
    def crowded(self) -> bool:
        """See Line."""
        return not self.done and self._connection is not None and self._connection.crowded

    @property
    def is_live(self) -> bool:
        """See Line."""
        return self._media is not None

    @property
    def close_code(self) -> int:
        """See Line."""
        return close_code_of(self._media)

    def feed(self, record: bytes) -> None:
        """See Line."""
        if self._media is None:
            self.charge(len(record))
        if self.done:
            return
        try:
            if self._seal is None:
                self._begin(record)
            else:
                self._take(self._seal.codec, self._seal, record)
        except ZajilError:
            self._end()
        else:
            self._kick()

    def _begin(self, first: bytes) -> None:
        self._preambles += 1
        found = self._door.accept(first, self._peer, media=self._media_door is not None)
        if isinstance(found, RootWanted):
            self._answers.append(self._door.roots())
            self._ended = True
            return
        if isinstance(found, Unknown):
            if self._preambles == _PREAMBLES_MAX:
                raise error("protocol", "RESUME again")
        else:
            self._seal = found
        self._answers.append(found.answer)

    def _take(self, codec: RecordSeal, seal: NewSeal | Resumed, record: bytes) -> None:
        frame = codec.open(record)
        if seal.channel is Channel.MEDIA:
            self._take_media(frame)
            return
        if self._connection is None:
            peer = self._peer._replace(prefix=seal.sid) if self._peer.bridge else self._peer
            self._connection = self._gateway.connect(
                _ROLES[seal.channel], peer=peer, kick=self._kick, silent_s=self._silent_s
            )
            self._gateway.prove(self)
        self._gateway.feed(self._connection, frame, self._gateway.now())

    def _take_media(self, frame: bytes) -> None:
        if self._media is not None:
            self._media.feed(frame)
            return
        if self._media_door is None or not is_preamble(frame):
            raise error("protocol", "no media here")
        self._gateway.prove(self)
        self._media = self._media_door.enter(frame, place=self._place, kick=self._kick)

    def _end(self) -> None:
        self._ended = True
        self._kick()

    def charge(self, size_bytes: int) -> None:
        """See Line."""
        if self._media is not None:
            self._media.charge(size_bytes)
            return
        try:
            self._meter.take(self._gateway.now(), size_bytes)
        except ZajilError as reason:
            if self._connection is None:
                self._end()
            else:
                self._gateway.close(self._connection, reason)

    def heard(self) -> None:
        """See Line."""
        if self._connection is not None:
            self._connection.heard_at = self._gateway.now()

    def drop(self) -> None:
        """It never said who it is."""
        self._given_up = True
        self._kick()

    def pull(self) -> list[bytes]:
        """See Line."""
        out, self._answers = self._answers, []
        if self._connection is not None and self._seal is not None and not self._ended:
            out += [self._seal.codec.seal(frame) for frame in self._connection.pull(now=self._gateway.now())]
        if self._media is not None and self._seal is not None and not self._ended:
            out += [self._seal.codec.seal(frame) for frame in self._media.pull()]
        return out

    def lost(self) -> None:
        """See Line."""
        self._gateway.prove(self)
        if self._connection is not None:
            self._gateway.lost(self._connection)
        if self._media is not None:
            self._media.lost()
        self._gateway.leave(self._place)
