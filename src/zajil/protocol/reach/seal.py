"""Sealed carriers: what keeps a bridge or a CDN, where TLS ends, from reading or forging session frames.

    client                                   server
    NEW ------------------------------------> ServerSeals.accept -> NewSeal
    take_accept <---------------------------- accept
    RESUME (every later carrier) -----------> Resumed (01) or Unknown (02: send NEW on the same carrier)
    ROOT -----------------------------------> RootWanted (answer: the root documents, which are public)

    NEW    = 01 01 channel(1) sid(16) kid(4) hello       RESUME = 01 02 sid(16) c(4)       ROOT = 01 03
    hello  = HPKE.seal(origin key, info = "zajil/hello/1" || channel || sid || kid, s_c(32) || pk_e(1216) || u64 now_ms)
    accept = HPKE.seal(pk_e, info = "zajil/accept/1" || sid || SHA-256(NEW), s_s(32) || u64 now_ms)
    prk    = HKDF-Extract(salt = SHA-256(NEW || accept), ikm = s_c || s_s)
    key(32) || iv(12) of carrier c = HKDF-Expand(prk, label || u32 c, 44); label "zajil/c2s/1" or "zajil/s2c/1"
    record i = AES-256-GCM(key, nonce = iv XOR u96 i, aad = sid, padded session frame)

Both ends drop pk_e's private key, s_c and s_s with the accept, so the origin's key opens no old traffic. A carrier
number c serves one carrier, the one whose first record opens; the server seals nothing before, so no nonce is used
twice whoever replays what. The server refuses a NEW whose sid is live, and no NEW for its `now`: a later replay makes
a seal that nobody can use (s_s goes to the key pk_e that is gone) and costs what any stranger's NEW costs, while the
accept is how a client with a wrong clock learns the time. HPKE draws its own randomness: its API takes none.
Source: RFC 9180 (X-Wing, HKDF-SHA256, AES-256-GCM), RFC 5869, RFC 8446 5.3 (nonces).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.hpke import Suite as HPKESuite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from zajil.protocol.errors import error
from zajil.protocol.limits import RECORD_SIZES

Random = Callable[[int], bytes]
"""n random bytes of a cryptographic generator."""

SEAL_LIFE_MS: Final = 24 * 60 * 60 * 1000
PUBLIC_KEY_BYTES: Final = 1216
ORIGIN_SEED_BYTES: Final = 96
KID_BYTES: Final = 4
SID_BYTES: Final = 16
NEW_BYTES: Final = 2415
ACCEPT_BYTES: Final = 1176
SEAL_BYTES: Final = 16
"""What sealing adds to a padded frame."""
ROOT_RECORD: Final = b"\x01\x03"
RESUMED: Final = b"\x01"
UNKNOWN: Final = b"\x02"
_NEW, _RESUME = b"\x01\x01", b"\x01\x02"
_RESUME_BYTES: Final = 2 + SID_BYTES + 4
_MLKEM_BYTES: Final = 1184
_SECRET_BYTES: Final = 32
_SILENT_CARRIERS: Final = 3
_WINDOW: Final = 64
_WINDOW_MASK: Final = (1 << _WINDOW) - 1
_SUITE: Final = HPKESuite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Channel(IntEnum):
    """What a seal carries: session R, session S, or the media socket of a call."""

    R = 1
    S = 2
    MEDIA = 3


_CHANNELS: Final = frozenset(map(int, Channel))


@dataclass(frozen=True, slots=True)
class SessionKey:
    """An origin's public key as the root document lists it. kid: SHA-256(public)[:4]. public: 1,216 bytes."""

    kid: bytes
    public: bytes

    @classmethod
    def of(cls, public: bytes) -> SessionKey:
        """The key with the id its bytes make."""
        return cls(hashlib.sha256(public).digest()[:KID_BYTES], public)


