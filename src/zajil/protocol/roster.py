"""The roster of a group: which mailbox each leaf reads, sealed under a key only members hold.

At rest = nonce 12 || AES-256-GCM(roster_key, u32 length || CBOR [[leaf, deliver_to]] || zeros to a power of two of at
least 1 KiB, aad = gid || epoch u64): its size would count the members. Source: docs/protocol/groups.md; RFC 5869.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import GroupId
from zajil.protocol.limits import DELIVERY_REF_BYTES, KIB, ROSTER_ENTRIES

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class RosterEntry(msgspec.Struct, frozen=True, order=True):
    """One leaf and its delivery reference (opaque here, at most 54 bytes)."""

    leaf: int
    deliver_to: bytes


def roster_key(group_secret: bytes) -> bytes:
    """32 bytes: HKDF-Expand with SHA-256 over the 32-byte group secret (RFC 5869 2.3)."""
    if len(group_secret) != KEY_BYTES:
        raise error("wrong-call", "group secret of 32 bytes")
    return HKDFExpand(SHA256(), KEY_BYTES, b"zajil roster v1").derive(group_secret)


def _aad(gid: GroupId, epoch: int) -> bytes:
    return gid + epoch.to_bytes(8, "big")


def seal_roster(key: bytes, gid: GroupId, epoch: int, entries: Sequence[RosterEntry], *, nonce: bytes) -> bytes:
    """The roster as it rests: entries are put in leaf order.

    nonce: 12 bytes, never used before with this key; random ones last for 2^32 rosters.
    Raises LocalProtocolError for wrong sizes, doubled leaves or more than 1,024 entries.
    """
    leaves = [entry.leaf for entry in sorted(entries)]
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES or len(entries) > ROSTER_ENTRIES:
        raise error("wrong-call", "roster key, nonce or count")
    if len(set(leaves)) != len(leaves) or any(len(entry.deliver_to) > DELIVERY_REF_BYTES for entry in entries):
        raise error("wrong-call", "roster entries")
    body = cbor.encode([[entry.leaf, entry.deliver_to] for entry in sorted(entries)])
    plain = len(body).to_bytes(4, "big") + body
    size = max(KIB, 1 << (len(plain) - 1).bit_length())
    return nonce + AESGCM(key).encrypt(nonce, plain.ljust(size, b"\x00"), _aad(gid, epoch))


def open_roster(key: bytes, gid: GroupId, epoch: int, sealed: bytes) -> tuple[RosterEntry, ...]:
    """Entries in leaf order. Raises Refused `bad-roster-key` whatever is wrong: key, group, epoch or bytes."""
    try:
        plain = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _aad(gid, epoch))
        length = int.from_bytes(plain[:4], "big")
        return _entries(cbor.parse(plain[4 : 4 + length]))
    except (InvalidTag, ValueError, ZajilError):
        raise error("bad-roster-key") from None


def _entries(value: cbor.Parsed) -> tuple[RosterEntry, ...]:
    if not isinstance(value, list):
        raise error("malformed", "roster")
    entries: list[RosterEntry] = []
    for item in value:
        match item:
            case [int() as leaf, bytes() as deliver_to] if not isinstance(leaf, bool):
                entries.append(RosterEntry(leaf, deliver_to))
            case _:
                raise error("malformed", "roster")
    return tuple(entries)
