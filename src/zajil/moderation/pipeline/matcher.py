"""Stage 1 of a deployment: what people have judged, what is listed, and what was posted within the last day.

One matcher per deployment, in memory. It starts from SQL (`Matcher.load`) and keeps up with people's decisions by the
trail of changes (`refresh`), which it reads inside the transaction that stores verdicts: no post that is stored after a
decision misses it. Source: design/moderation.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from sqlalchemy import Connection

from zajil.moderation.decide.confirm import CLEARED, CONFIRMED, LISTED, name_version, parse_targets
from zajil.moderation.match.bands import find_keys
from zajil.moderation.match.clusters import (
    MAX_AGE_S,
    Cluster,
    ClusterIndex,
    Confirmed,
    ConfirmedIndex,
    Copy,
    NearCopy,
)
from zajil.moderation.match.copies import NEAR, lookup_keys
from zajil.moderation.match.entries import Entry
from zajil.moderation.match.minhash import VALUES, Signatures
from zajil.moderation.match.urls import AddressLists, ListName
from zajil.moderation.pipeline.reading import Reading
from zajil.moderation.signals import MatchDetail, Signal, signal
from zajil.moderation.store import matches, verdicts
from zajil.moderation.store.matches import ClusterRow, MemberRow, TextRow
from zajil.protocol.public.posts import PublicPost

_NO_BASIS: Final[Mapping[str, bytes]] = {}
LISTS: Final[tuple[ListName, ...]] = ("url", "host", "domain", "phone", "wallet")


class Judged(NamedTuple):
    """What people decided about a cluster. state: confirmed or cleared."""

    state: str
    category: str
    sub: str
    decision_id: bytes | None
    length: int


class Joined(NamedTuple):
    """The cluster that a post is a copy in. id: as stored. judged: what people said of it, None while open.

    first: its oldest copy of the last day. own: this one.
    """

    id: str
    copies: int
    channels: int
    is_campaign: bool
    judged: Judged | None
    first: Copy
    own: Copy


class Matched(NamedTuple):
    """What stage 1 found about a post. basis: by the kind of evidence, the judgement it rests on.

    listed: which entry of which list. The campaign signal is made by `judging`, which knows the scores.
    """

    signals: tuple[Signal, ...]
    basis: Mapping[str, bytes]
    listed: str
    joined: Joined | None


class Matcher:
    """See the module. Not safe for threads: calls take turns."""

    def __init__(self) -> None:
        self.change = 0
        self._texts: dict[bytes, TextRow] = {}
        self._addresses = AddressLists()
        self._confirmed = ConfirmedIndex()
        self._judged: dict[str, Judged] = {}
        self._seen = ClusterIndex()
        # A cluster whose first copies are forgotten keeps the name that it has in SQL.
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    @classmethod
    def load(cls, db: Connection, *, now: float) -> Matcher:
        """One that starts from what is stored. Takes about 10 s a million posts of the last day."""
        matcher = cls()
        matcher._fill(db, now)
        return matcher

    def _fill_judged(self, db: Connection) -> None:
        """What people judged and listed."""
        self.change = matches.newest_change(db)
        self._texts = {row.digest: row for row in matches.all_texts(db)}
        self._load_addresses(db)
        self._confirmed = ConfirmedIndex()
        self._judged = {}
        for row in matches.judged_clusters(db):
            self._take_cluster(row)

    def _fill(self, db: Connection, now: float) -> None:
        self._fill_judged(db)
        known = matches.recent_names(db, since=int(now - MAX_AGE_S))
        for rows in verdicts.read_seen(db, since=int(now - MAX_AGE_S)):
            copies = [
                Copy(name_version(row.target, row.version), row.author.hex(), row.channel_id.hex(), row.at)
                for row in rows
            ]
            signatures = np.frombuffer(b"".join(row.signature for row in rows), dtype=np.uint32).reshape(-1, VALUES)
            for copy, cluster in zip(copies, self._add(copies, signatures), strict=True):
                if cluster is not None and copy.target in known:
                    self._names.setdefault(cluster.cluster_id, known[copy.target])

    def refresh(self, db: Connection) -> bool:
        """Take over what changed since; whether anything did."""
        changes = matches.changes_after(db, self.change)
        if self.change < 0 or (changes and matches.is_cut(db, self.change)):
            # What was read was rolled back, or nothing was posted for longer than the trail is kept.
            self._fill_judged(db)
            return True
        for change in changes:
            self.change = change.seq
            if change.what == "text":
                digest = bytes.fromhex(change.ref)
                row = matches.find_text(db, digest)
                if row is None:
                    self._texts.pop(digest, None)
                else:
                    self._texts[digest] = row
            elif change.what == "cluster":
                cluster = matches.find_cluster(db, change.ref)
                if cluster is not None:
                    self._take_cluster(cluster)
        if any(change.what in ("url", "rule") for change in changes):
            self._load_addresses(db)
        return bool(changes)

    def doubt(self) -> None:
        """The transaction of a `refresh` was rolled back, and others in it with it: the next one reads all anew."""
        self.change = -1

    def add_batch(self, posts: Sequence[PublicPost], readings: Sequence[Reading], *, now: float) -> list[Joined | None]:
        """For each post the cluster it joins; each is in the index afterwards. A post that comes twice counts once."""
        places = [number for number, reading in enumerate(readings) if reading.signature is not None]
        joined: list[Joined | None] = [None] * len(posts)
        if not places:
            return joined
        copies = [
            Copy(name_version(post.post_id, post.version), post.author.hex(), post.channel_id.hex(), now)
            for post in map(posts.__getitem__, places)
        ]
        packed = b"".join([readings[number].signature or b"" for number in places])
        signatures = np.frombuffer(packed, dtype=np.uint32).reshape(-1, VALUES)
        for number, copy, cluster in zip(places, copies, self._add(copies, signatures), strict=True):
            if cluster is not None:
                joined[number] = self._describe(cluster, copy)
        return joined

    @property
    def added(self) -> int:
        """How many posts `add_batch` ever added. Taken before a batch, it is where `undo` begins."""
        return self._seen.added

    def undo(self, posts: Sequence[PublicPost], *, since: int) -> None:
        """Forget these posts again, as far as they came since `added` was that: what stored them was rolled back.

        Nobody was told of them, and they come again. Otherwise copies that were never stored would make a campaign.
        """
        self._seen.undo({name_version(post.post_id, post.version) for post in posts}, since=since)

    def find_keys(self, readings: Sequence[Reading]) -> list[list[int] | None]:
        """For each reading what its signature is looked up by among judged texts; None where it has none."""
        keys: list[list[int] | None] = [None] * len(readings)
        signed = [number for number, reading in enumerate(readings) if reading.signature is not None]
        if signed and len(self._confirmed):
            packed = b"".join(readings[number].signature or b"" for number in signed)
            rows = find_keys(np.frombuffer(packed, dtype=np.uint32).reshape(-1, VALUES))
            for number, row in zip(signed, rows, strict=True):
                keys[number] = row
        return keys

    def match(self, reading: Reading, joined: Joined | None, keys: list[int] | None, *, now: float) -> Matched:
        """What is known about this post. keys: of `find_keys`. Reads nothing but memory."""
        text = reading.text
        exact, close = self._find_texts(reading, now)
        near = self._find_near(reading, joined, keys)
        listed = self._addresses.find(text.entities, now=now) if text.entities else ()
        if exact is None and close is None and near is None and not listed:
            return Matched((), _NO_BASIS, "", joined)
        signals: list[Signal] = []
        basis: dict[str, bytes] = {}
        length = len(text.base)
        if exact is not None:
            signals.append(signal("match.exact", 1.0, exact.category, _describe_text(exact, length, same=True)))
            if exact.decision_id is not None:
                basis["match.exact"] = exact.decision_id
        if near is not None:
            judged = self._judged[near.cluster_id]
            detail = MatchDetail(
                cluster=near.cluster_id,
                length=near.length,
                confirmed_length=near.confirmed_length,
                same_entities=near.same_entities,
                sub=judged.sub,
            )
            signals.append(signal("match.near", near.jaccard, near.category, detail))
            if judged.decision_id is not None:
                basis["match.near"] = judged.decision_id
        elif exact is None and close is not None:
            # Other addresses, or other letters: how near it is nothing says, so it is no more than near.
            detail = _describe_text(close, length, same=False)
            signals.append(signal("match.near", NEAR, close.category, detail))
            if close.decision_id is not None:
                basis["match.near"] = close.decision_id
        signals += [signal("match.listed", each.list_name, each.entry.category) for each in listed]
        entry = f"{LISTED}{listed[0].list_name} {listed[0].value}" if listed else ""
        return Matched(tuple(signals), basis, entry, joined)

    def _find_texts(self, reading: Reading, now: float) -> tuple[TextRow | None, TextRow | None]:
        """The listed text that this one is, and one that it is near to by its letters or consonants."""
        keys = lookup_keys(reading.digests, reading.targets)
        return self._find_text(keys.same, now), self._find_text(keys.near, now)

    def _find_text(self, keys: Sequence[bytes], now: float) -> TextRow | None:
        for key in keys:
            row = self._texts.get(key)
            # Without a person behind it an entry never removes by itself.
            if row is not None and row.human and (row.expires_at is None or now < row.expires_at):
                return row
        return None

    def _find_near(self, reading: Reading, joined: Joined | None, keys: list[int] | None) -> NearCopy | None:
        if reading.signature is None:
            return None
        text = reading.text
        near = None
        if keys is not None:
            signature = np.frombuffer(reading.signature, dtype=np.uint32)
            near = self._confirmed.find(reading.packed, signature, reading.targets, keys=keys)
            near = near._replace(length=len(text.base)) if near is not None else None
        if near is not None or joined is None or joined.judged is None or joined.judged.state != CONFIRMED:
            return near
        # A copy of a copy: nearer to another member of the judged cluster than to its first text.
        judged = joined.judged
        return NearCopy(joined.id, judged.category, NEAR, len(text.base), judged.length, False)

    def _add(self, copies: Sequence[Copy], signatures: Signatures) -> list[Cluster | None]:
        return self._seen.add_batch(copies, signatures)

    def _describe(self, cluster: Cluster, own: Copy) -> Joined:
        name = self._names.get(cluster.cluster_id, cluster.cluster_id)
        return Joined(
            name,
            len(cluster.members),
            cluster.channels,
            cluster.is_campaign,
            self._judged.get(name),
            cluster.first,
            own,
        )

    def _take_cluster(self, row: ClusterRow) -> None:
        self._confirmed.revoke(row.id)
        if row.state not in (CONFIRMED, CLEARED):
            self._judged.pop(row.id, None)
            return
        self._judged[row.id] = Judged(row.state, row.category, row.sub, row.decision_id, row.length)
        if row.state == CONFIRMED and row.signature is not None and row.grams is not None:
            confirmed = Confirmed(
                row.id,
                row.category,
                np.frombuffer(row.grams, dtype=np.uint32),
                row.length,
                parse_targets(row.entities),
            )
            self._confirmed.confirm(confirmed, np.frombuffer(row.signature, dtype=np.uint32))

    def _load_addresses(self, db: Connection) -> None:
        off = matches.suspended(db, "url")
        self._addresses = AddressLists()
        for row in matches.addresses(db):
            name = next((known for known in LISTS if known == row.list), None)
            if name is not None and f"{row.list} {row.value}" not in off:
                entry = Entry(row.category, row.source, bool(row.human), row.expires_at)
                self._addresses.add(name, row.value, entry)


def _describe_text(row: TextRow, length: int, *, same: bool) -> MatchDetail:
    return MatchDetail(
        cluster=row.source[:128], length=length, confirmed_length=row.length, same_entities=same, sub=row.sub
    )


def member_row(name: str, copy: Copy, *, lang: str, settled: bool) -> MemberRow:
    """A copy as it is stored. name: of its cluster."""
    target, _, version = copy.target.partition(":")
    return MemberRow(
        cluster_id=name,
        target=bytes.fromhex(target),
        version=int(version),
        author=bytes.fromhex(copy.persona),
        channel_id=bytes.fromhex(copy.channel),
        lang=lang,
        settled=int(settled),
        at=int(copy.at),
    )
