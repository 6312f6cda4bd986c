"""What the verbs of the public space work with: database, clock, limits, and callables for what is not theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.channels.identity.challenge import PersonaChallenges
from zajil.channels.wakeups import Wakeups
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.protocol.ids import PersonaId
from zajil.protocol.public.posts import ChannelDecision, Trust

TOKEN_LIFE_S: Final = 3600
TOKEN_BYTES: Final = 32
SpendPass = Callable[[Connection, bytes], bool]
"""Takes a one-time pass inside the caller's transaction; False if it is unknown, spent or over."""


class CallingPersona(NamedTuple):
    """The persona a token stands for, as of this call. accepted: posts that moderation let stand."""

    persona_id: PersonaId
    trust: Trust
    limited_until: int
    accepted: int
    handle: str
    display_name: str


@dataclass(frozen=True, kw_only=True)
class Channels:
    """The public space of one server.

    origin: what logins are signed for, the server's name. spend_pass: of the private side. fold: a text's words as a
    search index holds them, separated by spaces. record_decision: told of each decision of a channel's moderator,
    inside its transaction. gate_timeout_s, gate_hold_s: how long posts of established authors, and of others, wait for
    a verdict. waiting_max: how many may wait for events at once. clock: Unix seconds.
    """

    db: Database
    limits: Limits
    challenges: PersonaChallenges
    origin: str
    clock: Callable[[], float]
    spend_pass: SpendPass
    fold: Callable[[str], str]
    record_decision: Callable[[Connection, ChannelDecision], None]
    gate_timeout_s: float
    gate_hold_s: float
    waiting_max: int
    random: Callable[[int], bytes] = field(repr=False)
    wakeups: Wakeups = field(default_factory=Wakeups)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self.clock() * 1000)


def digest(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()
