"""Sound of the media room without a network: what leaves, what is heard, and what is dropped."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable

import pytest
from tests.client.calls.pair import KEYS, tone_share
from tests.client.calls.pair import Ear as Heard

from zajil.client.calls.keys import CTR_LIMIT, CounterSpent, KeyRing
from zajil.client.calls.media import sound
from zajil.client.calls.media.room import derive_room
from zajil.client.calls.media.roomvoice import ROOM_FRAME_BYTES, Ear, NotSealed, Upload
from zajil.client.calls.media.sound import Silence, Tone, fading_in, fading_out, find_level, mixed
from zajil.client.calls.sframe import parse_header
from zajil.protocol.calls import media

PC, LEAF = 640, 3


class Noise:
    """As loud as it gets."""

    def __init__(self) -> None:
        self._chance = random.Random(5)

    def read(self) -> bytes:
        return struct.pack("<960h", *(self._chance.randrange(-32_000, 32_000) for _ in range(960)))


def ring() -> KeyRing:
    made = KeyRing()
    made.add(1, KEYS[1], removed=False, now_ms=0)
    return made


def upload(made: KeyRing, *, pc: int = PC, now_ms: Callable[[], int] = lambda: 0) -> Upload:
    return Upload(made.sender(pc, LEAF), pc=pc, leaf=LEAF, now_ms=now_ms)


class Listener:
    """An ear with a clock. opened: how often it was told."""

    def __init__(self, made: KeyRing, *, leaf: int = LEAF) -> None:
        self.now, self.opened, self.heard = 0, 0, Heard()
        self.ear = Ear(made.receiver(leaf), now_ms=lambda: self.now, opened=self._open, hear=self.heard.write)

    def _open(self) -> None:
        self.opened += 1

    def take(self, record: bytes | None, *, at: int | None = None) -> None:
        assert record is not None
        self.now = self.now if at is None else at
        self.ear.take(media.parse_frame(record))

    def play(self, until: int) -> None:
        while self.now < until:
            self.now += 20
            self.ear.play()


def talk(one: Upload, other: Listener, turns: int) -> None:
    for turn in range(turns):
        other.play(40 * turn)
        other.take(one.next_sound(turn), at=40 * turn)


def test_every_frame_has_one_size_whatever_is_said_for_a_length_of_its_counter() -> None:
    loud, quiet = upload(ring()), upload(ring())
    loud.open_to(1, Noise())
    records = [(loud.next_sound(turn) or b"", quiet.next_sound(turn) or b"") for turn in range(300)]
    assert all(len(one) == len(other) for one, other in records)
    assert {len(one) for one, _ in records[:8]} == {8 + 6 + 120 + 16}
    assert {len(one) for one, _ in records[8:256]} == {8 + 7 + 120 + 16}
    assert max(len(one) for one, _ in records) <= media.AUDIO_BYTES
    kids = {parse_header(media.parse_frame(one).payload).kid for one, _ in records}
    assert kids == {PC << 24 | LEAF << 8 | 1}


def test_numbers_and_time_count_on_and_wrap() -> None:
    one = upload(ring())
    one._sound_seq = 65_535
    frames = [media.parse_frame(one.next_sound(turn) or b"") for turn in ((1 << 32) // 40, (1 << 32) // 40 + 1)]
    assert [frame.seq for frame in frames] == [65_535, 0]
    assert [frame.ts for frame in frames] == [(1 << 32) - 16, 24]


def test_silence_flows_until_it_is_opened_and_a_tone_after_that() -> None:
    made = ring()
    one, other = upload(made), Listener(made)
    talk(one, other, 25)
    assert other.opened == 25
    assert all(tone_share(pcm) == 0 for _, pcm in other.heard.frames)
    one.open_to(1, Tone())
    talk_on = [one.next_sound(turn) for turn in range(25, 60)]
    for turn, record in enumerate(talk_on, 25):
        other.play(40 * turn)
        other.take(record, at=40 * turn)
    assert other.heard.hears_tone()
    assert [len(pcm) for _, pcm in other.heard.frames] == [ROOM_FRAME_BYTES] * len(other.heard.frames)
    one.open_to(1, None)
    for turn in range(60, 90):
        other.play(40 * turn)
        other.take(one.next_sound(turn), at=40 * turn)
    assert not other.heard.hears_tone()


def test_doubles_strangers_and_wrong_frames_are_dropped_and_counted() -> None:
    made, other_ring = ring(), KeyRing()
    other_ring.add(1, KEYS[2], removed=False, now_ms=0)
    one, other = upload(made), Listener(made)
    record = one.next_sound(0)
    other.take(record)
    other.take(record)
    false = upload(other_ring)
    false.next_sound(0)
    other.take(false.next_sound(1))
    stranger = Listener(made, leaf=LEAF + 1)
    stranger.take(one.next_sound(2))
    assert other.ear.dropped == {"replayed": 1, "bad-tag": 1}
    assert stranger.ear.dropped == {"foreign-leaf": 1}
    assert (other.opened, stranger.opened) == (1, 0)
    changed = bytearray(one.next_sound(3) or b"")
    changed[7] ^= 1
    other.take(bytes(changed))
    assert other.ear.dropped["bad-tag"] == 2, "the header is sealed too"


def test_a_wrong_frame_takes_no_place_of_a_true_one() -> None:
    made = ring()
    one, other = upload(made), Listener(made)
    true = one.next_sound(0) or b""
    other.take(true[:-1] + bytes([true[-1] ^ 1]))
    other.take(true)
    assert (other.opened, other.ear.jitter.doubles) == (1, 0)


def test_of_an_epoch_that_is_not_known_nothing_is_heard() -> None:
    made, removed = ring(), Listener(ring())
    one = upload(made)
    talk(one, removed, 10)
    made.add(2, KEYS[2], removed=True, now_ms=0)
    for turn in range(10, 20):
        removed.take(one.next_sound(turn), at=40 * turn)
    assert removed.ear.dropped == {"unknown-key": 10}
    assert removed.opened == 10


def test_what_comes_late_is_a_gap_that_fades_and_the_next_sound_rises() -> None:
    made = ring()
    one, other = upload(made), Listener(made)
    one.open_to(1, Tone())
    for turn in range(60):
        other.play(40 * turn)
        record = one.next_sound(turn)
        if turn not in (40, 41):
            other.take(record, at=40 * turn)
    other.play(2_540)
    assert (other.ear.jitter.gaps, other.ear.jitter.late) == (2, 0)
    places = [at for at, _ in other.heard.frames]
    (begun,) = [at for at, after in itertools.pairwise(places) if after - at == 2 * 1920]
    fading, rising = [dict(other.heard.frames)[at] for at in (begun, begun + 2 * 1920)]
    assert not any(fading[2 * 480 :])
    assert find_level(fading[: 2 * 120]) > find_level(fading[2 * 360 : 2 * 480]) > 0
    assert find_level(rising[: 2 * 64]) < find_level(rising[2 * 480 : 2 * 544])


def test_a_report_tells_what_was_late() -> None:
    made = ring()
    one, other = upload(made), Listener(made)
    other.take(one.report(25, media.Control(120, 240)))
    assert other.ear.far == media.Control(120, 240)
    assert (other.opened, other.ear.seen) == (0, 0), "a report is no sound"
    assert media.parse_frame(one.report(50, media.Control(0, 150)) or b"").seq == 1


def test_an_echo_of_a_report_tells_the_way_to_a_peer_and_back() -> None:
    made, clock = ring(), [0]
    one, other = upload(made, now_ms=lambda: clock[0]), Listener(made)
    assert other.ear.echo(LEAF) is None
    for turn in (0, 25):
        clock[0] = 1000 * turn
        other.take(one.report(turn, media.Control(0, 150)), at=500_000 + 1000 * turn)
    other.now += 40
    echo = other.ear.echo(LEAF)
    assert echo == media.Echo(LEAF, 1000, 40), "two clocks, and neither is told"
    clock[0] += 130
    assert one.find_round_trip(echo) == 90
    assert one.find_round_trip(media.Echo(LEAF, 1000, 60_000)) == 0
    assert one.find_round_trip(media.Echo(LEAF, 999, 40)) is None
    for turn in range(50, 300, 25):
        one.report(turn, media.Control(0, 150))
    assert one.find_round_trip(echo) is None, "of what was sent long ago nothing is known"
    other.now += 65_536
    assert other.ear.echo(LEAF) is None


def test_without_a_key_nothing_leaves_and_after_2_to_the_24_frames_the_upload_ends() -> None:
    assert upload(KeyRing()).next_sound(0) is None
    one = upload(ring())
    one._sealer._ctr = CTR_LIMIT
    with pytest.raises(CounterSpent):
        one.next_sound(0)


@pytest.mark.parametrize(
    "broken",
    [
        lambda sealed, plain: plain,
        lambda sealed, plain: b"",
        lambda sealed, plain: sealed[:-17] + plain + bytes(16),
        lambda sealed, plain: sealed[: len(sealed) - len(plain) - 16] + plain + bytes(16),
        lambda sealed, plain: sealed[:-1],
        lambda sealed, plain: bytes([sealed[0]]) + bytes(6) + sealed[7:],
    ],
)
def test_whatever_comes_out_of_a_broken_sealing_does_not_leave(broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(broken)
    one = upload(ring())
    seal = one._sealer.seal
    monkeypatch.setattr(one._sealer, "seal", lambda plain, meta, *, now_ms: broken(seal(plain, meta, now_ms=0), plain))
    with pytest.raises(NotSealed):
        one.next_sound(0)
    with pytest.raises(NotSealed):
        one.report(0, media.Control(0, 150))


def test_a_rate_is_never_above_what_the_room_should_carry() -> None:
    one = upload(ring())
    sizes = []
    for bit_rate in (32_000, 24_000, 16_000):
        one.set_bit_rate(bit_rate)
        sizes.append(len(one.next_sound(0) or b"") - 8 - 6 - 16)
    assert sizes == [120, 120, 80]


def test_sources_are_mixed_and_none_is_louder_than_a_sample_can_be() -> None:
    loud = struct.pack("<960h", *[30_000, -30_000] * 480)
    assert mixed([loud]) is loud
    assert mixed([loud, loud]) == struct.pack("<960h", *[32_767, -32_768] * 480)
    made = ring()
    one, other = upload(made), Listener(made)
    one.open_to(1, Tone())
    one.open_to(2, Silence())
    talk(one, other, 40)
    assert other.heard.hears_tone()
    assert one.is_open_to(2)


def test_fading_takes_ten_milliseconds_and_keeps_lengths() -> None:
    loud = struct.pack("<1920h", *[10_000] * 1920)
    out, rise = fading_out(loud, 3840), fading_in(loud)
    assert len(out) == len(rise) == 3840
    assert not any(out[960:])
    samples = memoryview(rise).cast("h")
    assert (samples[0], samples[240], samples[480]) == (0, 5_000, 10_000)
    assert fading_out(b"", 3840) == bytes(3840)
    assert fading_in(b"") == b""
    assert find_level(b"") == 0
    assert find_level(sound.QUIET_FRAME) == 0 < sound.LOUD < find_level(Tone().read())


def test_the_room_of_a_call_is_known_to_its_members_alone() -> None:
    call, secret = bytes(range(16)), bytes(range(32))
    assert derive_room(call, secret).hex() == "f280df1bd95ae11d4509e30287dd47b4"
    assert len({derive_room(call, secret), derive_room(bytes(16), secret), derive_room(call, bytes(32))}) == 3
