"""What follows from a person's judgement of a text: its copies are known from now on, or known no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection

from zajil.moderation.match.copies import Shape, list_keys
from zajil.moderation.match.minhash import MIN_CHARACTERS, find_grams, sign_batch
from zajil.moderation.match.spelling import Spelling, Targets, spell_batch
from zajil.moderation.normalise.text import normalise, normalise_batch
from zajil.moderation.store import decisions, matches, verdicts
from zajil.moderation.store.decisions import EDIT, DecisionRow
from zajil.moderation.store.matches import ClusterRow, MemberRow, TextRow
from zajil.protocol.public.posts import PublicPost

CONFIRMED, CLEARED, OPEN = "confirmed", "cleared", "open"
COPIES_MAX: Final = 10_000
FIRST_TEXTS: Final = 100
"""Copies among which the text is looked for that a cluster is judged by."""
COUNTED: Final = 1000
"""Copies that are counted to find where most of them lead."""
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


class Kept(NamedTuple):
    """What copies of a judged text are known by, as `ClusterRow` has it: no text. length: characters of its base view.

    signature: None where it is too short for one.
    """

    signature: bytes | None
    grams: bytes
    entities: bytes
    length: int

    @property
    def shape(self) -> Shape:
        """Of that text."""
        return Shape(np.frombuffer(self.grams, np.uint32), parse_targets(self.entities))


def keep_text(text: str) -> Kept:
    """What is kept of this one."""
    read = normalise(text)
    (spelled,) = spell_batch([text], [read])
    return _keep(spelled, len(read.base))


def _keep(spelled: Spelling, length: int) -> Kept:
    signature = None
    if len(spelled.packed) >= MIN_CHARACTERS:
        signature = sign_batch([spelled.packed])[0].tobytes()
    return Kept(signature, find_grams(spelled.packed).tobytes(), _encoder.encode(sorted(spelled.targets)), length)


def kept_of(known: ClusterRow) -> Kept | None:
    """What is kept of the text that a cluster was judged by, or is about to be."""
    if known.grams is None or known.entities is None:
        return None
    return Kept(known.signature, known.grams, known.entities, known.length)


def keep_shown(db: Connection, known: ClusterRow, shown: Kept) -> None:
    """From now on a judgement of this cluster is one of the text that a person was shown, whoever deletes it."""
    matches.put_judged_cluster(db, known._replace(**shown._asdict()))


def choose_text(db: Connection, known: ClusterRow, find_post: FindPost) -> Kept | None:
    """What people are shown of a cluster and judge: its oldest copy of those that lead where most of them lead.

    Its first copy may be a disguised one, or the stranger's post that all others were made from. None where no copy is
    there any more.
    """
    posts = list(islice(_find_texts(db, known, find_post), COUNTED))
    texts = list(dict.fromkeys(post.text for post in posts))
    read = normalise_batch(texts)
    spelled = dict(zip(texts, spell_batch(texts, read), strict=True))
    counts = Counter(spelled[post.text].targets for post in posts)
    for text, each in zip(texts, read, strict=True):
        if counts[spelled[text].targets] == max(counts.values()):
            return _keep(spelled[text], len(each.base))
    return None


def find_shown(db: Connection, known: ClusterRow, kept: Kept, find_post: FindPost) -> PublicPost | None:
    """A copy with the text that a judgement of this cluster is about; None where none of the oldest has it."""
    living = islice(_find_texts(db, known, find_post), FIRST_TEXTS)
    return next((post for post in living if keep_text(post.text) == kept), None)


def _find_texts(db: Connection, known: ClusterRow, find_post: FindPost) -> Iterator[PublicPost]:
    seen = set()
    # Most first copies are there; of a campaign that deletes them, thousands of rows may be of posts that are not.
    for n in (0, FIRST_TEXTS, COPIES_MAX):
        copies = [(each.target, each.version) for each in matches.members(db, known.id, n=n)] if n else []
        for target, version in [parse_name(known.id), *copies]:
            if (target, version) not in seen and (post := find_post(db, target, version)) is not None:
                yield post
            seen.add((target, version))


def confirm_text(db: Connection, post: PublicPost, row: DecisionRow) -> list[bytes]:
    """List the text of a post that a person judged harmful, and keep what near copies are known by; its digests.

    row: the decision. The cluster it is a copy in is judged with it; without one it is the first of its kind.
    """
    text = normalise(post.text)
    (spelled,) = spell_batch([post.text], [text])
    kept = _keep(spelled, len(text.base))
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
                length=kept.length,
                expires_at=None,
                at=row.at,
            ),
        )
    if kept.signature is not None:
        known = matches.find_cluster_of(db, post.post_id, post.version)
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
                at=row.at,
                **kept._asdict(),
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
    basis, named = reversed_row.basis, _find_name(reversed_row)
    since = now - REVERSED_WITHIN_S
    if named is not None:
        # Who lifted its suspension has looked at those from before.
        since = max(since, matches.find_lift(db, *named) + 1)
    if reversed_row.is_human or not reversed_row.because or reversed_row.source == EDIT:
        return None
    if decisions.count_reversed(db, basis=basis, because=reversed_row.because, since=since) < REVERSALS:
        return None
    if basis is not None:
        taught = decisions.find_decision(db, basis)
        return taught if taught is not None and revoke(db, taught, now=now) else None
    if named is not None:
        matches.put_suspension(db, *named, now=now)
    return None


def _find_name(row: DecisionRow) -> tuple[str, str] | None:
    """By what name the rule or list entry that a decision rests on is suspended, None for anything else."""
    if row.basis is not None:
        return None
    if row.source == "rule":
        return "rule", row.because
    return ("url", row.because.removeprefix(LISTED)) if row.because.startswith(LISTED) else None
