"""POST /accounts: a first device list opens an account, behind an invite code unless the server is open to all.

The login object inside proves that whoever registers holds the device key and means this server: its nonce is the hash
of the list, else anybody who reads a list could register its account elsewhere. No phone, e-mail, password or name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.context import Auth
from zajil.auth.gate.work import mark_of
from zajil.auth.invites import first_good_day
from zajil.auth.secrets import TOKEN_LIFE_S, digest, digest_of_code, new_token
from zajil.engine.sql import answers
from zajil.protocol.control import B32, Session
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.gate.wire import WorkProof
from zajil.protocol.identity.objects import Kind, Login, VerifiedList, open_list, open_object, parse_object
from zajil.protocol.ids import AccountId, DeviceId, MailboxId


class IssuedToken(NamedTuple):
    """A login token (32 bytes) and the Unix second it ends."""

    token: bytes
    expires: int

    def session(self) -> Session:
        """What its device is answered."""
        return Session(B32(self.token), self.expires)


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """What somebody brings to the gate. prefix: limits are counted by it.

    bridge: through which it came, counted besides: a prefix behind a bridge costs its holder little.
    """

    invite: str | None
    work: WorkProof | None = None
    prefix: bytes
    bridge: bytes = b""


class _Admitted(NamedTuple):
    """What is spent on the account: hash of a code, a proof."""

    code: bytes | None = None
    work: WorkProof | None = None


async def register(auth: Auth, newcomer: Newcomer, *, device_list: bytes, login: bytes) -> IssuedToken:
    """Open the account of a first device list.

    Raises gate-required, work-required, account-exists (spends neither invite nor work), bad-signature, malformed,
    slow-down.
    """
    admitted = await _admit(auth, newcomer)
    first = _open_first(device_list)
    device_id = _check_login(auth, login, first)
    rows = [
        store.DeviceRow(first.list.account_id, entry.device_id, entry.sig_pub, MailboxId(auth.random(16)))
        for entry in first.list.devices
    ]
    issued = IssuedToken(new_token(), auth.now() + TOKEN_LIFE_S)
    keep = answers.keeper()

    def write(db: Connection) -> None:
        _write(auth, db, first, rows, admitted, device_id, issued)
        keep(db, issued.session())

    try:
        for row in rows:
            await auth.add_mailbox(row.mailbox_id, 1)
        await auth.db.write(write)
    except Unavailable:
        auth.doubt(row.mailbox_id for row in rows)
        raise
    except ZajilError:
        for row in rows:
            await auth.drop_mailbox(row.mailbox_id)
        raise
    if admitted.work is not None:
        auth.work.count(newcomer.prefix)
    return issued


async def _admit(auth: Auth, newcomer: Newcomer) -> _Admitted:
    """What the gate takes. A valid code is not counted against the prefix; it replaces work that is asked alone."""
    kind = auth.registration
    # The proof first: two HMACs, before anything is read for a stranger.
    work = await _check_work(auth, newcomer) if kind == "both" and newcomer.invite is not None else None
    code = await _find_code(auth, newcomer)
    if code is None and kind in {"invite", "both"}:
        raise error("gate-required")
    if code is None and kind == "work":
        work = await _check_work(auth, newcomer)
    if code is None and kind == "open":
        auth.limits.take("registration", newcomer.prefix, now=auth.clock())
    if code is None and newcomer.bridge:
        auth.limits.take("registration_bridge", newcomer.bridge, now=auth.clock())
    return _Admitted(code, work)


async def _check_work(auth: Auth, newcomer: Newcomer) -> WorkProof:
    proof = auth.work.check(newcomer.work, newcomer.prefix)
    if await auth.db.read(lambda db: store.is_spent(db, mark_of(proof))):
        raise error("work-required")
    return proof


async def _find_code(auth: Auth, newcomer: Newcomer) -> bytes | None:
    """Hash of a code that admits somebody, None without one. Raises slow-down where a prefix guesses."""
    if newcomer.invite is None:
        return None
    code = digest_of_code(newcomer.invite)
    first_day = first_good_day(auth.today())
    if await auth.db.read(lambda db: store.has_invite(db, code, first_day=first_day)):
        return code
    auth.limits.take("failed_token", newcomer.prefix, now=auth.clock())
    return None


async def created_day(auth: Auth, account_id: AccountId) -> int:
    """Day since 1970 on which the account was opened."""
    return await auth.db.read(lambda db: store.created_day(db, account_id))


def _open_first(device_list: bytes) -> VerifiedList:
    try:
        return open_list(device_list)
    except ZajilError as reason:
        # A client's alarm (key-changed) or Conflict (stale-list) is plain refusal here: this is no first list.
        raise reason if reason.code in {"malformed", "bad-signature"} else error("bad-signature") from None


def _check_login(auth: Auth, login: bytes, first: VerifiedList) -> DeviceId:
    claimed = Login.parse(parse_object(login).payload)
    entry = first.list.find_device(claimed.device_id)
    if entry is None:
        raise error("bad-signature")
    open_object(Kind.LOGIN, login, entry.sig_pub)
    if claimed != Login(auth.server_name, first.hash, first.list.account_id, entry.device_id):
        raise error("bad-challenge")
    return entry.device_id


def _write(
    auth: Auth,
    db: Connection,
    first: VerifiedList,
    rows: list[store.DeviceRow],
    admitted: _Admitted,
    device_id: DeviceId,
    issued: IssuedToken,
) -> None:
    account_id: AccountId = first.list.account_id
    today = auth.today()
    if store.find_state(db, account_id) is not None:
        raise error("account-exists")
    code, work = admitted
    if code is not None and not store.spend_invite(db, code, first_day=first_good_day(today)):
        raise error("gate-required")
    if work is not None and not store.spend(db, mark_of(work), expires=work.challenge.parameters.expires_at):
        raise error("work-required")
    store.insert_account(db, account_id, day=today, last_device=max(row.device_id for row in rows))
    store.insert_list(db, account_id, seq=1, digest=first.hash, data=first.object)
    for row in rows:
        store.insert_device(db, row, day=today)
    store.insert_token(db, digest(issued.token), account_id, device_id, expires=issued.expires)
