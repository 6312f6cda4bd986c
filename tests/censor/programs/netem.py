"""Delay and loss where the kernel has no netem: `python -m tests.censor.programs.netem QUEUE DELAY_MS JITTER_MS LOSS`.

Every packet waits DELAY_MS plus or minus JITTER_MS and is lost with probability LOSS; none overtakes another of its
direction, as on a line. Good to some hundred packets a second.
"""

from __future__ import annotations

import asyncio
import random
import sys

from tests.censor.programs.queue import Packet, judge_packets


class Line:
    """One lossy line, both directions."""

    def __init__(self, *, delay_s: float, jitter_s: float, loss: float) -> None:
        self._delay_s, self._jitter_s, self._loss = delay_s, jitter_s, loss
        self._random = random.Random(20)  # the same losses in each run, as far as the packets are the same
        self._last: dict[bytes, float] = {}

    def judge(self, packet: Packet) -> None:
        if self._random.random() < self._loss:
            packet.drop()
            return
        loop = asyncio.get_running_loop()
        target = packet.get_payload()[16:20]
        due = loop.time() + self._delay_s + self._random.uniform(-self._jitter_s, self._jitter_s)
        due = self._last[target] = max(due, self._last.get(target, 0.0))
        packet.retain()
        loop.call_at(due, packet.accept)


def main(number: str, delay_ms: str, jitter_ms: str, loss: str) -> None:
    """Carries packets until it is killed."""
    line = Line(delay_s=float(delay_ms) / 1000, jitter_s=float(jitter_ms) / 1000, loss=float(loss))
    asyncio.run(judge_packets(int(number), line.judge))


if __name__ == "__main__":
    main(*sys.argv[1:])
