"""PUT and DELETE /push: where a device is woken. Endpoint and keys rest sealed; their length tells no push service."""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.delivery.context import Delivery, DeviceCaller
from zajil.delivery.push import store
from zajil.engine.keys import Keys
from zajil.protocol.control import Empty
from zajil.protocol.errors import error
from zajil.protocol.ids import B16, AccountId, DeviceId
from zajil.protocol.push.message import check_point
from zajil.protocol.push.wire import B65, PushRules, PutPush, check_endpoint

TABLE: Final = "push"
_PADDED_BYTES: Final = 2304
"""The longest endpoint with its keys; the same for everybody."""


async def put(delivery: Delivery, rules: PushRules, caller: DeviceCaller, request: PutPush) -> Empty:
    """Wake this device there from now on, and nowhere else.

    Raises Malformed for an endpoint or key that is none, Refused `push-refused` for a service outside of the rules.
    """
    delivery.limits.take("push_write", caller.account_id, now=delivery.clock())
    if not rules.hosts:
        raise error("push-refused", "off")
    check_endpoint(request.endpoint, rules)
    check_point(request.p256dh)
    sealed = _seal(delivery.keys, caller, request, now_s=delivery.clock())
    await delivery.db.write_alone(lambda db: store.put(db, caller, sealed))
    return Empty()


async def drop(delivery: Delivery, caller: DeviceCaller) -> Empty:
    """Do not wake this device any more."""
    delivery.limits.take("push_write", caller.account_id, now=delivery.clock())
    await delivery.db.write_alone(lambda db: store.drop(db, caller.account_id, caller.device_id))
    return Empty()


def open_subscription(keys: Keys, due: store.Due) -> PutPush:
    """The subscription of a claimed row. Raises SealBroken."""
    plain = keys.unseal(TABLE, due.sealed, aad=_identity(due.account_id, due.device_id))
    body = plain[2 : 2 + int.from_bytes(plain[:2], "big")]
    endpoint, p256dh, auth = msgspec.msgpack.decode(body, type=tuple[str, bytes, bytes])
    return PutPush(endpoint, B65(p256dh), B16(auth))


def _seal(keys: Keys, caller: DeviceCaller, request: PutPush, *, now_s: float) -> bytes:
    body = msgspec.msgpack.encode((request.endpoint, bytes(request.p256dh), bytes(request.auth)))
    plain = (len(body).to_bytes(2, "big") + body).ljust(_PADDED_BYTES, b"\0")
    return keys.seal(TABLE, plain, aad=_identity(caller.account_id, caller.device_id), now_s=now_s)


def _identity(account_id: AccountId, device_id: DeviceId) -> bytes:
    return account_id + device_id.to_bytes(4, "big")
