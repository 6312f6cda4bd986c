"""The secret path of a bridge: proof of a token in one URL, without which the edge shows its decoy.

    b    = floor(unix seconds / 600), H(x) = HMAC-SHA256(token, x), host in lower case without port, b as u64
    tag  = H("zajil/path-id/1" || host || 00 || b)[:4]
    mac  = H("zajil/path/1" || host || 00 || b || nonce)[:16]
    path = "/" dir "/" base64url(nonce(8) || tag || mac)         the last segment has 38 characters

A path is good for the bucket of its time and two on either side, and once. Whoever is refused learns nothing: unknown
tags cost the same HMAC, macs are compared in constant time, and only a proved nonce takes memory.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64, parse_b64

BUCKET_S: Final = 600
BUCKETS_EITHER_SIDE: Final = 2
NONCE_BYTES: Final = 8
_TAG_BYTES, _MAC_BYTES = 4, 16
_SEGMENT_BYTES: Final = NONCE_BYTES + _TAG_BYTES + _MAC_BYTES
SEGMENT_CHARACTERS: Final = 38
NONCES: Final = 262_144
"""Most proved nonces remembered; beyond that every path is refused until the oldest bucket goes."""
CARRIERS_PER_BUCKET: Final = 240
"""Most carriers of one token in 10 minutes."""


def bucket_of(now_s: float) -> int:
    """The 10-minute bucket of a time in Unix seconds."""
    return int(now_s // BUCKET_S)


def _tag(token: bytes, host: str, bucket: int) -> bytes:
    said = b"zajil/path-id/1" + host.encode() + b"\x00" + bucket.to_bytes(8, "big")
    return hmac.digest(token, said, "sha256")[:_TAG_BYTES]


def _mac(token: bytes, host: str, bucket: int, nonce: bytes) -> bytes:
    said = b"zajil/path/1" + host.encode() + b"\x00" + bucket.to_bytes(8, "big") + nonce
    return hmac.digest(token, said, "sha256")[:_MAC_BYTES]


def bridge_path(token: bytes, host: str, dir: str, *, now_s: float, nonce: bytes) -> str:  # noqa: A002 (its name in documents)
    """The path of one carrier. nonce: 8 fresh random bytes. host: the bridge's name, without port."""
    if len(nonce) != NONCE_BYTES:
        raise error("wrong-call", "nonce of 8 bytes")
    host, bucket = host.lower(), bucket_of(now_s)
    return f"/{dir}/" + encode_b64(nonce + _tag(token, host, bucket) + _mac(token, host, bucket, nonce))


@dataclass(frozen=True, slots=True)
class ProvedPath:
    """Whose token opened a path. segment: the 28 bytes of the path, to know it again."""

    token_id: bytes
    nonce: bytes
    segment: bytes = field(repr=False)


class PathBook:
    """What a bridge checks paths against: its tokens, the nonces proved, and how often each token came.

    per_bucket: most carriers of one token in 10 minutes. most_nonces: beyond so many every new path is refused.
    """

    def __init__(self, *, per_bucket: int = CARRIERS_PER_BUCKET, most_nonces: int = NONCES) -> None:
        self._per_bucket = per_bucket
        self._most_nonces = most_nonces
        self._tokens: dict[bytes, bytes] = {}
        self._latest = 0
        self._table_of: tuple[str, int] | None = None
        self._table: dict[bytes, list[tuple[int, bytes, bytes]]] = {}
        self._nonces: dict[int, set[bytes]] = {}
        self._counts: dict[bytes, int] = {}

    @property
    def nonces(self) -> int:
        """Nonces remembered."""
        return sum(map(len, self._nonces.values()))

    def set_tokens(self, tokens: Mapping[bytes, bytes]) -> None:
        """Token by token id, instead of those before. Proved nonces and counts stay."""
        if tokens != self._tokens:
            self._tokens = dict(tokens)
            self._table_of = None

    def check(
        self,
        path: str,
        *,
        host: str,
        dir: str,  # noqa: A002 (its name in documents)
        now_s: float,
        living: Mapping[bytes, ProvedPath] = MappingProxyType({}),
    ) -> ProvedPath:
        """The proof of a path without its query. Raises Refused `gone`, the same for every reason.

        host, dir: the bridge's own, as configured; never the request's Host.
        living: by nonce, what opened the virtual carriers alive; their path passes again, even past its buckets, and
        the very ProvedPath of `living` is returned. Every other path passes once.
        """
        segment = _parse_segment(path, dir)
        nonce, tag, mac = segment[:NONCE_BYTES], segment[NONCE_BYTES:-_MAC_BYTES], segment[-_MAC_BYTES:]
        alive = living.get(nonce)
        if alive is not None and hmac.compare_digest(alive.segment, segment):
            return alive
        self._turn(host.lower(), bucket_of(now_s))
        found: tuple[int, bytes] | None = None
        for bucket, token_id, token in self._table.get(tag, _NOBODY):
            if hmac.compare_digest(_mac(token, host.lower(), bucket, nonce), mac):
                found = bucket, token_id
        if found is None or not found[1]:
            raise error("gone", "path")
        self._enter(nonce, *found)
        return ProvedPath(found[1], nonce, segment)

    def _turn(self, host: str, bucket: int) -> None:
        """Follows the clock, forward only: a nonce once forgotten must not pass again."""
        bucket = max(bucket, self._latest)
        if bucket > self._latest:
            self._latest = bucket
            self._counts.clear()
            for old in [at for at in self._nonces if at < bucket - BUCKETS_EITHER_SIDE]:
                del self._nonces[old]
        if self._table_of == (host, bucket):
            return
        self._table_of, self._table = (host, bucket), {}
        for near in range(max(0, bucket - BUCKETS_EITHER_SIDE), bucket + BUCKETS_EITHER_SIDE + 1):
            for token_id, token in self._tokens.items():
                self._table.setdefault(_tag(token, host, near), []).append((near, token_id, token))

    def _enter(self, nonce: bytes, bucket: int, token_id: bytes) -> None:
        count = self._counts.get(token_id, 0)
        replayed = any(nonce in seen for seen in self._nonces.values())
        if replayed or count >= self._per_bucket or self.nonces >= self._most_nonces:
            raise error("gone", "nonce, token or table used up")
        self._counts[token_id] = count + 1
        self._nonces.setdefault(bucket, set()).add(nonce)


_NOBODY: Final = [(0, b"", bytes(32))]
"""What an unknown tag is checked against, for the time it takes."""


def _parse_segment(path: str, dir_: str) -> bytes:
    """The 28 bytes of a path, or zeros, which no token proves, for a path of another form."""
    try:
        if not path.startswith(f"/{dir_}/"):
            raise error("malformed", "path")
        return parse_b64(path[len(dir_) + 2 :], size=_SEGMENT_BYTES)
    except ZajilError:
        return bytes(_SEGMENT_BYTES)
