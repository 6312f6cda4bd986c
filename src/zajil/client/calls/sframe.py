"""SFrame (RFC 9605): one frame of media under one key, and nothing of whose key it is.

    frame    = header || ciphertext || tag
    header   = config u8 || KID || CTR        X(1) K(3) Y(1) C(3): a value of 0..7 stands in the config byte itself,
                                              a larger one follows, in the fewest big-endian bytes, with X or Y set
    key      = HKDF-Expand(HKDF-Extract("", base_key), "SFrame 1.0 Secret key "  || KID u64 || suite u16, Nk)
    salt     = HKDF-Expand(HKDF-Extract("", base_key), "SFrame 1.0 Secret salt " || KID u64 || suite u16, 12)
    nonce    = salt XOR CTR
    AAD      = header || metadata

Calls use suite 4 alone; suite 5 is here because it costs one line, and its vectors check the other one's constants.
What the identifiers mean, how long a key lives and what was seen before is `zajil.client.calls.keys`.
Source: RFC 9605 4.3 (header), 4.4 (encryption), 4.5 (suites). Judged by vectors/calls/sframe.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

HEADER_BYTES_MAX: Final = 17
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
VALUE_MAX: Final = (1 << 64) - 1
"""The largest KID and the largest CTR that a header can carry."""
_IN_CONFIG = 8
_EXTENDED = 8

Reason: TypeAlias = Literal["empty", "short", "header", "unknown-key", "foreign-leaf", "replayed", "bad-tag"]
"""Why a frame was not opened. "empty" is no attack: encoders write a first frame of no bytes."""


class FrameDropped(Exception):
    """A frame from outside that was not opened, and must not be passed on in any form."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class UnsupportedSuite(Exception):
    """A cipher suite that this profile has not."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One row of RFC 9605 table 1. Its nonce has 12 bytes and its tag 16."""

    id: int
    key_bytes: int
    hash: HashAlgorithm


AES_128_GCM: Final = Suite(0x0004, 16, SHA256())
AES_256_GCM: Final = Suite(0x0005, 32, SHA512())
_SUITES: Final = {suite.id: suite for suite in (AES_128_GCM, AES_256_GCM)}


def find_suite(suite_id: int) -> Suite:
    """The suite of this number. Raises UnsupportedSuite for any but 4 and 5."""
    suite = _SUITES.get(suite_id)
    if suite is None:
        raise UnsupportedSuite(suite_id)
    return suite


@dataclass(frozen=True, slots=True)
class Header:
    """What the front of a frame says. size_bytes: 1..17, of the header itself."""

    kid: int
    ctr: int
    size_bytes: int


def encode_header(kid: int, ctr: int) -> bytes:
    """The header of RFC 9605 4.3, 1 to 17 bytes. Raises ValueError for a value outside u64."""
    kid_field, kid_bytes = _encode_value(kid)
    ctr_field, ctr_bytes = _encode_value(ctr)
    return bytes((kid_field << 4 | ctr_field,)) + kid_bytes + ctr_bytes


def _encode_value(value: int) -> tuple[int, bytes]:
    """The four bits in the config byte, and what follows it."""
    if not 0 <= value <= VALUE_MAX:
        raise ValueError("a KID and a CTR are u64")
    if value < _IN_CONFIG:
        return value, b""
    size = (value.bit_length() + 7) // 8
    return _EXTENDED | (size - 1), value.to_bytes(size, "big")


def parse_header(frame: bytes) -> Header:
    """The header at the front of `frame`.

    Raises FrameDropped: "empty", "short" where the frame ends inside it, "header" for a value not written in the fewest
    bytes (RFC 9605 4.3 forbids it; a second spelling of one value is of use to an attacker alone).
    """
    if not frame:
        raise FrameDropped("empty")
    kid, at = _parse_value(frame, frame[0] >> 4, at=1)
    ctr, at = _parse_value(frame, frame[0] & 0x0F, at=at)
    return Header(kid, ctr, at)


def _parse_value(frame: bytes, field: int, *, at: int) -> tuple[int, int]:
    """The value, and where the next one begins."""
    if not field & _EXTENDED:
        return field, at
    end = at + (field & 0x07) + 1
    if end > len(frame):
        raise FrameDropped("short")
    value = int.from_bytes(frame[at:end], "big")
    if value < _IN_CONFIG or value.bit_length() <= 8 * (end - at - 1):
        raise FrameDropped("header")
    return value, end


class SFrameKey:
    """The key and salt of one KID under one base key."""

    __slots__ = ("_aead", "_salt", "kid")

    def __init__(self, kid: int, key: bytes, salt: bytes) -> None:
        self.kid = kid
        self._aead = AESGCM(key)
        self._salt = int.from_bytes(salt, "big")

    @classmethod
    def derive(cls, suite: Suite, base_key: bytes, kid: int) -> SFrameKey:
        """From a base key of any length (for calls: `suite.key_bytes`) and a KID of u64. Source: RFC 9605 4.4.2."""
        return cls(kid, *derive_key_and_salt(suite, base_key, kid))

    def seal(self, ctr: int, plaintext: bytes, metadata: bytes) -> bytes:
        """`header || ciphertext || tag`.

        ctr: u64, and never again for this key: a second use gives both frames away. `zajil.client.calls.keys` counts.
        metadata: authenticated, not part of the result. Raises ValueError for a counter outside u64.
        """
        header = encode_header(self.kid, ctr)
        return header + self._aead.encrypt(self._nonce(ctr), plaintext, header + metadata)

    def open(self, header: Header, frame: bytes, metadata: bytes) -> bytes:
        """The plaintext of `frame`, whose parsed front is `header`; the caller chose this key by its KID.

        Raises FrameDropped: "short" where no tag fits, "bad-tag" for a wrong key, tag, header or metadata alike.
        """
        if len(frame) < header.size_bytes + TAG_BYTES:
            raise FrameDropped("short")
        front, sealed = frame[: header.size_bytes], frame[header.size_bytes :]
        try:
            return self._aead.decrypt(self._nonce(header.ctr), sealed, front + metadata)
        except InvalidTag:
            raise FrameDropped("bad-tag") from None

    def _nonce(self, ctr: int) -> bytes:
        return (self._salt ^ ctr).to_bytes(NONCE_BYTES, "big")


def derive_key_and_salt(suite: Suite, base_key: bytes, kid: int) -> tuple[bytes, bytes]:
    """Nk bytes of key and 12 of salt. Apart from the class so that the vectors can look at both."""
    secret = HKDF.extract(suite.hash, b"", base_key)
    label = kid.to_bytes(8, "big") + suite.id.to_bytes(2, "big")
    key = HKDFExpand(suite.hash, suite.key_bytes, b"SFrame 1.0 Secret key " + label).derive(secret)
    salt = HKDFExpand(suite.hash, NONCE_BYTES, b"SFrame 1.0 Secret salt " + label).derive(secret)
    return key, salt
