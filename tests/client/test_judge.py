"""The veto: who may change what, as every member judges it."""

from __future__ import annotations

import pytest

from zajil.client.core import groups
from zajil.client.core.judge import Change, Vetoed, check_change
from zajil.client.state.rows import Chat, Member

OWNER, ADMIN, MEMBER, GUEST = (bytes([n]) * 16 for n in (1, 2, 3, 9))
TREE = (Member(0, OWNER, 1), Member(1, ADMIN, 1), Member(2, MEMBER, 1), Member(3, MEMBER, 2))
GROUP = Chat(
    b"g" * 16,
    groups.GROUP,
    "Doves",
    "active",
    members=TREE,
    roles={OWNER: 2, ADMIN: 1},
    perms={"add": 1, "info": 1, "send": 0},
)
DM = Chat(b"d" * 16, groups.DM, "", "active", members=(TREE[0], TREE[1]))
NOTES = Chat(b"s" * 16, groups.SELF, "", "active", members=(TREE[2], TREE[3]))


def change(by: bytes, *, add: tuple[tuple[bytes, int], ...] = (), remove: tuple[tuple[bytes, int], ...] = ()) -> Change:
    return Change(by, add, remove, settings=False)


@pytest.mark.parametrize(
    ("chat", "done"),
    [
        (GROUP, change(OWNER, add=((GUEST, 1),))),
        (GROUP, change(ADMIN, add=((GUEST, 1), (GUEST, 2)))),
        (GROUP, change(MEMBER, add=((MEMBER, 3),))),
        (GROUP, change(MEMBER, remove=((MEMBER, 2),))),
        (GROUP, change(MEMBER, add=((OWNER, 1),), remove=((OWNER, 1),))),
        (GROUP, change(MEMBER, add=((OWNER, 2),), remove=((OWNER, 1),))),
        (DM, change(OWNER, add=((ADMIN, 3),), remove=((ADMIN, 1), (ADMIN, 2)))),
        (GROUP, change(ADMIN, remove=((MEMBER, 1), (MEMBER, 2)))),
        (GROUP, change(OWNER, remove=((ADMIN, 1),))),
        (GROUP, change(MEMBER)),
        (DM, change(ADMIN, add=((ADMIN, 2),))),
        (DM, change(OWNER, add=((ADMIN, 2),))),
        (NOTES, change(MEMBER, add=((MEMBER, 3),))),
    ],
)
def test_what_members_may_do(chat: Chat, done: Change) -> None:
    check_change(chat, done)


@pytest.mark.parametrize(
    ("chat", "done"),
    [
        (GROUP, change(MEMBER, add=((GUEST, 1),))),
        (GROUP, change(MEMBER, remove=((ADMIN, 1),))),
        (GROUP, change(MEMBER, add=((OWNER, 1),), remove=((OWNER, 2),))),
        (GROUP, change(MEMBER, add=((OWNER, 3),), remove=((OWNER, 1), (ADMIN, 1)))),
        (GROUP, change(ADMIN, remove=((OWNER, 1),))),
        (GROUP, change(MEMBER, add=((GUEST, 1),), remove=((OWNER, 1),))),
        (GROUP, change(MEMBER, add=((OWNER, 1), (GUEST, 1)), remove=((OWNER, 1),))),
        (GROUP, Change(OWNER, ((GUEST, 1),), (), settings=True)),
        (DM, change(OWNER, add=((GUEST, 1),))),
        (DM, change(OWNER, remove=((ADMIN, 1),))),
        (NOTES, change(MEMBER, add=((GUEST, 1),))),
    ],
)
def test_what_every_member_refuses(chat: Chat, done: Change) -> None:
    with pytest.raises(Vetoed):
        check_change(chat, done)


def test_whoever_said_leave_may_be_removed_by_any_member() -> None:
    chat = Chat(**{name: getattr(GROUP, name) for name in GROUP.__struct_fields__} | {"left": {OWNER: 0}})
    check_change(chat, change(MEMBER, remove=((OWNER, 1),)))


def test_a_group_without_owner_and_admin_is_run_by_one_account_all_agree_on() -> None:
    orphan = Chat(GROUP.gid, groups.GROUP, "", "active", members=TREE, roles={GUEST: 2})
    acting = [account for account in orphan.accounts() if groups.role_of(orphan, account)]
    assert len(acting) == 1
    headless = Chat(GROUP.gid, groups.GROUP, "", "active", members=TREE, roles={ADMIN: 1, GUEST: 2})
    assert groups.role_of(headless, ADMIN) == groups.OWNER
    assert groups.role_of(headless, MEMBER) == 0
