"""The end of an account, as its chats of two hear of it: `leave`, said there right before the account is deleted.

The server tells nobody whose account ended, as that would tell who asks for whom.
"""

from __future__ import annotations

from zajil.client.core import groups, messages, outbox
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat import parts


def say_farewell(step: Step) -> list[int]:
    """Tell every contact that this account ends, but whom it blocked; the items."""
    said = []
    for chat in rows.all_chats(step.tx):
        if chat.kind != groups.DM or chat.status != "active" or chat.merged or chat.request:
            continue
        peer = accounts.known(step, chat.peer)
        if chat.peer in chat.accounts() and not peer.blocked and not peer.gone:
            said.append(messages.submit_control(step, chat.gid, parts.Leave()))
    return said


def note_gone(step: Step, chat: Chat, account: bytes) -> None:
    """It ends: what waits for it is not sent any more, and says so."""
    if account != chat.peer or accounts.known(step, account).gone:
        return
    accounts.change(step, account, gone=True)
    for one in rows.all_chats(step.tx):
        if one.kind == groups.DM and one.peer == account:
            for n, item in rows.items(step.tx, one.gid):
                if item.kind == "message" and item.state == "queued":
                    outbox.fail(step, n, item, "contact-gone")
    step.event("leaving", chat.gid, account=account)


def note_alive(step: Step, account: bytes) -> None:
    """It writes something: its end was called off, as where the server was not reached for it."""
    if accounts.known(step, account).gone:
        accounts.change(step, account, gone=False)
