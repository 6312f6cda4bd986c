"""A group of those who saw less of ours than we did, before a server that came back lost it: what to make of that.

Ours is later, so an admin makes another one of it, which all follow. Whoever cannot make one goes where the others are.
"""

from __future__ import annotations

from zajil import mls
from zajil.client.core import groups
from zajil.client.core.heirs import ending, moving, returning
from zajil.client.core.heirs.judging import Followed
from zajil.client.state.heirs import Lower
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Reason
from zajil.protocol.chat.successors import find_people
from zajil.protocol.ids import ClientId, split_client_id


def waits(step: Step, followed: Followed, group: mls.Group) -> bool:
    """Whether it is a chat of its own for now: an admin makes a later one, and nobody is brought to before a change."""
    old = followed.old
    if followed.ahead >= 0 or old.heir is not None:
        return False
    return groups.role_of(old, step.profile.account_id) >= groups.ADMIN or not _keeps(step, old, group)


def _keeps(step: Step, old: Chat, group: mls.Group) -> bool:
    """Whether it has everybody whom we know of, and nobody whom we saw go out or who broke ours."""
    held = ending.find_held(step, old)
    here = {split_client_id(ClientId(member.client))[0] for member in group.members()}
    if held is None or held.offender in here or not here >= find_people(held, Reason.STUCK):
        return False
    return not returning.has_gone(step, old, group)


def note(step: Step, followed: Followed, gid: bytes) -> None:
    """Its people may not know that ours is later, so admins look as where something is said in the old group."""
    old = followed.old
    returning.note_lower(step, old, Lower(gid, followed.by, followed.leaf, followed.ahead))
    returning.note_behind(step, old, old.epoch + followed.ahead)


def go_along(step: Step, old: Chat) -> bool:
    """Follow one that went on, as nobody there follows another one any more. False where none may be."""
    mark = returning.find_mark(step, old.gid)
    for one in () if mark is None else mark.lower:
        chat = step.chat(one.gid)
        went_on = chat.epoch > 1 and chat.status == "active" and not chat.merged
        if went_on and _stands(step, old, one) and _keeps(step, old, step.load_group(chat.gid)):
            moving.follow(step, old, chat.gid, by=one.by, leaf=one.leaf, reason=Reason.STUCK, ahead=one.ahead)
            return True
    return False


def _stands(step: Step, old: Chat, one: Lower) -> bool:
    """Whether ours did not go on since it came: its maker, or who is an admin in it, may be none in ours by now."""
    told = groups.settings_of(step.load_group(one.gid).extensions).predecessor
    end = ending.find_end(step, old)
    return told is not None and end is not None and told.epoch - one.ahead == end.epoch
