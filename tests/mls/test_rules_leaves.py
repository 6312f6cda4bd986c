"""Rules K1 to K4 and L1 to L7: KeyPackages and leaves, as somebody else's Commit brings them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.actors import NOW
from tests.mls.forge import Faults, flipped
from tests.mls.scenes import TITLE, judge, refused, scene

from zajil import mls
from zajil.mls.messages.credentials import Capabilities, Lifetime
from zajil.mls.messages.extensions import Extension, RequiredCapabilities
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.messages.proposals import Add, ProposalRef, Remove, SetExtensions, Update
from zajil.mls.tree.nodes import LeafNode, LeafSource

Leaf = Callable[[LeafNode], LeafNode]
DAY_S = 86_400
LOW_ORDER = bytes(32)


def add(package: KeyPackage) -> bytes:
    return forge.commit(scene().alice, [Add(package)]).message


def judge_add(package: KeyPackage) -> object:
    return judge(scene().bob, add(package))


def refuse_sending(rule: str, package: KeyPackage) -> None:
    """Creation runs the same rules: our own Commit refuses it too."""
    alice = scene().alice
    with refused(rule):
        alice.group.commit(alice.env, [Add(package)])


def test_honest_add_passes() -> None:
    assert isinstance(judge_add(forge.key_package(scene().erin)), mls.Staged)


def test_k1_suite_and_version() -> None:
    for package in (
        forge.key_package(scene().erin, package=lambda package: replace(package, suite=2)),
        forge.key_package(scene().erin, package=lambda package: replace(package, version=2)),
    ):
        with refused("K1"):
            judge_add(package)
        refuse_sending("K1", package)


def test_k1_leaf_source() -> None:
    package = forge.key_package(scene().erin, leaf=lambda leaf: replace(leaf, source=LeafSource.UPDATE, lifetime=None))
    with refused("K1"):
        judge_add(package)
    refuse_sending("K1", package)


def test_k2_signature() -> None:
    package = forge.key_package(scene().erin, signature=flipped)
    with refused("K2"):
        judge_add(package)
    refuse_sending("K2", package)


def test_k3_equal_keys() -> None:
    package = forge.key_package(
        scene().erin, package=lambda package: replace(package, init_key=package.leaf_node.encryption_key)
    )
    with refused("K3"):
        judge_add(package)
    refuse_sending("K3", package)


@pytest.mark.parametrize("key", [bytes(range(31)), LOW_ORDER, b""], ids=["31 bytes", "low order", "empty"])
def test_k3_keys_that_do_not_import(key: bytes) -> None:
    for package in (
        forge.key_package(scene().erin, package=lambda package: replace(package, init_key=key)),
        forge.key_package(scene().erin, leaf=lambda leaf: replace(leaf, encryption_key=key)),
    ):
        with refused("K3"):
            judge_add(package)
        refuse_sending("K3", package)


def lived(before_s: int, after_s: int) -> KeyPackage:
    return forge.key_package(
        scene().erin, leaf=lambda leaf: replace(leaf, lifetime=Lifetime(NOW + before_s, NOW + after_s))
    )


@pytest.mark.parametrize(
    ("before_s", "after_s"),
    [(-2 * DAY_S, -1), (1, DAY_S), (-DAY_S, 90 * DAY_S)],
    ids=["expired", "future", "91 days"],
)
def test_k4_lifetime_binds_the_sender(before_s: int, after_s: int) -> None:
    package = lived(before_s, after_s)
    refuse_sending("K4", package)
    alice = scene().alice
    with refused("K4"):
        mls.check_key_package(alice.env, package, alice.suite)
    assert isinstance(judge_add(package), mls.Staged)


def test_k4_edges_pass() -> None:
    alice = scene().alice
    for edges in ((0, DAY_S), (-DAY_S, 0), (-DAY_S, 89 * DAY_S)):
        mls.check_key_package(alice.env, lived(*edges), alice.suite)


def test_l1_unknown_account() -> None:
    s = scene()
    stranger = s.actor(b"l1 stranger")
    package = forge.key_package(stranger)
    del s.directory.keys[stranger.identity]
    with refused("L1"):
        judge_add(package)
    refuse_sending("L1", package)


def test_l1_certificate_for_another_key() -> None:
    s = scene()
    stranger = s.actor(b"l1 other key")
    package = forge.key_package(stranger)
    s.directory.trust(stranger.identity, s.erin.signature_key)
    with refused("L1"):
        judge_add(package)


def test_l1_path_leaf() -> None:
    with refused("L1"):
        judge_path(lambda leaf: replace(leaf, credential=mls.basic_credential(b"nobody")))


def judge_path(leaf: Leaf) -> object:
    s = scene()
    return judge(s.bob, forge.commit(s.alice, [], Faults(leaf=leaf)).message)


def judge_update(update: Update) -> object:
    """Carol's Update, committed by alice, as bob sees it."""
    s = scene()
    message, reference = forge.proposal(s.carol, update)
    group, _ = s.bob.group.receive(s.bob.env, message)
    listening = s.bob.copy()
    listening.group = group
    carol = s.carol.group.own_leaf
    forged = forge.commit(s.alice, [ProposalRef(reference)], known={reference: (update, carol)})
    return judge(listening, forged.message)


