"""*Re-add me*: asking to be brought back into a group, and bringing others back (service.md 6)."""

from __future__ import annotations

import msgspec

from zajil.client.core import chats, groups, messages, outbox
from zajil.client.core.contact import requests
from zajil.client.core.heirs import missing
from zajil.client.core.heirs.ending import find_end, is_stuck
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Account, Asking, Chat, Intent
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.ids import GroupId
from zajil.protocol.outbox import items

TURN_MS = 60_000
ROUND_MS = 3_600_000
LINKED_PATIENCE_MS = 120_000
HELP_MS = 300_000
"""So long at most a successor waits for a helper whose first Welcome could not be used."""


def ask(step: Step, gid: bytes, reason: str, *, after_ms: int = 0) -> None:
    """Start asking, unless we do already. after_ms: give others that long to add us by themselves."""
    chat = step.chat(gid)
    if chat.heir is not None:
        return  # it goes on in another group
    if chat.request == "incoming":
        requests.end(step, chat)  # nobody is asked to bring us back into what we did not accept
    elif chat.asking is None:
        step.change_chat(gid, asking=Asking(chat.top, reason, (), step.now + after_ms))


def ask_anew(step: Step, gid: bytes, epoch: int, *, refused: bytes = b"") -> None:
    """A helper's Welcome could not be used: ask again, naming its epoch, or helpers think that we are in already.

    A broken group stays broken by it: the member who broke it can send such bytes, again and again.
    refused: account whose Welcome broke the rules. The others are asked before it, or it could keep our turn for ever.
    """
    chat = step.chat(gid)
    if chat.heir is not None:
        return
    before = chat.asking
    last = max(epoch, chat.top, before.last_epoch if before else -1)
    reason = "refused" if is_stuck(chat) else "welcome"
    if reason == "refused" and chat.mend_at:
        until = min((chat.mend_from or step.now) + HELP_MS, step.now + 2 * TURN_MS)
        step.change_chat(gid, mend_at=max(chat.mend_at, until))
    # Brought back without having asked: at once, as whoever does that to one after the other leaves nobody who helps.
    soon = chat.status == "await" and before is not None and not before.asked
    asked: tuple[bytes, ...] = ()
    if refused:
        asked = tuple(dict.fromkeys((*(before.asked if before else ()), refused)))
    heard = bool(refused) and before is not None and before.heard
    step.change_chat(gid, asking=Asking(last, reason, asked, step.now + (0 if soon else TURN_MS), heard))


def lose(step: Step, gid: bytes, reason: str, *, offender: bytes = b"") -> None:
    """Our state of this group is gone or useless: drop it, keep what waits to be sent, and ask.

    offender: account that signed the commit we refuse.
    """
    step.change_chat(gid, ended=find_end(step, step.chat(gid), offender=offender))
    step.drop_group(gid)
    step.change_chat(gid, status="lost")
    keep_texts(step, gid)
    ask(step, gid, reason)


def keep_texts(step: Step, gid: bytes) -> None:
    """Own texts wait for the next epoch we join; commits of an epoch we lost are pointless."""
    for n, item in rows.items(step.tx, gid):
        outbox.run(step, n, item, items.Lost())


def take_turns(step: Step) -> None:
    """Ask the next one where 60 s have passed: own devices, admins by leaf, any member; then hourly again."""
    if step.session().pool_stale:
        return
    for chat in rows.all_chats(step.tx):
        if chat.asking is None or chat.asking.next_at > step.now:
            continue
        _ask_next(step, chat, chat.asking)


def _ask_next(step: Step, chat: Chat, asking: Asking) -> None:
    for account in _candidates(step, chat):
        if account in asking.asked:
            continue
        via = _route(step, chat, account)
        asked = (*asking.asked, account)
        if via is None:
            asking = msgspec.structs.replace(asking, asked=asked)
            continue
        part = parts.Readd(
            GroupId(chat.gid),
            None if asking.last_epoch < 0 else asking.last_epoch,
            asking.reason,
            step.profile.profile_token,
        )
        messages.submit_control(step, via, part, urgent=True)
        waiting = msgspec.structs.replace(asking, asked=asked, heard=True, next_at=step.now + TURN_MS)
        step.change_chat(chat.gid, asking=waiting)
        return
    pause = ROUND_MS if asking.heard else TURN_MS
    # A whole round in vain: a Welcome may have been lost on its way, so the next one takes "added since" for no answer.
    last = -1 if asking.heard else asking.last_epoch
    again = msgspec.structs.replace(asking, asked=(), heard=False, last_epoch=last, next_at=step.now + pause)
    step.change_chat(chat.gid, asking=again)


