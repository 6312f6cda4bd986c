"""Moderation of one server, wired to its public space: as a task of the server, or as a process of its own.

Moderation and public space never import each other; what one needs of the other is a callable made here. This module
needs the extra, so it is imported only where moderation is on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from zajil.channels import outbox, publishing
from zajil.channels.context import Channels
from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.engine.sql import marks
from zajil.engine.sql.database import Database, tell_failure
from zajil.moderation.decide.decide import Decisions, decide_in, hand_over, spread_all
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.pipeline import upkeep
from zajil.moderation.pipeline.benches import Benches
from zajil.moderation.pipeline.judge import Judge
from zajil.moderation.pipeline.readers import open_readers, spare_cores
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Backlog, Figures, LaterStage, NoFigures, Point, Source
from zajil.moderation.pipeline.worker import Worker
from zajil.moderation.review.aftermath import Aftermath
from zajil.moderation.statistics.publish import keep_final
from zajil.moderation.store import log
from zajil.protocol.public.posts import ChannelDecision, PublicPost
from zajil.protocol.tlog.checkpoint import NoteKey
from zajil.server.config import ConfigError, ModerationSettings, ModerationWorker, Settings
from zajil.server.http.transparency import Transparency
from zajil.server.review.space_view import Nudges, view_space

_LOG = logging.getLogger(__name__)
_UPKEEP_S = 1.0
_RETRY_S: Final = 5.0
_LOOK_S: Final[dict[ModerationWorker, float]] = {"apart": 0.02, "child": 0.25}
"""How often a process of its own looks: a row by a reading connection. `apart` hears of no wake-up."""
_LOOK_CLOSELY_S: Final = 0.003
"""The same while posts keep coming."""
_CLOSELY_FOR_S: Final = 2.0


class Outbox:
    """The public space's outbox as the worker takes it. `listen` before the first claim, so that no wake-up is lost.

    look_s: how often to look whether something waits; None where whoever writes wakes the worker.
    """

    def __init__(self, space: Channels, *, look_s: float | None = None) -> None:
        self._space = space
        self._look_s = look_s
        self._stack = ExitStack()
        self._woken = asyncio.Event()
        self._closely_until = 0.0

    def listen(self) -> None:
        """Be woken from now on."""
        self._woken = self._stack.enter_context(self._space.wakeups.listening([publishing.QUEUE]))

    def close(self) -> None:
        """Be woken no more."""
        self._stack.close()

    def source(self) -> Source:
        """The callables."""
        return Source(
            claim=self._claim,
            give_back=lambda seqs: outbox.give_back(self._space, seqs),
            put_back=lambda seqs: outbox.put_back(self._space, seqs),
            wait=self._wait,
            carry_out=lambda db, batch: outbox.carry_out(self._space, db, batch)[1],
            forget=outbox.forget,
            woken=self._space.wakeups.wake,
            holds_over=self._holds_over,
            backlog=self._backlog,
        )

    async def _claim(self, limit: int, lease_s: float) -> Sequence[outbox.Job]:
        self._woken.clear()
        jobs = await outbox.claim(self._space, limit=limit, lease_s=lease_s, now=self._space.clock())
        if jobs:
            self._closely_until = time.monotonic() + _CLOSELY_FOR_S
        return jobs

    async def _wait(self, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while (left_s := end - time.monotonic()) > 0 and not await outbox.is_waiting(self._space):
            look_s = self._look_s or left_s
            if self._look_s and time.monotonic() < self._closely_until:
                look_s = _LOOK_CLOSELY_S
            try:
                async with asyncio.timeout(min(left_s, look_s)):
                    await self._woken.wait()
                    return
            except TimeoutError:
                continue

    async def _holds_over(self, limit: int) -> list[tuple[bytes, int]]:
        return [(each.post_id, each.version) for each in await outbox.expired_holds(self._space, limit=limit)]

    async def _backlog(self) -> Backlog:
        return Backlog(*await outbox.read_backlog(self._space))


class Moderation:
    """See the module. decisions: the verb, for the review console as well. works: whether it judges posts itself.

    transparency: answers everybody's questions about reports and the log.
    """

    def __init__(
        self,
        data: Path,
        db: Database,
        space: Channels,
        *,
        settings: Settings,
        works: bool,
        figures: Figures | None = None,
        benches: Benches | None = None,
        sampler: Sampler | None = None,
        reached: Callable[[Point], None] = lambda _point: None,
    ) -> None:
        """benches: None for the policy in force. sampler: None for one by this server's key. reached: see `Worker`.

        Raises KeyFileError, ConfigError (the file of the judge's key is not there).
        """
        with marks.unmade(data / FILE_NAME):
            keys = ModerationKeys.load(data / FILE_NAME, create=db.read_sync(log.count_entries) == 0)
            marks.claim(db, [marks.mark_of_log(keys)])
        self.works = works
        self.origin = f"{settings.server_name}/moderation"
        self.benches = benches or Benches()
        self._db = db
        self._space = space
        self._signing = keys.log
        self._outbox = Outbox(space, look_s=_LOOK_S.get(settings.moderation.worker))
        self.nudges = Nudges(space.wakeups.wake)
        self.view = view_space(space, self.nudges)
        self._server = settings.server_name
        self.transparency = Transparency(
            db,
            server=self._server,
            key=NoteKey(self.origin, keys.log.public_key().public_bytes_raw()),
            limits=space.limits,
            clock=space.clock,
        )
        self.decisions = Decisions(
            db=db,
            clock=space.clock,
            random=os.urandom,
            pseudonym_key=keys.pseudonym,
            policy=lambda: self.benches.policy,
            find_post=self._find_post,
            requeue=outbox.requeue,
            apply=lambda batch: outbox.apply_decisions(space, batch),
            woken=lambda: space.wakeups.wake({publishing.QUEUE}),
            settle=Aftermath(space=self.view).settle,
        )
        processes = settings.moderation.processes
        self.worker = Worker(
            moderation=self.decisions,
            source=self._outbox.source(),
            readers=open_readers(spare_cores() if processes < 0 else processes),
            benches=self.benches,
            sampler=sampler or Sampler(keys.sample),
            later=self._make_later(data, settings.moderation),
            figures=figures or NoFigures(),
            reached=reached,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._loading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Judge posts from now on, if it is this process that does; else only carry out what people decide.

        It returns before models and memory are loaded, which takes as long as the last day was busy: posts wait in the
        outbox meanwhile. Raises Malformed for a policy that cannot be read.
        """
        await self._db.read(self.benches.load)
        if self.works:
            self._outbox.listen()
            await outbox.take_over(self._space)
            self._loading = asyncio.create_task(self.worker.start())
            self._tasks.append(asyncio.create_task(self._work(self._loading)))
        else:
            await hand_over(self.decisions)
        self._tasks.append(asyncio.create_task(self._keep_up()))

    async def loaded(self) -> None:
        """Return once posts are judged; raises what kept the first try from it."""
        if self._loading is not None:
            await asyncio.shield(self._loading)

    async def _work(self, loading: asyncio.Task[None]) -> None:
        while True:
            try:
                await loading
                break
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                _LOG.error("moderation could not start, posts wait", exc_info=bug)
                await asyncio.sleep(_RETRY_S)
                loading = asyncio.create_task(self.worker.start())
        await self.worker.run()

    async def stop(self) -> None:
        """Stop at once: what was under way is given back, and comes again."""
        # Loading too: a task that is ended before its first step ends none that it would have waited for.
        tasks = [*self._tasks, *([self._loading] if self._loading is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._outbox.close()
        await self.worker.stop()

    async def run_retention(self) -> None:
        """Keep reports that became final, then forget what has outlived its time."""
        await keep_final(self._db, server=self._server, now=self._space.clock())
        await upkeep.forget(self.decisions)

    def record_channel_decision(self, db: Connection, told: ChannelDecision) -> None:
        """A channel's own moderator decided: kept and logged like every decision, inside that transaction."""
        removed = told.kind == "remove"
        ends = not removed and told.until <= told.at
        post = self._find_post(db, told.target, told.version) if removed else None
        order = Order(
            key=order_key(
                "channel",
                "unmute" if ends else told.kind,
                told.channel_id,
                told.target,
                told.version,
                told.actor,
                told.at,
            ),
            target_kind="post" if removed else "persona",
            target=told.target,
            version=told.version,
            channel_id=told.channel_id,
            author=told.target if not removed else post.author if post is not None else b"",
            action="remove" if removed else "restore" if ends else "mute",
            category="" if ends else "channel_rules",
            source="channel",
            because="channel_rules",
            actor=told.actor,
            note=told.reason,
            hold_until=None if ends else told.until or None,
        )
        decide_in(self.decisions, db, [order])

    def _make_later(self, data: Path, settings: ModerationSettings) -> tuple[LaterStage, ...]:
        if not settings.judge_url:
            return ()
        key = ""
        if settings.judge_key_file:
            try:
                key = (data / settings.judge_key_file).read_text(encoding="utf-8").strip()
            except OSError as missing:
                raise ConfigError(f"moderation.judge_key_file: {missing.strerror}") from missing
        judge = Judge(
            settings.judge_url,
            model=settings.judge_model,
            key=key,
            per_minute=settings.judge_per_minute,
            policy=lambda: self.benches.policy,
        )
        if judge.leaves_the_machine and self.works:
            _LOG.warning("moderation.judge_url is another machine: posts that need a second look leave this server")
        return (judge,)

    def _find_post(self, db: Connection, post_id: bytes, version: int) -> PublicPost | None:
        return outbox.find_post(db, post_id, version, now=self._space.clock())

    async def _keep_up(self) -> None:
        while True:
            try:
                if not self.works:
                    await self._db.read(self.benches.refresh)
                    await hand_over(self.decisions)
                    await spread_all(self.decisions)
                else:
                    self.nudges.wake()
                await upkeep.sign_checkpoint(self.decisions, self._signing, origin=self.origin)
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "moderation's upkeep failed", bug)
            await asyncio.sleep(_UPKEEP_S)
