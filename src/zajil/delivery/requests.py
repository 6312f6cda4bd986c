"""What CREATE, COMMIT and SEND have in common: their name for idempotency, their entries, and hashing off the loop."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from zajil.protocol import frames
from zajil.protocol.errors import error
from zajil.protocol.roster import RosterEntry

_THREAD_ABOVE: Final = 64 * 1024
F = TypeVar("F", frames.Commit, frames.Send)
T = TypeVar("T")


def key_of(frame: frames.Request) -> bytes:
    """32 bytes: SHA-256 of gid and mid, under which an acceptance is remembered for 24 h."""
    return hashlib.sha256(frame.gid + frame.mid).digest()


def entries_of(added: Sequence[frames.AddedLeaf]) -> tuple[RosterEntry, ...]:
    """Added leaves as roster entries. Raises Malformed unless they ascend."""
    leaves = [each.leaf for each in added]
    if any(a >= b for a, b in itertools.pairwise(leaves)):
        raise error("malformed", "added leaves do not ascend")
    return tuple(RosterEntry(each.leaf, each.deliver_to) for each in added)


async def prepare_off_loop(prepare: Callable[[F], T], frame: F, size_bytes: int) -> T:
    """`prepare(frame)`; over 64 KiB in a thread, because hashing so much would hold up the event loop."""
    if size_bytes <= _THREAD_ABOVE:
        return prepare(frame)
    return await asyncio.to_thread(prepare, frame)
