"""What follows from a person's judgement of a text: its copies are known from now on, or known no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.moderation.match.copies import list_keys
from zajil.moderation.match.minhash import MIN_CHARACTERS, find_grams, sign_batch
from zajil.moderation.match.spelling import Targets, spell_batch
from zajil.moderation.normalise.text import normalise, normalise_batch
from zajil.moderation.store import decisions, matches, verdicts
from zajil.moderation.store.decisions import DecisionRow
from zajil.moderation.store.matches import ClusterRow, MemberRow, TextRow
from zajil.protocol.public.posts import PublicPost

CONFIRMED, CLEARED, OPEN = "confirmed", "cleared", "open"
COPIES_MAX: Final = 10_000
REVERSALS: Final = 3
REVERSED_WITHIN_S: Final = 86_400
LISTED: Final = "match.listed "
FindPost = Callable[[Connection, bytes, int], PublicPost | None]
Requeue = Callable[[Connection, Sequence[tuple[bytes, int]]], None]
_encoder: Final = msgspec.msgpack.Encoder()
_targets: Final = msgspec.msgpack.Decoder(tuple[tuple[str, str], ...])


def name_version(target: bytes, version: int) -> str:
    """What the index of copies calls a post version; a cluster is called as its first copy."""
    return f"{target.hex()}:{version}"


def parse_name(name: str) -> tuple[bytes, int]:
    """Post and version of such a name."""
    target, _, version = name.partition(":")
    return bytes.fromhex(target), int(version)


def source_of(decision_id: bytes) -> str:
    """What entries of lists call the decision they are of."""
    return f"decision:{decision_id.hex()}"


def confirm_text(db: Connection, post: PublicPost, row: DecisionRow) -> list[bytes]:
    """List the text of a post that a person judged harmful, and keep what near copies are known by; its digests.

    row: the decision. The cluster it is a copy in is judged with it; without one it is the first of its kind.
    """
    text = normalise(post.text)
    (spelled,) = spell_batch([post.text], [text])
    for key in list_keys(spelled.digests, spelled.targets):
        matches.put_text(
            db,
            TextRow(
                digest=key,
                category=row.category,
                sub=row.sub,
                source=source_of(row.id),
                decision_id=row.id,
                human=1,
                length=len(text.base),
                expires_at=None,
                at=row.at,
            ),
        )
    if len(spelled.packed) >= MIN_CHARACTERS:
        known = matches.find_cluster_of(db, post.post_id, post.version)
        signature, _ = sign_batch([spelled.packed])
        matches.put_judged_cluster(
            db,
            ClusterRow(
                id=known.id if known else name_version(post.post_id, post.version),
                state=CONFIRMED,
                campaign=known.campaign if known else 0,
                category=row.category,
                sub=row.sub,
                decision_id=row.id,
                copies=known.copies if known else 1,
                length=len(text.base),
                signature=signature.tobytes(),
                grams=find_grams(spelled.packed).tobytes(),
                entities=_encoder.encode(sorted(spelled.targets)),
                at=row.at,
            ),
        )
    return list(spelled.digests.values())


def confirm_copies(
    db: Connection, copies: Sequence[MemberRow], row: DecisionRow, find_post: FindPost, *, length: int
) -> list[bytes]:
    """List the texts of the copies of a judged cluster as well: whatever was posted before is known to the letter.

    length: characters of the cluster's first text, which theirs are near. Returns the digests that are new.
    """
    posts: dict[str, None] = {}
    for each in copies:
        known = verdicts.find_verdict(db, each.target, each.version)
        # The digest alone is listed where a text has no targets; copies that have may differ by them.
        if known is None or known.digest is None or matches.find_text(db, known.digest):
            continue
        post = find_post(db, each.target, each.version)
        if post is not None:
            posts[post.text] = None
    texts = list(posts)
    keys: dict[bytes, bytes] = {}
    for spelled in spell_batch(texts, normalise_batch(texts)):
        keys |= list_keys(spelled.digests, spelled.targets)
    fresh = {key: digest for key, digest in keys.items() if matches.find_text(db, key) is None}
    for key in fresh:
        matches.put_text(db, TextRow(key, row.category, row.sub, source_of(row.id), row.id, 1, length, None, row.at))
    return list(dict.fromkeys(fresh.values()))


def requeue_others(db: Connection, cluster_id: str, digests: Sequence[bytes], requeue: Requeue) -> int:
    """Have copies that are in no way near in writing, and so not of the cluster, judged anew; how many."""
    versions = dict.fromkeys(verdicts.versions_with(db, digests))
    for each in matches.members(db, cluster_id, n=COPIES_MAX):
        versions.pop((each.target, each.version), None)
    stale = verdicts.mark_stale(db, versions)
    requeue(db, stale)
    return len(stale)


def parse_targets(data: bytes | None) -> Targets:
    """The targets of a judged text."""
    return frozenset(_targets.decode(data)) if data else frozenset()


def requeue_copies(db: Connection, row: DecisionRow, digests: Sequence[bytes], requeue: Requeue) -> int:
    """Have the earlier copies of a judged text judged anew, now that it is known; how many."""
    versions = dict.fromkeys(verdicts.versions_with(db, digests))
    known = matches.find_cluster_of(db, row.target, row.version)
    if known is not None:
        versions |= dict.fromkeys((each.target, each.version) for each in matches.members(db, known.id, n=COPIES_MAX))
    versions.pop((row.target, row.version), None)
    stale = verdicts.mark_stale(db, versions)
    requeue(db, stale)
    return len(stale)


def revoke(db: Connection, row: DecisionRow, *, now: int) -> bool:
    """What this decision taught is known no more; whether it had taught anything."""
    gone = matches.drop_texts(db, row.id, now=now)
    judged = matches.clusters_judged_by(db, row.id)
    for each in judged:
        matches.set_cluster_state(db, each.id, OPEN, None, now=now)
    return bool(gone or judged)


def count_reversal(db: Connection, reversed_row: DecisionRow, *, now: int) -> DecisionRow | None:
    """After the third reversal within a day, suspend the rule or list entry that was wrong so often.

    Returns the judgement whose text list entry is gone by it, if it is one: its other copies have to be restored.
    """
    since = now - REVERSED_WITHIN_S
    basis = reversed_row.basis
    if reversed_row.is_human or not reversed_row.because:
        return None
    if decisions.count_reversed(db, basis=basis, because=reversed_row.because, since=since) < REVERSALS:
        return None
    if basis is not None:
        taught = decisions.find_decision(db, basis)
        return taught if taught is not None and revoke(db, taught, now=now) else None
    if reversed_row.source == "rule":
        matches.put_suspension(db, "rule", reversed_row.because, now=now)
    elif reversed_row.because.startswith(LISTED):
        matches.put_suspension(db, "url", reversed_row.because.removeprefix(LISTED), now=now)
    return None
