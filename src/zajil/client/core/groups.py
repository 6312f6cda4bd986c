"""MLS groups as chats use them: creation, secrets, rosters keys, and moving to the next epoch.

Names of service.md 3: `send_token` authorises sends of one epoch, `gs` is the group secret behind the roster key,
`rotate` says that a commit makes a new one. Extension 0xF0A0 holds the chat settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from zajil import mls
from zajil.client.core import outbox
from zajil.client.state import rows
from zajil.client.state.rows import Chat, Claimed, Member
from zajil.client.state.step import POLICY, Step
from zajil.mls.messages.extensions import ExtensionType, find_extension
from zajil.protocol.chat.extensions import CHAT_SETTINGS, GROUP_INFO_SHARE, ChatKind, ChatRole, ChatSettings
from zajil.protocol.errors import error
from zajil.protocol.ids import ClientId, split_client_id
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING
from zajil.protocol.reach.bundle import EXPORT_LABEL, KEY_BYTES

SELF, DM, GROUP = ChatKind.SELF, ChatKind.DM, ChatKind.GROUP
ADMIN, OWNER = ChatRole.ADMIN, ChatRole.OWNER
CAPABILITIES = mls.Capabilities(cipher_suites=(SUITE_XWING, SUITE_RFC1), extensions=(CHAT_SETTINGS, GROUP_INFO_SHARE))
ROTATE_AFTER_MS = 30 * 86_400_000
# As many as the engine opens messages of.
PAST_EPOCHS = POLICY.past_epochs


def create(step: Step, gid: bytes, settings: bytes, suite: mls.Suite = mls.XWING) -> mls.Group:
    """A group of ours alone, at epoch 0.

    settings: data of extension 0xF0A0. suite: as `mls.choose_suite` says, for life.
    """
    required = mls.RequiredCapabilities(extensions=(CHAT_SETTINGS,))
    return mls.Group.create(
        step.env(),
        gid,
        suite,
        mls.basic_credential(step.profile.certificate),
        step.profile.device_pub,
        CAPABILITIES,
        extensions=(
            mls.Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode()),
            mls.Extension(CHAT_SETTINGS, settings),
        ),
    )


def asked_suites(step: Step, gid: bytes) -> tuple[int, ...]:
    """In which suites packages are claimed for this group, the best one first: both while it can still be either."""
    chat = step.chat(gid)
    return (SUITE_XWING, SUITE_RFC1) if _may_change_suite(step, chat) else (chat.suite,)


def _may_change_suite(step: Step, chat: Chat) -> bool:
    """Whether nobody was told of the group yet. Nobody follows a successor of another suite than it was made in."""
    items = rows.items(step.tx, chat.gid)
    return (chat.suite, chat.forebear) == (SUITE_XWING, b"") and any(
        item.kind == "create" and item.state == "queued" for _, item in items
    )


def keep_suite(step: Step, gid: bytes, claims: Sequence[Claimed]) -> bool:
    """Whether a group keeps its suite now that these packages came as well.

    False: not all are able to use it, and the group was made anew in the suite that they are; its packages are claimed
    anew. Raises `suite-downgrade` where the server withholds what a device signed that it is able to use.
    """
    chat = step.chat(gid)
    if not _may_change_suite(step, chat):
        return True
    waiting = [(n, item) for n, item in rows.items(step.tx, gid) if item.intent is not None and item.state == "queued"]
    candidates: dict[bytes, list[mls.KeyPackage]] = {}
    for claim in (*claims, *(claim for _, item in waiting for claim in item.claims)):
        package = _genuine(step, claim)
        if package is not None:
            candidates[claim.account + claim.device.to_bytes(4, "big")] = [package]
    try:
        suite = mls.choose_suite(candidates, len(candidates) + 1)
    except mls.SuiteDowngrade:
        raise error("suite-downgrade") from None
    if suite is mls.XWING:
        return True
    group = create(step, gid, find_settings(step.load_group(gid)), suite)
    step.save_group(gid, group)
    step.change_chat(gid, suite=suite.id, gs=group_secret(group, gid), rotated_at=step.now)
    for n, item in waiting:
        outbox.change_item(step, n, item, claims=(), claimed=(), claim_id=step.rng(16))
    return False


def _genuine(step: Step, claim: Claimed) -> mls.KeyPackage | None:
    """The package, where the device itself signed it and so what it is able to use; else its Add fails by itself.

    A leaf that does not list the suite of its own package contradicts itself, and says nothing.
    """
    try:
        package = mls.parse_key_package(claim.key_package)
        client = mls.check_key_package(step.env(), package, mls.suite_of(package.suite))
    except mls.MlsError:
        return None
    able = package.suite in package.leaf_node.capabilities.cipher_suites
    return package if able and client == claim.account + claim.device.to_bytes(4, "big") else None


def send_token(group: mls.Group | mls.Staged, gid: bytes) -> bytes:
    """32 bytes that authorise sends in the epoch of `group`."""
    return group.export("zajil send", gid, 32)


def group_secret(group: mls.Group | mls.Staged, gid: bytes) -> bytes:
    """gs of a group at epoch 0, or of the epoch a rotating commit makes."""
    return group.export("zajil group secret", gid, 32)


def bundle_key(group: mls.Group, gid: bytes) -> bytes:
    """What seals files that members of this epoch carry by hand."""
    return group.export(EXPORT_LABEL, gid, KEY_BYTES)


def find_settings(group: mls.Group | mls.Staged) -> bytes:
    """Data of extension 0xF0A0; empty where it is missing."""
    return find_extension(group.extensions, CHAT_SETTINGS) or b""


def settings_of(group_extensions: tuple[mls.Extension, ...]) -> ChatSettings:
    """The chat settings. Raises Malformed when they are missing or do not parse."""
    return ChatSettings.parse(find_extension(group_extensions, CHAT_SETTINGS) or b"")


def members_of(members: tuple[mls.Member, ...], before: Chat | None, epoch: int) -> tuple[Member, ...]:
    """The tree as rows. A leaf that `before` did not have was added in `epoch`."""
    known = {(m.leaf, m.account, m.device): m.added for m in before.members} if before is not None else {}
    made = []
    for member in members:
        account, device = split_client_id(ClientId(member.client))
        key = (member.leaf, account, device)
        made.append(Member(*key, known.get(key, epoch if before is not None else 0)))
    return tuple(made)


def describe(chat: Chat, group: mls.Group) -> Chat:
    """The chat with everything that its group's state says."""
    settings = settings_of(group.extensions)
    return msgspec.structs.replace(
        chat,
        settings=find_settings(group),
        kind=int(settings.kind),
        title=settings.name,
        roles={account: int(role) for account, role in settings.roles.items()},
        perms=settings.perms.numbers(),
        invites=tuple((one.invite_id, int(one.policy), one.expires) for one in settings.invites),
        timer=settings.timer,
        forebear=settings.predecessor.gid if settings.predecessor else b"",
        epoch=group.epoch,
        top=max(chat.top, group.epoch),
        own_leaf=group.own_leaf,
        suite=group.suite.id,
        all_able=all(SUITE_XWING in m.leaf_node.capabilities.cipher_suites for m in group.members()),
    )


def role_of(chat: Chat, account: bytes) -> int:
    """0 member, 1 admin, 2 owner, with the rules for groups that lost their owners (service.md 6)."""
    if chat.kind in (SELF, DM):
        return OWNER
    present = set(chat.accounts())
    named = {who: role for who, role in chat.roles.items() if who in present}
    if not named:
        first = min(present, key=lambda who: hashlib.sha256(chat.gid + who).digest(), default=b"")
        return ADMIN if account == first else 0
    if OWNER not in named.values() and named.get(account) == ADMIN:
        return OWNER
    return named.get(account, 0)
