"""Blocking an account: it is told nothing, reaches nothing of ours, and cannot tell (docs/protocol/contacts.md).

In the chat of two its messages, calls and receipts end here unseen, and the server is asked to deliver nothing through
its references. In groups its messages are left out and what it changes in the group still counts: the group is all
members'. The contact token that its chats know is replaced, and told to everybody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zajil.client.core import groups, messages, outbox
from zajil.client.core.contact import requests
from zajil.client.core.talk.places import find_self_chat
from zajil.client.state import accounts, doors, rows
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.errors import error
from zajil.protocol.ids import AccountId, GroupId


def block(step: Step, account: bytes) -> None:
    """Nothing of this account reaches us any more, on any of our devices. Raises `not-permitted` for our own."""
    if account == step.profile.account_id:
        raise error("not-permitted")
    if accounts.is_blocked(step, account):
        return
    _shut(step, account, at=_next(step, account))
    _renew_token(step, step.rng(32), at=max(step.now, doors.load_doors(step.tx).token_at + 1))
    doors.change_doors(step.tx, token_due=True)
    tell_devices(step, (account,))


def unblock(step: Step, account: bytes) -> None:
    """Take that back. What it wrote meanwhile was never kept, and does not come."""
    if not accounts.is_blocked(step, account):
        return
    _open(step, account, at=_next(step, account))
    tell_devices(step, (account,))


def _next(step: Step, account: bytes) -> int:
    return max(step.now, accounts.known(step, account).blocked_at + 1)


def blocked(step: Step) -> list[bytes]:
    """Every account that was ever blocked or unblocked, so that a new device learns how it stands."""
    return [one.account_id for one in rows.all_accounts(step.tx) if one.blocked_at]


def tell_devices(step: Step, about: Sequence[bytes], declined: Sequence[bytes] = ()) -> None:
    """Our other devices learn how these accounts stand, the token, and which requests were declined."""
    self_chat = find_self_chat(step)
    if self_chat is not None:
        _tell(step, self_chat, about, declined)


def tell_new_device(step: Step, self_chat: bytes) -> None:
    """A device that is being added learns how everybody stands, and the token. Call it once its Add is queued."""
    if doors.load_doors(step.tx).token_at:
        _tell(step, self_chat, blocked(step), ())


def tell_again(step: Step) -> None:
    """The server went back: it is to hold again what was decided here, and our other devices may have missed that."""
    doors.change_doors(step.tx, token_due=True)
    doors.bring_links(step.tx, now_s=step.now // 1000)
    for chat in rows.all_chats(step.tx):
        peer = accounts.known(step, chat.peer) if chat.kind == groups.DM else None
        if peer is not None and peer.blocked_at:
            (doors.deny if peer.blocked else doors.allow)(step.tx, chat.via)
    if doors.load_doors(step.tx).token_at:
        tell_devices(step, blocked(step))


def _tell(step: Step, self_chat: bytes, about: Sequence[bytes], declined: Sequence[bytes]) -> None:
    known = [accounts.known(step, account) for account in about]
    told = parts.SyncBlocked(
        tuple((AccountId(one.account_id), one.blocked, one.blocked_at) for one in known),
        step.profile.profile_token,
        doors.load_doors(step.tx).token_at,
        tuple(map(GroupId, declined)),
    )
    messages.submit_control(step, self_chat, parts.Sync(blocked=told))


def take(step: Step, told: parts.SyncBlocked) -> None:
    """Another device of ours decided; the latest counts."""
    for account, is_blocked, at in told.accounts:
        if account == step.profile.account_id or at <= accounts.known(step, account).blocked_at:
            continue
        (_shut if is_blocked else _open)(step, account, at=at)
        step.event("blocked" if is_blocked else "unblocked", account=account)
    if told.token_at > doors.load_doors(step.tx).token_at and told.token != step.profile.profile_token:
        step.profile = rows.save_profile(step.tx, msgspec.structs.replace(step.profile, profile_token=told.token))
        # Where this device put an older one meanwhile, as at a server that came back from a backup, it is to go again.
        doors.change_doors(step.tx, token_at=told.token_at, token_due=True)
    for gid in told.declined:
        chat = rows.find_chat(step.tx, gid)
        if chat is not None and chat.request == "incoming":
            requests.end(step, chat)


def _shut(step: Step, account: bytes, *, at: int) -> None:
    accounts.change(step, account, blocked=True, blocked_at=at)
    for chat in rows.all_chats(step.tx):
        if chat.kind != groups.DM or chat.peer != account:
            continue
        if chat.request == "incoming":
            requests.end(step, chat)
            continue
        doors.deny(step.tx, chat.via)
        step.change_chat(chat.gid, owed={}, owed_at=0)
        for n, item in rows.items(step.tx, chat.gid):
            if item.kind == "message" and item.state == "queued":
                outbox.fail(step, n, item, "contact-blocked")


def _open(step: Step, account: bytes, *, at: int) -> None:
    accounts.change(step, account, blocked=False, blocked_at=at)
    for chat in rows.all_chats(step.tx):
        if account not in (chat.peer, *chat.accounts()):
            continue
        # Whoever was told no token, or an old one, learns it: at once where we are alone, else with our next word.
        step.change_chat(chat.gid, told=tuple(one for one in chat.told if one != account))
        if chat.kind == groups.DM:
            doors.allow(step.tx, chat.via)
            messages.ensure_profile(step, chat.gid)
    # It may have lost its devices meanwhile, and what it asked us was not taken.
    known = accounts.known(step, account)
    if known.contact_token:
        accounts.change(step, account, wanted_seq=known.list_seq + 1)


def _renew_token(step: Step, token: bytes, *, at: int) -> None:
    """Everybody who knows the old token learns the new one, but in chats with somebody blocked."""
    step.profile = rows.save_profile(step.tx, msgspec.structs.replace(step.profile, profile_token=token))
    doors.change_doors(step.tx, token_at=at)
    for chat in rows.all_chats(step.tx):
        others = [one for one in chat.accounts() if one != step.profile.account_id]
        if chat.kind == groups.SELF or chat.merged or chat.request or not others:
            continue
        if accounts.any_blocked(step, others):  # to whoever is blocked, a profile at this moment would tell it
            continue
        step.change_chat(chat.gid, told=())
        messages.ensure_profile(step, chat.gid)


def watch_door(step: Step, gid: bytes, via: bytes) -> None:
    """A message came through this reference: remember it, and shut it where it leads to us from somebody blocked."""
    chat = rows.find_chat(step.tx, gid)
    if chat is None or not via or chat.via == via:
        return
    step.change_chat(gid, via=via)
    if chat.kind == groups.DM and accounts.is_blocked(step, chat.peer):
        doors.deny(step.tx, via)


def is_hidden(step: Step, account: bytes) -> bool:
    """Whether what this account says is left out."""
    return account != step.profile.account_id and accounts.is_blocked(step, account)
