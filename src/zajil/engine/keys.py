"""The keys that rest outside the database: a file with mode 0600 beside it, and what is derived and sealed with them.

K_storage seals message bodies and stored answers, under a subkey for each table and day, so that no key nears 2^32
seals. K_ref seals delivery references (`delivery/refs.py`). Both carry a key id byte: a newer key seals, older ids stay
readable. frank_master marks application messages (`protocol/report`): a newer key marks, older ones still prove.
What relays and media rooms of calls are opened with is derived from the newest key of `calls`. Whoever has only the
database reads no body and can forge no reference and no mark.

File: JSON `{"version": 1, "storage": {"<id>": "<64 hex digits>"}, "ref": {...}, "frank": {...}, "calls": {...}}`. For
a file from before there were marks, or calls, their key is derived from its oldest storage key.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from zajil.engine.files import replace_file, write_once
from zajil.protocol.ids import GroupId
from zajil.protocol.report.franking import derive_day_key, frank_day, make_frank

FILE_NAME = "zajil.key"
_NONCE_SIZE = 12
_HEAD_SIZE = 3  # key id u8, day u16
_DAY_S = 86_400
_NEWEST = 255
"""The highest id: it is one byte of what it sealed."""
KeyKind = Literal["storage", "ref", "frank", "calls"]


class KeyFileError(Exception):
    """The key file is missing, readable by others, or not a key file. The text says which; it holds no key."""


class SealBroken(Exception):
    """Sealed bytes of our own storage do not open: damaged, moved to another row, or sealed by a lost key."""


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    storage: dict[int, str]
    ref: dict[int, str]
    frank: dict[int, str] = {}
    calls: dict[int, str] = {}


class Keys:
    """The server's long-lived symmetric keys."""

    def __init__(
        self,
        *,
        storage: Mapping[int, bytes],
        ref: Mapping[int, bytes],
        frank: Mapping[int, bytes],
        calls: Mapping[int, bytes] | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """storage, ref, frank, calls: 32-byte keys by id 0..255; the highest id seals or marks.

        calls: None derives one from the oldest of storage. random: source of nonces.
        """
        self._storage = dict(storage)
        self.ref: Mapping[int, AESGCM] = {number: AESGCM(key) for number, key in ref.items()}
        self._newest = max(self._storage)
        # Of the oldest key, so that a newer one gives nobody another name.
        self._names_key = _expand(self._storage[min(self._storage)], b"zajil pseudonyms v1")
        self._challenges_key = _expand(self._storage[self._newest], b"zajil challenges v1")
        self.newest_ref = max(self.ref)
        self._random = random
        self._table_key = lru_cache(maxsize=128)(self._derive_table_key)
        self._frank = dict(frank)
        self._marked = {
            kind: [held[n] for n in sorted(held)]
            for kind, held in ((b"ref", ref), (b"frank", frank), (b"calls", calls or {}))
        }
        derived = _expand(self._storage[min(self._storage)], b"zajil calls master v1")
        self._calls = calls[max(calls)] if calls else derived
        self._day_key = lru_cache(maxsize=256)(derive_day_key)

    @classmethod
    def create(cls, random: Callable[[int], bytes] = os.urandom) -> Keys:
        """Fresh keys that are nowhere on a disk."""
        return cls(storage={1: random(32)}, ref={1: random(32)}, frank={1: random(32)}, random=random)

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> Keys:
        """The keys in this file; with `create`, a missing file is written first. Raises KeyFileError."""
        if create:
            write_once(path, _fresh_file)
        try:
            if path.stat().st_mode & 0o077:
                raise KeyFileError(f"{path.name} can be read by others; it must have mode 0600")
            return cls.parse(path.read_bytes(), name=path.name)
        except FileNotFoundError:
            raise KeyFileError(f"{path.name} is missing: without it, what is stored cannot be read") from None

    @classmethod
    def parse(cls, data: bytes, *, name: str = FILE_NAME) -> Keys:
        """The keys in the content of a key file. name: of the file, for the error. Raises KeyFileError."""
        try:
            content = msgspec.json.decode(data, type=_KeyFile)
            storage, ref = _parse_keys(content.storage), _parse_keys(content.ref)
            derived = {1: _expand(storage[min(storage)], b"zajil frank master v1")}
            return cls(
                storage=storage,
                ref=ref,
                frank=_parse_keys(content.frank) if content.frank else derived,
                calls=_parse_keys(content.calls) if content.calls else None,
            )
        except (msgspec.MsgspecError, ValueError):
            raise KeyFileError(f"{name} is not a key file") from None

    def marks(self) -> tuple[str, ...]:
        """What tells all of these keys apart without telling them, 16 hex digits each; those of storage first."""
        storage = [_expand(self._storage[n], b"zajil key mark v1") for n in sorted(self._storage)]
        others = [_expand(each, b"zajil key mark v1 " + kind) for kind, held in self._marked.items() for each in held]
        return tuple(each[:8].hex() for each in (*storage, *others))

    def seal(self, table: str, plaintext: bytes, *, aad: bytes, now_s: float) -> bytes:
        """`key_id u8 || day u16 || nonce 12 || AES-256-GCM`, under the subkey of this table and day.

        aad: the row's identity, so that a sealed value opens in its own row only.
        """
        return self.seal_all(table, [(plaintext, aad)], now_s=now_s)[0]

    def seal_all(self, table: str, rows: Sequence[tuple[bytes, bytes]], *, now_s: float) -> list[bytes]:
        """`seal` of each plaintext with its aad. The nonces are drawn at once: each call lets go of the interpreter."""
        day = int(now_s // _DAY_S)
        head = bytes([self._newest]) + day.to_bytes(2, "big")
        key, drawn = self._table_key(table, self._newest, day), self._random(_NONCE_SIZE * len(rows))
        nonces = [drawn[at : at + _NONCE_SIZE] for at in range(0, len(drawn), _NONCE_SIZE)]
        return [
            head + nonce + key.encrypt(nonce, plaintext, head + aad)
            for nonce, (plaintext, aad) in zip(nonces, rows, strict=True)
        ]

    def pseudonym(self, table: str, value: bytes) -> bytes:
        """16 bytes that stand for a value in this table, always the same: only whoever has the keys can tell whose."""
        return hmac.digest(self._names_key, table.encode() + b"\0" + value, "sha256")[:16]

    def frank(self, tag: bytes, gid: GroupId, ts: int) -> bytes:
        """The mark, 32 bytes, on a message with this tag (32 bytes) in this group, taken at `ts` (Unix ms)."""
        key = self._day_key(self._frank[max(self._frank)], frank_day(ts))
        return make_frank(key, tag=tag, gid=gid, ts=ts)

    def calls_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose of calls: `ticket`, or `relay`, which a relay on another machine holds as well."""
        return _expand(self._calls, b"zajil calls v1\0" + purpose.encode())

    def challenge_key(self, purpose: str) -> bytes:
        """32 bytes for challenges of one purpose, which need no storage: every gateway knows again what one made."""
        return _expand(self._challenges_key, b"zajil challenge\0" + purpose.encode())

    @property
    def newest_storage(self) -> int:
        """Id of the storage key that seals now."""
        return self._newest

    @property
    def storage_numbers(self) -> tuple[int, ...]:
        """Ids of all storage keys: what these sealed can be opened, and it begins with theirs."""
        return tuple(self._storage)

    def backup_key(self, number: int) -> bytes | None:
        """32 bytes that prove a backup was made by a holder of this storage key; None where there is none here."""
        key = self._storage.get(number)
        return key and _expand(key, b"zajil backup proof v1")

    def frank_keys(self, day: int) -> tuple[bytes, ...]:
        """The keys that this day's marks can be of, newest first. day: days since 1970."""
        return tuple(self._day_key(self._frank[number], day) for number in sorted(self._frank, reverse=True))

    def unseal(self, table: str, sealed: bytes, *, aad: bytes) -> bytes:
        """What `seal` took. Raises SealBroken."""
        head, nonce, body = sealed[:_HEAD_SIZE], sealed[_HEAD_SIZE:][:_NONCE_SIZE], sealed[_HEAD_SIZE + _NONCE_SIZE :]
        if len(nonce) != _NONCE_SIZE or head[0] not in self._storage:
            raise SealBroken
        try:
            return self._table_key(table, head[0], int.from_bytes(head[1:], "big")).decrypt(nonce, body, head + aad)
        except InvalidTag:
            raise SealBroken from None

    def _derive_table_key(self, table: str, key_id: int, day: int) -> AESGCM:
        info = b"zajil storage v1\0" + table.encode() + b"\0" + day.to_bytes(2, "big")
        return AESGCM(_expand(self._storage[key_id], info))


def rotate(path: Path, kind: KeyKind, *, random: Callable[[int], bytes] = os.urandom) -> int:
    """Add a key of this kind to the file, which whoever loads it from now on uses; its id. Older ones stay readable.

    Nobody may have the file loaded meanwhile: they could not open what the new key seals. Raises KeyFileError.
    """
    Keys.load(path)  # it is whole, and private
    content = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
    storage = _parse_keys(content.storage)
    held: dict[int, str] = dict(getattr(content, kind))
    if not held:  # of a file from before there were such keys: what was derived until now goes on
        held = {1: _expand(storage[min(storage)], f"zajil {kind} master v1".encode()).hex()}
    number = max(held) + 1
    if number > _NEWEST:
        raise KeyFileError(f"{path.name} has no number left for another key")
    changed = msgspec.structs.replace(content, **{kind: {**held, number: random(32).hex()}})
    replace_file(path, _encode(changed))
    return number


def _expand(key: bytes, info: bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(key)


def _parse_keys(texts: Mapping[int, str]) -> dict[int, bytes]:
    keys = {number: bytes.fromhex(text) for number, text in texts.items()}
    if not keys or any(len(key) != 32 or not 0 <= number <= 255 for number, key in keys.items()):
        raise ValueError
    return keys


def _fresh_file() -> bytes:
    storage, ref, frank, calls = ({1: os.urandom(32).hex()} for _ in range(4))
    return _encode(_KeyFile(version=1, storage=storage, ref=ref, frank=frank, calls=calls))


def _encode(content: _KeyFile) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
