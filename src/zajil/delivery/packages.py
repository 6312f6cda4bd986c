"""Key packages: uploaded by devices, counted, and claimed by whoever may add their owner to a group.

The server cannot read them and checks sizes and times only; the claimer validates (RFC 9420 10.1).
"""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import Connection

from zajil.delivery import store
from zajil.delivery.context import AccountDevices, ContactCaller, Delivery, DeviceCaller
from zajil.protocol import control, limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import KeysLow
from zajil.protocol.ids import AccountId, DeviceId, MailboxId

KEYS_LOW: Final = 10
YOUNG_DAYS: Final = 7
"""An account of fewer days makes fewer contact requests."""
STORED_MAX: Final = 100
"""Most ordinary packages of one device and suite; the client keeps 30."""
_SUITES = (limits.SUITE_XWING, limits.SUITE_RFC1)
_TABLE = "claim"


async def put(delivery: Delivery, caller: DeviceCaller, request: control.PutKeyPackages) -> control.KeyPackageCounts:
    """The packages are stored. Raises Malformed (`malformed`, `too-big`), Limited (`slow-down`, `quota`)."""
    now = delivery.now()
    delivery.limits.take("key_package_write", caller.account_id, now=delivery.clock())
    packages = [_checked(package, now) for package in request.packages]

    def work(connection: Connection) -> list[store.Count]:
        store.add_packages(connection, caller.account_id, caller.device_id, packages)
        counts = store.count_packages(connection, caller.account_id, caller.device_id, now=now)
        if any(count.left > STORED_MAX for count in counts):
            raise error("quota", "key packages")
        return counts

    return _counts(await delivery.db.write(work))


async def count(delivery: Delivery, caller: DeviceCaller) -> control.KeyPackageCounts:
    """What is left of the calling device's packages."""
    return _counts(await store.peek_packages(delivery.db, caller.account_id, caller.device_id, now=delivery.now()))


async def claim(
    delivery: Delivery, caller: DeviceCaller | ContactCaller, request: control.ClaimKeyPackages
) -> control.ClaimedKeyPackages:
    """One package and a fresh reference for each device of the account. The same claim again gets the same answer.

    A device claims for its own account, a contact token for the account it belongs to, and a device that has none as
    a stranger, see `_claim_as_stranger`; anything else is `not-allowed`, and so is an account that does not exist. A
    device without packages is missing from the answer.
    """
    account_id = AccountId(bytes(request.account_id))
    if isinstance(caller, DeviceCaller) and caller.account_id != account_id:
        return await _claim_as_stranger(delivery, caller, account_id, request)
    key = await _check_caller(delivery, caller, account_id, request.claim_id)
    now = delivery.now()
    if known := await delivery.db.read(lambda connection: store.find_claim(connection, key, now=now)):
        return _opened(delivery, key, known)
    # Own devices have a bucket of their own: whoever holds a contact link must not keep them from being added.
    target = account_id if isinstance(caller, ContactCaller) else b"own" + account_id
    delivery.limits.take("claim", target, now=delivery.clock())
    found = await delivery.find_devices(account_id)
    if found is None:
        raise error("not-allowed")

    def work(connection: Connection) -> tuple[bytes, list[tuple[MailboxId, KeysLow]]]:
        if known := store.find_claim(connection, key, now=now):
            return known, []  # a retry that came, here or at another gateway, while the first was under way
        if isinstance(caller, ContactCaller):
            delivery.spend_contact_token(connection, caller.token, account_id)
        return _take(delivery, connection, key, request, found)

    sealed, low = await delivery.db.write(work)
    for mailbox_id, warning in low:
        delivery.bus.publish((mailbox_id,), warning)
    return _opened(delivery, key, sealed)


