"""Copies of one template: which posts belong together, which clusters are campaigns, and copies of judged content.

One `ClusterIndex` serves a deployment. It is rebuilt by adding again what SQL has of the last 24 hours, oldest first:
the same posts in the same order give the same clusters with the same ids. Source: design/moderation.md section 6.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from zajil.moderation.match.bands import BandIndex
from zajil.moderation.match.minhash import Grams, Signatures, estimate_jaccard, find_grams, true_jaccard
from zajil.moderation.normalise.entities import Entity

MAX_AGE_S: Final = 24 * 3600.0
MAX_POSTS: Final = 2_000_000
# An estimate joins posts; what removes is compared with the true windows, so its candidates may be estimated too low.
MIN_ESTIMATE: Final = 0.80
MIN_CANDIDATE: Final = 0.60
MIN_JACCARD: Final = 0.80
CAMPAIGN_PERSONAS: Final = 5
CAMPAIGN_CHANNELS: Final = 3


class Copy(NamedTuple):
    """A post version as the index knows it. `target` names it; `at` is when it was posted, Unix seconds."""

    target: str
    persona: str
    channel: str
    at: float


class Cluster:
    """Posts of the last 24 hours that are near copies of one another; `cluster_id` is the target of its first one."""

    def __init__(self, cluster_id: str) -> None:
        self.cluster_id = cluster_id
        self.members: dict[str, Copy] = {}
        self._personas: Counter[str] = Counter()
        self._channels: Counter[str] = Counter()

    @property
    def is_campaign(self) -> bool:
        """Whether five personas or three channels have posted it within 24 hours: then it is one unit of review."""
        return len(self._personas) >= CAMPAIGN_PERSONAS or len(self._channels) >= CAMPAIGN_CHANNELS

    def add(self, copy: Copy) -> None:
        """Count a copy once, however often it comes."""
        if copy.target not in self.members:
            self.members[copy.target] = copy
            self._personas[copy.persona] += 1
            self._channels[copy.channel] += 1

    def remove(self, target: str) -> None:
        """Forget a copy that is too old, and with their last one its persona and channel."""
        copy = self.members.pop(target)
        for counts, key in ((self._personas, copy.persona), (self._channels, copy.channel)):
            counts[key] -= 1
            if not counts[key]:
                del counts[key]


class Confirmed(NamedTuple):
    """A cluster that a person has judged: the windows, length and addresses of its first text, and what they were."""

    cluster_id: str
    category: str
    grams: Grams
    length: int
    entities: frozenset[Entity]


class NearCopy(NamedTuple):
    """How near a text is to judged content: true Jaccard of the windows, lengths, and whether the addresses are the
    same."""

    cluster_id: str
    category: str
    jaccard: float
    length: int
    confirmed_length: int
    same_entities: bool


class ConfirmedIndex:
    """Judged content, never forgotten by itself."""

    def __init__(self) -> None:
        self._bands = BandIndex()
        self._by_slot: dict[int, Confirmed] = {}

    def __len__(self) -> int:
        return len(self._by_slot)

    def confirm(self, confirmed: Confirmed, signature: Signatures) -> None:
        """Keep judged content; a second decision about the same cluster replaces the first."""
        self.revoke(confirmed.cluster_id)
        if self._bands.is_full():
            # Nothing is freed from the front here, so every slot keeps its number.
            self._bands.grow()
        self._by_slot[self._bands.add(signature)] = confirmed

    def revoke(self, cluster_id: str) -> None:
        """Forget judged content whose decision was reversed; nothing where it is unknown."""
        for slot, confirmed in self._by_slot.items():
            if confirmed.cluster_id == cluster_id:
                self._bands.free(slot)
                del self._by_slot[slot]
                return

    def find(self, base: str, signature: Signatures, entities: frozenset[Entity]) -> NearCopy | None:
        """The nearest judged content with a true Jaccard of .80 or more, or None.

        base: base view of the post, signature: its 64 values.
        """
        slots = [slot for slot in self._bands.find(signature).tolist() if slot in self._by_slot]
        if not slots:
            return None
        estimates = estimate_jaccard(signature, self._bands.signatures[slots])
        near = [slot for slot, estimate in zip(slots, estimates, strict=True) if estimate >= MIN_CANDIDATE]
        if not near:
            return None
        grams = find_grams(base)
        jaccard, slot = max((true_jaccard(grams, self._by_slot[slot].grams), -slot) for slot in near)
        if jaccard < MIN_JACCARD:
            return None
        best = self._by_slot[-slot]
        same = best.entities == entities
        return NearCopy(best.cluster_id, best.category, jaccard, len(base), best.length, same)


class ClusterIndex:
    """The posts of the last 24 hours, or the last two million, by their signatures."""

    def __init__(self, *, max_age_s: float = MAX_AGE_S, max_posts: int = MAX_POSTS) -> None:
        self._max_age_s = max_age_s
        self._max_posts = max_posts
        self._bands = BandIndex()
        # By slot, oldest first once rotated; a post of its own has no cluster.
        self._copies: dict[int, Copy] = {}
        self._cluster_of: dict[int, Cluster] = {}

    def __len__(self) -> int:
        return len(self._bands)

    def add(self, copy: Copy, signature: Signatures) -> Cluster | None:
        """The cluster a post joins, or None if it is the only one of its kind. A post that comes twice counts once.

        signature: its 64 values. Posts come in the order they were posted, nearly: what is older than 24 hours before
        this one is forgotten.
        """
        self.forget(before=copy.at - self._max_age_s)
        slots = self._bands.find(signature)
        near: list[tuple[float, int]] = []
        if len(slots):
            estimates = estimate_jaccard(signature, self._bands.signatures[slots])
            near = [(float(e), int(slot)) for e, slot in zip(estimates, slots, strict=True) if e >= MIN_ESTIMATE]
        for _, slot in near:
            if self._copies[slot].target == copy.target:
                return self._cluster_of.get(slot)
        nearest = self._copies[min(near, key=lambda item: (-item[0], self._copies[item[1]].at))[1]] if near else None
        cluster = self._find_or_start(nearest, [slot for _, slot in near])
        self._insert(copy, signature, cluster)
        return cluster

    def _find_or_start(self, nearest: Copy | None, slots: list[int]) -> Cluster | None:
        """The cluster of the nearest post, started where it was alone."""
        if nearest is None:
            return None
        slot = next(slot for slot in slots if self._copies[slot] is nearest)
        cluster = self._cluster_of.get(slot)
        if cluster is None:
            cluster = self._cluster_of[slot] = Cluster(nearest.target)
            cluster.add(nearest)
        return cluster

    def _insert(self, copy: Copy, signature: Signatures, cluster: Cluster | None) -> None:
        if len(self._bands) >= self._max_posts:
            self._forget_oldest()
        if self._bands.is_full():
            first, size = self._bands.oldest, len(self._bands)
            self._bands.grow()
            self._copies = {(slot - first) % size: kept for slot, kept in self._copies.items()}
            self._cluster_of = {(slot - first) % size: kept for slot, kept in self._cluster_of.items()}
        slot = self._bands.add(signature)
        self._copies[slot] = copy
        if cluster is not None:
            cluster.add(copy)
            self._cluster_of[slot] = cluster

    def forget(self, *, before: float) -> None:
        """Let go of posts older than `before` (Unix seconds)."""
        while len(self._bands) and self._copies[self._bands.oldest].at < before:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        slot = self._bands.free_oldest()
        copy = self._copies.pop(slot)
        cluster = self._cluster_of.pop(slot, None)
        if cluster is not None:
            cluster.remove(copy.target)

    def restore(self, copies: list[Copy], signatures: Signatures) -> None:
        """Fill an empty index with what SQL has, oldest first; `signatures` has a row for each."""
        for copy, signature in zip(copies, np.asarray(signatures, dtype=np.uint32), strict=True):
            self.add(copy, signature)
