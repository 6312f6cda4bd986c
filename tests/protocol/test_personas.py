"""Personas: derivation against the vectors and against RFC 5869 by hand, and logins that only their maker can sign."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.protocol.persona_vectors import render

from zajil.protocol.errors import AuthError, LocalProtocolError
from zajil.protocol.public.persona import check_login, derive_seed, login_bytes, persona_id_of

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "persona.json"


def test_the_vectors_are_what_the_code_makes() -> None:
    assert VECTORS.read_text(encoding="utf-8") == render()


def test_the_derivation_is_hkdf_and_nothing_else() -> None:
    for case in json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]:
        prk = hmac.digest(bytes(32), bytes.fromhex(case["account_seed"]), "sha256")
        info = b"zajil persona v1" + bytes([case["number"]])
        assert hmac.digest(prk, info + b"\x01", "sha256").hex() == case["seed"]
        assert hashlib.sha256(bytes.fromhex(case["key"])).hexdigest()[:32] == case["persona_id"]


@pytest.mark.parametrize(("size", "number"), [(31, 0), (33, 0), (32, -1), (32, 3), (32, 256)])
def test_there_are_three_personas_of_one_seed(size: int, number: int) -> None:
    with pytest.raises(LocalProtocolError):
        derive_seed(bytes(size), number)


def test_a_login_is_good_for_one_server_one_nonce_and_one_key() -> None:
    key = Ed25519PrivateKey.generate()
    public, nonce = key.public_key().public_bytes_raw(), os.urandom(32)
    signature = key.sign(login_bytes("home.example", nonce, persona_id_of(public)))
    check_login(public, signature, origin="home.example", nonce=nonce)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    wrong = [
        (public, signature, "home.exampl", nonce),
        (public, signature, "home.example", bytes(32)),
        (other, signature, "home.example", nonce),
        (public, signature[:-1] + bytes([signature[-1] ^ 1]), "home.example", nonce),
        (public, b"", "home.example", nonce),
        (b"", signature, "home.example", nonce),
    ]
    for given, signed, origin, fresh in wrong:
        with pytest.raises(AuthError, match="bad-challenge"):
            check_login(given, signed, origin=origin, nonce=fresh)
