"""MLS groups as chats use them: creation, secrets, rosters keys, and moving to the next epoch.

Names of service.md 3: `send_token` authorises sends of one epoch, `gs` is the group secret behind the roster key,
`rotate` says that a commit makes a new one. Extension 0xF0A0 holds the chat settings.
"""

from __future__ import annotations

import hashlib

import msgspec

from zajil import mls
from zajil.client.state.rows import Chat, Member
from zajil.client.state.step import POLICY, Step
from zajil.mls.messages.extensions import ExtensionType, find_extension
from zajil.protocol.chat.extensions import CHAT_SETTINGS, GROUP_INFO_SHARE, ChatKind, ChatRole, ChatSettings
from zajil.protocol.ids import ClientId, split_client_id
from zajil.protocol.limits import SUITE_XWING
from zajil.protocol.reach.bundle import EXPORT_LABEL, KEY_BYTES

SELF, DM, GROUP = ChatKind.SELF, ChatKind.DM, ChatKind.GROUP
ADMIN, OWNER = ChatRole.ADMIN, ChatRole.OWNER
SUITE = mls.suite_of(SUITE_XWING)
CAPABILITIES = mls.Capabilities(cipher_suites=(SUITE_XWING, 0x0001), extensions=(CHAT_SETTINGS, GROUP_INFO_SHARE))
ROTATE_AFTER_MS = 30 * 86_400_000
# As many as the engine opens messages of.
PAST_EPOCHS = POLICY.past_epochs


def create(step: Step, gid: bytes, settings: ChatSettings) -> mls.Group:
    """A group of ours alone, at epoch 0."""
    required = mls.RequiredCapabilities(extensions=(CHAT_SETTINGS,))
    return mls.Group.create(
        step.env(),
        gid,
        SUITE,
        mls.basic_credential(step.profile.certificate),
        step.profile.device_pub,
        CAPABILITIES,
        extensions=(
            mls.Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode()),
            mls.Extension(CHAT_SETTINGS, settings.encode()),
        ),
    )


def send_token(group: mls.Group | mls.Staged, gid: bytes) -> bytes:
    """32 bytes that authorise sends in the epoch of `group`."""
    return group.export("zajil send", gid, 32)


def group_secret(group: mls.Group | mls.Staged, gid: bytes) -> bytes:
    """gs of a group at epoch 0, or of the epoch a rotating commit makes."""
    return group.export("zajil group secret", gid, 32)


def bundle_key(group: mls.Group, gid: bytes) -> bytes:
    """What seals files that members of this epoch carry by hand."""
    return group.export(EXPORT_LABEL, gid, KEY_BYTES)


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
        kind=int(settings.kind),
        title=settings.name,
        roles={account: int(role) for account, role in settings.roles.items()},
        perms=settings.perms.numbers(),
        invites=tuple((one.invite_id, int(one.policy), one.expires) for one in settings.invites),
        timer=settings.timer,
        epoch=group.epoch,
        top=max(chat.top, group.epoch),
        own_leaf=group.own_leaf,
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
