"""Own commits from intent to sealed request, and the move to the next epoch for own and foreign ones alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from zajil import mls
from zajil.client.core import groups, judge, outbox
from zajil.client.core.heirs import ending
from zajil.client.core.joins import admitting as joins
from zajil.client.core.joins import putting_out
from zajil.client.core.judge import Change
from zajil.client.core.talk import arranging
from zajil.client.core.talk.notices import note_commit, note_roles, note_rules, note_timer, note_title
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Claimed, Intent, Item, Member
from zajil.client.state.step import Step
from zajil.mls.messages.extensions import find_extension
from zajil.protocol import frames
from zajil.protocol.chat.aad import CommitAad, hash_refs, parse_aad
from zajil.protocol.chat.extensions import (
    CHAT_SETTINGS,
    GROUP_INFO_SHARE,
    Acquaintance,
    ChatRole,
    ChatSettings,
    GroupInfoShare,
    Invite,
    JoinPolicy,
    change_settings,
)
from zajil.protocol.errors import Malformed
from zajil.protocol.ids import AccountId, GroupId, Mid
from zajil.protocol.limits import GROUP_LEAVES, SUITE_XWING, XWING_LEAVES
from zajil.protocol.outbox import items
from zajil.protocol.roster import roster_key


class Plan(NamedTuple):
    """What an intent means on the current tree. claims: in the order of the Adds. settings: of extension 0xF0A0."""

    removes: tuple[int, ...] = ()
    claims: tuple[Claimed, ...] = ()
    settings: bytes = b""

    @property
    def empty(self) -> bool:
        """Whether nothing is left to do."""
        return not self.removes and not self.claims and not self.settings


class Dropped(Exception):
    """The intent is no longer allowed or cannot be carried out. code: an error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def plan(chat: Chat, item: Item, own: tuple[bytes, int]) -> Plan:
    """The leaves to remove and the packages to add now; empty when others did it meanwhile.

    Judged anew on each tree by the rules for foreign commits. Raises Dropped.
    """
    intent = item.intent or Intent("update")
    removes = tuple(leaf for leaf in _leaves(chat, intent) if leaf != chat.own_leaf)
    staying = {(m.account, m.device) for m in chat.members if m.leaf not in removes}
    claims = tuple(c for c in item.claims if (c.account, c.device) not in staying)
    if intent.op == "readd":
        claims = _readd_claims(chat, intent, claims, own)
        removes = removes if claims else ()
    change = Change(
        own[0],
        tuple((c.account, c.device) for c in claims),
        tuple((m.account, m.device) for m in chat.members if m.leaf in removes),
        settings=False,
    )
    try:
        judge.check_change(chat, change)
    except judge.Vetoed:
        raise Dropped("not-permitted") from None
    if len(staying) + len(claims) > (XWING_LEAVES if chat.suite == SUITE_XWING else GROUP_LEAVES):
        raise Dropped("group-full")
    return Plan(removes, claims)


def plan_settings(chat: Chat, intent: Intent, by: bytes, now: bytes, *, now_s: int) -> Plan:
    """The settings to commit; empty when they are so already. now: data of extension 0xF0A0. now_s: Unix seconds.

    Raises Dropped.
    """
    before = ChatSettings.parse(now)
    roles = dict(before.roles)
    if intent.role is not None:
        if intent.account not in chat.accounts():
            raise Dropped("unknown-contact")
        account = AccountId(intent.account)
        roles.pop(account, None)
        if intent.role:
            roles[account] = ChatRole(intent.role)
    invites = _invites(before, intent, now_s)
    try:
        changed = change_settings(
            now,
            name=intent.title,
            roles=roles,
            timer=intent.timer,
            perms=intent.perms or None,
            invites=invites,
        )
        if changed == now:
            return Plan()
        judge.check_new_settings(chat, by, now, changed)
    except judge.Vetoed:
        raise Dropped("not-permitted") from None
    except Malformed:
        raise Dropped("malformed") from None
    return Plan(settings=changed)


def _invites(before: ChatSettings, intent: Intent, now_s: int) -> tuple[Invite, ...] | None:
    """The links after the intent, None where it is not about them; those that ended leave with the next change."""
    if intent.invite is None and not intent.revoke:
        return None
    added = () if intent.invite is None else (Invite(intent.invite[0], JoinPolicy(intent.invite[1]), intent.invite[2]),)
    gone = {intent.revoke, *(one.invite_id for one in added)}
    return (*(one for one in before.invites if one.invite_id not in gone and one.expires > now_s), *added)


def _leaves(chat: Chat, intent: Intent) -> Sequence[int]:
    if intent.op == "remove":
        return [m.leaf for m in chat.members if m.account == intent.account]
    if intent.op in ("remove-device", "readd"):
        return [m.leaf for m in chat.members if m.account == intent.account and m.device in intent.devices]
    return []


