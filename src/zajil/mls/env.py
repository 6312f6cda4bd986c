"""What the engine needs from outside: identity, signing, randomness, time, pre-shared keys and limits."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zajil.mls.errors import TooManyLeaves
from zajil.mls.messages.credentials import Credential
from zajil.mls.primitives.crypto import Signer
from zajil.mls.primitives.hpke import Rng
from zajil.mls.primitives.suites import XWING, Suite

__all__ = [
    "DAY_S",
    "DEFAULT_POLICY",
    "GENERATION_LIMIT",
    "MAX_PENDING",
    "Authenticate",
    "Env",
    "Policy",
    "Rng",
    "Signer",
    "Use",
]

DAY_S = 86_400
GENERATION_LIMIT = 2_000
"""Own messages of one kind in one epoch; the client commits long before (mls.md 4.7)."""
MAX_PENDING = 256
"""Standalone proposals kept by reference in one epoch."""


class Use(enum.Enum):
    """Why a credential is being judged."""

    SEND = "send"
    """We are about to add this client ourselves."""
    RECEIVE = "receive"
    """Somebody else brings this leaf in, by a proposal or a path."""
    TREE = "tree"
    """It stands in the tree of a group we join."""


Authenticate = Callable[[Credential, bytes, Use], bytes]
"""(credential, signature_key, use) -> client id of the one who holds that key; raises Rejected."""


@dataclass(frozen=True)
class Policy:
    """Limits and permissions of this client.

    max_leaves, pq_max_leaves: members of a group, the second for X-Wing groups. skipped: unused message keys kept per
    ratchet. forward: generations a ratchet may jump. past_epochs: epochs whose messages still open. past_age,
    max_lifetime: seconds. external_commits, public_handshakes: allow them, in both directions. resumption_psks: take
    commits that mix in the resumption secret of a kept epoch.
    """

    max_leaves: int = 1000
    pq_max_leaves: int = 128
    skipped: int = 32
    forward: int = 2048
    past_epochs: int = 3
    past_age: int = 7 * DAY_S
    max_lifetime: int = 90 * DAY_S
    external_commits: bool = False
    public_handshakes: bool = False
    resumption_psks: bool = True

    def check_leaves(self, suite: Suite, count: int) -> None:
        """Raises TooManyLeaves if a group of that suite must not have so many members."""
        if count > (self.pq_max_leaves if suite is XWING else self.max_leaves):
            raise TooManyLeaves(f"{count} leaves")


DEFAULT_POLICY = Policy()


@dataclass(frozen=True)
class Env:
    """The caller's side of one operation. now: Unix seconds. psks: external pre-shared keys by id."""

    authenticate: Authenticate
    signer: Signer
    rng: Rng
    now: int
    psks: Mapping[bytes, bytes] = field(default_factory=dict)
    policy: Policy = DEFAULT_POLICY

    def __repr__(self) -> str:
        return f"Env(now={self.now}, policy={self.policy})"