def _candidates(step: Step, chat: Chat) -> list[bytes]:
    """Accounts to ask: own other devices, admins by leaf order, the rest; nobody blocked, nor who broke the group."""
    own = step.profile.account_id
    others = [account for account in chat.accounts() if account != own]
    if chat.peer and chat.peer not in others:
        others.append(chat.peer)
    offender = chat.ended.offender if chat.ended else b""
    others = [account for account in others if account != offender and not accounts.is_blocked(step, account)]
    others.sort(key=lambda account: groups.role_of(chat, account) < groups.ADMIN)
    return [own, *others]


def _route(step: Step, chat: Chat, account: bytes) -> bytes | None:
    """The group through which `account` hears us: our self group, or a DM with it, a new one if need be."""
    own = account == step.profile.account_id
    usable = [c for c in rows.all_chats(step.tx) if c.gid != chat.gid and c.status in ("active", "creating")]
    for other in usable:
        if not own and other.kind == groups.DM and other.peer == account:
            return other.gid
    if own:
        # The self group, or while that is the broken one, any chat that our other devices read.
        shared = [c for c in usable if sum(m.account == account for m in c.members) > 1]
        return min(shared, key=lambda c: c.kind).gid if shared else None
    known = accounts.known(step, account)
    # No chat is begun with these, and to try would end everything that is due now, and again at the next turn.
    if known.alarm or known.gone or requests.is_token_refused(step, account):
        return None
    return chats.open_new_dm(step, account)


def take_request(step: Step, account: bytes, device: int, part: parts.Readd) -> None:
    """Another device asks us: queue Remove and Add of it, if it belongs there and nobody was faster."""
    chat, last_epoch = rows.find_chat(step.tx, part.gid), part.last_epoch
    if chat is not None and chat.heir is not None and account != step.profile.account_id:
        place = step.chat(chat.merged)
        if account in place.absent and _is_first(step, place.gid, account, 0):
            missing.take_back(step, place, account, part.contact_token)
        return
    if chat is not None and chat.heir is not None:
        # It missed the group that followed, which it takes for this chat only where a device of its own brings it in.
        chat = rows.find_chat(step.tx, chat.merged)
        last_epoch = None if last_epoch is None else -1  # of the group before
    if chat is None or chat.status != "active" or is_stuck(chat) or (account, device) == own_device(step):
        return
    if account not in chat.accounts():
        return
    known = accounts.known(step, account)
    if known.devices and all(listed != device for listed, _ in known.devices):
        return
    leaf = chat.leaf_of(account, device)
    member = None if leaf is None else chat.at(leaf)
    if member is not None and last_epoch is not None and member.added > last_epoch:
        return
    if not _is_first(step, chat.gid, account, device):
        return
    if part.contact_token is not None and account != step.profile.account_id:
        accounts.change(step, account, contact_token=part.contact_token)
    devices = (device, *_ended(chat, known, before=device))
    outbox.submit_intent(step, chat.gid, Intent("readd", account=account, devices=devices, last_epoch=last_epoch))


def _is_first(step: Step, gid: bytes, account: bytes, device: int) -> bool:
    """Whether we do not help it already: each request costs a claim and a commit. device: 0 for the whole account."""
    mark = b"readd" + gid + account + device.to_bytes(4, "big")
    last = step.tx.find("helper", mark)
    if last is not None and step.now - int.from_bytes(last, "big") < ROUND_MS:
        return False
    step.tx.put("helper", mark, step.now.to_bytes(8, "big"))
    return True


def bring_back(step: Step, account: Account) -> None:
    """Add a contact to our chat of two where its devices there are all ended, as after a restore.

    Also one that began another chat while it was blocked: its device may have lost this one. Neither may be able to
    ask, since its token for us ended.
    """
    listed = [device for device, _ in account.devices]
    if not listed or not account.contact or account.blocked:
        return
    asked = requests.take_shut_out(step, account.account_id)
    for chat in rows.all_chats(step.tx):
        theirs = [member.device for member in chat.members if member.account == account.account_id]
        if chat.kind != groups.DM or chat.status != "active" or chat.merged or chat.request or not theirs:
            continue
        if asked in listed or set(theirs).isdisjoint(listed):
            back = asked if asked in listed else max(listed)
            devices = (back, *_ended(chat, account, before=back))
            outbox.submit_intent(step, chat.gid, Intent("readd", account=account.account_id, devices=devices))


def _ended(chat: Chat, known: Account, *, before: int) -> tuple[int, ...]:
    """Older devices of an account that its list ended and that are still in the tree: the asker takes their place."""
    listed = {device for device, _ in known.devices}
    if not listed:
        return ()
    return tuple(
        m.device for m in chat.members if m.account == known.account_id and m.device < before and m.device not in listed
    )


def own_device(step: Step) -> tuple[bytes, int]:
    """This device."""
    return step.profile.account_id, step.profile.device_id
