"""A call between Anna and Boris under a block, and its figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.report import RouteRow, SoundRow

from zajil.protocol.calls.quality import Sample, rate

_FRAME_MS: Final = 20.0
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

    def call(self, rungs: str) -> float:
        """Anna calls, Boris answers, both hear each other; seconds that it took, on networks new to both.

        rungs: those that may be found, such as `relay-tls or server`. Raises VerbFailed where they do not in half a
        minute.
        """
        for person in self._people:
            person.clear()
        self._calling = True
        self._lab.anna.start_call()
        answered = self._lab.boris.answer()
        heard = [person.await_sound(answered) for person in self._people]
        self._see(rungs)
        took = (max(heard) - answered) / 1000
        self.figures.setups_s.append(took)
        return took

    def _see(self, rungs: str) -> None:
        """Each end shows the way of what it sends, and the two may differ."""
        found = {person.await_rung(rungs.split(" or ")) for person in self._people}
        self.figures.rung = " or ".join(sorted({*found, *filter(None, self.figures.rung.split(" or "))}))

    def strike(self, block: Block, rungs: str) -> float:
        """The block begins in the call; seconds until both hear again, the slower one's, by one of these rungs."""
        self.figures.rung = ""
        self.block(block)
        struck = time.time() * 1000
        heard = [person.await_sound(struck + _DIE_AWAY_MS) for person in self._people]
        self._see(rungs)
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
        before = [receiving(person.counts()) for person in self._people]
        time.sleep(_WINDOW_S)
        after = [receiving(person.counts()) for person in self._people]
        self._lab.network.lose(0)
        held = all(was["id"] == now["id"] for was, now in zip(before, after, strict=True))
        samples = [_compare(was, now) for was, now in zip(before, after, strict=True)]
        worst = min(samples, key=rate)
        return SoundRow(
            rung=rung,
            loss_pct=loss_pct,
            line_ms=line_ms,
            held=held and all(person.rung() == rung for person in self._people),
            concealed_pct=worst.loss_pct,
            delay_ms=worst.rtt_ms / 2 + worst.buffer_ms + worst.frame_ms + 25,
            mos=rate(worst),
        )


def _unsealed(sent: Sequence[dict[str, int]], frames: dict[str, int]) -> int:
    """Packets that the browser counts beyond the frames that were sealed; those without content are none."""
    packets = sum(one["packets"] for one in sent) - frames["sealed"]
    beyond = sum(one["bytes"] for one in sent) > frames["sealed_bytes"]
    return max(0, packets) if beyond else 0


def receiving(counts: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Of the connection whose sound came last."""
    heard: list[dict[str, float]] = [
        {"id": number, "rtt_ms": one["rtt_ms"], **one["received"]}
        for number, one in enumerate(counts)
        if one.get("received", {}).get("packets")
    ]
    return heard[-1]


def _compare(was: dict[str, float], now: dict[str, float]) -> Sample:
    if was["id"] != now["id"]:
        was = dict.fromkeys(was, 0.0)
    buffered = now["buffered"] - was["buffered"]
    return Sample(
        concealed=int(now["concealed"] - was["concealed"]),
        total=int(now["samples"] - was["samples"]),
        rtt_ms=now["rtt_ms"],
        buffer_ms=1000 * (now["buffer_s"] - was["buffer_s"]) / buffered if buffered else 0.0,
        frame_ms=_FRAME_MS,
    )
