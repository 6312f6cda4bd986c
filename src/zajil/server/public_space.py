"""The public space of one server, wired. Made only where the operator turned it on.

Its verbs get of the private side one callable, which takes a one-time pass, and give it none.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from zajil.channels import events, gate, retention
from zajil.channels.broadcast import Broadcast
from zajil.channels.context import Channels, SpendPass
from zajil.channels.identity import login
from zajil.channels.identity.challenge import PersonaChallenges
from zajil.channels.wakeups import Wakeups
from zajil.engine.bus import Bus
from zajil.engine.extras import say_missing
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database, tell_failure
from zajil.protocol.public.posts import ChannelDecision
from zajil.protocol.public.routes import FoundRoute, PublicRoute
from zajil.server.config import ConfigError, Settings
from zajil.server.http.calls import HttpAnswer, HttpCall, StreamAnswer
from zajil.server.http.dispatch import Space
from zajil.server.http.idempotency import AnswerBook
from zajil.server.http.preview import Preview
from zajil.server.http.public_dispatch import PublicBound, PublicDispatcher
from zajil.server.http.public_routes import bind_public_space, parse_following
from zajil.server.site.headers import API_HEADERS

if TYPE_CHECKING:
    from zajil.server.moderation.wiring import Moderation
    from zajil.server.review.console import Console

_LOG = logging.getLogger(__name__)
_GATE_EVERY_S: Final = 0.25
_STREAM_HEADERS: Final = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}
Fold = Callable[[str], str]


class PublicSpace:
    """See `Server`. fold: folded words of a text, for search. record_decision: of a channel's moderators, see
    `Channels`."""

    def __init__(
        self,
        *,
        db: Database,
        keys: Keys,
        limits: Limits,
        settings: Settings,
        clock: Callable[[], float],
        spend_pass: SpendPass,
        fold: Fold,
        count: Callable[[str, int], None],
        bus: Bus,
        record_decision: Callable[[Connection, ChannelDecision], None] = lambda _db, _told: None,
    ) -> None:
        self.space = Channels(
            db=db,
            limits=limits,
            challenges=PersonaChallenges(keys.challenge_key("persona"), os.urandom),
            origin=settings.server_name,
            clock=clock,
            spend_pass=spend_pass,
            fold=fold,
            record_decision=record_decision,
            gate_timeout_s=settings.gate_timeout_s,
            gate_hold_s=settings.gate_hold_s,
            waiting_max=settings.public_waiting_max,
            random=os.urandom,
            wakeups=Wakeups(bus),
        )
        self._broadcast = Broadcast(self.space)
        self._dispatcher = PublicDispatcher(
            routes=bind_public_space(self.space, self._broadcast),
            check_persona=lambda token: login.check_persona(self.space, token),
            check_whoever=lambda token: login.check_whoever(self.space, token),
            limits=limits,
            clock=clock,
            answers=AnswerBook(db, keys, clock, is_shared=bus.is_shared),
            count=count,
        )
        self._preview = Preview(self.space, front=settings.front)
        self._gate: asyncio.Task[None] | None = None

    @property
    def calls(self) -> Space:
        """Answers calls below /pub/v1."""
        return self._dispatcher

    @property
    def page(self) -> Callable[[HttpCall], Awaitable[HttpAnswer]]:
        """Answers requests below /c/."""
        return self._preview.answer

    def add_routes(self, routes: Mapping[PublicRoute, PublicBound]) -> None:
        """Answer these calls below /pub/v1 as well."""
        self._dispatcher.add_routes(routes)

    async def stream(self, call: HttpCall) -> HttpAnswer | StreamAnswer:
        """The stream of events for this call, or why there is none."""
        return await self._dispatcher.guard(call, self._open_stream)

    def start(self) -> None:
        """Let posts through the gate from now on."""
        self._gate = asyncio.create_task(self._run_gate())

    async def stop(self) -> None:
        """End streams, long polls and the gate."""
        self.space.wakeups.stop()
        await self._broadcast.stop()
        if self._gate is not None:
            self._gate.cancel()
            await asyncio.gather(self._gate, return_exceptions=True)

    async def run_retention(self) -> None:
        """Delete what has outlived its retention."""
        await retention.run(self.space)

    async def _open_stream(self, call: HttpCall, found: FoundRoute, query: str) -> StreamAnswer:
        request = await self._dispatcher.parse(call, found, query)
        names, _ = parse_following(request)
        last = call.headers.get("last-event-id") or None
        following = await events.follow(self.space, request.persona, names, last)
        events.check_room(self.space)

        async def play(outlet: events.Outlet) -> None:
            await events.stream_events(self.space, self._broadcast, following, outlet)

        return StreamAnswer({**API_HEADERS, **_STREAM_HEADERS}, play)

    async def _run_gate(self) -> None:
        while True:
            try:
                await gate.release_due(self.space)
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "the gate failed", bug)
            await asyncio.sleep(_GATE_EVERY_S)


def find_fold() -> Fold:
    """The folding of search, from the extra. Raises ConfigError with a hint where it is not installed."""
    try:
        fold: Fold = importlib.import_module("zajil.moderation.searching").fold_words
    except ImportError as missing:
        raise ConfigError(say_missing("public_space", "moderation"), code="no-extra") from missing
    return fold


def find_moderation() -> type[Moderation]:
    """What moderates, from the extra. Raises ConfigError with a hint where it is not installed."""
    try:
        found: type[Moderation] = importlib.import_module("zajil.server.moderation.wiring").Moderation
    except ImportError as missing:
        raise ConfigError(say_missing("moderation.enabled", "moderation"), code="no-extra") from missing
    return found


def find_console() -> type[Console]:
    """What answers reviewers and those they judge, from the extra. Raises ConfigError with a hint."""
    try:
        found: type[Console] = importlib.import_module("zajil.server.review.console").Console
    except ImportError as missing:
        raise ConfigError(say_missing("moderation.enabled", "moderation"), code="no-extra") from missing
    return found
