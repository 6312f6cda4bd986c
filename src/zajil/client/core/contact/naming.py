"""The account's username on all its devices: the server keeps a slow hash of it, so they tell each other."""

from __future__ import annotations

from zajil.client.core import messages
from zajil.client.core.talk.places import find_self_chat
from zajil.client.state.step import Step
from zajil.client.state.usernames import OwnUsername, load_username, save_username
from zajil.protocol.chat import parts


def note(step: Step, name: str | None) -> None:
    """This device took a name, or gave it up (None): the others are told."""
    known = OwnUsername(name, max(step.now, load_username(step.tx).at + 1))
    save_username(step.tx, known)
    self_chat = find_self_chat(step)
    if self_chat is not None:
        _tell(step, self_chat, known)


def tell_new_device(step: Step, self_chat: bytes) -> None:
    """A device that is being added learns it. Call it once its Add is queued."""
    known = load_username(step.tx)
    if known.at:
        _tell(step, self_chat, known)


def take(step: Step, told: parts.SyncUsername) -> None:
    """Another device of ours took a name or gave it up; the latest counts."""
    if told.at > load_username(step.tx).at:
        save_username(step.tx, OwnUsername(told.name, told.at))


def _tell(step: Step, self_chat: bytes, known: OwnUsername) -> None:
    messages.submit_control(step, self_chat, parts.Sync(username=parts.SyncUsername(known.name, known.at)))
