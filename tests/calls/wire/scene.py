"""A call whose people speak into taps: each believes that the other is there, and what they send goes nowhere else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiortc import RTCIceServer
from tests.calls.wire.chromium import Caller, Chromium, Told
from tests.calls.wire.judge import Keys, Kind, Verdict, judge
from tests.calls.wire.relaying import RunningRelay
from tests.calls.wire.tap import Line, Tap, Wired


class Tapped:
    """A caller, and a tap in the place of each device that they call. keys: those of the call so far."""

    def __init__(self, leaf: int, others: Sequence[int]) -> None:
        self.keys = Keys()
        self.caller = Caller(leaf, self._carry)
        self.taps = {other: Tap(other, self._sayer(other), self._opens) for other in others}

    def _carry(self, signal: Told) -> None:
        for tap in self.taps.values():
            tap.hear(signal)

    def _sayer(self, leaf: int) -> Callable[[Told], Awaitable[None]]:
        async def say(signal: Told) -> None:
            await self.caller.drive("hear", leaf=leaf, signal={**signal, "to": self.caller.leaf})

        return say

    def _opens(self, line: Line, wired: Wired) -> bool:
        if wired.codec != "opus" or not wired.payload:
            return False
        return self.keys.open(wired.payload, "audio", pc=line.pc, leaf=self.caller.leaf) is not None

    async def key(self, epoch: int, *, removed: bool = False) -> bytes:
        """A new epoch: the caller and whoever judges have its key, which it answers."""
        base_key = os.urandom(16)
        self.keys.add(epoch, base_key)
        await self.caller.key(epoch, base_key, removed=removed)
        return base_key

    async def call(self) -> None:
        """The caller opens a link to each, by whatever way there is."""
        await self._open(relay_only=False)

    async def call_by(self, relay: RunningRelay, rung: str) -> None:
        """Likewise by a relay alone; the other end is behind the same one, over UDP."""
        own = relay.server("relay-udp")
        for tap in self.taps.values():
            tap.relay = RTCIceServer(own.urls, own.username, own.credential)
        await self.caller.drive("relays", servers=[relay.server(rung)._asdict()])
        await self._open(relay_only=True)

    async def _open(self, *, relay_only: bool) -> None:
        for leaf in self.taps:
            await self.caller.drive("open", leaf=leaf, relayOnly=relay_only)

    async def until_seen(self, *, audio: int, video: int, since: int = 0) -> None:
        """Until each tap has so many more packets of both kinds in the attempt that carries."""
        for leaf, tap in self.taps.items():

            def enough(tap: Tap = tap) -> bool:
                carrying = [line for line in tap.lines.values() if line.got]
                codecs = [one.codec for line in carrying for one in line.packets[since:]]
                return codecs.count("opus") >= audio and codecs.count("vp8") >= video

            await tap.until(
                f"{audio} packets of sound and {video} of pictures from {self.caller.leaf} to {leaf}", enough
            )

    def verdict(self, kind: Kind, leaf: int, keys: Keys | None = None) -> Verdict:
        """What the tap in the place of that device saw of a kind."""
        return judge(self.taps[leaf].carrying, kind, keys or self.keys, leaf=self.caller.leaf)

    def lines(self) -> list[Line]:
        """Every attempt that was tapped."""
        return [line for tap in self.taps.values() for line in tap.lines.values()]

    def routes(self) -> list[Told]:
        """The routes that carried, as the browser named them."""
        return [route for leaf in self.taps for route in self.caller.routes(leaf)]

    async def close(self) -> None:
        """Ends the taps."""
        for tap in self.taps.values():
            await tap.close()


@asynccontextmanager
async def tapped(
    browser: Chromium, url: str, leaf: int, *others: int, scripts: Sequence[str] = ()
) -> AsyncIterator[Tapped]:
    """A caller who has arrived."""
    one = Tapped(leaf, others)
    try:
        await one.caller.arrive(browser, url, *scripts)
        yield one
    finally:
        await one.close()
