"""Stories of calls: each row of the machine's table happens in one of them, and both languages replay them all.

A story is told once, here; it ends with what must be true of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.protocol.calls_signals import OFFER
from tests.protocol.calls_world import SECRET, World, account_id, call_id

from zajil.protocol.calls import actions as ac
from zajil.protocol.calls import events as ev
from zajil.protocol.calls import signals as sg

STORIES: Final[dict[str, Callable[[], World]]] = {}


def story(made: Callable[[], World]) -> Callable[[], World]:
    STORIES[made.__name__] = made
    return made


def talking(names: str = "a1 b1", *, kind: sg.Kind = "audio") -> World:
    """a1 called, b1 answered, media flows."""
    world = World(names)
    world.dial("a1", kind=kind)
    world.wait(2000)
    world.tell("b1", ev.AcceptCall(kind))
    world.wait(2000)
    assert world["a1"].phase == world["b1"].phase == "active"
    return world


def group_call(names: str, *inside: str) -> World:
    """The first of `inside` called, the others joined."""
    world = World(names, group=True)
    world.dial(inside[0])
    world.wait(1000)
    for name in inside[1:]:
        world.tell(name, ev.AcceptCall("audio"))
        world.wait(1000)
    assert all(world[name].phase == "active" for name in inside)
    return world


@story
def answered_and_ended() -> World:
    """A call is answered, and the caller ends it: who called writes the log."""
    world = talking()
    world.wait(60_000)
    world.tell("a1", ev.Hangup())
    world.wait(1000)
    assert (world["a1"].reason, world["b1"].reason) == ("hangup", "remote")
    assert world["a1"].logs == ["answered 61"]
    assert world["b1"].logs == []
    assert world["a1"].record is world["b1"].record is None
    assert world["a1"].state.secret == world["b1"].state.secret == b""
    return world


@story
def ended_by_the_other() -> World:
    """The callee ends it; the caller's log says that it was answered."""
    world = talking(kind="video")
    assert world["a1"].state.cam
    world.tell("b1", ev.SetMedia(mic=False, cam=False))
    world.wait(5000)
    peer = world["a1"].state.find_peer(1)
    assert peer is not None
    assert not peer.mic
    world.tell("b1", ev.Hangup())
    world.wait(1000)
    assert (world["a1"].reason, world["b1"].reason) == ("remote", "hangup")
    assert world["a1"].logs == ["answered 6"]
    return world


@story
def declined() -> World:
    """The callee declines: nobody rings on, and the log says so."""
    world = World("a1 b1 b2")
    world.dial("a1")
    world.wait(3000)
    world.tell("b2", ev.DeclineCall())
    world.wait(1000)
    assert [world[name].reason for name in ("a1", "b1", "b2")] == ["declined", "declined-elsewhere", "declined"]
    assert world["a1"].logs == ["declined 0"]
    return world


@story
def hung_up_while_it_rings() -> World:
    """Hanging up an incoming call declines it."""
    world = World("a1 b1")
    world.dial("a1")
    world.wait(3000)
    world.tell("b1", ev.Hangup())
    world.wait(1000)
    assert world["a1"].reason == world["b1"].reason == "declined"
    return world


@story
def no_answer() -> World:
    """Nobody answers for 45 s."""
    world = World("a1 b1")
    world.dial("a1")
    world.wait(46_000)
    assert (world["a1"].reason, world["b1"].reason) == ("no-answer", "missed")
    assert world["a1"].logs == ["missed 0"]
    return world


@story
def no_cancel_came() -> World:
    """The ring ends by itself at the age of 45 s, also where no cancel comes and the ring was late."""
    world = World("a1 b1")
    world.lost = lambda *_: True
    world.dial("a1")
    world.wait(20_000)
    world.receive("b1", "a1", sg.Ring(call_id(1), SECRET, "audio"), age_ms=20_000)
    world.wait(24_999)
    assert world["b1"].phase == "incoming"
    world.wait(2)
    assert world["b1"].reason == "missed"
    return world


@story
def taken_back() -> World:
    """The caller cancels; a late accept changes nothing."""
    world = World("a1 b1")
    world.dial("a1")
    world.wait(3000)
    world.tell("a1", ev.Hangup())
    world.tell("b1", ev.AcceptCall("audio"))
    world.wait(1000)
    assert (world["a1"].reason, world["b1"].reason) == ("cancelled", "remote")
    assert world["a1"].logs == ["missed 0"]
    return world


