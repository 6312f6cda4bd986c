"""Key encapsulation over pyca's Diffie-Hellman and X-Wing: what its HPKE class does not expose.

pyca's `hpke.Suite` seals and opens, but derives no key pairs, exports no secrets and knows no X448. Those
parts are here: DeriveKeyPair, Encap and Decap. Whatever key a stranger sends, only CryptoError is raised.
Source: RFC 9180 4.1 and 7.1; draft-connolly-cfrg-xwing-kem 5.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x448, x25519
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zajil.mls.errors import CryptoError
from zajil.mls.primitives.suites import Kem, Suite

Rng = Callable[[int], bytes]
"""Returns that many unpredictable bytes."""

PublicKey = x25519.X25519PublicKey | x448.X448PublicKey | ec.EllipticCurvePublicKey | MLKEM768X25519PublicKey
PrivateKey = x25519.X25519PrivateKey | x448.X448PrivateKey | ec.EllipticCurvePrivateKey | MLKEM768X25519PrivateKey

CURVES: dict[Kem, ec.EllipticCurve] = {Kem.P256: ec.SECP256R1(), Kem.P384: ec.SECP384R1(), Kem.P521: ec.SECP521R1()}
_ORDERS = {
    Kem.P256: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    Kem.P384: int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
    ),
    Kem.P521: int(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        16,
    ),
}
# The hash inside the KEM is the KEM's, whatever the suite's is.
_KEM_HASHES = {Kem.P256: "sha256", Kem.P384: "sha384", Kem.P521: "sha512", Kem.X25519: "sha256", Kem.X448: "sha512"}
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_CIPHERTEXT_BYTES = 1088
_XWING_LABEL = b"\\.//^\\"


def extract(hash_name: str, salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract (RFC 5869 2.2)."""
    return hmac.digest(salt or bytes(hashlib.new(hash_name).digest_size), ikm, hash_name)


def expand(hash_name: str, prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869 2.3): length bytes."""
    block = out = hmac.digest(prk, info + b"\x01", hash_name)
    counter = 2
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), hash_name)
        out += block
        counter += 1
    return out[:length]


def labeled_extract(hash_name: str, suite_id: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """LabeledExtract (RFC 9180 4)."""
    return extract(hash_name, salt, b"HPKE-v1" + suite_id + label + ikm)


def labeled_expand(hash_name: str, suite_id: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand (RFC 9180 4)."""
    return expand(hash_name, prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + info, length)


@lru_cache(maxsize=4096)
def import_public(kem: Kem, data: bytes) -> PublicKey:
    """The pyca key of serialised public bytes; raises CryptoError (length, point not on the curve).

    Cached by value, because a tree seals to the same few hundred keys over and over.
    """
    try:
        if kem is Kem.X25519:
            return x25519.X25519PublicKey.from_public_bytes(data)
        if kem is Kem.XWING:
            if len(data) != _MLKEM_PUBLIC_BYTES + 32:
                raise CryptoError("public key")
            return MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(data[:_MLKEM_PUBLIC_BYTES]),
                x25519.X25519PublicKey.from_public_bytes(data[_MLKEM_PUBLIC_BYTES:]),
            )
        if kem is Kem.X448:
            return x448.X448PublicKey.from_public_bytes(data)
        # SEC1 also knows compressed and hybrid points; MLS allows the uncompressed form alone (RFC 9420 5.1.1).
        if data[:1] != b"\x04":
            raise CryptoError("public key")
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[kem], data)
    except ValueError as error:
        raise CryptoError("public key") from error


def import_private(kem: Kem, data: bytes) -> PrivateKey:
    """The pyca key of serialised private bytes; raises CryptoError. Not cached: secrets have no second home."""
    try:
        if kem is Kem.X25519:
            return x25519.X25519PrivateKey.from_private_bytes(data)
        if kem is Kem.XWING:
            return MLKEM768X25519PrivateKey(*xwing_parts(data))
        if kem is Kem.X448:
            return x448.X448PrivateKey.from_private_bytes(data)
        return ec.derive_private_key(int.from_bytes(data, "big"), CURVES[kem])
    except ValueError as error:
        raise CryptoError("private key") from error


def xwing_parts(private: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    """expandDecapsulationKey of X-Wing: both halves of a 32-byte private key; raises CryptoError."""
    if len(private) != 32:
        raise CryptoError("private key")
    seed = hashlib.shake_256(private).digest(96)
    return mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[:64]), x25519.X25519PrivateKey.from_private_bytes(seed[64:])


