"""The end of an account: the last, empty device list, and everything of it here and at the server removed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zajil.client.core.core import Core
from zajil.client.core.kept import backup
from zajil.client.files import fetching, uploading
from zajil.client.shell import enrol
from zajil.client.shell.calls import Calls
from zajil.client.shell.chains import fetch_chain_by_key
from zajil.client.shell.linking import fetch_own_lists
from zajil.client.shell.login import Tokens
from zajil.client.state import accounts
from zajil.client.storage import keyfile, lock
from zajil.protocol import control
from zajil.protocol.backups.wire import DeleteBackup
from zajil.protocol.errors import AuthError, Conflict, Refused, error
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceList, Kind
from zajil.protocol.ids import AccountId, encode_b64

_BEGUN: Final = b"ending"
"""Row of `meta`: the deletion was asked for, and is not over."""
_SENT: Final = b"last-list"
"""Row of `meta`: the last list is on its way to the server."""


def begin(core: Core) -> None:
    """From now on, whatever cuts the deletion off, this device knows that it was asked for."""
    with core.step("begin-ending") as step:
        step.tx.put("meta", _BEGUN, b"1")


def is_begun(core: Core) -> bool:
    """Whether a deletion was asked for and is not over."""
    with core.look() as step:
        return any(step.tx.find("meta", row) is not None for row in (_BEGUN, _SENT))


def call_off(core: Core) -> None:
    """The account stays. Groups that were left and a backup that was deleted do not come back."""
    with core.step("call-off-ending") as step:
        for row in (_BEGUN, _SENT):
            step.tx.delete("meta", row)


async def end_account(core: Core, calls: Calls, tokens: Tokens, *, backups: Calls) -> None:
    """Delete the backups, then put the list without devices: the server keeps that and nothing else of the account.

    From the start on nothing renews the backup; where this fails later, the account is there and has none, and a backup
    that is still there is deleted by the next `sync`. backups: makes the calls that are not to be seen beside those of
    `calls`. Raises Conflict `stale-list` where another device wrote a list meanwhile; Unreachable.
    """
    with core.step("forget-recovery") as step:
        requests = backup.forget(step)
        account = AccountId(step.profile.account_id)
    await _delete_backups(backups, requests)
    if not await has_ended(core, calls, tokens):
        await _put_last_list(core, calls, tokens, account)
    await _delete_backups(backups, requests)  # one may have been on its way when its key was forgotten


async def has_ended(core: Core, calls: Calls, tokens: Tokens) -> bool:
    """Whether the last list was put before and its answer was lost: it was sent, and the account key is told so.

    Raises AuthError `device-revoked` where the account lives without this device: there is nothing left to finish here,
    and the deletion is called off. Unreachable.
    """
    with core.look() as step:
        if step.tx.find("meta", _SENT) is None:
            return False
    tokens.forget()
    try:
        await tokens.token()
    except AuthError as problem:
        if problem.code != "device-revoked":
            raise
        if await _is_deleted(core, calls):
            return True
        call_off(core)
        raise
    return False


async def _is_deleted(core: Core, calls: Calls) -> bool:
    """Whether the account is gone: a device that another one or a restore removed is told `device-revoked` as well."""
    with core.look() as step:
        account, server_name = AccountId(step.profile.account_id), step.profile.server_name
    try:
        await fetch_chain_by_key(calls, account, server_name=server_name, account_key=enrol.account_key(core.keys))
    except Refused as problem:
        if problem.code != "not-allowed":
            raise
        return True
    return False


async def _delete_backups(calls: Calls, requests: Sequence[tuple[bytes, DeleteBackup]]) -> None:
    for locator, request in requests:
        await calls.call(control.DELETE_BACKUP, control.Empty, request=request, locator=encode_b64(locator))


async def _put_last_list(core: Core, calls: Calls, tokens: Tokens, account: AccountId) -> None:
    lists = await fetch_own_lists(core, calls, tokens)
    with core.step("own-list") as step:
        # Built on a chain behind the one we know, the last list would be a fork signed by ourselves.
        newest = accounts.learn_chain(step, account, lists).list_object
    before = objects.open_chain(lists, account_id=account)
    if before.object != newest:
        raise error("stale-list", "the server's chain is not ours")
    last = DeviceList(account, before.list.seq + 1, before.hash, before.list.account_pub, (), core.now() // 1000)
    signed = objects.sign_object(Kind.DEVICE_LIST, last.encode(), enrol.account_key(core.keys))
    auth = await tokens.auth()
    with core.step("last-list") as step:
        step.tx.put("meta", _SENT, signed)
    request = control.PutDeviceList(control.Blob(signed))
    try:
        await calls.call(control.PUT_DEVICE_LIST, control.Empty, request=request, auth=auth)
    except Conflict:
        with core.step("last-list-refused") as step:
            step.tx.delete("meta", _SENT)
        raise


def wipe_home(home: Path) -> None:
    """Remove what a device keeps in its home, the keys first: nobody can read the rest then. Other files stay.

    Of the keys those go last by which the home is opened: until then whatever is opened in it can finish this.
    """
    for keys in (*home.glob(keyfile.UNFINISHED), home / keyfile.RESTORING, home / keyfile.FILE):
        keys.unlink(missing_ok=True)
    enrol.discard_store(home)
    for folder in (fetching.FOLDER, uploading.FOLDER):
        shutil.rmtree(home / folder, ignore_errors=True)
    for file in (lock.FILE, lock.UPLOAD_FILE):
        (home / file).unlink(missing_ok=True)
