"""Statements of the Authentication Service: one function each, inside the caller's transaction.

Functions are synchronous and take the open SQLAlchemy connection; verbs decide what makes up one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, update

from zajil.auth.tables import (
    account,
    account_measure,
    contact_token,
    device,
    device_list,
    invite_code,
    link,
    session_token,
    spent,
    username,
)
from zajil.engine.sql.database import Database
from zajil.engine.sql.dialects import upsert
from zajil.engine.sql.prepared import Prepared
from zajil.protocol.ids import AccountId, DeviceId, MailboxId

_DEVICES = select(device.c.account_id, device.c.device_id, device.c.sig_pub, device.c.mailbox_id)
ACTIVE, SUSPENDED, DELETED = 0, 1, 2
PROFILE, INVITE = 0, 1
NAME_USED, NAME_RELEASED = 0, 1
QUARANTINE_S = 90 * 86_400
"""For so long nobody else gets a username that was released."""


_SAME_DEVICE = (device.c.account_id == session_token.c.account_id) & (device.c.device_id == session_token.c.device_id)
_GOOD = (
    (session_token.c.hash == bindparam("b_hash"))
    & (session_token.c.expires > bindparam("b_now"))
    & (device.c.revoked == 0)
)
# What every HELLO and call asks is built once: building costs several times what asking does.
_TOKENS = (
    select(session_token.c.account_id, session_token.c.device_id, device.c.mailbox_id, account.c.state)
    .join(device, _SAME_DEVICE)
    .join(account, account.c.id == session_token.c.account_id)
    .where(_GOOD)
)
_FIND_TOKEN = Prepared(_TOKENS)
_FIND_HELLO = Prepared(
    _TOKENS.add_columns(
        select(func.coalesce(func.max(device_list.c.seq), 0))
        .where(device_list.c.account_id == session_token.c.account_id)
        .scalar_subquery()
    )
)


class DeviceRow(NamedTuple):
    """A device that is in its account's newest list."""

    account_id: AccountId
    device_id: DeviceId
    sig_pub: bytes
    mailbox_id: MailboxId


class TokenRow(NamedTuple):
    """Who a login token stands for."""

    account_id: AccountId
    device_id: DeviceId
    mailbox_id: MailboxId
    state: int


class MeasureRow(NamedTuple):
    """What suspends an account. until: Unix seconds, 0 for never. statement: sealed."""

    account_id: AccountId
    until: int
    statement: bytes


class LinkRow(NamedTuple):
    """One device linking under way."""

    offer: bytes
    answer: bytes | None


def insert_account(db: Connection, account_id: AccountId, *, day: int, last_device: int) -> None:
    """A new, active account. Raises IntegrityError if the id exists."""
    db.execute(
        insert(account).values(
            id=account_id, state=ACTIVE, created_day=day, last_device=last_device, invites=0, personas=0
        )
    )


def find_state(db: Connection, account_id: AccountId) -> int | None:
    """ACTIVE, SUSPENDED or DELETED; None if there is no such account."""
    return db.execute(select(account.c.state).where(account.c.id == account_id)).scalar_one_or_none()


def created_day(db: Connection, account_id: AccountId) -> int:
    """Day of the account's registration. The account must exist."""
    return int(db.execute(select(account.c.created_day).where(account.c.id == account_id)).scalar_one())


def set_state(db: Connection, account_id: AccountId, state: int) -> None:
    """Change the account's state."""
    db.execute(update(account).where(account.c.id == account_id).values(state=state))


def find_measure(db: Connection, account_id: AccountId) -> MeasureRow | None:
    """What suspends the account, where something was written down of it."""
    columns = [account_measure.c[name] for name in MeasureRow._fields]
    row = db.execute(select(*columns).where(account_measure.c.account_id == account_id)).one_or_none()
    return MeasureRow(*row) if row else None


def put_measure(db: Connection, row: MeasureRow) -> None:
    """This suspends the account, in the place of what did before."""
    drop_measure(db, row.account_id)
    db.execute(insert(account_measure), row._asdict())


