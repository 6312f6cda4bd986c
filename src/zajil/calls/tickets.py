"""Tickets to a media room: `room 16 || random 4 || expiry u32 || HMAC-SHA256(key, all)[:16]`, good for two minutes.

The server learns the room's name only, which members derive from the call's secret; it keeps no list of rooms. No two
tickets are alike, so a room knows by them which connections one person opened.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from zajil.calls.context import Calls
from zajil.protocol import control
from zajil.protocol.calls.media import ROOM_BYTES, TICKET_BYTES
from zajil.protocol.errors import error
from zajil.protocol.ids import GroupId

TTL_S: Final = 120
_RANDOM_BYTES: Final = 4
_SIGNED_BYTES: Final = 24


def make_ticket(key: bytes, room: bytes, *, now_s: float, random: Callable[[int], bytes]) -> bytes:
    """40 bytes that open this room (16 bytes) until `now_s` plus two minutes."""
    signed = room + random(_RANDOM_BYTES) + (int(now_s) + TTL_S).to_bytes(4, "big")
    return signed + _sign(key, signed)


def open_ticket(key: bytes, ticket: bytes, *, now_s: float) -> bytes:
    """The room it opens. Raises Refused `not-allowed` for one that is forged, over or none: they all look alike."""
    signed, mark = ticket[:_SIGNED_BYTES], ticket[_SIGNED_BYTES:]
    genuine = hmac.compare_digest(mark, _sign(key, signed)) and len(ticket) == TICKET_BYTES
    if not genuine or int.from_bytes(signed[ROOM_BYTES + _RANDOM_BYTES :], "big") <= now_s:
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
    ticket = make_ticket(calls.ticket_key, request.room, now_s=calls.clock(), random=calls.random)
    return control.MediaTicket(control.Blob(ticket), TTL_S)
