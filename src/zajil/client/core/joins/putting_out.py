"""Whom a group put out, and telling it to devices that were not there: by an `auto` link they would let them in again.

Whoever followed the group saw each removal. A device linked later, a restored one and an admin who joined later did
not: once they may let people in, one device of those who may tells them inside the group (docs/protocol/groups.md).
"""

from __future__ import annotations

from typing import Final

from zajil.client.core import groups, messages
from zajil.client.core.groups import ADMIN
from zajil.client.state.rows import Chat, Member
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.ids import AccountId

KEPT: Final = parts.PUT_OUT_MAX
"""Of a group; the oldest goes."""


def may_link(chat: Chat, account: bytes) -> bool:
    """Whether this account may make links into the group and let in who asks by them."""
    return groups.role_of(chat, account) >= max(chat.perms.get("link", ADMIN), chat.perms.get("add", ADMIN))


def find_put_out(before: Chat, here: set[bytes], *, by: Member | None) -> tuple[bytes, ...]:
    """Whom others removed, the newest last; who said `leave` first, or removed all of his devices himself, is free.

    here: the accounts after a commit. by: its committer.
    """
    gone = [who for who in before.accounts() if who not in here and who not in before.left]
    removed = [who for who in gone if by is not None and who != by.account]
    kept = [who for who in before.put_out if who not in here and who not in removed]
    return tuple((*kept, *removed)[-KEPT:])


def tell_newcomers(step: Step, before: Chat, chat: Chat, *, by: Member | None) -> None:
    """After a commit: tell devices that may let people in since then, if that is for this device to do.

    The committer's where its word counts, else that of the lowest leaf whose word does. by: the committer.
    """
    if chat.kind != groups.GROUP or not chat.put_out:
        return
    knew = {(m.account, m.device, m.added) for m in before.members if may_link(before, m.account)}
    able = [m for m in chat.members if may_link(chat, m.account)]
    tellers = [m.leaf for m in able if (m.account, m.device, m.added) in knew]
    if not tellers or len(tellers) == len(able):
        return
    teller = by.leaf if by is not None and by.leaf in tellers else min(tellers)
    if teller == chat.own_leaf:
        messages.submit_control(step, chat.gid, parts.PutOut(tuple(map(AccountId, chat.put_out))), urgent=True)


def take(step: Step, chat: Chat, account: bytes, part: parts.PutOut) -> None:
    """What somebody who may let people in says; added to what this device saw itself. account: of the sender."""
    if chat.kind != groups.GROUP or not may_link(chat, account):
        return
    here = set(chat.accounts())
    told = [who for who in part.accounts if who not in here and who not in chat.put_out]
    if told:
        step.change_chat(chat.gid, put_out=(*told, *chat.put_out)[-KEPT:])
