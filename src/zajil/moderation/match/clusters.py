"""Copies of one template: which posts belong together, which clusters are campaigns, and copies of judged content.

One `ClusterIndex` serves a deployment. It is rebuilt by adding again what SQL has of the last 24 hours, oldest first:
the same posts in the same order give the same clusters with the same ids. Source: design/moderation.md section 6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from typing import Final, NamedTuple

from zajil.moderation.hashing import Hashes
from zajil.moderation.match.bands import BandIndex, find_keys, hash_bands
from zajil.moderation.match.copies import NEAR
from zajil.moderation.match.minhash import Grams, Signatures, estimate_each, find_grams, true_jaccard
from zajil.moderation.match.spelling import Targets

MAX_AGE_S: Final = 24 * 3600.0
MAX_POSTS: Final = 2_000_000
# An estimate joins posts; what removes is compared with the true windows, so its candidates may be estimated too low.
MIN_ESTIMATE: Final = 0.80
MIN_CANDIDATE: Final = 0.60
MANY: Final = 16
"""So many posts and more are added all at once; below, numpy takes longer to begin than they take one by one."""
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

    @property
    def channels(self) -> int:
        """In how many channels it stands."""
        return len(self._channels)

    @property
    def first(self) -> Copy:
        """The oldest copy that is not forgotten."""
        return next(iter(self.members.values()))

    def add(self, copy: Copy) -> None:
        """Count a copy once, however often it comes."""
        if copy.target not in self.members:
            self.members[copy.target] = copy
            self._personas[copy.persona] += 1
            self._channels[copy.channel] += 1

    def remove(self, target: str) -> None:
        """Forget a copy that is too old, and with their last one its persona and channel."""
        copy = self.members.pop(target, None)
        if copy is None:
            return
        for counts, key in ((self._personas, copy.persona), (self._channels, copy.channel)):
            counts[key] -= 1
            if not counts[key]:
                del counts[key]


class Confirmed(NamedTuple):
    """A cluster that a person has judged: the windows, length and targets of its first text, and what they were."""

    cluster_id: str
    category: str
    grams: Grams
    length: int
    targets: Targets


class NearCopy(NamedTuple):
    """How near a text is to judged content: true Jaccard of the windows, lengths, and whether the targets are the
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
        self._slot_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._by_slot)

    def confirm(self, confirmed: Confirmed, signature: Signatures) -> None:
        """Keep judged content; a second decision about the same cluster replaces the first."""
        self.revoke(confirmed.cluster_id)
        if self._bands.is_full():
            # Nothing is freed from the front here, so every slot keeps its number.
            self._bands.grow()
        slot = self._bands.add(signature, find_keys(signature)[0])
        self._by_slot[slot], self._slot_of[confirmed.cluster_id] = confirmed, slot

    def revoke(self, cluster_id: str) -> None:
        """Forget judged content whose decision was reversed; nothing where it is unknown."""
        slot = self._slot_of.pop(cluster_id, None)
        if slot is not None:
            self._bands.free([slot])
            del self._by_slot[slot]

    def find(
        self, base: str, signature: Signatures, targets: Targets, *, keys: list[int] | None = None
    ) -> NearCopy | None:
        """The nearest judged content with a true Jaccard of .80 or more, or None.

        base: base view of the post, signature: its 64 values. keys: of `find_keys`, where they were made for a batch:
        one by one they take as long as everything else.
        """
        if not self._by_slot:
            return None
        found = self._bands.find(keys if keys is not None else find_keys(signature)[0])
        slots = [slot for slot in found if slot in self._by_slot]
        if not slots:
            return None
        estimates = estimate_each(signature, self._bands.signatures, slots)
        near = [slot for slot, estimate in zip(slots, estimates, strict=True) if estimate >= MIN_CANDIDATE]
        if not near:
            return None
        grams = find_grams(base)
        jaccard, slot = max((true_jaccard(grams, self._by_slot[slot].grams), -slot) for slot in near)
        if jaccard < NEAR:
            return None
        best = self._by_slot[-slot]
        same = best.targets == targets
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
        self._added = 0

    def __len__(self) -> int:
        return len(self._bands)

    @property
    def added(self) -> int:
        """How many posts were ever added: where `undo` begins to look."""
        return self._added

    def undo(self, targets: Container[str], *, since: int) -> None:
        """Forget those of these posts that were added since `added` was that, as if they had never come.

        For a batch whose transaction was rolled back. Only posts added since are looked at, of whichever batch.
        """
        first, size, count = self._bands.oldest, self._bands.size, len(self._bands)
        newest = min(self._added - since, count)
        slots = [
            slot for back in range(newest) if self._copies[slot := (first + count - 1 - back) % size].target in targets
        ]
        if not slots:
            return
        # A slot stays taken until it is the oldest; no search finds it any more.
        self._bands.free(slots)
        for slot in slots:
            cluster = self._cluster_of.pop(slot, None)
            if cluster is not None:
                cluster.remove(self._copies[slot].target)

    def add_batch(self, copies: Sequence[Copy], signatures: Signatures) -> list[Cluster | None]:
        """For each post the cluster it joins, or None if it is the only one of its kind; in order, one after the other.

        signatures: a row of 64 values for each. A post that comes twice counts once. Posts come about in the order they
        were posted: what is 24 hours older than the first of them is forgotten.
        """
        if not copies:
            return []
        self.forget(before=copies[0].at - self._max_age_s)
        excess = len(self._bands) + len(copies) - self._max_posts
        if excess > 0:
            self._forget_oldest(min(excess, len(self._bands)))
        keys = hash_bands(signatures)
        if len(copies) >= MANY and self._are_new(copies, keys):
            return self._add_new(copies, signatures, keys)
        return [self._add(copy, row, key) for copy, row, key in zip(copies, signatures, keys.tolist(), strict=True)]

    def _are_new(self, copies: Sequence[Copy], keys: Hashes) -> bool:
        """Whether none of these posts is known: what is found by its keys would have found it too."""
        for row, slots in self._bands.find_many(keys).items():
            target = copies[row].target
            for slot in slots:
                cluster = self._cluster_of.get(slot)
                if self._copies[slot].target == target or (cluster is not None and target in cluster.members):
                    return False
        return len({copy.target for copy in copies}) == len(copies)

    def _add_new(self, copies: Sequence[Copy], signatures: Signatures, keys: Hashes) -> list[Cluster | None]:
        """`_add` of posts that are all new. Of those that nothing is near to, numpy does the whole work."""
        while len(self._bands) + len(copies) > self._bands.size:
            self._grow()
        slots = self._bands.add_many(signatures, keys)
        self._added += len(copies)
        own: list[int] = slots.tolist()
        self._copies.update(zip(own, copies, strict=True))
        found: list[Cluster | None] = [None] * len(copies)
        for row, others in self._bands.find_before(slots, keys).items():
            cluster = self._join(copies[row], self._find_near(signatures[row], others))
            if cluster is not None:
                found[row] = self._cluster_of[own[row]] = cluster
        return found

    def _find_near(self, signature: Signatures, slots: Sequence[int]) -> list[tuple[int, float]]:
        """Those of the slots whose texts are near, with how near."""
        estimates = estimate_each(signature, self._bands.signatures, slots)
        return [pair for pair in zip(slots, estimates, strict=True) if pair[1] >= MIN_ESTIMATE]

    def _join(self, copy: Copy, near: Sequence[tuple[int, float]]) -> Cluster | None:
        """The cluster of the nearest, with this copy in it; of equally near ones the first."""
        if not near:
            return None
        nearest, _ = max(near, key=lambda pair: pair[1])
        cluster = self._cluster_of.get(nearest)
        if cluster is None:
            cluster = self._cluster_of[nearest] = Cluster(self._copies[nearest].target)
            cluster.add(self._copies[nearest])
        cluster.add(copy)
        return cluster

    def _add(self, copy: Copy, signature: Signatures, keys: list[int]) -> Cluster | None:
        slots = self._bands.find(keys)
        near = self._find_near(signature, slots) if slots else []
        for slot, _ in near:
            known = self._cluster_of.get(slot)
            if self._copies[slot].target == copy.target:
                # Whoever joined it may have been undone.
                return known if known is not None and len(known.members) > 1 else None
            if known is not None and copy.target in known.members:
                # Among so many copies that a search does not come as far as this one.
                return known
        cluster = self._join(copy, near)
        if self._bands.is_full():
            self._grow()
        slot = self._bands.add(signature, keys)
        self._added += 1
        self._copies[slot] = copy
        if cluster is not None:
            self._cluster_of[slot] = cluster
        return cluster

    def _grow(self) -> None:
        first, size = self._bands.oldest, self._bands.size
        self._bands.grow()
        self._copies = {(slot - first) % size: kept for slot, kept in self._copies.items()}
        self._cluster_of = {(slot - first) % size: kept for slot, kept in self._cluster_of.items()}

    def forget(self, *, before: float) -> None:
        """Let go of posts older than `before` (Unix seconds), up to the first that is not."""
        first, size = self._bands.oldest, self._bands.size
        count = 0
        while count < len(self._bands) and self._copies[(first + count) % size].at < before:
            count += 1
        if count:
            self._forget_oldest(count)

    def _forget_oldest(self, count: int) -> None:
        for slot in self._bands.free_oldest(count):
            copy = self._copies.pop(slot)
            cluster = self._cluster_of.pop(slot, None)
            if cluster is not None:
                cluster.remove(copy.target)
