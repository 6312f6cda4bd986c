"""Official vectors: crypto-basics, deserialization, tree-math."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil.mls.errors import CryptoError
from zajil.mls.primitives import crypto
from zajil.mls.primitives.codec import Reader, encode_varint
from zajil.mls.primitives.suites import suite_of
from zajil.mls.tree import tree_math

pytestmark = pytest.mark.vectors


@vectors.cases("crypto-basics")
def test_crypto_basics(index: int) -> None:
    vector = vectors.load("crypto-basics")[index]
    suite = suite_of(vector["cipher_suite"])

    case = vector["ref_hash"]
    assert crypto.ref_hash(suite, case["label"].encode(), unhex(case["value"])) == unhex(case["out"])

    case = vector["expand_with_label"]
    expanded = crypto.expand_with_label(
        suite, unhex(case["secret"]), case["label"].encode(), unhex(case["context"]), case["length"]
    )
    assert expanded == unhex(case["out"])

    case = vector["derive_secret"]
    assert crypto.derive_secret(suite, unhex(case["secret"]), case["label"].encode()) == unhex(case["out"])

    case = vector["derive_tree_secret"]
    derived = crypto.derive_tree_secret(
        suite, unhex(case["secret"]), case["label"].encode(), generation=case["generation"], length=case["length"]
    )
    assert derived == unhex(case["out"])

    check_signature(index)
    check_encryption(index)


def check_signature(index: int) -> None:
    vector = vectors.load("crypto-basics")[index]
    suite, case = suite_of(vector["cipher_suite"]), vector["sign_with_label"]
    public, content, label = unhex(case["pub"]), unhex(case["content"]), case["label"].encode()
    signer, derived_public = crypto.make_signer(suite, unhex(case["priv"]))
    assert derived_public == public
    fresh = crypto.sign_with_label(signer, label, content)
    for signature in (unhex(case["signature"]), fresh):
        crypto.verify_with_label(suite, public, label=label, content=content, signature=signature)
        with pytest.raises(CryptoError):
            crypto.verify_with_label(suite, public, label=label, content=content + b"x", signature=signature)


def check_encryption(index: int) -> None:
    vector = vectors.load("crypto-basics")[index]
    suite, case = suite_of(vector["cipher_suite"]), vector["encrypt_with_label"]
    label, context, plaintext = case["label"].encode(), unhex(case["context"]), unhex(case["plaintext"])
    given = crypto.HpkeCiphertext(unhex(case["kem_output"]), unhex(case["ciphertext"]))
    fresh = crypto.encrypt_with_label(
        suite, unhex(case["pub"]), label=label, context=context, plaintext=plaintext, rng=lambda size: b"\x07" * size
    )
    for sealed in (given, fresh):
        opened = crypto.decrypt_with_label(suite, unhex(case["priv"]), label=label, context=context, sealed=sealed)
        assert opened == plaintext


@vectors.cases("deserialization")
def test_deserialization(index: int) -> None:
    vector = vectors.load("deserialization")[index]
    header = unhex(vector["vlbytes_header"])
    assert Reader(header).varint() == vector["length"]
    assert encode_varint(vector["length"]) == header


def or_none(function: Callable[[int], int], node: int) -> int | None:
    try:
        return function(node)
    except ValueError:
        return None


@vectors.cases("tree-math")
def test_tree_math(index: int) -> None:
    vector = vectors.load("tree-math")[index]
    leaves = vector["n_leaves"]
    assert tree_math.node_count(leaves) == vector["n_nodes"]
    assert tree_math.root(leaves) == vector["root"]
    nodes = range(vector["n_nodes"])
    assert [or_none(tree_math.left, node) for node in nodes] == vector["left"]
    assert [or_none(tree_math.right, node) for node in nodes] == vector["right"]
    assert [or_none(lambda n: tree_math.parent(n, leaves), node) for node in nodes] == vector["parent"]
    assert [or_none(lambda n: tree_math.sibling(n, leaves), node) for node in nodes] == vector["sibling"]


def test_vector_counts_add_up() -> None:
    assert sum(vectors.COUNTS.values()) == vectors.TOTAL
    for name in vectors.COUNTS:
        vectors.load(name)
