"""Whether a group that we were added to takes the place of one that we hold."""

from __future__ import annotations

from typing import NamedTuple

from zajil import mls
from zajil.client.core import groups
from zajil.client.core.heirs import ending, returning
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Reason
from zajil.protocol.chat.successors import Held, Made, check_ahead, check_back, check_later, check_successor, is_late
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import ClientId, split_client_id


class Followed(NamedTuple):
    """The chat that goes on in the new group. by: account of its maker, empty where a sibling brings us in later.

    leaf: of its maker's device, or else of the sibling, in the old tree. ahead: see `Heir`; below 0 where it follows an
    epoch that the server lost, and that we saw end so many epochs ago.
    """

    old: Chat
    by: bytes
    leaf: int
    reason: Reason
    ahead: int = 0


def find_followed(step: Step, group: mls.Group, info: mls.JoinInfo) -> Followed | None:
    """The chat whose place this group takes by the rules, None where it is a chat of its own.

    A device of ours that comes in later by another device of ours takes that one's word for who made it, and no more.
    """
    told = groups.settings_of(group.extensions).predecessor
    old = None if told is None else rows.find_chat(step.tx, told.gid)
    signer = next((member for member in group.members() if member.leaf == info.signer), None)
    if told is None or old is None or signer is None or old.request or old.status in ("removed", "left"):
        return None
    creator, device = split_client_id(ClientId(signer.client))
    held, leaf = ending.find_held(step, old), old.leaf_of(creator, device)
    if held is None or leaf is None:
        return None
    if not ending.is_undecided(step, old):
        return None
    own = creator == step.profile.account_id
    if group.epoch != 1 and not own and not ending.is_stuck(old):
        return None
    reason = find_reason(step, old, held, group, creator, own=own)
    if reason is not None:
        return Followed(old, creator if group.epoch == 1 else b"", leaf, reason)
    if group.epoch != 1:
        return None
    ahead = find_ahead(step, old, held, group, creator, device)
    if not ahead and old.kind == groups.GROUP and (old.heir is None or ending.is_repaired(step, old)):
        # Chats of two become one whoever follows.
        lower = find_ahead(step, old, held, group, creator, device, passed=returning.find_passed(step, old))
        ahead = lower - held.epoch if lower else 0
    return Followed(old, creator, leaf, Reason.STUCK, ahead) if ahead else None


def find_ahead(
    step: Step,
    old: Chat,
    held: Held,
    group: mls.Group,
    creator: bytes,
    device: int,
    *,
    passed: tuple[tuple[int, bytes], ...] = (),
) -> int:
    """The epoch that it follows, if a server which came back lost it: before we saw it, or were brought back out of it.

    0 where it did not. Its maker must be a device of now: one that was ended since is in our tree, too.
    passed: epochs that we saw end, to be asked for instead.
    """
    mark, known = returning.find_mark(step, old.gid), accounts.known(step, creator)
    if mark is None or (known.devices and all(listed != device for listed, _ in known.devices)):
        return 0
    replaced = passed or mark.replaced
    held = held._replace(passed=tuple(one for one in held.passed if one not in replaced))
    try:
        check_ahead(held, _made(old, held, group, creator), since=mark.epoch, replaced=replaced)
    except ZajilError:
        return 0
    told = groups.settings_of(group.extensions).predecessor
    return 0 if told is None else told.epoch


def is_too_late(step: Step, group: mls.Group) -> bool:
    """Whether this first epoch of a group by choice comes after the old one went on: it is no chat at all."""
    told = groups.settings_of(group.extensions).predecessor
    old = None if told is None else rows.find_chat(step.tx, told.gid)
    if old is None or group.epoch != 1 or old.kind != groups.GROUP:
        return False
    passed = old.passed
    if old.heir is not None or ending.went_on(old):
        end = ending.find_end(step, old)
        passed = passed if end is None else ((end.epoch, end.authenticator), *passed)
    return is_late(passed, groups.find_settings(group))


def find_reason(step: Step, old: Chat, held: Held, group: mls.Group, creator: bytes, *, own: bool) -> Reason | None:
    """Why a group of this creator takes the place of the old one, None where it does not. own: it is our account.

    One by choice does not where the old group went on, or broke: it would undo that, or bring back who broke it.
    """
    made = _made(old, held, group, creator)
    try:
        if group.epoch == 1:
            reason = check_successor(held, made)
        else:
            reason = check_later(held, made) if own else check_back(held, made)
    except ZajilError:
        return None
    over = ending.went_on(old) or bool(held.offender) or ending.is_repaired(step, old)
    return None if reason is not Reason.STUCK and group.epoch == 1 and over else reason


def _made(old: Chat, held: Held, group: mls.Group, creator: bytes) -> Made:
    people = frozenset(bytes(split_client_id(ClientId(member.client))[0]) for member in group.members())
    role = ending.role_without(old, creator, held.offender)
    return Made(groups.find_settings(group), people, creator, role, group.suite.id)
