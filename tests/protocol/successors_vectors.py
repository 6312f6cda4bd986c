"""Builds vectors/service/successors.json: which group may take the place of another one."""

from __future__ import annotations

from collections.abc import Callable
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
from zajil.protocol.chat.successors import Held, Made, check_successor
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
Seeded: TypeAlias = Callable[[str, int], bytes]
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

    def told(reason: Reason = Reason.STUCK, **other: object) -> bytes:
        named = Predecessor(gid, 7, authenticator, reason)._replace(**other)  # type: ignore[arg-type]
        return with_predecessor(settings, named)

    def made(accounts: frozenset[AccountId], data: bytes = b"", *, by: AccountId = admin, role: int = ADMIN) -> Made:
        return Made(data or told(), accounts, by, role)

    left = held._replace(left=frozenset({member}))
    cases: list[tuple[str, Held, Made]] = [
        ("all but who broke it", held, made(rest)),
        ("by the owner", held, made(rest, by=owner, role=OWNER)),
        ("who broke it is in it", held, made(everybody)),
        ("made by who broke it", held, made(everybody, by=rogue)),
        ("left out by who refused nothing", fine, made(rest)),
        ("all, of whom none is proven", fine, made(everybody)),
        ("somebody else left out", held, made(rest - {member})),
        ("a stranger in it", held, made(rest | {AccountId(seeded("stranger", 16))})),
        ("by a member", held, made(rest, by=member, role=0)),
        ("by a stranger", held, made(rest, by=AccountId(seeded("stranger", 16)))),
        ("an older epoch", held, made(rest, told(epoch=6))),
        ("a later epoch", held, made(rest, told(epoch=8))),
        ("another authenticator", held, made(rest, told(authenticator=bytes(32)))),
        ("another group", held, made(rest, told(gid=bytes(16)))),
        ("no predecessor", held, made(rest, settings)),
        ("a forged role", held, made(rest, change_settings(told(), roles=roles | {member: ChatRole.OWNER}))),
        ("another name", held, made(rest, change_settings(told(), name="x"))),
        ("other permissions", held, made(rest, change_settings(told(), perms={"add": 0}))),
        ("a link more", held, made(rest, change_settings(told(), invites=[invite, invite._replace(invite_id=gid)]))),
        ("a later key lost", held, made(rest, _without(told(), 99))),
        ("who left is gone", left, made(rest - {member})),
        ("who left is still there", left, made(rest)),
        ("for more room, all in it", held, made(everybody, told(Reason.RESIZE))),
        ("for more room, somebody left out", held, made(rest, told(Reason.RESIZE))),
        ("for another suite, all in it", fine, made(everybody, told(Reason.SUITE))),
    ]
    dm = ChatSettings(ChatKind.DM).encode()
    of_two = Held(gid, 7, authenticator, dm, frozenset({owner, rogue}), frozenset(), rogue)
    both = with_predecessor(dm, Predecessor(gid, 7, authenticator, Reason.STUCK))
    cases += [
        ("a chat of two, both in it", of_two, Made(both, of_two.accounts, owner, OWNER)),
        ("a chat of two, of one", of_two, Made(both, frozenset({owner}), owner, OWNER)),
    ]
    return {
        "source": source,
        "cases": [_case(*case) for case in cases],
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
        "no list": 7,
    }


def _case(about: str, held: Held, made: Made) -> Json:
    try:
        reason = int(check_successor(held, made))
    except ZajilError:
        reason = 0
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
        },
        "made": {
            "settings": made.settings.hex(),
            "accounts": _hex(made.accounts),
            "creator": made.creator.hex(),
            "role": made.role,
        },
        "reason": reason,
    }


def _hex(accounts: frozenset[bytes] | object) -> list[Json]:
    assert isinstance(accounts, frozenset)
    return sorted(account.hex() for account in accounts)


def _values(data: bytes) -> dict[cbor.Key, cbor.Value]:
    parsed = cbor.parse(data)
    assert isinstance(parsed, dict)
    return dict(parsed)


def _without(data: bytes, key: cbor.Key) -> bytes:
    return cbor.encode({name: value for name, value in _values(data).items() if name != key})
