"""The sending end: which sealed requests go out on S now, and what each answer means. Volatile: begins `closed`.

Theory of operation. S is opened when there is something to send and closed after 60 s without. A request is repeated
verbatim, with the same mid, until it is answered; an answer belongs to the rid of its one transmission. A session
that begins anew holds nothing that was sent before, so everything goes again. `busy` and its like put one request
off: the server's `retry_ms` wins, else 1 2 4 .. 60 s with full jitter; what we guessed ourselves ends with the next
session. At most four requests are on the wire: since a chat has one, four chats in parallel.

    closed --requests--> opening --up--> up --idle 60 s--> closed;  any --down--> lost --usable, up--> up

`now` is in milliseconds of any clock that does not jump. Source: service.md 4; web.md 5.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from zajil.protocol.backoff import delay_ms

Link = Literal["closed", "opening", "up", "lost"]
LINKS: Final[tuple[Link, ...]] = ("closed", "opening", "up", "lost")
PARALLEL = 4
IDLE_MS = 60_000
# A caller waits that long for an allowance to come back; beyond it, he is told.
PATIENCE_MS = 5_000
# Above are the rids of ephemeral requests, whose answers say nothing.
RID_MAX = 0x7FFF_FFFF


class PutOff(msgspec.Struct, frozen=True):
    """A request that goes again at `at`. told: the server said when. tries: how often it was put off."""

    mid: str
    at: int
    told: bool
    tries: int


class Flying(msgspec.Struct, frozen=True):
    """A request on the wire."""

    rid: int
    mid: str


class Sending(msgspec.Struct, frozen=True):
    """requests: mids (hex) of the sealed requests without an answer, in the order of the outbox. rid: the next one.

    used_at: when there was something to send last. failures: attempts to connect in vain. retry_at: next dial.
    """

    link: Link = "closed"
    requests: tuple[str, ...] = ()
    flying: tuple[Flying, ...] = ()
    put_off: tuple[PutOff, ...] = ()
    rid: int = 1
    used_at: int = 0
    failures: int = 0
    retry_at: int | None = None


# -- events
class Requests(msgspec.Struct, frozen=True, tag="requests"):
    """The sealed requests without an answer, as the core has them now."""

    mids: tuple[str, ...]


class Whisper(msgspec.Struct, frozen=True, tag="whisper"):
    """An ephemeral request wants to go out, once or not at all."""


class Up(msgspec.Struct, frozen=True, tag="up"):
    """A session began; it holds nothing sent before."""


class Usable(msgspec.Struct, frozen=True, tag="usable"):
    """The server answers on the carrier. resumed: the session goes on where it was; else `up` tells of a new one."""

    resumed: bool


class Down(msgspec.Struct, frozen=True, tag="down"):
    """The carrier ended, or none could be had. jitter: 0 to 1. retry_ms: what the server asked for, else 0."""

    jitter: float
    retry_ms: int = 0


class Ok(msgspec.Struct, frozen=True, tag="ok"):
    """OK came."""

    rid: int


class Err(msgspec.Struct, frozen=True, tag="err"):
    """ERR came. later: its code says that the same request may be accepted later (Limited, Unavailable)."""

    rid: int
    code: str
    later: bool
    retry_ms: int
    jitter: float


class Tick(msgspec.Struct, frozen=True, tag="tick"):
    """Time passed."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """The process stops sending."""


Event: TypeAlias = Requests | Whisper | Up | Usable | Down | Ok | Err | Tick | Stop


# -- actions
class Connect(msgspec.Struct, frozen=True, tag="connect"):
    """Open S."""


class Dial(msgspec.Struct, frozen=True, tag="dial"):
    """The pause is over: connect again."""


class Send(msgspec.Struct, frozen=True, tag="send"):
    """Send this request, with this rid."""

    mid: str
    rid: int


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """Tell the core: OK."""

    mid: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Tell the core: ERR with this code, which the same bytes will not outlive."""

    mid: str
    code: str


