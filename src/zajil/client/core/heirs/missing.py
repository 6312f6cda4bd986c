"""Who cannot be reached when a broken group is followed by another one: it is made without them; they come later."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from zajil.client.core import chats, groups, outbox
from zajil.client.core.heirs import ending
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Intent, Item
from zajil.client.state.step import Step
from zajil.protocol.chat import successors
from zajil.protocol.chat.extensions import Reason

PATIENCE_MS = 300_000
"""So long everybody is waited for: another admin may reach them, and they may ask with a contact token of now."""


def may_miss(step: Step, old: Chat, people: AbstractSet[bytes]) -> bool:
    """Whether we may follow the group `old` by one without these people, as nobody reached them for a while."""
    held = ending.find_held(step, old)
    if held is None or not old.mend_from or step.now - old.mend_from < PATIENCE_MS:
        return False
    return successors.may_miss(held, people, ending.role_without(old, step.profile.account_id, held.offender))


def go_without(step: Step, n: int, item: Item, account: bytes) -> bool:
    """Make a successor without somebody whose packages cannot be claimed, where that may be; whether it may."""
    chat, intent, own = step.chat(item.gid), item.intent, step.profile.account_id
    old = rows.find_chat(step.tx, chat.forebear) if chat.forebear and chat.epoch == 0 else None
    held = None if old is None or not ending.is_stuck(old) else ending.find_held(step, old)
    if old is None or held is None or intent is None or account == own or account not in intent.accounts:
        return False
    rest = tuple(other for other in intent.accounts if other != account)
    if not may_miss(step, old, successors.find_people(held, Reason.STUCK) - {*rest, own}):
        return False
    outbox.change_item(step, n, item, intent=msgspec.structs.replace(intent, accounts=rest))
    return True


def find_absent(step: Step, old: Chat, chat: Chat, reason: Reason) -> tuple[bytes, ...]:
    """Whom a successor is to bring in once they can be reached, also those whom the old group lacked.

    Who comes later than its epoch 1 cannot know them.
    """
    if chat.epoch != 1:
        return ()
    held = ending.find_held(step, old) if reason is Reason.STUCK else None
    people = frozenset() if held is None else successors.find_people(held, reason)
    known = dict.fromkeys((*old.absent, *(who for who in old.accounts() if who in people)))
    return tuple(who for who in known if who not in chat.accounts())


def take_back(step: Step, chat: Chat, account: bytes, token: bytes | None) -> None:
    """One of them asks. token: by which it is reached now."""
    if account not in chat.absent or chat.status != "active" or ending.is_stuck(chat):
        return
    known = accounts.known(step, account)
    if groups.role_of(chat, step.profile.account_id) < groups.ADMIN or known.blocked or known.alarm:
        return
    if token is not None:
        accounts.change(step, account, contact_token=token)
    outbox.submit_intent(step, chat.gid, Intent("add", accounts=(account,)))


def tell_lists(step: Step, n: int, item: Item, account: bytes) -> None:
    """Packages of one of them came: the members hear of its newest devices before it is added.

    Not before: whoever asks by a token that is none would make the admins write to everybody.
    """
    chat = step.chat(item.gid)
    if account not in chat.absent:
        return
    outbox.finish(step, n, item)
    chats.submit_lists(step, chat, account)
    outbox.submit(step, item)
