"""What the worker needs of others: where work comes from, who looks again, and who counts. Each has real callables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from sqlalchemy import Connection

from zajil.moderation.pipeline.judging import Judged
from zajil.moderation.signals import Signal
from zajil.protocol.public.posts import PostDecision, PublicPost

Point: TypeAlias = Literal["claimed", "storing", "stored"]


class Job(Protocol):
    """A version to be judged. attempts: how often it was given out, this time included."""

    @property
    def seq(self) -> int: ...  # the class says it

    @property
    def attempts(self) -> int: ...

    @property
    def post(self) -> PublicPost: ...


class Backlog(NamedTuple):
    """waiting: versions not judged yet. oldest_s: age of the one that waits longest."""

    waiting: int
    oldest_s: float


@dataclass(frozen=True, kw_only=True)
class Source:
    """The outbox of the public space, as callables.

    claim: up to so many versions under a lease of so many seconds. wait: until something was written, or so many
    seconds. give_back: somebody may have these now, and this attempt counts; put_back: it does not. holds_over: post
    and version of holds whose time is over.

    Inside the caller's transaction: carry_out does what decisions say, once by their ids, and gives what `woken` is
    called with after COMMIT; forget ends the work on these.
    """

    claim: Callable[[int, float], Awaitable[Sequence[Job]]]
    give_back: Callable[[Sequence[int]], Awaitable[None]]
    put_back: Callable[[Sequence[int]], Awaitable[None]]
    wait: Callable[[float], Awaitable[None]]
    carry_out: Callable[[Connection, Sequence[PostDecision]], set[bytes]]
    forget: Callable[[Connection, Sequence[int]], object]
    woken: Callable[[set[bytes]], None]
    holds_over: Callable[[int], Awaitable[Sequence[tuple[bytes, int]]]]
    backlog: Callable[[], Awaitable[Backlog]]


class LaterStage(Protocol):
    """Stage 4 or 5: looks again at the few that need it. name: in `skipped` signals and figures."""

    name: str

    async def look(self, posts: Sequence[Judged]) -> list[tuple[Signal, ...]]:
        """More signals for each post, none where it adds nothing. Raises anything; then the stage is skipped."""
        ...


class Figures(Protocol):
    """Who counts. No ids and no texts."""

    def count_post(self, lang: str, stage: int, outcome: str) -> None:
        """One version judged."""

    def count_decision(self, action: str, category: str, source: str) -> None:
        """One decision made by a program."""

    def count_skipped(self, stage: str) -> None:
        """An optional stage failed."""

    def note_batch(self, seconds: float) -> None:
        """How long a batch took from claim to finish."""

    def note_delay(self, seconds: float) -> None:
        """How long a version waited from being written to its verdict, whole seconds of its writing."""

    def note_backlog(self, backlog: Backlog) -> None:
        """How much waits."""


class NoFigures:
    """Counts nothing."""

    def count_post(self, lang: str, stage: int, outcome: str) -> None:
        """See `Figures`."""

    def count_decision(self, action: str, category: str, source: str) -> None:
        """See `Figures`."""

    def count_skipped(self, stage: str) -> None:
        """See `Figures`."""

    def note_batch(self, seconds: float) -> None:
        """See `Figures`."""

    def note_delay(self, seconds: float) -> None:
        """See `Figures`."""

    def note_backlog(self, backlog: Backlog) -> None:
        """See `Figures`."""
