"""Key packages, answers of claims, passes spent elsewhere, attachments. The rest is in the mailbox engine's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from zajil.engine.sql.database import METADATA, U64, Database, describe
from zajil.engine.sql.prepared import Prepared
from zajil.engine.sql.schema import one_time_pass
from zajil.protocol.contacts.requests import PAIR_DAYS
from zajil.protocol.ids import AccountId, DeviceId

DAY_S: Final = 86_400
PACKAGE_TTL_S: Final = 90 * 86_400
CLAIM_TTL_S: Final = 86_400
_CLAIMED = "until claimed, at most 90 days"
_DAY = "24 hours"

key_package = Table(
    "key_package",
    METADATA,
    Column("id", U64, primary_key=True, info=describe("counter", "order of upload: oldest go first", _CLAIMED)),
    Column("account_id", LargeBinary, nullable=False, info=describe("identifier", "whose device", _CLAIMED)),
    Column("device_id", U64, nullable=False, info=describe("identifier", "which of its devices", _CLAIMED)),
    Column("suite", Integer, nullable=False, info=describe("counter", "MLS cipher suite", _CLAIMED)),
    Column(
        "last_resort", Integer, nullable=False, info=describe("flag", "handed out again when none is left", _CLAIMED)
    ),
    Column("expires", U64, nullable=False, info=describe("time", "Unix second its lifetime ends", _CLAIMED)),
    Column("body", LargeBinary, nullable=False, info=describe("key", "public keys, opaque to the server", _CLAIMED)),
    Index("key_package_device", "account_id", "device_id", "suite"),
    Index("key_package_expires", "expires"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

claim = Table(
    "claim",
    METADATA,
    Column("key", LargeBinary, primary_key=True, info=describe("identifier", "SHA-256 of claim id and caller", _DAY)),
    Column("answer", LargeBinary, nullable=False, info=describe("ciphertext", "the answer, for a retry", _DAY)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second of the claim", _DAY)),
    Index("claim_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_PAIR = "30 days"
contact_pair = Table(
    "contact_pair",
    METADATA,
    Column(
        "hash",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "keyed hash of who asked to be a contact and of whom", _PAIR),
    ),
    Column("day", Integer, nullable=False, info=describe("time", "day of the request", _PAIR)),
    Index("contact_pair_day", "day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_ATTACHED = "30 days, to the end of the day; 24 hours, to the end of the hour, where it was never whole"
attachment = Table(
    "attachment",
    METADATA,
    Column(
        "id", LargeBinary, primary_key=True, info=describe("identifier", "random, known to who was told it", _ATTACHED)
    ),
    Column("size", Integer, nullable=False, info=describe("counter", "bytes of the padded ciphertext", _ATTACHED)),
    Column("sha256", LargeBinary, nullable=False, info=describe("key", "SHA-256 of the ciphertext", _ATTACHED)),
    Column(
        "upload_hash", LargeBinary, nullable=False, info=describe("key", "SHA-256 of the upload's secret", _ATTACHED)
    ),
    Column("done", Integer, nullable=False, info=describe("flag", "it is whole and its hash was right", _ATTACHED)),
    Column(
        "expires",
        U64,
        nullable=False,
        info=describe("time", "Unix second it is deleted, a whole day or hour", _ATTACHED),
    ),
    Index("attachment_expires", "expires"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


CLOSED: Final = bytes(32)
"""The hash of the upload secret of one whose bytes are being deleted: of no secret that anybody has."""


class StoredAttachment(NamedTuple):
    """One row. id: 16 bytes; sha256, upload_hash: 32. expires: Unix seconds."""

    id: bytes
    size: int
    sha256: bytes
    upload_hash: bytes
    done: bool
    expires: int


_FIND_ATTACHMENT: Final = Prepared(
    select(*(attachment.c[name] for name in StoredAttachment._fields)).where(attachment.c.id == bindparam("b_id"))
)


_COUNT_PACKAGES: Final = (
    select(
        key_package.c.suite,
        cast(func.sum(1 - key_package.c.last_resort), BigInteger),
        func.max(key_package.c.last_resort),
    )
    .where(
        key_package.c.account_id == bindparam("b_account_id"),
        key_package.c.device_id == bindparam("b_device_id"),
        key_package.c.expires > bindparam("b_now"),
    )
    .group_by(key_package.c.suite)
    .order_by(key_package.c.suite)
)
"""Built once: every HELLO asks it."""
_PEEK_PACKAGES: Final = Prepared(_COUNT_PACKAGES)


class Package(NamedTuple):
    """One stored key package. expires: Unix seconds."""

    suite: int
    last_resort: bool
    expires: int
    body: bytes


class Count(NamedTuple):
    """What is left of one suite, and whether there is a last resort."""

    suite: int
    left: int
    last_resort: bool


def add_packages(
    connection: Connection, account_id: AccountId, device_id: DeviceId, packages: Sequence[Package]
) -> None:
    """Store these; a last resort replaces the one of its suite."""
    mine = (key_package.c.account_id == account_id, key_package.c.device_id == device_id)
    suites = {package.suite for package in packages if package.last_resort}
    if suites:
        connection.execute(
            delete(key_package).where(*mine, key_package.c.last_resort == 1, key_package.c.suite.in_(suites))
        )
    connection.execute(
        insert(key_package),
        [
            {
                "account_id": account_id,
                "device_id": device_id,
                "suite": package.suite,
                "last_resort": int(package.last_resort),
                "expires": package.expires,
                "body": package.body,
            }
            for package in packages
        ],
    )


def count_packages(connection: Connection, account_id: AccountId, device_id: DeviceId, *, now: int) -> list[Count]:
    """What this device has left, by suite in ascending order."""
    values = {"b_account_id": account_id, "b_device_id": device_id, "b_now": now}
    rows = connection.execute(_COUNT_PACKAGES, values)
    return [Count(int(suite), int(left), bool(last)) for suite, left, last in rows]


async def peek_packages(database: Database, account_id: AccountId, device_id: DeviceId, *, now: int) -> list[Count]:
    """The same for each connection that says HELLO."""
    values: dict[str, int | bytes | str] = {"b_account_id": account_id, "b_device_id": device_id, "b_now": now}
    return [Count(suite, left, bool(last)) for suite, left, last in await database.peek_all(_PEEK_PACKAGES, values)]


def take_package(
    connection: Connection, account_id: AccountId, device_id: DeviceId, suites: Sequence[int], *, now: int
) -> Package | None:
    """One package of the first suite that has any: the oldest ordinary one, deleted, else the last resort, kept."""
    for suite in suites:
        row = connection.execute(
            select(key_package.c.id, key_package.c.last_resort, key_package.c.expires, key_package.c.body)
            .where(
                key_package.c.account_id == account_id,
                key_package.c.device_id == device_id,
                key_package.c.suite == suite,
                key_package.c.expires > now,
            )
            .order_by(key_package.c.last_resort, key_package.c.id)
            .limit(1)
        ).first()
        if row is None:
            continue
        if not row.last_resort:
            connection.execute(delete(key_package).where(key_package.c.id == row.id))
        return Package(suite, bool(row.last_resort), row.expires, row.body)
    return None


def drop_packages(connection: Connection, account_id: AccountId, device_id: DeviceId) -> None:
    """Delete all of a device that is gone."""
    connection.execute(
        delete(key_package).where(key_package.c.account_id == account_id, key_package.c.device_id == device_id)
    )


def find_claim(connection: Connection, key: bytes, *, now: int) -> bytes | None:
    """The sealed answer of a claim of the last 24 hours."""
    found = connection.execute(
        select(claim.c.answer).where(claim.c.key == key, claim.c.at > now - CLAIM_TTL_S)
    ).scalar_one_or_none()
    return None if found is None else bytes(found)


def add_claim(connection: Connection, key: bytes, answer: bytes, *, now: int) -> None:
    """Remember a sealed answer; one that has expired makes room."""
    connection.execute(delete(claim).where(claim.c.key == key))
    connection.execute(insert(claim).values(key=key, answer=answer, at=now))


def open_request(connection: Connection, pair: bytes, *, today: int) -> bool:
    """Note that one account asks another to be a contact. False where it did so within 30 days."""
    found = connection.execute(select(contact_pair.c.day).where(contact_pair.c.hash == pair)).scalar_one_or_none()
    is_open = found is not None and found > today - PAIR_DAYS
    # The same statements either way: by how long it takes, nobody tells a request that is open from no such account.
    connection.execute(delete(contact_pair).where(contact_pair.c.hash == pair))
    connection.execute(insert(contact_pair).values(hash=pair, day=found if is_open else today))
    return not is_open


def expire_rows(connection: Connection, *, now: int, rows: int) -> int:
    """Delete what has expired, at most `rows` of each table; the most deleted from one."""
    old_pairs = select(contact_pair.c.hash).where(contact_pair.c.day <= now // DAY_S - PAIR_DAYS).limit(rows)
    pairs = connection.execute(delete(contact_pair).where(contact_pair.c.hash.in_(old_pairs))).rowcount
    old_packages = select(key_package.c.id).where(key_package.c.expires <= now).limit(rows)
    old_claims = select(claim.c.key).where(claim.c.at <= now - CLAIM_TTL_S).limit(rows)
    packages = connection.execute(delete(key_package).where(key_package.c.id.in_(old_packages))).rowcount
    claims = connection.execute(delete(claim).where(claim.c.key.in_(old_claims))).rowcount
    return max(packages, claims, pairs)


def _good_passes(digests: Sequence[bytes], kind: int, first_day: int) -> ColumnElement[bool]:
    columns = one_time_pass.c
    return columns.hash.in_(digests) & (columns.kind == kind) & (columns.day >= first_day)


def add_passes(db: Connection, digests: Sequence[bytes], *, kind: int, day: int) -> None:
    """Store new passes by their hashes. The mailbox engine stores those that need nothing else in their transaction."""
    db.execute(insert(one_time_pass), [{"hash": each, "kind": kind, "day": day} for each in digests])


def has_passes(db: Connection, digests: Sequence[bytes], *, kind: int, first_day: int) -> bool:
    """Whether `spend_passes` would take all of these."""
    good = _good_passes(digests, kind, first_day)
    return db.execute(select(func.count()).select_from(one_time_pass).where(good)).scalar_one() == len(digests)


def spend_passes(db: Connection, digests: Sequence[bytes], *, kind: int, first_day: int) -> bool:
    """Take these passes of one kind, no two alike. False if one is unknown, spent, or older than that day.

    The others are taken then as well: the caller rolls back.
    """
    good = _good_passes(digests, kind, first_day)
    return db.execute(delete(one_time_pass).where(good)).rowcount == len(digests)


def spend_pass(db: Connection, digest: bytes, *, kind: int, first_day: int) -> bool:
    """Take a one-time pass of this kind. False if it is unknown, spent, or older than that day."""
    good = (one_time_pass.c.hash == digest) & (one_time_pass.c.kind == kind) & (one_time_pass.c.day >= first_day)
    return db.execute(delete(one_time_pass).where(good)).rowcount == 1


def add_attachment(db: Connection, row: StoredAttachment) -> None:
    """Store a new upload."""
    db.execute(insert(attachment).values(**{**row._asdict(), "done": int(row.done)}))


async def peek_attachment(database: Database, attachment_id: bytes) -> StoredAttachment | None:
    """The attachment of this id, whole or not, expired or not."""
    row = await database.peek(_FIND_ATTACHMENT, {"b_id": attachment_id})
    return None if row is None else StoredAttachment(row[0], row[1], row[2], row[3], bool(row[4]), row[5])


def finish_attachment(db: Connection, attachment_id: bytes, *, expires: int) -> bool:
    """It is whole. expires: Unix seconds. False where it is gone, or closed meanwhile."""
    which = (attachment.c.id == attachment_id) & (attachment.c.upload_hash != CLOSED)
    return db.execute(update(attachment).where(which).values(done=1, expires=expires)).rowcount == 1


def close_attachment(db: Connection, attachment_id: bytes, *, now: int) -> bool:
    """Nobody finishes this one any more. False where it is not over by then, as one that was finished meanwhile."""
    which = (attachment.c.id == attachment_id) & (attachment.c.expires <= now)
    return db.execute(update(attachment).where(which).values(upload_hash=CLOSED)).rowcount == 1


def refuse_attachment(db: Connection, attachment_id: bytes, *, expires: int) -> bool:
    """Close one with other bytes than announced, to go with the next run from then on. expires: Unix seconds.

    False where it is gone, closed, or found whole meanwhile: its bytes are not the caller's to delete.
    """
    which = (attachment.c.id == attachment_id) & (attachment.c.done == 0) & (attachment.c.upload_hash != CLOSED)
    return db.execute(update(attachment).where(which).values(upload_hash=CLOSED, expires=expires)).rowcount == 1


def old_attachments(db: Connection, *, now: int, rows: int, after: int = 0) -> list[bytes]:
    """Ids of at most so many that have expired, the oldest first. after: so many of the oldest are left out."""
    order = attachment.c.expires, attachment.c.id
    old = select(attachment.c.id).where(attachment.c.expires <= now).order_by(*order).offset(after).limit(rows)
    return [bytes(each) for each in db.execute(old).scalars()]


def known_attachments(db: Connection, names: Sequence[bytes]) -> set[bytes]:
    """Those of these ids that have a row."""
    known = select(attachment.c.id).where(attachment.c.id.in_(names))
    return {bytes(each) for each in db.execute(known).scalars()}


def drop_attachment(db: Connection, attachment_id: bytes) -> None:
    """Its row is gone."""
    db.execute(delete(attachment).where(attachment.c.id == attachment_id))
