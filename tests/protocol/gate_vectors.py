"""Builds vectors/service/gate.json, of `tests.protocol.service_vectors`: proof of work as ALTCHA v2 writes it.

Two challenges are by ALTCHA's own libraries, so that both our solvers are held against those and not against each other
alone: `create_challenge` of altcha 2.3.0 (Python) and `createChallenge` of altcha-lib 2.8.0 (JavaScript), with
`counter`, `data={"most": 64}` and two secrets each, run on 27 November 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from zajil.protocol.gate import work
from zajil.protocol.gate.wire import WorkChallenge, WorkParameters

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
EXPIRES = 1_790_000_600
THEIRS: dict[str, Json] = {
    "altcha 2.3.0": {
        "parameters": {
            "algorithm": "PBKDF2/SHA-256",
            "cost": 1000,
            "data": {"most": 64},
            "expiresAt": EXPIRES,
            "keyLength": 32,
            "keyPrefix": "5e754a88a3d76ab3860b859bdc74d4fb",
            "keySignature": "e65390d42bb48333c17ea056f5124db5fe3d4428f7940c7019b4fb9ba152f234",
            "nonce": "4c9f53b0ff038e0f89fd4257618164ad",
            "salt": "dbb25fb9fc87b60953f87ea383b10556",
        },
        "signature": "57734f7074580a49561717ad31a0b48d88a11df0cb4be5c1d4f3001bfd6d7630",
    },
    "altcha-lib 2.8.0": {
        "parameters": {
            "algorithm": "PBKDF2/SHA-256",
            "cost": 1000,
            "data": {"most": 64},
            "expiresAt": EXPIRES,
            "keyLength": 32,
            "keyPrefix": "96cd349fa16f4cc30c168b28e20fd807",
            "keySignature": "0df64554a8c37035fcba7baa721c7833f96dcc7458e646ce977e3ab40e89baa9",
            "nonce": "c8cac5a7ee324b14554794010f4b7f77",
            "salt": "4ecc9cf928fd7af72de2cf3af109804f",
        },
        "signature": "49055c6d3c1f2ba39c460c81965dade61aa5c8f3269a7915eada5ae1eaca502b",
    },
}


def make(seeded: Callable[..., bytes], *, most: int, counter: int) -> WorkChallenge:
    """One of ours from fixed seeds."""
    nonce, salt = seeded(f"gate nonce {counter}", 16), seeded(f"gate salt {counter}", 16)
    return work.make_challenge(seeded("gate"), most=most, counter=counter, nonce=nonce, salt=salt, expires=EXPIRES)


def build(seeded: Callable[..., bytes]) -> Json:
    """Challenges with their solutions, and such as no client works on."""
    challenges = [("zajil", make(seeded, most=most, counter=at)) for most, at in ((1, 1), (64, 33), (300, 299))]
    challenges += [(by, msgspec.convert(one, WorkChallenge)) for by, one in THEIRS.items()]
    solved: list[Json] = [
        {"by": by, **msgspec.to_builtins(work.solve(challenge, stopped=lambda: False))} for by, challenge in challenges
    ]
    good = make(seeded, most=64, counter=1)
    changes: dict[str, dict[str, object]] = {
        "another algorithm": {"algorithm": "SHA-256"},
        "rounds without end": {"cost": 2**32 - 1},
        "no rounds": {"cost": 0},
        "counters without end": {"data": msgspec.structs.replace(good.parameters.data, most=2**32 - 1)},
        "no counters": {"data": msgspec.structs.replace(good.parameters.data, most=0)},
        "just above the most": {"cost": work.ROUNDS_MAX // 64 + 1},
        "another length": {"key_length": 64},
        "a prefix of another length": {"key_prefix": "00"},
        "no hex": {"key_prefix": "zz" * 16},
        "upper case": {"salt": "AA" * 16},
        "no nonce": {"nonce": ""},
    }
    refused: list[Json] = []
    for name, change in changes.items():
        parameters: WorkParameters = msgspec.structs.replace(good.parameters, **change)
        refused.append({"name": name, "challenge": msgspec.to_builtins(WorkChallenge(parameters, good.signature))})
    return {
        "source": "zajil, tests/protocol/gate_vectors.py; altcha 2.3.0, altcha-lib 2.8.0",
        "solved": solved,
        "refused": refused,
    }
