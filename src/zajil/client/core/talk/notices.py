"""What a commit says to the people of a chat: who came in, left or was put out, other devices, names, roles and rules.

A device that only takes its own place again, as after a gap, is no news.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from zajil.client.core.groups import GROUP, role_of
from zajil.client.state import rows
from zajil.client.state.notices import Notice, NoticeCode, add_notices, load_notices, replace_notice
from zajil.client.state.rows import Chat, Member, StoredMessage
from zajil.client.state.step import Step

NAMES_A_DAY: Final = 5
"""Lines about new names of one member in one chat and day (UTC)."""
DAY_MS: Final = 86_400_000
_ROLES: tuple[NoticeCode, ...] = ("role-member", "role-admin", "role-owner")


def note_commit(step: Step, before: Chat, after: Chat, *, by: Member | None) -> None:
    """Lines for what changed between two epochs of one chat. by: who committed it."""
    at = _when(step, after.gid)
    add_notices(step.tx, after.gid, (Notice(code, account, at) for code, account in _changes(before, after)))
    # The first commit makes the group; who made it knows whom with.
    if after.kind == GROUP and by is not None and before.epoch:
        lines = (Notice(code, by.account, at, whom=whom) for code, whom in _comings(before, after))
        add_notices(step.tx, after.gid, lines)


def note_put_out(step: Step, before: Chat, *, by: Member | None) -> None:
    """A line for us, whom a commit put out of a group."""
    if before.kind == GROUP and by is not None:
        line = Notice("removed", by.account, _when(step, before.gid), whom=step.profile.account_id)
        add_notices(step.tx, before.gid, (line,))


def note_title(step: Step, after: Chat, *, by: Member | None) -> None:
    """A line for another name of a group."""
    if after.kind == GROUP and by is not None:
        add_notices(step.tx, after.gid, (Notice("renamed", by.account, _when(step, after.gid)),))


def note_timer(step: Step, after: Chat, by: bytes) -> None:
    """A line for the new timer of a chat, and who set it."""
    place = after.merged or after.gid
    add_notices(step.tx, place, (Notice("timer", by, _when(step, place), after.timer),))
    step.event("timer", place, account=by)


def note_name(step: Step, gid: bytes, account: bytes, *, was: str, became: str) -> None:
    """Add a line for the new name of a member.

    A day has five such lines of one member at most: later changes of that day go into the fifth, so that renaming
    crowds out no other line.
    """
    at = _when(step, gid)
    of_day = [
        one
        for one in load_notices(step.tx, gid)
        if (one.code, one.account, one.at // DAY_MS) == ("named", account, at // DAY_MS)
    ]
    if len(of_day) >= NAMES_A_DAY:
        last = of_day[-1]
        replace_notice(step.tx, gid, last, by=msgspec.structs.replace(last, became=became))
    else:
        add_notices(step.tx, gid, (Notice("named", account, at, was=was, became=became),))


def _when(step: Step, gid: bytes) -> int:
    """Unix ms of a line: when the server took the commit, however late we hear of it.

    By its word, so not after now, nor before what the chat holds already: it could hide a line far above.
    """
    if not step.taken_at:
        return step.now
    newest = [rows.parse_row(data, StoredMessage).sent for _, data in step.tx.rows("message", gid, newest=1)]
    return min(step.now, max([step.taken_at, *newest, *(line.at for line in load_notices(step.tx, gid)[-1:])]))


def _changes(before: Chat, after: Chat) -> Iterator[tuple[NoticeCode, bytes]]:
    staying = after.accounts()
    for account in before.accounts():
        if account in staying:
            had, has = _devices(before, account), _devices(after, account)
            if has - had:
                yield ("device-replaced" if had - has else "device-added"), account
        elif after.kind == GROUP and account in before.left:
            yield "left", account


def _comings(before: Chat, after: Chat) -> Iterator[tuple[NoticeCode, bytes]]:
    were, are = before.accounts(), after.accounts()
    for account in were:
        if account not in are and account not in before.left:
            yield "removed", account
    for account in are:
        if account not in were:
            yield "added", account


def note_roles(step: Step, before: Chat, after: Chat, *, by: Member | None) -> None:
    """Lines for members whose role a commit changed. by: who committed it."""
    if after.kind != GROUP or by is None or before.roles == after.roles:
        return
    were = before.accounts()
    told = ((account, role_of(after, account)) for account in after.accounts() if account in were)
    changed = ((account, role) for account, role in told if role != role_of(before, account))
    at = _when(step, after.gid)
    lines = (Notice(_ROLES[role], by.account, at, whom=account) for account, role in changed)
    add_notices(step.tx, after.gid, lines)


def note_rules(step: Step, before: Chat, after: Chat, *, by: Member | None) -> None:
    """Lines for permissions and links that a commit changed. by: who committed it."""
    if after.kind == GROUP and by is not None:
        account, at = by.account, _when(step, after.gid)
        add_notices(step.tx, after.gid, (Notice(code, account, at) for code in _rules(before, after)))


def _rules(before: Chat, after: Chat) -> Iterator[NoticeCode]:
    changed = {name for name, value in after.perms.items() if before.perms.get(name, value) != value}
    if "send" in changed:
        yield "write-admins" if after.perms["send"] else "write-members"
    if changed - {"send"}:
        yield "rules"
    had, has = ({invite_id for invite_id, _, _ in chat.invites} for chat in (before, after))
    if has - had:
        yield "link-made"
    if had - has:
        yield "link-ended"


def _devices(chat: Chat, account: bytes) -> set[int]:
    return {member.device for member in chat.members if member.account == account}
