"""One device's reach while it is open: context, race, caller, and the tasks that keep documents and memory fresh."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from secrets import token_bytes
from types import TracebackType
from typing import Final, Self

import msgspec

from zajil.client.shell.calls import Calls
from zajil.client.shell.reach import documents
from zajil.client.shell.reach.candidates import HOME, home_endpoint, is_http, make_candidates, private_endpoints
from zajil.client.shell.reach.knowledge import Keep, Knowledge
from zajil.client.state.reach import ReachSettings, ReachState, keeping
from zajil.client.storage.store import Tx
from zajil.protocol.errors import ZajilError
from zajil.protocol.path import PathView, Preference, Strategy, encode_memory, parse_memory
from zajil.protocol.path.failures import ROUNDS_S
from zajil.protocol.reach.endpoints import PrivateBridges
from zajil.transports import fingerprint
from zajil.transports.dialing import DialContext
from zajil.transports.fingerprint import Browser
from zajil.transports.network import is_online, network_key
from zajil.transports.pluggable import Programs
from zajil.transports.race import Race, RaceCaller
from zajil.transports.sealed import Seals
from zajil.transports.sockets import parse_socks

SOCKS_VARIABLE: Final = "ZAJIL_SOCKS"
BACKUP_LANE: Final = "backup"
LOOK_S: Final = 5.0
"""How often the network is looked at, and what was learnt is stored."""
ASLEEP_S: Final = 60.0
"""The wall clock ran so far ahead of the steady one: the machine slept."""
LAPTOP_ROUNDS_S: Final = (0, 1, 3, 7, 15, 30, 60)
"""When a server without TLS is dialled again: nobody blocks it, it was restarted."""


class Reach:
    """Make it inside a running event loop; close it when done. `kept` makes one that lives in memory alone."""

    def __init__(self, server: str, state: ReachState, *, settings: ReachSettings, keep: Keep) -> None:
        """server: address of the profile. Raises HomeError `bad-link` for one that cannot be."""
        home = home_endpoint(server)
        self.server = server
        self._settings = _with_environment(settings)
        self.knowledge = Knowledge(home, state, http=is_http(server), now_s=time.time, keep=keep)
        if not self.knowledge.state.salt:
            self.knowledge.keep(salt=token_bytes(32))
        self._network = network_key(self.knowledge.state.salt)
        self.ctx = self._make_context()
        self.race = self._make_race(self.knowledge.state.memory)
        self.caller = RaceCaller(self.race)
        self.calls = Calls(self.caller)
        self._lanes: dict[str, RaceCaller] = {}
        self._moves: list[Callable[[], None]] = []
        self._stored_changes = self.race.dialer.changes
        self._lead_s = time.time() - asyncio.get_running_loop().time()
        self._tasks: list[asyncio.Task[None]] = []
        self.refresh()

    @classmethod
    def in_memory(cls, server: str, *, bridges: PrivateBridges | None = None) -> Reach:
        """One for a home that is being made. bridges: of the link by which it is made; they pin the server's root."""
        held = ReachState() if bridges is None else ReachState(pin=bridges.root_hash)

        def keep(change: Callable[[ReachState], ReachState]) -> ReachState:
            nonlocal held
            held = change(held)
            return held

        reach = cls(server, held, settings=ReachSettings(), keep=keep)
        if bridges is not None:
            reach.knowledge.add_private(bridges)
            reach.refresh()
        return reach

    async def learn(self) -> Callable[[Tx], None]:
        """Ask for the documents; what writes into the home all that is known then. Raises HomeError `not-this-server`.

        A server that has none, or does not answer, is asked again when the home is open.
        """
        try:
            await documents.fetch(self)
        except ZajilError as problem:
            if problem.code == "not-this-server":
                raise
        return keeping(self.snapshot)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to look after network, memory and documents; harmless when running."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(documents.keep_fresh(self))]

    def lane(self, name: str) -> RaceCaller:
        """A caller of its own for each name, on the way that the race found.

        It shares no connection and no session with `calls`, with what is sent to groups, or with another lane: the
        server is not told that one device is behind them.
        """
        if name not in self._lanes:
            self._lanes[name] = RaceCaller(self.race, lane=name)
        return self._lanes[name]

    @property
    def backups(self) -> Calls:
        """Calls of backups, on a lane of their own: no server learns by its connections whose one is."""
        return Calls(self.lane(BACKUP_LANE))

    def on_move(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Tell of each other network this device comes to, until what is returned is called."""
        self._moves.append(moved)
        return lambda: self._moves.remove(moved) if moved in self._moves else None

    def check(self) -> None:
        """Raises what ended a task of it: a bug here, which must not pass in silence."""
        for task in self._tasks:
            if task.done():
                task.result()
        if self.race.crash is not None:
            raise self.race.crash

    async def close(self) -> None:
        """End everything; what was learnt is stored."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for caller in (self.caller, *self._lanes.values()):
            await caller.close()
        self._lanes.clear()
        await self.race.close()
        self._store()
        await self.ctx.programs.close()

    def refresh(self) -> None:
        """Race with what may be tried now: after new documents, bridges, settings."""
        settings = self._settings
        candidates = make_candidates(
            self.server,
            home=self.knowledge.home(),
            listed=self.knowledge.listed(),
            private=private_endpoints(self.knowledge.private_bundles()),
            settings=settings,
            browser=fingerprint.is_installed(),
        )
        self.race.set_candidates(candidates, preference=settings.preference)

    def apply(self, settings: ReachSettings) -> None:
        """Race by these settings from now on. Raises HomeError `bad-link` for an address that cannot be."""
        self._settings = _with_environment(settings)
        self.ctx.socks = parse_socks(self._settings.socks) if self._settings.socks else None
        self.ctx.programs.chosen = self._settings.programs
        self.refresh()

    @property
    def settings(self) -> ReachSettings:
        """What the race goes by."""
        return self._settings

    def snapshot(self) -> ReachState:
        """What is known now, to be stored."""
        memory = encode_memory(self.race.dialer.memory)
        return msgspec.structs.replace(self.knowledge.state, memory=memory, clock_offset_ms=self._clock_offset_ms())

    def forget_networks(self) -> None:
        """Remember no network: winners, proofs, freezes."""
        self.race.forget_networks()
        self._store()

    # -- one race, for people
    async def probe(self, only: Strategy | None = None) -> AsyncIterator[PathView]:
        """One race by the rules of every race, with an echo even where one is remembered: a view at each step.

        only: this strategy alone. Ends with the view in which a route is proved, or none was found.
        """
        race = self._make_race(encode_memory(self.race.dialer.memory))
        candidates = [c for c in self.race.candidates if only is None or c.strategy is only]
        race.set_candidates(candidates, preference=self._settings.preference)
        race.dialer.doubt(race.now())
        try:
            async with race.calling():
                while True:
                    news, route = race.news, race.route
                    over = race.dialer.retry_at is not None or not candidates
                    view = race.view()
                    # Who asks wants to know now; elsewhere nothing alarming is said for a while.
                    yield replace(view, state=race.dialer.verdict or view.state) if over else view
                    if over or (route is not None and route.proved):
                        return
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.25):
                            await news.wait()
        finally:
            await race.close()

    # -- inside
    def _make_context(self) -> DialContext:
        return DialContext(
            trust=self.knowledge,
            seals=Seals(now_ms=lambda: time.time_ns() // 1_000_000, random=token_bytes),
            programs=Programs(self._settings.programs),
            now_s=time.time,
            random=token_bytes,
            http=frozenset({HOME}) if is_http(self.server) else frozenset(),
            socks=parse_socks(self._settings.socks) if self._settings.socks else None,
            browser=_browser_of(self._network),
            clock_offset_s=self.knowledge.state.clock_offset_ms / 1000,
        )

    def _make_race(self, memory: bytes) -> Race:
        race = Race(
            self.ctx,
            memory=parse_memory(memory) if memory else None,
            network=self._network,
            rounds_s=LAPTOP_ROUNDS_S if is_http(self.server) else ROUNDS_S,
        )
        race.set_online(None if is_http(self.server) else is_online())
        return race

    def _clock_offset_ms(self) -> int:
        return round(self.ctx.clock_offset_s * 1000)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            lead_s = time.time() - loop.time()
            if lead_s > self._lead_s + ASLEEP_S:
                self.race.leap()
            self._lead_s = lead_s
            if not is_http(self.server):
                self.race.set_online(is_online())
            network = network_key(self.knowledge.state.salt)
            if network != self._network:
                self._network = network
                self.ctx.browser = _browser_of(network)
                self.race.set_network(network)
                for moved in list(self._moves):
                    moved()
            self._store()

    def _store(self) -> None:
        """What the dialer learnt and what time it is there, where that changed."""
        changes, offset_ms = self.race.dialer.changes, self._clock_offset_ms()
        moved = abs(offset_ms - self.knowledge.state.clock_offset_ms) > 1000
        if changes == self._stored_changes and not moved:
            return
        self._stored_changes = changes
        with contextlib.suppress(ZajilError):
            self.knowledge.keep(memory=encode_memory(self.race.dialer.memory), clock_offset_ms=offset_ms)


def _browser_of(network: str) -> Browser:
    """One place never sees two browsers."""
    return fingerprint.choose_browser(int(network[:8], 16))


def _with_environment(settings: ReachSettings) -> ReachSettings:
    """A SOCKS server in the environment carries this run alone: who has no home yet can say it no other way."""
    socks = os.environ.get(SOCKS_VARIABLE, "")
    if not socks:
        return settings
    return msgspec.structs.replace(settings, socks=socks, preference=Preference.PRIVACY_ONLY)
