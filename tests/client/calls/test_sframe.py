"""SFrame against RFC 9605's own vectors, ours, and whoever sends broken frames."""

from __future__ import annotations

import json
import random

import pytest
from tests.client.calls import profile_vectors as pv
from tests.official import read_vectors

from zajil.client.calls.frames import Codec, open_frame, open_media, seal_frame, seal_media
from zajil.client.calls.keys import CTR_LIMIT, CounterSpent, KeyRing, NoKey, Opener, encode_kid, split_kid
from zajil.client.calls.sframe import (
    AES_128_GCM,
    HEADER_BYTES_MAX,
    FrameDropped,
    SFrameKey,
    UnsupportedSuite,
    derive_key_and_salt,
    encode_header,
    find_suite,
    parse_header,
)

RFC = json.loads(pv.SFRAME.read_text(encoding="utf-8"))
FUZZED = 100_000


def reason_of(opener: Opener, frame: bytes, metadata: bytes = b"", *, at: int = 0) -> str:
    with pytest.raises(FrameDropped) as dropped:
        opener.open(frame, metadata, now_ms=at)
    return dropped.value.reason


@pytest.mark.vectors
def test_every_header_of_the_rfc_both_ways() -> None:
    assert len(RFC["header"]) == 289
    for row in RFC["header"]:
        kid, ctr, encoded = int(row["kid"], 16), int(row["ctr"], 16), bytes.fromhex(row["encoded"])
        assert encode_header(kid, ctr) == encoded
        header = parse_header(encoded + b"rest")
        assert (header.kid, header.ctr, header.size_bytes) == (kid, ctr, len(encoded))


@pytest.mark.vectors
@pytest.mark.parametrize("row", RFC["sframe"], ids=lambda row: f"suite {row['cipher_suite']}")
def test_every_step_of_the_rfcs_frames(row: dict[str, str]) -> None:
    suite, kid, ctr = find_suite(int(row["cipher_suite"])), int(row["kid"], 16), int(row["ctr"], 16)
    base_key, metadata, plain = (bytes.fromhex(row[name]) for name in ("base_key", "metadata", "pt"))
    key, salt = derive_key_and_salt(suite, base_key, kid)
    assert (key.hex(), salt.hex()) == (row["sframe_key"], row["sframe_salt"])
    sframe = SFrameKey.derive(suite, base_key, kid)
    assert sframe.seal(ctr, plain, metadata).hex() == row["ct"]
    frame = bytes.fromhex(row["ct"])
    assert sframe.open(parse_header(frame), frame, metadata) == plain


@pytest.mark.vectors
def test_the_projects_copy_is_what_the_rfcs_authors_wrote() -> None:
    assert pv.official_rows(read_vectors(pv.OFFICIAL)) == RFC


def test_our_own_vectors_are_what_this_code_writes() -> None:
    assert pv.shown(pv.profile()) == pv.PROFILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("row", json.loads(pv.PROFILE.read_text(encoding="utf-8"))["frames"], ids=str)
def test_the_profiles_frames_open(row: dict[str, str]) -> None:
    opener, wire, plain = pv.ring_of(300).receiver(2), bytes.fromhex(row["wire"]), bytes.fromhex(row["plain"])
    if row["way"] == "websocket":
        assert open_media(opener, wire, now_ms=0) == plain
    else:
        codec, key_frame = Codec(row["codec"]), bool(row["key_frame"])
        assert open_frame(opener, wire, codec, key_frame=key_frame, now_ms=0) == plain


def test_no_other_suite_is_known() -> None:
    for suite_id in (0, 1, 2, 3, 6, 65_535):
        with pytest.raises(UnsupportedSuite):
            find_suite(suite_id)


def test_a_frame_cut_anywhere_is_dropped() -> None:
    ring = pv.ring_of(1 << 40)
    opener = ring.receiver(65_535)
    sealer = ring.sender((1 << 40) - 1, 65_535)
    frame = sealer.seal(bytes(40), b"", now_ms=0)
    assert {reason_of(opener, frame[:size]) for size in range(len(frame))} == {"empty", "short", "bad-tag"}
    assert opener.open(frame, b"", now_ms=0) == bytes(40)


