"""Welcomes: which ones we take, and what a join sets up (service.md 3 and 6)."""

from __future__ import annotations

import msgspec

from zajil import mls
from zajil.client.core import commits, groups, keypackages, messages, outbox, readd
from zajil.client.core.contact import requests
from zajil.client.core.groups import DM, SELF
from zajil.client.core.heirs import ending, judging, lower, moving, returning
from zajil.client.core.joins import asking as joins
from zajil.client.core.joins import rejoining
from zajil.client.core.talk import arranging, reading
from zajil.client.state import accounts, doors, rows
from zajil.client.state.rows import Chat, Intent, OwnKeyPackage
from zajil.client.state.step import Step
from zajil.mls.messages.extensions import find_extension
from zajil.protocol.chat.extensions import GROUP_INFO_SHARE, GroupInfoShare
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import AccountId, ClientId, split_client_id
from zajil.protocol.limits import SUITE_XWING
from zajil.protocol.outbox import items


def take_welcome(step: Step, gid: bytes, epoch: int, welcome: bytes, *, via: bytes = b"") -> None:
    """Join by a Welcome that is for us and may be taken. Any other is dropped; where we wait for one, we ask again.

    via: serial of the reference it came through.
    """
    chat = rows.find_chat(step.tx, gid)
    if chat is None:
        _join_new(step, gid, welcome, via)
    else:
        _rejoin(step, chat, epoch, welcome)


def _rejoin(step: Step, chat: Chat, epoch: int, welcome: bytes) -> None:
    """Take a Welcome into a chat that we hold, where its rules allow it."""
    refused = b""
    for package in keypackages.candidates(step, welcome):
        try:
            group, info = _open(step, chat.gid, welcome, package)
            joined = _describe(step, chat, group, info)
            rejoining.check_welcome(step, chat, joined, group, info.signer)
        except rejoining.RefusedWelcome as problem:
            refused = problem.by
            rejoining.note_refused(step, chat.gid, problem.by)
            continue
        except (mls.MlsError, ZajilError):
            continue
        keypackages.use_up(step, package)
        returning.note_replaced(step, chat)
        _store(step, joined, group, info)
        if rejoining.holds_tree(chat) and not rejoining.is_out(chat):
            commits.tell_changes(step, chat, step.chat(chat.gid), by=joined.at(info.signer))
        _settle(step, chat, step.chat(chat.gid), last_resort=package.last_resort)
        ending.drop_pointless(step, chat.gid)
        step.event("rejoined", chat.gid)
        return
    if chat.status in ("await", "lost"):
        if not refused:
            step.event("bad-welcome", chat.gid)
        readd.ask_anew(step, chat.gid, epoch, refused=refused)


def _join_new(step: Step, gid: bytes, welcome: bytes, via: bytes) -> None:
    """Take a Welcome into a group that we never held: a chat of its own, or one that takes the place of another."""
    for package in keypackages.candidates(step, welcome):
        try:
            group, info = _open(step, gid, welcome, package)
            joined = _describe(step, None, group, info)
            followed, waits = judging.find_followed(step, group, info), None
            if followed is not None and lower.waits(step, followed, group):
                waits, followed = followed, None
            late = followed is None and judging.is_too_late(step, group)
            if followed is None and not late:
                joined = _place(step, joined, group, info, via)
        except requests.Unwanted:
            keypackages.use_up(step, package)
            doors.deny(step.tx, via)
            return
        except (mls.MlsError, ZajilError):
            continue
        keypackages.use_up(step, package)
        if late:
            return
        _store(step, joined, group, info)
        if followed is not None:
            old, by, leaf, reason, ahead = followed
            moving.follow(step, old, gid, by=by, leaf=leaf, reason=reason, ahead=ahead)
        before = None if followed is None else followed.old
        _settle(step, before, step.chat(gid), last_resort=package.last_resort)
        if followed is None:
            if waits is not None:
                lower.note(step, waits, gid)
            ending.drop_pointless(step, gid)
            step.event("joined", gid)
        return


