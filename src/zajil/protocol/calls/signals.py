"""Signals: what devices tell each other about a call, inside the chat.

A signal is the map of a control part `["call", {...}]`: `v` 1, `t` its type, `c` the call, `to` the leaf it is meant
for (absent: all), and the keys of its type. The sender comes from MLS, never from the map. Unknown keys are ignored.
Source: docs/protocol/calls.md, section 4 of the design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from zajil.protocol import cbor
from zajil.protocol.calls import limits, sdp
from zajil.protocol.errors import Malformed, error
from zajil.protocol.fields import Fields

Kind: TypeAlias = Literal["audio", "video"]
KINDS: Final[tuple[Kind, ...]] = ("audio", "video")
DECLINES: Final = ("declined", "busy", "unsupported")
Wire: TypeAlias = dict[str, cbor.Parsed]


@dataclass(frozen=True, slots=True)
class Ring:
    """A call begins. secret: 32 bytes; call and secret are the context of its media keys."""

    TYPE: ClassVar[str] = "ring"
    call: bytes
    secret: bytes
    kind: Kind
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """The sender answers, or joins. kind: what it means to send."""

    TYPE: ClassVar[str] = "accept"
    call: bytes
    kind: Kind
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Decline:
    """The sender does not answer. reason: `declined`, `busy` or `unsupported`; another word is read as `declined`."""

    TYPE: ClassVar[str] = "decline"
    call: bytes
    reason: str
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """In a chat of two, from the caller: this leaf answered first."""

    TYPE: ClassVar[str] = "taken"
    call: bytes
    leaf: int
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """The caller gave up before anybody answered. reason: a word of at most 32 bytes."""

    TYPE: ClassVar[str] = "cancel"
    call: bytes
    reason: str
    to: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The sender leaves the call; with `to`, it sends that leaf away. reason: a word of at most 32 bytes."""

    TYPE: ClassVar[str] = "end"
    call: bytes
    reason: str
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Desc:
    """The SDP of an attempt `pc` (u32): the offer of the link's sender, or its answer."""

    TYPE: ClassVar[str] = "desc"
    call: bytes
    to: int
    pc: int
    role: sdp.Role
    sdp: str


