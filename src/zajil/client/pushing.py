"""What `Client` does so that this device is woken by push (UnifiedPush, Web Push): tell the server where.

A push says nothing but that something is there; whoever gets it has this program sync. So nobody has to read it, and
where no keys are given, some are made whose private half nobody keeps.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from zajil.client.shell.device import Device as OpenHome
from zajil.protocol import control
from zajil.protocol.ids import B16
from zajil.protocol.push.message import check_point, public_bytes
from zajil.protocol.push.wire import B65, PutPush

_KEY: Final = b"push"


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """endpoint: as the server was told. set_at: Unix seconds."""

    endpoint: str
    set_at: int


class PushStatus(NamedTuple):
    """endpoint: as the server was told, empty for none. set_at: Unix seconds. offered: whether the server sends any."""

    endpoint: str
    set_at: int
    offered: bool


class Pushing:
    """The part of `Client` about being woken."""

    _device: OpenHome

    async def set_push(self, endpoint: str, *, p256dh: bytes | None = None, auth: bytes | None = None) -> None:
        """Wake this device there from now on, and nowhere else.

        endpoint: an https URL that a distributor gave. p256dh, auth: 65 and 16 bytes, of whoever reads the pushes;
        fresh ones without. Raises Malformed, Refused `push-refused`, Limited, Unreachable.
        """
        if p256dh is not None:
            check_point(p256dh)
        point = p256dh or public_bytes(ec.generate_private_key(ec.SECP256R1()))
        request = PutPush(endpoint, B65(point), B16(os.urandom(16) if auth is None else auth))
        await self._device.tokens.call(control.PUT_PUSH, control.Empty, request=request)
        with self._device.core.step("push-set") as step:
            step.tx.put("meta", _KEY, msgspec.msgpack.encode(_Kept(endpoint, step.now // 1000)))

    async def drop_push(self) -> None:
        """Do not wake this device any more. Raises Unreachable, and then it may still be woken."""
        await self._device.tokens.call(control.DROP_PUSH, control.Empty)
        with self._device.core.step("push-drop") as step:
            step.tx.put("meta", _KEY, b"")

    async def push_status(self) -> PushStatus:
        """What this home told the server, and whether the server sends pushes at all. Raises Unreachable."""
        config = await self._device.calls.call(control.CONFIG, control.Config)
        with self._device.core.look() as step:
            kept = step.tx.find("meta", _KEY)
        held = msgspec.msgpack.decode(kept, type=_Kept) if kept else _Kept("", 0)
        return PushStatus(held.endpoint, held.set_at, bool(config.push_key))
