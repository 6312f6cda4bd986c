"""The life of the calls of one chat on one device.

Theory of operation. One device rings, all devices of the chat hear it, the person answers on one of them: `accept`.
In a chat of two the caller says whom it takes (`taken`), and only those two open links; in a group every `accept` is a
join, and everybody inside opens a link to who joins. Media flowing both ways with one peer makes the call active; when
the last such peer is lost, 30 s are left to find it again. A chat has one live call: of two rings the lower call id
wins, and whoever rang the higher one answers the lower. The machine knows nothing of WebRTC, routes or keys: links go
up and down, and it says who takes part.

    idle -> outgoing -> connecting -> active <-> reconnecting -> ended
    idle -> incoming -> connecting;  any -> ended, which to the next call is as good as idle

What follows from the state alone, which links are open, whether it rings, what is kept for a reload and what is shown,
is not in the table: `step` compares the two states. `now_ms` and `age_ms` are arguments; no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from zajil.protocol.calls import events as ev
from zajil.protocol.calls import limits, moves
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.actions import (
    Action,
    CloseLink,
    OpenLink,
    Persist,
    Phase,
    RingOff,
    RingOn,
    Send,
    SendLog,
    Show,
    WakeAt,
)
from zajil.protocol.calls.state import (
    IN_CALL,
    CallState,
    find_live,
    find_record,
    next_deadline,
    show,
)

Step = tuple[CallState, tuple[Action, ...]]
_TICKS_AT_ONCE: Final = 8


class Row(NamedTuple):
    """One row of the table: in these phases, an event of this name and case moves the call so."""

    event: str
    phases: tuple[Phase, ...]
    case: str
    rule: moves.Rule


_REST: Final[tuple[Phase, ...]] = ("idle", "ended")
_OUT: Final[tuple[Phase, ...]] = ("outgoing",)
_IN: Final[tuple[Phase, ...]] = ("incoming",)
_CONNECTING: Final[tuple[Phase, ...]] = ("connecting",)
_ACTIVE: Final[tuple[Phase, ...]] = ("active",)
_BACK: Final[tuple[Phase, ...]] = ("reconnecting",)
_LIVE: Final[tuple[Phase, ...]] = (*_OUT, *_IN, *IN_CALL)

ROWS: Final[tuple[Row, ...]] = (
    # event, phases, case, rule
    Row("dial", _REST, "new", moves.dial),
    Row("dial", _REST, "live", moves.join),
    Row("accept_call", _IN, "", moves.answer),
    Row("decline_call", _IN, "", moves.decline),
    Row("hangup", _IN, "", moves.decline),
    Row("hangup", _OUT, "", moves.cancel),
    Row("hangup", IN_CALL, "", moves.hang_up),
    Row("set_media", _LIVE, "", moves.set_media),
    Row("restored", _REST, "young", moves.restore),
    Row("fail", _REST, "", moves.fail_before),
    Row("fail", _OUT, "", moves.fail_ringing),
    Row("fail", _IN, "", moves.decline_failed),
    Row("fail", IN_CALL, "", moves.fail),
    # signals
    Row("ring", _REST, "new", moves.ring),
    Row("ring", _REST, "busy", moves.refuse_busy),
    Row("ring", _OUT, "lower", moves.join),
    Row("ring", _OUT, "lower of a sibling", moves.end_elsewhere),
    Row("ring", _IN, "lower", moves.ring),
    Row("ring", _IN, "lower of a sibling", moves.end_elsewhere),
    Row("ring", IN_CALL, "another", moves.say_busy),
    Row("ring", IN_CALL, "another in a group", moves.say_running),
    Row("unsupported", _REST, "new", moves.refuse_unsupported),
    Row("beacon", _OUT, "another", moves.join_running),
    Row("accept", _OUT, "first of two", moves.take),
    Row("accept", (*_OUT, *IN_CALL), "joins", moves.add),
    Row("accept", (*_OUT, *IN_CALL), "full", moves.send_away),
    Row("accept", _IN, "sibling", moves.quieten),
    Row("taken", _CONNECTING, "mine", moves.add),
    Row("taken", (*_IN, *_CONNECTING), "another", moves.end_elsewhere),
    Row("decline", _OUT, "of two", moves.end_by_decline),
    Row("decline", _IN, "sibling", moves.end_declined_elsewhere),
    Row("cancel", _IN, "host", moves.end_missed),
    Row("cancel", _CONNECTING, "host", moves.end_remote),
    Row("end", _IN, "host", moves.end_missed),
    Row("end", IN_CALL, "of two", moves.end_remote),
    Row("end", IN_CALL, "leaves", moves.drop),
    Row("end", IN_CALL, "full", moves.end_full),
    Row("offer", (*_OUT, *IN_CALL), "joins", moves.add),
    Row("state", IN_CALL, "peer", moves.note_media),
    # media
    Row("link_up", IN_CALL, "peer", moves.link_up),
    Row("link_down", IN_CALL, "peer", moves.link_down),
    Row("alarm", IN_CALL, "", moves.end_alarm),
    # roster
    Row("roster", (*_REST, *_LIVE), "", moves.update_roster),
    Row("roster", _LIVE, "without me", moves.end_removed),
    Row("roster", IN_CALL, "without the other", moves.lose_peer),
    Row("roster", _IN, "without the host", moves.end_ring_removed),
    # time
    Row("tick", _REST, "known", moves.forget_known),
    Row("tick", _OUT, "phase", moves.give_up_ringing),
    Row("tick", _IN, "phase", moves.end_missed),
    Row("tick", _IN, "phase, quiet", moves.end_elsewhere),
    Row("tick", _CONNECTING, "phase", moves.fail),
    Row("tick", _BACK, "phase", moves.lose),
    Row("tick", _ACTIVE, "peer", moves.give_up_peers),
    Row("tick", _ACTIVE, "alone", moves.leave_alone),
    Row("tick", _ACTIVE, "beacon", moves.beacon),
)


def _make_table() -> Mapping[tuple[str, Phase, str], Row]:
    return {(row.event, phase, row.case): row for row in ROWS for phase in row.phases}


TABLE: Final = MappingProxyType(_make_table())


def step(state: CallState, event: ev.Event, now_ms: int) -> Step:
    """The state after an event, and what to do, in this order.

    now_ms: of one clock that never goes back. What time alone decides by then is decided first, but a roster before
    everything. An event that no row of TABLE names changes nothing.
    """
    after, sends = (state, ()) if isinstance(event, ev.Roster) else _tick(state, now_ms)
    if isinstance(event, ev.Received):
        if not _is_for_us(after, event):
            return after, tuple(_actions(state, after, sends))
        after = moves.note_known(after, event, now_ms)
    row = find_row(after, event, now_ms)
    if row is not None and not isinstance(event, ev.Tick):
        after, more = row.rule(after, event, now_ms)
        sends = (*sends, *more)
    return after, tuple(_actions(state, after, sends))


def _tick(state: CallState, now: int) -> moves.Move:
    """All that is due."""
    sends: tuple[Send | SendLog, ...] = ()
    for _ in range(_TICKS_AT_ONCE):
        row = find_row(state, ev.Tick(), now)
        if row is None:
            break
        state, more = row.rule(state, ev.Tick(), now)
        sends = (*sends, *more)
    return state, sends


def _is_for_us(state: CallState, event: ev.Received) -> bool:
    """Meant for this leaf or all, from another one that is a member now."""
    to = None if isinstance(event.signal, sg.Unsupported) else event.signal.to
    member = ev.Member(event.leaf, event.account) in state.members
    return member and event.leaf != state.me.leaf and to in (None, state.me.leaf)


def _actions(before: CallState, after: CallState, sends: Sequence[Send | SendLog]) -> Iterator[Action]:
    """What lies between two states: records first, closing before sending, sending before opening."""
    record, old = find_record(after), find_record(before)
    if record is not None and record != old:
        yield Persist(record)
    if before.rings and not (after.rings and after.call == before.call):
        yield RingOff()
    # Another call with the same leaf is another link.
    same = before.call == after.call
    had = [peer.leaf for peer in before.peers]
    has = [peer.leaf for peer in after.peers]
    yield from (CloseLink(leaf) for leaf in had if leaf not in has or not same)
    yield from sends
    yield from (OpenLink(leaf) for leaf in has if leaf not in had or not same)
    if after.rings and not (before.rings and same):
        yield RingOn(after.sounds)
    view = show(after)
    if view != show(before):
        yield Show(view)
    if record is None and old is not None:
        yield Persist(None)
    deadline = next_deadline(after)
    if deadline != next_deadline(before):
        yield WakeAt(deadline)


# -- cases: what of an event decides, beside its name and the phase
def find_row(state: CallState, event: ev.Event, now: int) -> Row | None:
    """The row of the table for an event, None where it changes nothing."""
    name, case = _find_case(state, event, now)
    return TABLE.get((name, state.phase, case))


_PLAIN: Final[Mapping[type[ev.Event], str]] = MappingProxyType(
    {
        ev.AcceptCall: "accept_call",
        ev.DeclineCall: "decline_call",
        ev.Hangup: "hangup",
        ev.SetMedia: "set_media",
        ev.Alarm: "alarm",
        ev.Fail: "fail",
    }
)


def _find_case(state: CallState, event: ev.Event, now: int) -> tuple[str, str]:
    match event:
        case ev.Dial():
            return "dial", "live" if find_live(state, now) else "new"
        case ev.Restored():
            return "restored", "young" if event.age_ms <= limits.RECONNECT_MS else "old"
        case ev.LinkUp() | ev.LinkDown():
            name = "link_up" if isinstance(event, ev.LinkUp) else "link_down"
            return name, "peer" if state.find_peer(event.leaf) else "nobody"
        case ev.Roster():
            return "roster", _roster_case(state, event)
        case ev.Tick():
            return "tick", _tick_case(state, now)
        case ev.Received():
            return _signal_case(state, event)
    return _PLAIN[type(event)], ""


def _roster_case(state: CallState, event: ev.Roster) -> str:
    if state.phase in _REST:
        return ""
    if event.me != state.me or event.me not in event.members:
        return "without me"
    gone = [peer for peer in state.peers if ev.Member(peer.leaf, peer.account) not in event.members]
    if gone and not state.group and state.phase in IN_CALL:
        return "without the other"
    host = all(member.leaf != state.host for member in event.members)
    return "without the host" if state.phase == "incoming" and host else ""


def _tick_case(state: CallState, now: int) -> str:
    def due(at: int | None) -> bool:
        return at is not None and now >= at

    if due(state.until):
        return "phase, quiet" if state.quiet else "phase"
    if state.phase == "active" and any(due(peer.until) for peer in state.peers):
        return "peer"
    if due(state.alone_until):
        return "alone"
    if due(state.beacon_at):
        return "beacon"
    return "known" if state.known is not None and find_live(state, now) is None else ""


def _signal_case(state: CallState, event: ev.Received) -> tuple[str, str]:
    signal = event.signal
    match signal:
        case sg.Unsupported():
            return "unsupported", _ring_case(state, event)
        case sg.Ring():
            return "ring", _ring_case(state, event)
        case sg.Beacon():
            return "beacon", "another" if state.group and event.heard and signal.call != state.call else "same"
    if signal.call != state.call or state.phase in _REST:
        return signal.TYPE, "another call"
    return _own_case(state, event, signal)


def _own_case(state: CallState, event: ev.Received, signal: sg.Signal) -> tuple[str, str]:
    """A signal of the call this device is in."""
    match signal:
        case sg.Accept():
            return "accept", _accept_case(state, event)
        case sg.Decline():
            return "decline", _decline_case(state, event, signal)
        case sg.Taken():
            if state.group or event.leaf != state.host:
                return "taken", "not the host"
            return "taken", "mine" if signal.leaf == state.me.leaf else "another"
        case sg.Cancel():
            lone = state.phase == "incoming" or not (state.group or state.peers)
            return "cancel", "host" if event.leaf == state.host and lone else "others"
        case sg.End():
            return "end", _end_case(state, event, signal)
        case sg.State():
            return "state", "peer" if state.find_peer(event.leaf) else "nobody"
        case sg.Desc(role="offer") | sg.Room():
            return "offer", _offer_case(state, event)
    return signal.TYPE, "for the links"


def _ring_case(state: CallState, event: ev.Received) -> str:
    signal, sibling = event.signal, event.account == state.me.account
    if not event.heard:
        return "unheard"
    if event.age_ms > limits.RING_MS:
        return "old"
    if signal.call in state.over or signal.call == state.call:
        return "heard before"
    lower = signal.call < state.call
    if state.phase in _REST:
        live = state.known
        if sibling or (isinstance(signal, sg.Ring) and live is not None and live.call != signal.call):
            return "not the live call"
        return "busy" if event.busy and isinstance(signal, sg.Ring) else "new"
    if state.phase in IN_CALL:
        if sibling:
            return "sibling"
        return "another in a group" if state.group else "another"
    # Who rings again has given up its ring before.
    again = state.phase == "incoming" and event.leaf == state.host
    if not lower and not again:
        return "higher"
    return "lower of a sibling" if sibling else "lower"


def _decline_case(state: CallState, event: ev.Received, signal: sg.Decline) -> str:
    sibling = event.account == state.me.account
    if state.phase == "incoming":
        return "sibling" if sibling and (not state.group or signal.reason == "declined") else "others"
    return "others" if state.group or sibling else "of two"


def _accept_case(state: CallState, event: ev.Received) -> str:
    sibling = event.account == state.me.account
    if state.phase == "incoming":
        return "sibling" if sibling and not state.quiet else "others"
    if state.find_peer(event.leaf) is not None:
        return "again"
    if not state.group:
        return "first of two" if not sibling and state.phase == "outgoing" else "too late"
    return "joins" if len(state.peers) + 1 < limits.PEOPLE else "full"


def _end_case(state: CallState, event: ev.Received, signal: sg.End) -> str:
    if state.phase == "incoming":
        return "host" if event.leaf == state.host else "others"
    peer = state.find_peer(event.leaf)
    if not state.group:
        expected = peer is not None or (not state.peers and event.leaf == state.host)
        return "of two" if expected else "others"
    if signal.to is not None:
        return "full" if signal.reason == "full" and state.phase == "connecting" else "others"
    return "leaves" if peer is not None else "others"


def _offer_case(state: CallState, event: ev.Received) -> str:
    """A link offer makes its sender a peer: in a group anybody, in a chat of two whom this device answered."""
    if state.find_peer(event.leaf) is not None:
        return "for the links"
    if state.group:
        return "joins" if len(state.peers) + 1 < limits.PEOPLE else "no room"
    expected = event.leaf == state.host and not state.peers and state.phase == "connecting"
    return "joins" if expected else "not expected"
