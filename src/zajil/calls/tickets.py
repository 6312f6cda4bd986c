"""Tickets to a media room: `room 16 || expiry u64 || HMAC-SHA256(key, both)[:16]`, good for two minutes.

The server learns the room's name only, which members derive from the call's secret; it keeps no list of rooms.
"""

from __future__ import annotations

import hmac
from typing import Final

from zajil.calls.context import Calls
from zajil.protocol import control
from zajil.protocol.errors import error
from zajil.protocol.ids import GroupId

TTL_S: Final = 120
ROOM_BYTES: Final = 16
TICKET_BYTES: Final = 40
PREAMBLE: Final = b"\x01\x04"
"""How the first record of a media connection begins; the ticket follows. No padded frame can begin so."""
_SIGNED_BYTES: Final = 24


def make_ticket(key: bytes, room: bytes, *, now_s: float) -> bytes:
    """40 bytes that open this room (16 bytes) until `now_s` plus two minutes."""
    signed = room + (int(now_s) + TTL_S).to_bytes(8, "big")
    return signed + _sign(key, signed)


def open_ticket(key: bytes, ticket: bytes, *, now_s: float) -> bytes:
    """The room it opens. Raises Refused `not-allowed` for one that is forged, over or none: they all look alike."""
    signed, mark = ticket[:_SIGNED_BYTES], ticket[_SIGNED_BYTES:]
    genuine = hmac.compare_digest(mark, _sign(key, signed)) and len(ticket) == TICKET_BYTES
    if not genuine or int.from_bytes(signed[ROOM_BYTES:], "big") <= now_s:
        raise error("not-allowed", "ticket")
    return signed[:ROOM_BYTES]


def _sign(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")[:16]


async def give_ticket(calls: Calls, request: control.AskTicket, *, prefix: bytes) -> control.MediaTicket:
    """A ticket to the room that the caller names.

    Raises bad-group-token, slow-down, and Refused `not-allowed` where this server carries no media.
    """
    await calls.admit(GroupId(request.gid), request.epoch, request.token, what="ticket", prefix=prefix)
    if not calls.has_rooms:
        raise error("not-allowed", "no media here")
    ticket = make_ticket(calls.ticket_key, request.room, now_s=calls.clock())
    return control.MediaTicket(control.Blob(ticket), TTL_S)
