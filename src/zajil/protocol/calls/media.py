"""Frames of the media WebSocket: what a client sends, what the room forwards, and the room's own words.

All numbers are big-endian. A client sends `kind u8 | flags u8 | seq u16 | ts u32 | SFrame ciphertext`, whose metadata
(AAD) are the 8 bytes before it. The room puts the sender's slot (1 to 255) before it and changes nothing; slot 0 is the
room itself. The first record of a connection is the preamble, with a ticket.
Source: docs/protocol/calls.md, section 10 of the design.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from zajil.protocol import cbor
from zajil.protocol.calls.limits import PEOPLE
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields

FRAME_BYTES: Final = 16_000
"""Header and ciphertext together."""
AUDIO_BYTES: Final = 600
HEADER_BYTES: Final = 8
TAG_BYTES: Final = 16
"""Of the SFrame ciphertext."""
FRAMES_A_SECOND: Final = 120
BYTES_A_SECOND: Final = 125_000

PREAMBLE: Final = b"\x01\x04"
"""How the first record of a media connection begins; the ticket follows. No padded frame can begin so."""
ROOM_BYTES: Final = 16
TICKET_BYTES: Final = 40
"""room 16 || random 4 || expiry u32, Unix seconds || HMAC 16."""

BAD_TICKET: Final = 4401
ROOM_FULL: Final = 4403
IDLE: Final = 4408
TOO_MUCH: Final = 4429
RESTART: Final = 1012
TRY_LATER: Final = 1013

AUDIO: Final = 1
VIDEO: Final = 2
CONTROL: Final = 4
KEY_FRAME: Final = 1
"""The one flag, of video."""
JOINED: Final = 1
CAME: Final = 2
LEFT: Final = 3

MediaKind: TypeAlias = Literal["audio", "video", "control"]
_KINDS: Final[dict[int, MediaKind]] = {AUDIO: "audio", VIDEO: "video", CONTROL: "control"}
_CODES: Final[dict[MediaKind, int]] = {kind: code for code, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. key: a video key frame. seq: u16, counted per kind. ts: u32, ms. payload: SFrame ciphertext."""

    kind: MediaKind
    key: bool
    seq: int
    ts: int
    payload: bytes

    @property
    def header(self) -> bytes:
        """The 8 bytes before the payload: its metadata."""
        return _header(self.kind, self.key, self.seq, self.ts)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A frame of another connection in the room. Who it is, the KID of its ciphertext says."""

    slot: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Joined:
    """The own slot, and those that were there before."""

    slot: int
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Came:
    """A connection joined the room."""

    slot: int


@dataclass(frozen=True, slots=True)
class Left:
    """A connection left the room."""

    slot: int


RoomMessage: TypeAlias = Forwarded | Joined | Came | Left


def _header(kind: MediaKind, key: bool, seq: int, ts: int) -> bytes:  # the fields of the wire
    if not 0 <= seq < 1 << 16 or not 0 <= ts < 1 << 32 or (key and kind != "video"):
        raise error("wrong-call", "media frame out of range")
    return bytes((_CODES[kind], KEY_FRAME if key else 0)) + seq.to_bytes(2, "big") + ts.to_bytes(4, "big")


def encode_frame(frame: Frame) -> bytes:
    """A frame as its sender writes it. Raises LocalProtocolError for a number or size beyond the limits."""
    data = frame.header + frame.payload
    if not frame.payload or len(data) > _most(frame.kind):
        raise error("wrong-call", "media frame of this size")
    return data


def parse_frame(data: bytes) -> Frame:
    """The frame of its bytes; the room checks it so before it forwards it. Raises Malformed."""
    if len(data) <= HEADER_BYTES:
        raise error("malformed", "media frame too short")
    kind = _KINDS.get(data[0])
    if kind is None:
        raise error("malformed", "kind of media frame")
    if data[1] & ~KEY_FRAME or (data[1] and kind != "video"):
        raise error("malformed", "flags of media frame")
    if len(data) > _most(kind):
        raise error("malformed", "media frame too long")
    seq, ts = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
    return Frame(kind, bool(data[1]), seq, ts, data[HEADER_BYTES:])


def _most(kind: MediaKind) -> int:
    return AUDIO_BYTES if kind == "audio" else FRAME_BYTES


def encode_room(message: RoomMessage) -> bytes:
    """What the room sends to a connection. Raises LocalProtocolError for a slot beyond 1 to 255."""
    match message:
        case Forwarded():
            return bytes((_slot(message.slot),)) + encode_frame(message.frame)
        case Joined():
            return bytes((0, JOINED, _slot(message.slot), *map(_slot, message.others)))
        case Came():
            return bytes((0, CAME, _slot(message.slot)))
        case Left():
            return bytes((0, LEFT, _slot(message.slot)))


def _slot(slot: int) -> int:
    if not 1 <= slot <= 255:
        raise error("wrong-call", "slot of a room")
    return slot


def parse_room(data: bytes) -> RoomMessage:
    """What a client hears in a room. Raises Malformed."""
    if not data:
        raise error("malformed", "empty record of a room")
    if data[0]:
        return Forwarded(data[0], parse_frame(data[1:]))
    slots = tuple(data[2:])
    if len(data) < 3 or 0 in slots or len(set(slots)) != len(slots):
        raise error("malformed", "slots of a room")
    if data[1] == JOINED:
        return Joined(slots[0], slots[1:])
    if len(slots) == 1 and data[1] in (CAME, LEFT):
        return Came(slots[0]) if data[1] == CAME else Left(slots[0])
    raise error("malformed", "code of a room")


def encode_preamble(ticket: bytes) -> bytes:
    """The first record of a media connection. Raises LocalProtocolError unless the ticket has 40 bytes."""
    if len(ticket) != TICKET_BYTES:
        raise error("wrong-call", "ticket of 40 bytes")
    return PREAMBLE + ticket


def parse_preamble(data: bytes) -> bytes:
    """The ticket of the first record. Raises Malformed."""
    if len(data) != len(PREAMBLE) + TICKET_BYTES or not data.startswith(PREAMBLE):
        raise error("malformed", "preamble of a media connection")
    return data[len(PREAMBLE) :]


# -- control: the plaintext within a frame of kind 4
@dataclass(frozen=True, slots=True)
class Echo:
    """The newest report of this leaf had this ts, u32, and came so many ms ago, u16: the rest is the way and back."""

    leaf: int
    ts: int
    held_ms: int


@dataclass(frozen=True, slots=True)
class Control:
    """late: per mille of the last second's audio that came too late. target: ms of the jitter buffer. pli: a key frame
    is asked for. None where it is not told. echoes: at most one of each other leaf in the room."""

    late: int | None = None
    target: int | None = None
    pli: bool = False
    echoes: tuple[Echo, ...] = ()


def encode_control(control: Control) -> bytes:
    """`{rr: {late, target}}`, `{pli: 1}`, `{echo: [[leaf, ts, held_ms]]}` or several, as deterministic CBOR."""
    values: dict[cbor.Key, cbor.Value] = {}
    if control.late is not None and control.target is not None:
        values["rr"] = {"late": control.late, "target": control.target}
    if control.pli:
        values["pli"] = 1
    if control.echoes:
        values["echo"] = [[one.leaf, one.ts, one.held_ms] for one in control.echoes]
    return cbor.encode(values)


def parse_control(data: bytes) -> Control:
    """The control message of its CBOR; unknown keys are ignored. Raises Malformed."""
    fields = Fields.of_open_map(cbor.parse(data))
    pli = fields.number_or_none("pli") == 1
    echoes = _parse_echoes(fields) if "echo" in fields else ()
    if "rr" not in fields:
        return Control(pli=pli, echoes=echoes)
    report = Fields.of_open_map(fields.raw("rr"), ["late", "target"])
    return Control(report.number("late", bits=16), report.number("target", bits=16), pli, echoes)


def _parse_echoes(fields: Fields) -> tuple[Echo, ...]:
    rows = [Fields.of_array(item, 3) for item in fields.items("echo", most=PEOPLE - 1)]
    return tuple(Echo(row.number(0, bits=16), row.number(1, bits=32), row.number(2, bits=16)) for row in rows)
