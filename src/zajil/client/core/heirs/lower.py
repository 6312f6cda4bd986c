"""A group of those who saw less of ours than we did, before a server that came back lost it: what to make of that.

Ours is later, so an admin makes another one of it, which all follow. Whoever cannot make one goes where the others are.
"""

from __future__ import annotations

from zajil import mls
from zajil.client.core import groups
from zajil.client.core.heirs import moving, returning
from zajil.client.core.heirs.judging import Followed
from zajil.client.state.heirs import Lower
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Reason
from zajil.protocol.ids import ClientId, split_client_id


def waits(step: Step, followed: Followed, group: mls.Group) -> bool:
    """Whether it is a chat of its own for now: an admin makes a later one, and nobody is brought to before a change."""
    old = followed.old
    if followed.ahead >= 0 or old.heir is not None:
        return False
    return groups.role_of(old, step.profile.account_id) >= groups.ADMIN or not _keeps(step, old, group)


def _keeps(step: Step, old: Chat, group: mls.Group) -> bool:
    """Whether it has everybody whom we know of, and nobody whom we saw go out."""
    here = {split_client_id(ClientId(member.client))[0] for member in group.members()}
    return here >= set(old.accounts()) - old.left.keys() and not returning.undoes(step, old, group)


def note(step: Step, followed: Followed, gid: bytes) -> None:
    """Its people may not know that ours is later, so admins look as where something is said in the old group."""
    old = followed.old
    returning.note_lower(step, old, Lower(gid, followed.by, followed.leaf, followed.ahead))
    returning.note_behind(step, old, old.epoch + followed.ahead)


def go_along(step: Step, old: Chat) -> bool:
    """Follow one that went on, as nobody there follows another one any more. False where none did or it lacks some."""
    mark = returning.find_mark(step, old.gid)
    for one in () if mark is None else mark.lower:
        chat = step.chat(one.gid)
        went_on = chat.epoch > 1 and chat.status == "active" and not chat.merged
        if went_on and _keeps(step, old, step.load_group(chat.gid)):
            moving.follow(step, old, chat.gid, by=one.by, leaf=one.leaf, reason=Reason.STUCK, ahead=one.ahead)
            return True
    return False
