"""Copies find their cluster, campaigns become units, and judged content is found again."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from zajil.moderation.hashing import Hashes
from zajil.moderation.match.bands import BAND_SLOTS, BANDS, FIRST_SIZE, BandIndex, find_keys, hash_bands
from zajil.moderation.match.clusters import (
    MAX_AGE_S,
    Cluster,
    ClusterIndex,
    Confirmed,
    ConfirmedIndex,
    Copy,
)
from zajil.moderation.match.minhash import VALUES, Signatures, find_grams, sign_batch
from zajil.moderation.match.spelling import find_targets
from zajil.moderation.normalise.text import normalise

NOW = 1_800_000_000.0
SCAM = (
    "send num4 to wallettok and you will receive twice the sum within one hour, only today for members of our channel"
)


def signed(text: str) -> Signatures:
    row: Signatures = sign_batch([text])[0][0]
    return row


def join(index: ClusterIndex, copy: Copy, row: Signatures) -> Cluster | None:
    return index.add_batch([copy], row[None])[0]


def random_text(rng: random.Random) -> str:
    return " ".join("".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(15))


def copy(number: int, *, persona: str | None = None, channel: str = "c", at: float = NOW) -> Copy:
    return Copy(f"post-{number}", persona or f"p{number}", channel, at)


def test_near_copies_join_and_others_do_not() -> None:
    index = ClusterIndex()
    assert join(index, copy(0), signed(SCAM)) is None
    assert join(index, copy(1), signed(random_text(random.Random(1)))) is None
    cluster = join(index, copy(2), signed(SCAM.replace("only today", "now today")))
    assert cluster is not None
    assert cluster.cluster_id == "post-0"
    assert sorted(cluster.members) == ["post-0", "post-2"]
    assert len(index) == 3


def test_five_personas_or_three_channels_make_a_campaign() -> None:
    index = ClusterIndex()
    for number in range(4):
        cluster = join(index, copy(number), signed(SCAM))
    assert cluster is not None
    assert not cluster.is_campaign
    join(index, copy(9, persona="p0"), signed(SCAM))
    assert not cluster.is_campaign, "the same persona again is no fifth"
    join(index, copy(4), signed(SCAM))
    assert cluster.is_campaign

    index = ClusterIndex()
    for number, channel in enumerate("aabbb"):
        cluster = join(index, copy(number, persona="one", channel=channel), signed(SCAM))
    assert cluster is not None
    assert not cluster.is_campaign
    join(index, copy(5, persona="one", channel="c"), signed(SCAM))
    assert cluster.is_campaign


def test_a_post_that_comes_twice_counts_once() -> None:
    index = ClusterIndex()
    assert join(index, copy(0), signed(SCAM)) is None
    assert join(index, copy(0), signed(SCAM)) is None
    first = join(index, copy(1), signed(SCAM))
    again = join(index, copy(1), signed(SCAM))
    assert first is again
    assert first is not None
    assert len(first.members) == 2
    assert len(index) == 2


def test_after_a_day_a_post_is_forgotten_and_its_persona_with_it() -> None:
    index = ClusterIndex()
    for number in range(5):
        cluster = join(index, copy(number, at=NOW + number), signed(SCAM))
    assert cluster is not None
    assert cluster.is_campaign
    join(index, copy(5, persona="p4", at=NOW + MAX_AGE_S + 1.5), signed(SCAM))
    assert sorted(cluster.members) == ["post-2", "post-3", "post-4", "post-5"]
    assert not cluster.is_campaign
    assert join(index, copy(6, at=NOW + 3 * MAX_AGE_S), signed(SCAM)) is None
    assert len(index) == 1


@pytest.mark.slow
def test_the_index_holds_so_many_posts_and_no_more() -> None:
    rng = random.Random(5)
    index = ClusterIndex(max_posts=600)
    texts = [random_text(rng) for _ in range(1500)]
    rows, _ = sign_batch(texts)
    for number, row in enumerate(rows):
        assert join(index, copy(number, at=NOW + number), row) is None
    assert len(index) == 600
    found = join(index, copy(9000, at=NOW + 1500), rows[-600 + 1])
    assert found is not None
    assert found.cluster_id == f"post-{1500 - 599}"
    assert join(index, copy(9001, at=NOW + 1500), rows[0]) is None


@pytest.mark.slow
def test_the_same_posts_give_the_same_clusters_again() -> None:
    rng = random.Random(6)
    templates = [random_text(rng) for _ in range(40)]
    texts = [rng.choice(templates).replace("a", rng.choice("ab"), 1) for _ in range(FIRST_SIZE * 3)]
    rows, _ = sign_batch(texts)
    copies = [copy(number, at=NOW + number) for number in range(len(texts))]
    live, rebuilt = ClusterIndex(), ClusterIndex()
    joined = live.add_batch(copies, rows)
    for number in range(len(copies) - 1):
        join(rebuilt, copies[number], rows[number])
    last = join(rebuilt, copies[-1], rows[-1])
    assert last is not None
    assert joined[-1] is not None
    assert last.cluster_id == joined[-1].cluster_id
    assert last.members == joined[-1].members


@pytest.mark.parametrize("disguise", [str.upper, lambda t: t.replace("e", "е").replace("o", "о"), lambda t: t + "!!!"])
def test_a_disguised_copy_of_judged_content_is_found(disguise: object) -> None:
    assert callable(disguise)
    text = normalise("Send 0.5 to 0x52908400098527886E0F7030069857D2E4169EE7 and receive twice the sum within one hour")
    index = ConfirmedIndex()
    index.confirm(
        Confirmed("k1", "fraud", find_grams(text.base), len(text.base), find_targets(text.entities, text.numbers)),
        signed(text.base),
    )
    seen = normalise(
        disguise("Send 0.5 to 0x52908400098527886E0F7030069857D2E4169EE7 and ")
        + disguise("receive twice the sum within one hour")
    )
    found = index.find(seen.base, signed(seen.base), find_targets(seen.entities, seen.numbers))
    assert found is not None
    assert found.cluster_id == "k1"
    assert found.jaccard >= 0.8


def test_judged_content_is_compared_by_its_true_windows() -> None:
    index = ConfirmedIndex()
    wallet = frozenset({("wallet", "0xabc")})
    index.confirm(Confirmed("k1", "fraud", find_grams(SCAM), len(SCAM), wallet), signed(SCAM))
    same = index.find(SCAM, signed(SCAM), wallet)
    assert same is not None
    assert (same.jaccard, same.length, same.confirmed_length, same.same_entities) == (1.0, len(SCAM), len(SCAM), True)
    other = SCAM + " and bring friends"
    near = index.find(other, signed(other), frozenset())
    assert near is not None
    one, two = ({text[i : i + 5] for i in range(len(text) - 4)} for text in (SCAM, other))
    assert near.jaccard == pytest.approx(len(one & two) / len(one | two))
    assert not near.same_entities
    far = random_text(random.Random(2))
    assert index.find(far, signed(far), frozenset()) is None


@pytest.mark.slow
def test_a_reversal_takes_judged_content_out_and_nothing_else_does() -> None:
    rng = random.Random(8)
    index = ConfirmedIndex()
    texts = [random_text(rng) for _ in range(FIRST_SIZE + 50)]
    for number, text in enumerate(texts):
        index.confirm(Confirmed(f"k{number}", "spam", find_grams(text), len(text), frozenset()), signed(text))
    for number, text in enumerate(texts):
        found = index.find(text, signed(text), frozenset())
        assert found is not None
        assert found.cluster_id == f"k{number}"
    index.revoke("k7")
    index.revoke("unknown")
    assert index.find(texts[7], signed(texts[7]), frozenset()) is None
    assert len(index) == len(texts) - 1
    index.confirm(Confirmed("k8", "fraud", find_grams(texts[8]), 5, frozenset()), signed(texts[8]))
    again = index.find(texts[8], signed(texts[8]), frozenset())
    assert again is not None
    assert again.category == "fraud"
    assert len(index) == len(texts) - 1


class CountedLinks(array):  # type: ignore[type-arg]  # no subclass of a generic array is one at run time
    """Entries of chains, which counts how many were followed."""

    reads = 0

    def __getitem__(self, at: int) -> int:  # type: ignore[override]  # nobody takes slices of it
        self.reads += 1
        return int(super().__getitem__(at))


def test_a_flood_of_copies_costs_as_much_a_post_as_anything_else() -> None:
    """Every copy of a text is in the same chains: no search and no freeing may follow them to their end."""
    index = ClusterIndex()
    row = signed(SCAM)
    for number in range(2000):
        cluster = join(index, copy(number, persona=f"p{number % 50}", at=NOW + number), row)
    assert cluster is not None
    assert len(cluster.members) == 2000
    links = index._bands._links = CountedLinks("i", index._bands._links)
    assert len(index._bands.find(find_keys(row)[0])) == BAND_SLOTS
    assert links.reads <= BANDS * BAND_SLOTS
    links.reads = 0
    index.forget(before=NOW + 20)
    assert links.reads <= 20 * BANDS
    assert len(index) == 1980
    # Each once more, as after a decision that came while they were judged: none counts twice.
    again = index.add_batch([copy(number, at=NOW + number) for number in range(1000, 2000)], np.tile(row, (1000, 1)))
    assert {id(each) for each in again} == {id(cluster)}
    assert (len(cluster.members), len(index)) == (1980, 1980)
    index.forget(before=NOW + 1999)
    assert join(index, copy(5000, at=NOW + 2001), row) is cluster
    assert sorted(cluster.members) == ["post-1999", "post-5000"]


def test_an_empty_index_frees_nothing() -> None:
    with pytest.raises(IndexError):
        BandIndex().free_oldest(1)


class BandStories(RuleBasedStateMachine):
    """Any order of adding, freeing and growing leaves every kept signature to be found, and no freed one."""

    def __init__(self) -> None:
        super().__init__()
        self.index = BandIndex()
        self.kept: list[Signatures] = []

    @rule(number=st.integers(0, 50), many=st.integers(1, 150))
    def add(self, number: int, many: int) -> None:
        rng = np.random.default_rng(number)
        for row in rng.integers(0, 2**32, size=(many, VALUES), dtype=np.uint32):
            if self.index.is_full():
                self.index.grow()
            self.index.add(row, find_keys(row)[0])
            self.kept.append(row)

    @rule(many=st.integers(1, 200))
    def free(self, many: int) -> None:
        many = min(many, len(self.kept))
        assert len(self.index.free_oldest(many)) == many
        del self.kept[:many]

    @invariant()
    def finds_what_it_keeps(self) -> None:
        assert len(self.index) == len(self.kept)
        for row in self.kept[:2] + self.kept[-2:]:
            slots = self.index.find(find_keys(row)[0])
            assert (self.index.signatures[slots] == row).all(axis=1).any()
            assert len(slots) <= self.kept_as(row)

    def kept_as(self, row: Signatures) -> int:
        return sum(bool((row == kept).all()) for kept in self.kept)


TestBandStories = pytest.mark.slow(BandStories.TestCase)
TestBandStories.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


def test_a_batch_that_was_rolled_back_is_as_if_it_had_never_come() -> None:
    """Also with another batch after it, where slots are numbered anew, and for posts that were there before."""
    rng = random.Random(7)
    templates = [random_text(rng) for _ in range(6)]

    def batch(start: int, n: int) -> tuple[list[Copy], Signatures]:
        texts = [f"{templates[number % 6]} {number % 4}" for number in range(start, start + n)]
        return [copy(number) for number in range(start, start + n)], sign_batch(texts)[0]

    whole, rolled = ClusterIndex(), ClusterIndex()
    for index in (whole, rolled):
        index.add_batch(*batch(0, 200))
    since = rolled.added
    gone, signatures = batch(200, 40)
    rolled.add_batch([*batch(0, 1)[0], *gone], np.concatenate([batch(0, 1)[1], signatures]))
    for index in (whole, rolled):
        index.add_batch(*batch(240, 60))
    rolled.undo({each.target for each in gone} | {"post-0"}, since=since)
    for index in (whole, rolled):
        found = index.add_batch(*batch(300, 60))
        members = {target for cluster in found if cluster is not None for target in cluster.members}
        assert members.isdisjoint(each.target for each in gone)
    again = [
        [
            (cluster.cluster_id, sorted(cluster.members), cluster.channels)
            for cluster in index.add_batch(*batch(0, 360))
            if cluster
        ]
        for index in (whole, rolled)
    ]
    assert again[0] == again[1]
    assert any("post-200" in members for _, members, _ in again[1]), "what comes again counts again"


def test_a_copy_that_was_undone_leaves_no_cluster_of_one() -> None:
    index = ClusterIndex()
    row = signed(SCAM)
    join(index, copy(0), row)
    since = index.added
    assert join(index, copy(1), row) is not None
    index.undo({"post-1"}, since=since)
    assert join(index, copy(0), row) is None
    joined = join(index, copy(2), row)
    assert joined is not None
    assert (joined.cluster_id, sorted(joined.members)) == ("post-0", ["post-0", "post-2"])


class OneByOne(ClusterIndex):
    """An index that takes no batch at once."""

    def _are_new(self, copies: Sequence[Copy], keys: Hashes) -> bool:
        return False


def told(cluster: Cluster | None) -> tuple[object, ...] | None:
    if cluster is None:
        return None
    return cluster.cluster_id, list(cluster.members), cluster.channels, cluster.is_campaign


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), texts=st.integers(1, 60), size=st.sampled_from([16, 40, 300]))
def test_a_batch_joins_what_the_same_posts_join_one_by_one(seed: int, texts: int, size: int) -> None:
    """Copies, near copies, posts that come again or are undone, a window that moves, an index that grows within."""
    rng = random.Random(seed)
    made = [random_text(rng) for _ in range(texts)]
    posts: list[tuple[Copy, str]] = []
    for number in range(600):
        text = rng.choice(made) if rng.random() < 0.5 else random_text(rng)
        if rng.random() < 0.3:
            text = text.replace("a", "b", 3)
        again = rng.choice(posts) if posts and rng.random() < 0.005 else None
        posts.append(again or (copy(number, channel=f"c{number % 7}", at=NOW + number), text))
    one, many = (kind(max_age_s=400, max_posts=500) for kind in (OneByOne, ClusterIndex))
    rows = sign_batch([text for _, text in posts])[0]
    for start in range(0, len(posts), size):
        some = [each for each, _ in posts[start : start + size]]
        alone, together = (index.add_batch(some, rows[start : start + size]) for index in (one, many))
        assert list(map(told, together)) == list(map(told, alone))
        assert (len(one), one.added) == (len(many), many.added)
        if rng.random() < 0.2:
            gone = {each.target for each in some[::3]}
            for index in (one, many):
                index.undo(gone, since=index.added - len(some))


def test_chains_longer_than_all_steps_are_followed_to_their_end() -> None:
    """A flood of copies lies before others that share nothing but the bucket."""
    bands, rng = BandIndex(), np.random.default_rng(1)
    rows = rng.integers(0, 2**32, (FIRST_SIZE, VALUES), dtype=np.uint32)
    rows[1:200] = rows[0]
    slots = bands.add_many(rows, hash_bands(rows))
    keys = hash_bands(rows)
    own = bands.find_many(keys)
    assert [own[row] for row in range(len(rows))] == [bands.find(row) for row in keys.tolist()]
    # Another print in the flood's buckets: every entry of theirs is passed over.
    other = keys[:1] ^ np.uint64(1 << 63)
    assert bands.find_many(np.repeat(other, 2, axis=0)) == {}
    assert bands.find(other[0].tolist()) == []
    assert bands.find_before(slots, keys).get(199) == list(range(191, 199))


def test_what_was_undone_is_not_found_again_once_the_index_grew() -> None:
    index = ClusterIndex()
    join(index, copy(0), signed(SCAM))
    index.undo({"post-0"}, since=0)
    rng = random.Random(3)
    texts = [random_text(rng) for _ in range(FIRST_SIZE)]
    index.add_batch([copy(number) for number in range(1, FIRST_SIZE + 1)], sign_batch(texts)[0])
    assert len(index) > FIRST_SIZE
    assert join(index, copy(999), signed(SCAM)) is None
    assert join(index, copy(1000), signed(texts[0])) is not None
