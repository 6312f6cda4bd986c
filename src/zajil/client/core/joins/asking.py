"""Asking to be let into a group by its link: the request goes to the approver in a DM, and the answer comes back."""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.client.core import chats, messages
from zajil.client.core.groups import DM, GROUP
from zajil.client.core.messages import Opened
from zajil.client.core.talk.places import place_of
from zajil.client.state import accounts, rows
from zajil.client.state.joins import Asked, JoinState, change_joins, load_joins
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.chat.extensions import Invite, JoinPolicy
from zajil.protocol.errors import error
from zajil.protocol.identity.grouplinks import GroupLink

ASKED_MAX: Final = 32
"""Requests kept; the oldest goes."""
_KEPT_MS: Final = 30 * 86_400_000
_STATES: dict[str, JoinState] = {"closed": "closed", "dropped": "dropped"}


def check_link(step: Step, link: GroupLink) -> None:
    """Raises `bad-link` for a link of another server or our own, `link-expired`, `already-in` where we are in."""
    profile = step.profile
    if link.server_name != profile.server_name:
        raise error("bad-link", "another server")
    chat = rows.find_chat(step.tx, place_of(step, link.gid))
    if chat is not None and chat.status not in ("removed", "left") and profile.account_id not in chat.left:
        raise error("already-in")
    if link.approver == profile.account_id:
        raise error("bad-link", "own link")
    if link.expires <= step.now // 1000:
        raise error("link-expired")


def ask(step: Step, link: GroupLink) -> list[int]:
    """Queue the request, once for each group; what opens its DM, where that is new. Raises what `check_link` raises.

    The approver's lists are known already.
    """
    check_link(step, link)
    known = accounts.known(step, link.approver)
    if not known.said:
        accounts.change(step, link.approver, contact_token=link.contact_token)
    dm = chats.open_quiet_dm(step, link.approver, Invite(link.invite_id, JoinPolicy.ASK, link.expires))
    held = load_joins(step.tx).asked
    before = next((one for one in held if one.gid == link.gid), None)
    if before is None or before.invite_id != link.invite_id or before.state != "asked":
        profile = step.profile
        part = parts.JoinRequest(link.gid, link.invite_id, profile.name, profile.profile_token)
        messages.submit_control(step, dm, part)
        asked = Asked(link.gid, link.invite_id, link.approver, link.name or "", link.expires, step.now, dm)
        change_joins(step.tx, asked=(*(one for one in held if one.gid != link.gid), asked)[-ASKED_MAX:])
        step.event("asking", dm)
    return [n for n, item in rows.items(step.tx, dm) if item.kind in ("create", "commit")]


def take_answer(step: Step, chat: Chat, opened: Opened, part: parts.JoinAnswer) -> None:
    """The approver answered our request, by the DM that it went through."""
    if chat.kind == DM and part.account == step.profile.account_id:
        _change(
            step,
            "invite_id",
            part.invite_id,
            _STATES.get(part.outcome, "declined"),
            by=(opened.account, part.invite_id),
        )


def note_refused(step: Step, dm: bytes) -> None:
    """The server does not let us reach the approver by the link: it was used up or taken back."""
    _change(step, "dm", dm, "closed")


def _change(step: Step, field: str, value: bytes, state: JoinState, *, by: tuple[bytes, bytes] | None = None) -> None:
    held = load_joins(step.tx).asked
    after = tuple(
        msgspec.structs.replace(one, state=state)
        if getattr(one, field) == value and one.state == "asked" and by in (None, (one.approver, one.invite_id))
        else one
        for one in held
    )
    if after != held:
        change_joins(step.tx, asked=after)
        step.event("asking")


def forget(step: Step, gid: bytes) -> None:
    """The person does not want to see this request any more; an open one may still be granted."""
    change_joins(step.tx, asked=tuple(one for one in load_joins(step.tx).asked if one.gid != gid))
    step.event("asking")


def settle_joined(step: Step, chat: Chat) -> None:
    """We are in: whatever we asked for is done."""
    links = {invite_id for invite_id, _, _ in chat.invites}  # they move along where another group takes its place
    for one in load_joins(step.tx).asked:
        if one.gid == chat.gid or (chat.kind == GROUP and one.invite_id in links):
            forget(step, one.gid)


def forget_old(step: Step) -> None:
    """Requests of links that ended a month ago."""
    held = load_joins(step.tx).asked
    kept = tuple(one for one in held if one.expires * 1000 + _KEPT_MS > step.now)
    if kept != held:
        change_joins(step.tx, asked=kept)


def is_asked(step: Step, gid: bytes, account: bytes) -> bool:
    """Whether we asked this account to let us into this group."""
    return any((one.gid, one.approver) == (gid, account) for one in load_joins(step.tx).asked)
