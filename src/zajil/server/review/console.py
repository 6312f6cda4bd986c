"""The calls of /mod/v1 and the author's side of /pub/v1, on one server."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from zajil.engine.limits import Limits
from zajil.engine.sql.database import tell_failure
from zajil.moderation.appeals.proofs import ProofBook
from zajil.moderation.decide.decide import Decisions
from zajil.moderation.private import months, unlocking
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.review.context import Review
from zajil.moderation.review.upkeep import forget
from zajil.moderation.review.view import SpaceView
from zajil.moderation.staff import sessions
from zajil.moderation.staff.challenges import Challenges
from zajil.moderation.staff.passkeys import Site
from zajil.protocol.public.routes import PublicRoute
from zajil.server.config import Settings
from zajil.server.http.author_routes import bind_author_side
from zajil.server.http.dispatch import Space
from zajil.server.http.public_dispatch import PublicBound
from zajil.server.http.review_dispatch import ReviewDispatcher
from zajil.server.http.review_routes import bind_review
from zajil.server.review.space_view import Nudges

_LOG = logging.getLogger(__name__)
_NUDGE_S: Final = 0.25
_LOOK_S: Final = 5.0
"""How often to look whether somebody who may read private reports is still logged in."""


class Console:
    """See the module. Made where moderation is on."""

    def __init__(
        self,
        *,
        decisions: Decisions,
        view: SpaceView,
        nudges: Nudges,
        reports: Inbox,
        settings: Settings,
        limits: Limits,
        find_port: Callable[[], int],
        count: Callable[[str, int], None],
    ) -> None:
        """reports: from private chats. find_port: the one the server listens on, for passkeys on a laptop."""
        self._nudges = nudges
        self._reports = reports
        self.review = Review(
            decisions=decisions,
            limits=limits,
            space=view,
            origin=settings.server_name,
            find_site=lambda: find_site(settings, find_port()),
            staff_cli=settings.moderation.staff_cli,
            challenges=Challenges(os.urandom(32), os.urandom),
            proofs=ProofBook(),
            nudge=nudges.wake,
            random=os.urandom,
        )
        self._dispatcher = ReviewDispatcher(
            routes=bind_review(self.review, reports),
            check_token=lambda token: sessions.check_token(self.review, token),
            limits=limits,
            clock=decisions.clock,
            count=count,
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def calls(self) -> Space:
        """Answers calls below /mod/v1."""
        return self._dispatcher

    @property
    def author_routes(self) -> Mapping[PublicRoute, PublicBound]:
        """What /pub/v1 answers besides, where somebody moderates."""
        return bind_author_side(self.review)

    def start(self) -> None:
        """Wake whom decisions were made about from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Wake nobody any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run_retention(self) -> None:
        """Forget sessions, invites, strikes and notices that are over."""
        await forget(self.review)
        await months.publish_due(self.review)

    async def _run(self) -> None:
        look_at = 0.0
        while True:
            try:
                self._nudges.wake()
                if (now := time.monotonic()) >= look_at:
                    look_at = now + _LOOK_S
                    await unlocking.lock_if_alone(self.review, self._reports)
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "waking failed", bug)
            await asyncio.sleep(_NUDGE_S)


def find_site(settings: Settings, port: int) -> Site:
    """What passkeys are bound to: the host of `front`, on a laptop without one `localhost` and the port in use."""
    if settings.front:
        parts = urlsplit(settings.front)
        return Site(parts.hostname or "localhost", (f"{parts.scheme}://{parts.netloc}",))
    return Site("localhost", (f"http://localhost:{port}",))