@story
def cancelled_while_it_rings() -> World:
    """The caller gives up while the other side rings."""
    world = World("a1 b1")
    world.dial("a1")
    world.wait(3000)
    world.tell("a1", ev.Hangup())
    world.wait(1000)
    assert world["b1"].reason == "missed"
    world.dial("b1")
    assert world["b1"].phase == "outgoing"
    return world


@story
def old_ring() -> World:
    """A ring that comes after 45 s does not ring; calling within 60 s joins what may still be there."""
    world = World("a1 b1")
    world.receive("b1", "a1", sg.Ring(call_id(9), SECRET, "audio"), age_ms=46_000)
    assert world["b1"].phase == "idle"
    world.wait(10_000)
    world.dial("b1", kind="video")
    assert world["b1"].phase == "connecting"
    assert world["b1"].sent(sg.Accept) == [sg.Accept(call_id(9), "video")]
    world.wait(21_000)
    assert world["b1"].reason == "failed"
    world.receive("b1", "a1", sg.Ring(call_id(8), SECRET, "audio"), age_ms=61_000)
    world.dial("b1")
    assert world["b1"].phase == "outgoing"
    return world


@story
def known_no_longer() -> World:
    """60 s after its last ring a call is not joined any more."""
    world = World("a1 b1")
    world.receive("b1", "a1", sg.Ring(call_id(9), SECRET, "audio"), age_ms=50_000)
    world.wait(10_001)
    assert world["b1"].state.known is None
    return world


@story
def unheard() -> World:
    """From a stranger, or in a blocked chat, nothing rings and nothing is answered."""
    world = World("a1 b1")
    world.unheard = {"b1"}
    world.dial("a1")
    world.wait(46_000)
    assert world["b1"].phase == "idle"
    assert world["b1"].done == []
    return world


@story
def siblings_do_not_ring() -> World:
    """The caller's own devices stay quiet, and calling from one of them begins anew."""
    world = World("a1 a2 b1")
    world.dial("a1")
    world.wait(1000)
    assert world["a2"].phase == "idle"
    return world


@story
def busy() -> World:
    """A device in another call says so at once, and the rest of the account stops ringing."""
    world = World("a1 b1 b2")
    world.busy = {"b1"}
    world.dial("a1")
    world.wait(1000)
    assert [world[name].reason for name in ("a1", "b1", "b2")] == ["busy", "busy", "declined-elsewhere"]
    assert world["a1"].logs == ["busy 0"]
    return world


@story
def unsupported() -> World:
    """A ring of a later version is declined, and the person told."""
    world = World("a1 b1 c1", group=True)
    world.receive("b1", "a1", sg.Unsupported(call_id(5)))
    assert world["b1"].reason == "unsupported"
    world.receive("b1", "a1", sg.Unsupported(call_id(5)))
    world.unheard = {"c1"}
    world.receive("c1", "a1", sg.Unsupported(call_id(5)))
    assert world["c1"].done == []
    return world


@story
def declined_as_unsupported() -> World:
    """The callee's version cannot."""
    world = World("a1 b1")
    world.dial("a1")
    world.receive("a1", "b1", sg.Decline(call_id(1), "unsupported"))
    assert world["a1"].reason == "unsupported"
    assert world["a1"].logs == ["failed 0"]
    return world


@story
def four_devices() -> World:
    """Of four devices the first that answers is taken; the others are silent at once."""
    world = World("a1 b1 b2 b3 b4")
    world.dial("a1")
    world.wait(5000)
    world.tell("b3", ev.AcceptCall("audio"))
    world.wait(SILENT_MS)
    assert [world[name].ringing for name in ("b1", "b2", "b3", "b4")] == [0, 0, 0, 0]
    world.wait(2000)
    assert [world[name].reason for name in ("b1", "b2", "b4")] == ["elsewhere"] * 3
    assert world["b3"].phase == "active"
    return world


SILENT_MS: Final = 100


@story
def accept_race() -> World:
    """Two devices answer in the same moment: one is taken, the other lets go without a word."""
    world = World("a1 b1 b2")
    world.dial("a1")
    world.wait(5000)
    world.tell("b2", ev.AcceptCall("audio"))
    world.tell("b1", ev.AcceptCall("audio"))
    world.wait(2000)
    assert world["b2"].phase == world["a1"].phase == "active"
    assert world["b1"].reason == "elsewhere"
    assert world["b1"].sent(sg.End) == []
    return world