class OriginKey:
    """The server's X-Wing private key."""

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self.private = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        self.kid = SessionKey.of(self.public).kid

    @classmethod
    def from_seed(cls, seed: bytes) -> OriginKey:
        """The key of 96 random bytes: an ML-KEM-768 seed (64) and an X25519 private key (32)."""
        if len(seed) != ORIGIN_SEED_BYTES:
            raise error("wrong-call", "origin seed of 96 bytes")
        return cls(MLKEM768PrivateKey.from_seed_bytes(seed[:64]), X25519PrivateKey.from_private_bytes(seed[64:]))


def _seal_to(public: bytes, *, info: bytes, plaintext: bytes) -> bytes:
    """Raises ValueError for what is no X-Wing public key."""
    key = MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_BYTES]),
        X25519PublicKey.from_public_bytes(public[_MLKEM_BYTES:]),
    )
    return _SUITE.encrypt(plaintext, key, info=info)


def _extract(*, new: bytes, accept: bytes, secrets: bytes) -> bytes:
    return HKDF.extract(SHA256(), hashlib.sha256(new + accept).digest(), secrets)


class _Keys:
    """One direction of one carrier: the cipher and the next record's number."""

    __slots__ = ("_cipher", "_iv", "_next", "_sid")

    def __init__(self, prk: bytes, *, label: bytes, c: int, sid: bytes) -> None:
        okm = HKDFExpand(SHA256(), 44, label + c.to_bytes(4, "big")).derive(prk)
        self._cipher = AESGCM(okm[:32])
        self._iv = int.from_bytes(okm[32:], "big")
        self._next = 0
        self._sid = sid

    def seal(self, frame: bytes) -> bytes:
        nonce = (self._iv ^ self._next).to_bytes(12, "big")
        self._next += 1
        return self._cipher.encrypt(nonce, frame, self._sid)

    def open(self, record: bytes) -> bytes:
        frame = self._cipher.decrypt((self._iv ^ self._next).to_bytes(12, "big"), record, self._sid)
        self._next += 1
        return frame


class RecordSeal:
    """The records of one carrier, in order and both directions. Made by ClientSeal and ServerSeals."""

    __slots__ = ("_first", "_inward", "_may_seal", "_outward")

    def __init__(self, outward: _Keys, inward: _Keys, *, first: Callable[[], None], may_seal: bool) -> None:
        self._outward = outward
        self._inward: _Keys | None = inward
        self._first: Callable[[], None] | None = first
        self._may_seal = may_seal

    def seal(self, frame: bytes) -> bytes:
        """The record of a padded frame, 16 bytes longer. On the server only once a record has opened."""
        if not self._may_seal:
            raise error("wrong-call", "sealed before the carrier's first record opened")
        return self._outward.seal(frame)

    def open(self, record: bytes) -> bytes:
        """The padded frame of the next record.

        Raises RemoteProtocolError `protocol` for anything else, and from then on for everything.
        """
        keys, self._inward = self._inward, None
        if keys is None or not SEAL_BYTES <= len(record) <= RECORD_SIZES[-1] + SEAL_BYTES:
            raise error("protocol", "sealed record")
        try:
            frame = keys.open(record)
        except InvalidTag:
            raise error("protocol", "sealed record") from None
        if self._first is not None:
            self._first()
            self._first = None
        self._may_seal = True
        self._inward = keys
        return frame


def _client_codec(prk: bytes, *, c: int, sid: bytes, first: Callable[[], None]) -> RecordSeal:
    outward, inward = (_Keys(prk, label=label, c=c, sid=sid) for label in (b"zajil/c2s/1", b"zajil/s2c/1"))
    return RecordSeal(outward, inward, first=first, may_seal=True)


