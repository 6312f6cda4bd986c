"""Cipher suites as one table: a new suite id is one more row, and old groups keep theirs.

Source: RFC 9420 5.1 and 17.1; RFC 9180 7 for KEM, KDF and AEAD ids; 0x0053 as in ts-mls 1.6.4
(X-Wing, draft-connolly-cfrg-xwing-kem). Post-quantum means confidentiality; signatures stay Ed25519.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from zajil.mls.errors import Unsupported


class Kem(enum.IntEnum):
    """HPKE key encapsulation mechanisms (IANA HPKE KEM Identifiers)."""

    P256 = 0x0010
    P384 = 0x0011
    P521 = 0x0012
    X25519 = 0x0020
    X448 = 0x0021
    XWING = 0x647A


class Kdf(enum.IntEnum):
    """HPKE key derivation functions."""

    SHA256 = 0x0001
    SHA384 = 0x0002
    SHA512 = 0x0003


class Aead(enum.IntEnum):
    """HPKE AEADs, also used for messages."""

    AES128_GCM = 0x0001
    AES256_GCM = 0x0002
    CHACHA20_POLY1305 = 0x0003


class Signature(enum.IntEnum):
    """Signature schemes (IANA TLS SignatureScheme)."""

    ECDSA_P256 = 0x0403
    ECDSA_P384 = 0x0503
    ECDSA_P521 = 0x0603
    ED25519 = 0x0807
    ED448 = 0x0808


_HASHES = {Kdf.SHA256: ("sha256", 32), Kdf.SHA384: ("sha384", 48), Kdf.SHA512: ("sha512", 64)}
_ENC_BYTES = {Kem.P256: 65, Kem.P384: 97, Kem.P521: 133, Kem.X25519: 32, Kem.X448: 56, Kem.XWING: 1120}
_PUBLIC_BYTES = {**_ENC_BYTES, Kem.XWING: 1216}
_PRIVATE_BYTES = {Kem.P256: 32, Kem.P384: 48, Kem.P521: 66, Kem.X25519: 32, Kem.X448: 56, Kem.XWING: 32}
AEAD_NONCE_BYTES = 12
AEAD_TAG_BYTES = 16


@dataclass(frozen=True)
class Suite:
    """One cipher suite. Everything after `signature` follows from the first fields."""

    id: int
    name: str
    kem: Kem
    aead: Aead
    kdf: Kdf
    signature: Signature
    hash_name: str = field(init=False)
    """hashlib's name of the hash."""
    nh: int = field(init=False)
    """Bytes of a hash, a KDF output and every secret."""
    nk: int = field(init=False)
    """Bytes of an AEAD key."""
    nn: int = field(init=False, default=AEAD_NONCE_BYTES)
    """Bytes of an AEAD nonce."""
    enc_bytes: int = field(init=False)
    """Bytes of an encapsulated KEM output."""
    public_bytes: int = field(init=False)
    """Bytes of a serialised KEM public key."""
    private_bytes: int = field(init=False)
    """Bytes of a serialised KEM private key."""

    def __post_init__(self) -> None:
        hash_name, nh = _HASHES[self.kdf]
        derived = {
            "hash_name": hash_name,
            "nh": nh,
            "nk": 16 if self.aead is Aead.AES128_GCM else 32,
            "enc_bytes": _ENC_BYTES[self.kem],
            "public_bytes": _PUBLIC_BYTES[self.kem],
            "private_bytes": _PRIVATE_BYTES[self.kem],
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        return self.id


X25519_AES128 = Suite(
    1, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519", Kem.X25519, Aead.AES128_GCM, Kdf.SHA256, Signature.ED25519
)
XWING = Suite(
    0x0053, "MLS_256_XWING_AES256GCM_SHA512_Ed25519", Kem.XWING, Aead.AES256_GCM, Kdf.SHA512, Signature.ED25519
)

SUITES: Mapping[int, Suite] = MappingProxyType(
    {
        suite.id: suite
        for suite in (
            X25519_AES128,
            Suite(
                2,
                "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
                Kem.P256,
                Aead.AES128_GCM,
                Kdf.SHA256,
                Signature.ECDSA_P256,
            ),
            Suite(
                3,
                "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
                Kem.X25519,
                Aead.CHACHA20_POLY1305,
                Kdf.SHA256,
                Signature.ED25519,
            ),
            Suite(
                4, "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448", Kem.X448, Aead.AES256_GCM, Kdf.SHA512, Signature.ED448
            ),
            Suite(
                5,
                "MLS_256_DHKEMP521_AES256GCM_SHA512_P521",
                Kem.P521,
                Aead.AES256_GCM,
                Kdf.SHA512,
                Signature.ECDSA_P521,
            ),
            Suite(
                6,
                "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448",
                Kem.X448,
                Aead.CHACHA20_POLY1305,
                Kdf.SHA512,
                Signature.ED448,
            ),
            Suite(
                7,
                "MLS_256_DHKEMP384_AES256GCM_SHA384_P384",
                Kem.P384,
                Aead.AES256_GCM,
                Kdf.SHA384,
                Signature.ECDSA_P384,
            ),
            XWING,
        )
    }
)
"""Every suite the engine computes in; the product offers XWING and X25519_AES128."""


def find_suite(suite_id: int) -> Suite | None:
    """The suite of that id, or None."""
    return SUITES.get(suite_id)


def suite_of(suite_id: int) -> Suite:
    """The suite of that id; raises Unsupported."""
    suite = SUITES.get(suite_id)
    if suite is None:
        raise Unsupported("cipher suite")
    return suite
