"""The worker: takes versions from the outbox, judges them, and hands back what is to become of them.

Life of a batch: claim (at most 512, after 10 ms in which it fills) -> read, in other processes -> match, rules, policy
-> (1) one transaction here stores verdicts, decisions and queue -> (2) the public space carries decisions out, once by
their ids -> (3) the outbox forgets the rows. A worker that dies anywhere loses its lease, and the batch comes again: a
version that has a verdict is not judged twice, it gets the answer that is stored. So no post is skipped and nothing is
decided twice; `tests/moderation/pipeline/test_kill.py` kills real processes at each of the three points.

A batch whose reading fails is split in halves down to the post that does it. That one is tried alone three times, and
three times more where it takes the whole process with it; then it is held, or stays visible where its author is
established, and goes to people as `error`.

A person's judgement that comes while a batch is on its way is not missed: the transaction of (1) reads the trail of
changes and matches the batch again if there are any. Source: design/moderation.md 10.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.decide.decide import Decisions, decide_in, hand_over, spread_all
from zajil.moderation.decide.orders import post_decision
from zajil.moderation.match.urls import find_domain
from zajil.moderation.pipeline import storing
from zajil.moderation.pipeline.benches import Benches
from zajil.moderation.pipeline.judging import Bench, Judged, judge_batch, wants_second_look
from zajil.moderation.pipeline.matcher import Joined, Matcher
from zajil.moderation.pipeline.reading import Readers, Reading, settle_memory
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Figures, Job, LaterStage, NoFigures, Point, Source
from zajil.moderation.signals import Signal, signal
from zajil.moderation.store import decisions, queue, verdicts
from zajil.protocol.public.posts import PostDecision

_LOG = logging.getLogger(__name__)
BATCH_MAX: Final = 512
FILL_S: Final = 0.010
LEASE_S: Final = 30.0
POLL_S: Final = 0.25
ALONE_AFTER: Final = 3
"""Attempts after which a version is read alone."""
ATTEMPTS_MAX: Final = 6
BUSY: Final = 50_000
"""Versions waiting above which stages 4 and 5 pause."""
_UPKEEP_S: Final = 1.0
_RETRY_S: Final = 1.0


@dataclass(kw_only=True)
class Worker:
    """One deployment has one that matches; see the module.

    later: stages 4 and 5, those that are there. reached: told where a batch is, for tests that kill the process.
    """

    moderation: Decisions
    source: Source
    readers: Readers
    benches: Benches
    sampler: Sampler
    later: Sequence[LaterStage] = ()
    figures: Figures = field(default_factory=NoFigures)
    reached: Callable[[Point], None] = lambda _point: None
    matcher: Matcher = field(default_factory=Matcher)
    _busy: bool = False
    _claimed: list[int] = field(default_factory=list)
    _finishing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load models and memory, and finish what a worker before left undone."""
        await self.readers.start()
        self.matcher = await self.moderation.db.read(lambda db: Matcher.load(db, now=self.moderation.clock()))
        await self.moderation.db.read(self.benches.load)
        await hand_over(self.moderation)
        await spread_all(self.moderation)
        # The list of public suffixes is read at the first link, which would wait for it.
        await asyncio.to_thread(find_domain, "example.com")
        settle_memory()

    async def run(self) -> None:
        """Work until cancelled."""
        upkeep_at = 0.0
        while True:
            try:
                if time.monotonic() >= upkeep_at:
                    await self.keep_up()
                    upkeep_at = time.monotonic() + _UPKEEP_S
                if await self.work_once() == 0:
                    await self.source.wait(POLL_S)
                    await asyncio.sleep(FILL_S)
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                _LOG.error("the moderation worker failed", exc_info=bug)
                await asyncio.sleep(_RETRY_S)

    async def stop(self) -> None:
        """Give back what was under way, and end the reading processes. Call after `run` was cancelled."""
        with suppress(Exception):  # what is not finished comes again, and is answered from what is stored
            await self._finished()
        await self.source.give_back(self._claimed)
        await self.readers.stop()

    async def keep_up(self) -> None:
        """What time brings: holds that are over, copies that follow a judgement, decisions not carried out yet."""
        backlog = await self.source.backlog()
        self.figures.note_backlog(backlog)
        self._busy = backlog.waiting > BUSY
        await hand_over(self.moderation)
        await spread_all(self.moderation)
        while over := await self.source.holds_over(BATCH_MAX):

            def write(db: Connection, over: Sequence[tuple[bytes, int]] = over) -> int:
                orders = [storing.end_hold(db, target, version) for target, version in over]
                decide_in(self.moderation, db, [order for order in orders if order is not None])
                return sum(order is not None for order in orders)

            ended = await self.moderation.db.write(write)
            await hand_over(self.moderation)
            if not ended:
                return

    async def work_once(self) -> int:
        """Judge what waits now, one batch at most; how many versions it was."""
        begun = time.perf_counter()
        jobs = list(await self.source.claim(BATCH_MAX, LEASE_S))
        if not jobs:
            await self._finished()
            return 0
        self._claimed = [job.seq for job in jobs]
        self.reached("claimed")
        known = await self._answer_known(jobs)
        rest = [job for job in jobs if job.seq not in known]
        worn = [job for job in rest if job.attempts > ATTEMPTS_MAX]
        alone = [job for job in rest if ALONE_AFTER < job.attempts <= ATTEMPTS_MAX]
        together = [job for job in rest if job.attempts <= ALONE_AFTER]
        for job in worn:
            await self._give_up(job)
        for some in [together, *[[job] for job in alone]]:
            if some:
                await self._judge(some)
        self._claimed = []
        self.figures.note_batch(time.perf_counter() - begun)
        return len(jobs)

    async def _answer_known(self, jobs: Sequence[Job]) -> set[int]:
        """Hand out again what is stored about versions that come once more; their seqs."""
        again = [job for job in jobs if job.attempts > 1]
        if not again:
            return set()

        def read(db: Connection) -> dict[int, PostDecision]:
            rows = verdicts.find_verdicts(db, [(job.post.post_id, job.post.version) for job in again])
            return {
                job.seq: storing.stored_answer(db, row)
                for job in again
                if (row := rows.get((job.post.post_id, job.post.version))) is not None
            }

        answers = await self.moderation.db.read(read)
        if answers:
            await self._tell(list(answers), list(answers.values()))
        return set(answers)

    async def _judge(self, jobs: Sequence[Job]) -> None:
        """Read, judge, store, tell. What cannot be read is given back, or given up."""
        bench = self.benches.bench
        for some, readings in await self._read(jobs, bench):
            await self._decide(some, readings, bench)

    async def _read(self, jobs: Sequence[Job], bench: Bench) -> list[tuple[Sequence[Job], list[Reading]]]:
        """The readings of these jobs, in pieces where some could not be read."""
        try:
            readings = await self.readers.read([job.post.text for job in jobs], bench.levels)
        except Exception as cause:  # noqa: BLE001  # whatever a text did to a library: only that text may suffer
            if len(jobs) == 1:
                _LOG.error("a post cannot be read", exc_info=cause)
                if jobs[0].attempts >= ALONE_AFTER:
                    await self._give_up(jobs[0])
                else:
                    await self.source.give_back([jobs[0].seq])
                return []
            half = len(jobs) // 2
            return [*await self._read(jobs[:half], bench), *await self._read(jobs[half:], bench)]
        return [(jobs, readings)]

    async def _decide(self, jobs: Sequence[Job], readings: Sequence[Reading], bench: Bench) -> None:
        posts = [job.post for job in jobs]
        now = self.moderation.clock()
        digests = [reading.digest for reading in readings if reading.digest is not None]
        joined = self.matcher.add_batch(posts, readings, now=now)
        copies = await self.moderation.db.read(lambda db: verdicts.count_channels(db, digests))
        for post, reading in zip(posts, readings, strict=True):
            if reading.digest is not None:
                copies.setdefault(reading.digest, set()).add(post.channel_id)

        def judge(joined: Sequence[Joined | None], later: dict[int, tuple[Signal, ...]]) -> list[Judged]:
            return judge_batch(bench, self.matcher, posts, readings, joined=joined, copies=copies, now=now, later=later)

        batch = judge(joined, {})
        later = await self._look_again(batch, bench)
        if later:
            batch = judge(joined, later)

        def write(db: Connection) -> tuple[list[Judged], list[PostDecision]]:
            final = batch
            if self.matcher.refresh(db):
                final = judge(self.matcher.add_batch(posts, readings, now=now), later)
            answers = storing.store_batch(
                self.moderation, db, final, policy=bench.policy, sampler=self.sampler, now=int(now)
            )
            self.benches.refresh(db)
            return final, answers

        final, answers = await self.moderation.db.write(write)
        self.reached("stored")
        await self._tell([job.seq for job in jobs], answers)
        self._count(final, now)

    async def _tell(self, seqs: Sequence[int], answers: Sequence[PostDecision]) -> None:
        """The second and third commit points."""
        await self.source.apply(answers)
        self.reached("applied")
        decided = [each.decision_id for each in answers if each.effect != "allow"]
        await self._finished()
        # Nobody waits for this one: the next batch is claimed and read meanwhile.
        self._finishing = asyncio.create_task(self._finish(seqs, decided))

    async def _finish(self, seqs: Sequence[int], decided: Sequence[bytes]) -> None:
        # Their rows in `handover` are done with as well; one that stays is handed over once more, which does no harm.
        forget = self.moderation.db.write(lambda db: decisions.delete_handovers(db, decided))
        await asyncio.gather(self.source.finish(seqs), forget)
        self.reached("finished")

    async def _finished(self) -> None:
        """Return once the batch before is forgotten by the outbox; raises what that raised."""
        finishing = self._finishing
        if finishing is None:
            return
        try:
            await asyncio.shield(finishing)
        finally:
            if finishing.done():
                self._finishing = None

    async def _look_again(self, batch: Sequence[Judged], bench: Bench) -> dict[int, tuple[Signal, ...]]:
        """Signals of the later stages, by place in the batch. A stage that fails is skipped, and says so."""
        found: dict[int, tuple[Signal, ...]] = {}
        if self._busy or not self.later:
            return found
        share = bench.policy.defaults.audit_sample
        chosen = [
            number
            for number, each in enumerate(batch)
            if wants_second_look(
                each,
                bench.policy,
                sampled=self.sampler.draws("allowed", each.post.post_id, each.post.version, share),
            )
        ]
        if not chosen:
            return found
        for stage in self.later:
            try:
                looked = await stage.look([batch[number] for number in chosen])
            except Exception as cause:  # noqa: BLE001  # an optional stage: whatever fails, the cascade goes on
                _LOG.warning("stage %s was skipped: %s", stage.name, type(cause).__name__)
                self.figures.count_skipped(stage.name)
                looked = [(signal("skipped", stage.name),)] * len(chosen)
            for number, more in zip(chosen, looked, strict=True):
                found[number] = (*found.get(number, ()), *more)
        return found

    async def _give_up(self, job: Job) -> None:
        """A version that nothing can read goes to people."""
        _LOG.error("a post went to people unread after %d attempts", job.attempts)
        now = self.moderation.now()

        def write(db: Connection) -> list[PostDecision]:
            order, item = storing.give_up(job.post, now=now)
            (decided,) = decide_in(self.moderation, db, [order])
            queue.open_item(db, item)
            answer = post_decision(decided.row)
            return [answer] if answer is not None else []

        await self._tell([job.seq], await self.moderation.db.write(write))

    def _count(self, batch: Sequence[Judged], now: float) -> None:
        for each in batch:
            effect = each.action.effect
            self.figures.count_post(each.verdict.lang, each.verdict.stage, effect)
            self.figures.note_delay(max(0.0, now - each.post.created_at))
            if effect != "allow":
                self.figures.count_decision(effect, each.action.category, each.action.source)
