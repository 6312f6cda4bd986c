"""The budget of unfinished messages: whoever holds most lets go first, and sums never drift."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zajil.server.gateway.unfinished import Unfinished


def test_the_largest_of_the_prefix_that_holds_most_lets_go() -> None:
    """Many small ones of one machine count together; a single large message from elsewhere is not theirs to end."""
    held: Unfinished[int] = Unfinished(1000)
    held.note(1, b"honest", 500)
    for holder in range(2, 8):
        held.note(holder, b"flood", 100 + holder)
    assert held.over
    assert held.greediest() == 7
    held.drop(7)
    assert not held.over or held.greediest() == 6
    held.note(1, b"honest", 0)
    assert not held.over
    held.note(2, b"flood", 0)
    held.drop(2)
    held.drop(99)


def test_nobody_lets_go_of_nothing() -> None:
    held: Unfinished[int] = Unfinished(0)
    assert held.greediest() is None
    assert not held.over


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([b"a", b"b", b"c"]), st.integers(-3, 50)), max_size=60))
def test_sums_are_those_of_what_is_held(steps: list[tuple[int, bytes, int]]) -> None:
    held: Unfinished[int] = Unfinished(80)
    model: dict[int, tuple[bytes, int]] = {}
    for holder, prefix, size in steps:
        if size < 0:
            held.drop(holder)
            model.pop(holder, None)
        else:
            held.note(holder, prefix, size)
            model.pop(holder, None)
            if size:
                model[holder] = (prefix, size)
        assert held.over == (sum(size for _, size in model.values()) > 80)
        sums = {of: sum(size for prefix, size in model.values() if prefix == of) for of in (b"a", b"b", b"c")}
        found = held.greediest()
        if not model:
            assert found is None
        else:
            assert found is not None
            prefix, size = model[found]
            assert sums[prefix] == max(sums.values())
            assert size == max(size for of, size in model.values() if of == prefix)
