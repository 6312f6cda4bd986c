"""How each row of the machine's table moves a call: the next state, and the signals that go out.

A move says nothing of links, rings, records or views: `machine.step` reads those off the two states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

from zajil.protocol.calls import events as ev
from zajil.protocol.calls import limits
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.actions import Outcome, Send, SendLog
from zajil.protocol.calls.state import (
    REMEMBERED,
    CallState,
    Known,
    Peer,
    at_rest,
    find_live,
    with_peer,
    without_peer,
)

Move: TypeAlias = tuple[CallState, tuple[Send | SendLog, ...]]
Rule: TypeAlias = Callable[[CallState, Any, int], Move]  # Any: each row's rule takes the event of its row

_OUTCOMES: Final[dict[str, Outcome]] = {
    "no-answer": "missed",
    "cancelled": "missed",
    "declined": "declined",
    "busy": "busy",
}


# -- endings
def end(state: CallState, reason: str, now: int, *sends: sg.Signal, fault: str = "", log: bool = True) -> Move:
    """The call is over on this device. log: the caller writes it into the chat."""
    out: list[Send | SendLog] = [Send(signal) for signal in sends]
    if state.caller and log:
        seconds = 0 if state.since is None else (now - state.since) // 1000
        outcome = _OUTCOMES.get(reason, "failed") if state.since is None else "answered"
        out.append(SendLog(state.call, state.kind, outcome, seconds))
    over = (*[one for one in state.over if one != state.call], state.call)[-REMEMBERED:]
    # Of a chat of two nothing is left to join; a group goes on without this device.
    known = state.known if state.group else None
    ended = replace(at_rest(state), phase="ended", known=known, over=over, reason=reason, fault=fault)
    return replace(ended, call=state.call, kind=state.kind, caller=state.caller, since=state.since), tuple(out)


def end_missed(state: CallState, _: object, now: int) -> Move:
    return end(state, "missed", now)


def end_elsewhere(state: CallState, _: object, now: int) -> Move:
    """Another device of the account is in it; its log tells the outcome."""
    return end(state, "elsewhere", now, log=False)


def end_declined_elsewhere(state: CallState, _: object, now: int) -> Move:
    return end(state, "declined-elsewhere", now)


def end_remote(state: CallState, _: object, now: int) -> Move:
    return end(state, "remote", now)


def end_removed(state: CallState, event: ev.Roster, now: int) -> Move:
    """Who is no member can write nothing into the chat."""
    return end(update_roster(state, event, now)[0], "removed", now, log=False)


def end_alarm(state: CallState, _: ev.Alarm, now: int) -> Move:
    return end(state, "not-encrypted", now, sg.End(state.call, "alarm"), fault="not-encrypted")


def end_full(state: CallState, _: object, now: int) -> Move:
    return end(state, "full", now)


def end_by_decline(state: CallState, event: ev.Received, now: int) -> Move:
    reason = event.signal.reason if isinstance(event.signal, sg.Decline) else ""
    return end(state, reason, now)


def hang_up(state: CallState, _: object, now: int) -> Move:
    return end(state, "hangup", now, sg.End(state.call, "hangup"))


def cancel(state: CallState, _: object, now: int) -> Move:
    return end(state, "cancelled", now, sg.Cancel(state.call, "cancelled"))


def give_up_ringing(state: CallState, _: object, now: int) -> Move:
    return end(state, "no-answer", now, sg.Cancel(state.call, "no-answer"))


def fail(state: CallState, event: ev.Fail | ev.Tick, now: int) -> Move:
    """No link came up, or this device cannot go on."""
    fault = event.why if isinstance(event, ev.Fail) else ""
    return end(state, "failed", now, sg.End(state.call, "failed"), fault=fault)


def fail_ringing(state: CallState, event: ev.Fail, now: int) -> Move:
    return end(state, "failed", now, sg.Cancel(state.call, "failed"), fault=event.why)


def fail_before(state: CallState, event: ev.Fail, _: int) -> Move:
    """Nothing was sent: the call never began."""
    return replace(at_rest(state), phase="ended", reason="failed", fault=event.why), ()


def lose(state: CallState, _: object, now: int) -> Move:
    return end(state, "lost", now, sg.End(state.call, "lost"))


def decline(state: CallState, _: object, now: int) -> Move:
    return end(state, "declined", now, sg.Decline(state.call, "declined"))


def decline_failed(state: CallState, event: ev.Fail, now: int) -> Move:
    return end(state, "failed", now, sg.Decline(state.call, "declined"), fault=event.why)


# -- beginnings
def dial(state: CallState, event: ev.Dial, now: int) -> Move:
    begun = replace(at_rest(state), phase="outgoing", call=event.call, secret=event.secret, kind=event.kind)
    begun = replace(begun, caller=True, cam=event.kind == "video", until=now + limits.RING_MS)
    return begun, (Send(sg.Ring(event.call, event.secret, event.kind)),)


def join(state: CallState, event: ev.Dial | ev.Received, now: int) -> Move:
    """Answer the live call instead of beginning another; an own ring that nobody heard is dropped."""
    live = find_live(state, now)
    if live is None:
        return state, ()
    kind = event.kind if isinstance(event, ev.Dial) else state.kind
    begun = replace(
        at_rest(state), phase="connecting", call=live.call, secret=live.secret, kind=live.kind, host=live.leaf
    )
    # Who muted, or closed the camera, while the own ring went out, stays so.
    cam = kind == "video" if isinstance(event, ev.Dial) else state.cam
    begun = replace(begun, mic=state.mic, cam=cam, until=now + limits.CONNECT_MS)
    return begun, (Send(sg.Accept(live.call, kind)),)


def join_running(state: CallState, event: ev.Received, now: int) -> Move:
    """A call of the group goes on already: the own ring is taken back."""
    joined, sends = join(state, event, now)
    return joined, (Send(sg.Cancel(state.call, "cancelled")), *sends)


def ring(state: CallState, event: ev.Received, now: int) -> Move:
    signal = event.signal
    if not isinstance(signal, sg.Ring):
        return state, ()
    begun = replace(
        at_rest(state), phase="incoming", call=signal.call, secret=signal.secret, kind=signal.kind, host=event.leaf
    )
    return replace(begun, mic=state.mic, until=now + limits.RING_MS - event.age_ms), ()


def refuse_busy(state: CallState, event: ev.Received, now: int) -> Move:
    """This device is in a call of another chat."""
    begun, _ = ring(state, event, now)
    return end(begun, "busy", now, sg.Decline(begun.call, "busy"))


def refuse_unsupported(state: CallState, event: ev.Received, now: int) -> Move:
    begun = replace(at_rest(state), phase="incoming", call=event.signal.call, host=event.leaf)
    return end(begun, "unsupported", now, sg.Decline(begun.call, "unsupported"), fault="unsupported")


def say_busy(state: CallState, event: ev.Received, _: int) -> Move:
    """This device is in another call of the same chat, which goes on."""
    return state, (Send(sg.Decline(event.signal.call, "busy")),)


def say_running(state: CallState, _: object, now: int) -> Move:
    """Somebody rings in a group whose call goes on."""
    return state, (Send(make_beacon(state, now)),) if state.hosts else ()


def answer(state: CallState, event: ev.AcceptCall, now: int) -> Move:
    begun = replace(state, phase="connecting", until=now + limits.CONNECT_MS, cam=event.kind == "video", quiet=False)
    return begun, (Send(sg.Accept(state.call, event.kind)),)


def restore(state: CallState, event: ev.Restored, now: int) -> Move:
    record = event.record
    begun = replace(at_rest(state), phase="reconnecting", call=record.call, secret=record.secret, kind=record.kind)
    # The camera is off until the person turns it on.
    begun = replace(begun, caller=record.caller, since=record.since, mic=record.mic, until=now + limits.RECONNECT_MS)
    accounts = {member.leaf: member.account for member in state.members}
    for leaf in record.leaves:
        if leaf in accounts:
            begun = with_peer(begun, Peer(leaf, accounts[leaf]))
    if begun.peers:
        return begun, ()
    # Nobody was in it yet: whom it rings is told.
    return cancel(begun, event, now) if begun.caller else lose(begun, event, now)


def quieten(state: CallState, _: object, now: int) -> Move:
    """A sibling answered: silent at once; whether it was the first, the caller says."""
    return replace(state, quiet=True, until=now + limits.TAKEN_MS), ()


# -- who takes part
def add(state: CallState, event: ev.Received, now: int) -> Move:
    """A leaf joins: a link to it is opened."""
    peer = Peer(event.leaf, event.account, until=now + limits.CONNECT_MS)
    joined = replace(with_peer(state, peer), alone_until=None)
    if state.phase == "outgoing":
        joined = replace(joined, phase="connecting", until=now + limits.CONNECT_MS)
    return joined, ()


def take(state: CallState, event: ev.Received, now: int) -> Move:
    """The first who answers in a chat of two."""
    return add(state, event, now)[0], (Send(sg.Taken(state.call, event.leaf)),)


def send_away(state: CallState, event: ev.Received, _: int) -> Move:
    """No room for a fifth; one of those inside says so."""
    return state, (Send(sg.End(state.call, "full", event.leaf)),) if state.hosts else ()


def drop(state: CallState, event: ev.Received, now: int) -> Move:
    """A leaf leaves the group's call."""
    return settle(without_peer(state, event.leaf), now), ()