def _readd_claims(
    chat: Chat, intent: Intent, claims: tuple[Claimed, ...], own: tuple[bytes, int]
) -> tuple[Claimed, ...]:
    """None left when another helper was faster, the account left meanwhile, or the asker is this device."""
    device = (intent.account, intent.devices[0])
    if device == own or intent.account not in chat.accounts():
        return ()
    leaf = chat.leaf_of(*device)
    member = None if leaf is None else chat.at(leaf)
    if member is not None and intent.last_epoch is not None and member.added > intent.last_epoch:
        return ()
    return tuple(c for c in claims if (c.account, c.device) == device)


def seal_commit(step: Step, n: int, item: Item) -> bool:
    """Seal the commit of an intent; False when nothing was left to do (the item is then done or failed)."""
    chat = step.chat(item.gid)
    try:
        planned = _plan(step, chat, item)
        if planned.empty and (item.intent is None or item.intent.op not in ("update", "accept")):
            outbox.finish(step, n, item)
            return False
        request, epoch = _commit(step, chat, planned, own_ref=item.own_ref)
    except Dropped as dropped:
        outbox.fail(step, n, item, dropped.code)
        return False
    except mls.TooManyLeaves:
        outbox.fail(step, n, item, "group-full")
        return False
    except mls.MlsError:
        # Packages are opaque to the server, so a contact may have published anything: one Add fails, nothing else.
        outbox.fail(step, n, item, "bad-signature")
        return False
    outbox.record_sealing(step, n, item, request, request.commit, epoch)
    return True


