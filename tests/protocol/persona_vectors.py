"""Prints vectors/persona.json: `python -m tests.protocol.persona_vectors > vectors/persona.json`."""

from __future__ import annotations

import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.protocol.public.persona import PERSONAS, derive_seed, login_bytes, nonce_of_pass, persona_id_of

ORIGINS = ("localhost", "home.example")


def make_cases() -> list[dict[str, str | int]]:
    """Every persona of two accounts, each with one login, and one with a pass."""
    cases: list[dict[str, str | int]] = []
    for name, origin in zip((b"one", b"two"), ORIGINS, strict=True):
        account_seed = hashlib.sha256(b"zajil persona vector " + name).digest()
        for number in range(PERSONAS):
            seed = derive_seed(account_seed, number)
            key = Ed25519PrivateKey.from_private_bytes(seed)
            public = key.public_key().public_bytes_raw()
            one_time_pass = hashlib.sha256(b"pass" + seed).digest()
            signed = login_bytes(origin, nonce_of_pass(one_time_pass), persona_id_of(public))
            cases.append(
                {
                    "account_seed": account_seed.hex(),
                    "number": number,
                    "seed": seed.hex(),
                    "key": public.hex(),
                    "persona_id": persona_id_of(public).hex(),
                    "origin": origin,
                    "pass": one_time_pass.hex(),
                    "nonce": nonce_of_pass(one_time_pass).hex(),
                    "signed": signed.hex(),
                    "signature": key.sign(signed).hex(),
                }
            )
    return cases


def render() -> str:
    """The file."""
    source = "protocol/public/persona.py by tests/protocol/persona_vectors.py; all bytes as hex"
    return json.dumps({"source": source, "cases": make_cases()}, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
