"""Bridges: joining with the operator's code, proving themselves afterwards, and fetching which tokens they open for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.bridges.registry import store
from zajil.bridges.registry.context import Registry, digest
from zajil.bridges.registry.operator import digest_of_code
from zajil.bridges.registry.tokens import open_token
from zajil.engine.sql import answers
from zajil.protocol import control
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.endpoints import BRIDGE_ADDRESS_BYTES, TOKEN_BYTES, TOKEN_ID_BYTES, is_dir, is_host

CAPS: Final = control.BridgeCaps(carriers=1000, carrier_bytes_per_s=256 << 10, month_bytes=500 * 10**9)


async def join(registry: Registry, request: control.JoinBridge, *, prefix: bytes) -> control.JoinedBridge:
    """A new private bridge. Raises malformed, not-allowed (the code), bridge-exists (spends no code), slow-down."""
    host, dir_ = request.host, request.dir
    if not (is_host(host) and is_dir(dir_)) or len(host) + len(dir_) > BRIDGE_ADDRESS_BYTES:
        raise error("malformed", "address of a bridge")
    credential, bridge_id = registry.random(TOKEN_BYTES), _make_id(registry)
    row = store.BridgeRow(bridge_id, host, request.port, dir_, 0, registry.today())
    made, keep = control.JoinedBridge(control.B8(bridge_id), control.B32(credential)), answers.keeper()

    def write(db: Connection) -> bool:
        if not store.spend_code(db, digest_of_code(request.code), now=registry.now()):
            return False
        if store.has_address(db, host, request.port):
            raise error("bridge-exists")
        store.insert_bridge(db, row, digest(credential))
        keep(db, made)
        return True

    if not await registry.db.write(write):
        registry.limits.take("failed_token", prefix, now=registry.clock())
        raise error("not-allowed", "code to join with")
    return made


def _make_id(registry: Registry) -> bytes:
    """An id that stands as an argument: with a dash at its beginning (base64url), a command takes it for an option."""
    while encode_b64(made := registry.random(TOKEN_ID_BYTES)).startswith("-"):
        pass
    return made


async def check_bridge(registry: Registry, credential: bytes) -> bytes:
    """The id of the bridge that proves itself. Raises AuthError `token-expired`, also for one that was removed."""
    found = await registry.db.read(lambda db: store.find_credential(db, digest(credential)))
    if found is None:
        raise error("token-expired")
    return found


async def own(registry: Registry, bridge_id: bytes) -> control.OwnBridge:
    """What a bridge works with: where it forwards to, whose pages may come, and every token that opens it."""
    rows = await registry.db.read(lambda db: store.tokens_of(db, bridge_id))
    tokens = (
        control.BridgeToken(control.B8(row.id), control.B32(open_token(registry.keys, row)), public=bool(row.public))
        for row in rows
    )
    return control.OwnBridge(registry.origin, registry.app_origins, tuple(tokens), CAPS)
