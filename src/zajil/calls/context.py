"""What the verbs of calls work with, and the relays of this server."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from zajil.engine.limits import Limits
from zajil.protocol.ids import GroupId


class Relays(NamedTuple):
    """TURN servers that share one secret. hosts: names or addresses. tls_port: 0 where they have no certificate."""

    hosts: tuple[str, ...]
    port: int
    tls_port: int
    secret: str


@dataclass(frozen=True, kw_only=True)
class Calls:
    """The service of calls of one server.

    relays: None where there are none. ticket_key: 32 bytes. has_rooms: whether media may go through this server.
    check_member: raises Refused `bad-group-token` unless this token, 32 bytes, is the group's of this epoch, the
    current one or the one before; whether it is the current one. clock: Unix seconds.
    """

    relays: Relays | None = field(repr=False)
    ticket_key: bytes = field(repr=False)
    has_rooms: bool
    limits: Limits
    clock: Callable[[], float]
    check_member: Callable[[GroupId, int, bytes], Awaitable[bool]]
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    async def admit(self, gid: GroupId, epoch: int, token: bytes, *, what: str, prefix: bytes) -> None:
        """A member asks for `what` (`relay` or `ticket`), and not too often. Raises bad-group-token, slow-down.

        The group's bucket comes after the token, so that an outsider cannot use it up; nor can one who was a member
        until the last epoch, whose token has a small bucket of its own.
        """
        self.limits.take(f"{what}_prefix", prefix, now=self.clock())
        is_now = await self.check_member(gid, epoch, token)
        self.limits.take(f"{what}_group" if is_now else f"{what}_late", gid, now=self.clock())
