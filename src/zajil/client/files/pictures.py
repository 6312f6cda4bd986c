"""Takes out of JPEG and PNG pictures what is no picture: where and when they were taken, by whom, and with what.

Nothing is decoded: segments and chunks that pictures are drawn with are copied as they are, every other one is left
out, and so is what stands behind the end (film of a "live" photo, further pictures). How the picture is turned is kept,
as an Exif of this one entry. Whoever made the file is not trusted: what is not read to its end is refused.

Sources: ITU-T T.81 B (JPEG); JFIF 1.02; PNG, third edition, 5 and 11; Exif 2.32, 4.5 and 4.6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

PICTURE_BYTES: Final = 64 << 20
"""A larger file is not looked at."""
_JPEG: Final = b"\xff\xd8"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SOS, _EOI, _TEM = 0xDA, 0xD9, 0x01
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES: Final = frozenset((*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD))
"""Markers of frames, tables, scans, their number of lines and restarts. Decoders pass over all others."""
_ADOBE_BYTES: Final = 12
_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/"
_NEEDED: Final = frozenset(b"IHDR PLTE IDAT IEND".split())
_DRAWN: Final = frozenset(b"tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT".split())
_ORIENTATION, _GPS = 0x0112, 0x8825
_SHORT: Final = 3
_ENTRIES_MAX: Final = 512


class NotAPictureError(Exception):
    """It is no JPEG or PNG, larger than PICTURE_BYTES, or broken."""


class _Exif(NamedTuple):
    """turned: 1 to 8, 1 as it is. located: it tells where the picture was taken."""

    turned: int = 1
    located: bool = False


class _Segment(NamedTuple):
    """A segment of a JPEG: its marker and all of its bytes; of a scan its data too. body: without marker and length."""

    marker: int
    whole: bytes

    @property
    def body(self) -> bytes:
        return self.whole[4:]


def tells_where(data: bytes) -> bool:
    """Whether a picture says where it was taken. False for what is no picture, and for what cannot be read."""
    try:
        if data.startswith(_JPEG):
            # One by one: a picture that is cut behind its place tells it all the same.
            return any(_is_place(each.body) for each in _segments(data) if each.marker == _APP1)
        if data.startswith(_PNG):
            return any(
                _is_xmp_place(body) or (kind == b"eXIf" and _parse_exif(body).located) for kind, body in _chunks(data)
            )
    except NotAPictureError:
        pass
    return False


def strip_picture(data: bytes) -> bytes:
    """The picture without what is no picture. Raises NotAPictureError."""
    if len(data) > PICTURE_BYTES:
        raise NotAPictureError
    if data.startswith(_JPEG):
        return _strip_jpeg(data)
    if data.startswith(_PNG):
        return _strip_png(data)
    raise NotAPictureError


def _is_place(body: bytes) -> bool:
    return _is_xmp_place(body) or (body.startswith(_EXIF) and _parse_exif(body[len(_EXIF) :]).located)


def _is_xmp_place(body: bytes) -> bool:
    return b"GPSLatitude" in body


def _strip_jpeg(data: bytes) -> bytes:
    head: list[bytes] = []
    rest: list[bytes] = []
    turned = 1
    for marker, whole in _segments(data):
        body = whole[4:]
        if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14 and not head:
            # Without the small picture that may stand in it: nobody changed that one together with the large.
            head.append(b"\xff\xe0\0\x10" + body[:12] + b"\0\0")
        elif marker == _APP1 and body.startswith(_EXIF):
            turned = _parse_exif(body[len(_EXIF) :]).turned if turned == 1 else turned
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
            rest.append(b"\xff\xee\0\x0e" + body[:_ADOBE_BYTES])
        elif marker in _FRAMES or (marker == _APP2 and body.startswith(b"ICC_PROFILE\0")):
            # Colours are right only with the profile and with Adobe's word for them.
            rest.append(whole)
    if turned != 1:
        exif = _EXIF + _make_exif(turned)
        head.append(b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif)
    return b"".join([_JPEG, *head, *rest, b"\xff\xd9"])


def _segments(data: bytes) -> Iterator[_Segment]:
    """All up to the end of the picture. Raises NotAPictureError for one that has none."""
    at, scans = 2, 0
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if data[at : at + 1] != b"\xff" or at + 1 >= len(data):
            raise NotAPictureError
        marker = data[at + 1]
        if marker == _EOI:
            if not scans:
                raise NotAPictureError
            return
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker <= _TEM or 0xD0 <= marker <= 0xD8 or size < 2 or at + 2 + size > len(data):
            raise NotAPictureError
        end = at + 2 + size
        if marker == _SOS:
            scans += 1
            end = _end_of_scan(data, end)
        yield _Segment(marker, data[at:end])
        at = end


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next marker stands that is no restart and no stuffed byte."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise NotAPictureError
        follows = data[at + 1]
        if follows == 0 or 0xD0 <= follows <= 0xD7:
            at += 2
        elif follows == 0xFF:
            at += 1
        else:
            return at


def _strip_png(data: bytes) -> bytes:
    found, turned = [_PNG], 1
    for kind, body in _chunks(data):
        if kind == b"eXIf":
            turned = _parse_exif(body).turned if turned == 1 else turned
        elif kind[:1].isupper() and kind not in _NEEDED:
            raise NotAPictureError
        elif kind in _NEEDED or kind in _DRAWN:
            if kind == b"IEND" and turned != 1:
                found.append(_make_chunk(b"eXIf", _make_exif(turned)))
            found.append(_make_chunk(kind, body))
    return b"".join(found)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of all chunks up to IEND. Raises NotAPictureError for what has none, and for a wrong checksum."""
    at = len(_PNG)
    while True:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body, check = data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        if len(check) != 4 or not kind.isalpha() or zlib.crc32(kind + body) != int.from_bytes(check, "big"):
            raise NotAPictureError
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + size


def _make_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _parse_exif(tiff: bytes) -> _Exif:
    """What the first directory says. Nothing where it cannot be read: then it is no better for anybody else."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return _Exif()
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return _Exif()
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    turned, located = 1, False
    for n in range(min(count, _ENTRIES_MAX)):
        entry = at + 2 + 12 * n
        if entry + 12 > len(tiff):
            break
        tag, kind, length, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        located = located or tag == _GPS
        if (tag, kind, length) == (_ORIENTATION, _SHORT, 1) and 1 <= value <= 8:
            turned = value
    return _Exif(turned, located)


def _make_exif(turned: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, turned, 0, 0)