def settle(state: CallState, now: int) -> CallState:
    """The phase that fits those who are left."""
    if state.phase not in ("active", "reconnecting"):
        return state
    if not state.peers:
        alone_until = state.alone_until or now + limits.ALONE_MS
        return replace(state, phase="active", until=None, alone_until=alone_until)
    if any(peer.up for peer in state.peers):
        return replace(state, phase="active", until=None)
    if state.phase == "active":
        return replace(state, phase="reconnecting", until=now + limits.RECONNECT_MS, beacon_at=None)
    return state


def update_roster(state: CallState, event: ev.Roster, now: int) -> Move:
    """Who was removed is out of the call, before anything else is heard."""
    known = state.known
    if known is not None and all(member.leaf != known.leaf for member in event.members):
        known = None
    me = event.me or state.me
    kept = replace(state, me=me, members=event.members, known=known)
    for peer in state.peers:
        if ev.Member(peer.leaf, peer.account) not in event.members:
            kept = without_peer(kept, peer.leaf)
    return settle(kept, now), ()


def lose_peer(state: CallState, event: ev.Roster, now: int) -> Move:
    """The only other device of a chat of two was removed, or the one that rang."""
    return end(update_roster(state, event, now)[0], "remote", now)


def end_ring_removed(state: CallState, event: ev.Roster, now: int) -> Move:
    return end(update_roster(state, event, now)[0], "missed", now)


