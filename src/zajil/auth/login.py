"""Logins: a device signs a challenge and gets a token of 32 random bytes, good for an hour, stored as its hash.

An unknown account, a wrong signature and a bad nonce answer alike (`bad-challenge`) and cost the same work. Only who
signs with the key of a device that was on the account's lists learns that it is no more (`device-revoked`). Of a
deleted account no key is left to tell them by, so whoever knows its id learns that it is deleted.
What moderators decide about an account takes effect here: no login, until a day or for good, and logins again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.challenge import SPENT_S, mark_of
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.registration import IssuedToken
from zajil.auth.secrets import TOKEN_BYTES, TOKEN_LIFE_S, digest, new_token
from zajil.auth.store import DeviceRow, MeasureRow
from zajil.engine.nobody import NOBODY
from zajil.engine.sql import answers
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.identity.objects import DeviceList, Kind, Login, open_object, parse_object
from zajil.protocol.ids import AccountId, DeviceId, MailboxId


def challenge(auth: Auth, *, account_id: AccountId, device_id: DeviceId) -> bytes:
    """A login nonce (32 bytes, 60 s), whether or not the device exists."""
    return auth.challenges.issue(account_id, device_id, now_ms=int(auth.clock() * 1000))


async def log_in(auth: Auth, login: bytes, *, prefix: bytes) -> IssuedToken:
    """A token for the device that signed this login.

    Raises bad-challenge, device-revoked, suspended, slow-down; bad-signature or malformed for what is no login at all.
    """
    claimed = Login.parse(parse_object(login).payload)
    row, state = await auth.db.read(
        lambda db: (
            store.find_device(db, claimed.account_id, claimed.device_id),
            store.find_state(db, claimed.account_id),
        )
    )
    try:
        open_object(Kind.LOGIN, login, row.sig_pub if row else NOBODY)
        if claimed.server_name != auth.server_name:
            raise error("bad-challenge")
        auth.challenges.check(claimed.nonce, claimed.account_id, claimed.device_id, now_ms=int(auth.clock() * 1000))
        if row is None or await auth.db.read(lambda db: store.is_spent(db, mark_of(claimed.nonce))):
            raise error("bad-challenge")
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        auth.limits.take("failed_token", prefix, now=auth.clock())
        # Also for an account that does not exist: the work must not tell.
        if state == store.DELETED or (row is None and await auth.db.read(lambda db: _was_listed(db, login, claimed))):
            raise error("device-revoked") from None
        raise error("bad-challenge") from None
    if state == store.SUSPENDED:
        await check_not_suspended(auth, claimed.account_id)
    auth.limits.take("login", claimed.account_id, now=auth.clock())
    issued = IssuedToken(new_token(), auth.now() + TOKEN_LIFE_S)
    keep = answers.keeper()

    def write(db: Connection) -> None:
        _write(auth, db, claimed, issued)
        keep(db, issued.session())

    await auth.db.write(write)
    return issued


async def check_not_suspended(auth: Auth, account_id: AccountId) -> None:
    """Raises `suspended` with the statement of reasons, to whoever proved to be the account; not once it is over."""

    def write(db: Connection) -> MeasureRow | None:
        return _lift_if_over(db, account_id, now=auth.now())

    row = await auth.db.write(write)
    if row is not None:
        raise error("suspended", detail=auth.read_statement(row))
    if await auth.db.read(lambda db: store.find_state(db, account_id)) == store.SUSPENDED:
        raise error("suspended")


def _was_listed(db: Connection, login: bytes, claimed: Login) -> bool:
    """Whether the signer was a device of the account once."""
    for key in _listed_keys(db, claimed.account_id, claimed.device_id):
        try:
            open_object(Kind.LOGIN, login, key)
        except ZajilError:
            continue
        return True
    return False


def _listed_keys(db: Connection, account_id: AccountId, device_id: DeviceId) -> set[bytes]:
    """What any list of the account ever named the device with."""
    lists = (DeviceList.parse(parse_object(data).payload) for data in store.lists_from(db, account_id, 1))
    return {entry.sig_pub for each in lists if (entry := each.find_device(device_id)) is not None}


def _write(auth: Auth, db: Connection, claimed: Login, issued: IssuedToken) -> None:
    if store.find_device(db, claimed.account_id, claimed.device_id) is None:
        raise error("bad-challenge")  # revoked a moment ago
    if not store.spend(db, mark_of(claimed.nonce), expires=auth.now() + SPENT_S):
        raise error("bad-challenge")  # used a moment ago
    store.touch_device(db, claimed.account_id, claimed.device_id, day=auth.today())
    store.insert_token(db, digest(issued.token), claimed.account_id, claimed.device_id, expires=issued.expires)


async def check_device(auth: Auth, token: bytes) -> CallingDevice:
    """The device a login token stands for. Raises AuthError `token-expired` (also unknown), Refused `suspended`."""
    return _judge(await store.peek_token(auth.db, _hash(token), now=auth.now()))


async def check_hello(auth: Auth, token: bytes) -> tuple[CallingDevice, int]:
    """`check_device`, and the seq of the account's newest device list; 0 if there is none."""
    row, list_seq = await store.peek_hello(auth.db, _hash(token), now=auth.now())
    return _judge(row), list_seq