def drop_measure(db: Connection, account_id: AccountId) -> None:
    """Nothing is written down of why the account is suspended."""
    db.execute(delete(account_measure).where(account_measure.c.account_id == account_id))


def drop_tokens(db: Connection, account_id: AccountId) -> None:
    """Every login of the account is over."""
    db.execute(delete(session_token).where(session_token.c.account_id == account_id))


def last_device(db: Connection, account_id: AccountId) -> int:
    """Highest device number the account ever used. The account must exist."""
    return int(db.execute(select(account.c.last_device).where(account.c.id == account_id)).scalar_one())


def raise_last_device(db: Connection, account_id: AccountId, device_id: int) -> None:
    """Note a device number as used."""
    higher = (account.c.id == account_id) & (account.c.last_device < device_id)
    db.execute(update(account).where(higher).values(last_device=device_id))


def insert_list(db: Connection, account_id: AccountId, *, seq: int, digest: bytes, data: bytes) -> None:
    """Append a device list to the account's chain. Raises IntegrityError if that seq exists."""
    db.execute(insert(device_list).values(account_id=account_id, seq=seq, hash=digest, object=data))


def newest_list(db: Connection, account_id: AccountId) -> bytes | None:
    """The account's newest signed device list; None if there is no such account."""
    newest = select(device_list.c.object).where(device_list.c.account_id == account_id)
    return db.execute(newest.order_by(device_list.c.seq.desc()).limit(1)).scalar_one_or_none()


def newest_seq(db: Connection, account_id: AccountId) -> int:
    """Version of the account's newest list; 0 if there is none."""
    found = select(func.max(device_list.c.seq)).where(device_list.c.account_id == account_id)
    return db.execute(found).scalar_one() or 0


def lists_from(db: Connection, account_id: AccountId, first: int) -> list[bytes]:
    """The account's signed lists with seq >= first, oldest first."""
    found = select(device_list.c.object).where(device_list.c.account_id == account_id, device_list.c.seq >= first)
    return list(db.execute(found.order_by(device_list.c.seq)).scalars())


def insert_device(db: Connection, row: DeviceRow, *, day: int) -> None:
    """A device that its account's newest list names. Raises IntegrityError if it exists."""
    db.execute(insert(device).values(**row._asdict(), last_day=day, revoked=0))


def devices_of(db: Connection, account_id: AccountId) -> list[DeviceRow]:
    """The account's devices, by number."""
    mine = (device.c.account_id == account_id) & (device.c.revoked == 0)
    return [DeviceRow(*row) for row in db.execute(_DEVICES.where(mine).order_by(device.c.device_id))]


def find_device(db: Connection, account_id: AccountId, device_id: DeviceId) -> DeviceRow | None:
    """The device, if its account's newest list names it."""
    this = (device.c.account_id == account_id) & (device.c.device_id == device_id) & (device.c.revoked == 0)
    row = db.execute(_DEVICES.where(this)).one_or_none()
    return DeviceRow(*row) if row else None


def revoke_device(db: Connection, account_id: AccountId, device_id: DeviceId) -> None:
    """Shut a device out: its login tokens go now, its row once everything else of it is removed."""
    for table in (session_token, device):
        this = (table.c.account_id == account_id) & (table.c.device_id == device_id)
        db.execute(delete(table).where(this) if table is session_token else update(table).where(this).values(revoked=1))


def revoked_devices(db: Connection) -> list[DeviceRow]:
    """Devices whose removal is not finished."""
    return [DeviceRow(*row) for row in db.execute(_DEVICES.where(device.c.revoked == 1))]


def known_mailboxes(db: Connection, mailbox_ids: Sequence[MailboxId]) -> set[MailboxId]:
    """Those of these that a device has, revoked or not."""
    found = select(device.c.mailbox_id).where(device.c.mailbox_id.in_(mailbox_ids))
    return {MailboxId(mailbox_id) for (mailbox_id,) in db.execute(found)}


