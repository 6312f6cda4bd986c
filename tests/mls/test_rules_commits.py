"""Rules C1 to C8: the path of a Commit and the epoch it leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.actors import SUITES
from tests.mls.forge import Faults, flipped
from tests.mls.scenes import TITLE, judge, refused, scene

from zajil import mls
from zajil.mls.messages.extensions import Extension
from zajil.mls.messages.group_context import MAX_EPOCH, GroupContext
from zajil.mls.messages.proposals import Add, Proposal, ProposalRef, Remove, SetExtensions
from zajil.mls.primitives.crypto import HpkeCiphertext
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.treekem import UpdatePath, UpdatePathNode

Leaf = Callable[[LeafNode], LeafNode]


def judge_commit(faults: Faults, proposals: Sequence[Proposal] = ()) -> object:
    """Alice's Commit as bob sees it."""
    s = scene()
    return judge(s.bob, forge.commit(s.alice, proposals, faults).message)


def refuse(rule: str, faults: Faults, proposals: Sequence[Proposal] = ()) -> None:
    """Everybody else refuses it alike."""
    s = scene()
    message = forge.commit(s.alice, proposals, faults).message
    for receiver in (s.bob, s.carol, s.dave):
        with refused(rule):
            judge(receiver, message)


@pytest.mark.parametrize("suite", SUITES)
def test_honest_commits_pass(suite: int) -> None:
    s = scene(suite)
    lists: list[list[Proposal]] = [[], [Remove(3)], [SetExtensions((TITLE,))], [Remove(1), SetExtensions(())]]
    for proposals in lists:
        forged = forge.commit(s.alice, proposals)
        event = judge(s.dave, forged.message)
        assert isinstance(event, mls.Staged)
        assert event.apply().context == forged.context


@pytest.mark.parametrize(
    "proposals", [[], [Remove(3)], [SetExtensions((TITLE,))]], ids=["empty", "Remove", "GroupContextExtensions"]
)
def test_c1_no_path(proposals: list[Proposal]) -> None:
    refuse("C1", Faults(path=False), proposals)


def test_c1_update_without_path() -> None:
    s = scene()
    update = forge.update(s.carol)
    message, reference = forge.proposal(s.carol, update)
    bob = s.bob.copy()
    bob.group, _ = s.bob.group.receive(s.bob.env, message)
    known: dict[bytes, tuple[Proposal, int]] = {reference: (update, 3)}
    with refused("C1"):
        judge(bob, forge.commit(s.alice, [ProposalRef(reference)], Faults(path=False), known=known).message)


def test_c1_path_where_none_is_needed_passes() -> None:
    s = scene()
    add = Add(mls.parse_key_package(s.erin.key_package()))
    assert isinstance(judge_commit(Faults(path=True), [add]), mls.Staged)


def test_c2_source_of_the_path_leaf() -> None:
    refuse("C2", Faults(leaf=lambda leaf: replace(leaf, source=LeafSource.UPDATE, parent_hash=None)))


def test_c2_key_package_leaf() -> None:
    lived: Leaf = lambda leaf: replace(  # noqa: E731
        leaf, source=LeafSource.KEY_PACKAGE, parent_hash=None, lifetime=mls.Lifetime(0, 2**40)
    )
    refuse("C2", Faults(leaf=lived))


def other_keys(key: bytes, *, node: int | None = None) -> Callable[[dict[int, bytes]], dict[int, bytes]]:
    """The key in place of the highest path node's, or of another one's."""
    return lambda keys: {**keys, (max(keys) if node is None else node): key}


def test_c3_key_of_another_leaf_in_the_path() -> None:
    s = scene()
    tree = forge.inside(s.alice.group).tree
    for leaf in (1, 3, 4, 0):
        found = tree.find_leaf(leaf)
        assert found is not None
        refuse("C3", Faults(path_keys=other_keys(found.encryption_key)))


def test_c3_key_of_a_parent_or_twice_in_the_path() -> None:
    s = scene()
    tree = forge.inside(s.alice.group).tree
    parents = [node.encryption_key for index, node in tree.occupied() if index % 2]
    assert parents
    refuse("C3", Faults(path_keys=other_keys(parents[0])))
    refuse("C3", Faults(path_keys=lambda keys: dict.fromkeys(keys, min(keys.values()))))


@pytest.mark.parametrize("key", [bytes(31), bytes(32)], ids=["short", "low order"])
def test_c3_key_that_does_not_import(key: bytes) -> None:
    refuse("C3", Faults(path_keys=other_keys(key)))


def nodes_changed(change: Callable[[tuple[UpdatePathNode, ...]], tuple[UpdatePathNode, ...]]) -> Faults:
    def changed(path: UpdatePath) -> UpdatePath:
        return replace(path, nodes=change(path.nodes))

    return Faults(update_path=changed)


def test_c4_path_length() -> None:
    for change in (lambda nodes: (*nodes, nodes[-1]), lambda nodes: nodes[:-1], lambda _: ()):
        refuse("C4", nodes_changed(change))


