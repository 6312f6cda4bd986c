"""The names that people give themselves: a change shows as a line in each chat that we share with them."""

from __future__ import annotations

from typing import Final

from zajil.client.core import groups
from zajil.client.core.talk.notices import note_name
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Account
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.contacts.names import shows

_OVER: Final = ("removed", "left")


def take(step: Step, account: bytes, said: parts.Profile, *, sent: int) -> None:
    """Take the name and token that a member tells of itself. sent: Unix ms of its clock.

    A name in which nothing shows is none. An older profile that comes late, as by a chat that was stuck, brings no old
    name back.
    """
    before, at = accounts.known(step, account), min(sent, step.now)
    is_news = shows(said.name) and at >= before.named_at
    name, named_at = (said.name, at) if is_news else (before.name, before.named_at)
    accounts.learn_name(step, account, name, said.contact_token, at=named_at)
    _note(step, before, name)


def take_link(step: Step, account: bytes, name: str, contact_token: bytes) -> None:
    """Make a contact of the account of a link; `accounts.learn_link` says which name counts."""
    before = accounts.known(step, account)
    after = accounts.learn_link(step, account, name if shows(name) else "", contact_token)
    _note(step, before, after.name)


def _note(step: Step, before: Account, name: str) -> None:
    """Lines where the name is another one. A first name is no change."""
    if not before.name or before.name == name:
        return
    for chat in rows.all_chats(step.tx):
        is_shared = chat.kind != groups.SELF and before.account_id in (chat.peer, *chat.accounts())
        if is_shared and not chat.merged and chat.request != "incoming" and chat.status not in _OVER:
            note_name(step, chat.gid, before.account_id, was=before.name, became=name)
            step.event("profile", chat.gid)
