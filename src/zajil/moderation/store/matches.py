"""Match lists and judged clusters, and the trail of changes by which matchers keep up with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from zajil.engine.sql.dialects import greatest, upsert
from zajil.moderation.store.tables import change, cluster, match_text, match_url, member, suspension

What: TypeAlias = Literal["text", "url", "cluster", "policy", "rule"]


class TextRow(NamedTuple):
    """A judged text. digest: a key of `match/copies.py`, made of the digest of one of its readings."""

    digest: bytes
    category: str
    sub: str
    source: str
    decision_id: bytes | None
    human: int
    length: int
    expires_at: int | None
    at: int


class AddressRow(NamedTuple):
    """A listed address. list: url, host, domain, phone or wallet; value: in its canonical form."""

    list: str
    value: str
    category: str
    source: str
    human: int
    expires_at: int | None
    at: int


class ClusterRow(NamedTuple):
    """Copies of one text. state: open, confirmed (harm) or cleared (no harm). grams, signature: as bytes, or None."""

    id: str
    state: str
    campaign: int
    category: str
    sub: str
    decision_id: bytes | None
    copies: int
    length: int
    signature: bytes | None
    grams: bytes | None
    entities: bytes | None
    at: int


class MemberRow(NamedTuple):
    """One copy. settled: 1 once the judgement of its cluster met it."""

    cluster_id: str
    target: bytes
    version: int
    author: bytes
    channel_id: bytes
    lang: str
    settled: int
    at: int


class Change(NamedTuple):
    """Something a matcher has to read again."""

    seq: int
    what: What
    ref: str


class SuspensionRow(NamedTuple):
    """What does not count. what: rule, or url for an entry of any list. ref: the rule's id, or list and value."""

    what: str
    ref: str
    at: int


_TEXT = [match_text.c[name] for name in TextRow._fields]
_ADDRESS = [match_url.c[name] for name in AddressRow._fields]
_CLUSTER = [cluster.c[name] for name in ClusterRow._fields]
_MEMBER = [member.c[name] for name in MemberRow._fields]
_CHANGES = (
    select(change.c.seq, change.c.what, change.c.ref).where(change.c.seq > bindparam("b_after")).order_by(change.c.seq)
)
_NEWEST = select(func.coalesce(func.max(change.c.seq), 0))
_OLDEST = select(func.coalesce(func.min(change.c.seq), 0))
_ADD_MEMBER = upsert(member).on_conflict_do_nothing()
_SEEN = upsert(cluster)
_ADD_CLUSTER = _SEEN.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "copies": _SEEN.excluded.copies,
        "at": _SEEN.excluded.at,
        "campaign": greatest(cluster.c.campaign, _SEEN.excluded.campaign),
    },
)


def note_change(db: Connection, what: What, ref: str, *, now: int) -> None:
    """Tell matchers to read this again."""
    db.execute(insert(change), {"what": what, "ref": ref, "at": now})


def newest_change(db: Connection) -> int:
    """Seq of the newest change."""
    return int(db.execute(_NEWEST).scalar_one())


def is_cut(db: Connection, seq: int) -> bool:
    """Whether changes above this seq may have been forgotten before whoever stands there read them."""
    return int(db.execute(_OLDEST).scalar_one()) > seq + 1


def changes_after(db: Connection, seq: int) -> list[Change]:
    """Changes above this seq that are kept, oldest first."""
    return [Change(*row) for row in db.execute(_CHANGES, {"b_after": seq})]


def put_text(db: Connection, row: TextRow) -> None:
    """List a text; a person's entry is not replaced by another's."""
    statement = upsert(match_text)
    new = {name: statement.excluded[name] for name in TextRow._fields if name != "digest"}
    kept = (match_text.c.human == 0) | (statement.excluded.human == 1)
    db.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=new, where=kept), row._asdict())
    note_change(db, "text", row.digest.hex(), now=row.at)


def find_text(db: Connection, digest: bytes) -> TextRow | None:
    """The entry of a digest."""
    row = db.execute(select(*_TEXT).where(match_text.c.digest == digest)).one_or_none()
    return TextRow(*row) if row else None


def all_texts(db: Connection) -> list[TextRow]:
    """Every judged text."""
    return [TextRow(*row) for row in db.execute(select(*_TEXT))]


