"""What we know of accounts: verified device lists, names, contact tokens (service.md 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from zajil.client.state import ownlists, rows
from zajil.client.state.rows import Account
from zajil.client.state.step import Step
from zajil.protocol.errors import HomeError, ZajilError, error
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceList, VerifiedList
from zajil.protocol.ids import AccountId


def known(step: Step, account_id: bytes) -> Account:
    """The account's row, an empty one where we know nothing yet."""
    return rows.find_account(step.tx, account_id) or Account(account_id)


def change(step: Step, account_id: bytes, **fields: object) -> Account:
    """Write some fields of an account; the new value."""
    return rows.save_account(step.tx, msgspec.structs.replace(known(step, account_id), **fields))


def verified_list(account: Account) -> VerifiedList | None:
    """The list we verified when we stored it."""
    if not account.list_object:
        return None
    payload = objects.parse_object(account.list_object).payload
    return VerifiedList(DeviceList.parse(payload), account.list_object, objects.hash_object(account.list_object))


def keep_list(step: Step, newest: VerifiedList) -> Account:
    """Store a list that was verified."""
    found = newest.list
    before = known(step, found.account_id)
    # Of an account that a backup brought back, the key that was compared is known before any list is.
    key = before.account_pub or before.verified_pub
    if before.verified and before.verified_pub == key and key != found.account_pub:
        step.event("key-changed", account=found.account_id)
    devices = tuple((entry.device_id, entry.sig_pub) for entry in found.devices)
    return change(
        step,
        found.account_id,
        account_pub=found.account_pub,
        list_seq=found.seq,
        list_object=newest.object,
        devices=devices,
    )


def learn_chain(step: Step, account_id: bytes, lists: Sequence[bytes]) -> Account:
    """Take the whole chain of an account, as its server or linking device gives it.

    A chain behind what we know changes nothing, a forked one raises the alarm. Behind, it is seen to be forked by the
    lists of our own that we keep, and where it ends right before the newest that we know, which names the one it
    follows. Raises `key-changed`, Malformed.
    """
    newest = objects.open_chain(lists, account_id=AccountId(account_id))
    held, is_own = verified_list(known(step, account_id)), account_id == step.profile.account_id
    if held is not None and newest.list.seq < held.list.seq:
        follows_another = newest.list.seq == held.list.seq - 1 and newest.hash != held.list.prev
        if follows_another or (is_own and not ownlists.agrees(ownlists.load(step), lists)):
            return _alarm(step, account_id)
        return known(step, account_id)
    if held is not None and objects.hash_object(lists[held.list.seq - 1]) != held.hash:
        return _alarm(step, account_id)
    if is_own:
        ownlists.keep(step, lists)
    return keep_list(step, newest)


def _alarm(step: Step, account_id: bytes) -> Account:
    """The account has two lists of one number."""
    step.event("forked-list")
    return change(step, account_id, alarm=True)


def learn_list(step: Step, account_id: bytes, data: bytes) -> Account:
    """Take a list told inside ciphertext, if it is news. A fork raises the alarm and changes nothing else."""
    account = known(step, account_id)
    try:
        newest = objects.open_later_list(data, verified_list(account), account_id=AccountId(account_id))
    except HomeError as problem:
        return _alarm(step, account_id) if problem.code == "list-fork" else account
    except ZajilError:
        return account
    if account_id == step.profile.account_id:
        ownlists.append(step, data, seq=newest.list.seq)
    return keep_list(step, newest)


def set_verified(step: Step, account_id: bytes, *, verified: bool) -> Account:
    """The safety number was compared, or the mark is taken back; it holds for the account key of now."""
    account = known(step, account_id)
    if not account.account_pub:
        raise error("unknown-contact")
    pub = account.account_pub if verified else b""
    return change(step, account_id, verified=verified, verified_pub=pub)


def is_verified(account: Account) -> bool:
    """Whether the account's key of now is the one that was compared."""
    return account.verified and account.verified_pub == account.account_pub


def is_key_changed(account: Account) -> bool:
    """Whether the account has another key than the one that was compared, and nobody decided about that yet."""
    return account.verified and bool(account.account_pub) and not is_verified(account)


def is_blocked(step: Step, account_id: bytes) -> bool:
    """Whether nothing of this account is shown."""
    return known(step, account_id).blocked


def any_blocked(step: Step, account_ids: Iterable[bytes]) -> bool:
    """Whether one of these is blocked: then our contact token is told to none of them."""
    return any(is_blocked(step, account) for account in account_ids)


def list_owner(data: bytes) -> bytes:
    """Whose list a signed object claims to be. Raises Malformed."""
    return DeviceList.parse(objects.parse_object(data).payload).account_id


def learn_name(step: Step, account_id: bytes, name: str, contact_token: bytes | None, *, at: int) -> Account:
    """Take the `profile` that an account sends of itself. at: see `Account.named_at`."""
    fields: dict[str, object] = {"name": name, "named_at": at, "said": True}
    if contact_token is not None:
        fields["contact_token"] = contact_token
    return change(step, account_id, **fields)


def learn_link(step: Step, account_id: bytes, name: str, contact_token: bytes) -> Account:
    """A contact by its own link: over what others said of it, under what it said inside a chat."""
    account = known(step, account_id)
    if account.said:
        return change(step, account_id, contact=True, contact_token=account.contact_token or contact_token)
    return change(step, account_id, contact=True, name=name or account.name, contact_token=contact_token)


def learn_introduction(step: Step, account_id: bytes, name: str, contact_token: bytes | None) -> Account:
    """What another member says of an account; never over what the account said itself."""
    account = known(step, account_id)
    return change(
        step,
        account_id,
        name=account.name or name,
        contact_token=account.contact_token or contact_token or b"",
    )