class TellLimited(msgspec.Struct, frozen=True, tag="tell_limited"):
    """Tell the caller: the server asks to wait longer than a caller should without knowing."""

    code: str
    retry_ms: int


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Close S."""


Action: TypeAlias = Connect | Dial | Send | Accepted | Refused | TellLimited | Close
Result: TypeAlias = tuple[Sending, tuple[Action, ...]]
Rule: TypeAlias = Callable[[Sending, Any, int], Result]  # Any: each row's rule takes the event of its row


def step(state: Sending, event: Event, now: int) -> tuple[Sending, tuple[Action, ...], int | None]:
    """The state after an event, what to do in this order, and when a `tick` is due (None: never)."""
    rule = TABLE[type(event)][LINKS.index(state.link)]
    state, actions = rule(state, event, now)
    return state, actions, next_deadline(state)


def next_deadline(state: Sending) -> int | None:
    """When a `tick` has something to do."""
    if state.link == "lost":
        return state.retry_at
    if state.link != "up":
        return None
    if not state.requests and not state.flying:
        return state.used_at + IDLE_MS
    if len(state.flying) >= PARALLEL:
        return None
    return min((each.at for each in state.put_off if each.mid in state.requests), default=None)


def _change(state: Sending, **fields: object) -> Sending:
    return msgspec.structs.replace(state, **fields)


# -- rules
def _open(state: Sending, event: Requests, now: int) -> Result:
    if not event.mids:
        return _change(state, requests=()), ()
    return _change(state, link="opening", requests=event.mids, used_at=now), (Connect(),)


def _open_for_whisper(state: Sending, _: Whisper, now: int) -> Result:
    return _change(state, link="opening", used_at=now), (Connect(),)


def _use(state: Sending, _: Whisper, now: int) -> Result:
    return _change(state, used_at=now), ()


def _note(state: Sending, event: Requests, now: int) -> Result:
    return _change(state, requests=event.mids, used_at=now if event.mids else state.used_at), ()


def _send(state: Sending, event: Requests, now: int) -> Result:
    state, _ = _note(state, event, now)
    return _fill(state, now)


def _fill(state: Sending, now: int) -> Result:
    """Put requests on the wire, in order, up to four; each but once, and none that is put off."""
    busy = {each.mid for each in state.flying} | {each.mid for each in state.put_off if each.at > now}
    actions: list[Action] = []
    flying, rid = list(state.flying), state.rid
    for mid in state.requests:
        if len(flying) >= PARALLEL:
            break
        if mid in busy:
            continue
        flying.append(Flying(rid, mid))
        actions.append(Send(mid, rid))
        rid = rid % RID_MAX + 1
    return _change(state, flying=tuple(flying), rid=rid), tuple(actions)


def _begin(state: Sending, _: Up, now: int) -> Result:
    """Everything goes again; what was put off without the server's word starts over."""
    kept = tuple(each for each in state.put_off if each.told)
    return _fill(_change(state, link="up", flying=(), put_off=kept, retry_at=None), now)


def _resume(state: Sending, event: Usable, now: int) -> Result:
    """An old session goes on: what it holds is on its way."""
    if not event.resumed:
        return _reset(state, event, now)
    return _fill(_change(state, link="up", failures=0, retry_at=None), now)


def _reset(state: Sending, _: Usable, __: int) -> Result:
    return _change(state, failures=0), ()


def _lose(state: Sending, event: Down, now: int) -> Result:
    at = now + delay_ms(state.failures, jitter=event.jitter, retry_ms=event.retry_ms)
    return _change(state, link="lost", failures=state.failures + 1, retry_at=at), ()


def _ok(state: Sending, event: Ok, now: int) -> Result:
    mid, state = _take(state, event.rid)
    if mid is None:
        return state, ()
    state, sends = _fill(_forget(state, mid), now)
    return state, (Accepted(mid), *sends)


def _err(state: Sending, event: Err, now: int) -> Result:
    mid, state = _take(state, event.rid)
    if mid is None:
        return state, ()
    if not event.later:
        state, sends = _fill(_forget(state, mid), now)
        return state, (Refused(mid, event.code), *sends)
    tries = next((each.tries for each in state.put_off if each.mid == mid), 0)
    at = now + delay_ms(tries, jitter=event.jitter, retry_ms=event.retry_ms)
    again = PutOff(mid, at, event.retry_ms > 0, tries + 1)
    others = tuple(each for each in state.put_off if each.mid != mid)
    state, sends = _fill(_change(state, put_off=(*others, again)), now)
    told: tuple[Action, ...] = (TellLimited(event.code, event.retry_ms),) if event.retry_ms > PATIENCE_MS else ()
    return state, (*told, *sends)


def _take(state: Sending, rid: int) -> tuple[str | None, Sending]:
    """The mid behind an answer, None for one that nobody waits for; it is not on the wire any more."""
    mid = next((each.mid for each in state.flying if each.rid == rid), None)
    return mid, _change(state, flying=tuple(each for each in state.flying if each.rid != rid))


def _forget(state: Sending, mid: str) -> Sending:
    return _change(
        state,
        requests=tuple(each for each in state.requests if each != mid),
        put_off=tuple(each for each in state.put_off if each.mid != mid),
    )


def _ignore(state: Sending, _: Event, __: int) -> Result:
    return state, ()


def _tick(state: Sending, _: Tick, now: int) -> Result:
    if not state.requests and not state.flying:
        if now - state.used_at < IDLE_MS:
            return state, ()
        return _closed(state), (Close(),)
    return _fill(state, now)


def _dial(state: Sending, _: Tick, now: int) -> Result:
    """Connect again, while there is anything to connect for."""
    if state.retry_at is None or now < state.retry_at:
        return state, ()
    if not state.requests and not state.flying:
        return _closed(state), (Close(),)
    return _change(state, retry_at=None), (Dial(),)


def _stop(state: Sending, _: Stop, __: int) -> Result:
    return _closed(state), (Close(),)


def _closed(state: Sending) -> Sending:
    return _change(state, link="closed", flying=(), failures=0, retry_at=None)


TABLE: Final = MappingProxyType[type[msgspec.Struct], tuple[Rule, Rule, Rule, Rule]](
    {
        #         closed   opening  up       lost
        Requests: (_open,   _note,   _send,   _note),
        Whisper:  (_open_for_whisper, _use, _use, _use),
        Up:       (_ignore, _begin,  _begin,  _begin),
        Usable:   (_ignore, _reset,  _reset,  _resume),
        Down:     (_ignore, _lose,   _lose,   _lose),
        Ok:       (_ignore, _ignore, _ok,     _ignore),
        Err:      (_ignore, _ignore, _err,    _ignore),
        Tick:     (_ignore, _ignore, _tick,   _dial),
        Stop:     (_ignore, _stop,   _stop,   _stop),
    }
)  # fmt: skip
