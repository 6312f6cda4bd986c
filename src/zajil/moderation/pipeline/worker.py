"""The worker: takes versions from the outbox, judges them, and hands back what is to become of them.

Life of a batch: claim (at most 512, some ms after the batch before) -> read, in other processes -> match, rules,
policy -> one transaction stores verdicts, decisions and queue, carries the decisions out in the public space, and has
the outbox forget the rows. A worker that dies before its COMMIT loses its lease, and the batch comes again; one that
dies after it has done everything. So no post is skipped and nothing is decided twice;
`tests/moderation/pipeline/test_kill.py` kills real processes at each point. A version that comes again and has a
verdict, as others may store one, is not judged twice: it gets the answer that is stored.

A batch whose reading, judging, storing or carrying out fails is split in halves down to the post that does it. That one
is tried alone three times, and three times more where it takes the whole process with it; then it is held, or stays
visible where its author is established, and goes to people as `error`. Where the machine fails (a full disk, a database
that somebody else holds, no process to read) no post is to blame: the batch is put back and comes again, and the
attempt does not count.

Stages 4 and 5 look beside: the posts that need them wait for them, the rest of the batch does not.

A person's judgement that comes while a batch is on its way is not missed: that transaction reads the trail of changes
and matches the batch again if there are any. Source: design/moderation.md 10.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias, TypeVar

from sqlalchemy import Connection

from zajil.engine.sql.database import is_outage, tell_failure
from zajil.moderation.decide.decide import Decisions, decide_in, hand_over, spread_all
from zajil.moderation.decide.orders import post_decision
from zajil.moderation.match.urls import find_domain
from zajil.moderation.pipeline import storing
from zajil.moderation.pipeline.benches import Benches
from zajil.moderation.pipeline.judging import Bench, Judged, judge_batch
from zajil.moderation.pipeline.matcher import Matcher
from zajil.moderation.pipeline.readers import NoReaderError, Readers
from zajil.moderation.pipeline.reading import Reading, settle_memory
from zajil.moderation.pipeline.second import choose_aside, look_again
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Figures, Job, LaterStage, NoFigures, Point, Source
from zajil.moderation.signals import Signal
from zajil.moderation.store import decisions, queue, verdicts
from zajil.protocol.public.posts import PostDecision

_LOG = logging.getLogger(__name__)
BATCH_MAX: Final = 512
FILL_S: Final = 0.010
"""From the beginning of a batch to the next one: what comes alone waits for no company, and what comes fast is together
while the batch before it is judged."""
LEASE_S: Final = 30.0
POLL_S: Final = 0.25
ALONE_AFTER: Final = 3
"""Attempts after which a version is read alone."""
ATTEMPTS_MAX: Final = 6
BUSY: Final = 50_000
"""Versions waiting above which stages 4 and 5 pause."""
BESIDE_MAX: Final = 64
"""Versions that wait for stages 4 and 5 at once; what comes beyond goes without."""
T = TypeVar("T")
Looked = Mapping[int, tuple[Signal, ...]]
"""By the seq of a job what stages 4 and 5 found."""
_UPKEEP_S: Final = 1.0
_RETRY_S: Final = 1.0


_Aside: TypeAlias = tuple[Job, Reading, Judged]


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
    _claimed: set[int] = field(default_factory=set)
    _beside: dict[asyncio.Task[None], frozenset[int]] = field(default_factory=dict)
    # Matcher and counters are not safe for threads: who works with them has this, from matching to COMMIT.
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Matching and rules take their time, which the event loop is not to wait: it may be the server's.
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="zajil-judge"))

    async def start(self) -> None:
        """Load models and memory, and finish what a worker before left undone."""
        await self.moderation.db.read(self.benches.load)
        await self._apart(partial(self.moderation.db.read_sync, self._load))
        await hand_over(self.moderation)
        await spread_all(self.moderation)
        # The list of public suffixes is read at the first link, which would wait for it.
        await self._apart(partial(find_domain, "example.com"))
        await self.readers.start()  # last: what fails before, and is tried again, leaves no processes behind
        settle_memory()

    def _load(self, db: Connection) -> None:
        self.matcher = Matcher.load(db, now=self.moderation.clock())

    async def run(self) -> None:
        """Work until cancelled."""
        upkeep_at = next_at = 0.0
        while True:
            try:
                if time.monotonic() >= upkeep_at:
                    upkeep_at = time.monotonic() + _UPKEEP_S  # before it, so that what fails there holds up no post
                    await self.keep_up()
                begun = time.monotonic()
                if await self.work_once():
                    next_at = begun + FILL_S
                await self.source.wait(POLL_S)
                await asyncio.sleep(next_at - time.monotonic())  # not at all where that is over
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "the moderation worker failed", bug)
                await asyncio.sleep(_RETRY_S)
                with suppress(Exception):  # what cannot be put back now comes again when its lease ends
                    await self._put_back()

    async def stop(self) -> None:
        """Give back what was under way, and end the reading processes. Call after `run` was cancelled."""
        beside = list(self._beside)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._put_back()
        await self.readers.stop()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def settle(self) -> None:
        """Return once no later stage looks any more, and what they looked at is decided."""
        while self._beside:
            await asyncio.gather(*self._beside)

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
        """Judge what waits now, one batch at most; how many versions it was. Later stages may look on: `settle`."""
        begun = time.perf_counter()
        jobs = list(await self.source.claim(BATCH_MAX, LEASE_S))
        if not jobs:
            return 0
        self._claimed |= {job.seq for job in jobs}
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
        self.figures.note_batch(time.perf_counter() - begun)
        return len(jobs)

    async def _put_back(self) -> None:
        """Let go of what was claimed and is not decided, as if never given out; what a stage looks at stays."""
        looked_at = frozenset[int]().union(*self._beside.values())
        seqs = sorted(self._claimed - looked_at)
        await self.source.put_back(seqs)
        self._claimed.difference_update(seqs)

    async def _apart(self, work: Callable[[], T]) -> T:
        """What this gives, in the thread that judges."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

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
            await self._answer([job for job in again if job.seq in answers], list(answers.values()))
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
        except NoReaderError:
            raise
        except Exception as cause:  # noqa: BLE001  # whatever a text did to a library: only that text may suffer
            if len(jobs) == 1:
                await self._try_again(jobs[0], cause)
                return []
            half = len(jobs) // 2
            return [*await self._read(jobs[:half], bench), *await self._read(jobs[half:], bench)]
        return [(jobs, readings)]

    async def _decide(
        self, jobs: Sequence[Job], readings: Sequence[Reading], bench: Bench, looked: Looked | None = None
    ) -> None:
        """Match, judge, store and tell: together, or in halves down to the version that makes it fail.

        looked: what later stages found about these; None while none has looked.
        """
        try:
            aside = await self._store(jobs, readings, bench, looked)
        except Exception as cause:
            if is_outage(cause):
                raise
            if len(jobs) == 1:
                await self._try_again(jobs[0], cause)
                return
            half = len(jobs) // 2
            await self._decide(jobs[:half], readings[:half], bench, looked)
            await self._decide(jobs[half:], readings[half:], bench, looked)
            return
        if aside:
            self._look_beside(aside, bench)

    async def _store(
        self, jobs: Sequence[Job], readings: Sequence[Reading], bench: Bench, looked: Looked | None
    ) -> Sequence[_Aside]:
        """Match, judge and store. Versions that need a second look are given back instead."""
        async with self._deciding:
            since, change, policy = self.matcher.added, self.matcher.change, self.benches.change
            try:
                return await self._store_matched(jobs, readings, bench, looked)
            except Exception:
                # What was rolled back would make a campaign of posts that nobody sees.
                await self._apart(partial(self.matcher.undo, [job.post for job in jobs], since=since))
                if self.matcher.change != change:
                    self.matcher.doubt()
                if self.benches.change != policy:
                    self.benches.doubt()
                raise

    async def _store_matched(
        self, jobs: Sequence[Job], readings: Sequence[Reading], bench: Bench, looked: Looked | None
    ) -> Sequence[_Aside]:
        now = self.moderation.clock()
        copies: dict[bytes, set[bytes]] = {}

        def judge() -> list[Judged]:
            posts = [job.post for job in jobs]
            joined = self.matcher.add_batch(posts, readings, now=now)
            later = {n: looked[job.seq] for n, job in enumerate(jobs) if looked and job.seq in looked}
            return judge_batch(bench, self.matcher, posts, readings, joined=joined, copies=copies, now=now, later=later)

        def count_and_judge() -> list[Judged]:
            copies.update(self.moderation.db.read_kept(partial(_count_channels, jobs=jobs, readings=readings)))
            return judge()

        batch = await self._apart(count_and_judge)
        chosen = self._choose(batch, bench) if looked is None else frozenset()
        aside = [(jobs[n], readings[n], batch[n]) for n in sorted(chosen)]
        kept = [n for n in range(len(jobs)) if n not in chosen]
        jobs, readings, batch = [jobs[n] for n in kept], [readings[n] for n in kept], [batch[n] for n in kept]

        def write(db: Connection) -> tuple[list[Judged], set[bytes]]:
            final = judge() if self.matcher.refresh(db) else batch
            answers = storing.store_batch(
                self.moderation, db, final, policy=bench.policy, sampler=self.sampler, now=int(now)
            )
            self.benches.refresh(db)
            return final, self._conclude(db, jobs, answers)

        if jobs:
            final, topics = await self.moderation.db.write(write)
            self._count(final, now)
            self._concluded(jobs, topics)
        return aside

    def _conclude(self, db: Connection, jobs: Sequence[Job], answers: Sequence[PostDecision]) -> set[bytes]:
        """Carry decisions out and forget their jobs, in the transaction that stored them; whom to wake after it."""
        topics = self.source.carry_out(db, answers)
        decisions.delete_handovers(db, [each.decision_id for each in answers if each.effect != "allow"])
        self.source.forget(db, [job.seq for job in jobs])
        self.reached("storing")
        return topics

    def _concluded(self, jobs: Sequence[Job], topics: set[bytes]) -> None:
        self.reached("stored")
        self._claimed.difference_update(job.seq for job in jobs)
        self.source.woken(topics)

    async def _answer(self, jobs: Sequence[Job], answers: Sequence[PostDecision]) -> None:
        """Carry out what was stored before; in halves down to the decision that cannot be."""
        try:
            topics = await self.moderation.db.write(lambda db: self._conclude(db, jobs, answers))
        except Exception as cause:
            if is_outage(cause):
                raise
            if len(jobs) == 1:
                await self._leave_to_people(jobs[0], cause)
                return
            half = len(jobs) // 2
            await self._answer(jobs[:half], answers[:half])
            await self._answer(jobs[half:], answers[half:])
            return
        self._concluded(jobs, topics)

    # Stages 4 and 5

    def _choose(self, batch: Sequence[Judged], bench: Bench) -> frozenset[int]:
        """Which of the batch leave it for a second look, by place."""
        if self._busy or not self.later:
            return frozenset()
        room = BESIDE_MAX - sum(len(seqs) for seqs in self._beside.values())
        return choose_aside(batch, bench.policy, self.sampler, room=room)

    def _look_beside(self, chosen: Sequence[_Aside], bench: Bench) -> None:
        task = asyncio.create_task(self._look_and_decide(chosen, bench))
        self._beside[task] = frozenset(job.seq for job, _, _ in chosen)
        task.add_done_callback(lambda done: self._beside.pop(done, None))

    async def _look_and_decide(self, chosen: Sequence[_Aside], bench: Bench) -> None:
        jobs, readings = [job for job, _, _ in chosen], [reading for _, reading, _ in chosen]
        try:
            found = await look_again(self.later, [judged for _, _, judged in chosen], self.figures)
            looked = {job.seq: more for job, more in zip(jobs, found, strict=True)}
            await self._decide(jobs, readings, bench, looked)
        except Exception as bug:  # noqa: BLE001  # the boundary of a background task: what is left comes again
            _LOG.error("posts that were looked at again could not be decided", exc_info=bug)

    # What fails

    async def _try_again(self, job: Job, cause: Exception) -> None:
        """A version that nothing can judge comes again, and goes to people when it has come often enough."""
        _LOG.error("a post cannot be judged", exc_info=cause)
        if job.attempts >= ALONE_AFTER:
            await self._give_up(job)
        else:
            await self.source.give_back([job.seq])
            self._claimed.discard(job.seq)

    async def _give_up(self, job: Job) -> None:
        """A version that nothing can judge goes to people, held unless its author is established."""
        _LOG.error("a post went to people unread after %d attempts", job.attempts)
        now = self.moderation.now()

        def write(db: Connection) -> set[bytes]:
            order, item = storing.give_up(job.post, now=now)
            (decided,) = decide_in(self.moderation, db, [order])
            queue.open_item(db, item)
            answer = post_decision(decided.row)
            return self._conclude(db, [job], [answer] if answer is not None else [])

        try:
            topics = await self.moderation.db.write(write)
        except Exception as cause:
            if is_outage(cause):
                raise
            await self._leave_to_people(job, cause)
            return
        self._concluded([job], topics)

    async def _leave_to_people(self, job: Job, cause: Exception) -> None:
        """A version about which nothing can be carried out stays as it is until somebody looks."""
        _LOG.error("nothing can be carried out about a post", exc_info=cause)
        _, item = storing.give_up(job.post, now=self.moderation.now())

        def write(db: Connection) -> None:
            queue.open_item(db, item)
            self.source.forget(db, [job.seq])

        await self.moderation.db.write(write)
        self._claimed.discard(job.seq)

    def _count(self, batch: Sequence[Judged], now: float) -> None:
        for each in batch:
            effect = each.action.effect
            self.figures.count_post(each.verdict.lang, each.verdict.stage, effect)
            self.figures.note_delay(max(0.0, now - each.post.created_at))
            if effect != "allow":
                self.figures.count_decision(effect, each.action.category, each.action.source)


def _count_channels(db: Connection, *, jobs: Sequence[Job], readings: Sequence[Reading]) -> dict[bytes, set[bytes]]:
    """In which channels the texts of these stand, by digest: those stored, and these."""
    found = verdicts.count_channels(db, [each.digest for each in readings if each.digest is not None])
    for job, reading in zip(jobs, readings, strict=True):
        if reading.digest is not None:
            found.setdefault(reading.digest, set()).add(job.post.channel_id)
    return found
