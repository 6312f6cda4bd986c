"""Links by way of the media room: attempts of kind C, which share one upload, and the room that they share.

    start     -> our upload, or the one there is; the peer is told by `room`, again after 2 s until its `got`
    `room`    -> we go into the room ourselves, and hear that upload of that leaf
    no attempt of either kind left -> we leave the room; who comes back brings a new upload with a new number

Whoever is in the room may write there in any name, so wrong frames are dropped and counted, and raise no alarm; what
does not open is never heard. What would leave unsealed does raise it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zajil.client.calls.keys import KeyRing, split_kid
from zajil.client.calls.media.attempts import STALL_MS, Numbers
from zajil.client.calls.media.peers import Peer
from zajil.client.calls.media.room import DOUBT_EACH_MS, Doubts, Listener, Room
from zajil.client.calls.media.roomvoice import Ear, Upload
from zajil.client.calls.media.sound import Source
from zajil.client.calls.media.voice import BIT_RATE_TCP
from zajil.client.calls.sframe import FrameDropped, parse_header
from zajil.client.calls.way import OpenMedia
from zajil.protocol.calls import media
from zajil.protocol.calls.jitter import FRAME_MS, TARGET_LEAST_MS
from zajil.protocol.calls.limits import ATTEMPTS, OFFER_AGAIN_MS, OFFERS_AGAIN, PEOPLE

RUNG: Final = "server"
KEPT_MS: Final = 3_000
"""A room that was prepared is kept so long for its first use."""


class RoomSends:
    """`Sends` by the upload that all attempts of this kind share."""

    def __init__(self, room: Room, leaf: int, number: int, *, now_ms: int) -> None:
        self.room, self.leaf, self.number = room, leaf, number
        self.pc = room.upload.pc
        self.bit_rate = BIT_RATE_TCP
        self.told, self.told_ms = 1, now_ms
        """How often the peer was asked to come, and when last."""
        self.answered = False
        self.closed = False

    @property
    def sealed(self) -> int:
        return self.room.upload.sealed

    @property
    def rung(self) -> str:
        return RUNG

    @property
    def host(self) -> str:
        return ""

    @property
    def rtt_ms(self) -> float:
        """Through the room to this peer and back."""
        return self.room.round_trips.get(self.leaf, 0.0)

    def open_to(self, source: Source | None) -> None:
        """As `Sends`."""
        self.room.upload.open_to(self.leaf, source)

    def set_bit_rate(self, bit_rate: int) -> None:
        """As `Sends`; for all who hear this upload."""
        self.room.upload.set_bit_rate(bit_rate)

    def is_dead(self) -> bool:
        """As `Sends`."""
        return self.closed or self.room.failed

    async def sends_in_clear(self) -> bool:
        """As `Sends`."""
        return self.room.left > self.sealed

    async def close(self) -> None:
        """As `Sends`."""
        self.closed = True
        self.open_to(None)

    def counts(self) -> Numbers:
        """As `Sends`; of the upload, whoever hears it."""
        room = self.room
        return {"sealed": self.sealed, "left": room.left, "skipped": room.skipped, "connections": room.opened}


class RoomHears:
    """`Hears` of one upload of a peer's."""

    def __init__(self, pc: int, ear: Ear, *, now_ms: int) -> None:
        self.pc, self.ear = pc, ear
        self.proved = False
        self.lost_ms: int | None = None
        self.losses = 0
        self._began_ms = now_ms

    @property
    def opened(self) -> int:
        return self.ear.opened

    @property
    def opened_at_ms(self) -> int | None:
        return self.ear.opened_at_ms

    @property
    def rung(self) -> str:
        return RUNG

    @property
    def wrong_in_a_row(self) -> int:
        """None that is the peer's: anybody in the room can write in its name."""
        return 0

    @property
    def quiet_since_ms(self) -> int:
        return self._began_ms if self.lost_ms is None else self.lost_ms

    @property
    def pace(self) -> tuple[float, float]:
        return self.ear.jitter.delay_ms, FRAME_MS

    def hears(self, now_ms: int) -> bool:
        """Whether sound came within 600 ms and the wait of the buffer."""
        at = self.ear.opened_at_ms
        return at is not None and now_ms - at < STALL_MS + self.ear.jitter.target_ms

    def is_deaf(self, now_ms: int) -> bool:  # noqa: ARG002 - as `Hears`; see `wrong_in_a_row`
        """Never: it is given up for silence alone."""
        return False

    def progress(self) -> tuple[int, int]:
        """As `Hears`."""
        jitter = self.ear.jitter
        missing = jitter.gaps + jitter.stretched
        return jitter.played + missing, missing

    async def close(self) -> None:
        """As `Hears`."""

    def counts(self) -> Numbers:
        """As `Hears`."""
        ear, jitter = self.ear, self.ear.jitter
        came = {"seen": ear.seen, "opened": ear.opened, "late": jitter.late, "doubles": jitter.doubles}
        played = {"played": jitter.played, "gaps": jitter.gaps + jitter.stretched, "target_ms": jitter.target_ms}
        far = None if ear.far is None else ear.far.late
        return {**came, **played, "far_late": far, "dropped": dict(ear.dropped)}