def drop_texts(db: Connection, decision_id: bytes, *, now: int) -> int:
    """Take the texts of this decision off; how many there were."""
    mine = match_text.c.decision_id == decision_id
    gone = list(db.execute(select(match_text.c.digest).where(mine)).scalars())
    db.execute(delete(match_text).where(mine))
    for digest in gone:
        note_change(db, "text", digest.hex(), now=now)
    return len(gone)


def put_address(db: Connection, row: AddressRow) -> None:
    """List an address, or change its entry."""
    statement = upsert(match_url)
    new = {name: statement.excluded[name] for name in AddressRow._fields if name not in ("list", "value")}
    db.execute(statement.on_conflict_do_update(index_elements=["list", "value"], set_=new), row._asdict())
    note_change(db, "url", f"{row.list} {row.value}", now=row.at)


def drop_address(db: Connection, name: str, value: str, *, now: int) -> bool:
    """Take an address off a list; whether it was on it."""
    gone = db.execute(delete(match_url).where(match_url.c.list == name, match_url.c.value == value)).rowcount
    note_change(db, "url", f"{name} {value}", now=now)
    return gone > 0


def find_address(db: Connection, name: str, value: str) -> AddressRow | None:
    """An entry of a list."""
    found = select(*_ADDRESS).where(match_url.c.list == name, match_url.c.value == value)
    row = db.execute(found).one_or_none()
    return AddressRow(*row) if row else None


def addresses(db: Connection, name: str | None = None) -> list[AddressRow]:
    """The entries of a list, or of all."""
    found = select(*_ADDRESS).order_by(match_url.c.list, match_url.c.value)
    if name is not None:
        found = found.where(match_url.c.list == name)
    return [AddressRow(*row) for row in db.execute(found)]


def note_clusters(db: Connection, rows: Sequence[ClusterRow]) -> None:
    """Clusters as the matcher counts them: copies, campaign and time; what people decided about them stays."""
    if rows:
        db.execute(_ADD_CLUSTER, [row._asdict() for row in rows])


def add_members(db: Connection, rows: Sequence[MemberRow]) -> None:
    """Copies of a cluster; one that is there already is no error."""
    if rows:
        db.execute(_ADD_MEMBER, [row._asdict() for row in rows])


def put_judged_cluster(db: Connection, row: ClusterRow) -> None:
    """A cluster that a person judged: what it is, and what its first text is recognised by."""
    statement = upsert(cluster)
    fresh = {name: statement.excluded[name] for name in ClusterRow._fields if name not in ("id", "copies", "campaign")}
    db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=fresh), row._asdict())
    note_change(db, "cluster", row.id, now=row.at)


def set_cluster_state(db: Connection, cluster_id: str, state: str, decision_id: bytes | None, *, now: int) -> None:
    """A cluster judged anew, or no more."""
    values = {"state": state, "decision_id": decision_id}
    db.execute(update(cluster).where(cluster.c.id == cluster_id).values(**values))
    note_change(db, "cluster", cluster_id, now=now)


def find_cluster(db: Connection, cluster_id: str) -> ClusterRow | None:
    """The cluster with this id."""
    row = db.execute(select(*_CLUSTER).where(cluster.c.id == cluster_id)).one_or_none()
    return ClusterRow(*row) if row else None


def find_cluster_of(db: Connection, target: bytes, version: int) -> ClusterRow | None:
    """The cluster that a post version is a copy in."""
    found = select(*_CLUSTER).join(member, member.c.cluster_id == cluster.c.id)
    row = db.execute(found.where(member.c.target == target, member.c.version == version).limit(1)).one_or_none()
    return ClusterRow(*row) if row else None


def clusters_judged_by(db: Connection, decision_id: bytes) -> list[ClusterRow]:
    """The clusters that this decision judged."""
    return [ClusterRow(*row) for row in db.execute(select(*_CLUSTER).where(cluster.c.decision_id == decision_id))]


def judged_clusters(db: Connection) -> list[ClusterRow]:
    """Every cluster that people judged, whichever way."""
    return [ClusterRow(*row) for row in db.execute(select(*_CLUSTER).where(cluster.c.state != "open"))]


def members(db: Connection, cluster_id: str, *, n: int, unsettled: bool = False) -> list[MemberRow]:
    """Copies of a cluster, oldest first; or those that its judgement has not met yet."""
    found = select(*_MEMBER).where(member.c.cluster_id == cluster_id)
    if unsettled:
        found = found.where(member.c.settled == 0)
    order = (member.c.at, member.c.target, member.c.version)
    return [MemberRow(*row) for row in db.execute(found.order_by(*order).limit(n))]


