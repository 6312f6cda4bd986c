"""Hostile members where two groups took the place of one: the group that lost, or that was before, moves nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.successors import break_group, lines, members, open_world, place, places, shown
from tests.client.talk import act, say, see
from tests.client.world import World

from zajil import mls
from zajil.client import listing
from zajil.client.core import chats, groups, messages
from zajil.client.core.heirs import ending, growing, making
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.protocol.chat import forms, parts
from zajil.protocol.chat.extensions import Predecessor, Reason, with_predecessor
from zajil.protocol.ids import AccountId, MessageId, encode_b64
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

OTHERS = ("amal", "boris", "cleo")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path, seed=51)
    yield made
    made.close()


def bring_out(phone: Phone) -> None:
    """What this device makes reaches the server before it hears anything."""
    while phone.tick() or phone.call() or phone.post() or phone.world.serve(phone) or phone.hear():
        pass


def lose(world: World, *makers: str) -> tuple[bytes, bytes]:
    """Two admins make room at once: the group that stays, and the one that loses."""
    for name in makers or ("boris", "amal"):
        phone = world.phones[name]
        act(phone, lambda step: growing.start(step, world.main))
        bring_out(phone)
    world.settle()
    stays = place(world.phones["amal"]).gid
    with world.phones["cleo"].core.look() as step:
        (lost,) = (one.gid for one in rows.all_chats(step.tx) if one.gid not in (stays, world.main) and one.kind == 2)
    for name in (*OTHERS, "mallory"):
        assert place(world.phones[name]).gid == stays
    return stays, lost


def turn_hostile(phone: Phone, gid: bytes) -> None:
    """This device goes on in a group that was followed, as a changed client would."""

    def forget(step: Step) -> None:
        step.change_chat(gid, heir=None, merged=b"")

    act(phone, forget)


@pytest.mark.parametrize("makers", [("boris", "amal"), ("amal", "boris")])
def test_whoever_is_put_out_is_not_heard_from_a_group_that_lost(world: World, makers: tuple[str, str]) -> None:
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    stays, lost = lose(world, *makers)
    act(amal, lambda step: chats.remove_account(step, stays, mallory.device[0]))
    world.settle()
    turn_hostile(mallory, lost)
    say(mallory, "still here", gid=lost)
    world.settle()
    for name in OTHERS:
        assert shown(world.phones[name]) == []
        assert members(world.phones[name]) == set(OTHERS)


def test_a_group_that_lost_and_is_broken_is_not_followed(world: World) -> None:
    """Nor does anybody follow one that says so: whoever was removed would come back with it."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    stays, lost = lose(world)
    named = see(boris, lambda step: step.load_group(lost))
    told = Predecessor(lost, named.epoch, named.epoch_authenticator, Reason.STUCK)
    act(amal, lambda step: chats.remove_account(step, stays, mallory.device[0]))
    world.settle()
    world.main, main = lost, world.main
    turn_hostile(mallory, lost)
    break_group(mallory)
    world.settle()
    world.pass_time(600_000)
    world.settle()
    world.main = main
    for name in OTHERS:
        phone = world.phones[name]
        assert place(phone).gid == stays
        assert see(phone, lambda step: step.chat(lost)).asking is None
        assert all(one.forebear != lost for one in see(phone, lambda step: list(rows.all_chats(step.tx))))
    data = with_predecessor(groups.find_settings(named), told)
    people = [world.phones[name].device[0] for name in ("amal", "cleo")]
    forged = act(boris, lambda step: chats.begin(step, data, people, suite=named.suite, most=9))
    world.settle()
    for name in ("amal", "cleo"):
        assert see(world.phones[name], lambda step: step.chat(stays)).merged == b""
        assert {one.gid for one in places(world.phones[name])} == {stays, forged}


def test_a_demoted_admin_deletes_and_tells_nothing_through_the_group_of_before(world: World) -> None:
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    text = say(cleo, "stays")
    world.settle()
    act(amal, lambda step: growing.start(step, world.main))
    world.settle()
    stays = place(amal).gid
    act(amal, lambda step: chats.set_role(step, stays, boris.device[0], 0))
    world.settle()
    turn_hostile(boris, world.main)
    stranger = bytes(16)

    def attack(step: Step) -> None:
        messages.submit_form(step, world.main, forms.Deletion(MessageId(text), as_admin=True))
        messages.submit_control(step, world.main, parts.PutOut((AccountId(stranger),)), urgent=True)

    act(boris, attack)
    world.settle()
    for name in ("amal", "cleo", "mallory"):
        assert shown(world.phones[name]) == ["stays"]
        assert stranger not in place(world.phones[name]).put_out
        assert stranger not in see(world.phones[name], lambda step: step.chat(world.main)).put_out


@pytest.mark.parametrize("first", ["repair", "growth"])
def test_of_a_repair_and_a_growth_the_repair_stays(world: World, first: str) -> None:
    """A growth that came to nothing costs nobody protection, by whichever leaf it was made and in any order."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    verbs = [
        (boris, lambda step: making.make(step, step.chat(world.main), Reason.STUCK)),
        (amal, lambda step: growing.start(step, world.main)),
    ]
    for phone, verb in verbs if first == "repair" else reversed(verbs):
        act(phone, verb)
        bring_out(phone)
    world.settle()
    stays = place(boris)
    assert stays.suite == SUITE_XWING
    for name in (*OTHERS, "mallory"):
        assert [one.gid for one in places(world.phones[name])] == [stays.gid]
        assert lines(world.phones[name]).count("repaired") == 1
    failure = act(amal, lambda step: growing.take_failure(step, world.main))
    assert failure == ("stale-epoch" if first == "repair" else "")


def test_a_growth_does_not_bring_back_who_broke_the_group(world: World) -> None:
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    held = see(amal, lambda step: ending.find_held(step, step.chat(world.main)))
    assert held is not None
    break_group(mallory)
    for phone in (amal, boris, cleo):
        while phone.receive(64) or phone.greet():
            pass
    act(boris, lambda step: step.change_chat(world.main, mend_at=step.now))
    world.settle()
    stays = place(boris).gid
    data = with_predecessor(held.settings, Predecessor(world.main, held.epoch, held.authenticator, Reason.RESIZE))
    people = [other.device[0] for other in (boris, cleo, mallory)]
    act(amal, lambda step: chats.begin(step, data, people, suite=mls.suite_of(SUITE_RFC1), most=9))
    world.settle()
    for phone in (boris, cleo):
        assert [one.gid for one in places(phone)] == [stays]
        assert (members(phone), place(phone).suite) == (set(OTHERS), SUITE_XWING)


def test_whoever_makes_the_group_that_stays_is_named(world: World) -> None:
    """Boris made room first, and the group of Amal's lower leaf took the place of his."""
    lose(world)
    with world.phones["cleo"].core.look() as step:
        told = {line.account for line in listing.notices(step, world.main) if line.code == "grown"}
    assert told == {encode_b64(world.phones[name].device[0]) for name in ("amal", "boris")}
