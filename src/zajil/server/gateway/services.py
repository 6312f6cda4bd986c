"""What sessions reach: callables and the mailbox engine, wired in `server/app.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from zajil.auth.context import CallingDevice
from zajil.protocol.frames import KeysLow, Msg, Ok, Request
from zajil.protocol.ids import MailboxId
from zajil.server.gateway.receiver import Identity, Standing
from zajil.server.http.calls import HttpAnswer, HttpCall


class Hello(NamedTuple):
    """Whose token a HELLO carried, and the seq of the account's newest device list."""

    device: CallingDevice
    list_seq: int


class Mailboxes(Protocol):
    """The reading half of the mailbox engine."""

    async def ack(self, mailbox_id: MailboxId, upto: int) -> object:
        """Delete everything up to `upto`, behind what was asked for before. Raises Refused, Malformed, Unavailable."""

    def begin_ack(self, mailbox_id: MailboxId, upto: int, told: Callable[[object], None]) -> None:
        """`ack` without a coroutine; told: of its outcome, or of the exception. Raises Unavailable."""

    def fresh(self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int) -> tuple[Msg, ...] | None:
        """What the mailbox was just woken for, if that is all that follows `after`; None where `read` has to look."""

    async def read(self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int) -> tuple[Msg, ...]:
        """At most n messages after this seq, at least one if there is any."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What sessions reach, wired in `server/app.py`. Every callable raises ZajilError to refuse."""

    check_hello: Callable[[bytes], Awaitable[Hello]]
    check_standing: Callable[[Identity], Awaitable[None]]
    """Refuses a device that is no more (`device-revoked`), that nobody knows, or whose account is suspended."""
    find_standing: Callable[[Sequence[MailboxId]], Awaitable[Collection[MailboxId]]]
    """Those of these mailboxes whose device `check_standing` does not refuse."""
    stand: Callable[[MailboxId, int], Awaitable[Standing]]
    mailboxes: Mailboxes
    submit: Callable[[Request, bytes], Awaitable[Ok]]
    begin: Callable[[Request, bytes, Callable[[Ok | BaseException], None]], bool]
    """`submit` without a task, whose answer is told; False where it has to be `submit`."""
    call: Callable[[HttpCall], Awaitable[HttpAnswer]]
    low_keys: Callable[[CallingDevice], Awaitable[tuple[KeysLow, ...]]]
