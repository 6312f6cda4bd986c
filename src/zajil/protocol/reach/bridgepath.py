"""The secret path of a bridge: proof of a token in one URL, without which the edge shows its decoy.

    b    = floor(unix seconds / 600), H(x) = HMAC-SHA256(token, x), host in lower case without port, b as u64
    tag  = H("zajil/path-id/1" || host || 00 || b)[:4]
    mac  = H("zajil/path/1" || host || 00 || b || nonce)[:16]
    path = "/" dir "/" base64url(nonce(8) || tag || mac)         the last segment has 38 characters

A path is good for the bucket of its time and two on either side, and once. Whoever is refused learns nothing: unknown
tags cost the same HMAC, macs are compared in constant time, and only a proved nonce takes memory. Tags are computed
ahead by `prepare`, bit by bit: were it done as the clock turns, one visitor in ten minutes would wait, and tell.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64, parse_b64

BUCKET_S: Final = 600
BUCKETS_EITHER_SIDE: Final = 2
NONCE_BYTES: Final = 8
_TAG_BYTES, _MAC_BYTES = 4, 16
_SEGMENT_BYTES: Final = NONCE_BYTES + _TAG_BYTES + _MAC_BYTES
SEGMENT_CHARACTERS: Final = 38
NONCES: Final = 262_144
"""Most proved nonces remembered of private tokens, and as many of public ones."""
CARRIERS_AT_ONCE: Final = 240
CARRIER_EVERY_S: Final = 0.25
"""A private token opens so many carriers at once, then one in this time: what one device in segments needs at most."""
TAGS_AT_ONCE: Final = 100
"""Tags that one `prepare` computes: less than half a millisecond."""


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


class _Key(NamedTuple):
    """A token and what it is called."""

    token_id: bytes
    token: bytes


class _Tags:
    """The tags of one bucket, as far as they are computed."""

    def __init__(self, host: str, bucket: int, keys: Iterable[_Key]) -> None:
        self._host = host
        self._bucket = bucket
        self._missing = dict.fromkeys(keys)
        self._tags: dict[_Key, bytes] = {}
        self._keys: dict[bytes, tuple[_Key, ...]] = {}

    @property
    def complete(self) -> bool:
        return not self._missing

    def find(self, tag: bytes) -> tuple[_Key, ...]:
        return self._keys.get(tag, ())

    def fill(self, most: int) -> int:
        """Compute so many tags at most; how many it were."""
        count = min(most, len(self._missing))
        for _ in range(count):
            key, _ = self._missing.popitem()
            tag = self._tags[key] = _tag(key.token, self._host, self._bucket)
            self._keys[tag] = (*self.find(tag), key)
        return count

    def change(self, *, gone: Iterable[_Key], fresh: Iterable[_Key]) -> None:
        for key in gone:
            self._missing.pop(key, None)
            if (tag := self._tags.pop(key, None)) is not None:
                left = tuple(each for each in self._keys.pop(tag) if each != key)
                if left:
                    self._keys[tag] = left
        self._missing.update(dict.fromkeys(fresh))


class _Nonces:
    """Proved nonces, by the bucket of their paths."""

    def __init__(self) -> None:
        self._seen: dict[int, set[bytes]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._seen.values()))

    def __contains__(self, nonce: bytes) -> bool:
        return any(nonce in seen for seen in self._seen.values())

    def add(self, nonce: bytes, bucket: int) -> None:
        self._seen.setdefault(bucket, set()).add(nonce)

    def forget_before(self, bucket: int) -> None:
        for old in [at for at in self._seen if at < bucket]:
            del self._seen[old]


class PathBook:
    """What a bridge checks paths against: its tokens, the nonces proved, and how often each private token came.

    Private tokens share out what there is: each has its budget, and beyond `most_nonces` every new path is refused. A
    public token is everybody's, so neither may close it: it has no budget, and its nonces are forgotten when they are
    too many. Its holders can make new paths anyway.
    """

    def __init__(self, host: str, dir: str, *, most_nonces: int = NONCES) -> None:  # noqa: A002 (its name in documents)
        """host, dir: the bridge's own, as configured; never a request's Host."""
        self._host = host.lower()
        self._dir = dir
        self._most_nonces = most_nonces
        self._keys: frozenset[_Key] = frozenset()
        self._public: frozenset[bytes] = frozenset()
        self._latest = 0
        self._tables: dict[int, _Tags] = {}
        self._private_nonces, self._public_nonces = _Nonces(), _Nonces()
        self._full_at: dict[bytes, float] = {}

    @property
    def nonces(self) -> int:
        """Nonces remembered."""
        return len(self._private_nonces) + len(self._public_nonces)

    def set_tokens(self, tokens: Mapping[bytes, bytes], *, public: Collection[bytes] = ()) -> None:
        """Token by token id, instead of those before; proved nonces and what was spent stay. New ones need `prepare`.

        public: ids of those that everybody has from the signed list.
        """
        keys = frozenset(_Key(*each) for each in tokens.items())
        gone, fresh = self._keys - keys, keys - self._keys
        self._keys, self._public = keys, frozenset(public)
        for table in self._tables.values():
            table.change(gone=gone, fresh=fresh)
        for key in gone:
            if key.token_id not in tokens:
                self._full_at.pop(key.token_id, None)

    def prepare(self, now_s: float, *, most: int = TAGS_AT_ONCE) -> bool:
        """Compute some tags of the buckets around now and of the next to come, and forget what is past.

        Call it every few seconds, and again at once while it says True: then good paths are still refused.
        """
        near = self._follow(now_s)
        for old in [at for at in self._tables if at < near.start]:
            del self._tables[old]
        for nonces in (self._private_nonces, self._public_nonces):
            nonces.forget_before(near.start)
        for bucket in range(near.start, near.stop + 1):
            if bucket not in self._tables:
                self._tables[bucket] = _Tags(self._host, bucket, self._keys)
            most -= self._tables[bucket].fill(most)
        return not all(self._tables[bucket].complete for bucket in near)

    def check(
        self, path: str, *, now_s: float, living: Mapping[bytes, ProvedPath] = MappingProxyType({})
    ) -> ProvedPath:
        """The proof of a path without its query. Raises Refused `gone`, the same for every reason.

        living: by nonce, what opened the virtual carriers alive; their path passes again, even past its buckets, and
        the very ProvedPath of `living` is returned. Every other path passes once.
        """
        segment = _parse_segment(path, self._dir)
        nonce, tag, mac = segment[:NONCE_BYTES], segment[NONCE_BYTES:-_MAC_BYTES], segment[-_MAC_BYTES:]
        alive = living.get(nonce)
        if alive is not None and hmac.compare_digest(alive.segment, segment):
            return alive
        near = self._follow(now_s)
        asked = [(at, key) for at in near if at in self._tables for key in self._tables[at].find(tag)]
        found: tuple[int, bytes] | None = None
        for bucket, key in asked or _NOBODY:
            if hmac.compare_digest(_mac(key.token, self._host, bucket, nonce), mac):
                found = bucket, key.token_id
        if found is None or not found[1] or alive is not None:
            raise error("gone", "path")
        self._enter(nonce, *found, now_s=now_s)
        return ProvedPath(found[1], nonce, segment)

    def _follow(self, now_s: float) -> range:
        """The buckets around now. The clock goes forward only: a nonce once forgotten must not pass again."""
        self._latest = max(self._latest, bucket_of(now_s))
        return range(max(0, self._latest - BUCKETS_EITHER_SIDE), self._latest + BUCKETS_EITHER_SIDE + 1)

    def _enter(self, nonce: bytes, bucket: int, token_id: bytes, *, now_s: float) -> None:
        if nonce in self._private_nonces or nonce in self._public_nonces:
            raise error("gone", "nonce")
        if token_id in self._public:
            if len(self._public_nonces) >= self._most_nonces:
                self._public_nonces = _Nonces()
            self._public_nonces.add(nonce, bucket)
            return
        if len(self._private_nonces) >= self._most_nonces:
            raise error("gone", "table used up")
        self._spend(token_id, now_s)
        self._private_nonces.add(nonce, bucket)

    def _spend(self, token_id: bytes, now_s: float) -> None:
        budget_s = CARRIERS_AT_ONCE * CARRIER_EVERY_S
        # A budget is its time of being full again; one beyond an empty budget's is from before the clock was set back.
        full_at = self._full_at.get(token_id, now_s)
        if not now_s <= full_at <= now_s + budget_s:
            full_at = now_s
        if full_at + CARRIER_EVERY_S > now_s + budget_s:
            raise error("gone", "token used up")
        self._full_at[token_id] = full_at + CARRIER_EVERY_S


_NOBODY: Final = ((0, _Key(b"", bytes(32))),)
"""What an unknown tag is checked against, for the time it takes."""


def _parse_segment(path: str, dir_: str) -> bytes:
    """The 28 bytes of a path, or zeros, which no token proves, for a path of another form."""
    try:
        if not path.startswith(f"/{dir_}/"):
            raise error("malformed", "path")
        return parse_b64(path[len(dir_) + 2 :], size=_SEGMENT_BYTES)
    except ZajilError:
        return bytes(_SEGMENT_BYTES)
