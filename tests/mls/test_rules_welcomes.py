"""Rules W1 to W6: what a joiner accepts from a Welcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.actors import Actor
from tests.mls.forge import Faults, Invitation, flipped
from tests.mls.scenes import GROUP_ID, invite, join, refused, scene

from zajil import mls
from zajil.mls.messages.group_info import GroupSecrets
from zajil.mls.messages.proposals import Add, Psk
from zajil.mls.primitives.crypto import HpkeCiphertext
from zajil.mls.primitives.suites import XWING
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.tree.nodes import LeafNode
from zajil.mls.tree.tree import Tree

WITH_PATH = Faults(path=True)


def test_w1_no_entry_for_us() -> None:
    with refused("W1"):
        join(Invitation(new_member=flipped))
    welcome = invite(Invitation())
    frank = scene().frank
    with refused("W1"):
        mls.Group.join(frank.env, welcome, mls.parse_key_package(frank.key_package()), frank.packages[-1][1])


def test_w1_suites_differ() -> None:
    with refused("W1"):
        join(Invitation(suite=lambda _: XWING.id))
    with refused("W1"):
        join(Invitation(suite=lambda _: 3))
    with refused("W1"):
        join(Invitation(context=lambda context: replace(context, suite=XWING)))


def test_d1_more_extensions_than_a_group_info_holds() -> None:
    """The tree is one of them."""
    assert join(Invitation(extensions=tuple(mls.Extension(0xF100 + at, b"") for at in range(31))))
    with pytest.raises(mls.DecodeError):
        join(Invitation(extensions=tuple(mls.Extension(0xF100 + at, b"") for at in range(32))))


def test_w2_secrets_do_not_open() -> None:
    for bent in (
        lambda sealed: HpkeCiphertext(sealed.kem_output, flipped(sealed.ciphertext)),
        lambda sealed: HpkeCiphertext(flipped(sealed.kem_output), sealed.ciphertext),
        lambda sealed: HpkeCiphertext(b"", b""),
    ):
        with refused("W2"):
            join(Invitation(sealed_secrets=bent))


def test_w2_group_info_does_not_open() -> None:
    with refused("W2"):
        join(Invitation(sealed_info=flipped))
    with refused("W2"):
        join(Invitation(secrets=lambda secrets: replace(secrets, joiner_secret=flipped(secrets.joiner_secret))))


def test_w2_secrets_are_malformed() -> None:
    class Long(GroupSecrets):
        def encode(self) -> bytes:
            return super().encode() + b"\0"

    def long(secrets: GroupSecrets) -> GroupSecrets:
        return Long(secrets.joiner_secret, secrets.path_secret, secrets.psks)

    with pytest.raises((mls.Invalid, mls.DecodeError)):
        join(Invitation(secrets=long))


def join_with_psk(psk_id: PreSharedKeyId, *, known: bool = True) -> mls.Group:
    s = scene()
    package = mls.parse_key_package(s.erin.key_package())
    forged = forge.commit(s.alice, [Add(package), Psk(psk_id)], psks=[(psk_id, b"secret")])
    welcome = forge.welcome(s.alice, forged, package)
    env = replace(s.erin.env, psks={b"known": b"secret"} if known else {})
    group, _ = mls.Group.join(env, welcome, *s.erin.packages[-1])
    return group


def test_w2_psks() -> None:
    nonce = bytes(32)
    external = PreSharedKeyId(ExternalPsk(b"known"), nonce)
    assert join_with_psk(external)
    with refused("W2"):
        join_with_psk(external, known=False)
    for psk in (
        ResumptionPsk(ResumptionUsage.REINIT, GROUP_ID, 1),
        ResumptionPsk(ResumptionUsage.BRANCH, GROUP_ID, 1),
        ResumptionPsk(ResumptionUsage.APPLICATION, b"another group", 1),
    ):
        with refused("W2"):
            join_with_psk(PreSharedKeyId(psk, nonce))
    with refused("W2"):
        join_with_psk(replace(external, nonce=bytes(31)))


def test_w2_two_successor_psks() -> None:
    kinds = (ResumptionUsage.REINIT, ResumptionUsage.BRANCH)
    ids = tuple(PreSharedKeyId(ResumptionPsk(usage, GROUP_ID, 1), bytes(32)) for usage in kinds)
    with refused("W2"):
        join(Invitation(secrets=lambda secrets: replace(secrets, psks=ids)))


def test_w3_group_we_are_in() -> None:
    s = scene()
    welcome = invite(Invitation())
    with refused("W3"):
        mls.Group.join(s.erin.env, welcome, *s.erin.packages[-1], known_groups=frozenset({b"x", GROUP_ID}))
    assert mls.Group.join(s.erin.env, welcome, *s.erin.packages[-1], known_groups=frozenset({b"x"}))


def with_leaf(actor: Actor, change: Callable[[LeafNode], LeafNode] = lambda leaf: leaf) -> Invitation:
    """One more leaf in the tree, with everything else fitting it."""
    leaf = change(mls.parse_key_package(actor.key_package()).leaf_node)
    return Invitation(tree=lambda tree: tree.add(leaf)[0])


def test_w4_foreign_leaf() -> None:
    s = scene()
    stranger = s.actor(b"w4 stranger")
    invitation = with_leaf(stranger)
    assert join(invitation)
    del s.directory.keys[stranger.identity]
    with refused("W4"):
        join(invitation)


def test_w4_broken_leaves() -> None:
    s = scene()
    unlisted = forge.key_package(s.frank, leaf=lambda leaf: replace(leaf, extensions=(mls.Extension(0xF0AF, b""),)))
    poor = forge.key_package(
        s.frank, leaf=lambda leaf: replace(leaf, capabilities=replace(leaf.capabilities, extensions=()))
    )
    for invitation in (
        with_leaf(s.frank, lambda leaf: replace(leaf, signature=flipped(leaf.signature))),
        with_leaf(s.frank, lambda _: unlisted.leaf_node),
        with_leaf(s.frank, lambda _: poor.leaf_node),
        with_leaf(s.frank, lambda leaf: replace(leaf, signature_key=s.carol.signature_key).signed(s.carol.env.signer)),
    ):
        with refused("W4"):
            join(invitation)


def test_w4_two_leaves_with_one_signature_key() -> None:
    s = scene()
    twin = s.actor(b"w4 twin of carol")
    s.directory.trust(twin.identity, s.carol.signature_key)
    twin.env, twin.signature_key = s.carol.env, s.carol.signature_key
    with refused("W4"):
        join(with_leaf(twin))


def test_w4_two_leaves_of_one_client() -> None:
    """Each with its own keys."""
    s = scene()
    double = s.actor(b"w4 double of carol")
    invitation = with_leaf(double)
    assert join(invitation)
    s.directory.aliases[double.identity] = b"carol"
    with refused("W4"):
        join(invitation)


def test_w5_private_key_of_another_leaf() -> None:
    s = scene()
    welcome = invite(Invitation())
    package, secrets = s.erin.packages[-1]
    _, others = s.frank.key_package(), s.frank.packages[-1][1]
    with refused("W5"):
        mls.Group.join(s.erin.env, welcome, package, replace(secrets, encryption_key=others.encryption_key))


def test_w5_our_leaf_is_missing() -> None:
    with refused("W5"):
        join(Invitation(tree=lambda tree: tree.remove(2)))


def test_w5_our_leaf_is_changed() -> None:
    s = scene()
    other = mls.parse_key_package(s.erin.key_package()).leaf_node

    def changed(tree: Tree) -> Tree:
        return tree.changed([(4, other)])

    with refused("W5"):
        join(Invitation(tree=changed))


def test_w5_path_secret() -> None:
    assert join(Invitation(), WITH_PATH)

    def bent(secrets: GroupSecrets) -> GroupSecrets:
        assert secrets.path_secret is not None
        return replace(secrets, path_secret=flipped(secrets.path_secret))

    for change in (bent, lambda secrets: replace(secrets, path_secret=b"short")):
        with refused("W5"):
            join(Invitation(secrets=change), WITH_PATH)


def test_w6_confirmation_tag() -> None:
    with refused("W6"):
        join(Invitation(confirmation=flipped))
    with refused("W6"):
        join(Invitation(confirmation=lambda _: b""))
