"""A hostile member, or the operator, with messages that MLS allows and a chat has no use for: none stops a client."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.test_attacks_member import body_of, chat_of, deliver, say, shown
from tests.client.world import World, begin, build_trio

from zajil import mls
from zajil.client.core import chats, messages
from zajil.client.state.rows import Intent
from zajil.protocol import frames
from zajil.protocol.chat.aad import CommitAad, hash_refs
from zajil.protocol.limits import SUITE_XWING

RNG = random.Random(31).randbytes


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris and Mallory; all know each other."""
    made = begin(build_trio, tmp_path, seed=8)
    yield made
    made.close()


def commit_of(phone: Phone, proposals: list[mls.Proposal]) -> tuple[int, bytes]:
    """A commit of the member's own making, as the server would take it; the epoch it stands in, and its bytes."""
    with phone.core.step("evil") as step:
        group = step.load_group(phone.world.main)
        told = CommitAad((), (), False, hash_refs([]))
        lenient = replace(step.env(), policy=mls.Policy())
        _, staged = group.commit(lenient, proposals, aad=told.encode(), with_tree=True)
    assert staged.message is not None
    return group.epoch, staged.message


def resumption(phone: Phone) -> mls.Proposal:
    """A pre-shared key that every member holds: the resumption secret of this epoch."""
    with phone.core.look() as step:
        epoch = step.load_group(phone.world.main).epoch
    psk = mls.ResumptionPsk(mls.ResumptionUsage.APPLICATION, phone.world.main, epoch)
    return mls.Psk(mls.PreSharedKeyId(psk, RNG(64)))


def reinit(phone: Phone) -> mls.Proposal:
    """The end of the group in favour of another one."""
    return mls.ReInit(phone.world.main, 1, SUITE_XWING, ())


@pytest.mark.parametrize("make", [reinit, resumption])
def test_a_commit_of_proposals_that_no_chat_uses_is_refused(world: World, make: object) -> None:
    """A ReInit suspended the group, after which no chat of the home sent anything; browsers know no PSK."""
    boris, mallory, amal = (world.phones[name] for name in ("boris", "mallory", "amal"))
    assert callable(make)
    epoch, commit = commit_of(mallory, [make(mallory)])
    deliver(boris, frames.Kind.COMMIT, commit, epoch=epoch)
    assert chat_of(boris, world.main).status == "lost"
    with boris.core.step("text") as step:
        dm = chats.open_dm(step, amal.device[0])
        messages.submit_text(step, dm, "still here")
        messages.submit_text(step, world.main, "waits")
    world.settle()
    with amal.core.look() as step:
        found = [step.tx.rows("message", gid) for gid in (dm, world.main)]
    assert [len(rows) for rows in found] == [1, 1]
    assert chat_of(boris, world.main).status == "active"


def test_a_commit_brought_as_an_application_message_stays_usable(world: World) -> None:
    """Its key was spent by that, so the commit itself did not open any more and the group was lost to the device."""
    boris, mallory = world.phones["boris"], world.phones["mallory"]
    mallory.intend(world.main, Intent("update"))
    mallory.post()
    ((_, _, request),) = world.wire
    assert isinstance(request, frames.Commit)
    deliver(boris, frames.Kind.APP, request.commit, epoch=request.epoch)
    world.settle()
    chat = chat_of(boris, world.main)
    assert (chat.status, chat.asking, chat.epoch) == ("active", None, request.epoch + 1)


def test_a_standalone_proposal_keeps_nobody_from_sending(world: World) -> None:
    """MLS sends no texts while a proposal waits for its commit; the product sends none, so it keeps none."""
    boris, mallory, amal = (world.phones[name] for name in ("boris", "mallory", "amal"))
    with mallory.core.step("evil") as step:
        group = step.load_group(world.main)
        _, proposal = group.propose(step.env(), mls.Remove(group.own_leaf))
    deliver(boris, frames.Kind.APP, proposal, epoch=group.epoch)
    deliver(boris, frames.Kind.COMMIT, proposal, epoch=group.epoch)
    say(boris, body_of(boris, "as ever"))
    world.settle()
    assert shown(amal) == ["as ever"]
    assert chat_of(boris, world.main).status == "active"


def test_own_messages_and_later_ones_brought_as_commits_cost_the_group_nothing(world: World) -> None:
    boris, mallory = world.phones["boris"], world.phones["mallory"]
    boris.text(world.main, "mine")
    boris.post()
    ((_, _, request),) = world.wire
    assert isinstance(request, frames.Send)
    world.settle()
    epoch = chat_of(boris, world.main).epoch
    deliver(boris, frames.Kind.COMMIT, request.body, epoch=epoch)
    assert chat_of(boris, world.main).status == "active"
    with mallory.core.step("evil") as step:
        group, staged = step.load_group(world.main).commit(step.env(), [], with_tree=True)
        _, later = staged.apply(group).encrypt(step.env(), b"of the next epoch")
    deliver(boris, frames.Kind.COMMIT, later, epoch=epoch)
    assert chat_of(boris, world.main).status == "active"
    assert shown(boris) == ["mine"]
