"""Statements of the bridge registry: one function each, inside the caller's transaction."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from zajil.bridges.registry.tables import (
    bridge,
    bridge_asker,
    bridge_code,
    bridge_of_token,
    bridge_token,
    reach_document,
)

ROOT, LIST = 0, 1
_BRIDGES = select(bridge.c.id, bridge.c.host, bridge.c.port, bridge.c.dir, bridge.c.public, bridge.c.day)

_TOKENS = select(bridge_token.c.id, bridge_token.c.token, bridge_token.c.public).join(
    bridge_of_token, bridge_of_token.c.token_id == bridge_token.c.id
)


class BridgeRow(NamedTuple):
    """A bridge that joined. day: days since 1970."""

    id: bytes
    host: str
    port: int
    dir: str
    public: int
    day: int


class TokenRow(NamedTuple):
    """A token at rest; `token` is sealed. public: 1 for one of the signed list."""

    id: bytes
    token: bytes
    public: int


def insert_code(db: Connection, digest: bytes, *, expires: int) -> None:
    """A code to join with, by its hash."""
    db.execute(insert(bridge_code).values(hash=digest, expires=expires))


def spend_code(db: Connection, digest: bytes, *, now: int) -> bool:
    """Take the code. False if there is none."""
    good = (bridge_code.c.hash == digest) & (bridge_code.c.expires > now)
    return db.execute(delete(bridge_code).where(good)).rowcount == 1


def insert_bridge(db: Connection, row: BridgeRow, credential: bytes) -> None:
    """A bridge, and the hash of its credential."""
    db.execute(insert(bridge).values(**row._asdict(), credential=credential))


def has_address(db: Connection, host: str, port: int) -> bool:
    """Whether a bridge at this address joined already."""
    found = select(bridge.c.id).where(bridge.c.host == host, bridge.c.port == port)
    return db.execute(found).first() is not None


def find_bridge(db: Connection, bridge_id: bytes) -> BridgeRow | None:
    """The bridge of this id."""
    row = db.execute(_BRIDGES.where(bridge.c.id == bridge_id)).one_or_none()
    return BridgeRow(*row) if row else None


def find_credential(db: Connection, digest: bytes) -> bytes | None:
    """The id of the bridge whose credential has this hash."""
    return db.execute(select(bridge.c.id).where(bridge.c.credential == digest)).scalar_one_or_none()


def all_bridges(db: Connection) -> list[BridgeRow]:
    """Every bridge, oldest first."""
    return [BridgeRow(*row) for row in db.execute(_BRIDGES.order_by(bridge.c.day, bridge.c.id))]


def private_bridges(db: Connection, *, tokens_below: int) -> list[BridgeRow]:
    """Private bridges that fewer tokens than this open."""
    bound = (
        select(func.count())
        .select_from(bridge_of_token)
        .where(bridge_of_token.c.bridge_id == bridge.c.id)
        .scalar_subquery()
    )
    found = _BRIDGES.where(bridge.c.public == 0, bound < tokens_below).order_by(bridge.c.id)
    return [BridgeRow(*row) for row in db.execute(found)]


def count_public(db: Connection) -> int:
    """How many bridges the signed list names."""
    return int(db.execute(select(func.count()).select_from(bridge).where(bridge.c.public == 1)).scalar_one())


def set_public(db: Connection, bridge_id: bytes) -> None:
    """The signed list names this bridge from now on."""
    db.execute(update(bridge).where(bridge.c.id == bridge_id).values(public=1))


def delete_bridge(db: Connection, bridge_id: bytes) -> bool:
    """Forget a bridge, what opens it, and tokens that open nothing any more. False if there is none."""
    if db.execute(delete(bridge).where(bridge.c.id == bridge_id)).rowcount == 0:
        return False
    db.execute(delete(bridge_of_token).where(bridge_of_token.c.bridge_id == bridge_id))
    db.execute(delete(bridge_token).where(bridge_token.c.id.not_in(select(bridge_of_token.c.token_id))))
    return True


def insert_token(db: Connection, row: TokenRow, *, digest: bytes, day: int, bridge_ids: list[bytes]) -> None:
    """A token and the bridges it opens."""
    db.execute(insert(bridge_token).values(**row._asdict(), hash=digest, day=day))
    db.execute(insert(bridge_of_token), [{"token_id": row.id, "bridge_id": each} for each in bridge_ids])


def find_private_token(db: Connection, digest: bytes) -> bytes | None:
    """The id of the private token with this hash."""
    found = select(bridge_token.c.id).where(bridge_token.c.hash == digest, bridge_token.c.public == 0)
    return db.execute(found).scalar_one_or_none()


def bridges_of(db: Connection, token_id: bytes) -> list[BridgeRow]:
    """The bridges this token opens, by id."""
    found = _BRIDGES.join(bridge_of_token, bridge_of_token.c.bridge_id == bridge.c.id)
    rows = db.execute(found.where(bridge_of_token.c.token_id == token_id).order_by(bridge.c.id))
    return [BridgeRow(*row) for row in rows]


def tokens_of(db: Connection, bridge_id: bytes) -> list[TokenRow]:
    """The tokens that open this bridge, by id."""
    found = _TOKENS.where(bridge_of_token.c.bridge_id == bridge_id)
    return [TokenRow(*row) for row in db.execute(found.order_by(bridge_token.c.id))]


def public_bridges(db: Connection) -> list[tuple[BridgeRow, TokenRow]]:
    """Every public bridge with the token that the signed list gives for it, by id."""
    token = bridge_token.c
    found = (
        select(*_BRIDGES.selected_columns, token.id, token.token, token.public)
        .join(bridge_of_token, bridge_of_token.c.bridge_id == bridge.c.id)
        .join(bridge_token, token.id == bridge_of_token.c.token_id)
        .where(bridge.c.public == 1, token.public == 1)
        .order_by(bridge.c.id)
    )
    return [(BridgeRow(*row[:6]), TokenRow(row[6], row[7], row[8])) for row in db.execute(found)]


def count_tokens(db: Connection) -> dict[bytes, int]:
    """How many tokens open each bridge, by id; bridges that none opens are missing."""
    found = select(bridge_of_token.c.bridge_id, func.count()).group_by(bridge_of_token.c.bridge_id)
    return {bytes(bridge_id): int(count) for bridge_id, count in db.execute(found)}


def count_asked(db: Connection, who: bytes, *, first_day: int) -> list[tuple[int, int]]:
    """Days and counts of what this asker got since that day, oldest first."""
    mine = (bridge_asker.c.who == who) & (bridge_asker.c.day >= first_day)
    found = select(bridge_asker.c.day, bridge_asker.c.count).where(mine).order_by(bridge_asker.c.day)
    return [(int(day), int(count)) for day, count in db.execute(found)]


def note_asked(db: Connection, who: bytes, *, day: int) -> None:
    """One more token for this asker today."""
    today = (bridge_asker.c.who == who) & (bridge_asker.c.day == day)
    if db.execute(update(bridge_asker).where(today).values(count=bridge_asker.c.count + 1)).rowcount == 0:
        db.execute(insert(bridge_asker).values(who=who, day=day, count=1))


def forget_asker(db: Connection, who: bytes) -> None:
    """Nothing is known of this asker any more."""
    db.execute(delete(bridge_asker).where(bridge_asker.c.who == who))


def roots(db: Connection) -> list[bytes]:
    """The envelope of every root, oldest first."""
    found = select(reach_document.c.envelope).where(reach_document.c.kind == ROOT)
    return list(db.execute(found.order_by(reach_document.c.version)).scalars())


def count_roots(db: Connection) -> int:
    """How many `roots` gives."""
    found = select(func.count()).select_from(reach_document).where(reach_document.c.kind == ROOT)
    return int(db.execute(found).scalar_one())


def newest_list(db: Connection) -> tuple[int, bytes] | None:
    """Number and envelope of the newest list."""
    found = select(reach_document.c.version, reach_document.c.envelope).where(reach_document.c.kind == LIST)
    row = db.execute(found.order_by(reach_document.c.version.desc()).limit(1)).one_or_none()
    return (int(row[0]), bytes(row[1])) if row else None


def insert_root(db: Connection, version: int, envelope: bytes) -> None:
    """Append a root. Raises IntegrityError if that version exists."""
    db.execute(insert(reach_document).values(kind=ROOT, version=version, envelope=envelope))


def replace_list(db: Connection, version: int, envelope: bytes) -> None:
    """Store a list instead of the one before."""
    db.execute(delete(reach_document).where(reach_document.c.kind == LIST))
    db.execute(insert(reach_document).values(kind=LIST, version=version, envelope=envelope))


def delete_expired(db: Connection, *, now: int, first_asked_day: int, limit: int) -> int:
    """Remove at most `limit` rows per table that are over; returns how many went."""
    codes = select(bridge_code.c.hash).where(bridge_code.c.expires <= now).limit(limit).scalar_subquery()
    gone = db.execute(delete(bridge_code).where(bridge_code.c.hash.in_(codes))).rowcount
    days = select(bridge_asker.c.day).where(bridge_asker.c.day < first_asked_day).limit(limit).scalar_subquery()
    return gone + db.execute(delete(bridge_asker).where(bridge_asker.c.day.in_(days))).rowcount
