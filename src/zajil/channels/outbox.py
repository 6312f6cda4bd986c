"""Where moderation takes its work from, and where its decisions are carried out.

Life of a version: written together with its row here -> `claim` gives it to a worker under a lease -> the worker
stores verdict and decision, `carry_out` and `forget` in the same transaction. A worker that dies before it loses its
lease, and the version is given out again. What people decide comes by `apply_decisions` after their own transaction:
so decisions are carried out once by their id, and the same claim twice does no harm.
Source: design/moderation.md 10.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.channels import publishing
from zajil.channels.context import Channels
from zajil.channels.rules import states
from zajil.channels.rules.states import Outcome
from zajil.channels.rules.trust import decide_trust
from zajil.channels.store import feed, posts, queue
from zajil.channels.store.queue import JobRow
from zajil.protocol.ids import PostId
from zajil.protocol.public.posts import PostDecision, PublicPost

BATCH_MAX: Final = 512
_EARLY_SHARE: Final = 4


class Job(NamedTuple):
    """A version to be judged. attempts: how often it was given out, this time included."""

    seq: int
    attempts: int
    post: PublicPost


class Backlog(NamedTuple):
    """waiting: versions not judged yet. oldest_s: age of the one that waits longest, 0 without any."""

    waiting: int
    oldest_s: float


class HeldPost(NamedTuple):
    """A version whose hold has run out."""

    post_id: PostId
    version: int


async def claim(space: Channels, *, limit: int, lease_s: float, now: float) -> list[Job]:
    """At most `limit` versions (512 at most), oldest first, nobody else's until now + lease_s. now: Unix seconds.

    A quarter of the batch goes to authors of whom nothing was accepted yet, if there are any: they wait at the gate.
    """
    limit = min(limit, BATCH_MAX)
    now_ms, until_ms = int(now * 1000), int((now + lease_s) * 1000)

    def write(db: Connection) -> list[Job]:
        early = limit // _EARLY_SHARE
        taken = queue.lease(db, limit=early, early_only=True, now_ms=now_ms, until_ms=until_ms) if early else []
        taken += queue.lease(db, limit=limit - len(taken), early_only=False, now_ms=now_ms, until_ms=until_ms)
        seqs = [each.seq for each in taken]
        jobs = queue.find_jobs(db, seqs)
        gone = list(set(seqs) - {row.seq for row in jobs})
        if gone:
            queue.delete_jobs(db, gone)
        return [_make_job(row, now) for row in jobs]

    # A lease that a power cut takes back is given once more.
    return await space.db.write_unflushed(write)


async def is_waiting(space: Channels) -> bool:
    """Whether there is a version that a worker could take now."""
    return await queue.is_waiting(space.db, now_ms=space.now_ms())


async def finish(space: Channels, seqs: Sequence[int]) -> int:
    """These versions are judged; how many rows there were. A version that was finished already is no error."""
    # A row that a power cut brings back is answered from what is stored.
    return await space.db.write_unflushed(lambda db: forget(db, seqs)) if seqs else 0


def forget(db: Connection, seqs: Sequence[int]) -> int:
    """`finish` inside the caller's transaction, which carries out what was decided about them."""
    return queue.delete_jobs(db, list(seqs)) if seqs else 0


async def give_back(space: Channels, seqs: Sequence[int]) -> None:
    """Somebody may have these versions now; that they were given out counts as an attempt."""
    if seqs:
        await space.db.write(lambda db: queue.release(db, list(seqs)))
        space.wakeups.wake({publishing.QUEUE})


async def put_back(space: Channels, seqs: Sequence[int]) -> None:
    """Somebody may have these versions now, as if they had not been given out: their worker was stopped, or could not
    write, which is no fault of theirs."""
    if seqs:
        await space.db.write(lambda db: queue.put_back(db, list(seqs)))
        space.wakeups.wake({publishing.QUEUE})


async def take_over(space: Channels) -> None:
    """Give out again at once what a worker before this one died with, instead of when its leases end.

    For the one worker of a deployment as it starts: another's versions would be read twice, though decided once.
    """
    await space.db.write(queue.release_all)