@dataclass(frozen=True, slots=True)
class Cand:
    """Up to 10 ICE candidates of an attempt, of the link's sender or its receiver. done: there are no more."""

    TYPE: ClassVar[str] = "cand"
    call: bytes
    to: int
    pc: int
    cands: tuple[str, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class Room:
    """Attempt `pc` of the sender's link is to be received in the media room."""

    TYPE: ClassVar[str] = "room"
    call: bytes
    to: int
    pc: int


@dataclass(frozen=True, slots=True)
class Got:
    """The first frame of attempt `pc` opened."""

    TYPE: ClassVar[str] = "got"
    call: bytes
    to: int
    pc: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Attempt `pc` brought no valid audio for 600 ms. pc 0: the sender lost all of them, as after a reload."""

    TYPE: ClassVar[str] = "lost"
    call: bytes
    to: int
    pc: int


@dataclass(frozen=True, slots=True)
class State:
    """What the sender sends now. relay_only: it hides its address."""

    TYPE: ClassVar[str] = "state"
    call: bytes
    mic: bool
    cam: bool
    relay_only: bool
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Beacon:
    """A group's call goes on. since: Unix ms. leaves: of those in it, at most 4."""

    TYPE: ClassVar[str] = "beacon"
    call: bytes
    secret: bytes
    kind: Kind
    since: int
    leaves: tuple[int, ...]
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A ring of a later version, or with a suite this one lacks: it is declined, and the person told to update."""

    call: bytes


Signal: TypeAlias = Ring | Accept | Decline | Taken | Cancel | End | Desc | Cand | Room | Got | Lost | State | Beacon
DURABLE: Final = (Ring, Cancel, Accept, Decline, Taken, End, Beacon)


def ttl_of(signal: Signal) -> int:
    """Seconds the server keeps it for devices that are away; 0: for those connected alone."""
    return limits.DURABLE_S if isinstance(signal, DURABLE) else 0


def wakes(signal: Signal) -> bool:
    """Whether it may wake a sleeping device."""
    return isinstance(signal, Ring)


def encode_signal(signal: Signal) -> Wire:
    """The map of a signal. Raises Malformed for an SDP, a candidate or a number that a peer would drop."""
    values: Wire = {"v": limits.VERSION, "t": signal.TYPE, "c": signal.call}
    if signal.to is not None:
        values["to"] = signal.to
    match signal:
        case Ring():
            values |= {"secret": signal.secret, "kind": signal.kind, "suite": limits.SUITE}
        case Accept():
            values["kind"] = signal.kind
        case Decline() | Cancel() | End():
            values["reason"] = signal.reason
        case Taken():
            values["leaf"] = signal.leaf
        case Desc():
            values |= {"pc": signal.pc, "role": signal.role, "sdp": signal.sdp}
        case Cand():
            values |= {"pc": signal.pc, "cands": list(signal.cands), "done": signal.done}
        case Room() | Got() | Lost():
            values["pc"] = signal.pc
        case State():
            values |= {"mic": signal.mic, "cam": signal.cam, "relay_only": signal.relay_only}
        case Beacon():
            values |= {
                "secret": signal.secret,
                "kind": signal.kind,
                "since": signal.since,
                "leaves": list(signal.leaves),
            }
    # What a peer would drop is a bug of ours: it is found here, and not by silence.
    _parse(Fields(dict(values.items())))
    return values


def parse_signal(fields: Mapping[str, cbor.Parsed]) -> Signal | Unsupported | None:
    """The signal of a map. None: malformed, or of a type this version does not know; it is dropped and counted."""
    values = Fields(dict(fields.items()))
    try:
        return _parse_versioned(values)
    except Malformed:
        return None


def _parse_versioned(fields: Fields) -> Signal | Unsupported | None:
    supported = fields.number("v") == limits.VERSION
    if fields.text("t", most=limits.WORD_BYTES) == Ring.TYPE and not (
        supported and fields.number("suite") == limits.SUITE
    ):
        return Unsupported(fields.blob("c", size=limits.CALL_BYTES))
    return _parse(fields) if supported else None


def _leaf(fields: Fields, key: str) -> int:
    return fields.number(key, bits=limits.LEAF_BITS)


def _kind(fields: Fields) -> Kind:
    kind = fields.text("kind", most=limits.WORD_BYTES)
    for known in KINDS:
        if kind == known:
            return known
    raise error("malformed", "kind of call")


def _parse(fields: Fields) -> Signal | None:
    call = fields.blob("c", size=limits.CALL_BYTES)
    to = fields.number_or_none("to", bits=limits.LEAF_BITS)
    kind = fields.text("t", most=limits.WORD_BYTES)
    match kind:
        case Ring.TYPE:
            return Ring(call, fields.blob("secret", size=limits.SECRET_BYTES), _kind(fields), to)
        case Accept.TYPE:
            return Accept(call, _kind(fields), to)
        case Decline.TYPE:
            reason = fields.text("reason", most=limits.WORD_BYTES)
            return Decline(call, reason if reason in DECLINES else "declined", to)
        case Taken.TYPE:
            return Taken(call, _leaf(fields, "leaf"), to)
        case Cancel.TYPE:
            return Cancel(call, fields.text("reason", most=limits.WORD_BYTES), to)
        case End.TYPE:
            return End(call, fields.text("reason", most=limits.WORD_BYTES), to)
        case State.TYPE:
            return State(call, fields.flag("mic"), fields.flag("cam"), fields.flag("relay_only"), to)
        case Beacon.TYPE:
            return _parse_beacon(fields, call, to)
        case Desc.TYPE | Cand.TYPE | Room.TYPE | Got.TYPE | Lost.TYPE:
            return _parse_attempt(fields, kind, call)
    return None


def _parse_beacon(fields: Fields, call: bytes, to: int | None) -> Beacon:
    items = fields.items("leaves", most=limits.PEOPLE)
    leaves = Fields(dict(enumerate(items)))
    return Beacon(
        call,
        fields.blob("secret", size=limits.SECRET_BYTES),
        _kind(fields),
        fields.number("since"),
        tuple(leaves.number(at, bits=limits.LEAF_BITS) for at in range(len(items))),
        to,
    )


def _parse_attempt(fields: Fields, kind: str, call: bytes) -> Signal:
    to, pc = _leaf(fields, "to"), fields.number("pc", bits=32)
    match kind:
        case Room.TYPE:
            return Room(call, to, pc)
        case Got.TYPE:
            return Got(call, to, pc)
        case Lost.TYPE:
            return Lost(call, to, pc)
        case Cand.TYPE:
            return Cand(call, to, pc, _candidates(fields), fields.flag("done"))
    text, role = fields.text("sdp", most=limits.SDP_BYTES), _role(fields)
    sdp.check_sdp(text, role)
    return Desc(call, to, pc, role, text)


def _role(fields: Fields) -> sdp.Role:
    match fields.raw("role"):
        case "offer":
            return "offer"
        case "answer":
            return "answer"
    raise error("malformed", "role of an SDP")


def _candidates(fields: Fields) -> tuple[str, ...]:
    items = fields.items("cands", most=limits.CANDIDATES_A_SIGNAL)
    texts = Fields(dict(enumerate(items)))
    found = tuple(texts.text(at, most=limits.CANDIDATE_BYTES) for at in range(len(items)))
    for candidate in found:
        sdp.check_candidate(candidate)
    return found