async def _claim_as_stranger(
    delivery: Delivery, caller: DeviceCaller, account_id: AccountId, request: control.ClaimKeyPackages
) -> control.ClaimedKeyPackages:
    """Packages and stranger's references for one contact request, with the lists that a stranger cannot ask for.

    No such account, one that is suspended, and one that this account asked within 30 days: one answer, `not-allowed`,
    by the same statements, counted by the same limits.
    """
    key = _device_key(caller, request.claim_id)
    now = delivery.now()
    if known := await delivery.db.read(lambda connection: store.find_claim(connection, key, now=now)):
        return _opened(delivery, key, known)
    if now // store.DAY_S - await delivery.created_day(caller.account_id) < YOUNG_DAYS:
        delivery.limits.take("request_young", caller.account_id, now=delivery.clock())
    delivery.limits.take("request", caller.account_id, now=delivery.clock())
    delivery.limits.take("request_target", account_id, now=delivery.clock())
    found = await delivery.find_devices(account_id)
    lists = tuple(map(control.Blob, await delivery.account_lists(account_id)))
    pair = delivery.keys.pseudonym("contact_pair", caller.account_id + account_id)

    def work(connection: Connection) -> tuple[bytes, list[tuple[MailboxId, KeysLow]]] | None:
        if known := store.find_claim(connection, key, now=now):
            return known, []  # as in `claim`
        fresh = store.open_request(connection, pair, today=now // store.DAY_S)
        if found is None or not fresh:
            return None
        return _take(delivery, connection, key, request, found, lists=lists, stranger=True)

    taken = await delivery.db.write(work)
    if taken is None:
        raise error("not-allowed")
    for mailbox_id, warning in taken[1]:
        delivery.bus.publish((mailbox_id,), warning)
    return _opened(delivery, key, taken[0])


def _device_key(caller: DeviceCaller, claim_id: bytes) -> bytes:
    return hashlib.sha256(claim_id + b"device" + caller.account_id + caller.device_id.to_bytes(4, "big")).digest()


async def _check_caller(
    delivery: Delivery, caller: DeviceCaller | ContactCaller, account_id: AccountId, claim_id: bytes
) -> bytes:
    """The name of this claim: SHA-256 over its id and who may claim. Raises Refused `not-allowed`."""
    if isinstance(caller, ContactCaller):
        who = b"contact" + hashlib.sha256(caller.token).digest() + account_id
        key = hashlib.sha256(claim_id + who).digest()
        try:
            await delivery.check_contact_token(caller.token, account_id)
        except ZajilError:
            # The last use of a token may have bought the very answer that this retry asks for.
            now = delivery.now()
            if await delivery.db.read(lambda connection: store.find_claim(connection, key, now=now)) is None:
                raise
        return key
    return _device_key(caller, claim_id)


def _take(
    delivery: Delivery,
    connection: Connection,
    key: bytes,
    request: control.ClaimKeyPackages,
    found: AccountDevices,
    *,
    lists: tuple[control.Blob, ...] = (),
    stranger: bool = False,
) -> tuple[bytes, list[tuple[MailboxId, KeysLow]]]:
    """In one transaction: the packages leave the store and the sealed answer is remembered. It was not given before."""
    now = delivery.now()
    account_id = AccountId(bytes(request.account_id))
    clients: list[control.ClaimedClient] = []
    low: list[tuple[MailboxId, KeysLow]] = []
    for device_id, mailbox_id in found.devices:
        if request.devices is not None and device_id not in request.devices:
            continue
        package = store.take_package(connection, account_id, device_id, request.suites, now=now)
        if package is None:
            continue
        clients.append(_client(delivery, device_id, mailbox_id, package, stranger=stranger))
        left = {c.suite: c.left for c in store.count_packages(connection, account_id, device_id, now=now)}
        if left.get(package.suite, 0) < KEYS_LOW:
            low.append((mailbox_id, KeysLow(package.suite, left.get(package.suite, 0))))
    if stranger and not clients:
        raise error("not-allowed")  # and the pair may ask again: nothing was requested
    answer = control.encode_json(control.ClaimedKeyPackages(found.list_seq, tuple(clients), lists))
    sealed = delivery.keys.seal(_TABLE, answer, aad=key, now_s=now)
    store.add_claim(connection, key, sealed, now=now)
    return sealed, low


def _client(
    delivery: Delivery, device_id: DeviceId, mailbox_id: MailboxId, package: store.Package, *, stranger: bool
) -> control.ClaimedClient:
    make = delivery.refs.make_stranger_ref if stranger else delivery.refs.make_ref
    deliver_to = control.Blob(make(mailbox_id))
    return control.ClaimedClient(device_id, package.suite, control.Blob(package.body), deliver_to, package.last_resort)


def _opened(delivery: Delivery, key: bytes, sealed: bytes) -> control.ClaimedKeyPackages:
    return control.parse_json(delivery.keys.unseal(_TABLE, sealed, aad=key), control.ClaimedKeyPackages)


def _checked(package: control.KeyPackage, now: int) -> store.Package:
    if package.suite not in _SUITES:
        raise error("malformed", "suite")
    if len(package.body) > limits.KEY_PACKAGE_BYTES:
        raise error("too-big", "key package")
    if not package.body or not now < package.expires <= now + store.PACKAGE_TTL_S:
        raise error("malformed", "key package that is empty, expired or valid for over 90 days")
    return store.Package(package.suite, package.last_resort, package.expires, bytes(package.body))


def _counts(counts: list[store.Count]) -> control.KeyPackageCounts:
    return control.KeyPackageCounts(tuple(control.SuiteCount(c.suite, c.left, c.last_resort) for c in counts))
