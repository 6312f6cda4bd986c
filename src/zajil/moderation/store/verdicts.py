"""Verdicts: what the pipeline found about each version, once; and what matchers start again from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from zajil.engine.sql.dialects import upsert
from zajil.moderation.authors import Author
from zajil.moderation.policy.replay import Stored
from zajil.moderation.signals import Verdict, encode_verdict, parse_verdict
from zajil.moderation.store.tables import reading, tally, verdict

DAY_S: Final = 86_400
_CHUNK: Final = 1000
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Author)


class VerdictRow(NamedTuple):
    """A stored verdict. signals: the whole verdict, encoded. digest: of its text, signature: 64 values, or None."""

    target: bytes
    version: int
    channel_id: bytes
    author: bytes
    standing: bytes
    policy: str
    model: str
    lang: str
    effect: str
    signals: bytes
    stage: int
    digest: bytes | None
    signature: bytes | None
    stale: int
    at: int


class SeenRow(NamedTuple):
    """What the index of near copies is rebuilt from."""

    target: bytes
    version: int
    author: bytes
    channel_id: bytes
    signature: bytes
    at: int


_COLUMNS = [verdict.c[name] for name in VerdictRow._fields]
_SEEN = [verdict.c[name] for name in SeenRow._fields]
_PUT = upsert(verdict)
_PUT = _PUT.on_conflict_do_update(
    index_elements=["target", "version"],
    set_={name: _PUT.excluded[name] for name in VerdictRow._fields if name not in ("target", "version")},
)
_FIND = select(*_COLUMNS).where(verdict.c.target == bindparam("b_target"), verdict.c.version == bindparam("b_version"))
_PUT_READING = upsert(reading).on_conflict_do_nothing()
# What every batch asks is built once: building costs several times what running does.
_KNOWN = select(verdict.c.target, verdict.c.version).where(
    tuple_(verdict.c.target, verdict.c.version).in_(bindparam("b_versions", expanding=True))
)
_CHANNELS = (
    select(verdict.c.digest, verdict.c.channel_id)
    .where(verdict.c.digest.in_(bindparam("b_digests", expanding=True)))
    .distinct()
)
_COUNT = upsert(tally)
_COUNT = _COUNT.on_conflict_do_update(
    index_elements=["day", "lang", "effect"], set_={"posts": tally.c.posts + _COUNT.excluded.posts}
)


def make_row(
    found: Verdict,
    author: Author,
    *,
    channel_id: bytes,
    effect: str,
    digest: bytes | None,
    signature: bytes | None,
    now: int,
) -> VerdictRow:
    """The row of a verdict."""
    return VerdictRow(
        target=found.target,
        version=found.version,
        channel_id=channel_id,
        author=author.key,
        standing=_encoder.encode(author),
        policy=found.policy,
        model=found.model,
        lang=found.lang,
        effect=effect,
        signals=encode_verdict(found),
        stage=found.stage,
        digest=digest,
        signature=signature,
        stale=0,
        at=now,
    )


def put_verdicts(db: Connection, rows: Sequence[VerdictRow]) -> None:
    """Store verdicts; a version that was judged before has the newer one."""
    if rows:
        db.execute(_PUT, [row._asdict() for row in rows])


def put_readings(db: Connection, found: Iterable[tuple[bytes, bytes, int]], *, now: int) -> None:
    """Keep for a day what texts in other letters than their own are known by: digest, target and version."""
    rows = [{"digest": digest, "target": target, "version": version, "at": now} for digest, target, version in found]
    if rows:
        db.execute(_PUT_READING, rows)


def find_verdict(db: Connection, target: bytes, version: int) -> VerdictRow | None:
    """The verdict about a version."""
    row = db.execute(_FIND, {"b_target": target, "b_version": version}).one_or_none()
    return VerdictRow(*row) if row else None


def find_verdicts(db: Connection, versions: Sequence[tuple[bytes, int]]) -> dict[tuple[bytes, int], VerdictRow]:
    """The verdicts about these versions that are not waiting to be judged anew."""
    found: dict[tuple[bytes, int], VerdictRow] = {}
    for start in range(0, len(versions), 200):
        some = versions[start : start + 200]
        chosen = tuple_(verdict.c.target, verdict.c.version).in_(some) & (verdict.c.stale == 0)
        for row in db.execute(select(*_COLUMNS).where(chosen)):
            known = VerdictRow(*row)
            found[known.target, known.version] = known
    return found


def known_versions(db: Connection, versions: Sequence[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
    """Which of these versions were judged before, stale verdicts among them."""
    found: set[tuple[bytes, int]] = set()
    for start in range(0, len(versions), 200):
        rows = db.execute(_KNOWN, {"b_versions": versions[start : start + 200]})
        found |= {(row[0], row[1]) for row in rows}
    return found


def mark_stale(db: Connection, versions: Iterable[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """What is known about these changed, so their verdicts count no more; those that had one."""
    marked = []
    for target, version in versions:
        mine = (verdict.c.target == target) & (verdict.c.version == version)
        if db.execute(update(verdict).where(mine).values(stale=1)).rowcount:
            marked.append((target, version))
    return marked


def versions_with(db: Connection, digests: Sequence[bytes]) -> list[tuple[bytes, int]]:
    """The versions of the last day whose text, or another reading of it, has one of these digests, oldest first."""
    found = select(verdict.c.target, verdict.c.version).where(verdict.c.digest.in_(digests)).order_by(verdict.c.seq)
    other = select(reading.c.target, reading.c.version).where(reading.c.digest.in_(digests))
    other = other.order_by(reading.c.at, reading.c.target, reading.c.version)
    return list(dict.fromkeys((row[0], row[1]) for each in (found, other) for row in db.execute(each)))


def count_channels(db: Connection, digests: Sequence[bytes]) -> dict[bytes, set[bytes]]:
    """In which channels the texts with these digests stand, by digest."""
    found: dict[bytes, set[bytes]] = {}
    for start in range(0, len(digests), 500):
        for digest, channel_id in db.execute(_CHANNELS, {"b_digests": digests[start : start + 500]}):
            found.setdefault(digest, set()).add(channel_id)
    return found


def read_seen(db: Connection, *, since: int) -> Iterator[list[SeenRow]]:
    """Every signed version since then, in the order of their verdicts, in pieces."""
    after = 0
    chosen = (verdict.c.at >= since) & verdict.c.signature.is_not(None)
    while True:
        found = select(verdict.c.seq, *_SEEN).where(chosen, verdict.c.seq > after).order_by(verdict.c.seq).limit(_CHUNK)
        rows = db.execute(found).all()
        if not rows:
            return
        after = rows[-1][0]
        yield [SeenRow(*row[1:]) for row in rows]


def read_stored(db: Connection, *, since: int) -> Iterator[Stored]:
    """Verdicts since then with their authors' standing, for a replay."""
    after = 0
    while True:
        found = select(verdict.c.seq, verdict.c.signals, verdict.c.standing).where(
            verdict.c.at >= since, verdict.c.seq > after
        )
        rows = db.execute(found.order_by(verdict.c.seq).limit(_CHUNK)).all()
        if not rows:
            return
        after = rows[-1][0]
        for _, signals, standing in rows:
            yield Stored(parse_verdict(signals), _decoder.decode(standing))


