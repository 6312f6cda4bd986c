"""Builds vectors/service/successors.json: which group may take the place of another one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from zajil.protocol import cbor
from zajil.protocol.chat.extensions import (
    ChatKind,
    ChatRole,
    ChatSettings,
    Invite,
    JoinPolicy,
    Predecessor,
    Reason,
    change_settings,
    with_predecessor,
)
from zajil.protocol.chat.successors import Held, Made, check_ahead, check_back, check_later, check_successor, is_late
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
Seeded: TypeAlias = Callable[[str, int], bytes]
SINCE = 7
"""Epoch that the member held when the server had come back from a backup, for `ahead`."""
OWNER, ADMIN = int(ChatRole.OWNER), int(ChatRole.ADMIN)


def build_successors(seeded: Seeded, source: str) -> Json:
    owner, admin, member, rogue = (AccountId(seeded(name, 16)) for name in ("owner", "admin", "member", "rogue"))
    roles = {owner: ChatRole.OWNER, admin: ChatRole.ADMIN}
    invite = Invite(seeded("invite", 16), JoinPolicy.ASK, 1_790_000_000)
    settings = ChatSettings(ChatKind.GROUP, "Голуби", "в небе", roles=roles, invites=(invite,)).encode()
    settings = cbor.encode(_values(settings) | {99: "a later key"})
    gid, authenticator = seeded("group", 16), seeded("authenticator", 32)
    everybody, rest = frozenset({owner, admin, member, rogue}), frozenset({owner, admin, member})
    held = Held(gid, 7, authenticator, settings, everybody, frozenset(), rogue)
    fine = held._replace(offender=b"")
    plain = fine._replace(suite=SUITE_RFC1)
    older = seeded("older authenticator", 32)
    moved = fine._replace(epoch=8, authenticator=older, passed=((7, authenticator), (6, seeded("sixth", 32))))

    def told(reason: Reason = Reason.STUCK, **other: object) -> bytes:
        named = Predecessor(gid, 7, authenticator, reason)._replace(**other)  # type: ignore[arg-type]
        return with_predecessor(settings, named)

    def made(accounts: frozenset[AccountId], data: bytes = b"", *, by: AccountId = admin, role: int = ADMIN) -> Made:
        return Made(data or told(), accounts, by, role)

    def grown(accounts: frozenset[AccountId] = everybody, *, by: AccountId = admin, role: int = ADMIN) -> Made:
        return Made(told(Reason.RESIZE), accounts, by, role, SUITE_RFC1)

    left = held._replace(left=frozenset({member}))
    cases: list[tuple[str, Held, Made]] = [
        ("all but who broke it", held, made(rest)),
        ("by the owner", held, made(rest, by=owner, role=OWNER)),
        ("who broke it is in it", held, made(everybody)),
        ("made by who broke it", held, made(everybody, by=rogue)),
        ("left out by who refused nothing", fine, made(rest)),
        ("all, of whom none is proven", fine, made(everybody)),
        ("without a member, who was not reached", held, made(rest - {member})),
        ("without an admin, by the owner", held, made(rest - {admin}, by=owner, role=OWNER)),
        ("without anybody, by the owner", held, made(frozenset({owner}), by=owner, role=OWNER)),
        ("without the owner, by an admin", held, made(rest - {owner})),
        ("without a member, with who broke it", held, made(everybody - {member})),
        ("without a member, where none is proven", fine, made(everybody - {member})),
        ("without a member, by a member", held, made(rest - {admin}, by=member, role=0)),
        ("a stranger in it", held, made(rest | {AccountId(seeded("stranger", 16))})),
        ("by a member", held, made(rest, by=member, role=0)),
        ("by a stranger", held, made(rest, by=AccountId(seeded("stranger", 16)))),
        ("an older epoch", held, made(rest, told(epoch=6))),
        ("a later epoch", held, made(rest, told(epoch=8))),
        ("another authenticator", held, made(rest, told(authenticator=bytes(32)))),
        ("another group", held, made(rest, told(gid=bytes(16)))),
        ("no predecessor", held, made(rest, settings)),
        ("a forged role", held, made(rest, change_settings(told(), roles=roles | {member: ChatRole.OWNER}))),
        ("a role less", held, made(rest, change_settings(told(), roles={owner: ChatRole.OWNER}))),
        ("another name", held, made(rest, change_settings(told(), name="x"))),
        ("other permissions", held, made(rest, change_settings(told(), perms={"add": 0}))),
        ("a link more", held, made(rest, change_settings(told(), invites=[invite, invite._replace(invite_id=gid)]))),
        ("a later key lost", held, made(rest, _without(told(), 99))),
        ("who left is gone", left, made(rest - {member})),
        ("who left is still there", left, made(rest)),
        ("a repair in a weaker suite", held, made(rest)._replace(suite=SUITE_RFC1)),
        ("for more room, all in it", held, grown()),
        ("for more room, by the owner", fine, grown(by=owner, role=OWNER)),
        ("for more room, somebody left out", held, grown(rest)),
        ("for more room, a stranger in it", fine, grown(everybody | {AccountId(seeded("stranger", 16))})),
        ("for more room, without who left", left, grown(everybody - {member})),
        ("for more room, by a member", fine, grown(by=member, role=0)),
        ("for more room, by who left", fine._replace(left=frozenset({admin})), grown()),
        ("for more room, another name", fine, grown()._replace(settings=change_settings(grown().settings, name="x"))),
        ("for more room, in the same suite", fine, grown()._replace(suite=SUITE_XWING)),
        ("for more room once more", plain, grown()),
        ("for more room, in the strong suite", plain, grown()._replace(suite=SUITE_XWING)),
        ("for another suite, all in it", plain, made(everybody, told(Reason.SUITE))),
        ("for another suite, a weaker one", fine, made(everybody, told(Reason.SUITE))._replace(suite=SUITE_RFC1)),
        ("for another suite, the same", fine, made(everybody, told(Reason.SUITE))),
        ("for more room, after a commit", moved, grown()),
        ("for another suite, after a commit", moved._replace(suite=SUITE_RFC1), made(everybody, told(Reason.SUITE))),
        ("a repair, after a commit", moved, made(everybody)),
        ("for more room, after a commit, by a member", moved, grown(by=member, role=0)),
        ("for more room, of an epoch too old to know", moved, made(everybody, told(Reason.RESIZE, epoch=5))),
        ("for more room, a false passed epoch", moved, made(everybody, told(Reason.RESIZE, authenticator=bytes(32)))),
        ("for more room, a passed epoch of another number", moved, made(everybody, told(Reason.RESIZE, epoch=6))),
    ]
    stranger, less, more = AccountId(seeded("stranger", 16)), {owner: ChatRole.OWNER}, roles | {member: ChatRole.ADMIN}
    swapped = {admin: ChatRole.ADMIN}
    lost = told(epoch=9, authenticator=seeded("ninth authenticator", 32))
    cases += [
        ("a lost epoch, all in it", fine, made(everybody, lost)),
        ("a lost epoch, a member out", fine, made(rest, lost)),
        ("a lost epoch, an admin out, by the owner", fine, made(rest - {admin}, lost, by=owner, role=OWNER)),
        ("a lost epoch, an owner out, by an admin", fine, made(rest - {owner}, lost)),
        ("a lost epoch, its maker out", fine, made(rest - {admin}, lost)),
        ("a lost epoch, a stranger in it", fine, made(rest | {stranger}, lost)),
        ("a lost epoch, by a stranger", fine, made(rest | {stranger}, lost, by=stranger)),
        ("a lost epoch, by a member", fine, made(rest, lost, by=member, role=0)),
        ("a lost epoch, another name", fine, made(rest, change_settings(lost, name="x"))),
        ("a lost epoch, a later key gone", fine, made(rest, _without(lost, 99))),
        ("a lost epoch, an admin less", fine, made(rest, change_settings(lost, roles=less), by=owner, role=OWNER)),
        ("a lost epoch, an admin less, by an admin", fine, made(rest, change_settings(lost, roles=less))),
        (
            "a lost epoch, an owner less, by an admin",
            fine,
            made(rest, change_settings(lost, roles=swapped)),
        ),
        ("a lost epoch, one more, by an admin", fine, made(rest, change_settings(lost, roles=more))),
        (
            "a lost epoch, one more, by the owner",
            fine,
            made(rest, change_settings(lost, roles=more), by=owner, role=OWNER),
        ),
        ("a lost epoch, after commits of the server that came back", fine._replace(epoch=12), made(rest, lost)),
        ("a lost epoch, with who broke what came after", held._replace(epoch=12), made(everybody, lost)),
        ("a lost epoch, without who broke what came after", held._replace(epoch=12), made(rest, lost)),
        ("a lost epoch, in a weaker suite", fine, made(rest, lost)._replace(suite=SUITE_RFC1)),
        ("a lost epoch, for more room", fine, grown()._replace(settings=told(Reason.RESIZE, epoch=9))),
        ("an epoch that was seen, a member out", moved, made(rest, told(epoch=8, authenticator=older))),
    ]
    replaced = ((7, seeded("replaced authenticator", 32)), (6, seeded("sixth", 32)))
    named, back = told(epoch=7, authenticator=replaced[0][1]), fine._replace(epoch=9, authenticator=older)
    passed = told(epoch=6, authenticator=replaced[1][1])
    cases += [
        ("an epoch that a Welcome replaced", back, made(everybody, named)),
        ("an epoch that a Welcome replaced, a stranger in it", back, made(everybody | {stranger}, named)),
        ("an epoch that a Welcome replaced, by a member", back, made(everybody, named, by=member, role=0)),
        ("an epoch that a Welcome replaced, by who is out since", back, made(everybody, named, by=stranger)),
        ("an epoch that a Welcome replaced, an owner out", back, made(everybody - {owner}, named)),
        ("an epoch that a Welcome replaced, a false secret", back, made(everybody, told(authenticator=bytes(32)))),
        ("an epoch that a Welcome replaced, and a commit ended", moved, made(everybody, passed)),
    ]
    dm = ChatSettings(ChatKind.DM).encode()
    of_two = Held(gid, 7, authenticator, dm, frozenset({owner, rogue}), frozenset(), rogue)
    both = with_predecessor(dm, Predecessor(gid, 7, authenticator, Reason.STUCK))
    room = with_predecessor(dm, Predecessor(gid, 7, authenticator, Reason.RESIZE))
    later = with_predecessor(dm, Predecessor(gid, 9, seeded("ninth authenticator", 32), Reason.STUCK))
    past = of_two._replace(epoch=8, authenticator=older, passed=moved.passed)
    cases += [
        ("a chat of two for more room", of_two, Made(room, of_two.accounts, owner, OWNER, SUITE_RFC1)),
        ("a chat of two for more room, after a commit", past, Made(room, of_two.accounts, owner, OWNER, SUITE_RFC1)),
        ("a chat of two, both in it", of_two, Made(both, of_two.accounts, owner, OWNER)),
        ("a chat of two, a lost epoch", of_two, Made(later, of_two.accounts, owner, OWNER)),
        ("a chat of two, a lost epoch, of one", of_two, Made(later, frozenset({owner}), owner, OWNER)),
        ("a chat of two, of one", of_two, Made(both, frozenset({owner}), owner, OWNER)),
    ]
    return {
        "source": source,
        "since": SINCE,
        "replaced": [[epoch, secret.hex()] for epoch, secret in replaced],
        "cases": [_case(*case, replaced) for case in cases],
        "refused_settings": [
            {"about": about, "data": cbor.encode(_values(settings) | {9: value}).hex()}
            for about, value in _bad(gid, authenticator).items()
        ],
        "settings": settings.hex(),
        "with_predecessor": told(Reason.SUITE).hex(),
    }


def _bad(gid: bytes, authenticator: bytes) -> dict[str, cbor.Value]:
    return {
        "another reason": [gid, 7, authenticator, 4],
        "no reason": [gid, 7, authenticator],
        "reason 0": [gid, 7, authenticator, 0],
        "a short group": [gid[:15], 7, authenticator, 1],
        "a short authenticator": [gid, 7, authenticator[:31], 1],
        "a long authenticator": [gid, 7, bytes(65), 1],
        "a negative epoch": [gid, -1, authenticator, 1],
        "an epoch that JavaScript counts no more": [gid, 1 << 53, authenticator, 1],
        "the last epoch of MLS": [gid, (1 << 64) - 1, authenticator, 1],
        "no list": 7,
    }


def _case(about: str, held: Held, made: Made, replaced: tuple[tuple[int, bytes], ...]) -> Json:
    return {
        "about": about,
        "held": {
            "gid": held.gid.hex(),
            "epoch": held.epoch,
            "authenticator": held.authenticator.hex(),
            "settings": held.settings.hex(),
            "accounts": _hex(held.accounts),
            "left": _hex(held.left),
            "offender": held.offender.hex(),
            "suite": held.suite,
            "passed": [[epoch, secret.hex()] for epoch, secret in held.passed],
        },
        "made": {
            "settings": made.settings.hex(),
            "accounts": _hex(made.accounts),
            "creator": made.creator.hex(),
            "role": made.role,
            "suite": made.suite,
        },
        "reason": _find_reason(check_successor, held, made),
        "later": _find_reason(check_later, held, made),
        "back": _find_reason(check_back, held, made),
        "ahead": _find_reason(partial(check_ahead, since=SINCE, replaced=replaced), held, made),
        "late": is_late(held.passed, made.settings),
    }


def _find_reason(check: Callable[[Held, Made], Reason], held: Held, made: Made) -> int:
    """0 where it follows not. `later`: brought into a later epoch by the creator, another device of one's own."""
    try:
        return int(check(held, made))
    except ZajilError:
        return 0


def _hex(accounts: frozenset[bytes] | object) -> list[Json]:
    assert isinstance(accounts, frozenset)
    return sorted(account.hex() for account in accounts)


def _values(data: bytes) -> dict[cbor.Key, cbor.Value]:
    parsed = cbor.parse(data)
    assert isinstance(parsed, dict)
    return dict(parsed)


def _without(data: bytes, key: cbor.Key) -> bytes:
    return cbor.encode({name: value for name, value in _values(data).items() if name != key})
