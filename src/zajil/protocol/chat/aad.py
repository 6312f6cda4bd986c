"""The AAD of every PrivateMessage: what the server may read and the sender's signature binds.

CBOR: application `[1, 1, tag]`; commit `[1, 2, [added leaf], [removed leaf], rotate, refs_hash]`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.limits import ROSTER_ENTRIES

VERSION: Final = 1
_APPLICATION, _COMMIT = 1, 2
APPLICATION_BYTES: Final = 37
"""Every application AAD has this length."""
_APPLICATION_HEAD: Final = bytes.fromhex("8301015820")
"""What the only encoding of one begins with: a server parses one for each message."""
MOST_BYTES: Final = 10_320
"""Longest commit AAD: two lists of 1,024 leaves, 5 bytes each, and the rest."""


@dataclass(frozen=True, slots=True)
class ApplicationAad:
    """tag: 32 bytes, `content_tag` of the content inside."""

    tag: bytes

    def encode(self) -> bytes:
        """The AAD's bytes."""
        return cbor.encode([VERSION, _APPLICATION, self.tag])


@dataclass(frozen=True, slots=True)
class CommitAad:
    """What a commit does to the roster. Leaves ascend; rotate: the roster key changes; refs_hash: `hash_refs`."""

    added: tuple[int, ...]
    removed: tuple[int, ...]
    rotate: bool
    refs_hash: bytes

    def encode(self) -> bytes:
        """The AAD's bytes."""
        return cbor.encode([VERSION, _COMMIT, self.added, self.removed, self.rotate, self.refs_hash])


def hash_refs(deliver_to: Sequence[bytes]) -> bytes:
    """32 bytes: SHA-256 over the CBOR list of the added delivery references, in the order of their leaves."""
    return hashlib.sha256(cbor.encode(list(deliver_to))).digest()


def find_tag(data: bytes) -> bytes | None:
    """The tag in the AAD of an application message, which has one encoding; None for anything else."""
    if len(data) == APPLICATION_BYTES and data.startswith(_APPLICATION_HEAD):
        return data[len(_APPLICATION_HEAD) :]
    return None


def parse_aad(data: bytes) -> ApplicationAad | CommitAad:
    """The AAD of a PrivateMessage. Raises Malformed for any other shape, leaves not ascending, another version.

    What is too long to be one is not even looked at: a server parses AADs for whoever sends them.
    """
    if len(data) > MOST_BYTES:
        raise error("malformed", "AAD too long")
    if (tag := find_tag(data)) is not None:
        return ApplicationAad(tag)
    value = cbor.parse(data)
    if not isinstance(value, list) or value[:1] != [VERSION] or isinstance(value[0], bool):
        raise error("malformed", "AAD")
    fields = Fields.of_array(value, 3, 6)
    kind = fields.number(1)
    if kind == _APPLICATION and len(value) == 3:
        return ApplicationAad(fields.blob(2, size=32))
    if kind == _COMMIT and len(value) == 6:
        added = _leaves(fields.items(2, most=ROSTER_ENTRIES))
        removed = _leaves(fields.items(3, most=ROSTER_ENTRIES))
        return CommitAad(added, removed, fields.flag(4), fields.blob(5, size=32))
    raise error("malformed", "AAD")


def _leaves(items: list[cbor.Parsed]) -> tuple[int, ...]:
    fields = Fields(dict(enumerate(items)))
    leaves = tuple(fields.number(at, bits=32) for at in range(len(items)))
    if any(a >= b for a, b in pairwise(leaves)):
        raise error("malformed", "leaves do not ascend")
    return leaves