def count_judged(db: Connection, counts: dict[tuple[str, str], int], *, now: int) -> None:
    """So many more versions were judged for the first time today, by language and effect."""
    if counts:
        day = now // DAY_S
        rows = [{"day": day, "lang": lang, "effect": did, "posts": n} for (lang, did), n in sorted(counts.items())]
        db.execute(_COUNT, rows)


def read_tally(db: Connection, *, first_day: int, last_day: int) -> list[tuple[int, str, str, int]]:
    """Day, language, effect and number of versions judged first, from day to day, both in it."""
    found = select(tally.c.day, tally.c.lang, tally.c.effect, tally.c.posts)
    found = found.where(tally.c.day >= first_day, tally.c.day <= last_day).order_by(*tally.primary_key.columns)
    return [(row[0], row[1], row[2], row[3]) for row in db.execute(found)]


def forget(db: Connection, *, now: int, limit: int) -> int:
    """Drop verdicts older than 30 days, 90 where something was done, and signatures older than a day; how many."""
    quiet = verdict.c.effect.in_(("allow", "review")) & (verdict.c.at < now - 30 * DAY_S)
    old = select(verdict.c.seq).where(quiet | (verdict.c.at < now - 90 * DAY_S)).limit(limit).scalar_subquery()
    gone = db.execute(delete(verdict).where(verdict.c.seq.in_(old))).rowcount
    signed = (verdict.c.signature.is_not(None) | verdict.c.digest.is_not(None)) & (verdict.c.at < now - DAY_S)
    chosen = select(verdict.c.seq).where(signed).limit(limit).scalar_subquery()
    blank = update(verdict).where(verdict.c.seq.in_(chosen)).values(signature=None, digest=None)
    gone += db.execute(blank).rowcount
    key = tuple_(reading.c.digest, reading.c.target, reading.c.version)
    past = select(*reading.primary_key.columns).where(reading.c.at < now - DAY_S).limit(limit)
    return gone + db.execute(delete(reading).where(key.in_(past))).rowcount