def active_mailboxes(db: Connection, mailbox_ids: Sequence[MailboxId]) -> set[MailboxId]:
    """Those of these that a device has which is not revoked, of an account that is not suspended."""
    good = (device.c.mailbox_id.in_(mailbox_ids)) & (device.c.revoked == 0) & (account.c.state != SUSPENDED)
    found = select(device.c.mailbox_id).join(account, account.c.id == device.c.account_id).where(good)
    return {MailboxId(mailbox_id) for (mailbox_id,) in db.execute(found)}


def delete_device(db: Connection, mailbox_id: MailboxId) -> None:
    """Forget a revoked device: nothing of it is left elsewhere."""
    db.execute(delete(device).where(device.c.mailbox_id == mailbox_id, device.c.revoked == 1))


def touch_device(db: Connection, account_id: AccountId, device_id: DeviceId, *, day: int) -> None:
    """Note the day of a login, writing only when the day changed."""
    mine = (device.c.account_id == account_id) & (device.c.device_id == device_id)
    db.execute(update(device).where(mine, device.c.last_day < day).values(last_day=day))


def insert_token(db: Connection, digest: bytes, account_id: AccountId, device_id: DeviceId, *, expires: int) -> None:
    """A login token of this device, by its hash."""
    db.execute(insert(session_token).values(hash=digest, account_id=account_id, device_id=device_id, expires=expires))


async def peek_token(database: Database, hashed: bytes, *, now: int) -> TokenRow | None:
    """Whose login token this is; None if unknown, expired, or of a device since revoked."""
    row = await database.peek(_FIND_TOKEN, {"b_hash": hashed, "b_now": now})
    return TokenRow(*row) if row else None


async def peek_hello(database: Database, hashed: bytes, *, now: int) -> tuple[TokenRow | None, int]:
    """`peek_token`, and the version of that account's newest list, 0 if there is none: what each HELLO asks."""
    row = await database.peek(_FIND_HELLO, {"b_hash": hashed, "b_now": now})
    return (TokenRow(*row[:-1]), row[-1]) if row else (None, 0)


def spend(db: Connection, mark: bytes, *, expires: int) -> bool:
    """Let something count that counts once, until this Unix second; False where it did before."""
    return db.execute(upsert(spent).on_conflict_do_nothing(), {"mark": mark, "expires": expires}).rowcount == 1


def is_spent(db: Connection, mark: bytes) -> bool:
    """Whether it counted before."""
    return db.execute(select(spent.c.mark).where(spent.c.mark == mark)).first() is not None


def delete_token(db: Connection, digest: bytes) -> None:
    """End one login."""
    db.execute(delete(session_token).where(session_token.c.hash == digest))


def put_profile_token(db: Connection, digest: bytes, account_id: AccountId, *, expires: int) -> None:
    """Store the account's contact token for profiles in the place of the older one."""
    columns = contact_token.c
    mine = columns.account_id == account_id
    db.execute(delete(contact_token).where(mine, (columns.hash == digest) | (columns.kind == PROFILE)))
    _insert_contact_token(db, digest, account_id, kind=PROFILE, uses=1, expires=expires)


def lower_link_token(db: Connection, digest: bytes, account_id: AccountId, *, uses: int, expires: int) -> bool:
    """A link's token that is there gets no use back, whatever is asked: used up or withdrawn it stays so.

    False if the account has none by this hash.
    """
    columns = contact_token.c
    mine = (columns.hash == digest) & (columns.account_id == account_id) & (columns.kind == INVITE)
    least = case((columns.uses_left > uses, uses), else_=columns.uses_left)
    latest = case((columns.expires < expires, expires), else_=columns.expires)
    return db.execute(update(contact_token).where(mine).values(uses_left=least, expires=latest)).rowcount > 0


def insert_link_token(db: Connection, digest: bytes, account_id: AccountId, *, uses: int, expires: int) -> None:
    """Store a link's token that the account has none of yet."""
    mine = (contact_token.c.hash == digest) & (contact_token.c.account_id == account_id)
    db.execute(delete(contact_token).where(mine))
    _insert_contact_token(db, digest, account_id, kind=INVITE, uses=uses, expires=expires)