class ClientSeal:
    """The client's end of one seal; every carrier of its channel may use it for 24 hours.

    NEW goes over one carrier; when that one dies before the accept, make another seal: the server refuses it twice.
    channel, key: what the seal is for and the origin's key from a verified root. sid: names the seal.
    new_record: NEW, the first record of the first carrier. Raises LocalProtocolError for a key that is none.
    """

    def __init__(self, channel: Channel, key: SessionKey, *, now_ms: int, random: Random) -> None:
        # The ephemeral key is X-Wing's own form, 32 bytes expanded (draft-connolly-cfrg-xwing-kem 5.2).
        private = OriginKey.from_seed(hashlib.shake_256(random(32)).digest(ORIGIN_SEED_BYTES))
        self.channel = channel
        self.sid = random(SID_BYTES)
        self.expires_at_ms = now_ms + SEAL_LIFE_MS
        s_c = random(_SECRET_BYTES)
        self._waiting: tuple[bytes, OriginKey] | None = (s_c, private)
        self._prk = b""
        self._next_c = 0
        self._silent = 0
        head = bytes((channel,)) + self.sid + key.kid
        try:
            hello = _seal_to(
                key.public, info=b"zajil/hello/1" + head, plaintext=s_c + private.public + now_ms.to_bytes(8, "big")
            )
        except ValueError:
            raise error("wrong-call", "origin key") from None
        self.new_record = _NEW + head + hello

    def take_accept(self, data: bytes, *, now_ms: int) -> int:
        """Opens the answer to NEW and returns the server's clock minus ours, in milliseconds.

        Raises RemoteProtocolError `protocol` for anything but this seal's accept, which may still come.
        """
        if self._waiting is None:
            raise error("wrong-call", "accept taken twice")
        s_c, private = self._waiting
        if len(data) != ACCEPT_BYTES:
            raise error("protocol", "accept")
        info = b"zajil/accept/1" + self.sid + hashlib.sha256(self.new_record).digest()
        try:
            plain = _SUITE.decrypt(data, private.private, info=info)
        except (InvalidTag, ValueError):
            raise error("protocol", "accept") from None
        self._prk = _extract(new=self.new_record, accept=data, secrets=s_c + plain[:_SECRET_BYTES])
        self._waiting = None
        return int.from_bytes(plain[_SECRET_BYTES:], "big") - now_ms

    def first(self) -> RecordSeal:
        """The codec of the carrier that NEW went over, once, right after `take_accept`."""
        if self._next_c:
            raise error("wrong-call", "first carrier taken twice")
        return self._codec()

    def carrier(self) -> tuple[bytes, RecordSeal]:
        """RESUME and the codec of another carrier; each call uses up a carrier number."""
        if self._prk:
            self._next_c = max(self._next_c, 1)
        resume = _RESUME + self.sid + self._next_c.to_bytes(4, "big")
        return resume, self._codec()

    def is_usable(self, now_ms: int) -> bool:
        """Whether another carrier may still try this seal; if not, make a new one.

        False before the accept, after 24 hours, and when the last 3 carriers opened no record: a bridge that kept our
        NEW can replay it to a server that restarted, which then knows the sid with other keys.
        """
        return bool(self._prk) and now_ms < self.expires_at_ms and self._silent < _SILENT_CARRIERS

    def _codec(self) -> RecordSeal:
        if not self._prk:
            raise error("wrong-call", "carrier before the accept")
        c, self._next_c = self._next_c, self._next_c + 1
        self._silent += 1
        return _client_codec(self._prk, c=c, sid=self.sid, first=self._heard)

    def _heard(self) -> None:
        self._silent = 0


@dataclass(frozen=True, slots=True)
class NewSeal:
    """A seal was made. answer: the accept to send. codec: of this carrier."""

    answer: bytes
    codec: RecordSeal
    channel: Channel
    sid: bytes


@dataclass(frozen=True, slots=True)
class Resumed:
    """A carrier goes on with a seal. answer: `01`."""

    codec: RecordSeal
    channel: Channel
    sid: bytes
    answer: bytes = RESUMED


@dataclass(frozen=True, slots=True)
class Unknown:
    """The seal is not here (any more). answer: `02`; NEW may follow on the same carrier."""

    answer: bytes = UNKNOWN


@dataclass(frozen=True, slots=True)
class RootWanted:
    """Answer with the root documents and close."""


