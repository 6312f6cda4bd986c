"""What a member can do to others' calls with signals alone. web/src/core/calls/hostile.test.ts tells the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.client.calls.callworld import GID, Device, World
from tests.client.calls.test_call_session import talking
from tests.protocol.calls_signals import OFFER, RELAY

from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.limits import LOSSES

NOBODYS = 999_998


def say(victim: Device, attacker: Device, *signals: sg.Signal) -> None:
    """The attacker's device says this, and needs no session for it."""
    for signal in signals:
        fields = sg.encode_signal(signal)
        victim.session.hear(GID, attacker.me.leaf, attacker.me.account, age_ms=0, fields=fields)


def everybody(names: str) -> World:
    """A call of a group that all have joined."""
    world = talking(names, group=True)
    for name in names.split()[1:-1]:
        world[name].session.accept("audio")
        world.wait(1000)
    assert [peer.up for peer in world["a1"].view.peers] == [True] * (len(names.split()) - 1)
    return world


def rings(count: int) -> Sequence[sg.Ring]:
    """Each of another call, each lower than the one before."""
    return [sg.Ring(bytes((0, count - at)) + bytes(14), bytes(32), "audio") for at in range(count)]


def test_storms_of_lost_make_a_device_try_anew_a_few_times_and_run_out_of_nothing() -> None:
    world = everybody("a1 b1 c1 d1")
    one, media = world["a1"], world["a1"].media[0]
    one.slow_disk = True
    before = len(one.used)
    for name in ("b1", "c1", "d1"):
        leaf = one.me.leaf
        storm: list[sg.Signal] = [sg.Lost(media.start.call, leaf, 0), sg.Lost(media.start.call, leaf, NOBODYS)]
        say(one, world[name], *storm * 100)
    assert len(one.used) - before == 3 * LOSSES
    assert one.view.phase in ("active", "recovering")
    one.settle()
    world.wait(5_000)
    assert one.view.phase == "active"
    assert len(set(one.used)) == len(one.used)


def test_what_is_said_about_links_by_who_is_in_no_call_reaches_no_media() -> None:
    world = talking("a1 b1 c1 d1", group=True)
    one, outside = world["a1"], world["c1"]
    call, told, used = one.media[0].start.call, list(one.media[0].told), len(one.used)
    for pc in (0, 2, one.media[0].sent[3], NOBODYS):
        about: list[sg.Signal] = [sg.Got(call, 0, pc), sg.Lost(call, 0, pc), sg.Cand(call, 0, pc, (RELAY,), False)]
        say(one, outside, *about, sg.Desc(call, 0, pc, "answer", OFFER.replace("sendonly", "recvonly")))
    say(one, outside, sg.State(call, False, True, False))
    assert (one.media[0].told, len(one.used)) == (told, used)
    assert [peer.leaf for peer in one.view.peers] == [3]
    # What is meant for another device is not ours either, whoever says it.
    say(one, world["d1"], sg.Lost(call, 2, 0))
    assert len(one.used) == used


def test_nobody_but_the_caller_says_who_was_taken_and_nobody_ends_what_is_not_theirs() -> None:
    world = World("a1 a2 b1 b2")
    world["a1"].session.dial(GID, "audio")
    world.wait(100)
    call = world["a1"].media[0].start.call
    for liar in ("a2", "b2"):
        say(world["b1"], world[liar], sg.Taken(call, 3), sg.Cancel(call, "cancelled"), sg.End(call, "hangup"))
        assert world["b1"].shown == "ringing"
    world["b1"].session.accept("audio")
    say(world["b1"], world["a2"], sg.Taken(call, 3), sg.Cancel(call, "cancelled"), sg.End(call, "hangup"))
    world.wait(1_000)
    assert world["b1"].view.phase == "active"
    for liar in ("a2", "b2"):
        say(world["b1"], world[liar], sg.Taken(call, 3), sg.End(call, "hangup"), sg.Decline(call, "declined"))
    world.wait(60_000)
    assert world["a1"].view.phase == world["b1"].view.phase == "active"


def test_a_groups_call_is_ended_by_no_one_member() -> None:
    world = talking("a1 b1 c1", group=True)
    one, outside = world["a1"], world["b1"]
    call = one.media[0].start.call
    for reason in ("hangup", "failed", "alarm", "full"):
        say(one, outside, sg.End(call, reason), sg.End(call, reason, 0), sg.Cancel(call, "cancelled"))
    say(one, outside, sg.Decline(call, "busy"), sg.Taken(call, 1))
    world.wait(100)
    assert [peer.up for peer in one.view.peers] == [True]


@pytest.mark.parametrize("phase", ["outgoing", "active"])
def test_ever_lower_rings_move_a_device_once_and_not_out_of_a_call(phase: str) -> None:
    world = World("a1 b1 c1", group=True) if phase == "outgoing" else talking("a1 b1 c1", group=True)
    one = world["a1"]
    if phase == "outgoing":
        one.session.dial(GID, "audio")
    calls = len(one.media)
    say(one, world["b1"], *rings(40))
    assert len(one.media) - calls == (phase == "outgoing")
    assert one.view.phase == ("connecting" if phase == "outgoing" else "active")
    world.wait(21_000)
    # The call that never was is given up; nothing is left of it.
    assert one.shown == ("ended failed" if phase == "outgoing" else "active")


def test_rings_of_a_big_group_are_silent_and_one_at_a_time() -> None:
    names = [f"{letter}1" for letter in "abcdefghi"]
    world = World(" ".join(names), group=True)
    one = world["a1"]
    say(one, world["b1"], *rings(40))
    assert {view.silent for view in one.views} == {True}
    one.session.decline()
    assert one.view.phase == "ended"
    # What was declined does not ring again, whoever repeats it.
    shown = len(one.views)
    say(one, world["c1"], rings(40)[-1])
    assert len(one.views) == shown
