"""The set-up of the rule tests: one group with a blank leaf and full parents, and clients outside.

Groups are values, so every test shares the scene: a message is judged, its outcome looked at and dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import pytest
from tests.mls import forge
from tests.mls.actors import Actor, Directory
from tests.mls.forge import Faults, Invitation

from zajil import mls
from zajil.mls.messages.proposals import Add

GROUP_ID = b"g" * 63
TITLE = mls.Extension(0xF0A0, b"title")


@dataclass(frozen=True)
class Scene:
    """alice (leaf 0) founded the group; bob 1, carol 3, dave 4; leaf 2 is blank. erin and frank are outside."""

    directory: Directory
    alice: Actor
    bob: Actor
    carol: Actor
    dave: Actor
    erin: Actor
    frank: Actor

    def actor(self, identity: bytes) -> Actor:
        """One more client that everybody trusts."""
        return Actor(self.directory, suite=self.alice.suite.id, identity=identity)


def scene(suite: int = 1) -> Scene:
    """The scene of that suite, the same at every call."""
    return _scene(suite)


@cache
def _scene(suite: int) -> Scene:
    directory = Directory()
    names = (b"alice", b"bob", b"gone", b"carol", b"dave", b"erin", b"frank")
    alice, bob, gone, carol, dave, erin, frank = (Actor(directory, suite=suite, identity=name) for name in names)
    alice.create(GROUP_ID, [(TITLE.type, TITLE.data)])
    _, welcome = alice.commit(adds=[actor.key_package() for actor in (bob, gone, carol)])
    assert welcome is not None
    alice.apply()
    for actor in (bob, gone, carol):
        actor.join(welcome)
    spread(carol, (alice, bob), carol.commit(removes=[2])[0])
    commit, welcome = bob.commit(adds=[gone.key_package(), dave.key_package()])
    assert welcome is not None
    spread(bob, (alice, carol), commit)
    dave.join(welcome)
    spread(dave, (alice, bob, carol), dave.commit(removes=[2])[0])
    spread(alice, (bob, carol, dave), alice.commit()[0])
    assert [leaf for leaf, _ in alice.state().members] == [0, 1, 3, 4]
    return Scene(directory, alice, bob, carol, dave, erin, frank)


def spread(committer: Actor, others: tuple[Actor, ...], commit: bytes) -> None:
    committer.apply()
    for other in others:
        other.receive(commit)


def judge(actor: Actor, message: bytes, *, policy: mls.Policy | None = None) -> object:
    """What the actor's engine makes of a message; the actor stays as it is."""
    env = actor.env if policy is None else replace(actor.env, policy=policy)
    before = mls.save(actor.group)
    try:
        _, event = actor.group.receive(env, message)
    finally:
        assert mls.save(actor.group) == before
    return event


@contextmanager
def refused(rule: str) -> Iterator[None]:
    """The block raises Invalid of exactly that rule."""
    with pytest.raises(mls.Invalid) as caught:
        yield
    assert caught.value.rule == rule, str(caught.value)


def invite(how: Invitation, faults: Faults | None = None) -> bytes:
    """Alice's Welcome for erin's newest KeyPackage."""
    s = scene()
    package = mls.parse_key_package(s.erin.key_package())
    forged = forge.commit(s.alice, [Add(package)], faults or Faults())
    return forge.welcome(s.alice, forged, package, how)


def join(how: Invitation, faults: Faults | None = None) -> mls.Group:
    """What erin gets out of alice's Welcome."""
    erin = scene().erin
    welcome = invite(how, faults)
    group, _ = mls.Group.join(erin.env, welcome, *erin.packages[-1])
    return group