def find_awaited(peer: Peer) -> RoomHears | None:
    """The upload that was heard last, while nothing of this peer is heard.

    In the room nothing but our `lost` tells a sender that it is not heard: without it, it goes on there.
    """
    if any(one.proved for one in peer.incoming.values()):
        return None
    newest_first = reversed(peer.incoming.values())
    return next((one for one in newest_first if isinstance(one, RoomHears) and one.opened), None)


@dataclass(frozen=True, slots=True)
class RoomMeans:
    """What the room works with. leaf: our own. tell: that this peer should hear this upload, or hears it no more.

    heard: sound of this attempt opened. play: it is due. alarm: something would have left unsealed. close: closes a
    room in the background.
    """

    leaf: int
    ring: KeyRing
    next_pc: Callable[[], int]
    open_media: OpenMedia
    now_ms: Callable[[], int]
    peers: Mapping[int, Peer]
    tell: Callable[[int, int], None]
    heard: Callable[[Peer, RoomHears], None]
    play: Callable[[Peer, RoomHears, bytes, int], None]
    alarm: Callable[[], None]
    close: Callable[[Room], None]


class Rooming:
    """The room of one call, for as long as a link needs it."""

    def __init__(self, means: RoomMeans) -> None:
        self._means = means
        self._room: Room | None = None
        self._kept_until_ms = 0
        self._doubts = Doubts(means.now_ms)
        self.strangers = 0
        """Frames of nobody we were told of."""

    def start(self, peer: Peer, number: int, *, bit_rate: int) -> None:
        """An attempt of ours. One that was lost before takes part in it: both are one upload, and one `got`."""
        room = self._enter()
        room.speaks = True
        now = self._means.now_ms()
        if room.upload.pc in peer.outgoing:
            # Nobody knows which half of the way is gone.
            room.doubt()
        attempt = peer.outgoing[room.upload.pc] = RoomSends(room, peer.leaf, number, now_ms=now)
        attempt.set_bit_rate(bit_rate)
        self._means.tell(peer.leaf, attempt.pc)

    def listen(self, peer: Peer, pc: int) -> bool:
        """The peer is in the room with this upload. Whether it is heard: not with more than six attempts."""
        attempt = peer.incoming.get(pc)
        if attempt is None:
            if len(peer.incoming) >= ATTEMPTS:
                return False
            attempt = peer.incoming[pc] = self._make_hearing(peer, pc)
            self._enter()
        elif not isinstance(attempt, RoomHears):
            return False
        elif attempt.proved:
            # Our `got` did not come through.
            self._means.heard(peer, attempt)
        elif attempt.lost_ms is not None or self._enter().is_silent:
            self._enter().doubt()
        return True

    def _make_hearing(self, peer: Peer, pc: int) -> RoomHears:
        means = self._means
        ear = Ear(
            means.ring.receiver(peer.leaf, pc),
            now_ms=means.now_ms,
            opened=lambda: None if attempt.proved else means.heard(peer, attempt),
            hear=lambda pcm, at: means.play(peer, attempt, pcm, at),
        )
        attempt = RoomHears(pc, ear, now_ms=means.now_ms())
        return attempt

    def _enter(self) -> Room:
        if self._room is not None and not self._room.failed:
            return self._room
        self.leave()
        means = self._means
        pc = means.next_pc()
        upload = Upload(means.ring.sender(pc, means.leaf), pc=pc, leaf=means.leaf, now_ms=means.now_ms)
        listener = Listener(self._take, self._play, self._report, means.alarm)
        self._room = Room(means.open_media, upload, listener, now_ms=means.now_ms, doubts=self._doubts)
        self._keep_where_spent()
        return self._room

    def _keep_where_spent(self) -> None:
        """Else a peer that comes and goes would have it entered, for a ticket each time, as often as it likes."""
        if self._doubts.are_spent:
            self._kept_until_ms = self._means.now_ms() + DOUBT_EACH_MS

    def prepare(self) -> None:
        """It may be used soon: its connection is opened by then. Not as often as a peer likes, as with `Room.doubt`."""
        if self._room is None and not self._doubts.are_spent:
            kept_until_ms = self._means.now_ms() + KEPT_MS
            self._enter()
            self._kept_until_ms = max(self._kept_until_ms, kept_until_ms)

    def leave(self) -> None:
        """At once."""
        room, self._room = self._room, None
        if room is not None:
            room.shut()
            self._means.close(room)

    def doubt(self) -> None:
        """Somebody whom we heard is silent: our own connection may be what is gone."""
        if self._room is not None:
            self._room.doubt()

    def renew(self) -> None:
        """The network changed: our own connection is gone."""
        if self._room is not None:
            self._room.renew()

    def watch(self) -> None:
        """Now and then: ask again who has not answered, and leave a room that nobody needs."""
        room, now = self._room, self._means.now_ms()
        if room is None:
            return
        needed = room.speaks = False
        for peer in self._means.peers.values():
            needed |= any(isinstance(one, RoomHears) for one in peer.incoming.values())
            for one in peer.outgoing.values():
                if isinstance(one, RoomSends) and one.room is room:
                    room.speaks = needed = True
                    self._tell_again(peer, one, now)
        if needed:
            self._keep_where_spent()
        if not needed and now >= self._kept_until_ms:
            self.leave()

    def _tell_again(self, peer: Peer, attempt: RoomSends, now: int) -> None:
        if not attempt.answered and attempt.told <= OFFERS_AGAIN and now - attempt.told_ms >= OFFER_AGAIN_MS:
            attempt.told, attempt.told_ms = attempt.told + 1, now
            if attempt.room.is_silent:
                attempt.room.doubt()
            self._means.tell(peer.leaf, attempt.pc)

    # -- what the room tells

    def _hearings(self) -> list[RoomHears]:
        peers = self._means.peers.values()
        return [one for peer in peers for one in peer.incoming.values() if isinstance(one, RoomHears)]

    def _take(self, frame: media.Frame) -> None:
        """To whom it belongs, its KID says; whether that is true, its tag."""
        try:
            ctx, leaf, _ = split_kid(parse_header(frame.payload).kid)
        except FrameDropped:
            self.strangers += 1
            return
        peer = self._means.peers.get(leaf)
        attempt = None if peer is None else peer.incoming.get(ctx)
        if isinstance(attempt, RoomHears) and frame.kind != "video":
            before = attempt.ear.far
            attempt.ear.take(frame)
            if attempt.ear.far is not before and attempt.ear.far is not None:
                self._measure(leaf, attempt.ear.far)
        else:
            self.strangers += 1

    def _play(self) -> None:
        for attempt in self._hearings():
            attempt.ear.play()

    def _measure(self, leaf: int, told: media.Control) -> None:
        """What that peer says of our own reports."""
        for echo in told.echoes:
            if self._room is not None and echo.leaf == self._means.leaf:
                took_ms = self._room.upload.find_round_trip(echo)
                if took_ms is not None:
                    self._room.round_trips[leaf] = took_ms

    def _report(self) -> media.Control:
        """Of the one that is heard worst; and an echo for each that is heard."""
        now = self._means.now_ms()
        reports = [(one.ear.jitter.late_per_mille(now), one.ear.jitter.target_ms) for one in self._hearings()]
        late, target_ms = max(reports, default=(0, TARGET_LEAST_MS))
        echoes = {
            leaf: echo
            for leaf, peer in self._means.peers.items()
            for one in peer.incoming.values()
            if isinstance(one, RoomHears) and (echo := one.ear.echo(leaf)) is not None
        }
        return media.Control(late, target_ms, echoes=tuple(echoes.values())[: PEOPLE - 1])