def test_a_header_of_the_largest_values_is_read_and_one_larger_does_not_exist() -> None:
    most = (1 << 64) - 1
    encoded = encode_header(most, most)
    assert len(encoded) == HEADER_BYTES_MAX
    assert parse_header(encoded).ctr == most
    key = SFrameKey.derive(AES_128_GCM, pv.KEYS[0], most)
    frame = key.seal(most, b"x", b"")
    assert key.open(parse_header(frame), frame, b"") == b"x"
    with pytest.raises(ValueError, match="u64"):
        encode_header(most + 1, 0)


@pytest.mark.parametrize("spelling", ["8007", "8800", "9000ff", "0807", "0900ff", "f0" + "00" * 8, "f8" + "00" * 16])
def test_a_second_spelling_of_a_value_is_refused(spelling: str) -> None:
    with pytest.raises(FrameDropped, match="header"):
        parse_header(bytes.fromhex(spelling) + bytes(40))


def test_one_wrong_bit_anywhere_opens_nothing() -> None:
    opener, sealer = pv.ring_of(5).receiver(2), pv.ring_of(5).sender(64, 2)
    frame, metadata = sealer.seal(b"voice", b"clear", now_ms=0), b"clear"
    for at in range(8 * len(frame)):
        wrong = bytearray(frame)
        wrong[at // 8] ^= 1 << at % 8
        assert reason_of(opener, bytes(wrong), metadata) in (
            "short",
            "header",
            "unknown-key",
            "foreign-leaf",
            "bad-tag",
        )
    assert reason_of(opener, frame, b"cleat") == "bad-tag"
    assert opener.open(frame, metadata, now_ms=0) == b"voice"
    assert opener.dropped.total() == 8 * len(frame) + 1


def test_a_frame_comes_in_once() -> None:
    ring = pv.ring_of(5)
    frame = ring.sender(64, 2).seal(b"voice", b"", now_ms=0)
    first, second = ring.receiver(2), ring.receiver(2)
    assert first.open(frame, b"", now_ms=0) == b"voice"
    assert reason_of(first, frame) == "replayed"
    assert reason_of(second, frame) == "replayed", "another connection with the same peer is no second chance"


def test_an_opener_of_an_attempt_hears_its_ctx_alone() -> None:
    ring = pv.ring_of(5)
    frame = ring.sender(64, 2).seal(b"voice", b"", now_ms=0)
    assert reason_of(ring.receiver(2, 66), frame) == "foreign-leaf"
    assert ring.receiver(2, 64).open(frame, b"", now_ms=0) == b"voice"


def test_who_joins_again_at_a_lower_number_is_heard_and_what_goes_on_is_never_forgotten() -> None:
    ring = pv.ring_of(5)
    long, steady = ring.sender(64, 2), ring.receiver(2, 64)
    first = long.seal(b"first", b"", now_ms=0)
    steady.open(first, b"", now_ms=0)
    for ctx in range(66, 66 + 2 * 40, 2):
        ring.receiver(2, ctx).open(ring.sender(ctx, 2).seal(b"", b"", now_ms=0), b"", now_ms=0)
        steady.open(long.seal(b"", b"", now_ms=0), b"", now_ms=0)
    assert reason_of(steady, first) == "replayed"
    lower, again = ring.sender(2, 2).seal(b"here again", b"", now_ms=0), ring.receiver(2, 2)
    assert again.open(lower, b"", now_ms=0) == b"here again"
    assert reason_of(again, lower) == "replayed"


def test_another_members_frame_is_not_this_peers() -> None:
    ring = pv.ring_of(5)
    frame = ring.sender(64, 3).seal(b"voice", b"", now_ms=0)
    assert reason_of(ring.receiver(2), frame) == "foreign-leaf"


def test_a_removed_member_opens_nothing_of_the_epoch_after_and_is_not_heard_two_seconds_later() -> None:
    ours, removed = pv.ring_of(5), pv.ring_of(5)
    before = removed.sender(64, 3).seal(b"from the removed", b"", now_ms=0)
    again = removed.sender(64, 3)
    ours.add(6, pv.KEYS[1], removed=True, now_ms=100)
    frame = ours.sender(66, 2).seal(b"among us", b"", now_ms=100)
    assert reason_of(removed.receiver(2), frame, at=100) == "unknown-key"
    assert reason_of(ours.receiver(3), before, at=2_100) == "unknown-key"
    assert reason_of(ours.receiver(3), again.seal(b"still here", b"", now_ms=9_999), at=2_100) == "unknown-key"


def test_a_transform_stops_at_its_last_counter_unless_it_has_a_next_one() -> None:
    ring = pv.ring_of(5)
    sealer = ring.sender(64, 2)
    sealer._ctr = CTR_LIMIT - 1
    assert parse_header(sealer.seal(b"last", b"", now_ms=0)).ctr == CTR_LIMIT - 1
    for _ in range(2):
        with pytest.raises(CounterSpent):
            sealer.seal(b"one more", b"", now_ms=0)
    going_on = ring.sender(66, 2, next_ctx=lambda: 68)
    going_on._ctr = CTR_LIMIT
    header = parse_header(going_on.seal(b"first of the next", b"", now_ms=0))
    assert (split_kid(header.kid)[0], header.ctr) == (68, 0)


def test_a_counter_goes_on_over_an_epoch() -> None:
    ring = pv.ring_of(5)
    sealer = ring.sender(64, 2)
    sealer.seal(b"", b"", now_ms=0)
    ring.add(6, pv.KEYS[1], removed=True, now_ms=1)
    header = parse_header(sealer.seal(b"", b"", now_ms=1))
    assert (header.kid & 0xFF, header.ctr) == (6, 1)


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(NoKey):
        KeyRing().sender(64, 2).seal(b"voice", b"", now_ms=0)
    ring = pv.ring_of(5)
    ring.forget()
    with pytest.raises(NoKey):
        ring.sender(64, 2).seal(b"voice", b"", now_ms=0)


def test_foreign_frames_cost_no_memory() -> None:
    ring = pv.ring_of(5)
    opener = ring.receiver(2)
    for ctx in range(5_000):
        reason_of(opener, encode_header(encode_kid(ctx=ctx, leaf=2, epoch=5), 9) + bytes(40))
    assert ring._epochs[5].windows == {2: {}}


def test_wrong_use_fails_at_once() -> None:
    ring = pv.ring_of(5)
    for ctx, leaf in ((-1, 0), (1 << 40, 0), (0, -1), (0, 1 << 16)):
        with pytest.raises(ValueError, match="ctx"):
            ring.sender(ctx, leaf)
    with pytest.raises(ValueError, match="16 bytes"):
        ring.add(6, bytes(32), removed=False, now_ms=0)
    with pytest.raises(ValueError, match="8 bytes"):
        seal_media(ring.sender(64, 2), bytes(7), b"x", now_ms=0)


@pytest.mark.parametrize(("codec", "key_frame", "size"), [(Codec.VP8, True, 10), (Codec.VP8, False, 1)])
def test_a_frame_of_clear_bytes_alone_is_neither_sent_nor_taken(codec: Codec, key_frame: bool, size: int) -> None:
    ring = pv.ring_of(5)
    opener = ring.receiver(2)
    with pytest.raises(FrameDropped, match="short"):
        seal_frame(ring.sender(64, 2), bytes(size), codec, key_frame=key_frame, now_ms=0)
    for frame, reason in ((bytes(size), "short"), (b"", "empty")):
        with pytest.raises(FrameDropped, match=reason):
            open_frame(opener, frame, codec, key_frame=key_frame, now_ms=0)
    assert opener.dropped == {"short": 1, "empty": 1}


@pytest.mark.fuzz
def test_hostile_frames_are_dropped_and_nothing_else_happens() -> None:
    """A hundred thousand: noise, genuine frames with edits, and headers of a known KID before noise."""
    chance = random.Random(9605)
    ring = pv.ring_of(5)
    opener, sealer = ring.receiver(2), ring.sender(64, 2)
    genuine = sealer.seal(chance.randbytes(60), b"", now_ms=0)
    for at in range(FUZZED):
        kind = at % 3
        if kind == 0:
            frame = chance.randbytes(chance.randrange(80))
        elif kind == 1:
            frame = encode_header(64 << 24 | 2 << 8 | 5, chance.getrandbits(chance.randrange(1, 65)))
            frame += chance.randbytes(chance.randrange(40))
        else:
            edited = bytearray(genuine)
            for _ in range(chance.randrange(1, 4)):
                edited[chance.randrange(len(edited))] ^= chance.randrange(1, 256)
            frame = bytes(edited[: chance.randrange(len(edited) + 1)])
        if frame != genuine:
            with pytest.raises(FrameDropped):
                opener.open(frame, b"", now_ms=0)
    assert opener.opened == 0
    assert len(opener.open(genuine, b"", now_ms=0)) == 60
