"""`zajil`, which notes when each post reaches which step: what `moderation_latency` starts, in each of its processes.

The product knows nothing of it: functions are wrapped here, one note each, which takes less than 0.1 % of a core. The
notes go into the file that the first argument names once the process ends; the other arguments are those of `zajil`.
Times are of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src")]

STEPS: Final = {
    "arrived": "from the sender to the server's dispatcher",
    "asked": "token, limits and body",
    "begun": "waiting for the writing thread and the turn",
    "committed": "the transaction of the group, its flush, and the event loop",
    "claiming": "until the worker looks",
    "claimed": "the lease",
    "read": "normalising, scoring, signing",
    "judged": "matching, rules, policy",
    "storing": "waiting for the writing thread and the turn",
    "stored": "verdicts and decisions",
    "applied": "carried out in the public space, and the flush",
    "seen": "until the bench looks",
}
"""What the time up to each step is spent on, in order; the clock begins with `sent`."""
_arrived: ContextVar[float] = ContextVar("arrived", default=0.0)


class Notes:
    """Post, step, time; in the order in which they were taken."""

    def __init__(self) -> None:
        self.rows: list[tuple[bytes, str, float]] = []

    def take(self, post_ids: Iterable[bytes], step: str, at: float | None = None) -> None:
        """These posts are at this step, now or then."""
        at = time.perf_counter() if at is None else at
        self.rows += [(bytes(each), step, at) for each in post_ids]


def trace_server(notes: Notes) -> None:
    """Note the steps of taking a post."""
    from zajil.channels import posts
    from zajil.server.http.public_dispatch import PublicDispatcher

    answer, written = PublicDispatcher.answer, posts._written  # noqa: SLF001  # wrapped, not used

    async def answer_traced(self: PublicDispatcher, call: Any) -> Any:
        _arrived.set(time.perf_counter())
        return await answer(self, call)

    async def written_traced(space: Any, work: Callable[[Any], Any]) -> Any:
        asked, begun = time.perf_counter(), 0.0

        def write_traced(db: Any) -> Any:
            nonlocal begun
            begun = time.perf_counter()
            return work(db)

        view = await written(space, write_traced)
        for step, at in (("arrived", _arrived.get()), ("asked", asked), ("begun", begun), ("committed", None)):
            notes.take([view.post_id], step, at)
        return view

    PublicDispatcher.answer = answer_traced  # type: ignore[method-assign]
    posts._written = written_traced  # noqa: SLF001  # as above


def trace_worker(notes: Notes) -> None:
    """Note the steps of judging a batch."""
    from zajil.channels import outbox
    from zajil.moderation.pipeline import judging, storing, worker

    claim, judge, store = outbox.claim, judging.judge_batch, storing.store_batch
    decide, concluded = worker.Worker._decide, worker.Worker._concluded  # noqa: SLF001  # as above

    async def claim_traced(*arguments: Any, **named: Any) -> list[outbox.Job]:
        begun = time.perf_counter()
        jobs = await claim(*arguments, **named)
        notes.take((job.post.post_id for job in jobs), "claiming", begun)
        notes.take((job.post.post_id for job in jobs), "claimed")
        return jobs

    async def decide_traced(self: worker.Worker, jobs: Sequence[Any], *rest: Any) -> Any:
        notes.take((job.post.post_id for job in jobs), "read")
        return await decide(self, jobs, *rest)

    def judge_traced(*arguments: Any, **named: Any) -> Any:
        judged = judge(*arguments, **named)
        notes.take((each.post.post_id for each in judged), "judged")
        return judged

    def store_traced(moderation: Any, db: Any, batch: Sequence[Any], **named: Any) -> Any:
        notes.take((each.post.post_id for each in batch), "storing")
        answers = store(moderation, db, batch, **named)
        notes.take((each.post.post_id for each in batch), "stored")
        return answers

    def concluded_traced(self: worker.Worker, jobs: Sequence[Any], topics: set[bytes]) -> None:
        notes.take((job.post.post_id for job in jobs), "applied")
        concluded(self, jobs, topics)

    outbox.claim, storing.store_batch = claim_traced, store_traced
    worker.judge_batch = judge_traced  # type: ignore[attr-defined]  # the name that the worker calls
    worker.Worker._decide = decide_traced  # type: ignore[method-assign, assignment]  # noqa: SLF001  # as above
    worker.Worker._concluded = concluded_traced  # type: ignore[method-assign]  # noqa: SLF001  # as above


def main() -> None:
    """Run `zajil`, traced."""
    out = Path(sys.argv.pop(1))
    notes = Notes()
    trace_server(notes)
    trace_worker(notes)
    from zajil.cli.main import main as run

    try:
        run()
    finally:
        out.write_bytes(msgspec.msgpack.encode(notes.rows))


if __name__ == "__main__":
    main()
