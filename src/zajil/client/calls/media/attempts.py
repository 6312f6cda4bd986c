"""One try to bring a link up, from either end: a connection, what it sends or hears, and when it counts as dead.

The sender of a link makes an attempt that `Sends`, whose number `pc` is the ctx of its audio; its peer makes one that
`Hears` of each offer. By WebRTC they are an `Outgoing` and an `Incoming`, whose steps run one after the other, in the
order in which they were asked for; in the media room they are those of `rooming`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from zajil.client.calls.media.rtc import HearingPeer, Route, Rung, SendingPeer
from zajil.client.calls.media.sound import FRAME_MS, FRAME_SAMPLES, Source
from zajil.client.calls.media.voice import BIT_RATE, HeardVoice, SealedVoice
from zajil.protocol.calls.ladder import BARREN_MS
from zajil.protocol.calls.limits import CANDIDATES, CANDIDATES_A_SIGNAL, SDP_BYTES

STALL_MS: Final = 600
"""Without valid audio for this long an attempt is lost."""
DEAF_MS: Final = 2_000
"""Frames that come for this long, and none opens: the attempt failed."""
UNPROVEN_MS: Final = 10_000
"""An attempt of the peer's in which nothing opens for this long is closed."""
WRONG_IN_A_ROW: Final = 25
"""So many frames that nobody we know sealed are no accident."""
SPARE_PACKETS: Final = 5
"""How far aiortc's count of packets may be ahead of the count of sealed frames."""
BUFFER_MS: Final = 80
"""aiortc's audio buffer gives a frame away when four later ones are there."""
_END = "a=end-of-candidates\r\n"
Numbers: TypeAlias = "Mapping[str, int | str | bool | Mapping[str, int] | None]"
"""What is told of an attempt: no name and no address."""


class Sends(Protocol):
    """What the links ask of any attempt of ours. number: of the ladder. bit_rate: the most that its rung allows."""

    pc: int
    number: int
    bit_rate: int

    @property
    def sealed(self) -> int:
        """Frames so far."""

    @property
    def rung(self) -> str | None:
        """As the view calls it; None before it is known."""

    @property
    def host(self) -> str:
        """Of the relay in use, empty without one."""

    @property
    def rtt_ms(self) -> float:
        """0 where nobody measured it."""

    def open_to(self, source: Source | None) -> None:
        """Send this from now on; None: silence again. Only after the peer's `got`."""

    def set_bit_rate(self, bit_rate: int) -> None:
        """Another constant rate from the next frame on."""

    def is_dead(self) -> bool:
        """Whether nothing can come of it any more."""

    async def sends_in_clear(self) -> bool:
        """Whether more left than was sealed."""

    async def close(self) -> None:
        """Send nothing more."""

    def counts(self) -> Numbers:
        """What went."""


class Hears(Protocol):
    """What the links ask of any attempt of a peer's.

    proved: we said `got`, and have not said `lost` since. losses: how often we said it, first at lost_ms.
    """

    pc: int
    proved: bool
    lost_ms: int | None
    losses: int

    @property
    def opened(self) -> int:
        """Frames of sound that opened."""

    @property
    def opened_at_ms(self) -> int | None:
        """When the newest of them came."""

    @property
    def rung(self) -> str | None:
        """As the view calls it; None before it is known."""

    @property
    def wrong_in_a_row(self) -> int:
        """Frames since the last good one by which the peer, and nobody else, shows that it does not seal."""

    @property
    def quiet_since_ms(self) -> int:
        """When it last proved itself, or began."""

    @property
    def pace(self) -> tuple[float, float]:
        """How long sound waits here, and how much of it is in a frame, in ms."""

    def hears(self, now_ms: int) -> bool:
        """Whether sound came lately."""

    def is_deaf(self, now_ms: int) -> bool:
        """Whether it should be given up, since frames come and none opens."""

    def progress(self) -> tuple[int, int]:
        """Frames that should have been played so far, and how many of those were missing."""

    async def close(self) -> None:
        """Hear nothing more."""

    def counts(self) -> Numbers:
        """What came."""


