"""The Authentication Service alone: a real database, a clock the test turns, a record of what it asked of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.server.people import Person

from zajil.auth import login, registration
from zajil.auth.challenge import Challenges
from zajil.auth.context import Auth, CallingDevice, RevokedDevice
from zajil.auth.gate.work import WorkGate
from zajil.auth.registration import Newcomer
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.protocol.gate.wire import WorkProof
from zajil.protocol.identity.objects import hash_object
from zajil.protocol.ids import AccountId, MailboxId
from zajil.server.schema import open_database

PREFIX = b"\x7f\x00\x00"
START = 1_790_000_000.0


@dataclass
class World:
    """What the service asked of others, and the time."""

    now: float = START
    mailboxes: set[MailboxId] = field(default_factory=set)
    firsts: list[int] = field(default_factory=list)
    dropped: list[RevokedDevice] = field(default_factory=list)
    forgotten: list[AccountId] = field(default_factory=list)
    notices: list[tuple[tuple[MailboxId, ...], int]] = field(default_factory=list)

    async def add_mailbox(self, mailbox_id: MailboxId, first: int) -> None:
        self.mailboxes.add(mailbox_id)
        self.firsts.append(first)

    async def drop_mailbox(self, mailbox_id: MailboxId) -> None:
        self.mailboxes.discard(mailbox_id)

    async def forget_account(self, account_id: AccountId) -> None:
        self.forgotten.append(account_id)

    async def drop_device(self, device: RevokedDevice) -> None:
        self.mailboxes.discard(device.mailbox_id)
        self.dropped.append(device)

    async def notify_list(self, mailbox_ids: tuple[MailboxId, ...], seq: int) -> None:
        self.notices.append((mailbox_ids, seq))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def limits() -> Limits:
    return Limits({name: Limit(1e9, 1e-9) for name in DEFAULTS})


@pytest.fixture
def auth(tmp_path: Path, world: World, limits: Limits) -> Iterator[Auth]:
    database = open_database(tmp_path)
    yield Auth(
        db=database,
        limits=limits,
        challenges=Challenges(os.urandom(32)),
        server_name="localhost",
        registration="open",
        work=WorkGate(os.urandom(32), limits, clock=lambda: world.now, random=os.urandom),
        clock=lambda: world.now,
        add_mailbox=world.add_mailbox,
        drop_mailbox=world.drop_mailbox,
        drop_device=world.drop_device,
        notify_list=world.notify_list,
        forget_account=world.forget_account,
        check_room=lambda size: None,
        read_statement=lambda row: {"until": row.until},
        random=os.urandom,
    )
    database.close()


async def register(
    auth: Auth,
    person: Person,
    *,
    invite: str | None = None,
    device: int = 1,
    work: WorkProof | None = None,
    prefix: bytes = PREFIX,
) -> bytes:
    """The token of the new account's device."""
    first = person.lists[0]
    issued = await registration.register(
        auth,
        Newcomer(invite=invite, work=work, prefix=prefix),
        device_list=first,
        login=person.login(hash_object(first), device=device),
    )
    return issued.token


async def caller_of(auth: Auth, person: Person, token: bytes | None = None) -> CallingDevice:
    """The proven device of a token, or of a fresh registration."""
    return await login.check_device(auth, token or await register(auth, person))
