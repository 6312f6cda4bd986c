"""What to make of groups after the server came back from a backup: it may hold an epoch that others left before.

Who saw that epoch end is refused there and makes a successor. Who did not goes on in it, and whoever was removed since
reads along: so they follow it by a rule of its own, and their first word there makes the others look.
"""

from __future__ import annotations

import msgspec

from zajil import mls
from zajil.client.core import chats, groups
from zajil.client.core.heirs import ending
from zajil.client.state import accounts, rows
from zajil.client.state.heirs import Back, Lower
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat.successors import PASSED_EPOCHS
from zajil.protocol.ids import ClientId, split_client_id

_BACK = b"back"
"""Begins the names of rows of `helper`."""
PATIENCE_MS = 30 * 86_400_000
"""So long may those stay away who hold a later epoch. After that nobody is believed without a secret of ours."""


def note_back(step: Step) -> None:
    """The server went back: whatever epoch we hold of a group now, others may have seen a later one."""
    for chat in rows.all_chats(step.tx):
        if chat.heir is not None or chat.status in ("removed", "left", "creating"):
            continue
        before = find_mark(step, chat.gid)
        if before is None:
            # What waits since before goes out now.
            since = min((item.at for _, item in rows.items(step.tx, chat.gid)), default=step.now)
            before = Back(chat.epoch, since, 0)
        epoch, until = min(before.epoch, chat.epoch), step.now + PATIENCE_MS
        back = msgspec.structs.replace(before, epoch=epoch, until=until, asked=False, held=chat.epoch)
        _save(step, chat.gid, back)


def find_mark(step: Step, gid: bytes) -> Back | None:
    """How we held a group when the server went back; None where it did not, or long ago."""
    data = step.tx.find("helper", _BACK + gid)
    mark = None if data is None else rows.parse_row(data, Back)
    return None if mark is None or mark.until < step.now else mark


def find_passed(step: Step, chat: Chat) -> tuple[tuple[int, bytes], ...]:
    """Epochs that we saw end before the server came back, which it may hold therefore; later ones ended there."""
    mark = find_mark(step, chat.gid)
    return () if mark is None else tuple(one for one in chat.passed if one[0] < (mark.held or mark.epoch))


def note_behind(step: Step, chat: Chat, epoch: int) -> None:
    """Something of this epoch came in a group: where we left that, the server may hold it, and people speak in it.

    Also a commit: it may make an epoch of the number of ours, and what is said in that is of no earlier one.

    So admins say something that nobody needs an answer to; where the server is behind it refuses that, and the group
    is followed by another one. Once after each return, as what was on its way before is of an earlier epoch, too.
    """
    mark = find_mark(step, chat.gid) if epoch < chat.epoch and chat.heir is None and chat.asking is None else None
    own = step.profile.account_id
    if mark is None or mark.asked or groups.role_of(chat, own) < groups.ADMIN:
        return
    _save(step, chat.gid, msgspec.structs.replace(mark, asked=True))
    chats.submit_lists(step, chat, own)


def undoes(step: Step, chat: Chat, group: mls.Group) -> bool:
    """Whether a group that somebody brings us back into has whom we saw go out of it, as where the server lost that.

    Whoever missed it brings us to where the removed read along. An admin who saw it makes a successor instead. Who has
    no group any more is brought back to whichever there is.
    """
    return chat.status == "active" and has_gone(step, chat, group)


def has_gone(step: Step, chat: Chat, group: mls.Group) -> bool:
    """Whether somebody is in this group whom we saw go out of the chat, where a server came back since."""
    if find_mark(step, chat.gid) is None:
        return False
    for member in group.members():
        account, device = split_client_id(ClientId(member.client))
        listed = accounts.known(step, account).devices
        out = account in chat.put_out or (bool(listed) and all(one != device for one, _ in listed))
        if out and chat.leaf_of(account, device) is None:
            return True
    return False


def note_replaced(step: Step, chat: Chat) -> None:
    """A Welcome takes the place of the epoch that we hold of this group: the server may have lost it.

    Whoever holds it still makes a successor of it. Where we refused the commit to the next one, whoever made that,
    nothing was lost.
    """
    mark = find_mark(step, chat.gid)
    refused = chat.status == "lost" and ending.is_stuck(chat)
    end = None if mark is None or refused else ending.find_end(step, chat)
    if mark is not None and end is not None:
        replaced = ((end.epoch, end.authenticator), *chat.passed, *mark.replaced)[:PASSED_EPOCHS]
        _save(step, chat.gid, msgspec.structs.replace(mark, replaced=replaced))


def note_lower(step: Step, chat: Chat, lower: Lower) -> None:
    """Who saw less of this group than we follow it by that one, which is a chat of its own here for now."""
    mark = find_mark(step, chat.gid)
    if mark is not None:
        _save(step, chat.gid, msgspec.structs.replace(mark, lower=(*mark.lower, lower)[-PASSED_EPOCHS:]))


def was_written(step: Step, chat: Chat) -> bool:
    """Whether anything went out or came in this group since the server went back."""
    mark = find_mark(step, chat.gid)
    if mark is None:
        return False
    shown = (rows.parse_row(data, rows.StoredMessage) for _, data in step.tx.rows("message", chat.gid))
    return any(one.arrived >= mark.since and one.state not in ("queued", "failed") for one in shown)


def _save(step: Step, gid: bytes, mark: Back) -> None:
    step.tx.put("helper", _BACK + gid, rows.encode_row(mark))