@story
def taken_is_lost() -> World:
    """A sibling answered and no `taken` comes: after 5 s the other devices give up."""
    world = World("a1 b1 b2")
    world.lost = lambda _, other, signal: isinstance(signal, sg.Taken) and other.name == "b2"
    world.dial("a1")
    world.wait(5000)
    world.tell("b1", ev.AcceptCall("audio"))
    world.wait(4000)
    assert world["b2"].phase == "incoming"
    assert world["b2"].ringing == 0
    world.wait(2000)
    assert world["b2"].reason == "elsewhere"
    return world


@story
def an_offer_is_as_good_as_taken() -> World:
    """The link offer of the caller shows whom it takes."""
    world = World("a1 b1")
    world.lost = lambda _, __, signal: isinstance(signal, sg.Taken | sg.Room)
    world.dial("a1")
    world.wait(1000)
    world.tell("b1", ev.AcceptCall("audio"))
    world.wait(500)
    assert world["b1"].state.peers == ()
    world.receive("b1", "a1", sg.Desc(call_id(1), 1, 2, "offer", OFFER))
    world.receive("b1", "a1", sg.Desc(call_id(1), 1, 4, "offer", OFFER))
    world.wait(1000)
    assert world["b1"].phase == "active"
    return world


@story
def glare() -> World:
    """Both call at once: the lower call stays, and whoever rang the higher one answers the lower."""
    world = World("a1 b1 b2")
    world.dial("b1", call=7)
    world.dial("a1", call=3)
    world.wait(3000)
    assert world["a1"].phase == world["b1"].phase == "active"
    assert world["a1"].state.call == world["b1"].state.call == call_id(3)
    assert world["b2"].reason == "elsewhere"
    assert world["b1"].logs == []
    return world


@story
def muted_in_glare() -> World:
    """Who muted while it rang there stays muted in the call that is answered instead."""
    world = World("a1 b1")
    world.dial("b1", call=7, kind="video")
    world.tell("b1", ev.SetMedia(mic=False, cam=False))
    world.dial("a1", call=3)
    world.wait(3000)
    assert world["b1"].state.call == call_id(3)
    assert (world["b1"].state.mic, world["b1"].state.cam) == (False, False)
    peer = world["a1"].state.find_peer(1)
    assert peer is not None
    assert not peer.mic
    return world


@story
def muted_while_another_rings() -> World:
    """Who muted while it rings stays so when the ring of a lower id takes its place."""
    world = World("a1 b1")
    world.receive("b1", "a1", sg.Ring(call_id(7), SECRET, "audio"))
    world.tell("b1", ev.SetMedia(mic=False, cam=False))
    world.receive("b1", "a1", sg.Ring(call_id(3), SECRET, "audio"))
    assert (world["b1"].phase, world["b1"].state.call) == ("incoming", call_id(3))
    assert not world["b1"].state.mic
    return world


@story
def reload_while_muted() -> World:
    """A reload keeps the microphone as it was, and the camera off until the person turns it on."""
    world = talking(kind="video")
    world.tell("b1", ev.SetMedia(mic=False, cam=True))
    world.wait(1000)
    world.reload("b1")
    assert (world["b1"].phase, world["b1"].state.mic, world["b1"].state.cam) == ("reconnecting", False, False)
    record = ev.Record(call_id(1), SECRET, "audio", caller=False, since=None, leaves=(1,))
    other = World("a1 b1")
    other.tell("a1", ev.Restored(record, 0))
    assert not other["a1"].state.mic
    return world


@story
def glare_of_siblings() -> World:
    """Two devices of one account call at once: the higher one lets go without a word."""
    world = World("a1 a2 b1")
    world.dial("a1", call=7)
    world.dial("a2", call=3)
    world.wait(1000)
    assert (world["a1"].reason, world["a2"].phase) == ("elsewhere", "outgoing")
    assert world["b1"].state.call == call_id(3)
    assert world["a1"].logs == []
    return world


