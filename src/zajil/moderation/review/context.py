"""What the verbs of reviewers and of whom they judge work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.moderation.appeals.proofs import ProofBook
from zajil.moderation.decide.decide import Decisions
from zajil.moderation.reports.weights import Tallies
from zajil.moderation.review.previews import Previews
from zajil.moderation.review.view import SpaceView
from zajil.moderation.staff.challenges import Challenges
from zajil.moderation.staff.passkeys import Site
from zajil.protocol.review.api import StaffRole

SESSION_S: Final = 8 * 3600
IDLE_S: Final = 1800
INVITE_S: Final = 900
TOKEN_BYTES: Final = 32


class Reviewer(NamedTuple):
    """A proven member of staff. languages, categories: what they judge, empty for all. Times: Unix seconds.

    private: whether they may read reports from private chats, which no role alone gives.
    """

    staff_id: bytes
    name: str
    role: StaffRole
    languages: tuple[str, ...]
    categories: tuple[str, ...]
    key_id: bytes
    token: bytes
    expires: int
    stepped_up_at: int
    private: bool = False


class Persona(NamedTuple):
    """A persona that reports, appeals, or reads what it was told. kind: person or bot."""

    persona_id: bytes
    trust: int
    kind: str = "person"


@dataclass(frozen=True, kw_only=True)
class Review:
    """The people's side of moderation on one server.

    origin: what keys sign for, the server's name. find_site: what passkeys are bound to. staff_cli: whether Ed25519
    keys of the command line are taken. nudge: called after COMMIT, so that whoever waits for events looks. previews: of
    clusters, as reviewers saw them.
    """

    decisions: Decisions
    limits: Limits
    space: SpaceView
    origin: str
    find_site: Callable[[], Site]
    staff_cli: bool
    challenges: Challenges
    proofs: ProofBook
    nudge: Callable[[], None]
    random: Callable[[int], bytes] = field(repr=False)
    tallies: Tallies = field(default_factory=Tallies)
    previews: Previews = field(default_factory=Previews)

    @property
    def db(self) -> Database:
        """The one database."""
        return self.decisions.db

    def now(self) -> int:
        """Unix seconds."""
        return self.decisions.now()
