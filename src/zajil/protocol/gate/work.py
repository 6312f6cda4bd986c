"""Proof of work before a registration: making, solving and checking it. ALTCHA v2, `PBKDF2/SHA-256`, known counter.

The server draws a counter between 1 and `most`, derives its key and gives out the first half; whoever tries counters
from 0 finds it after `most / 2` attempts on average and never more than `most`, so nobody waits without an end. The
other half of the key proves the work by one HMAC: checking costs the server nothing a stranger could make dear.
Source: altcha.org/docs/v2, altcha-lib 2.8.0; docs/protocol/gate.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Final

import msgspec

from zajil.protocol.errors import error
from zajil.protocol.gate.wire import WorkChallenge, WorkData, WorkParameters, WorkProof, WorkSolution

ALGORITHM: Final = "PBKDF2/SHA-256"
COST: Final = 1000
KEY_BYTES: Final = 32
SEED_BYTES: Final = 16
BASE_MOST: Final = 2500
DOUBLINGS: Final = 3
LIFE_S: Final = 600

ROUNDS_MAX: Final = 40_000_000
"""More than this, cost times most, no client does for a server: twice what the dearest challenge takes."""
_TELL_EVERY: Final = 16
_HEX: Final = re.compile(r"([0-9a-f]{2})+")


def make_challenge(key: bytes, *, most: int, counter: int, nonce: bytes, salt: bytes, expires: int) -> WorkChallenge:
    """A signed challenge, at the price of one attempt. key: the server's secret. counter: 1 to most, drawn at random.

    nonce, salt: SEED_BYTES of fresh random bytes each. expires: Unix seconds.
    """
    derived = _derive(nonce, salt, counter, COST)
    parameters = WorkParameters(
        algorithm=ALGORITHM,
        cost=COST,
        data=WorkData(most),
        expires_at=expires,
        key_length=KEY_BYTES,
        key_prefix=derived[: KEY_BYTES // 2].hex(),
        key_signature=hmac.digest(_key_secret(key), derived, "sha256").hex(),
        nonce=nonce.hex(),
        salt=salt.hex(),
    )
    return WorkChallenge(parameters, _sign(key, parameters))


def check_proof(key: bytes, proof: WorkProof, *, now: int) -> WorkParameters:
    """What was asked, where the proof is ours, in time and right: two HMACs. Raises Refused `work-required`."""
    asked = proof.challenge.parameters
    if not _same(proof.challenge.signature, _sign(key, asked)) or now >= asked.expires_at:
        raise error("work-required")
    derived = proof.solution.derived_key
    if len(derived) != 2 * KEY_BYTES or _HEX.fullmatch(derived) is None:
        raise error("work-required")
    if not _same(asked.key_signature, hmac.digest(_key_secret(key), bytes.fromhex(derived), "sha256").hex()):
        raise error("work-required")
    return asked


def check_challenge(challenge: WorkChallenge) -> WorkParameters:
    """What a client agrees to work on. Raises HomeError `work-unfinished` for another kind, or for too much of it."""
    asked = challenge.parameters
    sizes = ((asked.key_prefix, KEY_BYTES // 2), (asked.nonce, SEED_BYTES), (asked.salt, SEED_BYTES))
    fits = asked.algorithm == ALGORITHM and asked.key_length == KEY_BYTES and asked.cost > 0 and asked.data.most > 0
    if not fits or any(len(text) != 2 * size or _HEX.fullmatch(text) is None for text, size in sizes):
        raise error("work-unfinished", "another kind of work")
    if asked.cost * asked.data.most > ROUNDS_MAX:
        raise error("work-unfinished", "too much work")
    return asked


def solve(
    challenge: WorkChallenge, *, tell: Callable[[float], None] = lambda _: None, stopped: Callable[[], bool]
) -> WorkProof:
    """The solution, after seconds of work of one core. tell: gets the share of counters tried, 0 to 1.

    stopped: asked between attempts. Raises HomeError `work-unfinished` when it says so, or as `check_challenge` does.
    """
    asked = check_challenge(challenge)
    nonce, salt, wanted = (bytes.fromhex(text) for text in (asked.nonce, asked.salt, asked.key_prefix))
    for counter in range(asked.data.most + 1):
        if counter % _TELL_EVERY == 0:
            tell(counter / asked.data.most)
            if stopped():
                raise error("work-unfinished", "stopped")
        derived = _derive(nonce, salt, counter, asked.cost)
        if derived.startswith(wanted):
            return WorkProof(challenge, WorkSolution(counter, derived.hex()))
    raise error("work-unfinished", "no solution")


def _derive(nonce: bytes, salt: bytes, counter: int, cost: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", nonce + counter.to_bytes(4, "big"), salt, cost, KEY_BYTES)


def _sign(key: bytes, parameters: WorkParameters) -> str:
    canonical = json.dumps(msgspec.to_builtins(parameters), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.digest(_challenge_secret(key), canonical.encode(), "sha256").hex()


def _challenge_secret(key: bytes) -> bytes:
    return hmac.digest(key, b"zajil gate challenge", "sha256")


def _key_secret(key: bytes) -> bytes:
    return hmac.digest(key, b"zajil gate key", "sha256")


def _same(claimed: str, right: str) -> bool:
    """Compared in constant time, whatever characters a stranger sends."""
    return hmac.compare_digest(claimed.encode("utf-8", "surrogatepass"), right.encode())
