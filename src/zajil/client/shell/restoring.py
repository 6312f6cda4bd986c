"""From a recovery key to a device: fetch the backup, take the account up with a new device, ask for every chat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.client.core.core import Core
from zajil.client.core.kept import restored
from zajil.client.shell import enrol
from zajil.client.shell.calls import Calls, contact_auth, device_auth
from zajil.client.shell.chains import fetch_chain, fetch_chain_by_key, make_login
from zajil.client.shell.login import log_in
from zajil.client.state import rows
from zajil.client.state.rows import Profile
from zajil.client.storage.keyfile import RESTORING, Keys, has_keys, make_keys, read_keys, write_keys
from zajil.client.storage.store import Store
from zajil.protocol import control
from zajil.protocol.backups.wire import StoredBackup
from zajil.protocol.errors import HomeError, Refused, error
from zajil.protocol.identity import objects, recovery
from zajil.protocol.identity.backup import Backup
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, DeviceListEntry, Kind, VerifiedList
from zajil.protocol.ids import DeviceId, encode_b64
from zajil.protocol.limits import ACCOUNT_DEVICES


class FoundBackup(NamedTuple):
    """A backup that opened. key: 20 bytes. version: of the stored one."""

    key: bytes
    version: int
    held: Backup


class _Place(NamedTuple):
    """Which device of which account, at which server address."""

    keys: Keys
    held: Backup
    server: str


class _Taken(NamedTuple):
    """The account with this device in it. lists: the own chain."""

    profile: Profile
    lists: tuple[bytes, ...]
    token: str
    token_expires: int


async def restore(
    home: Path,
    calls: Calls,
    *,
    backups: Calls,
    server: str,
    key: bytes,
    keep_devices: bool,
    learn: enrol.Learn = enrol.learn_nothing,
) -> None:
    """This home is a device of the account behind a recovery key (20 bytes), and asks for its chats.

    backups: makes the calls that are not to be seen beside those of `calls`. keep_devices: the devices there are stay;
    else the new list ends all of them. learn: what it answers writes what else the home is to hold. Cut off
    anywhere, it can be done again. Raises `home-exists`, `no-backup`, `bad-backup`, `not-this-server`, `list-fork`
    where the server's lists are not those the backup saw, `key-changed` where another key took the account,
    `not-allowed` where the account was deleted, `suspended`, Unreachable.
    """
    if has_keys(home):
        raise error("home-exists")
    config = await calls.call(control.CONFIG, control.Config)
    found = await fetch(backups, key)
    if found.held.server_name != config.server_name:
        raise error("not-this-server")
    keep = await learn()
    keys = _pending_keys(home, found.held.seed)
    lists, token_holds = await _fetch_lists(calls, found.held)
    # One that ended would lead nobody here, and one that was ended on purpose must not lead here again.
    held = found.held if token_holds else replace(found.held, profile_token=token_bytes(32))
    taken = await _take_up(calls, _Place(keys, held, server), lists, keep_devices=keep_devices)
    enrol.discard_store(home)
    store = Store(home, keys.store_key)
    try:
        with store.step("profile", enrol.now_ms(), token_bytes) as tx:
            rows.save_profile(tx, taken.profile)
            keep(tx)
        core = Core(store, keys, now=enrol.now_ms, rng=token_bytes)
        with core.step("restored") as step:
            step.change_session(token=taken.token, token_expires=taken.token_expires)
            restored.fill(step, held, lists=taken.lists, key=key, version=found.version)
            restored.ask_for_chats(step, held, alone=not keep_devices)
            if not token_holds:
                restored.tell_token(step)
        write_keys(home, keys)
        (home / RESTORING).unlink(missing_ok=True)
        await enrol.publish_profile_token(core, calls)
    finally:
        store.close()


def _pending_keys(home: Path, seed: bytes) -> Keys:
    """The keys of a try before this one, whose device may be listed by now; else new ones, written first."""
    try:
        pending = read_keys(home, RESTORING)
    except HomeError:
        pending = None
    if pending is None or pending.account_seed != seed:
        pending = make_keys(token_bytes, account_seed=seed)
        write_keys(home, pending, RESTORING)
    return pending


async def fetch(calls: Calls, key: bytes) -> FoundBackup:
    """The backup of a key. Raises HomeError `no-backup`, `bad-backup`."""
    secrets = recovery.derive_secrets(key)
    try:
        stored = await calls.call(control.BACKUP, StoredBackup, locator=encode_b64(secrets.locator))
    except Refused as problem:
        if problem.code != "gone":
            raise
        raise error("no-backup") from None
    plain = recovery.open_backup(secrets, bytes(stored.blob), version=stored.version)
    held = Backup.parse(plain)
    seen = DeviceList.parse(objects.parse_object(held.own_list).payload)
    if seen.account_id != held.account_id:
        raise error("bad-backup")
    return FoundBackup(key, stored.version, held)


async def _fetch_lists(calls: Calls, held: Backup) -> tuple[tuple[bytes, ...], bool]:
    """The account's chain, which must go through the list of the backup, and whether its contact token still holds.

    Nobody can log in, so it is fetched by that token; by the account key where another device changed the token since.
    """
    account, token_holds = held.account_id, True
    try:
        lists = await fetch_chain(calls, account, auth=contact_auth(held.profile_token))
    except Refused as problem:
        if problem.code != "not-allowed":
            raise
        token_holds, key = False, Ed25519PrivateKey.from_private_bytes(held.seed)
        lists = await fetch_chain_by_key(calls, account, server_name=held.server_name, account_key=key)
    if held.own_list not in lists:
        raise error("list-fork")
    return tuple(lists), token_holds


async def _take_up(calls: Calls, place: _Place, lists: tuple[bytes, ...], *, keep_devices: bool) -> _Taken:
    """Put the list that follows, with a new device in it; or log in where a try before this one got so far."""
    keys, held, _ = place
    newest = objects.open_chain(lists, account_id=held.account_id)
    if enrol.public_bytes(held.seed) != newest.list.account_pub:
        raise error("key-changed")
    device_pub = enrol.public_bytes(keys.device_seed)
    listed = next((entry for entry in newest.list.devices if entry.sig_pub == device_pub), None)
    if listed is not None:
        return await _go_on(calls, place, lists, listed=listed, keep_devices=keep_devices)
    used = [d.device_id for data in lists for d in DeviceList.parse(objects.parse_object(data).payload).devices]
    now = enrol.now_ms() // 1000
    added = DeviceListEntry(DeviceId(max(used) + 1), device_pub, now)
    others = newest.list.devices if keep_devices else ()
    if len(others) >= ACCOUNT_DEVICES:
        raise error("not-permitted", "eight devices")
    profile, signed = _profile(place, added, newest.list.seq + 1), _sign_list(place, newest, (*others, added))
    login = make_login(profile, keys.device_seed, nonce=objects.hash_object(signed))
    session = await calls.call(
        control.CREATE_ACCOUNT,
        control.Session,
        request=control.CreateAccount(control.Blob(signed), control.Blob(login)),
    )
    return _Taken(profile, (*lists, signed), encode_b64(session.token), session.expires)


async def _go_on(
    calls: Calls, place: _Place, lists: tuple[bytes, ...], *, listed: DeviceListEntry, keep_devices: bool
) -> _Taken:
    """The answer to the list was lost: this device is in it. Without the others, where that is asked now."""
    newest = objects.open_chain(lists, account_id=place.held.account_id)
    profile = _profile(place, listed, newest.list.seq)
    token, expires = await log_in(calls, profile, place.keys.device_seed)
    if not keep_devices and len(newest.list.devices) > 1:
        alone = _sign_list(place, newest, (listed,))
        request = control.PutDeviceList(control.Blob(alone))
        await calls.call(control.PUT_DEVICE_LIST, control.Empty, request=request, auth=device_auth(token))
        lists = (*lists, alone)
    return _Taken(profile, lists, token, expires)


def _sign_list(place: _Place, newest: VerifiedList, devices: tuple[DeviceListEntry, ...]) -> bytes:
    """The list that follows."""
    before, now = newest.list, enrol.now_ms() // 1000
    longer = DeviceList(before.account_id, before.seq + 1, newest.hash, before.account_pub, devices, now)
    return objects.sign_object(Kind.DEVICE_LIST, longer.encode(), enrol.account_key(place.keys))


def _profile(place: _Place, entry: DeviceListEntry, list_seq: int) -> Profile:
    """The profile of a device that the list of this seq has."""
    keys, held, server = place
    account_pub = enrol.public_bytes(held.seed)
    certificate = DeviceCertificate(held.account_id, account_pub, entry.device_id, entry.sig_pub, list_seq, entry.added)
    return Profile(
        held.account_id,
        account_pub,
        entry.device_id,
        entry.sig_pub,
        objects.sign_object(Kind.CERTIFICATE, certificate.encode(), enrol.account_key(keys)),
        held.name,
        server,
        held.server_name,
        held.profile_token,
        registered=True,
        registered_at=enrol.now_ms(),
    )
