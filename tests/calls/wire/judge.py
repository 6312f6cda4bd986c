"""What a tap saw, judged byte by byte: put together to frames, each of which is sealed for its attempt or is not.

Opus: one packet, one frame. VP8: the packets of one timestamp behind their payload descriptors (RFC 7741 4.2). A packet
sent again by RTX (RFC 4588) counts as the one it repeats. Sealed: what is behind the clear bytes opens under the key of
its epoch, with the KID of this attempt, and nothing is before or behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from aiortc.codecs.vpx import VpxPayloadDescriptor
from tests.calls.wire.tap import Line, Wired

from zajil.client.calls.frames import MEDIA_HEADER_BYTES, Codec, clear_bytes
from zajil.client.calls.keys import encode_kid
from zajil.client.calls.sframe import AES_128_GCM, FrameDropped, SFrameKey, parse_header

Kind: TypeAlias = Literal["audio", "video"]
_FRAME_SAMPLES: Final = 960
"""Of Opus in 20 ms."""
_CODECS: Final[Mapping[Kind, Codec]] = {"audio": Codec.OPUS, "video": Codec.VP8}


def padding_of(one: Wired) -> bytes:
    """What an RTP packet is filled up with, without the count of it. Source: RFC 3550 5.1."""
    return one.data[-one.packet.padding_size : -1] if one.packet.padding_size else b""


def is_key_frame(frame: bytes) -> bool:
    """Of VP8, by the first bit (RFC 6386 9.1)."""
    return not frame[0] & 1


def split_red(block: bytes) -> tuple[bytes | None, bytes]:
    """The frame before, sent again, and the new one, of Opus in RED; the first of all has none before it.

    Source: RFC 2198 section 3: a bit that says whether another follows, payload type, time back and length.
    """
    if not block[0] & 0x80:
        return None, block[1:]
    assert int.from_bytes(block[1:3], "big") >> 2 == _FRAME_SAMPLES
    assert block[4] == block[0] & 0x7F, "both are of one payload type, and there are no more"
    size = int.from_bytes(block[2:4], "big") & 0x3FF
    return block[5 : 5 + size], block[5 + size :]


def frames_of(packets: Iterable[Wired], kind: Kind) -> tuple[list[bytes], int]:
    """The frames as they left the transform, in their order, and how many packets belong to none that is whole."""
    if kind == "audio":
        return [one.payload for one in packets if one.codec == "opus" and one.payload], 0
    parts: defaultdict[int, dict[int, tuple[bytes, bool, bool]]] = defaultdict(dict)
    for one in packets:
        body, number = one.payload, one.packet.sequence_number
        if one.codec == "rtx" and len(body) > 2:
            number, body = int.from_bytes(body[:2], "big"), body[2:]
        elif one.codec != "vp8" or not body:
            continue
        descriptor, content = VpxPayloadDescriptor.parse(body)
        first = bool(descriptor.partition_start) and descriptor.partition_id == 0
        part = (content, first, bool(one.packet.marker))
        assert parts[one.packet.timestamp].setdefault(number, part)[0] == content, "one number, two contents"
    frames, loose = [], 0
    for pieces in parts.values():
        order = _in_order(pieces)
        whole = pieces[order[0]][1] and pieces[order[-1]][2]
        if whole and all((b - a) & 0xFFFF == 1 for a, b in pairwise(order)):
            frames.append(b"".join(pieces[number][0] for number in order))
        else:
            loose += len(pieces)
    return frames, loose


def _in_order(numbers: Iterable[int]) -> list[int]:
    """Sequence numbers that lie close together, also over the end of 16 bits."""
    first = next(iter(numbers))
    return sorted(numbers, key=lambda number: (number - first + 0x8000) & 0xFFFF)


@dataclass(frozen=True, slots=True)
class Opened:
    """One frame that was sealed as it must be. front: size of header and clear bytes."""

    epoch: int
    ctr: int
    frame: bytes
    sealed: bytes
    front: int


class Keys:
    """Base keys of a call by epoch, as somebody holds them."""

    def __init__(self, **base_keys: bytes) -> None:
        self._base_keys = {int(name.lstrip("e")): key for name, key in base_keys.items()}

    def add(self, epoch: int, base_key: bytes) -> None:
        """One more."""
        self._base_keys[epoch] = base_key

    def open(self, frame: bytes, kind: Kind, *, pc: int, leaf: int) -> Opened | None:
        """The frame that this is for the attempt `pc` of that leaf; None where it is none, or not for these keys."""
        key_frame = kind == "video" and is_key_frame(frame)
        clear = clear_bytes(_CODECS[kind], key_frame=key_frame)
        return self._open(frame[:clear], frame[clear:], ctx=pc + (kind == "video"), leaf=leaf)

    def open_record(self, record: bytes, *, pc: int, leaf: int) -> Opened | None:
        """Likewise a record of the media room: 8 bytes of header, which are authenticated, and one frame."""
        head, rest = record[:MEDIA_HEADER_BYTES], record[MEDIA_HEADER_BYTES:]
        return self._open(head, rest, ctx=pc, leaf=leaf)

    def _open(self, front: bytes, rest: bytes, *, ctx: int, leaf: int) -> Opened | None:
        try:
            header = parse_header(rest)
            for epoch, base_key in self._base_keys.items():
                if header.kid == encode_kid(ctx=ctx, leaf=leaf, epoch=epoch):
                    key = SFrameKey.derive(AES_128_GCM, base_key, header.kid)
                    plain = front + key.open(header, rest, front)
                    return Opened(epoch, header.ctr, plain, front + rest, len(front) + header.size_bytes)
        except FrameDropped:
            pass
        return None


@dataclass
class Verdict:
    """Of one kind of one attempt.

    plain: frames that are not sealed. loose: packets of no whole frame. stray: of no codec that was agreed on.
    """

    opened: list[Opened] = field(default_factory=list)
    plain: list[bytes] = field(default_factory=list)
    loose: int = 0
    stray: int = 0

    def sizes(self) -> dict[int, set[int]]:
        """Sizes on the wire, by that of what stands before the content; it grows with the counter."""
        found: defaultdict[int, set[int]] = defaultdict(set)
        for one in self.opened:
            found[one.front].add(len(one.sealed))
        return dict(found)


def judge(line: Line, kind: Kind, keys: Keys, *, leaf: int) -> Verdict:
    """Everything that a sender with that leaf sent of a kind in an attempt."""
    frames, loose = frames_of(line.packets, kind)
    verdict = Verdict(loose=loose, stray=len(line.stray))
    for frame in frames:
        opened = keys.open(frame, kind, pc=line.pc, leaf=leaf)
        if opened is None:
            verdict.plain.append(frame)
        else:
            verdict.opened.append(opened)
    numbers = [one.ctr for one in verdict.opened]
    assert len(set(numbers)) == len(numbers), "a counter was used twice"
    return verdict
