"""Which group may take the place of another one (service.md 6): one rule that every member's client judges by.

A successor is a new group that names the group and epoch it follows. To take one for the same chat is to believe its
maker in place of the old group's commits, so it must be what the old group already agreed on: its settings, its people.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from zajil.protocol.chat.changes import check_change
from zajil.protocol.chat.extensions import (
    PREDECESSOR,
    ChatKind,
    ChatRole,
    ChatSettings,
    Reason,
    change_settings,
    find_changes,
    with_predecessor,
)
from zajil.protocol.errors import error
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

PASSED_EPOCHS: Final = 16
"""Of so many epochs that a group left by commits, the authenticators are kept."""
_BY_CHOICE: Final = (Reason.RESIZE, Reason.SUITE)
"""The old group was fine: somebody wanted another one."""


class Held(NamedTuple):
    """What a member holds of the group that ended.

    settings: data of its extension 0xF0A0. accounts: of the tree of this epoch. left: those who sent `leave`.
    offender: account that signed the commit of this epoch which this member refused itself; empty for none.
    suite: its MLS cipher suite. passed: (epoch, authenticator) of the last ones that ended by a commit, newest first.
    """

    gid: bytes
    epoch: int
    authenticator: bytes
    settings: bytes
    accounts: AbstractSet[bytes]
    left: AbstractSet[bytes] = frozenset()
    offender: bytes = b""
    suite: int = SUITE_XWING
    passed: tuple[tuple[int, bytes], ...] = ()


class Made(NamedTuple):
    """The group that says it follows. creator: account of who made it; role: of theirs in the held tree, 0 to 2.

    suite: its MLS cipher suite.
    """

    settings: bytes
    accounts: AbstractSet[bytes]
    creator: bytes
    role: int
    suite: int = SUITE_XWING


class Place(NamedTuple):
    """What orders two successors of one group: the lower one stays. leaf: of the maker's device in the held tree."""

    leaf: int
    gid: bytes


def check_successor(held: Held, made: Made) -> Reason:
    """Why `made` takes the place of `held`. Raises `not-allowed` where it does not, Malformed."""
    reason = _check_named(held, made, passed=())
    _check_people(held, made, reason)
    if find_changes(held.settings, made.settings) - {PREDECESSOR}:
        raise error("not-allowed", "other settings")
    if made.role < ChatRole.ADMIN or made.creator not in find_people(held, reason):
        raise error("not-allowed", "its maker")
    return reason


def check_back(held: Held, made: Made) -> Reason:
    """The same for an account that was not reached when it was made: an admin, the creator here, adds it later.

    It may be any epoch, so who is in it and its name may have changed by right; but nobody has a role that they did not
    have, and who broke the old group is not in it. Raises as `check_successor`.
    """
    reason = _check_named(held, made, passed=())
    before, now = ChatSettings.parse(held.settings), ChatSettings.parse(made.settings)
    people = find_people(held, reason)
    if reason is not Reason.STUCK or not held.offender or held.offender in made.accounts or before.kind is not now.kind:
        raise error("not-allowed", "not what was broken")
    if not may_miss(held, people - made.accounts, made.role):
        raise error("not-allowed", "other people")
    if made.role < ChatRole.ADMIN or made.creator not in people or not now.roles.items() <= before.roles.items():
        raise error("not-allowed", "a role")
    return reason


def check_ahead(held: Held, made: Made, *, since: int, replaced: tuple[tuple[int, bytes], ...] = ()) -> Reason:
    """The same where the server lost what came after a backup, and this member never saw the epoch that is named.

    So others left an old group in which this member and whoever they removed are alone. No secret of that epoch proves
    it, so it may be no more than what its maker could have made of the old group by right in this member's eyes.
    since: epoch that this member held when the server had gone back; later ones came about there and prove nothing of
    what was lost. replaced: (epoch, authenticator) of those that this member held since then, until a Welcome brought
    it back to where they never were; such a one may be named, too. Raises as `check_successor`.
    """
    told = ChatSettings.parse(made.settings).predecessor
    if told is None or told.gid != held.gid:
        raise error("not-allowed", "another group")
    named, known = (told.epoch, told.authenticator), ((held.epoch, held.authenticator), *held.passed)
    if told.reason is not Reason.STUCK or named in known or (told.epoch <= since and named not in replaced):
        raise error("not-allowed", "another epoch")
    if held.suite != made.suite:
        raise error("not-allowed", "another suite")
    people = find_people(held, Reason.STUCK)
    if made.role < ChatRole.ADMIN or made.creator not in people & made.accounts:
        raise error("not-allowed", "its maker")
    before = ChatSettings.parse(held.settings)
    owners = {account for account, role in before.roles.items() if role is ChatRole.OWNER}
    if before.kind is not ChatKind.GROUP:
        fits = people == made.accounts
    else:
        fits = held.offender not in made.accounts
        fits = fits and (made.role >= ChatRole.OWNER or owners.isdisjoint(people - made.accounts))
    if not fits:
        raise error("not-allowed", "other people")
    _check_settings(with_predecessor(held.settings, told), made)
    return told.reason