class _Attempt:
    """What both kinds share: candidates that came before the description, and steps in order."""

    def __init__(self, pc: int, *, now_ms: int) -> None:
        self.pc = pc
        self.began_ms = now_ms
        self.turn = asyncio.Lock()
        self.described = False
        self.closed = False
        self._early: list[tuple[tuple[str, ...], bool]] = []
        self._candidates = 0

    def room_for(self, candidates: Sequence[str]) -> bool:
        """Whether these may still come: 20 per attempt."""
        self._candidates += len(candidates)
        return self._candidates <= CANDIDATES

    async def add_candidates(self, peer: SendingPeer | HearingPeer, candidates: tuple[str, ...], *, done: bool) -> None:
        """The peer's candidates, now or when its description is here. Raises BadDescription."""
        async with self.turn:
            if self.closed:
                return
            if self.described:
                await peer.add_candidates(candidates, done=done)
            elif len(self._early) < CANDIDATES:
                self._early.append((candidates, done))

    async def add_early(self, peer: SendingPeer | HearingPeer) -> None:
        """The description is here. The caller holds the turn."""
        self.described = True
        for candidates, done in self._early:
            await peer.add_candidates(candidates, done=done)
        self._early.clear()


class Outgoing(_Attempt):
    """We send. `offer` first, then `take_answer`. number: of the ladder."""

    def __init__(self, pc: int, peer: SendingPeer, *, number: int, now_ms: int) -> None:
        super().__init__(pc, now_ms=now_ms)
        self.peer, self.number = peer, number
        self.offered: tuple[str, list[str]] | None = None
        self.offers = 0
        self.offered_ms = now_ms
        self.bit_rate = BIT_RATE
        """The most that its rung allows."""
        self.relayed = False
        """It goes by relays alone."""

    @property
    def voice(self) -> SealedVoice:
        return self.peer.voice

    @property
    def rung(self) -> Rung | None:
        return self.peer.rung

    @property
    def host(self) -> str:
        """Of the relay in use, empty without one."""
        return self.peer.host

    @property
    def sealed(self) -> int:
        return self.voice.sealed

    @property
    def rtt_ms(self) -> float:
        return self.peer.rtt_ms

    def open_to(self, source: Source | None) -> None:
        """As `Sends`."""
        self.voice.open_to(source)

    def set_bit_rate(self, bit_rate: int) -> None:
        """As `Sends`."""
        self.voice.set_bit_rate(bit_rate)

    def counts(self) -> Numbers:
        """As `Sends`."""
        return {"sealed": self.sealed, "left": self.peer.left, "refused": self.peer.refused}

    async def offer(self) -> None:
        """Fills `offered`: the SDP, and the candidates that did not fit into it."""
        async with self.turn:
            if not self.closed:
                self.offered = fitted(*await self.peer.offer())

    def has_candidates(self, kind: str = "") -> bool:
        """Whether a peer could reach us at all. kind: such as " typ relay"."""
        lines = () if self.offered is None else self.offered[0].split("\r\n")
        return any(line.startswith("a=candidate:") and kind in line for line in lines)

    def is_barren(self, now_ms: int) -> bool:
        """As the ladder's `Barren`: what a relay gives is known before there is an offer."""
        return self.relayed and self.offered is None and now_ms - self.began_ms >= BARREN_MS

    async def take_answer(self, answer: str) -> None:
        """The first one counts. Raises BadDescription."""
        async with self.turn:
            if self.closed or self.described or self.offered is None:
                return
            await self.peer.take_answer(answer)
            await self.add_early(self.peer)

    async def sends_in_clear(self) -> bool:
        """Whether more left than was sealed, by counts that no code of ours keeps."""
        if self.closed:
            return False
        sent = await self.peer.packets_sent()
        return self.peer.refused > 0 or sent > self.voice.sealed + SPARE_PACKETS

    def is_dead(self) -> bool:
        return self.closed or self.peer.state in ("failed", "closed")

    async def close(self) -> None:
        """Send nothing more."""
        self.closed = True
        self.voice.open_to(None)
        await self.peer.close()