def make_room_for_link(db: Connection, account_id: AccountId, *, most: int, now: int) -> int | None:
    """Have the account keep fewer than `most` tokens of links; of those that admit nobody the first to end go.

    Unix second at which the next one ends, where all of them still admit somebody.
    """
    columns = contact_token.c
    mine = (columns.account_id == account_id) & (columns.kind == INVITE)
    over = int(db.execute(select(func.count()).where(mine)).scalar_one()) - most + 1
    if over <= 0:
        return None
    dead = select(columns.hash).where(mine, (columns.uses_left <= 0) | (columns.expires <= now))
    going = dead.order_by(columns.expires, columns.hash).limit(over)
    if db.execute(delete(contact_token).where(mine, columns.hash.in_(going))).rowcount == over:
        return None
    return int(db.execute(select(func.min(columns.expires)).where(mine)).scalar_one())


def _insert_contact_token(
    db: Connection, digest: bytes, account_id: AccountId, *, kind: int, uses: int, expires: int
) -> None:
    row = {"hash": digest, "account_id": account_id, "kind": kind, "uses_left": uses, "expires": expires}
    db.execute(insert(contact_token), row)


def delete_contact_token(db: Connection, digest: bytes, account_id: AccountId) -> None:
    """Withdraw one of the account's own contact tokens; others' are left alone.

    One of a link stays until its end, without uses: so no device that has not heard of it brings it back.
    """
    mine = (contact_token.c.hash == digest) & (contact_token.c.account_id == account_id)
    db.execute(update(contact_token).where(mine, contact_token.c.kind == INVITE).values(uses_left=0))
    db.execute(delete(contact_token).where(mine, contact_token.c.kind != INVITE))


def has_contact_token(db: Connection, digest: bytes, account_id: AccountId, *, now: int) -> bool:
    """Whether this token admits its holder to this active account."""
    found = select(contact_token.c.hash).join(account, account.c.id == contact_token.c.account_id)
    good = _good_contact_token(digest, account_id, now) & (account.c.state == ACTIVE)
    return db.execute(found.where(good)).first() is not None


def spend_contact_token(db: Connection, digest: bytes, account_id: AccountId, *, now: int) -> bool:
    """Take one use of an invite token (profile tokens have no end of uses). False if it admits nobody."""
    if not has_contact_token(db, digest, account_id, now=now):
        return False
    mine = (contact_token.c.hash == digest) & (contact_token.c.account_id == account_id)
    invite = mine & (contact_token.c.kind == INVITE)
    db.execute(update(contact_token).where(invite).values(uses_left=contact_token.c.uses_left - 1))
    return True


def _good_contact_token(digest: bytes, account_id: AccountId, now: int) -> ColumnElement[bool]:
    return (
        (contact_token.c.hash == digest)
        & (contact_token.c.account_id == account_id)
        & (contact_token.c.expires > now)
        & (contact_token.c.uses_left > 0)
    )


def contact_tokens_of(db: Connection, account_id: AccountId, *, now: int) -> list[tuple[bytes, int, int]]:
    """Hash, uses left and end of the tokens in an account's links that still admit somebody, the next to end first."""
    columns = contact_token.c
    good = (columns.kind == INVITE) & (columns.uses_left > 0) & (columns.expires > now)
    found = select(columns.hash, columns.uses_left, columns.expires).where(columns.account_id == account_id, good)
    return [(bytes(one), uses, end) for one, uses, end in db.execute(found.order_by(columns.expires, columns.hash))]


def insert_invite(db: Connection, digest: bytes, *, day: int, uses: int) -> None:
    """A registration code, by its hash."""
    db.execute(insert(invite_code).values(hash=digest, day=day, uses=uses))


def count_invites(db: Connection, account_id: AccountId, n: int) -> None:
    """Note that a member made n registration codes."""
    db.execute(update(account).where(account.c.id == account_id).values(invites=account.c.invites + n))