def _check_settings(before: bytes, made: Made) -> None:
    """Its maker may change these settings into those, but for admins who are none any more: an owner did that before.

    before: as held, with the same predecessor.
    """
    roles, now = ChatSettings.parse(before).roles, ChatSettings.parse(made.settings).roles
    if now != roles and now == {who: role for who, role in roles.items() if role is ChatRole.OWNER or who in now}:
        before = change_settings(before, roles=now)
    check_change(before, made.settings, made.role)


def may_miss(held: Held, missing: AbstractSet[bytes], role: int) -> bool:
    """Whether a successor may be without these people, whom its maker, of this role, could not reach.

    Only where a broken commit is proven: every member refused it, so nobody is left alone in a group that seems well.
    And only whom the maker may remove anyway, so that it is no Remove without the right.
    """
    settings = ChatSettings.parse(held.settings)
    if not missing:
        return True
    if settings.kind is not ChatKind.GROUP or not held.offender or role < ChatRole.ADMIN:
        return False
    owners = {account for account, held_role in settings.roles.items() if held_role is ChatRole.OWNER}
    return role >= ChatRole.OWNER or owners.isdisjoint(missing)


def check_later(held: Held, made: Made) -> Reason:
    """The same for a device that another one of its account, the creator here, brings into a later epoch.

    Its maker cannot be known any more, and names or roles may have changed. Where the old group was fine, this device
    may have followed a commit of it that its sibling left out. Raises as `check_successor`.
    """
    if ChatSettings.parse(made.settings).kind is not ChatSettings.parse(held.settings).kind:
        raise error("not-allowed", "another kind")
    reason = _check_named(held, made, passed=held.passed)
    if not find_people(held, reason) <= made.accounts:
        raise error("not-allowed", "other people")
    _check_people(held, made, reason)
    return reason


def is_late(passed: tuple[tuple[int, bytes], ...], settings: bytes) -> bool:
    """Whether a group by choice names an epoch of a group which a commit ended before: nobody follows it.

    The server gives all members a commit and a Welcome in one order, so its maker sees that too, and tries again. To
    show it would be to show a chat that nobody is in. passed: see `Held`, of the group it names. Raises Malformed.
    """
    made = ChatSettings.parse(settings)
    told = made.predecessor
    if told is None or made.kind is not ChatKind.GROUP or told.reason not in _BY_CHOICE:
        return False
    return (told.epoch, told.authenticator) in passed


def _check_named(held: Held, made: Made, *, passed: tuple[tuple[int, bytes], ...]) -> Reason:
    """It names the epoch that is held, a secret of those who were in it, and has a suite that its reason allows.

    passed: epochs that it may name instead where the old group was fine.
    """
    settings = ChatSettings.parse(made.settings)
    told = settings.predecessor
    if told is None or told.gid != held.gid:
        raise error("not-allowed", "another group")
    if told.reason not in _BY_CHOICE:
        passed = ()
    if (told.epoch, told.authenticator) not in ((held.epoch, held.authenticator), *passed):
        raise error("not-allowed", "another epoch")
    if told.reason in _BY_CHOICE and settings.kind is not ChatKind.GROUP:
        raise error("not-allowed", "a chat of two stays as it is")
    if (held.suite, made.suite) not in _find_suites(held.suite, told.reason):
        raise error("not-allowed", "another suite")
    return told.reason


def _check_people(held: Held, made: Made, reason: Reason) -> None:
    """It has the people of the old group and nobody else, but whom its maker could not reach and may remove.

    Whoever said `leave` need not come along, and may not know it of another who did: the others remove them again.
    """
    people = find_people(held, reason)
    missing = people - made.accounts
    if not made.accounts <= people | held.left:
        raise error("not-allowed", "other people")
    if missing and (reason is not Reason.STUCK or not may_miss(held, missing, made.role)):
        raise error("not-allowed", "other people")


def _find_suites(held: int, reason: Reason) -> tuple[tuple[int, int], ...]:
    """(suite before, suite after) that this reason allows: strength is lost for more room alone, which people are told.

    So a group grows once, and cannot be led from one suite to the next without an end.
    """
    match reason:
        case Reason.RESIZE:
            return ((SUITE_XWING, SUITE_RFC1),)
        case Reason.SUITE:
            return ((SUITE_RFC1, SUITE_XWING),)
    return ((held, held),)


def find_people(held: Held, reason: Reason) -> frozenset[bytes]:
    """The accounts that come along: all but who left and, in a stuck group, who broke it."""
    gone = set(held.left)
    if reason is Reason.STUCK and ChatSettings.parse(held.settings).kind is ChatKind.GROUP:
        gone.add(held.offender)
    return frozenset(held.accounts) - gone
