"""Rules P1 to P10: which proposals may stand in one Commit, as received and as we would create it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.actors import Actor
from tests.mls.forge import Faults
from tests.mls.scenes import TITLE, judge, refused, scene

from zajil import mls
from zajil.mls.messages.extensions import Extension, RequiredCapabilities
from zajil.mls.messages.proposals import (
    Add,
    ExternalInit,
    Proposal,
    ProposalRef,
    Psk,
    Remove,
    SetExtensions,
    UnknownProposal,
)
from zajil.mls.messages.reinit import ReInit
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.tree.tree import Tree

PATH = Faults(path=True)
SECRET = b"a pre-shared key"


def add(actor: Actor) -> Add:
    return Add(mls.parse_key_package(actor.key_package()))


def judge_list(proposals: Sequence[Proposal], faults: Faults = PATH) -> object:
    s = scene()
    return judge(s.bob, forge.commit(s.alice, proposals, faults).message)


def refuse(rule: str, proposals: Sequence[Proposal]) -> None:
    """Refused when received and when we try to send it."""
    alice = scene().alice
    with refused(rule):
        judge_list(proposals)
    with refused(rule):
        alice.group.commit(alice.env, proposals)


def refuse_received(rule: str, proposals: Sequence[Proposal], faults: Faults = PATH) -> None:
    with refused(rule):
        judge_list(proposals, faults)


def listening(*said: tuple[Actor, Proposal]) -> tuple[Actor, list[bytes]]:
    """Bob after he heard standalone proposals, and their references."""
    bob, references = scene().bob.copy(), []
    speakers: dict[bytes, Actor] = {}
    for actor, proposal in said:
        speaker = speakers.get(actor.identity, actor)
        message, reference = forge.proposal(speaker, proposal)
        speakers[actor.identity] = forge.after_handshake(speaker)
        bob.group, event = bob.group.receive(bob.env, message)
        assert isinstance(event, mls.Proposed)
        references.append(reference)
    return bob, references


def judge_references(*said: tuple[Actor, Proposal], by_value: Sequence[Proposal] = ()) -> object:
    """Alice's Commit of what others said, as bob sees it."""
    alice = scene().alice
    bob, references = listening(*said)
    known = {
        reference: (proposal, speaker.group.own_leaf)
        for reference, (speaker, proposal) in zip(references, said, strict=True)
    }
    if any(speaker is alice for speaker, _ in said):
        alice = forge.after_handshake(alice)
    listed = [*(ProposalRef(reference) for reference in references), *by_value]
    return judge(bob, forge.commit(alice, listed, PATH, known=known).message)


def test_honest_lists_pass() -> None:
    s = scene()
    assert isinstance(judge_list([Remove(3), add(s.erin), SetExtensions((TITLE,))]), mls.Staged)
    event = judge_references((s.carol, forge.update(s.carol)), (s.dave, Remove(4)), by_value=[add(s.erin)])
    assert isinstance(event, mls.Staged)


def test_p1_remove_of_the_committer() -> None:
    refuse("P1", [Remove(0)])


def test_p1_update_by_the_committer() -> None:
    s = scene()
    with refused("P1"):
        judge_references((s.alice, forge.update(s.alice)))


def test_p2_remove_twice() -> None:
    refuse("P2", [Remove(3), Remove(3)])


def test_p2_update_twice() -> None:
    s = scene()
    with refused("P2"):
        judge_references((s.carol, forge.update(s.carol)), (s.carol, forge.update(s.carol)))


def test_p2_update_and_remove() -> None:
    s = scene()
    with refused("P2"):
        judge_references((s.carol, forge.update(s.carol)), by_value=[Remove(s.carol.group.own_leaf)])


def test_p3_two_adds_of_one_client() -> None:
    refuse("P3", [add(scene().erin), add_again(scene().erin)])


def add_again(actor: Actor) -> Add:
    """Another package of the same client under another signature key, so that only the client is the same."""
    s = scene()
    double = Actor(s.directory, suite=1, identity=b"double of " + actor.identity)
    package = forge.key_package(
        double, leaf=lambda leaf: replace(leaf, credential=mls.basic_credential(b"double of " + actor.identity))
    )
    s.directory.aliases[double.identity] = actor.identity
    return Add(package)


def test_p3_add_of_a_present_client() -> None:
    refuse("P3", [add_again(scene().carol)])


def test_p3_with_its_remove_passes() -> None:
    carol = scene().carol
    assert isinstance(judge_list([add_again(carol), Remove(carol.group.own_leaf)]), mls.Staged)


def psk(nonce: bytes = bytes(32), *, name: bytes = b"known") -> PreSharedKeyId:
    return PreSharedKeyId(ExternalPsk(name), nonce)


def judge_psks(*ids: PreSharedKeyId) -> object:
    s = scene()
    bob = s.bob.copy()
    bob.env = replace(bob.env, psks={b"known": SECRET, b"other": SECRET})
    return judge(bob, forge.commit(s.alice, [Psk(i) for i in ids], psks=[(i, SECRET) for i in ids]).message)


def test_p4_psks_pass() -> None:
    assert isinstance(judge_psks(psk(), psk(name=b"other")), mls.Staged)