def test_honest_update_passes() -> None:
    event = judge_update(forge.update(scene().carol))
    assert isinstance(event, mls.Staged)
    assert [member.leaf for member in event.updated] == [0, 3]


def test_l2_leaf_signature() -> None:
    package = forge.key_package(
        scene().erin, leaf_signature=lambda leaf: replace(leaf, signature=flipped(leaf.signature))
    )
    with refused("L2"):
        judge_add(package)
    refuse_sending("L2", package)


def test_l2_leaf_of_another_place_in_a_path() -> None:
    s = scene()
    group_id = s.alice.group.context.group_id
    for place in ((group_id, 1), (b"another", 0)):
        with refused("L2"):
            judge(s.bob, forge.commit(s.alice, [], Faults(leaf_place=place)).message)
    bent = Faults(leaf_signature=lambda leaf: replace(leaf, signature=flipped(leaf.signature)))
    with refused("L2"):
        judge(s.bob, forge.commit(s.alice, [], bent).message)


def test_l2_leaf_of_another_place_in_an_update() -> None:
    s = scene()
    for place in ((s.carol.group.context.group_id, 1), (b"another", s.carol.group.own_leaf)):
        with refused("L2"):
            judge_update(forge.update(s.carol, place=place))


def without(**changes: tuple[int, ...]) -> Leaf:
    return lambda leaf: replace(leaf, capabilities=replace(leaf.capabilities, **changes))


def test_l3_group_extension_not_supported() -> None:
    package = forge.key_package(scene().erin, leaf=without(extensions=()))
    with refused("L3"):
        judge_add(package)
    refuse_sending("L3", package)
    with refused("L3"):
        judge_path(without(extensions=()))
    with refused("L3"):
        judge_update(forge.update(scene().carol, leaf=without(extensions=())))


def test_l3_credential_of_the_others_not_supported() -> None:
    package = forge.key_package(scene().erin, leaf=without(credentials=(2,)))
    with refused("L3"):
        judge_add(package)
    refuse_sending("L3", package)
    with refused("L3"):
        judge_path(without(credentials=()))


def test_l3_required_capability_missing() -> None:
    """A group that requires 0xF0A1 refuses a leaf without it, in every place a leaf comes in."""
    s = scene()
    required = RequiredCapabilities(extensions=(0xF0A1,), credentials=(1,)).extension()
    alice, bob = s.alice.copy(), s.bob.copy()
    commit = forge.commit(s.dave, [SetExtensions((TITLE, required))])
    for actor in (alice, bob):
        actor.receive(commit.message)
    lacking = forge.key_package(s.erin, leaf=without(extensions=(0xF0A0,)))
    with refused("L3"):
        judge(bob, forge.commit(alice, [Add(lacking)]).message)
    with refused("L3"):
        judge(bob, forge.commit(alice, [], Faults(leaf=without(extensions=(0xF0A0,)))).message)
    enough = forge.commit(alice, [Add(forge.key_package(s.erin))])
    assert isinstance(judge(bob, enough.message), mls.Staged)


def extended(*types: int) -> Leaf:
    return lambda leaf: replace(leaf, extensions=tuple(Extension(kind, b"") for kind in types))


def test_l4_leaf_extension_not_listed() -> None:
    for types in ((0xF0AF,), (0xF0A0, 0xF0AF), (0xF0A0, 0xF0A0)):
        package = forge.key_package(scene().erin, leaf=extended(*types))
        with refused("L4"):
            judge_add(package)
        refuse_sending("L4", package)
        with refused("L4"):
            judge_path(extended(*types))
        with refused("L4"):
            judge_update(forge.update(scene().carol, leaf=extended(*types)))
    assert judge_path(extended(0xF0A0, 0xF0A1))


def crowded(leaf: LeafNode) -> LeafNode:
    """One extension more than a list may hold, each listed as supported."""
    extensions = tuple(Extension(0xF100 + at, b"") for at in range(33))
    capabilities = replace(leaf.capabilities, extensions=(0xF0A0, 0xF0A1, *(one.type for one in extensions)))
    return replace(leaf, extensions=extensions, capabilities=capabilities)