def _plan(step: Step, chat: Chat, item: Item) -> Plan:
    own = step.profile
    if item.intent is not None and item.intent.op == "settings":
        held = find_extension(step.load_group(chat.gid).extensions, CHAT_SETTINGS) or b""
        return plan_settings(chat, item.intent, own.account_id, held, now_s=step.now // 1000)
    return plan(chat, item, (own.account_id, own.device_id))


def _commit(step: Step, chat: Chat, planned: Plan, *, own_ref: bytes) -> tuple[frames.Commit, int]:
    """own_ref: takes the place of our leaf's reference, without any change of the tree; empty for all other commits."""
    gid = chat.gid
    group = step.load_group(gid)
    packages = [mls.parse_key_package(claim.key_package) for claim in planned.claims]
    proposals: list[mls.Proposal] = [mls.Remove(leaf) for leaf in planned.removes]
    proposals += [mls.Add(package) for package in packages]
    if planned.settings:
        proposals.append(mls.SetExtensions(_with_settings(group, planned.settings)))
    added, removed = map(list, group.plan(proposals))
    _check_claims(step, planned.claims, packages)
    rotate = bool(planned.removes) or step.now - chat.rotated_at >= groups.ROTATE_AFTER_MS
    references = [claim.deliver_to for claim in planned.claims]
    if own_ref:
        added, removed, references = [chat.own_leaf], [chat.own_leaf], [own_ref]
    told = CommitAad(tuple(added), tuple(sorted(removed)), rotate, hash_refs(references))
    share = _share(step, chat, planned, rotate=rotate)
    group, staged = group.commit(step.env(), proposals, aad=told.encode(), welcome_extensions=(share,), with_tree=True)
    if staged.message is None:
        raise Dropped("wrong-call")
    step.save_group(gid, group)
    step.save_staged(gid, staged)
    request = frames.Commit(
        rid=0,
        mid=Mid(step.rng(16)),
        gid=GroupId(gid),
        token=groups.send_token(group, gid),
        epoch=chat.epoch,
        roster_key=roster_key(chat.gs),
        new_roster_key=roster_key(groups.group_secret(staged, gid)) if rotate else None,
        next_token_hash=hashlib.sha256(groups.send_token(staged, gid)).digest(),
        add=tuple(frames.AddedLeaf(leaf, ref) for leaf, ref in zip(added, references, strict=True)),
        rm=tuple(sorted(removed)),
        commit=staged.message,
        welcome=staged.welcome,
    )
    return request, chat.epoch


def _with_settings(group: mls.Group, settings: bytes) -> tuple[mls.Extension, ...]:
    """All extensions of the group, with other chat settings."""
    return tuple(
        mls.Extension(CHAT_SETTINGS, settings) if extension.type == CHAT_SETTINGS else extension
        for extension in group.extensions
    )


def _check_claims(step: Step, claims: Sequence[Claimed], packages: Sequence[mls.KeyPackage]) -> None:
    """A package must be of the device it was claimed for, or the server could slip in another one."""
    judge_leaf = step.env().authenticate
    for claim, package in zip(claims, packages, strict=True):
        leaf = package.leaf_node
        client = judge_leaf(leaf.credential, leaf.signature_key, mls.Use.SEND)
        if client != claim.account + claim.device.to_bytes(4, "big"):
            raise mls.Rejected("package of another device")


def _share(step: Step, chat: Chat, planned: Plan, *, rotate: bool) -> mls.Extension:
    """Extension 0xF0A1 of the Welcome: group secret, newest device lists, names and tokens.

    Our own token too: our profile may come much later, and until then nobody could add us to another group.
    """
    everyone = dict.fromkeys((*chat.accounts(), *(claim.account for claim in planned.claims)))
    known = [accounts.known(step, account) for account in everyone]
    tokens = {account.account_id: account.contact_token or None for account in known}
    if not accounts.any_blocked(step, everyone):
        tokens[step.profile.account_id] = step.profile.profile_token
    else:
        tokens[step.profile.account_id] = None
    share = GroupInfoShare(
        group_secret=None if rotate else chat.gs,
        lists=tuple(account.list_object for account in known if account.list_object),
        accounts={AccountId(a.account_id): Acquaintance(a.name, tokens[a.account_id]) for a in known},
    )
    return mls.Extension(GROUP_INFO_SHARE, share.encode())


def advance(step: Step, gid: bytes, staged: mls.Staged, *, rotate: bool) -> Chat:
    """Move the group to the epoch of a judged commit, and settle what the old epoch leaves behind."""
    before, old = step.chat(gid), step.load_group(gid)
    past = ((old.epoch, groups.bundle_key(old, gid)), *before.bundle_keys)
    group = staged.apply(old) if staged.own else staged.apply()
    group = group.expire(step.now // 1000)
    chat = groups.describe(before, group)
    present = groups.members_of(group.members(), before, group.epoch)
    here = {member.account for member in present}
    chat = rows.save_chat(
        step.tx,
        msgspec.structs.replace(
            chat,
            members=present,
            gs=groups.group_secret(group, gid) if rotate else before.gs,
            rotated_at=step.now if rotate else before.rotated_at,
            told=tuple(account for account in before.told if account in here),
            put_out=putting_out.find_put_out(before, here, by=before.at(staged.committer)),
            absent=tuple(account for account in before.absent if account not in here),
            left={account: due for account, due in before.left.items() if account in here},
            sent=0,
            bundle_keys=past[: groups.PAST_EPOCHS],
            passed=ending.note_passed(before, old),
            # We follow the group, so whatever made us ask to be re-added is over.
            asking=None,
            ended=None,
            mend_at=0,
        ),
    )
    step.save_group(gid, group)
    step.note_epoch(gid, removed=bool(staged.removed))
    settle_epoch(step, gid, before.epoch)
    if before.mend_at:
        ending.drop_pointless(step, gid)
    if chat.heir is not None:
        return chat  # people see the chat that took its place, and nothing of this
    tell_changes(step, before, chat, by=before.at(staged.committer))
    if staged.own and arranging.has_new_device(before, chat):
        arranging.tell_all(step)
    joins.settle_members(step, chat)
    putting_out.tell_newcomers(step, before, chat, by=before.at(staged.committer))
    return chat


def tell_changes(step: Step, before: Chat, chat: Chat, *, by: Member | None) -> None:
    """Events and lines for all that differs between two states of one chat. by: the device that changed it."""
    gid = chat.gid
    if {(m.account, m.device) for m in before.members} != {(m.account, m.device) for m in chat.members}:
        note_commit(step, before, chat, by=by)
        step.event("members", gid)
    if before.title != chat.title:
        note_title(step, chat, by=by)
        step.event("renamed", gid)
    if before.roles != chat.roles:
        note_roles(step, before, chat, by=by)
        step.event("roles", gid)
    if before.timer != chat.timer:
        note_timer(step, chat, b"" if by is None else by.account)
    if (before.perms, before.invites) != (chat.perms, chat.invites):
        step.event("rules", gid)
    note_rules(step, before, chat, by=by)


def settle_epoch(step: Step, gid: bytes, epoch: int) -> None:
    """A Staged of the ended epoch is dead, and its intent is judged anew; a refused one has failed for good."""
    step.drop_staged(gid)
    for n, item in rows.items(step.tx, gid):
        outbox.run(step, n, item, items.Ended(epoch))


def apply_echo(step: Step, n: int, item: Item) -> Chat | None:
    """Our own commit stands in the mailbox: that is its acceptance. None when its epoch is not ours any more."""
    _, left = outbox.run(step, n, item, items.Echo(newest=True))
    chat = step.chat(item.gid)
    staged = step.find_staged(item.gid) if left else None
    if staged is None or chat.status != "active" or staged.epoch != chat.epoch + 1:
        return None
    told = parse_aad(staged.aad)
    return advance(step, item.gid, staged, rotate=isinstance(told, CommitAad) and told.rotate)