@story
def own_account_calls_back() -> World:
    """While it rings here, a sibling has called with a lower id: that call counts."""
    world = World("a1 b1 b2")
    world.dial("a1", call=7)
    world.wait(1000)
    world.dial("b1", call=3)
    assert world["b1"].phase == "incoming"
    world.receive("b2", "b1", sg.Ring(call_id(3), SECRET, "audio"))
    assert world["b2"].reason == "elsewhere"
    return world


@story
def rung_again() -> World:
    """Whoever rings again has given up the ring before, also with a higher id; of two callers the lower id rings."""
    world = World("a1 b1 c1", group=True)
    world.dial("a1", call=4)
    world.wait(1000)
    world.receive("b1", "a1", sg.Ring(call_id(6), SECRET, "audio"))
    assert world["b1"].state.call == call_id(6)
    assert world["b1"].ringing == 1
    world.receive("b1", "c1", sg.Ring(call_id(8), SECRET, "audio"))
    assert world["b1"].state.call == call_id(6)
    world.receive("b1", "c1", sg.Ring(call_id(2), SECRET, "video"))
    assert world["b1"].state.call == call_id(2)
    assert world["b1"].ringing == 1
    return world


@story
def rings_during_a_call() -> World:
    """Another call of the same chat is told that we are busy; ours goes on."""
    world = talking("a1 a2 b1 b2")
    world.receive("b1", "a1", sg.Ring(call_id(9), SECRET, "audio"))
    world.receive("b1", "b2", sg.Ring(call_id(9), SECRET, "audio"))
    assert world["b1"].phase == "active"
    assert world["b1"].sent(sg.Decline) == [sg.Decline(call_id(9), "busy")]
    return world


@story
def no_link_comes_up() -> World:
    """No media for 20 s: it failed."""
    world = World("a1 b1")
    world.media = False
    world.dial("a1")
    world.wait(1000)
    world.tell("b1", ev.AcceptCall("audio"))
    world.wait(21_000)
    assert world["a1"].reason in ("failed", "remote")
    assert world["a1"].logs == ["failed 0"]
    return world


@story
def lost_and_found() -> World:
    """The media breaks, and comes back within 30 s."""
    world = talking()
    world.break_media("a1", "b1")
    assert world["a1"].phase == world["b1"].phase == "reconnecting"
    world.wait(20_000)
    world.mend_media("a1", "b1")
    world.wait(1000)
    assert world["a1"].phase == world["b1"].phase == "active"
    return world


@story
def lost_for_good() -> World:
    """The media breaks for 30 s."""
    world = talking()
    world.lost = lambda *_: True
    world.break_media("a1", "b1")
    world.wait(31_000)
    assert world["a1"].reason == world["b1"].reason == "lost"
    assert world["a1"].logs == ["answered 31"]
    return world


@story
def reload_and_return() -> World:
    """A reload within 30 s: the call is returned to, and looks for its media again."""
    world = talking()
    world.break_media("a1", "b1")
    world.wait(5000)
    world.reload("b1")
    assert world["b1"].phase == "reconnecting"
    world.mend_media("a1", "b1")
    world.wait(1000)
    assert world["a1"].phase == world["b1"].phase == "active"
    assert world["b1"].state.since is not None
    return world


@story
def reload_too_late() -> World:
    """A reload after more than 30 s returns to nothing."""
    world = talking()
    world.break_media("a1", "b1")
    world["b1"].persisted_at -= 40_000
    world.reload("b1")
    assert world["b1"].phase == "idle"
    return world


@story
def reload_while_it_rings() -> World:
    """A caller that starts anew before anybody answered takes its ring back; a callee lets go."""
    world = World("a1 b1")
    world.dial("a1")
    world.wait(1000)
    world.reload("a1")
    world.wait(1000)
    assert (world["a1"].reason, world["b1"].reason) == ("cancelled", "missed")
    other = World("a1 b1")
    other.receive("b1", "a1", sg.Ring(call_id(1), SECRET, "audio"))
    other.tell("b1", ev.AcceptCall("audio"))
    other.reload("b1")
    assert other["b1"].reason == "lost"
    world.devices |= {"other": other["b1"]}
    return world


@story
def alarm() -> World:
    """Something unencrypted: everything closes first, then the others are told."""
    world = talking()
    before = len(world["b1"].done)
    world.tell("b1", ev.Alarm(0))
    kinds = [type(one).__name__ for one in world["b1"].done[before:]]
    assert kinds.index("CloseLink") < kinds.index("Send")
    world.wait(1000)
    assert (world["b1"].reason, world["a1"].reason) == ("not-encrypted", "remote")
    return world