class Incoming(_Attempt):
    """We hear. The answer is kept: an offer that comes again gets the same one."""

    def __init__(self, pc: int, peer: HearingPeer, *, now_ms: int) -> None:
        super().__init__(pc, now_ms=now_ms)
        self.peer = peer
        self.answered: tuple[str, list[str]] | None = None
        self.proved = False
        """We said `got`, and have not said `lost` since."""
        self.lost_ms: int | None = None
        self.losses = 0

    @property
    def voice(self) -> HeardVoice:
        return self.peer.voice

    @property
    def rung(self) -> Rung | None:
        return self.peer.rung

    async def answer(self, offer: str, route: Route) -> tuple[str, list[str]] | None:
        """The answer, and the candidates that did not fit into it; None where it was closed. Raises BadDescription."""
        async with self.turn:
            if self.answered is None and not self.closed:
                self.answered = fitted(*await self.peer.answer(offer, route))
                await self.add_early(self.peer)
            return None if self.closed else self.answered

    @property
    def opened(self) -> int:
        return self.voice.opened

    @property
    def opened_at_ms(self) -> int | None:
        return self.voice.opened_at_ms

    @property
    def wrong_in_a_row(self) -> int:
        return self.voice.wrong_in_a_row

    @property
    def pace(self) -> tuple[float, float]:
        return BUFFER_MS, FRAME_MS

    def progress(self) -> tuple[int, int]:
        """Sound never pauses here, so what is missing between two RTP timestamps was lost."""
        places = self.voice.newest_at // FRAME_SAMPLES
        return places, places - self.voice.opened

    def counts(self) -> Numbers:
        """As `Hears`."""
        return {"seen": self.voice.seen, "opened": self.opened, "dropped": dict(self.voice.dropped)}

    def hears(self, now_ms: int) -> bool:
        """Whether a frame opened in the last 600 ms."""
        at = self.voice.opened_at_ms
        return at is not None and now_ms - at < STALL_MS

    @property
    def quiet_since_ms(self) -> int:
        """When it last proved itself, or began."""
        return self.began_ms if self.lost_ms is None else self.lost_ms

    def is_deaf(self, now_ms: int) -> bool:
        """Frames came for 2 s, and none opened."""
        return bool(self.voice.seen and not self.voice.opened) and now_ms - self.voice.first_seen_ms >= DEAF_MS

    async def close(self) -> None:
        """Hear nothing more."""
        self.closed = True
        await self.peer.close()


def fitted(sdp: str, candidates: list[str]) -> tuple[str, list[str]]:
    """The SDP with as many candidates as fit into one signal, and those that do not, at most 20 together."""
    lines, rest = "", []
    for candidate in candidates[:CANDIDATES]:
        line = f"a={candidate}\r\n"
        if len(sdp) + len(lines) + len(line) + len(_END) <= SDP_BYTES:
            lines += line
        else:
            rest.append(candidate)
    # One section is the transport of all, and its lines stand last in an SDP of one section.
    first, rest_of_sdp = _after_first_section(sdp)
    return first + lines + ("" if rest else _END) + rest_of_sdp, rest


def _after_first_section(sdp: str) -> tuple[str, str]:
    """The SDP up to the end of its first media section, and what follows."""
    first = sdp.index("m=")
    second = sdp.find("\r\nm=", first)
    return (sdp, "") if second < 0 else (sdp[: second + 2], sdp[second + 2 :])


def batches(candidates: Sequence[str]) -> list[tuple[tuple[str, ...], bool]]:
    """Candidates for signals of 10, and whether each is the last."""
    cuts = range(0, len(candidates), CANDIDATES_A_SIGNAL)
    return [
        (tuple(candidates[at : at + CANDIDATES_A_SIGNAL]), at + CANDIDATES_A_SIGNAL >= len(candidates)) for at in cuts
    ]