def find_post(db: Connection, post_id: bytes, version: int, *, now: float) -> PublicPost | None:
    """One version as a worker would get it now; None once it is gone. Inside the caller's transaction."""
    row = queue.find_judged(db, post_id, version)
    return _make_job(row, now).post if row else None


def requeue(db: Connection, versions: Sequence[tuple[bytes, int]]) -> None:
    """Have these versions (post, number) judged once more: what is known about them changed.

    Inside the caller's transaction; the caller wakes `publishing.QUEUE` after it.
    """
    for post_id, version in versions:
        queue.requeue(db, post_id, version)


async def apply_decisions(space: Channels, batch: Sequence[PostDecision]) -> tuple[Outcome, ...]:
    """What became of each decision, in order. All in one transaction; followers are woken after it.

    `applied`: post, versions, search, counters and events are as the decision says. `repeated`: they were already, or
    a later decision changed them since. `outdated`: about a version nobody sees any more; at most its text leaves the
    history. `outranked`: a person decided about this version. `gone`: no such post, or deleted.
    """

    outcomes, topics = await space.db.write(lambda db: carry_out(space, db, batch))
    space.wakeups.wake(topics)
    return tuple(outcomes)


def carry_out(
    space: Channels, db: Connection, batch: Sequence[PostDecision]
) -> tuple[list[Outcome], publishing.Topics]:
    """`apply_decisions` inside the caller's transaction: what became of each, and whom to wake after COMMIT."""
    fresh = feed.note_applied(db, [each.decision_id for each in batch], now=space.now())
    rows = posts.find_posts(db, [each.post_id for each in batch if each.decision_id in fresh])
    settlement = publishing.Settlement(space)
    outcomes: list[Outcome] = []
    for decision in batch:
        row = rows.get(decision.post_id)
        if decision.decision_id not in fresh:
            outcomes.append("repeated")
            continue
        fresh.remove(decision.decision_id)
        outcome = states.find_outcome(row.now, decision) if row is not None else "gone"
        outcomes.append(outcome)
        if row is None:
            continue
        if outcome == "applied":
            rows[row.id] = settlement.add(row, states.decide(row.now, decision))
        elif outcome == "outdated" and states.closes(decision):
            settlement.close(row.id, decision.version)
    return outcomes, settlement.write(db)


async def expired_holds(space: Channels, *, limit: int) -> list[HeldPost]:
    """Held versions whose `hold_until` is over: moderation decides about each, `limit` by its policy."""
    found = await space.db.read(lambda db: posts.holds_over(db, now=space.now(), limit=limit))
    return [HeldPost(row.id, row.now.version) for row in found]


async def read_backlog(space: Channels) -> Backlog:
    """How much waits, for metrics and back-pressure."""

    def read(db: Connection) -> Backlog:
        oldest = queue.oldest_waiting(db)
        return Backlog(queue.count_waiting(db), max(0.0, space.clock() - oldest) if oldest is not None else 0.0)

    return await space.db.read(read)


async def wait_for_work(space: Channels, *, timeout_s: float) -> None:
    """Return when something was written, or after so many seconds; a wake-up may be lost, so look either way."""
    with space.wakeups.listening([publishing.QUEUE]) as woken:
        try:
            async with asyncio.timeout(timeout_s):
                await woken.wait()
        except TimeoutError:
            return


def _make_job(row: JobRow, now: float) -> Job:
    trust = decide_trust(created_at=row.created_at, accepted=row.accepted, strike_until=row.strike_until, now=now)
    post = PublicPost(
        post_id=row.post_id,
        version=row.version,
        channel_id=row.channel_id,
        author=row.author,
        text=row.text,
        lang=row.lang,
        created_at=row.at,
        thread_root=row.thread_root,
        reply_to=row.reply_to,
        trust=trust,
        role=row.role or "subscriber",
        first=row.accepted < 1,
        channel_kind=row.channel_kind,
        channel_lang=row.channel_lang,
        subscribers=row.subscribers,
        channel_handle=row.handle,
    )
    return Job(row.seq, row.attempts, post)
