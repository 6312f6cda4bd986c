"""Rules X1 and X2: a client lets itself in by an external Commit, where the policy allows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from tests.mls import forge
from tests.mls.actors import SUITES, Actor
from tests.mls.forge import OUTSIDE, Framing, flipped
from tests.mls.scenes import TITLE, judge, refused, scene

from zajil import mls
from zajil.mls.messages.group_info import GroupInfo, parse_group_info
from zajil.mls.messages.proposals import Add, ExternalInit, Proposal, ProposalRef, Remove, SetExtensions

OPEN = mls.Policy(external_commits=True)
Listed = list[Proposal | ProposalRef]


def info(suite: int = 1) -> GroupInfo:
    alice = scene(suite).alice
    return parse_group_info(alice.group.group_info(replace(alice.env, policy=OPEN)))


def judge_external(message: bytes, *, policy: mls.Policy = OPEN) -> object:
    return judge(scene().bob, message, policy=policy)


@pytest.mark.parametrize("suite", SUITES)
def test_honest_external_commit_passes(suite: int) -> None:
    s = scene(suite)
    forged = forge.external_commit(s.erin, info(suite))
    for receiver in (s.alice, s.bob, s.dave):
        event = judge(receiver, forged.message, policy=OPEN)
        assert isinstance(event, mls.Staged)
        assert event.apply().context == forged.context
        assert event.committer == 2
        assert [member.leaf for member in event.added] == [2]


def test_honest_resync_passes() -> None:
    s = scene()
    event = judge_external(forge.external_commit(s.carol, info(), removes=[3]).message)
    assert isinstance(event, mls.Staged)
    assert ([member.leaf for member in event.removed], event.committer) == ([3], 2)


def test_x1_policy() -> None:
    message = forge.external_commit(scene().erin, info()).message
    with refused("F2"):
        judge_external(message, policy=mls.Policy())
    with refused("X1"):
        judge_external(message, policy=mls.Policy(public_handshakes=True))


def without_init(listed: Listed) -> Listed:
    return listed[1:]


def twice(listed: Listed) -> Listed:
    return [listed[0], *listed]


@pytest.mark.parametrize("change", [without_init, twice], ids=["none", "two"])
def test_x1_external_init(change: Callable[[Listed], Listed]) -> None:
    with refused("X1"):
        judge_external(forge.external_commit(scene().erin, info(), proposals=change).message)


def with_item(item: Proposal | ProposalRef, listed: Listed) -> Listed:
    return [*listed, item]


def test_x1_other_proposals() -> None:
    s = scene()
    extra: list[Proposal | ProposalRef] = [
        Add(mls.parse_key_package(s.frank.key_package())),
        SetExtensions((TITLE,)),
        forge.update(s.carol),
        ProposalRef(bytes(32)),
    ]
    for item in extra:
        with refused("X1"):
            judge_external(forge.external_commit(s.erin, info(), proposals=partial(with_item, item)).message)


def test_x1_remove_of_another_client() -> None:
    with refused("X1"):
        judge_external(forge.external_commit(scene().erin, info(), removes=[3]).message)


def test_x1_two_removes() -> None:
    with refused("X1"):
        judge_external(forge.external_commit(scene().carol, info(), removes=[3, 1]).message)


def test_x1_present_client_without_its_remove() -> None:
    s = scene()
    double = Actor(s.directory, suite=1, identity=b"x1 double of carol")
    s.directory.aliases[double.identity] = b"carol"
    with refused("X1"):
        judge_external(forge.external_commit(double, info()).message)


def test_x1_kem_output() -> None:
    def bent(listed: Listed) -> Listed:
        return [ExternalInit(b"short"), *listed[1:]]

    with refused("X1"):
        judge_external(forge.external_commit(scene().erin, info(), proposals=bent).message)


def test_x1_sealed_to_another_epoch() -> None:
    """The kem_output opens to another secret: everything fits but the confirmation."""

    def bent(listed: Listed) -> Listed:
        first = listed[0]
        assert isinstance(first, ExternalInit)
        return [ExternalInit(flipped(first.kem_output)), *listed[1:]]

    with refused("C7"):
        judge_external(forge.external_commit(scene().erin, info(), proposals=bent).message)


def test_x2_no_path() -> None:
    with refused("X2"):
        judge_external(forge.external_commit(scene().erin, info(), replace(OUTSIDE, path=False)).message)


def test_x2_signature() -> None:
    s = scene()
    for framing in (
        Framing(membership=lambda _: None, signature=flipped),
        Framing(membership=lambda _: None, signer=s.carol.env.signer),
    ):
        with refused("X2"):
            judge_external(forge.external_commit(s.erin, info(), replace(OUTSIDE, framing=framing)).message)


def test_x2_not_the_leftmost_blank_leaf() -> None:
    """Everybody else computes another place, for which the path's leaf is not signed."""
    with pytest.raises(mls.Invalid) as caught:
        judge_external(forge.external_commit(scene().erin, info(), leaf=5).message)
    assert caught.value.rule in {"X2", "L2", "C4"}


def test_f6_membership_tag_on_an_external_commit() -> None:
    framing = Framing(membership=lambda _: bytes(32))
    with refused("F6"):
        judge_external(forge.external_commit(scene().erin, info(), replace(OUTSIDE, framing=framing)).message)


def test_f8_external_commit_without_tag() -> None:
    framing = Framing(membership=lambda _: None, tag=lambda _: None)
    with refused("F8"):
        judge_external(forge.external_commit(scene().erin, info(), replace(OUTSIDE, framing=framing)).message)


def test_l1_external_commit_of_a_stranger() -> None:
    s = scene()
    stranger = s.actor(b"x stranger")
    message = forge.external_commit(stranger, info()).message
    assert isinstance(judge_external(message), mls.Staged)
    del s.directory.keys[stranger.identity]
    with refused("L1"):
        judge_external(message)


def test_p7_external_remove_of_a_blank_leaf() -> None:
    def bent(listed: Listed) -> Listed:
        return [*listed, Remove(6)]

    with pytest.raises(mls.Invalid, match=r"P7|X1"):
        judge_external(forge.external_commit(scene().erin, info(), proposals=bent).message)