@pytest.mark.parametrize(
    "ids",
    [
        (psk(name=b"unknown"),),
        (psk(), psk(bytes(range(32)))),
        (psk(bytes(31)),),
        (psk(b""),),
        (PreSharedKeyId(ResumptionPsk(ResumptionUsage.REINIT, b"g" * 63, 1), bytes(32)),),
        (PreSharedKeyId(ResumptionPsk(ResumptionUsage.BRANCH, b"g" * 63, 1), bytes(32)),),
        (PreSharedKeyId(ResumptionPsk(ResumptionUsage.APPLICATION, b"another", 1), bytes(32)),),
    ],
    ids=["unknown", "twice", "short nonce", "no nonce", "reinit", "branch", "another group"],
)
def test_p4_psk(ids: tuple[PreSharedKeyId, ...]) -> None:
    with refused("P4"):
        judge_psks(*ids)


def test_p5_two_lists() -> None:
    refuse("P5", [SetExtensions((TITLE,)), SetExtensions((TITLE,))])


def test_p5_type_twice() -> None:
    refuse("P5", [SetExtensions((TITLE, TITLE))])


def test_p5_not_supported_by_a_member() -> None:
    refuse("P5", [SetExtensions((Extension(0xF0B0, b""),))])


def test_p6_reinit_with_others() -> None:
    reinit = ReInit(b"successor", 1, 1, ())
    refuse_received("P6", [reinit, add(scene().erin)])
    refuse_received("P6", [reinit, Remove(3)])


def test_p6_external_init_by_a_member() -> None:
    refuse_received("P6", [ExternalInit(bytes(32))])


@pytest.mark.parametrize("leaf", [2, 6, 7, 8, 2**32 - 1])
def test_p7_remove_of_a_blank_leaf(leaf: int) -> None:
    s = scene()
    assert forge.inside(s.alice.group).tree.find_leaf(leaf) is None
    refuse("P7", [Remove(leaf)])


def test_p7_update_by_value() -> None:
    s = scene()
    refuse_received("P7", [forge.update(s.carol)])


def test_p8_unknown_type() -> None:
    refuse_received("P8", [UnknownProposal(0xF123, b"data")])


def test_p9_unknown_reference() -> None:
    s = scene()
    message = forge.commit(s.alice, [ProposalRef(bytes(32))], PATH, known={bytes(32): (Remove(3), 0)}).message
    with refused("P9"):
        judge(s.bob, message)


def test_p9_reference_of_the_epoch_before() -> None:
    s = scene()
    bob, (reference,) = listening((s.dave, Remove(3)))
    alice = s.alice.copy()
    between = forge.commit(s.carol)
    alice.receive(between.message)
    bob.receive(between.message)
    message = forge.commit(alice, [ProposalRef(reference)], PATH, known={reference: (Remove(3), 4)}).message
    with refused("P9"):
        judge(bob, message)
    honest = forge.commit(alice, [Remove(3)]).message
    assert isinstance(judge(bob, honest), mls.Staged)


def test_p9_reference_twice() -> None:
    s = scene()
    bob, (reference,) = listening((s.dave, Remove(3)))
    known: dict[bytes, tuple[Proposal, int]] = {reference: (Remove(3), 4)}
    twice = [ProposalRef(reference), ProposalRef(reference)]
    with pytest.raises(mls.Invalid, match=r"P2|P9"):
        judge(bob, forge.commit(s.alice, twice, PATH, known=known).message)


def test_p10_capabilities_raised_above_a_member() -> None:
    for required in (
        RequiredCapabilities(extensions=(0xF0B0,)),
        RequiredCapabilities(proposals=(0xF123,)),
        RequiredCapabilities(credentials=(2,)),
    ):
        refuse("P10", [SetExtensions((required.extension(),))])


def test_p10_added_leaf_is_judged_by_the_new_extensions() -> None:
    """Whoever joins in the same Commit must support what it sets."""
    s = scene()
    poor = forge.key_package(
        s.erin, leaf=lambda leaf: replace(leaf, capabilities=replace(leaf.capabilities, extensions=(0xF0A0,)))
    )
    with pytest.raises(mls.Invalid, match=r"L3|P5"):
        judge_list([Add(poor), SetExtensions((TITLE, Extension(0xF0A1, b"")))])


def test_p10_add_listed_before_remove_passes() -> None:
    """The order of the list does not matter: the Remove is applied first, the Add takes the leftmost blank leaf."""
    s = scene()
    event = judge_list([add(s.erin), Remove(3)])
    assert isinstance(event, mls.Staged)
    assert [member.leaf for member in event.added] == [2]


def test_p10_add_applied_before_remove() -> None:
    """A committer that applies them in the order of the list has another tree than everybody else."""
    s = scene()
    newcomer, other = add(s.erin), add(s.frank)

    def wrong(_tree: Tree) -> Tree:
        tree, _ = forge.inside(s.alice.group).tree.add_all(
            [newcomer.key_package.leaf_node, other.key_package.leaf_node]
        )
        return tree.remove(1)

    message = forge.commit(s.alice, [newcomer, other, Remove(1)], Faults(tree=wrong)).message
    with pytest.raises(mls.Invalid):
        judge(s.carol, message)
    honest = forge.commit(s.alice, [newcomer, other, Remove(1)]).message
    assert isinstance(judge(s.carol, honest), mls.Staged)


def test_p10_leaf_limit() -> None:
    s = scene()
    adds = [add(s.erin), add(s.frank)]
    message = forge.commit(s.alice, adds).message
    full, roomy = mls.Policy(max_leaves=5), mls.Policy(max_leaves=6)
    with pytest.raises(mls.TooManyLeaves):
        judge(s.bob, message, policy=full)
    with pytest.raises(mls.TooManyLeaves):
        s.alice.group.commit(replace(s.alice.env, policy=full), adds)
    assert isinstance(judge(s.bob, message, policy=roomy), mls.Staged)
    assert s.alice.group.commit(replace(s.alice.env, policy=roomy), adds)
