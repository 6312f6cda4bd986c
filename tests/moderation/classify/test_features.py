"""numpy counts what the reference counts, text for text, alone and in a batch."""

from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from tests.moderation.classify import feature_vectors
from tests.moderation.classify.feature_vectors import FILE, TEXTS, count_buckets

from zajil.moderation.classify.features import BUCKETS, hash_features


def row_of(rows: csr_matrix, number: int) -> dict[int, float]:
    one = rows[[number]].copy()
    one.sum_duplicates()
    return dict(zip(one.indices.tolist(), one.data.tolist(), strict=True))


def assert_row(rows: csr_matrix, number: int, text: str) -> None:
    counts = count_buckets(text)
    row = row_of(rows, number)
    assert row.keys() == counts.keys()
    root = math.sqrt(counts.total()) if counts else 1.0
    for bucket, value in row.items():
        # A bucket of a repeated word is the sum of that many float32.
        assert math.isclose(value, counts[bucket] / root, rel_tol=1e-3)


def test_the_vectors_are_what_the_reference_says() -> None:
    assert len(TEXTS) == 40
    assert FILE.read_text(encoding="utf-8") == feature_vectors.render()


def test_a_batch_gives_the_buckets_of_the_vectors() -> None:
    vectors = json.loads(FILE.read_text(encoding="utf-8"))["texts"]
    rows = hash_features([text for text, _ in vectors])
    assert rows.shape == (40, BUCKETS)
    for number, (text, buckets) in enumerate(vectors):
        assert sorted(row_of(rows, number)) == [bucket for bucket, _ in buckets]
        assert_row(rows, number, text)


def test_no_text_is_no_row_and_an_empty_text_an_empty_one() -> None:
    assert hash_features([]).shape == (0, BUCKETS)
    assert hash_features([""]).nnz == hash_features([" "]).nnz == 0
    assert hash_features(["", "abc", ""]).getnnz(axis=1).tolist() == [0, 7, 0]


WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters=" "), max_size=9)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=4))
def test_any_batch_is_its_texts_one_by_one(texts: list[str]) -> None:
    rows = hash_features(texts)
    for number, text in enumerate(texts):
        assert_row(rows, number, text)


def test_rows_are_float32_grouped_by_text_and_the_same_each_time() -> None:
    one, two = hash_features(TEXTS), hash_features(TEXTS)
    assert one.dtype == np.float32
    assert (one.indptr == two.indptr).all()
    assert (one.indices == two.indices).all()
    assert one.data.tobytes() == two.data.tobytes()


def test_a_long_text_counts_as_any_other() -> None:
    text = "ab cd " * 1400 + "x" * 5000
    assert_row(hash_features(["before", text, "after"]), 1, text)
