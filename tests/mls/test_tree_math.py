"""Relations of the array tree that hold for every node, beside the official vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.mls.tree import tree_math

WIDTHS = st.integers(0, 10).map(lambda power: 1 << power)


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int, int]:
    leaves = draw(WIDTHS)
    node = st.integers(0, tree_math.node_count(leaves) - 1)
    return leaves, draw(node), draw(node)


@given(places())
def test_children_and_parents_agree(place: tuple[int, int, int]) -> None:
    leaves, node, _ = place
    if tree_math.level(node):
        assert tree_math.parent(tree_math.left(node), leaves) == node
        assert tree_math.parent(tree_math.right(node), leaves) == node
        assert tree_math.sibling(tree_math.left(node), leaves) == tree_math.right(node)
        first, last = tree_math.leaf_range(node)
        assert last - first + 1 == 1 << tree_math.level(node)
    else:
        with pytest.raises(ValueError, match="children"):
            tree_math.left(node)


@given(places())
def test_paths_lead_to_the_root(place: tuple[int, int, int]) -> None:
    leaves, node, other = place
    path, beside = tree_math.direct_path(node, leaves), tree_math.copath(node, leaves)
    assert len(path) == len(beside)
    assert [*path, node][-1 if not path else len(path) - 1] == tree_math.root(leaves)
    for above, sibling in zip(path, beside, strict=True):
        assert tree_math.is_below(node, above)
        assert tree_math.parent(sibling, leaves) == above
        assert not tree_math.is_below(node, sibling)
    assert tree_math.is_below(node, other) == (other in path)


@given(places())
def test_common_ancestor_is_the_lowest(place: tuple[int, int, int]) -> None:
    leaves, one, other = place
    ones = (one, *tree_math.direct_path(one, leaves))
    others = {other, *tree_math.direct_path(other, leaves)}
    expected = next(node for node in ones if node in others)
    assert tree_math.common_ancestor(one, other) == expected
    assert tree_math.common_ancestor(other, one) == expected


@given(st.integers(0, 5000))
def test_full_width_is_the_next_power_of_two(leaves: int) -> None:
    width = tree_math.full_leaves(leaves)
    assert width >= max(1, leaves)
    assert width & (width - 1) == 0
    assert width == 1 or width // 2 < leaves


@pytest.mark.parametrize(("node", "leaves"), [(0, 3), (1, 1), (15, 8), (-1, 8)])
def test_no_path_outside_of_a_tree(node: int, leaves: int) -> None:
    with pytest.raises(ValueError, match="no such node"):
        tree_math.direct_path(node, leaves)
