"""Which group may take the place of another one (service.md 6): one rule that every member's client judges by.

A successor is a new group that names the group and epoch it follows. To take one for the same chat is to believe its
maker in place of the old group's commits, so it must be what the old group already agreed on: its settings, its people.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from zajil.protocol.chat.extensions import PREDECESSOR, ChatKind, ChatRole, ChatSettings, Reason, find_changes
from zajil.protocol.errors import error


class Held(NamedTuple):
    """What a member holds of the group that ended.

    settings: data of its extension 0xF0A0. accounts: of the tree of this epoch. left: those who sent `leave`.
    offender: account that signed the commit of this epoch which this member refused itself; empty for none.
    """

    gid: bytes
    epoch: int
    authenticator: bytes
    settings: bytes
    accounts: AbstractSet[bytes]
    left: AbstractSet[bytes] = frozenset()
    offender: bytes = b""


class Made(NamedTuple):
    """The group that says it follows. creator: account of who made it; role: of theirs in the held tree, 0 to 2."""

    settings: bytes
    accounts: AbstractSet[bytes]
    creator: bytes
    role: int


class Place(NamedTuple):
    """What orders two successors of one group: the lower one stays. leaf: of the maker's device in the held tree."""

    leaf: int
    gid: bytes


def check_successor(held: Held, made: Made) -> Reason:
    """Why `made` takes the place of `held`. Raises `not-allowed` where it does not, Malformed."""
    reason = _check_named(held, made)
    if find_changes(held.settings, made.settings) - {PREDECESSOR}:
        raise error("not-allowed", "other settings")
    if made.role < ChatRole.ADMIN or made.creator not in find_people(held, reason):
        raise error("not-allowed", "its maker")
    return reason


def check_later(held: Held, made: Made) -> Reason:
    """The same for a device that another one of its account, the creator here, brings into a later epoch.

    Its maker cannot be known any more, and names or roles may have changed. Raises as `check_successor`.
    """
    if ChatSettings.parse(made.settings).kind is not ChatSettings.parse(held.settings).kind:
        raise error("not-allowed", "another kind")
    return _check_named(held, made)


def _check_named(held: Held, made: Made) -> Reason:
    """It names the epoch that is held, a secret of those who were in it, and has its people and nobody else."""
    told = ChatSettings.parse(made.settings).predecessor
    if told is None or told.gid != held.gid:
        raise error("not-allowed", "another group")
    if told.epoch != held.epoch or told.authenticator != held.authenticator:
        raise error("not-allowed", "another epoch")
    people = find_people(held, told.reason)
    # Whoever said `leave` need not come along, and may not know it of another who did: the others remove them again.
    if not people <= made.accounts <= people | held.left:
        raise error("not-allowed", "other people")
    return told.reason


def find_people(held: Held, reason: Reason) -> frozenset[bytes]:
    """The accounts that a successor must have: all but who left and, in a stuck group, who broke it."""
    gone = set(held.left)
    if reason is Reason.STUCK and ChatSettings.parse(held.settings).kind is ChatKind.GROUP:
        gone.add(held.offender)
    return frozenset(held.accounts) - gone