def test_c4_number_of_ciphertexts() -> None:
    def fewer(nodes: tuple[UpdatePathNode, ...]) -> tuple[UpdatePathNode, ...]:
        return (*nodes[:-1], replace(nodes[-1], encrypted_path_secret=nodes[-1].encrypted_path_secret[:-1]))

    def more(nodes: tuple[UpdatePathNode, ...]) -> tuple[UpdatePathNode, ...]:
        sealed = nodes[0].encrypted_path_secret
        return (replace(nodes[0], encrypted_path_secret=(*sealed, sealed[0])), *nodes[1:])

    for change in (fewer, more):
        refuse("C4", nodes_changed(change))


def test_c5_garbage() -> None:
    def all_sealed(bent: Callable[[HpkeCiphertext], HpkeCiphertext]) -> Faults:
        return nodes_changed(
            lambda nodes: tuple(
                replace(node, encrypted_path_secret=tuple(map(bent, node.encrypted_path_secret))) for node in nodes
            )
        )

    for bent in (
        lambda sealed: HpkeCiphertext(sealed.kem_output, flipped(sealed.ciphertext)),
        lambda sealed: HpkeCiphertext(sealed.kem_output, b""),
        lambda sealed: HpkeCiphertext(flipped(sealed.kem_output), sealed.ciphertext),
        lambda sealed: HpkeCiphertext(sealed.kem_output[:-1], sealed.ciphertext),
        lambda sealed: HpkeCiphertext(bytes(32), sealed.ciphertext),
    ):
        refuse("C5", all_sealed(bent))


def test_c5_secret_of_another_key() -> None:
    for secret in (lambda _node, secret: flipped(secret), lambda _node, secret: secret[:-1], lambda *_: b""):
        refuse("C5", Faults(secrets=secret))


def test_c5_other_group_context() -> None:
    """Sealed under the context of the epoch before: right keys, wrong info."""
    s = scene()
    honest = forge.commit(s.alice)
    context = s.alice.group.context
    assert honest.context.epoch == context.epoch + 1
    stale = forge.commit(s.alice, [], Faults(path_context=lambda _: context))
    with refused("C5"):
        judge(s.bob, stale.message)


def test_c6_parent_hash() -> None:
    def bent(leaf: LeafNode) -> LeafNode:
        assert leaf.parent_hash is not None
        return replace(leaf, parent_hash=flipped(leaf.parent_hash))

    for change in (bent, lambda leaf: replace(leaf, parent_hash=b"")):
        refuse("C6", Faults(leaf=change))


def test_c7_confirmation_tag() -> None:
    sibling = forge.commit(scene().alice, [Remove(3)])
    for tag in (flipped, lambda _: sibling.confirmation_tag, lambda tag: tag[:-1], lambda _: b""):
        refuse("C7", Faults(confirmation=tag))


def test_c7_next_epoch() -> None:
    """The committer counts, or sees the group, otherwise than we do: another tag."""

    def skipping(context: GroupContext) -> GroupContext:
        return replace(context, epoch=context.epoch + 1)

    def retitled(context: GroupContext) -> GroupContext:
        return replace(context, extensions=(Extension(0xF0A0, b"other"),))

    for change in (skipping, retitled):
        refuse("C7", Faults(next_context=change))


def test_c7_last_epoch() -> None:
    s = scene()
    alice, bob = s.alice.copy(), s.bob.copy()
    for actor in (alice, bob):
        actor.group = forge.with_context(actor.group, replace(actor.group.context, epoch=MAX_EPOCH))
    wrapped = Faults(next_context=lambda context: replace(context, epoch=0), base_epoch=0)
    with refused("C7"):
        judge(bob, forge.commit(alice, [], wrapped).message)
    with refused("C7"):
        alice.group.commit(alice.env, [])


@pytest.mark.parametrize("suite", SUITES)
def test_c8_removed_member(suite: int) -> None:
    s = scene(suite)
    forged = forge.commit(s.alice, [Remove(4)])
    event = judge(s.dave, forged.message)
    assert isinstance(event, mls.Staged)
    with pytest.raises(mls.MlsError):
        event.export("zajil test", b"", 32)
    gone, honest = s.dave.copy(), s.carol.copy()
    gone.group = event.apply()
    assert gone.state().active == "removed"
    staying = judge(s.carol, forged.message)
    assert isinstance(staying, mls.Staged)
    honest.group = staying.apply()
    later = honest.encrypt(b"without you")
    for group in (gone.group, s.dave.group):
        with pytest.raises(mls.MlsError):
            group.receive(s.dave.env, later)
    for call in (
        lambda: gone.group.encrypt(gone.env, b"text"),
        lambda: gone.group.commit(gone.env, []),
        lambda: gone.group.export("zajil test", b"", 32),
    ):
        with pytest.raises(mls.Removed):
            call()
    held = repr(mls.save(gone.group)) + str(mls.save(gone.group).epoch) + str(mls.save(gone.group).ratchet)
    assert honest.group.epoch_authenticator.hex() not in held
    assert forge.opened_path_secrets(s.dave.group, forged.message, new_context=honest.group.context) == 0
    assert forge.opened_path_secrets(s.carol.group, forged.message, new_context=honest.group.context) == 1
