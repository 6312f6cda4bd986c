"""The gate of proof of work: challenges that grow with load, each good for one account. Bound to nobody.

How dear a challenge is goes by how many accounts its prefix, and everybody together, opened by work of late: it doubles
with each further burst, three times at most, and is never a refusal. A proof that is cheaper than one doubling below
what is asked now was stockpiled and does not count. Key and spent proofs are of this process, as those of logins are:
after a restart no older challenge is good.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil

from zajil.engine.limits import Limits
from zajil.protocol.errors import error
from zajil.protocol.gate.wire import WorkChallenge, WorkProof
from zajil.protocol.gate.work import BASE_MOST, DOUBLINGS, LIFE_S, SEED_BYTES, check_proof, make_challenge

SPENT_MAX = 100_000
_ALL = b""


class WorkGate:
    """Makes and takes proofs of work. One per process; `key` is 32 random bytes that no other process has."""

    def __init__(
        self, key: bytes, limits: Limits, *, clock: Callable[[], float], random: Callable[[int], bytes]
    ) -> None:
        self._key = key
        self._limits = limits
        self._clock = clock
        self._random = random
        self._spent: dict[bytes, int] = {}

    def challenge(self, prefix: bytes) -> WorkChallenge:
        """A fresh challenge for somebody of this prefix, which is not in it."""
        most = BASE_MOST << self._doublings(prefix)
        # 64 random bits over at most 20,000 counters: the bias is below 2^-49.
        counter = 1 + int.from_bytes(self._random(8), "big") % most
        expires = int(self._clock()) + LIFE_S
        seeds = (self._random(SEED_BYTES), self._random(SEED_BYTES))
        return make_challenge(self._key, most=most, counter=counter, nonce=seeds[0], salt=seeds[1], expires=expires)

    def check(self, proof: WorkProof | None, prefix: bytes) -> WorkProof:
        """A proof that would be taken now. Raises Refused `work-required`, also for one that was used."""
        if proof is None:
            raise error("work-required")
        asked = check_proof(self._key, proof, now=int(self._clock()))
        if asked.data.most < BASE_MOST << max(0, self._doublings(prefix) - 1) or _mark(proof) in self._spent:
            raise error("work-required")
        return proof

    @contextmanager
    def spending(self, proof: WorkProof | None, prefix: bytes) -> Iterator[None]:
        """Spend a checked proof on what happens inside, unless that raises. Raises `work-required`, `slow-down`."""
        if proof is None:
            yield
            return
        mark = _mark(proof)
        self._forget()
        if mark in self._spent:
            raise error("work-required")
        if len(self._spent) >= SPENT_MAX:
            raise error("slow-down", retry_ms=60_000)
        self._spent[mark] = proof.challenge.parameters.expires_at
        try:
            yield
        except BaseException:
            self._spent.pop(mark, None)
            raise
        for name, key in (("work_prefix", prefix), ("work_all", _ALL)):
            self._limits.overdraw(name, key, now=self._clock(), bursts=DOUBLINGS)

    def _doublings(self, prefix: bytes) -> int:
        now = self._clock()
        over = max(self._limits.overdrawn(n, key, now=now) for n, key in (("work_prefix", prefix), ("work_all", _ALL)))
        return min(DOUBLINGS, ceil(over))

    def _forget(self) -> None:
        """Drop what has expired from the old end; it is in order of use, so close to order of age."""
        now = self._clock()
        for mark, expires in list(itertools.islice(self._spent.items(), 64)):
            if expires <= now:
                del self._spent[mark]


def _mark(proof: WorkProof) -> bytes:
    """One per challenge, whatever else a proof says."""
    return hashlib.sha256(proof.challenge.signature.encode()).digest()[:16]