def capable(leaf: LeafNode) -> LeafNode:
    """One capability more than a leaf may list."""
    return replace(leaf, capabilities=replace(leaf.capabilities, proposals=tuple(range(0xF000, 0xF000 + 1025))))


CROWDED = {
    "capabilities": lambda: add(forge.key_package(scene().erin, leaf=capable)),
    "capabilities of a path": lambda: forge.commit(scene().alice, [], Faults(leaf=capable)).message,
    "proposals": lambda: forge.commit(scene().alice, [Remove(3)] * 1025, Faults(path=False)).message,
    "added leaf": lambda: add(forge.key_package(scene().erin, leaf=crowded)),
    "added package": lambda: add(
        forge.key_package(
            scene().erin,
            package=lambda package: replace(package, extensions=tuple(Extension(0xF100 + at, b"") for at in range(33))),
        )
    ),
    "path": lambda: forge.commit(scene().alice, [], Faults(leaf=crowded)).message,
    "group": lambda: (
        forge.commit(scene().alice, [SetExtensions((TITLE, *(Extension(1, bytes((at,))) for at in range(32))))]).message
    ),
}


@pytest.mark.parametrize("place", CROWDED)
def test_d1_more_than_a_list_holds(place: str) -> None:
    """Engines that disagree about a limit split a group: whoever takes what another refuses."""
    with pytest.raises(mls.DecodeError):
        judge(scene().bob, CROWDED[place]())


def test_l5_source_of_an_update() -> None:
    s = scene()
    committed = forge.update(s.carol, leaf=lambda leaf: replace(leaf, source=LeafSource.COMMIT, parent_hash=bytes(32)))
    packaged = forge.update(
        s.carol, leaf=lambda leaf: replace(leaf, source=LeafSource.KEY_PACKAGE, lifetime=Lifetime(0, 2 * NOW))
    )
    for update in (committed, packaged):
        with refused("L5"):
            judge_update(update)


def test_l5_old_encryption_key() -> None:
    s = scene()
    old = forge.inside(s.carol.group).tree.find_leaf(s.carol.group.own_leaf)
    assert old is not None
    with refused("L5"):
        judge_update(forge.update(s.carol, leaf=lambda leaf: replace(leaf, encryption_key=old.encryption_key)))
    own = forge.inside(s.alice.group).tree.find_leaf(0)
    assert own is not None
    with refused("L5"):
        judge_path(lambda leaf: replace(leaf, encryption_key=own.encryption_key))


def test_l6_signature_key_of_another_member() -> None:
    """Alice's key under a second account of hers."""
    s = scene()
    twin = s.actor(b"l6 twin")
    s.directory.trust(twin.identity, s.alice.signature_key)
    twin.env, twin.signature_key = s.alice.env, s.alice.signature_key
    package = forge.key_package(twin)
    with refused("L6"):
        judge_add(package)
    refuse_sending("L6", package)


def test_l6_encryption_key_of_another_member() -> None:
    s = scene()
    bobs = forge.inside(s.alice.group).tree.find_leaf(1)
    assert bobs is not None
    package = forge.key_package(s.erin, leaf=lambda leaf: replace(leaf, encryption_key=bobs.encryption_key))
    with refused("L6"):
        judge_add(package)
    refuse_sending("L6", package)
    with refused("L6"):
        judge_update(forge.update(s.carol, leaf=lambda leaf: replace(leaf, encryption_key=bobs.encryption_key)))


def test_l6_two_adds_with_one_key() -> None:
    s = scene()
    first = forge.key_package(s.erin)
    second = forge.key_package(s.frank, leaf=lambda leaf: replace(leaf, encryption_key=first.leaf_node.encryption_key))
    with refused("L6"):
        judge(s.bob, forge.commit(s.alice, [Add(first), Add(second)]).message)


def test_l7_another_client_in_the_leaf() -> None:
    s = scene()
    s.directory.trust(b"l7 other account", s.alice.signature_key)
    with refused("L7"):
        judge_path(lambda leaf: replace(leaf, credential=mls.basic_credential(b"l7 other account")))
    s.directory.trust(b"l7 third account", s.carol.signature_key)
    with refused("L7"):
        judge_update(
            forge.update(s.carol, leaf=lambda leaf: replace(leaf, credential=mls.basic_credential(b"l7 third account")))
        )


def test_grease_passes() -> None:
    """Unknown and GREASE values in capabilities mean nothing (RFC 9420 13.5)."""
    grease = Capabilities(
        versions=(1, 0x0A0A),
        cipher_suites=(1, 0x53, 0x1A1A),
        extensions=(0xF0A0, 0xF0A1, 0x2A2A),
        proposals=(0x3A3A,),
        credentials=(1, 0x4A4A),
    )
    assert judge_add(forge.key_package(scene().erin, leaf=lambda leaf: replace(leaf, capabilities=grease)))
