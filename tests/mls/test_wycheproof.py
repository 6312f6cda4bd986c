"""Wycheproof against each primitive as our own code calls it: what is valid is taken, what is not is refused.

Data: `$ZAJIL_VECTORS/wycheproof`, `../shared/vectors/wycheproof` beside the project, `build/wycheproof`, where
`make wycheproof` puts what Debian carries, or its package librust-wycheproof-dev. Absent: one skip naming them.
Source: https://github.com/C2SP/wycheproof. "acceptable" means that either is right, but never another result.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from zajil.mls.errors import CryptoError, MlsError
from zajil.mls.primitives import crypto, dhkem, hpke
from zajil.mls.primitives.suites import SUITES, XWING, Kem
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity import objects
from zajil.protocol.reach import dsse
from zajil.protocol.review import staff
from zajil.protocol.tlog import checkpoint

Row = dict[str, Any]
"""A test, or a group of tests, as published: each file has its own fields."""

ROOT = Path(__file__).resolve().parents[2]
DEBIAN: Final = Path("/usr/share/cargo/registry")
REFUSED = (MlsError, ZajilError)
UNFIT: Final = None
"""What a judge says of a test that our code could never ask: another nonce or tag length, no output at all."""
Verdict = bool | None


def folder() -> Path | None:
    """Where the vectors are, or None."""
    places = [Path(os.environ["ZAJIL_VECTORS"]) / "wycheproof"] if "ZAJIL_VECTORS" in os.environ else []
    places += [ROOT.parent / "shared" / "vectors" / "wycheproof", ROOT / "build" / "wycheproof"]
    places += sorted(DEBIAN.glob("wycheproof-*/src/data"))
    return next((place for place in places if (place / "ed25519_test.json").is_file()), None)


def data(row: Row, name: str) -> bytes:
    return bytes.fromhex(row[name])


def verified(suite: int) -> Callable[[Row, Row], Verdict]:
    """MLS's signatures."""

    def judge(group: Row, test: Row) -> Verdict:
        # The present format has `publicKey`, the one before it `key`.
        key = group.get("publicKey") or group["key"]
        public = bytes.fromhex(key.get("uncompressed") or key["pk"])
        crypto.verify(SUITES[suite], public, data=data(test, "msg"), signature=data(test, "sig"))
        return True

    return judge


def ed25519(group: Row, test: Row) -> Verdict:
    """MLS, signed objects, staff, notes of the log and bundles: five places that verify, which must agree."""
    key = group.get("publicKey") or group["key"]
    public, said, sig = bytes.fromhex(key["pk"]), data(test, "msg"), data(test, "sig")
    note = checkpoint.NoteKey("judge", public)
    calls: list[Callable[[], None]] = [
        lambda: crypto.verify(SUITES[1], public, data=said, signature=sig),
        lambda: objects._check_signature(public, sig, said),
        lambda: staff.check_signature(public, sig, said),
        lambda: checkpoint._check_signature(note, sig, said),
    ]
    taken = {bool(dsse.count_signers([public], said, [sig]))}
    for call in calls:
        try:
            call()
        except REFUSED:
            taken.add(False)
        else:
            taken.add(True)
    (verdict,) = taken
    return verdict


def exchanged(kem: Kem) -> Callable[[Row, Row], Verdict]:
    """The key agreement inside HPKE."""

    def judge(_: Row, test: Row) -> Verdict:
        size = {Kem.P256: 32, Kem.P384: 48, Kem.P521: 66}.get(kem)
        private = data(test, "private")
        if size is not None:  # there a number in hex, with or without leading zeros
            private = int.from_bytes(private, "big").to_bytes(size, "big")
        public = dhkem.import_public(kem, data(test, "public"))
        shared = dhkem._exchange(kem, dhkem.import_private(kem, private), public)
        assert shared == data(test, "shared")
        assert any(shared) or size is not None, "a secret that anybody knows"
        return True

    return judge


def sealed(*suites: int) -> Callable[[Row, Row], Verdict]:
    """MLS's AEADs, both ways; which suite's, by the size of the key."""

    def judge(group: Row, test: Row) -> Verdict:
        suite = next((SUITES[suite] for suite in suites if SUITES[suite].nk * 8 == group["keySize"]), None)
        if suite is None or group["ivSize"] != suite.nn * 8 or group["tagSize"] != 128:
            return UNFIT
        key, nonce, aad = data(test, "key"), data(test, "iv"), data(test, "aad")
        ciphertext = data(test, "ct") + data(test, "tag")
        plain = crypto.aead_open(suite, key, nonce=nonce, aad=aad, ciphertext=ciphertext)
        assert plain == data(test, "msg")
        assert crypto.aead_seal(suite, key, nonce=nonce, aad=aad, plaintext=plain) == ciphertext
        return True

    return judge


