"""The veto: which accepted commits this client refuses (service.md 3 and 6), and which intents it drops.

It rests on certificate, tree, AAD, extension and what the group was sent before, never on private knowledge such as
device lists, so that all honest members judge alike.
"""

from __future__ import annotations

from typing import NamedTuple

from zajil import mls
from zajil.client.core.groups import ADMIN, DM, GROUP, OWNER, SELF, role_of
from zajil.client.state.rows import Chat
from zajil.mls.messages.extensions import find_extension
from zajil.protocol.chat.aad import CommitAad, parse_aad
from zajil.protocol.chat.changes import check_change as check_change_of_settings
from zajil.protocol.chat.extensions import CHAT_SETTINGS
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.ids import ClientId, split_client_id


class Vetoed(Exception):
    """A commit that MLS accepts and the chat's rules do not. rule: for developers. signer: leaf index, once known."""

    signer: int | None = None

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Change(NamedTuple):
    """A commit as the rules see it. added, removed: (account, device). settings: whether they change."""

    by: bytes
    added: tuple[tuple[bytes, int], ...]
    removed: tuple[tuple[bytes, int], ...]
    settings: bool


def check_commit(chat: Chat, group: mls.Group, staged: mls.Staged) -> CommitAad:
    """The AAD of a foreign commit that stands. Raises Vetoed."""
    committer = chat.at(staged.committer)
    if committer is None:
        raise Vetoed("committer")
    try:
        told = parse_aad(staged.aad)
    except ZajilError:
        raise Vetoed("aad") from None
    if not isinstance(told, CommitAad):
        raise Vetoed("aad")
    added = sorted(member.leaf for member in staged.added)
    removed = sorted(member.leaf for member in staged.removed)
    if replaces_own(told, staged.committer):
        # Nobody comes or goes: the committer alone is reached by another reference from now on.
        if added or removed:
            raise Vetoed("aad leaves")
    elif list(told.added) != added or list(told.removed) != removed or (removed and not told.rotate):
        raise Vetoed("aad leaves")
    if staged.state is mls.State.SUSPENDED:
        # A ReInit: nothing could be sent after it. A group of ours is followed by a successor, never by this.
        raise Vetoed("reinit")
    settings = staged.extensions != group.extensions
    check_change(chat, change_of(committer.account, staged, settings=settings))
    if settings:
        check_settings(chat, committer.account, group, staged)
    return told


def replaces_own(told: CommitAad, committer: int) -> bool:
    """Whether a commit gives its committer's own leaf another reference: the one such case that members allow."""
    return told.added == told.removed == (committer,)


def change_of(by: bytes, staged: mls.Staged, *, settings: bool) -> Change:
    """The accounts and devices behind the leaves of a staged commit."""
    return Change(
        by,
        tuple(split_client_id(ClientId(member.client)) for member in staged.added),
        tuple(split_client_id(ClientId(member.client)) for member in staged.removed),
        settings,
    )


def check_change(chat: Chat, change: Change) -> None:
    """Passes when `change.by` may do this in the tree and with the roles of `chat`. Raises Vetoed."""
    if change.settings and (change.added or change.removed):
        raise Vetoed("settings change alone")
    if _is_readd(change):
        return
    for account, _ in change.added:
        _check_add(chat, change.by, account)
    for account, _ in change.removed:
        _check_remove(chat, change.by, account)


def _is_readd(change: Change) -> bool:
    """A device takes its own place again, or that of older ones of its account, in one commit: any member may.

    The second is what a restored account needs, whose devices are all lost, also where it alone may add. Numbers of
    devices only grow, so no member brings an old device back in the place of a newer one.
    """
    if len(change.added) != 1 or not change.removed:
        return False
    account, device = change.added[0]
    return all(who == account and before <= device for who, before in change.removed)


def _check_add(chat: Chat, by: bytes, account: bytes) -> None:
    if account == by:
        return
    if chat.kind == SELF:
        raise Vetoed("another account in the self group")
    if chat.kind == DM:
        present = set(chat.accounts())
        if account not in present and len(present) >= 2:
            raise Vetoed("a third account in a DM")
        return
    # One device of an account that is in already: its own other devices or a re-add bring it, not a stranger.
    if role_of(chat, by) < chat.perms.get("add", ADMIN):
        raise Vetoed("add")


def _check_remove(chat: Chat, by: bytes, account: bytes) -> None:
    if account == by or account in chat.left:
        return
    if chat.kind == DM:
        raise Vetoed("remove in a DM")
    role = role_of(chat, by)
    if role < ADMIN or (role_of(chat, account) == OWNER and role < OWNER):
        raise Vetoed("remove")


def check_settings(chat: Chat, by: bytes, group: mls.Group, staged: mls.Staged) -> None:
    """Passes when `by` may make this change of the group's extensions. Raises Vetoed."""
    if _other_extensions(staged.extensions) != _other_extensions(group.extensions):
        raise Vetoed("extensions")
    before, after = (find_extension(state.extensions, CHAT_SETTINGS) or b"" for state in (group, staged))
    check_new_settings(chat, by, before, after)


def _other_extensions(extensions: tuple[mls.Extension, ...]) -> list[mls.Extension]:
    return [extension for extension in extensions if extension.type != CHAT_SETTINGS]


def check_new_settings(chat: Chat, by: bytes, before: bytes, after: bytes) -> None:
    """Passes when `by` may turn these settings of the chat into those: data of extension 0xF0A0. Raises Vetoed."""
    try:
        check_change_of_settings(before, after, role_of(chat, by))
    except ZajilError as problem:
        raise Vetoed("settings" if isinstance(problem, Malformed) else "right") from None


def may_write(chat: Chat, account: bytes) -> bool:
    """Whether what this account writes is shown: in a group where only admins write, a member's is not."""
    return chat.kind != GROUP or role_of(chat, account) >= chat.perms.get("send", 0)
