"""The gate of proof of work: challenges that grow with load, each good for one account. Bound to nobody.

How dear a challenge is goes by how many accounts its prefix, and everybody together, opened by work of late: it doubles
with each further burst, three times at most, and is never a refusal. A proof that is cheaper than one doubling below
what is asked now was stockpiled and does not count. The key is derived from the key file, which every gateway has, and
a proof that was spent leaves its mark in the database; how many accounts came of late, each gateway counts for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import ceil

from zajil.engine.limits import Limits
from zajil.protocol.errors import error
from zajil.protocol.gate.wire import WorkChallenge, WorkProof
from zajil.protocol.gate.work import BASE_MOST, DOUBLINGS, LIFE_S, SEED_BYTES, check_proof, make_challenge

_ALL = b""


class WorkGate:
    """Makes and checks proofs of work. key: 32 bytes that the gateways of this server have, and nobody else."""

    def __init__(
        self, key: bytes, limits: Limits, *, clock: Callable[[], float], random: Callable[[int], bytes]
    ) -> None:
        self._key = key
        self._limits = limits
        self._clock = clock
        self._random = random

    def challenge(self, prefix: bytes) -> WorkChallenge:
        """A fresh challenge for somebody of this prefix, which is not in it."""
        most = BASE_MOST << self._doublings(prefix)
        # 64 random bits over at most 20,000 counters: the bias is below 2^-49.
        counter = 1 + int.from_bytes(self._random(8), "big") % most
        expires = int(self._clock()) + LIFE_S
        seeds = (self._random(SEED_BYTES), self._random(SEED_BYTES))
        return make_challenge(self._key, most=most, counter=counter, nonce=seeds[0], salt=seeds[1], expires=expires)

    def check(self, proof: WorkProof | None, prefix: bytes) -> WorkProof:
        """A proof that would be taken now. Raises Refused `work-required`.

        Whether it was used is for `mark_of` and the database to say.
        """
        if proof is None:
            raise error("work-required")
        asked = check_proof(self._key, proof, now=int(self._clock()))
        if asked.data.most < BASE_MOST << max(0, self._doublings(prefix) - 1):
            raise error("work-required")
        return proof

    def count(self, prefix: bytes) -> None:
        """An account was opened by work, by somebody of this prefix."""
        for name, key in (("work_prefix", prefix), ("work_all", _ALL)):
            self._limits.overdraw(name, key, now=self._clock(), bursts=DOUBLINGS)

    def _doublings(self, prefix: bytes) -> int:
        now = self._clock()
        over = max(self._limits.overdrawn(n, key, now=now) for n, key in (("work_prefix", prefix), ("work_all", _ALL)))
        return min(DOUBLINGS, ceil(over))


def mark_of(proof: WorkProof) -> bytes:
    """16 bytes that stand for a spent challenge, whatever else its proof says."""
    return hashlib.sha256(b"work\0" + proof.challenge.signature.encode()).digest()[:16]
