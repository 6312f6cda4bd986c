"""Edits, deletions and reactions: who may do what to which message, and what comes before its message (service.md 7).

Every device judges alike whatever the order of arrival: versions and reactions are ordered by the clock and id they
carry, a deletion beats them all, and an action whose message is not here yet waits for it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from zajil.client.core import groups
from zajil.client.core.messages import Opened
from zajil.client.core.talk import reading
from zajil.client.core.talk.places import find_message, place_of
from zajil.client.state import rows
from zajil.client.state.rows import Chat, Early, Proof, Reacted, StoredMessage, Version
from zajil.client.state.step import Step
from zajil.protocol.chat import content, forms
from zajil.protocol.errors import ZajilError

VERSIONS_MAX = 50
# An edit, a deletion or a reaction of each of the accounts of a group waits for one message; more is a flood.
EARLY_MAX = 128


class Deed(NamedTuple):
    """An action with its author. as_admin: whether the author was an admin when it came. proof: of what others did."""

    account: bytes
    message_id: bytes
    sent: int
    as_admin: bool
    action: forms.Action
    proof: Proof | None = None


def is_admin(chat: Chat, account: bytes) -> bool:
    """Whether an account may delete what others wrote: an admin of a group, nobody in a chat of two."""
    return chat.kind == groups.GROUP and groups.role_of(chat, account) >= groups.ADMIN


def take(step: Step, chat: Chat, opened: Opened, action: forms.Action) -> None:
    """Apply an action that came in, or keep it for its message. What its author may not do changes nothing."""
    as_admin = is_admin(chat, opened.account)
    deed = Deed(opened.account, opened.message_id, opened.sent, as_admin, action, opened.proof)
    found = find_message(step, chat.gid, action.target)
    if found is not None:
        apply(step, *found, deed)
    elif step.tx.find("known", action.target) is None:
        # Not a message that is gone here or stands in another chat: it may still come.
        _keep_early(step, chat, opened, deed)


def _keep_early(step: Step, chat: Chat, opened: Opened, deed: Deed) -> None:
    target = deed.action.target
    early = rows.load_early(step.tx, target)
    if len(early) < EARLY_MAX:
        kept = Early(chat.gid, deed.account, deed.message_id, deed.sent, opened.data, deed.as_admin, deed.proof)
        rows.save_early(step.tx, target, (*early, kept))


def settle_early(step: Step, chat: Chat, target: bytes) -> None:
    """A message came: apply what had come for it before, from the same chat."""
    early = rows.load_early(step.tx, target)
    if not early:
        return
    rows.save_early(step.tx, target, ())
    for kept in early:
        found = find_message(step, chat.gid, target)
        if found is None or place_of(step, kept.gid) != place_of(step, chat.gid):
            continue
        try:
            action = forms.parse_form(content.parse_content(kept.content))
        except ZajilError:  # it parsed when it came; a later version may be stricter
            continue
        if isinstance(action, forms.Edit | forms.Deletion | forms.Reaction | forms.TakeBack):
            deed = Deed(kept.account, kept.message_id, kept.sent, kept.as_admin, action, kept.proof)
            apply(step, *found, deed)


def apply(step: Step, n: int, message: StoredMessage, deed: Deed) -> None:
    """Change a message by an action, if its author may; one that is deleted, or the log of a call, changes no more."""
    if message.deleted_by or message.call is not None:
        return
    match deed.action:
        case forms.Edit():
            _edit(step, n, message, deed, deed.action.text)
        case forms.Deletion():
            if deed.account == message.account or (deed.action.as_admin and deed.as_admin):
                _delete(step, n, message, deed.account)
        case forms.Reaction():
            _react(step, n, message, Reacted(deed.account, deed.action.emoji, deed.sent, deed.message_id))
        case forms.TakeBack():
            _react(step, n, message, Reacted(deed.account, "", deed.sent, deed.message_id))


def _edit(step: Step, n: int, message: StoredMessage, deed: Deed, text: str) -> None:
    fixed = bool(message.kept or message.files)
    if deed.account != message.account or fixed or deed.sent - message.sent > forms.EDIT_MS:
        return
    first = Version(message.text, message.sent, message.message_id)
    versions = message.versions or (first,)
    made = Version(text, deed.sent, deed.message_id)
    # The first text stays the first whatever clock an edit carries.
    later = sorted((*versions[1:], made), key=lambda one: (one.at, one.message_id))
    versions = (versions[0], *later[-(VERSIONS_MAX - 1) :])
    edited = msgspec.structs.replace(message, text=versions[-1].text, versions=versions)
    if deed.account != step.profile.account_id and deed.proof is not None:
        kept = {version.message_id for version in versions}
        proofs = tuple(one for one in (*message.proofs, deed.proof) if one.message_id in kept)
        edited = msgspec.structs.replace(edited, proofs=proofs)
    _save(step, n, edited)
    step.event("edited", place_of(step, message.gid), message.message_id, account=deed.account)


def _delete(step: Step, n: int, message: StoredMessage, by: bytes) -> None:
    """The stub keeps who wrote and when; nothing of what was said."""
    empty = {"text": "", "versions": (), "reactions": (), "reply_to": b"", "kept": b"", "proofs": (), "files": ()}
    _save(step, n, rows.changed(message, deleted_by=by, **empty))
    place = place_of(step, message.gid)
    reading.recount(step, place)
    step.event("deleted", place, message.message_id, account=by)


def _react(step: Step, n: int, message: StoredMessage, made: Reacted) -> None:
    held = find_reaction(message, made.account)
    if held is not None and (held.at, held.message_id) >= (made.at, made.message_id):
        return
    others = tuple(one for one in message.reactions if one.account != made.account)
    _save(step, n, msgspec.structs.replace(message, reactions=(*others, made)))
    step.event("reacted", place_of(step, message.gid), message.message_id, account=made.account)


def find_reaction(message: StoredMessage, account: bytes) -> Reacted | None:
    """The latest reaction of an account, empty where it was taken back."""
    return next((one for one in message.reactions if one.account == account), None)


def _save(step: Step, n: int, message: StoredMessage) -> None:
    step.tx.replace("message", n, rows.encode_row(message))
