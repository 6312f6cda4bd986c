"""What the verbs of the Delivery Service work with: storage, limits, and callables for what is not theirs."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from zajil.delivery.refs import RefBook
from zajil.engine.bus import Bus
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.engine.sql.mailboxes import MailboxEngine
from zajil.protocol.ids import AccountId, DeviceId, MailboxId


class DeviceCaller(NamedTuple):
    """A device that has proven itself by its session token."""

    account_id: AccountId
    device_id: DeviceId
    mailbox_id: MailboxId


class ContactCaller(NamedTuple):
    """Whoever holds a contact token, 32 bytes; of which account, the call says."""

    token: bytes


class AccountDevices(NamedTuple):
    """list_seq: of the newest device list. devices: those on it, with their mailboxes."""

    list_seq: int
    devices: tuple[tuple[DeviceId, MailboxId], ...]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The Delivery Service of one server. It knows accounts only through callables of the wiring.

    find_devices: the newest list of an account, None where there is no such account or it may not be reached.
    check_contact_token: raises Refused `not-allowed` unless this token opens this account; costs nothing.
    spend_contact_token: the same inside the caller's transaction, and takes one use of an invite token.
    account_lists: all signed lists of an account, for who asks it to be a contact; empty for no account.
    created_day: day since 1970 on which an account that exists was opened.
    clock: Unix seconds.
    """

    db: Database
    engine: MailboxEngine
    keys: Keys = field(repr=False)
    refs: RefBook = field(repr=False)
    bus: Bus
    limits: Limits
    clock: Callable[[], float]
    find_devices: Callable[[AccountId], Awaitable[AccountDevices | None]]
    check_contact_token: Callable[[bytes, AccountId], Awaitable[None]]
    spend_contact_token: Callable[[Connection, bytes, AccountId], None]
    account_lists: Callable[[AccountId], Awaitable[list[bytes]]]
    created_day: Callable[[AccountId], Awaitable[int]]
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())
