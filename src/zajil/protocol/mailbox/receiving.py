"""The receiving end of R: HELLO, batches, acknowledgements, back-off. Volatile: a process begins at `idle`.

Theory of operation. One HELLO is open at a time; the drain it begins ends with its DRAINED. What arrives waits until
the batch before it is durable; one batch is stored at a time, so everything that came meanwhile makes the next one.
Nothing is acknowledged before `stored`, and an acknowledgement says everything up to a seq; it goes out at 32
messages, after 250 ms, or when a drain ends. A carrier that breaks leads to `lost`; if the session outlives it
(`resumed`), all goes on where it was, else `up` begins anew with HELLO, whose `after` stands for an acknowledgement.
A DRAINED behind messages that are not stored yet waits for them.

    idle --up--> opening --ready--> draining --drained--> live --want--> opening
    any --down--> lost --resumed--> where it was; lost --up--> opening; any --stop--> idle

`now` is in milliseconds of any clock that does not jump. Source: web.md 5.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from zajil.protocol.backoff import delay_ms
from zajil.protocol.errors import error

Phase = Literal["idle", "opening", "draining", "live", "lost"]
PHASES: Final[tuple[Phase, ...]] = ("idle", "opening", "draining", "live", "lost")
BATCH_MESSAGES, BATCH_BYTES = 64, 1 << 20
ACK_MESSAGES, ACK_MS = 32, 250
# So long may messages of a later epoch wait while nothing new is stored on a connection that stands.
HELD_MS = 60_000


class Arrived(msgspec.Struct, frozen=True):
    """A message that waits to be stored."""

    seq: int
    size: int


class Receiving(msgspec.Struct, frozen=True):
    """before: the phase a resumed session goes back to. stored: highest seq durable; acked: highest acknowledged here.

    unacked: messages since. ack_at, retry_at: when due, None where nothing is. applying: last seq of the `batch`
    messages being stored, 0 where none are. drained: DRAINED came and waits for what is not stored. wanted: another
    drain is needed. holding: messages of a later epoch are kept; held_at: since when nothing moved. tries: failed
    attempts to connect. malformed: frames and transitions that no honest server makes.
    """

    phase: Phase = "idle"
    before: Phase = "idle"
    stored: int = 0
    acked: int = 0
    unacked: int = 0
    ack_at: int | None = None
    waiting: tuple[Arrived, ...] = ()
    applying: int = 0
    batch: int = 0
    drained: bool = False
    wanted: bool = False
    holding: bool = False
    held_at: int | None = None
    tries: int = 0
    retry_at: int | None = None
    malformed: int = 0


# -- events
class Up(msgspec.Struct, frozen=True, tag="up"):
    """A new session, and a token for it. after: highest seq durable. holding: messages of a later epoch are kept."""

    after: int
    holding: bool = False


class Resumed(msgspec.Struct, frozen=True, tag="resumed"):
    """A new carrier, and the session goes on."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """READY came."""


class Message(msgspec.Struct, frozen=True, tag="message"):
    """MSG came. size: bytes of its body."""

    seq: int
    size: int


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Everything that arrived together was told."""


class Stored(msgspec.Struct, frozen=True, tag="stored"):
    """The transaction of the last `apply` is durable. upto: highest seq durable now."""

    upto: int
    holding: bool = False


class Unstored(msgspec.Struct, frozen=True, tag="unstored"):
    """The last `apply` could not be stored (a full disk): nothing of it is kept, nothing is acknowledged."""


class Drained(msgspec.Struct, frozen=True, tag="drained"):
    """DRAINED came."""


class Gap(msgspec.Struct, frozen=True, tag="gap"):
    """GAP came: the server dropped that many messages of an overflowing mailbox."""

    dropped: int


class Malformed(msgspec.Struct, frozen=True, tag="malformed"):
    """A frame came that does not parse, or that the server never sends here."""


class Want(msgspec.Struct, frozen=True, tag="want"):
    """Something waits for a drain that begins after now."""


class Down(msgspec.Struct, frozen=True, tag="down"):
    """The carrier ended, or none could be had. jitter: 0 to 1. retry_ms: what the server asked for, else 0."""

    jitter: float
    retry_ms: int = 0