@story
def own_faults() -> World:
    """What this device cannot do ends its call with the reason, before, while and after it rings."""
    world = World("a1 b1 c1", group=True)
    world.tell("a1", ev.Fail("permission-denied"))
    assert world["a1"].sent(sg.Ring) == []
    world.dial("a1", call=1)
    world.wait(1000)
    world.tell("b1", ev.Fail("permission-denied"))
    world.tell("a1", ev.Fail("unsupported"))
    world.wait(1000)
    world.dial("a1", call=2)
    world.wait(1000)
    world.tell("b1", ev.AcceptCall("audio"))
    world.wait(1000)
    world.tell("b1", ev.Fail("no-route"))
    assert world["b1"].state.fault == "no-route"
    return world


@story
def removed_in_a_call() -> World:
    """A device that is removed from the chat is out of the call before it hears anything else."""
    world = talking()
    world.remove("b1")
    assert (world["a1"].reason, world["b1"].reason) == ("remote", "removed")
    assert world["b1"].sent(sg.End) == []
    world.receive("a1", "b1", sg.Ring(call_id(6), SECRET, "audio"))
    assert world["a1"].phase == "ended"
    return world


@story
def removed_while_ringing() -> World:
    """Who rang is removed: the ring stops, and the call is not known any more."""
    world = World("a1 b1 c1", group=True)
    world.dial("a1")
    world.wait(1000)
    world.remove("a1")
    assert [world[name].reason for name in ("a1", "b1", "c1")] == ["removed", "missed", "missed"]
    assert world["b1"].ringing == 0
    assert world["b1"].state.known is None
    return world


@story
def group_of_three() -> World:
    """Everybody who answers joins; the lowest leaf tells the group every 30 s; who leaves is missed by nobody."""
    world = group_call("a1 b1 c1 d1", "b1", "a1", "c1")
    assert [len(world[name].state.peers) for name in ("a1", "b1", "c1")] == [2, 2, 2]
    world.wait(65_000)
    assert len(world["a1"].sent(sg.Beacon)) == 2
    assert world["b1"].sent(sg.Beacon) == world["c1"].sent(sg.Beacon) == []
    assert world["d1"].reason == "missed"
    world.tell("a1", ev.Hangup())
    world.wait(31_000)
    assert len(world["b1"].sent(sg.Beacon)) == 1
    assert world["a1"].state.known is not None
    world.dial("d1")
    world.wait(1000)
    assert world["d1"].phase == "active"
    assert world["b1"].phase == "active"
    return world


@story
def fifth() -> World:
    """No room for a fifth: the lowest leaf says so, and an offer of the fifth opens nothing."""
    world = group_call("a1 b1 c1 d1 e1", "a1", "b1", "c1", "d1")
    world.tell("e1", ev.AcceptCall("audio"))
    world.wait(1000)
    assert world["e1"].reason == "full"
    assert [len(world[name].sent(sg.End)) for name in ("a1", "b1", "c1", "d1")] == [1, 0, 0, 0]
    world.receive("b1", "e1", sg.Desc(call_id(1), 1, 2, "offer", OFFER))
    assert len(world["b1"].state.peers) == 3
    return world


@story
def alone() -> World:
    """The others leave: after 60 s alone the call is over; somebody who joins in time keeps it."""
    world = group_call("a1 b1 c1", "a1", "b1")
    world.tell("b1", ev.Hangup())
    world.wait(40_000)
    assert world["a1"].phase == "active"
    world.tell("c1", ev.AcceptCall("audio"))
    world.dial("c1")
    world.wait(30_000)
    assert world["a1"].phase == world["c1"].phase == "active"
    world.tell("c1", ev.Hangup())
    world.wait(61_000)
    assert world["a1"].reason == "alone"
    return world


@story
def group_declines() -> World:
    """In a group a decline ends nothing but the ring of that account."""
    world = World("a1 b1 b2 c1", group=True)
    world.busy = {"c1"}
    world.dial("a1")
    world.wait(1000)
    world.tell("b1", ev.DeclineCall())
    world.wait(1000)
    assert [world[name].reason for name in ("b1", "b2", "c1")] == ["declined", "declined-elsewhere", "busy"]
    assert world["a1"].phase == "outgoing"
    world.receive("a1", "b1", sg.Taken(call_id(1), 2))
    world.wait(45_000)
    assert world["a1"].logs == ["missed 0"]
    return world


