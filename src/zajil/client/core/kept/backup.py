"""The encrypted backup of this account: what goes in, when it is renewed, and the steps of its errands.

It is renewed whenever what it holds is not what the server holds: a contact, a chat, the own device list. When a chat
was used last goes in too and is no reason to renew it, or the server would see when somebody writes. Nothing here
blocks anything else: a backup that cannot be stored is told by `recovery status`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

import msgspec

from zajil.client.core import groups
from zajil.client.core.talk import arranging
from zajil.client.state import accounts, rows
from zajil.client.state.recovery import (
    OldKey,
    Recovery,
    RecoveryMove,
    change_recovery,
    load_recovery,
    next_state,
    save_recovery,
)
from zajil.client.state.rows import Account, Chat
from zajil.client.state.step import Step
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.chat.extensions import ChatKind
from zajil.protocol.chat.parts import SyncPrivacy
from zajil.protocol.errors import error
from zajil.protocol.identity import recovery
from zajil.protocol.identity.backup import HELPERS_MAX, Backup, BackupChat, BackupPerson
from zajil.protocol.ids import B32, B64, AccountId, Blob, GroupId
from zajil.protocol.limits import BACKUP_BYTES

RENEW_AFTER_MS: Final = 30 * 86_400_000
_AGAIN_MS: Final = 86_400_000
"""Within so long a backup is stored again where the server went back: at once it would tell the server whose it is."""
_LAST_VERSION: Final = (1 << 53) - 1
"""Above any version a key ever writes: a deletion is the last thing that happens under it."""
_PLAIN_BYTES: Final = BACKUP_BYTES - 64
_BLOCKED_MAX: Final = 1024
_FITS: Final = ((HELPERS_MAX, 4096), (4, 2048), (2, 512), (1, 128))
"""Helpers of a chat, and chats, by last activity: the first that fits is taken."""


class WantBackup(msgspec.Struct, frozen=True):
    """The backup at the server is not what it should hold. locator: 16 bytes."""

    locator: bytes


class WantForget(msgspec.Struct, frozen=True):
    """The backup of a key that was replaced is still there."""

    locator: bytes


BackupWant: TypeAlias = WantBackup | WantForget


class SealedBackup(NamedTuple):
    """What a WantBackup puts. digest: of what it holds."""

    request: StoredBackup
    digest: bytes


def move(step: Step, which: RecoveryMove) -> bytes:
    """Show or replace the recovery key; the key, 20 bytes. Raises HomeError `no-recovery-key`."""
    held = load_recovery(step.tx)
    state = next_state(held.state, which)
    if held.key and which != "rotate":
        change_recovery(step.tx, state=state)
        return held.key
    key = step.rng(recovery.KEY_BYTES)
    old = (*held.old, OldKey(held.key, held.version)) if held.key else held.old
    change_recovery(step.tx, key=key, state=state, version=0, digest=b"", stored_at=0, problem="", old=old)
    return key


def confirm(step: Step, typed: bytes) -> None:
    """The person typed the key back. Raises HomeError `no-recovery-key`, `bad-recovery-key` for another one."""
    held = load_recovery(step.tx)
    state = next_state(held.state, "confirm")
    if typed != held.key:
        raise error("bad-recovery-key")
    change_recovery(step.tx, state=state)


def collect(step: Step) -> Backup:
    """What the backup is to hold now."""
    for helpers, most in _FITS:
        found = _collect(step, helpers=helpers, most=most)
        if len(found.encode()) <= _PLAIN_BYTES:
            return found
    return _with_fewer_people(found)


def _with_fewer_people(found: Backup) -> Backup:
    """The people to ask first, then those whose number was compared: whoever has a link becomes a contact."""
    asked = {who for chat in found.chats for who, _ in chat.helpers}
    people = sorted(found.people, key=lambda p: (p.account_id not in asked, p.verified_pub is None, p.account_id))
    while people and len(found.encode()) > _PLAIN_BYTES:
        people = people[: len(people) * 15 // 16]
        found = replace(found, people=tuple(people))
    return found


def _collect(step: Step, *, helpers: int, most: int) -> Backup:
    profile, privacy = step.profile, rows.load_privacy(step.tx)
    people = [a for a in rows.all_accounts(step.tx) if a.account_id != profile.account_id]
    blocked = {a.account_id for a in people if a.blocked}
    kept = [c for c in rows.all_chats(step.tx) if _is_kept(c) and c.peer not in blocked][:most]
    chats = tuple(_chat_of(chat, profile.account_id, helpers) for chat in kept)
    needed = {who for chat in chats for who, _ in chat.helpers}
    return Backup(
        seed=step.keys.account_seed,
        account_id=AccountId(profile.account_id),
        server_name=profile.server_name,
        name=profile.name,
        profile_token=profile.profile_token,
        own_list=accounts.known(step, profile.account_id).list_object,
        people=tuple(_person_of(a) for a in people if a.contact or a.blocked or a.account_id in needed),
        chats=chats,
        privacy=SyncPrivacy(privacy.receipts, privacy.typing, privacy.at),
        arranged=arranging.collect_lasting(step, (chat.gid for chat in kept)),
        blocked=_blocked_of(people),
    )


def _is_kept(chat: Chat) -> bool:
    """Nobody asks to come back into what is over, nor into what was not accepted or was only made to ask by a link."""
    return not (chat.merged or chat.request or chat.quiet) and chat.status not in ("removed", "left")


def _blocked_of(people: Sequence[Account]) -> tuple[tuple[AccountId, bool, int], ...]:
    """Who is blocked, then who is no more, as many as fit, the latest first; told in the order of their ids."""
    decided = sorted((a for a in people if a.blocked_at), key=lambda a: (not a.blocked, -a.blocked_at))[:_BLOCKED_MAX]
    return tuple(sorted((AccountId(a.account_id), a.blocked, a.blocked_at) for a in decided))


def _chat_of(chat: Chat, own: bytes, helpers: int) -> BackupChat:
    others = [who for who in chat.accounts() if who != own]
    if chat.peer and chat.peer not in others:
        others.append(chat.peer)
    asked = sorted(others, key=lambda who: -groups.role_of(chat, who))[:helpers]
    roles = tuple((AccountId(who), chat.roles.get(who, 0)) for who in asked)
    return BackupChat(GroupId(chat.gid), ChatKind(chat.kind), chat.title, chat.activity, roles)


def _person_of(account: Account) -> BackupPerson:
    verified = account.verified_pub if account.verified and account.verified_pub else None
    token = account.contact_token or None
    return BackupPerson(AccountId(account.account_id), account.name, token, account.contact, verified)


def digest_of(held: Backup) -> bytes:
    """What tells whether a stored backup is still the right one, 32 bytes."""
    still = tuple(replace(chat, last_activity=0) for chat in sorted(held.chats, key=lambda chat: chat.gid))
    return hashlib.sha256(replace(held, chats=still).encode()).digest()


def wants(step: Step) -> list[BackupWant]:
    """The errands that are open: store the backup first, then delete those of keys before."""
    held = load_recovery(step.tx)
    if held.key and (held.due or digest_of(collect(step)) != held.digest):
        return [WantBackup(recovery.derive_secrets(held.key).locator)]
    return [WantForget(recovery.derive_secrets(old.key).locator) for old in held.old]


def is_pressing(step: Step) -> bool:
    """Whether a `sync` waits for these errands: not where the server refused the last one."""
    return not load_recovery(step.tx).problem


def seal(step: Step, want: WantBackup) -> SealedBackup | None:
    """The next version, sealed; None where the key was replaced meanwhile. Raises Malformed `too-big`."""
    held = load_recovery(step.tx)
    secrets = recovery.derive_secrets(held.key) if held.key else None
    if secrets is None or secrets.locator != want.locator:
        return None
    content, version = collect(step), held.version + 1
    blob = recovery.seal_backup(secrets, content.encode(), version=version, nonce=step.rng(12))
    sig = recovery.sign_backup(secrets, blob, version=version)
    return SealedBackup(StoredBackup(B32(secrets.auth_pub), version, Blob(blob), B64(sig)), digest_of(content))


def take_stored(step: Step, want: WantBackup, sealed: SealedBackup) -> None:
    """The server holds this version durably."""
    held = load_recovery(step.tx)
    if not held.key or recovery.derive_secrets(held.key).locator != want.locator:
        return
    version = max(held.version, sealed.request.version)
    change_recovery(
        step.tx, version=version, digest=sealed.digest, stored_at=step.now, again_at=0, due=False, problem=""
    )


def take_newer(step: Step, want: WantBackup, stored: StoredBackup, *, refused: int) -> None:
    """Another device of ours, or this home before it was put back, wrote a newer version: ours goes above it.

    refused: the version that was called stale. Raises Malformed for one that our key did not sign, Conflict
    `stale-backup` for one that is below: who serves that refuses for no reason, and would be asked for ever.
    """
    held = load_recovery(step.tx)
    recovery.check_backup(
        want.locator, bytes(stored.auth_pub), bytes(stored.blob), version=stored.version, sig=bytes(stored.sig)
    )
    if held.key and bytes(stored.auth_pub) != recovery.derive_secrets(held.key).auth_pub:
        raise error("bad-signature", "a backup of another key")
    if stored.version < refused:
        raise error("stale-backup", "no newer one is there")
    change_recovery(step.tx, version=max(held.version, stored.version))


def deletion(step: Step, want: WantForget) -> DeleteBackup | None:
    """What deletes the backup of a replaced key, whatever version it has; None where that is done."""
    for old in load_recovery(step.tx).old:
        secrets = recovery.derive_secrets(old.key)
        if secrets.locator == want.locator:
            return _delete(secrets)
    return None


def forget(step: Step) -> list[tuple[bytes, DeleteBackup]]:
    """Renew no backup any more; what deletes all those of this account that we knew of, each with its locator.

    Each key is kept until its backup is known to be gone (`take_forgotten`), or a cut would leave one for good.
    """
    held = load_recovery(step.tx)
    old = (*held.old, OldKey(held.key, held.version)) if held.key else held.old
    save_recovery(step.tx, Recovery(old=old))
    secrets = [recovery.derive_secrets(each.key) for each in old]
    return [(each.locator, _delete(each)) for each in secrets]


def _delete(secrets: recovery.RecoverySecrets) -> DeleteBackup:
    sig = recovery.sign_deletion(secrets, version=_LAST_VERSION)
    return DeleteBackup(B32(secrets.auth_pub), _LAST_VERSION, B64(sig))


def take_forgotten(step: Step, want: WantForget) -> None:
    """That backup is gone."""
    left = tuple(old for old in load_recovery(step.tx).old if recovery.derive_secrets(old.key).locator != want.locator)
    change_recovery(step.tx, old=left, problem="")


def note_problem(step: Step, code: str) -> None:
    """The server refused; it is tried again later."""
    change_recovery(step.tx, problem=code)


def store_again(step: Step) -> None:
    """The server went back, to an older backup or to none: without this one the recovery key would lead to nobody."""
    held = load_recovery(step.tx)
    if held.key and not held.again_at:
        change_recovery(step.tx, again_at=step.now + 1 + int.from_bytes(step.rng(8), "big") % _AGAIN_MS)


def renew_old(step: Step) -> None:
    """Once a day: a backup that was not written for a month is written again, or the server forgets it.

    So is one whose server went back, at a moment that the server did not choose.
    """
    held = load_recovery(step.tx)
    is_again = 0 < held.again_at <= step.now
    if is_again or (held.stored_at and step.now - held.stored_at >= RENEW_AFTER_MS):
        change_recovery(step.tx, due=True)