def public_bytes(kem: Kem, private: bytes) -> bytes:
    """The serialised public key of serialised private bytes; raises CryptoError."""
    if kem is Kem.XWING:
        ml, x = xwing_parts(private)
        return ml.public_key().public_bytes_raw() + x.public_key().public_bytes_raw()
    key = import_private(kem, private)
    if isinstance(key, x25519.X25519PrivateKey | x448.X448PrivateKey):
        return key.public_key().public_bytes_raw()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _point(key.public_key())
    raise CryptoError("private key")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def derive_private(suite: Suite, ikm: bytes) -> bytes:
    """The private key of DeriveKeyPair (RFC 9180 7.1.3; for X-Wing SHAKE256(ikm, 32))."""
    kem = suite.kem
    if kem is Kem.XWING:
        return hashlib.shake_256(ikm).digest(32)
    hash_name, suite_id = _KEM_HASHES[kem], b"KEM" + kem.to_bytes(2, "big")
    prk = labeled_extract(hash_name, suite_id, b"", b"dkp_prk", ikm)
    if kem not in CURVES:
        return labeled_expand(hash_name, suite_id, prk, b"sk", b"", suite.private_bytes)
    mask = 0x01 if kem is Kem.P521 else 0xFF
    for counter in range(256):
        data = bytearray(labeled_expand(hash_name, suite_id, prk, b"candidate", bytes([counter]), suite.private_bytes))
        data[0] &= mask
        if 0 < int.from_bytes(data, "big") < _ORDERS[kem]:
            return bytes(data)
    raise CryptoError("key derivation")


def check_contributory(kem: Kem, public: PublicKey) -> None:
    """Raises CryptoError if every exchange with an X25519 or X448 public key ends in zero (low order).

    Low-order points are found by the exchange itself: pyca refuses an all-zero secret (RFC 7748 6).
    """
    one = b"\x01" + bytes(31 if kem is Kem.X25519 else 55)
    _exchange(kem, import_private(kem, one), public)


def _exchange(kem: Kem, private: PrivateKey, public: PublicKey) -> bytes:
    """The DH shared secret; raises CryptoError on low-order points."""
    try:
        if isinstance(private, x25519.X25519PrivateKey) and isinstance(public, x25519.X25519PublicKey):
            return private.exchange(public)
        if isinstance(private, x448.X448PrivateKey) and isinstance(public, x448.X448PublicKey):
            return private.exchange(public)
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
            return private.exchange(ec.ECDH(), public)
    except ValueError as error:
        raise CryptoError("key exchange") from error
    raise CryptoError(f"key exchange in {kem.name}")


def _shared_secret(kem: Kem, dh: bytes, enc: bytes, public: bytes) -> bytes:
    hash_name, suite_id = _KEM_HASHES[kem], b"KEM" + kem.to_bytes(2, "big")
    prk = labeled_extract(hash_name, suite_id, b"", b"eae_prk", dh)
    length = hashlib.new(hash_name).digest_size
    return labeled_expand(hash_name, suite_id, prk, b"shared_secret", enc + public, length)


def encapsulate(suite: Suite, public: bytes, *, rng: Rng) -> tuple[bytes, bytes]:
    """(shared secret, enc) for a public key; raises CryptoError. X-Wing's ML-KEM half draws its own randomness."""
    kem = suite.kem
    if kem is Kem.XWING:
        import_public(kem, public)
        ml = mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_BYTES])
        ss_m, ct_m = ml.encapsulate()
        ephemeral_x = x25519.X25519PrivateKey.from_private_bytes(rng(32))
        recipient = x25519.X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_BYTES:])
        ct_x = ephemeral_x.public_key().public_bytes_raw()
        return _xwing_combine(ss_m, _exchange(kem, ephemeral_x, recipient), ct_x, public), ct_m + ct_x
    ephemeral = derive_private(suite, rng(suite.private_bytes))
    enc = public_bytes(kem, ephemeral)
    dh = _exchange(kem, import_private(kem, ephemeral), import_public(kem, public))
    return _shared_secret(kem, dh, enc, public), enc


def decapsulate(suite: Suite, private: bytes, enc: bytes) -> bytes:
    """The shared secret of enc; raises CryptoError."""
    kem = suite.kem
    if len(enc) != suite.enc_bytes:
        raise CryptoError("encapsulated key")
    if kem is Kem.XWING:
        ml, x = xwing_parts(private)
        ct_x = enc[_MLKEM_CIPHERTEXT_BYTES:]
        ss_m = ml.decapsulate(enc[:_MLKEM_CIPHERTEXT_BYTES])
        ss_x = _exchange(kem, x, x25519.X25519PublicKey.from_public_bytes(ct_x))
        return _xwing_combine(ss_m, ss_x, ct_x, public_bytes(kem, private))
    dh = _exchange(kem, import_private(kem, private), import_public(kem, enc))
    return _shared_secret(kem, dh, enc, public_bytes(kem, private))


def _xwing_combine(ss_m: bytes, ss_x: bytes, ct_x: bytes, public: bytes) -> bytes:
    return hashlib.sha3_256(ss_m + ss_x + ct_x + public[_MLKEM_PUBLIC_BYTES:] + _XWING_LABEL).digest()