class _Seal:
    """A live seal of the server: its secret, and which of the last 64 carrier numbers served."""

    __slots__ = ("_prk", "_seen", "_top", "channel", "expires_at_ms", "sid")

    def __init__(self, prk: bytes, *, channel: Channel, sid: bytes, expires_at_ms: int) -> None:
        self._prk = prk
        self._top = -1
        self._seen = 0  # bit n: carrier number _top - n
        self.channel = channel
        self.sid = sid
        self.expires_at_ms = expires_at_ms

    def check_unused(self, c: int) -> None:
        behind = self._top - c
        if behind >= _WINDOW or (behind >= 0 and self._seen >> behind & 1):
            raise error("protocol", "carrier number used")

    def codec(self, c: int) -> RecordSeal:
        outward, inward = (
            _Keys(self._prk, label=label, c=c, sid=self.sid) for label in (b"zajil/s2c/1", b"zajil/c2s/1")
        )
        return RecordSeal(outward, inward, first=lambda: self._use(c), may_seal=False)

    def _use(self, c: int) -> None:
        """Again when the first record opens: another carrier may have come first with the same number."""
        self.check_unused(c)
        ahead = c - self._top
        if ahead > 0:
            # Bounded before the shift: a far number would make an integer of as many bits.
            self._seen = self._seen << ahead & _WINDOW_MASK if ahead < _WINDOW else 0
            self._top = c
        self._seen |= 1 << (self._top - c)


class ServerSeals:
    """The live seals of one gateway, in memory only.

    keys: every origin key the root lists, old ones as long as it does. most: beyond so many the oldest seal goes, and
    its client is asked for a new one.
    """

    def __init__(self, keys: Sequence[OriginKey], *, random: Random, most: int = 65_536) -> None:
        self._keys = {key.kid: key for key in keys}
        self._random = random
        self._most = most
        self._seals: dict[bytes, _Seal] = {}  # oldest first, so the first to expire

    def __len__(self) -> int:
        """Seals held."""
        return len(self._seals)

    def accept(self, first: bytes, *, now_ms: int) -> NewSeal | Resumed | Unknown | RootWanted:
        """What the first record of a carrier asks for. Raises RemoteProtocolError `protocol`: close the carrier."""
        self.expire(now_ms)
        if first == ROOT_RECORD:
            return RootWanted()
        if first.startswith(_RESUME) and len(first) == _RESUME_BYTES:
            return self._resume(first[2 : 2 + SID_BYTES], int.from_bytes(first[2 + SID_BYTES :], "big"))
        if first.startswith(_NEW) and len(first) == NEW_BYTES:
            return self._make(first, now_ms)
        raise error("protocol", "first record of a sealed carrier")

    def expire(self, now_ms: int) -> None:
        """Forgets the seals whose 24 hours are over."""
        while self._seals:
            oldest = next(iter(self._seals.values()))
            if now_ms < oldest.expires_at_ms:
                return
            del self._seals[oldest.sid]

    def _resume(self, sid: bytes, c: int) -> Resumed | Unknown:
        seal = self._seals.get(sid)
        if seal is None:
            return Unknown()
        seal.check_unused(c)
        return Resumed(seal.codec(c), seal.channel, sid)

    def _make(self, new: bytes, now_ms: int) -> NewSeal:
        head, hello = new[2:23], new[23:]
        channel, sid, kid = head[0], head[1:17], head[17:]
        key = self._keys.get(kid)
        if channel not in _CHANNELS or key is None or sid in self._seals:
            raise error("protocol", "channel, key id or seal id")
        s_s = self._random(_SECRET_BYTES)
        try:
            plain = _SUITE.decrypt(hello, key.private, info=b"zajil/hello/1" + head)
            s_c, pk_e = plain[:_SECRET_BYTES], plain[_SECRET_BYTES : _SECRET_BYTES + PUBLIC_KEY_BYTES]
            accept = _seal_to(
                pk_e,
                info=b"zajil/accept/1" + sid + hashlib.sha256(new).digest(),
                plaintext=s_s + now_ms.to_bytes(8, "big"),
            )
        except (InvalidTag, ValueError):
            raise error("protocol", "hello") from None
        prk = _extract(new=new, accept=accept, secrets=s_c + s_s)
        seal = _Seal(prk, channel=Channel(channel), sid=sid, expires_at_ms=now_ms + SEAL_LIFE_MS)
        if len(self._seals) >= self._most:
            del self._seals[next(iter(self._seals))]
        self._seals[sid] = seal
        return NewSeal(accept, seal.codec(0), seal.channel, sid)