class Tick(msgspec.Struct, frozen=True, tag="tick"):
    """Time passed."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """The process stops receiving."""


Event: TypeAlias = (
    Up | Resumed | Ready | Message | Pause | Stored | Unstored | Drained | Gap | Malformed | Want | Down | Tick | Stop
)


# -- actions
class Open(msgspec.Struct, frozen=True, tag="open"):
    """Send HELLO; a drain begins."""

    after: int


class Apply(msgspec.Struct, frozen=True, tag="apply"):
    """Store the next `count` messages, up to this seq, in one transaction; answer with `stored` or `unstored`."""

    upto: int
    count: int


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """Send MACK."""

    upto: int


class Settle(msgspec.Struct, frozen=True, tag="settle"):
    """The drain is over and everything before it durable: judge what waited for it."""


class TellGap(msgspec.Struct, frozen=True, tag="tell_gap"):
    """Tell the person that messages were lost while this device was away."""

    dropped: int


class Readd(msgspec.Struct, frozen=True, tag="readd"):
    """What is held waited in vain: ask to be re-added to its groups."""


class Reopen(msgspec.Struct, frozen=True, tag="reopen"):
    """Drop the carrier and dial again; the session goes on."""


class Renew(msgspec.Struct, frozen=True, tag="renew"):
    """Drop carrier and session: what was not stored must come again."""


class Dial(msgspec.Struct, frozen=True, tag="dial"):
    """The pause is over: connect."""


Action: TypeAlias = Open | Apply | Ack | Settle | TellGap | Readd | Reopen | Renew | Dial
Result: TypeAlias = tuple[Receiving, tuple[Action, ...]]
Rule: TypeAlias = Callable[[Receiving, Any, int], Result]  # Any: each row's rule takes the event of its row


def step(state: Receiving, event: Event, now: int) -> tuple[Receiving, tuple[Action, ...], int | None]:
    """The state after an event, what to do in this order, and when a `tick` is due (None: never).

    Raises LocalProtocolError where a batch is answered that was never given out.
    """
    rule = TABLE[type(event)][PHASES.index(state.phase)]
    state, actions = rule(state, event, now)
    return state, actions, next_deadline(state)


def next_deadline(state: Receiving) -> int | None:
    """When a `tick` has something to do."""
    due = [at for at in (state.ack_at, state.retry_at) if at is not None]
    if state.held_at is not None:
        due.append(state.held_at + HELD_MS)
    return min(due, default=None)


def _change(state: Receiving, **fields: object) -> Receiving:
    return msgspec.structs.replace(state, **fields)


def _enter(state: Receiving, phase: Phase) -> Receiving:
    """Into a phase; while the carrier is lost, that is where a resumed session will stand."""
    if state.phase in ("lost", "idle"):
        return _change(state, before=phase)
    return _change(state, phase=phase, before=phase)


# -- rules: sessions and carriers
def _open(state: Receiving, event: Up, now: int) -> Result:
    """A new session holds nothing of the last one. Its `after` is the acknowledgement."""
    opened = _change(
        state,
        phase="opening",
        before="opening",
        stored=event.after,
        acked=event.after,
        unacked=0,
        ack_at=None,
        waiting=(),
        drained=False,
        wanted=False,
        holding=event.holding,
        held_at=now if event.holding else None,
        retry_at=None,
    )
    return opened, (Open(event.after),)


def _resume(state: Receiving, _: Resumed, now: int) -> Result:
    """The session goes on; an acknowledgement that was due meanwhile goes out, a wanted drain begins."""
    state = _change(
        state,
        phase=state.before,
        tries=0,
        retry_at=None,
        held_at=now if state.holding else None,
    )
    state, acks = _ack_due(state)
    if state.wanted and state.phase == "live":
        state, opens = _again(state, Want(), now)
        return state, acks + opens
    return state, acks


def _lose(state: Receiving, event: Down, now: int) -> Result:
    before = state.before if state.phase == "lost" else state.phase
    at = now + delay_ms(state.tries, jitter=event.jitter, retry_ms=event.retry_ms)
    lost = _change(state, phase="lost", before=before, tries=state.tries + 1, retry_at=at, ack_at=None, held_at=None)
    return lost, ()


def _stop(state: Receiving, _: Stop, __: int) -> Result:
    acks: tuple[Action, ...] = ()
    if state.phase != "lost":
        state, acks = _ack_due(state)
    return _change(state, phase="idle", before="idle", ack_at=None, retry_at=None, held_at=None), acks


# -- rules: frames
def _ready(state: Receiving, _: Ready, __: int) -> Result:
    return _change(_enter(state, "draining"), tries=0), ()


def _message(state: Receiving, event: Message, now: int) -> Result:
    """In line behind what waits. A duplicate is not: what is stored is acknowledged again, the rest comes anyway."""
    newest = max(state.stored, state.applying, *(each.seq for each in state.waiting[-1:]))
    if event.seq <= newest:
        if event.seq > state.stored:
            return state, ()
        return _change(state, ack_at=now + ACK_MS if state.ack_at is None else state.ack_at), ()
    state = _change(state, waiting=(*state.waiting, Arrived(event.seq, event.size)))
    if len(state.waiting) >= BATCH_MESSAGES or sum(each.size for each in state.waiting) >= BATCH_BYTES:
        return _apply(state)
    return state, ()


def _drained(state: Receiving, _: Drained, now: int) -> Result:
    """The drain ends, once everything before its DRAINED is stored."""
    if not state.applying and not state.waiting:
        return _settle(state, now)
    return _apply(_change(state, drained=True))


def _gap(state: Receiving, event: Gap, _: int) -> Result:
    return state, (TellGap(event.dropped),)


def _wrong(state: Receiving, _: Event, __: int) -> Result:
    """No honest server does this (RemoteProtocolError): counted, the connection opened anew, all else as it was."""
    return _change(state, malformed=state.malformed + 1), (Reopen(),)


def _late(state: Receiving, _: Event, __: int) -> Result:
    """What a session that is over, or a carrier that is gone, still brings."""
    return state, ()


# -- rules: batches
def _pause(state: Receiving, _: Pause, __: int) -> Result:
    return _apply(state)


def _apply(state: Receiving) -> Result:
    """Give out the next batch, unless one is being stored: at most 64 messages or 1 MiB, at least one message."""
    if state.applying or not state.waiting:
        return state, ()
    count = size = 0
    for each in state.waiting[:BATCH_MESSAGES]:
        if count and size + each.size > BATCH_BYTES:
            break
        count, size = count + 1, size + each.size
    upto = state.waiting[count - 1].seq
    return _change(state, waiting=state.waiting[count:], applying=upto, batch=count), (Apply(upto, count),)


def _stored(state: Receiving, event: Stored, now: int) -> Result:
    """Durable: acknowledge soon, store what came meanwhile, end a drain that waited for this."""
    _check_applying(state)
    moved = event.upto > state.stored
    connected = state.phase not in ("lost", "idle")
    state = _change(
        state,
        stored=max(state.stored, event.upto),
        unacked=state.unacked + (state.batch if moved else 0),
        applying=0,
        batch=0,
        holding=event.holding,
        held_at=now if event.holding and connected else None,
    )
    acks: tuple[Action, ...] = ()
    if connected and state.unacked >= ACK_MESSAGES:
        state, acks = _ack_due(state)
    elif connected and moved and state.ack_at is None:
        state = _change(state, ack_at=now + ACK_MS)
    if state.waiting:
        state, applies = _apply(state)
        return state, acks + applies
    if state.drained:
        state, settles = _settle(state, now)
        return state, acks + settles
    return state, acks


def _unstored(state: Receiving, _: Unstored, __: int) -> Result:
    """What waits stands behind what was not stored: all of it must come again, on a session of its own."""
    _check_applying(state)
    return _change(state, applying=0, batch=0, waiting=(), drained=False), (Renew(),)


def _check_applying(state: Receiving) -> None:
    if not state.applying:
        raise error("wrong-call", "no batch was given out")


def _ack_due(state: Receiving) -> Result:
    """An acknowledgement of everything stored, where the server does not know of all of it."""
    if state.ack_at is None and state.stored <= state.acked:
        return state, ()
    return _change(state, acked=state.stored, unacked=0, ack_at=None), (Ack(state.stored),)


# -- rules: drains and time
def _settle(state: Receiving, now: int) -> Result:
    """The drain is over. What is still held after it waits in vain, which the core judges within `settle`."""
    acks: tuple[Action, ...] = ()
    if state.phase not in ("lost", "idle"):
        state, acks = _ack_due(state)
    state = _change(_enter(state, "live"), drained=False, held_at=None)
    if state.wanted and state.phase == "live":
        state, opens = _again(state, Want(), now)
        return state, (*acks, Settle(), *opens)
    return state, (*acks, Settle())


def _again(state: Receiving, _: Want, __: int) -> Result:
    """HELLO on the live session."""
    return _change(_enter(state, "opening"), wanted=False), (Open(state.stored),)


def _later(state: Receiving, _: Want, __: int) -> Result:
    """The HELLO that is open began before: another one follows it."""
    return _change(state, wanted=True), ()


def _tick(state: Receiving, _: Tick, now: int) -> Result:
    actions: tuple[Action, ...] = ()
    if state.ack_at is not None and now >= state.ack_at:
        state, actions = _ack_due(state)
    if state.held_at is not None and now >= state.held_at + HELD_MS:
        state, actions = _change(state, held_at=None), (*actions, Readd())
    if state.retry_at is not None and now >= state.retry_at:
        state, actions = _change(state, retry_at=None), (*actions, Dial())
    return state, actions


TABLE: Final = MappingProxyType[type[msgspec.Struct], tuple[Rule, Rule, Rule, Rule, Rule]](
    {
        #          idle       opening    draining   live       lost
        Up:        (_open,     _open,     _open,     _open,     _open),
        Resumed:   (_late,     _late,     _late,     _late,     _resume),
        Ready:     (_late,     _ready,    _wrong,    _wrong,    _late),
        Message:   (_late,     _message,  _message,  _message,  _late),
        Pause:     (_late,     _pause,    _pause,    _pause,    _pause),
        Stored:    (_stored,   _stored,   _stored,   _stored,   _stored),
        Unstored:  (_unstored, _unstored, _unstored, _unstored, _unstored),
        Drained:   (_late,     _wrong,    _drained,  _wrong,    _late),
        Gap:       (_late,     _gap,      _gap,      _gap,      _late),
        Malformed: (_late,     _wrong,    _wrong,    _wrong,    _late),
        Want:      (_later,    _later,    _later,    _again,    _later),
        Down:      (_lose,     _lose,     _lose,     _lose,     _lose),
        Tick:      (_tick,     _tick,     _tick,     _tick,     _tick),
        Stop:      (_stop,     _stop,     _stop,     _stop,     _stop),
    }
)  # fmt: skip