def recent_names(db: Connection, *, since: int) -> dict[str, str]:
    """The cluster of each copy since then: `post in hex:version` to the cluster's id."""
    found = select(member.c.target, member.c.version, member.c.cluster_id).where(member.c.at >= since)
    return {f"{target.hex()}:{version}": cluster_id for target, version, cluster_id in db.execute(found)}


def settle_members(db: Connection, rows: Sequence[MemberRow]) -> None:
    """The judgement of their cluster met these."""
    for row in rows:
        mine = (member.c.cluster_id == row.cluster_id) & (member.c.target == row.target)
        db.execute(update(member).where(mine, member.c.version == row.version).values(settled=1))


def unsettle_members(db: Connection, cluster_id: str) -> None:
    """Another judgement of the cluster has yet to meet its copies."""
    db.execute(update(member).where(member.c.cluster_id == cluster_id).values(settled=0))


def put_suspension(db: Connection, what: str, ref: str, *, now: int) -> bool:
    """A rule, or an entry of a list, counts no more until somebody looked; False if that is so already."""
    statement = upsert(suspension)
    anew = {"at": statement.excluded.at, "lifted_at": 0}
    put = statement.on_conflict_do_update(index_elements=["what", "ref"], set_=anew, where=suspension.c.lifted_at > 0)
    done = db.execute(put, {"what": what, "ref": ref, "at": now, "lifted_at": 0}).rowcount
    if done:
        note_change(db, "rule", ref, now=now)
    return done > 0


def lift_suspension(db: Connection, what: str, ref: str, *, now: int) -> bool:
    """It counts again; False if it does. When that was is kept, so that what people reversed before is not held
    against it."""
    mine = (suspension.c.what == what) & (suspension.c.ref == ref) & (suspension.c.lifted_at == 0)
    done = db.execute(update(suspension).where(mine).values(lifted_at=now)).rowcount
    if done:
        note_change(db, "rule", ref, now=now)
    return done > 0


def find_lift(db: Connection, what: str, ref: str) -> int:
    """Unix second since which it counts again, 0 where it never did not."""
    found = select(suspension.c.lifted_at).where(suspension.c.what == what, suspension.c.ref == ref)
    return int(db.execute(found).scalar_one_or_none() or 0)


def suspended(db: Connection, what: str) -> frozenset[str]:
    """What does not count now."""
    found = select(suspension.c.ref).where(suspension.c.what == what, suspension.c.lifted_at == 0)
    return frozenset(db.execute(found).scalars())


def suspensions(db: Connection) -> list[SuspensionRow]:
    """All that does not count now, the oldest first."""
    found = select(suspension.c.what, suspension.c.ref, suspension.c.at).where(suspension.c.lifted_at == 0)
    order = (suspension.c.at, suspension.c.what, suspension.c.ref)
    return [SuspensionRow(*row) for row in db.execute(found.order_by(*order))]


def forget_lifts(db: Connection, *, before: int) -> int:
    """Drop those that were lifted before that: what was reversed until then is too old to count; how many."""
    old = (suspension.c.lifted_at > 0) & (suspension.c.lifted_at < before)
    return db.execute(delete(suspension).where(old)).rowcount


def forget_changes(db: Connection, *, before: int, limit: int) -> int:
    """Drop the trail older than that, except its end; how many. Who read nothing for longer finds it cut: `is_cut`."""
    newest = select(func.max(change.c.seq)).scalar_subquery()
    # In their order: a hole behind the oldest one would not be seen.
    old = select(change.c.seq).where(change.c.at < before, change.c.seq < newest).order_by(change.c.seq).limit(limit)
    return db.execute(delete(change).where(change.c.seq.in_(old.scalar_subquery()))).rowcount


def forget_clusters(db: Connection, *, before: int, limit: int) -> int:
    """Drop clusters nobody judged whose last copy is older than that, and their copies; how many rows."""
    old = select(cluster.c.id).where(cluster.c.state == "open", cluster.c.at < before).limit(limit)
    ids = list(db.execute(old).scalars())
    gone = 0
    for cluster_id in ids:
        gone += db.execute(delete(member).where(member.c.cluster_id == cluster_id)).rowcount
        gone += db.execute(delete(cluster).where(cluster.c.id == cluster_id)).rowcount
    return gone
