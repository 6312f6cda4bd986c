"""Letting people into a group by its links: making and ending links, and who asks by them (service.md 6).

A link stands in the group's settings, so every member's client knows which ones hold. Whoever made it is asked. By an
`auto` link its maker's client adds at once; who was removed from the group before waits for a person by that too.
"""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.client.core import chats, groups, messages
from zajil.client.core.groups import ADMIN, DM
from zajil.client.core.joins.putting_out import may_link
from zajil.client.core.messages import Opened
from zajil.client.core.talk.places import place_of
from zajil.client.state import accounts, rows
from zajil.client.state.joins import Declined, OwnLink, Waiting, change_joins, load_joins
from zajil.client.state.notices import Notice, add_notices
from zajil.client.state.rows import Chat, Intent
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.chat.extensions import JoinPolicy
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import AccountId, GroupId
from zajil.protocol.limits import GROUP_INVITES

WAITING_MAX: Final = 50
"""Who may wait for one group; the oldest goes, and is told."""
WAITING_ALL_MAX: Final = 200
DECLINED_KEPT: Final = 256
RANK_MS: Final = 30_000
"""Another device of ours adds by itself so much later."""
ANSWER_EVERY_MS: Final = 3_600_000
"""At most one automatic answer to an account by a link in this time."""
_KEPT_MS: Final = 30 * 86_400_000


def check_may_link(step: Step, gid: bytes) -> Chat:
    """The group, if we may make links into it: by its rules for links, and for adding, as its maker lets people in.

    Raises `not-permitted`, `not-a-member`, `chat-stuck`.
    """
    chat = chats.check_group(step, gid)
    if not may_link(chat, step.profile.account_id):
        raise error("not-permitted")
    return chat


