"""Signatures against their definition, against datasketch, and against what they estimate."""

from __future__ import annotations

import random

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.moderation.match.minhash import (
    FACTORS,
    MASKS,
    MIN_CHARACTERS,
    VALUES,
    estimate_jaccard,
    find_grams,
    hash_windows,
    sign_batch,
    split_mix,
    true_jaccard,
)

P, M, MASK = 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 2**64 - 1
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي")


def window_hashes(text: str) -> list[int]:
    """The 32-bit hashes of the windows, the slow way."""
    hashes = []
    for start in range(len(text) - 4):
        h = 0
        for character in text[start : start + 5]:
            h = (h * P + ord(character) + 1) & MASK
        h ^= h >> 33
        h = h * M & MASK
        hashes.append((h ^ h >> 29) >> 32)
    return hashes


def pair_of_texts(rng: random.Random) -> tuple[str, str]:
    """A text of 8 to 40 words and a copy with a share of its words exchanged, from none to all."""
    alphabet = rng.choice(ALPHABETS)
    words = ["".join(rng.choices(alphabet, k=rng.randint(2, 9))) for _ in range(rng.randint(8, 40))]
    share = rng.random() ** 2
    other = ["".join(rng.choices(alphabet, k=5)) if rng.random() < share else word for word in words]
    return " ".join(words), " ".join(other)


def test_split_mix_gives_the_published_values() -> None:
    """Source: the reference values for seed 1234567 that implementations of SplitMix64 are checked with."""
    assert split_mix(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert (FACTORS % 2 == 1).all()
    assert len(set(FACTORS.tolist())) == len(set(MASKS.tolist())) == VALUES


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), max_size=5))
def test_windows_never_cross_texts(texts: list[str]) -> None:
    grams, counts = hash_windows(texts)
    assert counts.tolist() == [max(len(text) - 4, 0) for text in texts]
    assert grams.tolist() == [h for text in texts for h in window_hashes(text)]


def test_signatures_are_the_minima_of_their_definition() -> None:
    rng = random.Random(3)
    texts = [pair_of_texts(rng)[0] for _ in range(20)]
    signatures, places = sign_batch(["short", *texts, "x" * (MIN_CHARACTERS - 1)])
    assert places.tolist() == list(range(1, 21))
    for text, signature in zip(texts, signatures, strict=True):
        hashes = window_hashes(text)
        for k in range(VALUES):
            factor, mask = int(FACTORS[k]), int(MASKS[k])
            assert signature[k] == min((h * factor % 2**32) ^ mask for h in hashes)


def test_no_text_is_long_enough() -> None:
    signatures, places = sign_batch(["short", ""])
    assert signatures.shape == (0, VALUES)
    assert places.tolist() == []
    assert sign_batch([])[0].shape == (0, VALUES)


@pytest.mark.slow
def test_estimates_are_as_good_as_the_promise_and_as_datasketch() -> None:
    rng = random.Random(1)
    pairs = [pair for pair in (pair_of_texts(rng) for _ in range(1400)) if min(map(len, pair)) >= MIN_CHARACTERS][:1000]
    assert len(pairs) == 1000
    ones, _ = sign_batch([one for one, _ in pairs])
    others, _ = sign_batch([other for _, other in pairs])
    true = np.array([true_jaccard(find_grams(one), find_grams(other)) for one, other in pairs])
    sets = [[{text[i : i + 5] for i in range(len(text) - 4)} for text in pair] for pair in pairs]
    assert np.allclose(true, [len(a & b) / len(a | b) for a, b in sets])
    assert min(np.histogram(true, bins=5, range=(0, 1))[0]) > 50, "pairs of every likeness"
    errors = np.abs(estimate_jaccard(ones, others) - true)
    assert errors.mean() < 0.06
    assert errors.max() <= 0.25
    foreign = np.array([_estimate_by_datasketch(a, b) for a, b in sets])
    assert errors.mean() < np.abs(foreign - true).mean() + 0.01


def _estimate_by_datasketch(one: set[str], other: set[str]) -> float:
    hashes = [MinHash(num_perm=VALUES) for _ in range(2)]
    for minhash, grams in zip(hashes, (one, other), strict=True):
        minhash.update_batch([gram.encode() for gram in grams])
    return float(hashes[0].jaccard(hashes[1]))


def test_true_jaccard_of_nothing_is_nothing() -> None:
    assert true_jaccard(find_grams(""), find_grams("abc")) == 0.0
    assert true_jaccard(find_grams("abcdefg"), find_grams("abcdefg")) == 1.0
