"""CREATE: a group at epoch 0 with its creator's leaf alone, for one pass. Nothing at rest ties it to an account."""

from __future__ import annotations

import hashlib

from zajil.delivery.requests import entries_of, key_of
from zajil.engine.sql.interface import Accepted, Create
from zajil.engine.sql.mailboxes import MailboxEngine
from zajil.protocol import frames
from zajil.protocol.errors import error


def prepare(frame: frames.Create) -> Create:
    """The engine's operation for this frame. Raises Malformed unless leaf 0 is the only one."""
    entries = entries_of(frame.add)
    if [entry.leaf for entry in entries] != [0]:
        raise error("malformed", "a new group has leaf 0 alone")
    return Create(
        key=key_of(frame),
        body_hash=frames.request_hash(frame),
        gid=frame.gid,
        pass_hash=hashlib.sha256(frame.pass_).digest(),
        roster_key=frame.roster_key,
        token_hash=frame.token_hash,
        roster=entries,
    )


async def create(engine: MailboxEngine, frame: frames.Create) -> Accepted:
    """The group exists, durably. Raises what `prepare` and the engine's `Create` raise."""
    return await engine.create(prepare(frame))
