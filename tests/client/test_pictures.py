"""Pictures without what is no picture: what goes, what stays, and files that only look like pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.client.files.pictures import NotAPictureError, strip_picture, tells_where

SCAN = b"\x01\xff\x00\x02\xff\xd0\x03\xff\xd7" * 5
PLACE, TURNED = (0x8825, 4, 1, 26), (0x0112, 3, 1, 6)


def exif(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """A TIFF of one directory, every value written as its kind wants it."""
    found = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    for tag, kind, count, value in entries:
        held = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        found += struct.pack(f"{order}HHI", tag, kind, count) + held
    return found + bytes(4) + b"53.5N 10.0E"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\x48\0\x48\0\0")
DRAWN = [
    segment(0xE2, b"ICC_PROFILE\0\1\1profile"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"),
    segment(0xDB, bytes(65)), segment(0xC2, bytes(15)), segment(0xC4, bytes(20)),
    segment(0xDA, bytes(8)) + SCAN, segment(0xC4, bytes(9)), segment(0xDA, bytes(6)) + SCAN,
]  # fmt: skip
TOLD = [
    segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='53.5'/>"), segment(0xED, b"Photoshop 3.0\0me"),
    segment(0xE2, b"MPF\0more"), segment(0xFE, b"a comment"), segment(0xEB, b"JUMBF"), segment(0xE0, b"JFXX\0small"),
]  # fmt: skip


def jpeg(tiff: bytes | None = None) -> bytes:
    """With everything that a telephone writes, and a film behind the end."""
    told = [segment(0xE1, b"Exif\0\0" + tiff), *TOLD] if tiff is not None else TOLD
    return b"".join([b"\xff\xd8", JFIF, *told, *DRAWN, b"\xff\xd9", b"ftypmp42 film with a place"])


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


SHOWN = [chunk(b"IHDR", bytes(13)), chunk(b"pHYs", bytes(9)), chunk(b"iCCP", b"x\0\0y"), chunk(b"IDAT", b"pixels")]
WORDS = [chunk(kind, b"Author\0me") for kind in (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"prVt")]


def png(tiff: bytes | None = None) -> bytes:
    told = [chunk(b"eXIf", tiff), *WORDS] if tiff is not None else WORDS
    return b"".join([b"\x89PNG\r\n\x1a\n", *SHOWN, *told, chunk(b"IEND", b""), b"behind"])


def test_of_a_jpeg_the_picture_stays() -> None:
    assert strip_picture(jpeg(exif(PLACE))) == b"".join([b"\xff\xd8", JFIF, *DRAWN, b"\xff\xd9"])


def test_of_a_png_the_picture_stays() -> None:
    assert strip_picture(png(exif(PLACE))) == b"".join([b"\x89PNG\r\n\x1a\n", *SHOWN, chunk(b"IEND", b"")])


@pytest.mark.parametrize("make", [jpeg, png])
@pytest.mark.parametrize("order", "<>")
def test_how_it_is_turned_stays_and_nothing_else_of_it(make: Callable[[bytes], bytes], order: str) -> None:
    found = strip_picture(make(exif((0x010F, 4, 1, 7), TURNED, PLACE, order=order)))
    kept = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    assert kept in found
    assert b"53.5" not in found
    assert strip_picture(found) == found
    straight = strip_picture(make(exif((0x0112, 3, 1, 1), order=order)))
    assert b"MM\0*" not in straight


@pytest.mark.parametrize("marker", [0x02, 0xBF, 0xC8, 0xDE, 0xDF, 0xF0, 0xF7, 0xFD])
def test_segments_that_no_picture_is_drawn_with_go(marker: int) -> None:
    told = segment(marker, b"53.5N 10.0E")
    found = strip_picture(b"".join([b"\xff\xd8", JFIF, told, *DRAWN, b"\xff\xd9"]))
    assert found == b"".join([b"\xff\xd8", JFIF, *DRAWN, b"\xff\xd9"])


def test_words_behind_adobes_go() -> None:
    told = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + b"53.5N")
    found = strip_picture(b"".join([b"\xff\xd8", JFIF, DRAWN[0], told, *DRAWN[2:], b"\xff\xd9"]))
    assert found == b"".join([b"\xff\xd8", JFIF, *DRAWN, b"\xff\xd9"])


def test_of_a_png_palettes_that_have_names_go_and_kinds_that_must_be_known_are_refused() -> None:
    begin, end = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")
    named = b"".join([begin, *SHOWN, chunk(b"sPLT", b"53.5N\0\x08"), end])
    assert strip_picture(named) == b"".join([begin, *SHOWN, end])
    with pytest.raises(NotAPictureError):
        strip_picture(b"".join([begin, *SHOWN, chunk(b"GPSs", b"53.5N"), end]))


@pytest.mark.parametrize("whole", [jpeg(exif(PLACE)), jpeg(), png(exif(PLACE))])
def test_a_place_is_found_in_a_picture_that_is_cut_behind_it(whole: bytes) -> None:
    cut = whole[: whole.rindex(b"\xff\xd9" if whole.startswith(b"\xff") else b"IEND") - 4]
    assert tells_where(cut)
    with pytest.raises(NotAPictureError):
        strip_picture(cut)


def test_a_small_picture_in_the_head_goes() -> None:
    head = segment(0xE0, b"JFIF\0\1\1\0\0\x48\0\x48\1\1" + b"RGB")
    found = strip_picture(b"".join([b"\xff\xd8", head, *DRAWN, b"\xff\xd9"]))
    assert found == b"".join([b"\xff\xd8", JFIF, *DRAWN, b"\xff\xd9"])


def test_places_are_found() -> None:
    for order in "<>":
        assert tells_where(jpeg(exif(TURNED, PLACE, order=order)))
        assert tells_where(png(exif(TURNED, PLACE, order=order)))
    assert tells_where(jpeg()), "in XMP"
    bare = b"".join([b"\xff\xd8", segment(0xE1, b"Exif\0\0" + exif(TURNED)), *DRAWN, b"\xff\xd9"])
    for none in (png(exif(TURNED)), png(), bare, strip_picture(jpeg(exif(PLACE))), b"", b"text", b"\xff\xd8", b"%PDF"):
        assert not tells_where(none)


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"%PDF-1.7", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8" + JFIF + b"\xff\xd9",
     b"\xff\xd8" + JFIF + DRAWN[5], b"\xff\xd8\xff\xe1\0\1", b"\xff\xd8\xff\xe1\xff\xff", b"\xff\xd8\xff\xff",
     b"\x89PNG\r\n\x1a\n", png()[:-30], png().replace(b"pixels", b"pixel5"), b"\x89PNG\r\n\x1a\n" + bytes(40)],
)  # fmt: skip
def test_what_is_not_read_to_its_end_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPictureError):
        strip_picture(data)
    assert not tells_where(data)


@pytest.mark.fuzz
@settings(deadline=None)
@given(st.sampled_from([jpeg(exif(TURNED, PLACE)), png(exif(TURNED, PLACE))]), st.data())
def test_a_changed_picture_is_stripped_or_refused(whole: bytes, draw: st.DataObject) -> None:
    """Cut, and with bytes of all kinds anywhere: never another error, and twice is once."""
    data = bytearray(whole[: draw.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    for _ in range(draw.draw(st.integers(0, 6))):
        if data:
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.sampled_from([0, 1, 0xFF, 0xD9, 0xE1]))
    tells_where(bytes(data))
    try:
        found = strip_picture(bytes(data))
    except NotAPictureError:
        return
    assert strip_picture(found) == found
    assert not tells_where(found)


@pytest.mark.fuzz
@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_exif_is_read_or_left(tiff: bytes) -> None:
    for order in (b"II*\0", b"MM\0*", b""):
        tells_where(jpeg(order + tiff))
        assert not tells_where(strip_picture(png(order + tiff)))