def _hash(token: bytes) -> bytes:
    if len(token) != TOKEN_BYTES:
        raise error("token-expired")
    return digest(token)


def _judge(row: store.TokenRow | None) -> CallingDevice:
    if row is None:
        raise error("token-expired")
    if row.state == store.SUSPENDED:
        raise error("suspended")
    return CallingDevice(row.account_id, row.device_id, row.mailbox_id)


async def check_standing(auth: Auth, account_id: AccountId, device_id: DeviceId) -> None:
    """Raises AuthError `device-revoked` for a device that its account ended, Refused `suspended` where the account is.

    AuthError `token-expired` for one that this database never heard of, such as one that was linked in the last moments
    before a standby took over: its login takes it up again by its lists, and as a revoked one it would lock itself.
    """

    def judge(db: Connection) -> str:
        state = store.find_state(db, account_id)
        if store.find_device(db, account_id, device_id) is not None:
            return "suspended" if state == store.SUSPENDED else ""
        is_over = state == store.DELETED or bool(_listed_keys(db, account_id, device_id))
        return "device-revoked" if is_over else "token-expired"

    if code := await auth.db.read(judge):
        raise error(code)


def standing_mailboxes(db: Connection, mailbox_ids: Sequence[MailboxId]) -> set[MailboxId]:
    """Those of these whose device exists, and whose account is not suspended: `check_standing` of many."""
    return store.active_mailboxes(db, mailbox_ids)


async def log_out(auth: Auth, token: bytes) -> None:
    """End one login; an unknown token is no error."""
    await auth.db.write(lambda db: store.delete_token(db, digest(token)))


def suspend(db: Connection, account_id: AccountId, *, until: int, statement: bytes) -> None:
    """The account's logins end and no new one opens. until: Unix seconds, 0 for never. statement: sealed by the caller.

    Nothing happens where the account is gone.
    """
    if store.find_state(db, account_id) not in (store.ACTIVE, store.SUSPENDED):
        return
    store.set_state(db, account_id, store.SUSPENDED)
    store.drop_tokens(db, account_id)
    store.put_measure(db, MeasureRow(account_id, until, statement))


def find_suspension(db: Connection, account_id: AccountId) -> MeasureRow | None:
    """Why and until when an account is suspended."""
    return store.find_measure(db, account_id)


def devices_of(db: Connection, account_id: AccountId) -> list[DeviceRow]:
    """The account's devices, whether it is suspended or not."""
    return store.devices_of(db, account_id)


def lift(db: Connection, account_id: AccountId) -> None:
    """The account can log in again, if it was suspended."""
    store.drop_measure(db, account_id)
    if store.find_state(db, account_id) == store.SUSPENDED:
        store.set_state(db, account_id, store.ACTIVE)


def _lift_if_over(db: Connection, account_id: AccountId, *, now: int) -> MeasureRow | None:
    """What still suspends the account; one whose time is over is lifted, and then it is None."""
    row = store.find_measure(db, account_id)
    if row is not None and row.until and row.until <= now:
        lift(db, account_id)
        return None
    return row
