"""What the verbs of the Authentication Service work with: database, clock, and callables for what is not theirs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from zajil.auth.arrivals import Arrivals
from zajil.auth.challenge import Challenges
from zajil.auth.gate.work import WorkGate
from zajil.auth.secrets import DAY_S
from zajil.auth.store import MeasureRow
from zajil.engine.bus import MemoryBus
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.protocol.ids import AccountId, DeviceId, MailboxId

Registration = Literal["invite", "work", "both", "open"]
MailboxVerb = Callable[[MailboxId], Awaitable[None]]
AddMailbox = Callable[[MailboxId, int], Awaitable[None]]
"""The mailbox exists; new, its first entry has this number."""


IN_DOUBT_S = 600
"""A COMMIT whose connection broke has taken place by then, or never will."""


class RevokedDevice(NamedTuple):
    """A device that left its account's list; whatever the server holds for it goes."""

    account_id: AccountId
    device_id: DeviceId
    mailbox_id: MailboxId


class CallingDevice(NamedTuple):
    """The device a login token stands for."""

    account_id: AccountId
    device_id: DeviceId
    mailbox_id: MailboxId


@dataclass(frozen=True, kw_only=True)
class Auth:
    """The Authentication Service of one server.

    add_mailbox: makes the mailbox of a device about to be listed; drop_mailbox undoes it. drop_device: removes mailbox
    and key packages of a revoked device and ends its connections. notify_list: tells these mailboxes that the
    account's list has a new seq. read_statement: why an account is suspended, for the detail of that refusal.
    forget_account: removes what others hold of an account that ended. check_room: raises `storage-full` where the disk
    has no room for so many bytes more. clock: Unix seconds. registration: what a newcomer brings to the gate.
    """

    db: Database
    limits: Limits
    challenges: Challenges
    server_name: str
    registration: Registration
    work: WorkGate
    clock: Callable[[], float]
    add_mailbox: AddMailbox
    drop_mailbox: MailboxVerb
    drop_device: Callable[[RevokedDevice], Awaitable[None]]
    notify_list: Callable[[tuple[MailboxId, ...], int], Awaitable[None]]
    read_statement: Callable[[MeasureRow], Mapping[str, int | str]]
    forget_account: Callable[[AccountId], Awaitable[None]]
    check_room: Callable[[int], None]
    random: Callable[[int], bytes] = field(repr=False)
    arrivals: Arrivals = field(default_factory=lambda: Arrivals(MemoryBus()))
    in_doubt: dict[MailboxId, int] = field(default_factory=dict)
    """Mailboxes of devices of which an outage left open whether they were written; when to look, Unix seconds."""

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def doubt(self, mailbox_ids: Iterable[MailboxId]) -> None:
        """Whether these have devices is to be looked up later: until then they must stay."""
        self.in_doubt.update(dict.fromkeys(mailbox_ids, self.now() + IN_DOUBT_S))

    def today(self) -> int:
        """Whole days since 1970."""
        return self.now() // DAY_S
