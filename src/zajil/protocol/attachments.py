"""Attachments as the server sees them: sizes, calls and the padding that hides the true size.

A file travels as one ciphertext, AES-256-GCM under a key of its own, of padded size. Whoever holds one-time passes for
so many bytes may announce one; what it is, whose it is and which chat it belongs to, no call says.
Source: docs/protocol/files.md; padding: PURBs, Nikitin et al., PETS 2019, 4 (Padme).
"""

from __future__ import annotations

import re
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from zajil.protocol import limits
from zajil.protocol.errors import error
from zajil.protocol.frames import U64
from zajil.protocol.ids import B16, B32

ATTACHMENT_BYTES: Final = 100 * limits.MIB
"""Longest ciphertext of an attachment, its tag included."""
ATTACHMENT_LEAST_BYTES: Final = limits.KIB
"""Shortest: what is smaller is padded up to it."""
TAG_BYTES: Final = 16
FILE_BYTES: Final = ATTACHMENT_BYTES - TAG_BYTES
"""Longest file."""
PIECE_BYTES: Final = limits.HTTP_BODY_BYTES
"""What goes up or down in one call on every way; plain HTTPS takes up to PIECE_MAX_BYTES."""
PIECE_MAX_BYTES: Final = limits.MIB
PASS_BYTES: Final = 4 * limits.MIB
"""What one pass is worth: an account takes as many as its attachment needs, and is limited by what it takes."""
PASSES_MAX: Final = -(-ATTACHMENT_BYTES // PASS_BYTES)
"""Passes of the longest attachment."""
UNFINISHED_S: Final = 86_400
"""An upload that is not whole after a day is gone."""
KEPT_S: Final = 30 * 86_400
"""A whole one is gone after so long."""
_RANGE: Final = re.compile(r"bytes=([0-9]{1,10})-([0-9]{0,10})", re.ASCII)


class AddAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /attachments. size: of the ciphertext, padded (`padded_bytes`). sha256: of the ciphertext.

    passes: of kind upload, exactly `passes_for(size)` of them, no two alike; all of them are spent or none.
    """

    size: U64
    sha256: B32
    passes: Annotated[tuple[B32, ...], Meta(min_length=1, max_length=PASSES_MAX)]


class AddedAttachment(msgspec.Struct, frozen=True):
    """id: fetches it. secret: lets its holder upload, `Authorization: Upload <secret>`."""

    id: B16
    secret: B32


class UploadOffset(msgspec.Struct, frozen=True):
    """Bytes that are stored durably. At the announced size the attachment is whole, its hash was right."""

    offset: Annotated[int, Meta(ge=0, le=ATTACHMENT_BYTES)]


class Piece(NamedTuple):
    """A part of an attachment. start: its first byte's place; whole_bytes: size of the attachment."""

    data: bytes
    start: int
    whole_bytes: int

    @property
    def content_range(self) -> str:
        """As `tell_range`."""
        return tell_range(self.start, len(self.data), whole_bytes=self.whole_bytes)


def padme(size_bytes: int) -> int:
    """The next size of the Padme series: at most 12 % more, and O(log log) bits of what is told."""
    if size_bytes < 2:
        return size_bytes
    exponent = size_bytes.bit_length() - 1
    loose_bits = exponent - exponent.bit_length()
    mask = (1 << loose_bits) - 1
    return (size_bytes + mask) & ~mask


def padded_bytes(file_bytes: int) -> int:
    """Size of the ciphertext of a file, tag included. Raises Malformed `too-big` over FILE_BYTES."""
    if file_bytes > FILE_BYTES:
        raise error("too-big", "file")
    return max(ATTACHMENT_LEAST_BYTES, padme(file_bytes + TAG_BYTES))


def passes_for(size_bytes: int) -> int:
    """How many passes an attachment of this size takes: 1 to PASSES_MAX."""
    return max(1, -(-size_bytes // PASS_BYTES))


def check_announcement(request: AddAttachment) -> None:
    """Raises what `check_size` does, Malformed for fewer or more passes than the size takes, and for two alike."""
    check_size(request.size)
    if len(set(request.passes)) != len(request.passes) or len(request.passes) != passes_for(request.size):
        raise error("malformed", "passes for another size")


def check_size(size_bytes: int) -> None:
    """Raises Malformed for a size that no padded ciphertext has, `too-big` for one over ATTACHMENT_BYTES."""
    if size_bytes > ATTACHMENT_BYTES:
        raise error("too-big", "attachment")
    if size_bytes < ATTACHMENT_LEAST_BYTES or padme(size_bytes) != size_bytes:
        raise error("malformed", "size of no padded attachment")


def parse_range(header: str | None) -> tuple[int, int]:
    """First byte and most bytes that a Range header asks for; never more than PIECE_MAX_BYTES (RFC 9110 15.3.7).

    Raises Malformed for none, for several ranges, and for one that counts from the end.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None:
        raise error("malformed", "one range, bytes=first-last")
    first = int(found[1])
    last = int(found[2]) if found[2] else first + PIECE_MAX_BYTES - 1
    if last < first:
        raise error("malformed", "an empty range")
    return first, min(last - first + 1, PIECE_MAX_BYTES)


def tell_range(start: int, length: int, *, whole_bytes: int) -> str:
    """The Content-Range header of so many bytes from there on (RFC 9110 14.4)."""
    return f"bytes {start}-{start + length - 1}/{whole_bytes}"


def make_range(start: int, length: int) -> str:
    """The Range header for so many bytes from there on."""
    return f"bytes={start}-{start + length - 1}"