def _open(step: Step, gid: bytes, welcome: bytes, package: OwnKeyPackage) -> tuple[mls.Group, mls.JoinInfo]:
    known = frozenset(c.gid for c in rows.all_chats(step.tx) if c.status == "active" and c.asking is None)
    group, info = mls.Group.join(
        step.env(),
        welcome,
        mls.parse_key_package(package.package),
        mls.parse_secrets(package.secrets),
        known_groups=known,
    )
    if group.group_id != gid:
        raise error("malformed", "Welcome of another group")
    return group, info


def _describe(step: Step, chat: Chat | None, group: mls.Group, info: mls.JoinInfo) -> Chat:
    """The chat after the join. Raises Malformed for a group of a shape that its kind forbids."""
    share = GroupInfoShare.parse(find_extension(info.extensions, GROUP_INFO_SHARE) or b"")
    gid = group.group_id
    base = chat or Chat(gid, groups.GROUP, "", "active")
    members = groups.members_of(group.members(), None, group.epoch)
    joined = msgspec.structs.replace(
        groups.describe(base, group),
        status="active",
        members=members,
        gs=share.group_secret or groups.group_secret(group, gid),
        rotated_at=step.now,
        # A device that comes back into its chats is no news of any of them.
        activity=step.now if chat is None or rejoining.is_out(chat) else chat.activity,
        asking=None,
        ended=None,
        mend_at=0,
        left={},
        sent=0,
    )
    people, own = set(joined.accounts()), step.profile.account_id
    if joined.kind == SELF and people != {own}:
        raise error("malformed", "self group with others")
    if joined.kind != groups.GROUP and joined.suite != SUITE_XWING and joined.all_able:
        raise error("suite-downgrade", "nobody here needs the weaker suite")
    if joined.kind == DM:
        others = people - {own}
        if len(others) > 1 or own not in people:
            raise error("malformed", "DM with a third account")
        joined = msgspec.structs.replace(joined, peer=next(iter(others), joined.peer))
    return joined


def _place(step: Step, joined: Chat, group: mls.Group, info: mls.JoinInfo, via: bytes) -> Chat:
    """Where a chat that was never held stands among requests. Raises Unwanted."""
    signer = next((m for m in group.members() if m.leaf == info.signer), None)
    if signer is None:
        raise error("malformed", "signer")
    account, device = split_client_id(ClientId(signer.client))
    if accounts.is_blocked(step, account):
        requests.note_shut_out(step, account, device)
    share = GroupInfoShare.parse(find_extension(info.extensions, GROUP_INFO_SHARE) or b"")
    told = share.accounts.get(AccountId(joined.peer))
    known = accounts.known(step, joined.peer)
    introduced = known.contact or bool(known.contact_token) or (told is not None and told.contact_token is not None)
    return requests.note_join(step, joined, signer=account, via=via, introduced=introduced)


def _store(step: Step, chat: Chat, group: mls.Group, info: mls.JoinInfo) -> None:
    step.drop_group(chat.gid)
    for n, _ in step.tx.rows("held", chat.gid):
        # Whatever came before this Welcome is of an earlier epoch, or of none.
        step.tx.remove("held", n)
    rows.save_chat(step.tx, chat)
    step.save_group(chat.gid, group)
    step.note_epoch(chat.gid, removed=True)
    _learn(step, info, only=chat.peer if chat.request == "incoming" else b"", adder=_adder(group, info))
    if chat.unread:
        reading.recount(step, chat.gid)  # of a history that came before: only members are mentioned
    for n, item in rows.items(step.tx, chat.gid):
        outbox.run(step, n, item, items.Joined(chat.epoch))