# -- media
def link_up(state: CallState, event: ev.LinkUp, now: int) -> Move:
    peer = state.find_peer(event.leaf)
    if peer is None:
        return state, ()
    begun = with_peer(state, replace(peer, up=True, until=None))
    for other in begun.peers:
        if not other.up and (other.until is None or state.phase != "active"):
            begun = with_peer(begun, replace(other, until=now + limits.CONNECT_MS))
    since = now if state.since is None else state.since
    beacon_at = (state.beacon_at or now + limits.BEACON_MS) if state.group else None
    begun = replace(begun, phase="active", until=None, since=since, beacon_at=beacon_at)
    return begun, (Send(sg.State(state.call, state.mic, state.cam, state.relay_only, event.leaf)),)


def link_down(state: CallState, event: ev.LinkDown, now: int) -> Move:
    peer = state.find_peer(event.leaf)
    if peer is None or not peer.up:
        return state, ()
    return settle(with_peer(state, replace(peer, up=False, until=now + limits.RECONNECT_MS)), now), ()


def set_media(state: CallState, event: ev.SetMedia, _: int) -> Move:
    changed = replace(state, mic=event.mic, cam=event.cam)
    if changed == state or not state.peers:
        return changed, ()
    return changed, (Send(sg.State(state.call, event.mic, event.cam, state.relay_only)),)


def note_media(state: CallState, event: ev.Received, _: int) -> Move:
    peer, signal = state.find_peer(event.leaf), event.signal
    if peer is None or not isinstance(signal, sg.State):
        return state, ()
    return with_peer(state, replace(peer, mic=signal.mic, cam=signal.cam)), ()


# -- time
def give_up_peers(state: CallState, _: ev.Tick, now: int) -> Move:
    """Whose media did not come, or not come back, is out."""
    for peer in state.peers:
        if peer.until is not None and now >= peer.until:
            state = without_peer(state, peer.leaf)
    return settle(state, now), ()


def leave_alone(state: CallState, _: ev.Tick, now: int) -> Move:
    return end(state, "alone", now, sg.End(state.call, "alone"))


def forget_known(state: CallState, _: ev.Tick, __: int) -> Move:
    return replace(state, known=None), ()


def beacon(state: CallState, _: ev.Tick, now: int) -> Move:
    """Every 30 s, by the lowest leaf; the others keep the time too, should it leave."""
    later = replace(state, beacon_at=now + limits.BEACON_MS)
    return later, (Send(make_beacon(state, now)),) if state.hosts else ()


def make_beacon(state: CallState, now: int) -> sg.Beacon:
    """What tells the group of its call."""
    leaves = sorted([state.me.leaf, *(peer.leaf for peer in state.peers)])[: limits.PEOPLE]
    return sg.Beacon(state.call, state.secret, state.kind, state.since or now, tuple(leaves))


# -- what is known of the chat's live call
def note_known(state: CallState, event: ev.Received, now: int) -> CallState:
    """Rings and beacons tell of a live call, cancels and ends of a chat of two of its end."""
    signal, known = event.signal, state.known
    sibling = event.account == state.me.account
    match signal:
        case sg.Ring() if state.group or not sibling:
            pass
        case sg.Beacon() if state.group:
            pass
        case sg.Cancel() | sg.End() | sg.Decline() | sg.Taken() if known is not None and known.call == signal.call:
            # In a group others may go on; then one of them says so within 30 s, or when somebody rings.
            ended = event.leaf == known.leaf if state.group or isinstance(signal, sg.Cancel) else True
            return replace(state, known=None) if ended else state
        case _:
            return state
    over = not state.group and signal.call in state.over
    if not event.heard or event.age_ms > limits.KNOWN_MS or over:
        return state
    fresh = Known(signal.call, signal.secret, signal.kind, event.leaf, now - event.age_ms)
    live = find_live(state, now)
    if live is not None and live.leaf != event.leaf and live.call < signal.call:
        return state
    return replace(state, known=fresh)
