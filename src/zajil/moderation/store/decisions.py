"""Statements about decisions: put down once, read back, and what still has to be carried out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, exists, insert, select

from zajil.moderation.store.tables import decision, handover, spread

TargetKind: TypeAlias = Literal["post", "persona", "channel", "cluster"]
Act: TypeAlias = Literal[
    "allow",
    "review",
    "label",
    "limit",
    "hold",
    "remove",
    "restore",
    "remove_cluster",
    "allow_cluster",
    "slow_mode",
    "mute",
    "strike",
    "restrict_channel",
    "block_channel",
    "suspend_persona",
    "escalate",
]
Source: TypeAlias = Literal[
    "none", "match", "rule", "score", "notice", "judge", "person", "appeal", "channel", "clock", "edit"
]
EDIT: Final[Source] = "edit"
"""Of what follows for newer versions of a post from a person's decision about an earlier one, which is its basis."""
EDITED: Final = "edited"
"""`because` of such a hold."""
Automated: TypeAlias = Literal["fully", "partially", "not"]


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stored decision. id: 16 bytes, the first half of key. target: 16 bytes; of a cluster its first post.

    actor: member of staff, or the persona that moderates a channel; empty where a program decided. channel_id, author:
    where and whom it meets, empty where neither. supersedes: the decision it ends. basis: the decision it follows from,
    such as the one that judged the text it is a copy of. scores: MessagePack, by head. sor: MessagePack of a statement
    of reasons, None where nothing was restricted. salt: of its hash in the log, whose entry `entry` is. Times: Unix
    seconds.
    """

    seq: int
    id: bytes
    key: bytes
    target_kind: TargetKind
    target: bytes
    version: int
    channel_id: bytes
    author: bytes
    action: Act
    category: str
    sub: str
    lang: str
    source: Source
    because: str
    actor: bytes
    policy: str
    model: str
    scores: bytes
    supersedes: bytes | None
    basis: bytes | None
    automated: Automated
    hold_until: int | None
    note: str
    sor: bytes | None
    salt: bytes
    entry: int
    at: int

    @property
    def is_human(self) -> bool:
        """Whether a person answers for it: no program undoes it."""
        return bool(self.actor)

    @property
    def waits_for_person(self) -> bool:
        """Whether it holds a newer version until a person looks: no program decides about that one before."""
        return self.source == EDIT and self.because == EDITED


_PIECE = 500
FIELDS = DecisionRow.__struct_fields__
_COLUMNS = [decision.c[name] for name in FIELDS]
_INSERT = insert(decision)
# What every automatic decision runs is built once: building costs several times what running does.
_BY_KEY = select(*_COLUMNS).where(decision.c.key == bindparam("b_key"))
_NEWEST = (
    select(*_COLUMNS)
    .where(decision.c.target == bindparam("b_target"), decision.c.version == bindparam("b_version"))
    .where(decision.c.target_kind == bindparam("b_kind"))
    .order_by((decision.c.source == "channel") & decision.c.supersedes.is_(None), decision.c.seq.desc())
    .limit(1)
)
_BY_KEYS = select(*_COLUMNS).where(decision.c.key.in_(bindparam("b_keys", expanding=True)))
# A channel's decision that ended nothing stood beside one in force, or was the first: never above another.
_ABOUT = select(*_COLUMNS).where(decision.c.target.in_(bindparam("b_targets", expanding=True))).order_by(decision.c.seq)
_HAND_OVER = insert(handover)
_later = decision.alias("later")
_reversal = decision.alias("reversal")
_CURRENT = ~exists().where(_later.c.supersedes == decision.c.id)


def _make(row: Row[Any]) -> DecisionRow:
    return DecisionRow(**dict(zip(FIELDS, row, strict=True)))


def _rows(db: Connection, found: Select[Any]) -> list[DecisionRow]:
    return [_make(row) for row in db.execute(found)]


def _row(db: Connection, found: Select[Any], values: dict[str, object]) -> DecisionRow | None:
    row = db.execute(found, values).one_or_none()
    return _make(row) if row else None


def insert_decision(db: Connection, row: DecisionRow) -> int:
    """Its seq; that of `row` does not count. Raises IntegrityError if its key is stored."""
    values = msgspec.structs.asdict(row)
    del values["seq"]
    key = db.execute(_INSERT, values).inserted_primary_key
    return int(key[0]) if key else 0


def find_by_key(db: Connection, key: bytes) -> DecisionRow | None:
    """The decision with this key."""
    return _row(db, _BY_KEY, {"b_key": key})


def find_by_keys(db: Connection, keys: Sequence[bytes]) -> dict[bytes, DecisionRow]:
    """The decisions with these keys, by key."""
    found: dict[bytes, DecisionRow] = {}
    for start in range(0, len(keys), _PIECE):
        rows = db.execute(_BY_KEYS, {"b_keys": list(keys[start : start + _PIECE])})
        found |= {row.key: row for row in map(_make, rows)}
    return found


def find_all_newest(db: Connection, targets: Sequence[bytes]) -> dict[tuple[TargetKind, bytes, int], DecisionRow]:
    """The decisions in force about these targets, by kind, target and version."""
    found: dict[tuple[TargetKind, bytes, int], DecisionRow] = {}
    for start in range(0, len(targets), _PIECE):
        for row in map(_make, db.execute(_ABOUT, {"b_targets": list(targets[start : start + _PIECE])})):
            beside = row.source == "channel" and row.supersedes is None
            if not (beside and (row.target_kind, row.target, row.version) in found):
                found[row.target_kind, row.target, row.version] = row
    return found


def find_decision(db: Connection, decision_id: bytes) -> DecisionRow | None:
    """The decision with this id."""
    return _row(db, select(*_COLUMNS).where(decision.c.id == decision_id), {})


def find_newest(db: Connection, kind: TargetKind, target: bytes, version: int) -> DecisionRow | None:
    """The decision in force about this, the newest one; None where nothing was ever decided."""
    return _row(db, _NEWEST, {"b_kind": kind, "b_target": target, "b_version": version})


def decisions_about(db: Connection, target: bytes) -> list[DecisionRow]:
    """Every decision about a target, all versions, oldest first."""
    return _rows(db, select(*_COLUMNS).where(decision.c.target == target).order_by(decision.c.seq))


def decisions_of(db: Connection, author: bytes, *, before: int | None = None, n: int = 50) -> list[DecisionRow]:
    """The newest decisions that met a persona, newest first; below this seq."""
    found = select(*_COLUMNS).where(decision.c.author == author)
    if before is not None:
        found = found.where(decision.c.seq < before)
    return _rows(db, found.order_by(decision.c.seq.desc()).limit(n))


def by_people(db: Connection, category: str, lang: str, *, but: bytes, n: int) -> list[DecisionRow]:
    """The newest decisions of people about posts of this category and language, other than this one."""
    chosen = (decision.c.category == category) & (decision.c.lang == lang) & (decision.c.target_kind == "post")
    chosen &= (decision.c.actor != b"") & (decision.c.target != but) & (decision.c.source != "channel")
    return _rows(db, select(*_COLUMNS).where(chosen).order_by(decision.c.seq.desc()).limit(n))


def decisions_between(db: Connection, start: int, end: int) -> list[DecisionRow]:
    """Decisions with start <= at < end, Unix seconds, in their order: for reports."""
    chosen = (decision.c.at >= start) & (decision.c.at < end)
    return _rows(db, select(*_COLUMNS).where(chosen).order_by(decision.c.seq))


def every_decision(db: Connection) -> Iterator[DecisionRow]:
    """All of them in their order, in pieces."""
    after = 0
    while rows := _rows(db, select(*_COLUMNS).where(decision.c.seq > after).order_by(decision.c.seq).limit(_PIECE)):
        after = rows[-1].seq
        yield from rows


def read_decisions(db: Connection, chosen: ColumnElement[bool], *, after: int, n: int) -> list[DecisionRow]:
    """Up to n decisions with a seq above `after`, in their order."""
    found = select(*_COLUMNS).where(chosen, decision.c.seq > after)
    return _rows(db, found.order_by(decision.c.seq).limit(n))


def is_current(db: Connection, decision_id: bytes) -> bool:
    """Whether no later decision superseded this one."""
    return db.execute(select(_later.c.seq).where(_later.c.supersedes == decision_id).limit(1)).first() is None


def current_on(db: Connection, basis: bytes, *, n: int) -> list[DecisionRow]:
    """Up to n decisions in force that follow from this one, oldest first."""
    return _rows(db, select(*_COLUMNS).where(decision.c.basis == basis, _CURRENT).order_by(decision.c.seq).limit(n))


def count_reversed(db: Connection, *, basis: bytes | None, because: str, since: int) -> int:
    """How many decisions by this rule or on this basis people reversed since then."""
    found = _reversed(since).with_only_columns(decision.c.seq)
    found = found.where(decision.c.basis == basis) if basis is not None else found.where(decision.c.because == because)
    return len(db.execute(found).all())


def reversed_because(db: Connection, because: str, *, since: int, until: int, n: int) -> list[DecisionRow]:
    """Decisions by this rule or list entry that people reversed from then to then, the last one reversed first."""
    found = _reversed(since).where(decision.c.because == because, decision.c.basis.is_(None))
    # By time, of which there is an index: by seq all decisions would be looked at where fewer than n are found.
    found = found.where(_reversal.c.at <= until).order_by(_reversal.c.at.desc(), _reversal.c.seq.desc())
    return _rows(db, found.limit(n))


def _reversed(since: int) -> Select[Any]:  # Any: as many columns as a decision has
    return (
        select(*_COLUMNS)
        .join(_reversal, decision.c.id == _reversal.c.supersedes)
        .where(_reversal.c.action.in_(("restore", "allow")), _reversal.c.actor != b"", _reversal.c.at >= since)
        .where(decision.c.actor == b"", decision.c.source != EDIT)
    )


def insert_handovers(db: Connection, decision_ids: Sequence[bytes]) -> None:
    """These decisions have yet to be carried out, in this order."""
    if decision_ids:
        db.execute(_HAND_OVER, [{"decision_id": each} for each in decision_ids])


def waiting_handovers(db: Connection, n: int) -> list[DecisionRow]:
    """Decisions that nobody confirmed as carried out, oldest first."""
    found = select(*_COLUMNS).join(handover, handover.c.decision_id == decision.c.id)
    return _rows(db, found.order_by(handover.c.seq).limit(n))


def delete_handovers(db: Connection, decision_ids: Sequence[bytes]) -> None:
    """These are carried out."""
    if decision_ids:
        db.execute(delete(handover).where(handover.c.decision_id.in_(decision_ids)))


def insert_spread(db: Connection, decision_id: bytes, *, now: int) -> None:
    """The copies have yet to follow this decision."""
    if db.execute(select(spread.c.at).where(spread.c.decision_id == decision_id)).first() is None:
        db.execute(insert(spread), {"decision_id": decision_id, "at": now})


def find_spread(db: Connection) -> DecisionRow | None:
    """The oldest decision that copies have yet to follow."""
    found = select(*_COLUMNS).join(spread, spread.c.decision_id == decision.c.id).order_by(spread.c.at, decision.c.seq)
    return _row(db, found.limit(1), {})


def delete_spread(db: Connection, decision_id: bytes) -> None:
    """All copies followed."""
    db.execute(delete(spread).where(spread.c.decision_id == decision_id))