def count_personas(db: Connection, account_id: AccountId, n: int, *, most: int) -> bool:
    """Note that an account took n passes for personas. False, and nothing noted, if that would be more than `most`."""
    fits = (account.c.id == account_id) & (account.c.personas <= most - n)
    return db.execute(update(account).where(fits).values(personas=account.c.personas + n)).rowcount == 1


def has_invite(db: Connection, digest: bytes, *, first_day: int) -> bool:
    """Whether the code is known, made on or after `first_day`, and has uses left."""
    good = (invite_code.c.hash == digest) & (invite_code.c.uses > 0) & (invite_code.c.day >= first_day)
    return db.execute(select(invite_code.c.hash).where(good)).first() is not None


def spend_invite(db: Connection, digest: bytes, *, first_day: int) -> bool:
    """Take one use of a registration code. False if it admits nobody."""
    good = (invite_code.c.hash == digest) & (invite_code.c.uses > 0) & (invite_code.c.day >= first_day)
    return db.execute(update(invite_code).where(good).values(uses=invite_code.c.uses - 1)).rowcount == 1


def find_link(db: Connection, addr: bytes, *, now: int) -> LinkRow | None:
    """What lies at this address; None if nothing does or it expired."""
    found = select(link.c.offer, link.c.answer).where(link.c.addr == addr, link.c.expires > now)
    row = db.execute(found).one_or_none()
    return LinkRow(*row) if row else None


def insert_offer(db: Connection, addr: bytes, offer: bytes, *, expires: int) -> None:
    """Begin a device linking at this random address, over an expired one if need be."""
    db.execute(delete(link).where(link.c.addr == addr))
    db.execute(insert(link).values(addr=addr, offer=offer, answer=None, expires=expires))


def set_answer(db: Connection, addr: bytes, answer: bytes) -> None:
    """Lay the sealed answer beside the offer."""
    db.execute(update(link).where(link.c.addr == addr).values(answer=answer))


def has_expired_links(db: Connection, *, now: int) -> bool:
    """Whether a linking is over whose rows still lie there."""
    return db.execute(select(link.c.addr).where(link.c.expires <= now).limit(1)).first() is not None


def delete_expired_links(db: Connection, *, now: int) -> None:
    """Forget every linking that is over."""
    db.execute(delete(link).where(link.c.expires <= now))


def delete_contact_tokens(db: Connection, account_id: AccountId) -> None:
    """Withdraw all contact tokens of an account that ended."""
    db.execute(delete(contact_token).where(contact_token.c.account_id == account_id))


def end_account(db: Connection, account_id: AccountId, *, last_seq: int, now: int) -> None:
    """Only the last list and a row without anything in it stay, so that the id is never used again."""
    blank = {"state": DELETED, "created_day": 0, "last_device": 0, "invites": 0, "personas": 0}
    db.execute(update(account).where(account.c.id == account_id).values(blank))
    db.execute(delete(device_list).where(device_list.c.account_id == account_id, device_list.c.seq < last_seq))
    delete_contact_tokens(db, account_id)
    # A name stays nobody else's for its 90 days, and whose it was is forgotten.
    left = {"state": NAME_RELEASED, "account_id": b"", "until": now + QUARANTINE_S}
    db.execute(update(username).where(username.c.account_id == account_id).values(left))
    drop_measure(db, account_id)


def delete_expired(db: Connection, *, now: int, first_invite_day: int, limit: int) -> int:
    """Remove at most `limit` rows per table that nobody can use any more; returns how many went."""
    gone = 0
    dead = (
        (session_token, session_token.c.hash, session_token.c.expires <= now),
        (spent, spent.c.mark, spent.c.expires <= now),
        (link, link.c.addr, link.c.expires <= now),
        (contact_token, contact_token.c.hash, contact_token.c.expires <= now),
        (invite_code, invite_code.c.hash, (invite_code.c.day < first_invite_day) | (invite_code.c.uses <= 0)),
    )
    for table, key, condition in dead:
        chosen = select(key).where(condition).limit(limit).scalar_subquery()
        # The condition again: a contact token's hash may be another account's as well.
        gone += db.execute(delete(table).where(key.in_(chosen), condition)).rowcount
    return gone