def derived(hash_name: str) -> Callable[[Row, Row], Verdict]:
    """HKDF, which MLS and our own HPKE write out over HMAC."""

    def judge(_: Row, test: Row) -> Verdict:
        size = test["size"]
        if not 0 < size <= 255 * hashlib.new(hash_name).digest_size:
            return UNFIT
        prk = dhkem.extract(hash_name, data(test, "salt"), data(test, "ikm"))
        return dhkem.expand(hash_name, prk, data(test, "info"), size) == data(test, "okm")

    return judge


def authenticated(suite: int) -> Callable[[Row, Row], Verdict]:
    """MLS's MAC, in its whole length."""

    def judge(group: Row, test: Row) -> Verdict:
        if group["tagSize"] != SUITES[suite].nh * 8:
            return UNFIT
        crypto.check_mac(SUITES[suite], data(test, "key"), data=data(test, "msg"), tag=data(test, "tag"))
        return True

    return judge


X25519 = X25519PrivateKey.from_private_bytes(bytes(range(32)))


def mlkem_key(_: Row, test: Row) -> Verdict:
    """The ML-KEM half of an X-Wing key that a stranger sends."""
    hpke.check_public_key(XWING, data(test, "ek") + X25519.public_key().public_bytes_raw())
    return True


def mlkem_opened(_: Row, test: Row) -> Verdict:
    """The ML-KEM half of what is sealed to an X-Wing key: sealed here by the published secret, opened as we open."""
    if len(data(test, "seed")) != 64:
        return UNFIT
    other, ct_m = X25519PrivateKey.from_private_bytes(bytes(range(1, 33))), data(test, "c")
    ct_x, pk_x = other.public_key().public_bytes_raw(), X25519.public_key().public_bytes_raw()
    # draft-connolly-cfrg-xwing-kem 5.3
    combined = data(test, "K") + other.exchange(X25519.public_key()) + ct_x + pk_x + b"\\.//^\\"
    key, nonce = hpke._key_schedule(XWING, hashlib.sha3_256(combined).digest(), b"info")[:2]
    ciphertext = crypto.aead_seal(XWING, key, nonce=nonce, aad=b"", plaintext=b"text")
    private = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.from_seed_bytes(data(test, "seed")), X25519)
    if len(ct_m + ct_x) != XWING.enc_bytes:
        with pytest.raises(CryptoError):
            hpke.open_sealed(XWING, bytes(32), enc=ct_m + ct_x, info=b"info", ciphertext=ciphertext)
        return False
    return hpke._PYCA_SUITES[XWING.id].decrypt(ct_m + ct_x + ciphertext, private, info=b"info") == b"text"


FILES: Final[dict[str, Callable[[Row, Row], Verdict]]] = {
    "ed25519": ed25519,
    "ed448": verified(4),
    "ecdsa_secp256r1_sha256": verified(2),
    "ecdsa_secp384r1_sha384": verified(7),
    "ecdsa_secp521r1_sha512": verified(5),
    "x25519": exchanged(Kem.X25519),
    "x448": exchanged(Kem.X448),
    "ecdh_secp256r1_ecpoint": exchanged(Kem.P256),
    "ecdh_secp384r1_ecpoint": exchanged(Kem.P384),
    "ecdh_secp521r1_ecpoint": exchanged(Kem.P521),
    "aes_gcm": sealed(1, XWING.id),
    "chacha20_poly1305": sealed(3),
    "hkdf_sha256": derived("sha256"),
    "hkdf_sha384": derived("sha384"),
    "hkdf_sha512": derived("sha512"),
    "hmac_sha256": authenticated(1),
    "hmac_sha384": authenticated(7),
    "hmac_sha512": authenticated(XWING.id),
}
NEWER: Final[dict[str, Callable[[Row, Row], Verdict]]] = {
    "mlkem_768_encaps": mlkem_key,
    "mlkem_768": mlkem_opened,
}
"""What the present collection has and Debian's older one lacks."""
PLACE: Final = folder()


@pytest.mark.vectors
@pytest.mark.parametrize("name", [*FILES, *NEWER])
def test_wycheproof(name: str) -> None:
    if PLACE is None:
        pytest.skip("no Wycheproof: neither $ZAJIL_VECTORS/wycheproof nor ../shared/vectors/wycheproof nor Debian's")
    file = PLACE / f"{name}_test.json"
    if name in NEWER and not file.exists():
        pytest.skip(f"an older Wycheproof, without {name}")
    published = json.loads(file.read_text(encoding="utf-8"))
    judge = {**FILES, **NEWER}[name]
    seen = Counter[str]()
    for group in published["testGroups"]:
        for test in group["tests"]:
            verdict = judged(judge, group, test)
            if verdict is UNFIT:
                seen["unfit"] += 1
                continue
            seen[test["result"]] += 1
            if test["result"] != "acceptable":
                told = f"{name} {test['tcId']}: {test.get('comment')} {test.get('flags')}"
                assert verdict is (test["result"] == "valid"), told
    assert sum(seen.values()) == published["numberOfTests"]
    assert seen["valid"] >= 16, "too little of it fits our calls"


def judged(judge: Callable[[Row, Row], Verdict], group: Row, test: Row) -> Verdict:
    try:
        return judge(group, test)
    except REFUSED:
        return False
