"""Entries of the audit log: one deterministic CBOR map each, chained by hash.

    {n, at, kind, decision_hash, policy, model, actor_pseudonym, prev}

n counts from 0 and is the leaf's index in the tree. prev = SHA-256 of the entry before it, 32 zero bytes for the first.
decision_hash = SHA-256(salt, 16 bytes || record); the salt lies with the record, so that erasing the record leaves a
hash that nobody can link to it, not even by guessing what it said. actor_pseudonym = HMAC-SHA256(key of this log,
staff id), cut to 16 bytes; empty for what happened without a person. Source: design/moderation.md section 11.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error

Kind: TypeAlias = Literal[
    "decision", "appeal", "policy", "list", "staff", "evidence", "disclosure", "export", "account"
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""evidence: rounded counts of a finished month of private reports. disclosure: data of an
account given out on a lawful request. account: one that the operator ended."""
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
PSEUDONYM_BYTES: Final = 16
NAME_BYTES: Final = 160
ENTRY_BYTES: Final = 1_024
GENESIS: Final = bytes(HASH_BYTES)
_FIELDS: Final = frozenset({"n", "at", "kind", "decision_hash", "policy", "model", "actor_pseudonym", "prev"})


class Entry(NamedTuple):
    """One entry. at: Unix seconds, never before the entry in front. policy, model: what decided, "" where neither."""

    n: int
    at: int
    kind: Kind
    decision_hash: bytes
    policy: str
    model: str
    actor_pseudonym: bytes
    prev: bytes


def encode_entry(entry: Entry) -> bytes:
    """The one encoding of an entry. Raises LocalProtocolError for one that would not read back."""
    fields: dict[cbor.Key, cbor.Value] = dict(zip(Entry._fields, entry, strict=True))
    data = cbor.encode(fields)
    try:
        _read(fields, len(data))
    except ZajilError:
        raise error("wrong-call", "audit entry that no one could read") from None
    return data


def parse_entry(data: bytes) -> Entry:
    """The entry of its one encoding. Raises Malformed for anything else."""
    return _read(cbor.parse(data) if len(data) <= ENTRY_BYTES else None, len(data))


def _read(fields: object, size: int) -> Entry:
    """The entry of these fields, which take so many bytes. Raises Malformed for what is none."""
    if size > ENTRY_BYTES:
        raise error("malformed", "audit entry too large")
    if not isinstance(fields, dict) or fields.keys() != _FIELDS:
        raise error("malformed", "audit entry with other fields")
    kind = next((known for known in KINDS if known == fields["kind"]), None)
    if kind is None:
        raise error("malformed", "audit entry of an unknown kind")
    actor = _bytes(fields["actor_pseudonym"])
    if len(actor) not in (0, PSEUDONYM_BYTES):
        raise error("malformed", "pseudonym of another size")
    return Entry(
        n=_number(fields["n"]),
        at=_number(fields["at"]),
        kind=kind,
        decision_hash=_hash(fields["decision_hash"]),
        policy=_name(fields["policy"]),
        model=_name(fields["model"]),
        actor_pseudonym=actor,
        prev=_hash(fields["prev"]),
    )


def entry_hash(data: bytes) -> bytes:
    """What the next entry names as `prev`."""
    return hashlib.sha256(data).digest()


def hash_record(salt: bytes, record: bytes) -> bytes:
    """The decision_hash of a record. Raises LocalProtocolError unless the salt has 16 bytes."""
    if len(salt) != SALT_BYTES:
        raise error("wrong-call", "salt of 16 bytes")
    return hashlib.sha256(salt + record).digest()


def check_record(entry: Entry, salt: bytes, record: bytes) -> None:
    """Raises Malformed `bad-signature` unless the entry is about this very record."""
    if len(salt) != SALT_BYTES or not hmac.compare_digest(hash_record(salt, record), entry.decision_hash):
        raise error("bad-signature", "record that the log does not know")


def make_pseudonym(key: bytes, staff_id: bytes) -> bytes:
    """The name of a member of staff in this log: 16 bytes, always the same, telling nothing without the key."""
    return hmac.digest(key, b"zajil audit actor v1" + staff_id, "sha256")[:PSEUDONYM_BYTES]


def _number(value: cbor.Parsed) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise error("malformed", "audit entry without a number")
    return value


def _bytes(value: cbor.Parsed) -> bytes:
    if not isinstance(value, bytes):
        raise error("malformed", "audit entry without bytes")
    return value


def _hash(value: cbor.Parsed) -> bytes:
    data = _bytes(value)
    if len(data) != HASH_BYTES:
        raise error("malformed", "hash of another size")
    return data


def _name(value: cbor.Parsed) -> str:
    if not isinstance(value, str) or len(value.encode()) > NAME_BYTES:
        raise error("malformed", "name of a policy or model")
    return value
