"""A call between Anna and Boris under a block, and its figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.listening import listen
from tests.calls.routes.person import RUNGS
from tests.calls.routes.report import Row

from zajil.protocol.calls.quality import rate

_TALK_S: Final = 1.0
"""What is measured of a call that runs."""
_REST_S: Final = 0.7
_DIE_AWAY_MS: Final = 700
"""What the receiver has in store, and makes up, when nothing comes any more."""
_SETTLE_S: Final = 2.0
_WINDOW_S: Final = 5.0


@dataclass(frozen=True)
class Block:
    """What the router drops. rules: of nft. names: of TLS handshakes. hidden: both hide their address besides.

    leaves: the rungs by which a call can be then; which of them it takes is the product's business.
    """

    name: str
    about: str
    rules: Sequence[str] = ()
    names: Sequence[str] = ()
    leaves: Sequence[str] = RUNGS
    hidden: bool = False


@dataclass
class Figures:
    """Of the calls of one scenario."""

    setups_s: list[float] = field(default_factory=list)
    recovers_s: list[float] = field(default_factory=list)
    sealed: int = 0
    opened: int = 0
    plaintext: int = 0
    rungs: set[str] = field(default_factory=set)
    """As calls began."""
    rungs_after: set[str] = field(default_factory=set)
    """As they went on when something had happened to them."""

    def check(self) -> None:
        """Both ends sealed what they sent, opened what came, and nothing left in clear."""
        assert self.plaintext == 0
        assert 0 < self.opened <= self.sealed


class Trial:
    """Blocks, calls and hang-ups, in this order; `end` leaves an open line."""

    def __init__(self, lab: CallLaboratory) -> None:
        self._lab = lab
        self._people = (lab.anna, lab.boris)
        self.figures = Figures()
        self._hidden = False
        self._leaves: Sequence[str] = RUNGS
        self._calling = False

    def block(self, block: Block) -> None:
        """In force when this returns, instead of the older one."""
        self._lab.network.block(block.rules, block.names)
        self._leaves = block.leaves
        if block.hidden != self._hidden:
            self._hidden = block.hidden
            for person in self._people:
                person.hide_address(block.hidden)

    def call(self) -> float:
        """Anna calls, Boris answers, both hear each other; seconds that it took, on networks new to both.

        Raises VerbFailed where they do not in half a minute, or by a rung that the block does not leave.
        """
        for person in self._people:
            person.clear()
        self._calling = True
        self._lab.anna.start_call()
        answered = self._lab.boris.answer()
        heard = [person.await_sound(answered) for person in self._people]
        self.figures.rungs |= self._see()
        took = (max(heard) - answered) / 1000
        self.figures.setups_s.append(took)
        return took

    def _see(self) -> set[str]:
        """Each end shows the way of what it sends, and the two may differ."""
        return {person.await_rung(self._leaves) for person in self._people}

    def strike(self, block: Block) -> float:
        """The block begins in the call; seconds until both hear again, the slower one's, by a rung that it leaves."""
        self.block(block)
        struck = time.time() * 1000
        heard = [person.await_sound(struck + _DIE_AWAY_MS) for person in self._people]
        self.figures.rungs_after |= self._see()
        took = (max(heard) - struck) / 1000
        self.figures.recovers_s.append(took)
        return took

    def hang_up(self) -> None:
        """After a while of talk; counts what went over the wire."""
        time.sleep(_TALK_S)
        # First what was opened: all of it had been sealed by the time that is asked.
        self.figures.opened += sum(person.frames()["opened"] for person in self._people)
        for person in self._people:
            sent = [one["sent"] for one in person.counts() if "sent" in one]
            frames = person.frames()
            self.figures.sealed += frames["sealed"] + frames["sealed_room"]
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

    def row(self, scenario: str, about: str) -> Row:
        """What the report keeps of it."""
        figures = self.figures
        setups = sorted(figures.setups_s)
        return Row(
            rung=either(figures.rungs_after or figures.rungs),
            scenario=scenario,
            about=about,
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

    def listen(self, block: Block, *, loss_pct: int, line_ms: int) -> Row:
        """How the call that runs sounds under such a loss, at the end that hears less well."""
        self._lab.network.lose(loss_pct)
        time.sleep(_SETTLE_S)
        heard = listen(*self._people, seconds=_WINDOW_S)
        self._lab.network.lose(0)
        return Row(
            rung=heard.rung,
            scenario=f"{block.name}, {loss_pct} % lost",
            about=f"{block.about}; {loss_pct} % of packets lost",
            connected=True,
            loss_pct=loss_pct,
            line_ms=line_ms,
            held=heard.held,
            concealed_pct=round(heard.sample.loss_pct, 2),
            delay_ms=round(heard.delay_ms),
            mos=round(rate(heard.sample), 2),
        )


def either(rungs: Iterable[str]) -> str:
    """As tables name several."""
    return " or ".join(sorted(rungs))


def _unsealed(sent: Sequence[dict[str, int]], frames: dict[str, int]) -> int:
    """Packets that the browser counts beyond the frames that were sealed; those without content are none."""
    packets = sum(one["packets"] for one in sent) - frames["sealed"]
    beyond = sum(one["bytes"] for one in sent) > frames["sealed_bytes"]
    return max(0, packets) if beyond else 0
