"""DSSE envelopes: opaque bytes, their type, and Ed25519 signatures over both.

    PAE(type, body) = "DSSEv1" SP len(type) SP type SP len(body) SP body            lengths in decimal ASCII
    envelope = JSON {"payload": base64, "payloadType": type, "signatures": [{"keyid", "sig": base64}, 1 to 8 of them]}

A key counts once however often it signed. `keyid` is a hint that nothing here trusts.
Source: secure-systems-lab/dsse, protocol.md and envelope.md (v1.0.2).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zajil.protocol.control import encode_json, parse_json
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.limits import KIB

ENVELOPE_BYTES: Final = 64 * KIB
SIGNATURES: Final = 8
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_TO_URL: Final = str.maketrans("+/", "-_")


class Signature(msgspec.Struct, frozen=True):
    """One signature of an envelope, as text."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """The parts of an envelope, nothing verified yet."""

    payload: str
    payload_type: str
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(min_length=1, max_length=SIGNATURES)]


def pae(payload_type: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def sign(payload_type: str, body: bytes, keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """The envelope of a body, signed by every key. Raises LocalProtocolError where it would be over 64 KiB."""
    signed = pae(payload_type, body)
    signatures = tuple(
        Signature(base64.b64encode(key.sign(signed)).decode(), keyid(key.public_key().public_bytes_raw()))
        for key in keys
    )
    data = encode_json(Envelope(base64.b64encode(body).decode(), payload_type, signatures))
    if len(data) > ENVELOPE_BYTES or not 1 <= len(signatures) <= SIGNATURES:
        raise error("wrong-call", "envelope over 64 KiB, or not 1 to 8 signatures")
    return data


def keyid(public: bytes) -> str:
    """The hint that names a public key."""
    return encode_b64(hashlib.sha256(public).digest()[:8])


def parse_envelope(data: bytes, payload_type: str) -> tuple[bytes, tuple[bytes, ...]]:
    """Body and signatures of an envelope of this very type, unverified. Raises HomeError `wrong-signature`."""
    try:
        if len(data) > ENVELOPE_BYTES:
            raise error("too-big", "envelope")
        envelope = parse_json(data, Envelope)
        if envelope.payload_type != payload_type:
            raise error("malformed", "envelope of another type")
        return _decoded(envelope.payload), tuple(_decoded(item.sig) for item in envelope.signatures)
    except ZajilError:
        raise error("wrong-signature", "envelope") from None


def _decoded(text: str) -> bytes:
    """Base64 of the standard alphabet, padded; one text stands for given bytes, as everywhere here."""
    if _BASE64.fullmatch(text) is None:
        raise error("malformed", "not base64")
    return parse_b64(text.rstrip("=").translate(_TO_URL))


def count_signers(keys: Sequence[bytes], signed: bytes, signatures: Sequence[bytes]) -> int:
    """How many of these distinct public keys signed."""
    return sum(any(_has_signed(key, signed, sig) for sig in signatures) for key in set(keys))


def _has_signed(key: bytes, signed: bytes, sig: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(sig, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