def make_link(step: Step, gid: bytes, token: bytes, *, policy: JoinPolicy, expires: int) -> tuple[OwnLink, list[int]]:
    """A link, and the items that put it into the group's settings. token: 32 bytes, known to the server.

    expires: Unix seconds. Raises what `check_may_link` raises, `too-many-links`.
    """
    chat = check_may_link(step, gid)
    if sum(1 for _, _, ends in chat.invites if ends > step.now // 1000) >= GROUP_INVITES:
        raise error("too-many-links")
    link = OwnLink(chat.gid, step.rng(16), token, expires, chat.title)
    change_joins(step.tx, links=(*load_joins(step.tx).links, link))
    intent = Intent("settings", invite=(link.invite_id, int(policy), expires))
    return link, [chats.submit_settings(step, chat.gid, intent)]


def revoke(step: Step, gid: bytes, invite_id: bytes) -> list[int]:
    """Queue the end of a link; the items. Raises `not-permitted`, `gone` where there is no such link."""
    chat = chats.check_group(step, gid)
    if groups.role_of(chat, step.profile.account_id) < chat.perms.get("link", ADMIN):
        raise error("not-permitted")
    if all(one != invite_id for one, _, _ in chat.invites):
        raise error("gone", "link")
    return [chats.submit_settings(step, chat.gid, Intent("settings", revoke=invite_id))]


def forget_link(step: Step, invite_id: bytes) -> None:
    """A link of ours is of no use any more."""
    change_joins(step.tx, links=tuple(one for one in load_joins(step.tx).links if one.invite_id != invite_id))


# -- requests
def take_request(step: Step, dm: Chat, opened: Opened, part: parts.JoinRequest) -> None:
    """Somebody asks by a link. Nothing of it is believed but who asks: the link is checked in the group's settings."""
    own = step.profile.account_id
    group = rows.find_chat(step.tx, place_of(step, part.gid))
    if dm.kind != DM or opened.account == own or group is None or group.kind != groups.GROUP:
        return
    accounts.learn_introduction(step, opened.account, part.name, part.contact_token)
    if opened.account in group.accounts():
        return
    held = load_joins(step.tx)
    if Declined(part.invite_id, opened.account) in held.declined:
        _answer_once(step, dm, part, opened.account, "declined")
        return
    invite = find_invite(group, part.invite_id, now_s=step.now // 1000)
    if invite is None or group.status in ("removed", "left") or not may_link(group, own):
        _answer_once(step, dm, part, opened.account, "closed")
        return
    auto = invite[1] == JoinPolicy.AUTO and opened.account not in group.put_out
    due = step.now + _rank(group, own) * RANK_MS if auto else 0
    fresh = Waiting(group.gid, part.invite_id, opened.account, part.name, dm.gid, step.now, due)
    _keep(step, (*(w for w in held.waiting if (w.gid, w.account) != (group.gid, opened.account)), fresh))
    if due and due <= step.now:
        admit_due(step)
    if not due:
        add_notices(step.tx, group.gid, (Notice("asked", opened.account, step.now),))
    step.event("asked", group.gid, account=opened.account)


def find_invite(group: Chat, invite_id: bytes, *, now_s: int) -> tuple[bytes, int, int] | None:
    """The link of the group that holds now."""
    return next((one for one in group.invites if one[0] == invite_id and one[2] > now_s), None)


def _rank(group: Chat, own: bytes) -> int:
    """The place of this device among ours in the group, so that one acts first."""
    leaves = sorted(member.leaf for member in group.members if member.account == own)
    return leaves.index(group.own_leaf) if group.own_leaf in leaves else 0


def _keep(step: Step, waiting: tuple[Waiting, ...]) -> None:
    """Write who waits; the oldest of a group, and of all, go and are told."""
    over: list[Waiting] = []
    kept = list(waiting)
    for gid in {one.gid for one in waiting}:
        of_group = [one for one in waiting if one.gid == gid]
        over += of_group[: max(0, len(of_group) - WAITING_MAX)]
    kept = [one for one in kept if one not in over]
    over += kept[: max(0, len(kept) - WAITING_ALL_MAX)]
    change_joins(step.tx, waiting=tuple(one for one in kept if one not in over))
    for one in over:
        _tell(step, one, "dropped")


def accept(step: Step, gid: bytes, account: bytes) -> list[int]:
    """Queue the Add of who asks; the items. Raises `gone` where they do not, and what `chats.add_account` raises."""
    one = find_waiting(step, gid, account)
    pending = chats.add_account(step, gid, account)
    _replace(step, one, msgspec.structs.replace(one, accepted=True, due=0))
    return pending


def decline(step: Step, gid: bytes, account: bytes) -> None:
    """Tell who asks that they are not let in; by this link they cannot ask again. Raises `gone`."""
    one = find_waiting(step, gid, account)
    note_declined(step, one.gid, one.invite_id, one.account)
    _tell(step, one, "declined")


def note_declined(step: Step, gid: bytes, invite_id: bytes, account: bytes) -> None:
    """We declined, here or on another device of ours."""
    held = load_joins(step.tx)
    change_joins(
        step.tx,
        waiting=tuple(one for one in held.waiting if (one.gid, one.account) != (gid, account)),
        declined=(*held.declined, Declined(invite_id, account))[-DECLINED_KEPT:],
    )
    step.event("asked", gid)


def find_waiting(step: Step, gid: bytes, account: bytes) -> Waiting:
    """The request of an account. Raises `gone`."""
    found = (one for one in load_joins(step.tx).waiting if (one.gid, one.account) == (gid, account))
    one = next(found, None)
    if one is None:
        raise error("gone", "request")
    return one


def _replace(step: Step, before: Waiting, after: Waiting) -> None:
    waiting = load_joins(step.tx).waiting
    change_joins(step.tx, waiting=tuple(after if one == before else one for one in waiting))
    step.event("asked", after.gid)


def admit_due(step: Step) -> None:
    """Add those whom a link lets in at once; what that fails for is left to a person."""
    for one in load_joins(step.tx).waiting:
        if not one.due or one.due > step.now:
            continue
        if not _lets_in(step, one):
            _replace(step, one, msgspec.structs.replace(one, due=0))
            continue
        try:
            chats.add_account(step, one.gid, one.account)
            _replace(step, one, msgspec.structs.replace(one, accepted=True, due=0))
        except ZajilError:
            _replace(step, one, msgspec.structs.replace(one, due=0))


def _lets_in(step: Step, one: Waiting) -> bool:
    """Whether the link lets this account in by itself now: it may have ended while this device waited for its turn."""
    group = rows.find_chat(step.tx, one.gid)
    if group is None or not may_link(group, step.profile.account_id):
        return False
    invite = find_invite(group, one.invite_id, now_s=step.now // 1000)
    return invite is not None and invite[1] == JoinPolicy.AUTO and one.account not in group.put_out


def next_due(step: Step) -> int | None:
    """Unix ms at which `admit_due` has something to do."""
    return min((one.due for one in load_joins(step.tx).waiting if one.due), default=None)


def settle_members(step: Step, chat: Chat) -> None:
    """Who is in does not wait any more."""
    waiting = load_joins(step.tx).waiting
    present = chat.accounts()
    left = tuple(one for one in waiting if one.gid != chat.gid or one.account not in present)
    if left != waiting:
        change_joins(step.tx, waiting=left)
        step.event("asked", chat.gid)


def forget_old(step: Step) -> None:
    """Requests nobody looked at for a month, and links of ours that ended."""
    held = load_joins(step.tx)
    waiting = tuple(one for one in held.waiting if one.at + _KEPT_MS > step.now)
    links = tuple(one for one in held.links if one.expires * 1000 > step.now)
    if (waiting, links) != (held.waiting, held.links):
        change_joins(step.tx, waiting=waiting, links=links)


def take_own_answer(step: Step, part: parts.JoinAnswer) -> None:
    """Another device of ours answered somebody."""
    if part.outcome == "declined":
        note_declined(step, part.gid, part.invite_id, part.account)


def _tell(step: Step, one: Waiting, outcome: str) -> None:
    _answer(step, one.dm, parts.JoinAnswer(GroupId(one.gid), one.invite_id, AccountId(one.account), outcome))


def _answer(step: Step, dm: bytes, part: parts.JoinAnswer) -> None:
    chat = rows.find_chat(step.tx, dm)
    if chat is not None and chat.status == "active":
        messages.submit_control(step, dm, part)


def _answer_once(step: Step, dm: Chat, part: parts.JoinRequest, account: bytes, outcome: str) -> None:
    """Answer by ourselves, by one of our devices, and not as often as we are asked."""
    mark = b"join" + part.invite_id + account
    last = step.tx.find("helper", mark)
    often = last is not None and step.now - int.from_bytes(last, "big") < ANSWER_EVERY_MS
    if often or _rank(dm, step.profile.account_id):
        return
    step.tx.put("helper", mark, step.now.to_bytes(8, "big"))
    _answer(step, dm.gid, parts.JoinAnswer(part.gid, part.invite_id, AccountId(account), outcome))