@story
def one_of_a_group_drops_out() -> World:
    """One peer's media breaks: the call goes on with the other, and the lost one is given up after 30 s."""
    world = group_call("a1 b1 c1", "a1", "b1", "c1")
    for name in ("b1", "c1"):
        world.break_media("a1", name)
    assert world["a1"].phase == "reconnecting"
    assert world["b1"].phase == "active"
    world.wait(29_000)
    world.mend_media("a1", "b1")
    world.wait(25_000)
    assert world["a1"].phase == "active"
    assert [peer.leaf for peer in world["a1"].state.peers] == [1]
    return world


@story
def group_removal() -> World:
    """A member is removed: its link is closed at once, and the call goes on."""
    world = group_call("a1 b1 c1", "a1", "b1", "c1")
    world.remove("c1")
    assert ac.CloseLink(2) in world["a1"].done
    assert world["a1"].phase == world["b1"].phase == "active"
    assert world["c1"].reason == "removed"
    return world


@story
def ring_into_a_running_call() -> World:
    """Who did not know of the group's call rings, hears of it, and joins it."""
    world = group_call("a1 b1 c1 d1", "a1", "b1")
    world.wait(2000)
    world.reload("c1")
    world.tell("c1", ev.Dial("audio", call_id(0x0), SECRET))
    world.wait(2000)
    assert world["c1"].state.call == call_id(1)
    assert world["c1"].phase == "active"
    return world


@story
def an_offer_joins() -> World:
    """In a group the link offer of a new leaf makes it a peer, even while nobody has answered."""
    world = World("a1 b1 c1", group=True)
    world.dial("a1")
    world.wait(1000)
    world.receive("a1", "c1", sg.Room(call_id(1), 0, 2))
    assert world["a1"].phase == "connecting"
    world.receive("a1", "b1", sg.Desc(call_id(1), 0, 2, "offer", OFFER))
    assert [peer.leaf for peer in world["a1"].state.peers] == [1, 2]
    return world


@story
def host_leaves_while_it_rings() -> World:
    """The one who rang left the group's call: no ring without a host."""
    world = World("a1 b1 c1", group=True)
    world.dial("a1")
    world.wait(1000)
    world.receive("c1", "a1", sg.End(call_id(1), "hangup"))
    assert world["c1"].reason == "missed"
    return world


@story
def a_large_chat() -> World:
    """In a chat of more than 8 accounts a ring is shown and makes no sound."""
    for count, sound in ((8, True), (9, False)):
        world = World(" ".join(f"{letter}1" for letter in "abcdefghi"[:count]), group=True)
        world.dial("a1")
        world.wait(100)
        assert [one.sound for one in world["b1"].done if isinstance(one, ac.RingOn)] == [sound]
    return world


@story
def not_for_us() -> World:
    """Signals for another leaf, of another call, of no member, or out of place change nothing."""
    world = talking("a1 b1 c1")
    before = world["b1"].state
    for signal in (
        sg.End(call_id(1), "full", 0),
        sg.End(call_id(8), "hangup"),
        sg.Accept(call_id(1), "audio"),
        sg.Decline(call_id(1), "declined"),
        sg.Cancel(call_id(1), "no-answer"),
        sg.Taken(call_id(1), 2),
        sg.State(call_id(1), False, False, False),
        sg.Got(call_id(1), 1, 2),
        sg.Lost(call_id(1), 1, 2),
        sg.Cand(call_id(1), 1, 2, (), True),
        sg.Desc(call_id(1), 1, 2, "offer", OFFER),
        sg.Beacon(call_id(8), SECRET, "audio", 0, (0,)),
    ):
        world.receive("b1", "c1", signal)
    world.tell("b1", ev.Received(sg.End(call_id(1), "hangup"), 9, account_id("a"), 0))
    world.tell("b1", ev.Received(sg.End(call_id(1), "hangup"), 0, account_id("c"), 0))
    for event in (ev.LinkUp(7), ev.LinkDown(7), ev.AcceptCall("audio"), ev.DeclineCall()):
        world.tell("b1", event)
    assert world["b1"].state == before
    return world
