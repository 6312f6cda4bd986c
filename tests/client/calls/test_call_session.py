"""Sessions of a call, two to four over a network in memory. web/src/core/calls/session.test.ts tells the same."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.calls.callworld import GID, OTHER, Device, World
from tests.protocol.calls_signals import HOST, RELAY

from zajil.client.calls.record import Kept, parse_kept
from zajil.client.calls.showing import Measure
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.events import Record
from zajil.protocol.calls.ladder import Try
from zajil.protocol.calls.quality import Sample
from zajil.protocol.errors import LocalProtocolError


def talking(names: str = "a1 b1", *, kind: sg.Kind = "audio", group: bool = False) -> World:
    """The first device called, the last one answered."""
    world = World(names, group=group)
    world["a1"].session.dial(GID, kind)
    world.wait(1000)
    last = names.split()[-1]
    world[last].session.accept(kind)
    world.wait(1000)
    assert world["a1"].view.phase == world[last].view.phase == "active"
    return world


def test_a_call_is_answered_and_ended() -> None:
    world = talking("a1 b1 b2")
    one, other = world["a1"], world["b2"]
    assert world["b1"].shown == "ended elsewhere"
    assert (one.view.direction, other.view.direction) == ("outgoing", "incoming")
    assert one.media[0].told[0].startswith("key 1")
    assert one.media[0].told[0] == other.media[0].told[0]
    assert [peer.up for peer in one.view.peers] == [True]
    assert one.kept is not None
    one.session.set_media(mic=False, cam=False)
    world.wait(60_000)
    assert not other.view.peers[0].mic
    assert one.media[0].told[-1] == "media False False"
    other.session.hang_up()
    world.wait(1000)
    assert (one.shown, other.shown) == ("ended remote", "ended hangup")
    assert one.media[0].closed
    assert one.kept is other.kept is one.watched is None
    assert [(log.outcome, log.seconds) for log in one.logs] == [("answered", 60)]
    assert one.bad == other.bad == 0
    with pytest.raises(LocalProtocolError):
        talking()["a1"].session.dial(GID, "audio")


def test_a_group_of_four_joins_and_leaves() -> None:
    world = talking("a1 b1 c1 d1", group=True)
    for name in ("b1", "c1"):
        world[name].session.accept("audio")
        world.wait(1000)
    views = [device.view for device in world.devices.values()]
    assert [[peer.up for peer in view.peers] for view in views] == [[True] * 3] * 4
    assert all(view.hidden_address for view in views)
    world["a1"].session.hang_up()
    world.wait(1000)
    assert len(world["d1"].view.peers) == 2
    assert "close 0" in world["d1"].media[0].told


def test_who_is_removed_is_out_before_the_new_key() -> None:
    world = talking("a1 b1 c1", group=True)
    world.remove("c1")
    told = world["a1"].media[0].told
    key = next(at for at, one in enumerate(told) if one.startswith("key 2"))
    assert told.index("close 2") < key
    assert told[key].endswith("removed")
    assert world["c1"].shown == "ended removed"
    assert world["c1"].kept is None


def test_signals_of_a_new_epoch_wait_for_its_roster() -> None:
    world = talking()
    one = world["a1"]
    one.slow_keys = True
    world.commit()
    world["b1"].session.hang_up()
    world.wait(1000)
    assert one.view.phase == "active"
    one.settle()
    assert one.shown == "ended remote"


def test_the_key_of_one_call_is_not_given_to_the_next_of_the_chat() -> None:
    world = World("a1 b1")
    one, other = world["a1"], world["b1"]
    one.slow_keys = other.slow_keys = True
    one.session.dial(GID, "audio")
    other.session.dial(GID, "audio")
    world.wait(1000)
    # Whoever rang the higher id has asked for the keys of two calls.
    twice = next(device for device in (one, other) if len(device.media) == 2)
    twice.waiting.pop(0)()
    assert twice.media[1].told == []
    one.settle()
    other.settle()
    assert one.media[-1].told[0] == other.media[-1].told[0]
    world.wait(1000)
    assert one.view.phase == other.view.phase == "active"


def test_a_reload_returns_to_the_call_with_numbers_never_used() -> None:
    world = talking()
    other = world["b1"]
    kept = other.kept
    before = set(other.used)
    other.crash()
    world["a1"].media[0].lose(1)
    world.wait(5000)
    assert other.session.restore(kept)
    other.session.return_to_call()
    world.wait(2000)
    assert other.view.phase == world["a1"].view.phase == "active"
    assert set(other.used[len(before) :]).isdisjoint(before)
    assert len(set(other.used)) == len(other.used)


def test_who_joins_the_call_again_goes_on_with_numbers_never_used() -> None:
    world = talking("a1 b1 c1", group=True)
    world["b1"].session.accept("audio")
    world.wait(1000)
    one = world["c1"]
    for _ in range(3):
        one.session.hang_up()
        world.wait(1000)
        one.session.dial(GID, "audio")
        world.wait(1000)
        assert one.view.phase == "active"
    numbers = [number for _, number in one.used]
    assert {call for call, _ in one.used} == {one.media[0].start.call}
    assert numbers == sorted(set(numbers))
    # Also where the record was too old to return by.
    one.crash()
    world.wait(31_000)
    assert not one.session.restore(one.kept)
    one.session.dial(GID, "audio")
    world.wait(1000)
    numbers = [number for _, number in one.used]
    assert numbers == sorted(set(numbers))


def test_the_numbers_of_a_call_begin_anywhere_below_two_to_the_31() -> None:
    firsts = []
    for seed in range(40):
        world = World("a1 b1")
        world.drawn = seed * 100
        world["a1"].session.dial(GID, "audio")
        world.wait(500)
        world["b1"].session.accept("audio")
        world.wait(500)
        firsts.append(world["a1"].used[0][1])
    assert len(set(firsts)) == 40
    assert all(first % 64 == 0 and 64 <= first <= 1 << 31 for first in firsts)
    assert max(firsts) > 1 << 29


def test_a_reload_after_half_a_minute_forgets_the_call() -> None:
    world = talking()
    other = world["b1"]
    other.crash()
    world.wait(41_000)
    assert not other.session.restore(other.kept)
    assert other.kept is None
    assert not other.session.restore(b"nonsense")
    assert not other.session.restore(None)


def test_nothing_is_opened_before_the_record_is_durable_and_the_key_there() -> None:
    world = World("a1 b1")
    one = world["a1"]
    one.slow_disk = one.slow_keys = True
    one.session.dial(GID, "audio")
    world.wait(500)
    world["b1"].session.accept("audio")
    world.wait(500)
    assert one.media[0].told == []
    while one.waiting:
        one.waiting.pop(0)()
    assert [word.split()[0] for word in one.media[0].told] == ["key", "open"]
    world.wait(1000)
    assert one.view.phase == "active"


def test_under_the_relay_policy_no_address_leaves() -> None:
    world = World("a1 b1")
    for device in world.devices.values():
        device.session.hide_address = True
    world.offer = world.offer + f"a={HOST}\r\n"
    world["a1"].session.dial(GID, "audio")
    world.wait(500)
    world["b1"].session.accept("audio")
    world.wait(1000)
    one = world["a1"]
    assert one.view.hidden_address
    assert one.media[0].told[1] == "open 1 relay"
    assert (one.bad, one.view.phase) == (1, "connecting")
    pc = one.media[0].sent[1]
    for candidate, bad in ((HOST, 2), (RELAY, 2)):
        one.media[0].reports.local_signal(sg.Cand(one.media[0].start.call, 1, pc, (candidate,), False))
        assert one.bad == bad


def test_who_hides_the_address_before_answering_or_returning_hides_it() -> None:
    world = World("a1 b1")
    one = world["b1"]
    world["a1"].session.dial(GID, "audio")
    world.wait(500)
    assert not one.view.hidden_address
    one.session.hide_address = True
    one.session.accept("audio")
    world.wait(1000)
    assert one.view.hidden_address
    assert one.media[0].start.relay_only
    assert one.media[0].told[1] == "open 0 relay"
    one.session.hide_address = False
    one.session.accept("audio")
    assert one.view.hidden_address
    one.crash()
    assert one.session.restore(one.kept)
    one.session.hide_address = True
    one.session.return_to_call()
    assert one.view.hidden_address
    assert one.media[1].start.relay_only


def test_one_call_at_a_time() -> None:
    world = talking("a1 b1 c1", group=True)
    other = bytes(16)
    ring = sg.encode_signal(sg.Ring(bytes(16), bytes(32), "audio"))
    device = world["a1"]
    me = device.me
    device.session.hear(other, 1, world["b1"].me.account, age_ms=0, fields=ring)
    assert device.view.phase == "active"
    device.session.hear(GID, 9, me.account, age_ms=0, fields=ring)
    assert device.view.phase == "active"


def test_a_ring_that_comes_before_the_own_one_went_out_is_the_call_there_is() -> None:
    world = World("a1 b1")
    one, other = world["a1"], world["b1"]
    one.slow_chats = True
    one.session.dial(OTHER, "audio")
    other.session.dial(GID, "audio")
    world.wait(100)
    one.waiting.pop()()
    assert (one.view.phase, one.view.direction) == ("ringing", "incoming")
    shown = len(one.views)
    one.settle()
    # Shown again: it answers whoever pressed the button.
    assert len(one.views) == shown + 1
    assert (one.view.phase, one.view.direction) == ("ringing", "incoming")
    assert one.watched == GID
    one.session.accept("audio")
    world.wait(1000)
    assert one.view.phase == other.view.phase == "active"


def test_a_ring_in_another_chat_shows_nothing_over_the_call_there_is() -> None:
    world = talking()
    one, sender = world["a1"], world["b1"].me
    shown, before = len(one.views), one.view
    ring = sg.encode_signal(sg.Ring(bytes(16), bytes(32), "audio"))
    for fields in (ring, {**ring, "c": bytes(range(16)), "suite": 9}):
        one.session.hear(OTHER, sender.leaf, sender.account, age_ms=0, fields=fields)
    assert (len(one.views), one.view) == (shown, before)
    assert not one.media[0].closed
    one.session.hang_up()
    assert one.shown == "ended hangup"


def test_from_a_stranger_nothing_rings() -> None:
    world = World("a1 b1")
    world.strangers = {"b1"}
    world["a1"].session.dial(GID, "audio")
    world.wait(46_000)
    assert world["b1"].views == []
    assert world["a1"].shown == "ended no-answer"


def test_what_is_malformed_or_too_much_is_counted_and_ends_nothing() -> None:
    world = talking()
    one, other = world["a1"], world["b1"]
    one.session.hear(GID, 1, other.me.account, age_ms=0, fields={"v": 1, "t": "end"})
    assert one.bad == 1
    call = one.media[0].start.call
    lost = sg.encode_signal(sg.Got(call, 0, 999_998))
    for _ in range(320):
        one.session.hear(GID, 1, other.me.account, age_ms=0, fields=lost)
    assert one.bad > 20
    assert one.view.phase == "active"
    cands = sg.encode_signal(sg.Cand(call, 1, 2, (RELAY,) * 10, False))
    for _ in range(3):
        other.session.hear(GID, 0, one.me.account, age_ms=0, fields=cands)
    assert other.bad == 1
    # Also who said too much ends the call.
    other.session.hang_up()
    world.wait(100)
    assert one.shown == "ended remote"


def test_an_alarm_closes_everything_and_tells_the_other() -> None:
    world = talking()
    world["b1"].media[0].reports.alarm(0)
    assert world["b1"].media[0].closed
    assert (world["b1"].shown, world["b1"].view.why) == ("ended not-encrypted", "not-encrypted")
    world.wait(100)
    assert world["a1"].shown == "ended remote"
    world["b1"].media[0].reports.link_up(0)
    assert world["b1"].shown == "ended not-encrypted"


def test_what_opens_to_nobody_ends_a_call_of_two() -> None:
    one = talking()["a1"]
    one.media[0].refuse(1)
    assert one.media[0].closed
    assert (one.shown, one.view.why) == ("ended not-encrypted", "not-encrypted")


def test_a_group_goes_on_without_whose_frames_do_not_open_until_a_commit() -> None:
    world = talking("a1 b1 c1", group=True)
    world["b1"].session.accept("audio")
    world.wait(1_000)
    one, hostile = world["a1"], world["b1"]

    def said() -> dict[int, tuple[bool, bool]]:
        return {peer.leaf: (peer.up, peer.shut) for peer in one.view.peers}

    def opened() -> int:
        return sum(word.startswith("open 1") for word in one.media[0].told)

    assert said() == {1: (True, False), 2: (True, False)}
    one.media[0].refuse(1)
    assert (one.shown, one.media[0].closed) == ("active", False)
    # Whatever it does, in whatever order it comes back, no link is made again.
    for _ in range(5):
        world.wait(30_000)
        hostile.media[0].offer(0)
        world.wait(1_000)
    assert (said(), one.view.phase, opened()) == ({1: (False, True), 2: (True, False)}, "active", 1)
    world.commit()
    world.wait(1_000)
    hostile.media[0].offer(0)
    world.wait(1_000)
    assert (said(), opened()) == ({1: (True, False), 2: (True, False)}, 2)
    # Where nobody else is left, it says why.
    one.media[0].refuse(1)
    world["c1"].session.hang_up()
    world.wait(1_000)
    assert (one.view.phase, one.view.why) == ("recovering", "not-encrypted")
    world.wait(40_000)
    assert one.shown == "ended lost"


def test_no_route_and_no_microphone_say_so() -> None:
    world = World("a1 b1")
    world["a1"].session.fail(GID, "permission-denied")
    assert world["a1"].view.why == "permission-denied"
    world["a1"].session.dial(GID, "audio")
    world.wait(500)
    world["b1"].session.accept("audio")
    world.wait(60)
    world["a1"].media[0].reports.no_route(1)
    assert (world["a1"].shown, world["a1"].view.why) == ("ended failed", "no-route")


def measure(one: Device, concealed: int, *, rung: str = "direct", opened: int = 9) -> None:
    tries = (Try("A", "timeout", 10_000), Try("B", "works", 700)) if rung != "direct" else (Try("A", "works", 400),)
    sample = Sample(concealed, 48_000, 60, 60, 20)
    one.media[0].reports.measured(1, Measure(sample, 9, opened, rung, "relay.example", tries))


def test_what_is_shown_follows_what_is_measured() -> None:
    world = talking(kind="video")
    one = world["a1"]
    assert not one.view.encrypted
    measure(one, 0, opened=0)
    assert not one.view.encrypted
    measure(one, 0)
    assert one.view.encrypted
    assert (one.view.rung, one.view.word, one.view.why) == ("direct", "good", "")
    assert [(one.rung, one.result) for one in one.view.tried] == [("direct", "up")]
    measure(one, 0, rung="relay-tls")
    assert (one.view.rung, one.view.why) == ("relay-tls", "udp-blocked")
    for _ in range(12):
        world.wait(1000)
        measure(one, 24_000)
    assert (one.view.word, one.view.why) == ("poor", "lossy-network")
    assert [word for word in one.media[0].told if word.startswith("step")] == ["step small", "step no-video"]
    for _ in range(8):
        world.wait(1000)
        measure(one, 0)
    assert one.view.why == "video-paused"
    one.media[0].lose(1)
    assert (one.view.phase, one.view.word, one.view.why) == ("recovering", "reconnecting", "peer-silent")
    one.session.note_moved()


def test_a_record_is_read_as_it_was_written() -> None:
    kept = Kept(GID, Record(bytes(16), bytes(32), "video", caller=True, since=None, leaves=(1, 7)), 128, 5)
    assert parse_kept(kept.encode()) == kept
    assert parse_kept(kept.encode()[:-1]) is None
    muted = parse_kept(kept.encode())
    assert muted is not None
    assert not muted.record.mic
    heard = replace(kept, record=replace(kept.record, mic=True))
    assert parse_kept(heard.encode()) == heard
    data = heard.encode()
    older = bytes((data[0] - 1,)) + data[1:].replace(b"\x63mic\xf5", b"")
    assert len(data) - len(older) == 5
    assert parse_kept(older) == kept


def test_who_is_muted_stays_so_after_a_reload_before_anything_is_sent() -> None:
    world = talking(kind="video")
    one = world["b1"]
    one.session.set_media(mic=False, cam=True)
    one.crash()
    assert one.session.restore(one.kept)
    one.session.return_to_call()
    world.wait(2000)
    told = one.media[1].told
    assert told.index("media False False") < next(at for at, word in enumerate(told) if word.startswith("open"))
    assert not one.view.mic
    assert not one.view.camera
    assert not world["a1"].view.peers[0].mic


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 32))
def test_no_number_is_used_twice_over_crashes(seed: int) -> None:
    rng = random.Random(seed)
    world = talking()
    one = world["a1"]
    for _ in range(15):
        one.slow_disk = rng.random() < 0.5
        match rng.randrange(4):
            case 0:
                one.crash()
                if one.session.restore(one.kept):
                    one.session.return_to_call()
            case 1:
                one.settle()
            case _ if one.session and one.media and not one.media[-1].closed and 1 in one.media[-1].sent:
                for _ in range(rng.randrange(12)):
                    try:
                        one.media[-1].offer(1)
                    except LocalProtocolError:
                        break
        world.wait(rng.choice((0, 100, 3000)))
    assert len(set(one.used)) == len(one.used)