def _settle(step: Step, before: Chat | None, chat: Chat, *, last_resort: bool) -> None:
    """before: the chat as it was held, under this id or that of the group whose place this one takes."""
    if chat.request == "incoming" and accounts.known(step, chat.peer).contact:
        requests.accept(step, chat.gid)  # of somebody we know, who lost the way to us
    elif chat.request:
        if last_resort:
            step.change_session(keys_wanted=True)
        return
    if chat.kind == DM:
        if (before is None or before.quiet) and chat.invites and not accounts.known(step, chat.peer).contact:
            step.change_chat(chat.gid, quiet=True)  # made to ask for a group: nobody has met anybody yet
        else:
            accounts.change(step, chat.peer, contact=True)
        merge_dms(step, chat.peer)
    own_leaves = [m.leaf for m in chat.members if m.account == step.profile.account_id]
    restored = before is not None and before.asking is not None and before.asking.reason == "restored"
    if (before is None or restored) and chat.own_leaf == min(own_leaves):
        messages.ensure_profile(step, chat.gid)
    if chat.kind == SELF:
        arranging.tell_all(step)
    _remove_ended(step, chat)
    if last_resort:
        outbox.submit_intent(step, chat.gid, Intent("update"))
    joins.settle_joined(step, chat)


def _remove_ended(step: Step, chat: Chat) -> None:
    """Devices of ours that our list ended, as a restore ends them, leave the tree: their holder reads on until then."""
    own = step.profile.account_id
    listed = {device for device, _ in accounts.known(step, own).devices}
    ended = tuple(m.device for m in chat.members if m.account == own and m.device not in listed)
    if listed and ended:
        outbox.submit_intent(step, chat.gid, Intent("remove-device", account=own, devices=ended))


def _adder(group: mls.Group, info: mls.JoinInfo) -> bytes:
    """The account that signed the Welcome."""
    return next((split_client_id(ClientId(m.client))[0] for m in group.members() if m.leaf == info.signer), b"")


def _learn(step: Step, info: mls.JoinInfo, *, only: bytes, adder: bytes) -> None:
    """What the adder says of lists, names and tokens. only: of this account alone, a stranger; empty: of all.

    Its own token counts above the one we have, which may have ended while we were away.
    """
    share = GroupInfoShare.parse(find_extension(info.extensions, GROUP_INFO_SHARE) or b"")
    for data in share.lists:
        try:
            owner = accounts.list_owner(data)
            if only in (b"", owner):
                accounts.learn_list(step, owner, data)
        except ZajilError:
            continue
    for account, told in share.accounts.items():
        if account != step.profile.account_id and only in (b"", account):
            accounts.learn_introduction(step, account, told.name, told.contact_token)
            if account == adder and told.contact_token is not None:
                accounts.change(step, account, contact_token=told.contact_token)


def merge_dms(step: Step, peer: bytes) -> None:
    """Two DMs with one person made at once: the smaller gid stays, unsent items move, texts show in one place."""
    dms = [c for c in rows.all_chats(step.tx) if c.kind == DM and c.peer == peer and c.status in ("active", "creating")]
    dms = [c for c in dms if not c.request and c.heir is None and not (c.merged and c.forebear)]
    if len(dms) < 2:
        return
    keep, *others = sorted(dms, key=lambda c: c.gid)
    if keep.merged:
        step.change_chat(keep.gid, merged=b"")
    if any(not chat.quiet for chat in dms):
        step.change_chat(keep.gid, quiet=False)
    spans = [chat.timer for chat in (keep, *others) if chat.timer and chat.merged != keep.gid]
    if spans and min(spans) != keep.timer:
        # One of the two is new, as after a restore: nobody asked for what is said from now on to stay.
        outbox.submit_intent(step, keep.gid, Intent("settings", timer=min(spans)))
    for other in others:
        if other.merged == keep.gid:
            continue
        step.change_chat(other.gid, merged=keep.gid)
        for older in rows.all_chats(step.tx):
            if older.merged == other.gid:
                step.change_chat(older.gid, merged=keep.gid)
        for n, item in rows.items(step.tx, other.gid):
            if item.kind == "message" and item.state == "queued" and not item.urgent:
                messages.move_message(step, n, item, keep.gid)
        reading.merge(step, keep.gid, other.gid)
        arranging.merge(step, keep.gid, other.gid)
