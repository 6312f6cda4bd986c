"""Standalone proposals of others: none of them may keep a member from committing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.scenes import TITLE, scene

from zajil import mls
from zajil.mls.tree.treekem import PrivateKeys


def own_update(actor_key: bytes) -> tuple[mls.Update, bytes]:
    """Alice's Update to that encryption key, as a message of hers."""
    s = scene()
    epoch, own = s.alice.group.current, s.alice.group.current.own_leaf_node
    leaf = mls.LeafNode(
        actor_key, own.signature_key, own.credential, own.capabilities, mls.LeafSource.UPDATE, own.extensions
    ).signed(s.alice.env.signer, group_id=epoch.context.group_id, leaf=epoch.own_leaf)
    return mls.Update(leaf), forge.message(s.alice, mls.Update(leaf))


@pytest.mark.parametrize("key", [b"\1" * 31, bytes(32), b""], ids=["short", "low order", "empty"])
def test_update_nobody_could_encrypt_to(key: bytes) -> None:
    s = scene()
    with pytest.raises(mls.Invalid, match="L5"):
        s.bob.group.receive(s.bob.env, own_update(key)[1])


def received(*proposals: tuple[str, mls.Proposal]) -> mls.Group:
    """Bob's group with proposals of others pending."""
    s = scene()
    group, env = s.bob.group, {"alice": s.alice.env, "carol": s.carol.env}
    groups = {"alice": s.alice.group, "carol": s.carol.group}
    for name, proposal in proposals:
        groups[name], message = groups[name].propose(env[name], proposal)
        group, event = group.receive(s.bob.env, message)
        assert isinstance(event, mls.Proposed)
    return group


def test_proposals_that_do_not_fit_together_are_left_out() -> None:
    s = scene()
    first, second = (mls.parse_key_package(s.erin.key_package()) for _ in range(2))
    group = received(
        ("alice", mls.Add(first)),
        ("carol", mls.Add(second)),
        ("alice", mls.SetExtensions(())),
        ("carol", mls.SetExtensions((TITLE,))),
        ("carol", mls.Remove(s.bob.group.own_leaf)),
    )
    with pytest.raises(mls.PendingProposals):
        group.encrypt(s.bob.env, b"text")
    _, staged = group.commit(s.bob.env)
    assert [member.leaf_node for member in staged.added] == [first.leaf_node]
    assert staged.extensions == ()
    assert staged.removed == ()
    staged.apply().encrypt(s.bob.env, b"text")


def test_own_proposals_come_before_those_of_others() -> None:
    s = scene()
    package = mls.parse_key_package(s.erin.key_package())
    group = received(("alice", mls.SetExtensions(())))
    _, staged = group.commit(s.bob.env, [mls.Add(package), mls.SetExtensions((TITLE,))])
    assert staged.extensions == (TITLE,)
    with pytest.raises(mls.Invalid, match="P5"):
        group.commit(s.bob.env, [mls.SetExtensions((TITLE,)), mls.SetExtensions(())])


def test_saved_leaf_outside_of_the_tree() -> None:
    group = scene().bob.group
    for leaf in (77, group.own_leaf + 1000):
        moved = replace(group.current, private=PrivateKeys(leaf, group.current.private.keys))
        with pytest.raises(mls.DecodeError):
            mls.load(mls.save(replace(group, current=moved)))


def test_removed_state_whose_place_is_taken_loads() -> None:
    s = scene()
    package = mls.parse_key_package(s.erin.key_package())
    _, staged = s.alice.group.commit(s.alice.env, [mls.Remove(s.bob.group.own_leaf), mls.Add(package)])
    assert staged.added[0].leaf == s.bob.group.own_leaf
    _, event = s.bob.group.receive(s.bob.env, staged.message or b"")
    assert isinstance(event, mls.Staged)
    removed = event.apply()
    assert removed.state == mls.State.REMOVED
    assert mls.load(mls.save(removed)) == removed
