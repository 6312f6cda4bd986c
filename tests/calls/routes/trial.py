"""A call between Anna and Boris under a block, and its figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.person import Person
from tests.calls.routes.report import RouteRow, SoundRow

from zajil.protocol.calls.quality import Sample, rate

_BLOCK: Final = 1_920
"""Samples of the 40 ms that the media room carries in a frame."""
_GRID_MS: Final = 5
_DELAY_MOST: Final = 1_500
_TALK_S: Final = 1.0
"""What is measured of a call that runs."""
_REST_S: Final = 0.7
_DIE_AWAY_MS: Final = 700
"""What the receiver has in store, and makes up, when nothing comes any more."""
_SETTLE_S: Final = 2.0
_WINDOW_S: Final = 5.0


@dataclass(frozen=True)
class Block:
    """What the router drops. rules: of nft. names: of TLS handshakes. hidden: both hide their address besides."""

    name: str
    about: str
    rules: Sequence[str] = ()
    names: Sequence[str] = ()
    hidden: bool = False


@dataclass
class Figures:
    """Of the calls of one scenario."""

    setups_s: list[float] = field(default_factory=list)
    recovers_s: list[float] = field(default_factory=list)
    sealed: int = 0
    opened: int = 0
    plaintext: int = 0
    rung: str = ""


class Trial:
    """Blocks, calls and hang-ups, in this order; `end` leaves an open line."""

    def __init__(self, lab: CallLaboratory) -> None:
        self._lab = lab
        self._people = (lab.anna, lab.boris)
        self.figures = Figures()
        self._hidden = False
        self._calling = False

    def block(self, block: Block) -> None:
        """In force when this returns, instead of the older one."""
        self._lab.network.block(block.rules, block.names)
        if block.hidden != self._hidden:
            self._hidden = block.hidden
            for person in self._people:
                person.hide_address(block.hidden)

    def call(self, rung: str) -> float:
        """Anna calls, Boris answers, both hear each other by this rung; seconds that it took, on networks new to both.

        Raises VerbFailed where they do not in half a minute.
        """
        for person in self._people:
            person.clear()
        self._calling = True
        self._lab.anna.start_call()
        answered = self._lab.boris.answer()
        heard = [person.await_sound(answered) for person in self._people]
        self._see(rung)
        took = (max(heard) - answered) / 1000
        self.figures.setups_s.append(took)
        return took

    def _see(self, *rungs: str) -> None:
        shown = {person.await_rung(rungs) for person in self._people}
        assert len(shown) == 1, f"both ends show the way of the other: {shown}"
        self.figures.rung = shown.pop()

    def strike(self, block: Block, *rungs: str) -> float:
        """The block begins in the call; seconds until both hear again, the slower one's, by one of these rungs."""
        self.block(block)
        struck = time.time() * 1000
        heard = [person.await_sound(struck + _DIE_AWAY_MS) for person in self._people]
        self._see(*rungs)
        took = (max(heard) - struck) / 1000
        self.figures.recovers_s.append(took)
        return took

    def hang_up(self) -> None:
        """After a while of talk; counts what went over the wire."""
        time.sleep(_TALK_S)
        for person in self._people:
            sent = [one["sent"] for one in person.counts() if "sent" in one]
            frames = person.frames()
            self.figures.sealed += frames["sealed"]
            self.figures.opened += frames["opened"]
            self.figures.plaintext += frames["plaintext"] + _unsealed(sent, frames)
        self._put_down()

    def _put_down(self) -> None:
        self._calling = False
        self._lab.anna.hang_up()
        for person in self._people:
            person.close_call()
            person.change_network()
        # What that makes the page show of the old call must not come into the next one.
        time.sleep(_REST_S)

    def end(self) -> None:
        """An open line, and no call, however the test went."""
        self._lab.network.open()
        if self._calling:
            for person in self._people:
                print(f"{person.name} sees: {person.look()!r}\n{person.counts()}")
            self._put_down()
        self.block(Block("open", ""))

    def row(self, block: Block) -> RouteRow:
        """What the report keeps of it."""
        figures = self.figures
        setups = sorted(figures.setups_s)
        return RouteRow(
            rung=figures.rung,
            scenario=block.name,
            about=block.about,
            connected=True,
            calls=len(setups),
            setup_p95_s=setups[-(-95 * len(setups) // 100) - 1],
            setup_median_s=statistics.median(setups),
            recover_s=max(figures.recovers_s, default=None),
            recover_median_s=statistics.median(figures.recovers_s) if figures.recovers_s else None,
            sealed=figures.sealed,
            opened=figures.opened,
            plaintext_frames=figures.plaintext,
        )

    def listen(self, rung: str, *, loss_pct: int, line_ms: int) -> SoundRow:
        """How the call that runs sounds under such a loss, at the end that hears less well."""
        self._lab.network.lose(loss_pct)
        time.sleep(_SETTLE_S)
        began = time.time() * 1000
        before = [Heard.read(person) for person in self._people]
        time.sleep(_WINDOW_S)
        after = [Heard.read(person) for person in self._people]
        self._lab.network.lose(0)
        sounds = [[one for one in person.sound() if one[0] >= began] for person in self._people]
        samples = [
            _compare(was, now, find_delay(said, heard))
            for was, now, said, heard in zip(before, after, reversed(sounds), sounds, strict=True)
        ]
        worst = min(samples, key=rate)
        return SoundRow(
            rung=rung,
            loss_pct=loss_pct,
            line_ms=line_ms,
            held=all(person.rung() == rung for person in self._people),
            concealed_pct=worst.loss_pct,
            delay_ms=worst.buffer_ms,
            mos=rate(worst),
        )


@dataclass(frozen=True)
class Heard:
    """What an end has played so far, in samples at 48 kHz, by each of its connections, and of it what it made up."""

    played: Mapping[str, int]
    concealed: Mapping[str, int]

    @classmethod
    def read(cls, person: Person) -> Heard:
        """As the browser counts for WebRTC, and the laboratory for the media room."""
        played, concealed = {}, {}
        for number, one in enumerate(person.counts()):
            if "received" in one:
                name = f"connection {number}"
                played[name], concealed[name] = one["received"]["samples"], one["received"]["concealed"]
        frames = person.frames()
        played["room"] = _BLOCK * (frames["blocks"] + frames["gaps"])
        concealed["room"] = _BLOCK * frames["gaps"]
        return cls(played, concealed)


def _compare(was: Heard, now: Heard, delay_ms: float) -> Sample:
    """Of the connection that played most. The delay was measured: nothing of it is left to estimate."""
    grown = {name: count - was.played.get(name, 0) for name, count in now.played.items()}
    name = max(grown, key=lambda one: grown[one])
    concealed = now.concealed[name] - was.concealed.get(name, 0)
    return Sample(concealed=concealed, total=grown[name], rtt_ms=0.0, buffer_ms=delay_ms, frame_ms=0.0)


def find_delay(said: Sequence[Sequence[float]], heard: Sequence[Sequence[float]]) -> float:
    """Ms from microphone to loudspeaker, by the shift at which both loudnesses are most alike; within 10 ms or so."""
    end = min(said[-1][0], heard[-1][0])
    start = max(said[0][0], heard[0][0])
    grid = np.arange(start, end, _GRID_MS)
    spoken = np.interp(grid, [one[0] for one in said], [one[2] for one in said])
    loud = np.interp(grid, [one[0] for one in heard], [one[1] for one in heard])
    likeness = [
        float(np.corrcoef(spoken[: len(grid) - shift], loud[shift:])[0, 1]) for shift in range(_DELAY_MOST // _GRID_MS)
    ]
    return float(_GRID_MS * int(np.nanargmax(likeness)))


def _unsealed(sent: Sequence[dict[str, int]], frames: dict[str, int]) -> int:
    """Packets that the browser counts beyond the frames that were sealed; those without content are none."""
    packets = sum(one["packets"] for one in sent) - frames["sealed"]
    beyond = sum(one["bytes"] for one in sent) > frames["sealed_bytes"]
    return max(0, packets) if beyond else 0
