"""Sound, Opus and SDP of a call, without a network."""

from __future__ import annotations

import random
import struct
from itertools import pairwise

import pytest
from tests.client.calls.pair import KEYS, tone_share

from zajil.client.calls.keys import CTR_LIMIT, CounterSpent, KeyRing
from zajil.client.calls.media import sdp
from zajil.client.calls.media.attempts import batches, fitted
from zajil.client.calls.media.peers import decide_kinds, decide_route
from zajil.client.calls.media.rtc import Relay
from zajil.client.calls.media.sound import ECHO_MS, FRAME_BYTES, FRAME_MS, QUIET_FRAME, Echo, Silence, Tone, find_level
from zajil.client.calls.media.voice import (
    BIT_RATE_FLOOR,
    BIT_RATE_TCP,
    LOSS_PCT,
    HeardVoice,
    OpusDecoder,
    OpusEncoder,
    SealedVoice,
)
from zajil.client.calls.sframe import parse_header
from zajil.protocol.calls.ladder import KINDS

LOUD = struct.pack("<960h", *(random.Random(7).randrange(-20_000, 20_000) for _ in range(960)))
OFFER = """v=0
o=- 1 1 IN IP4 192.0.2.7
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS *
m=audio 50000 UDP/TLS/RTP/SAVPF 111
c=IN IP4 192.0.2.7
a=rtcp:50001 IN IP4 192.0.2.7
a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host
a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host
a=end-of-candidates
a=fingerprint:sha-256 AA
a=fingerprint:sha-512 BB
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/sendonly http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid some attributes
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;stereo=1
"""


def ring() -> KeyRing:
    made = KeyRing()
    made.add(1, KEYS[1], removed=False, now_ms=0)
    return made


def voice(made: KeyRing) -> SealedVoice:
    return SealedVoice(made.sender(64, 2), now_ms=lambda: 0)


def test_every_packet_of_a_rate_has_one_size_whatever_is_said() -> None:
    for bit_rate, size in ((32_000, 80), (24_000, 60), (16_000, 40)):
        encoder = OpusEncoder(bit_rate)
        assert {len(encoder.encode(pcm)) for pcm in (LOUD, QUIET_FRAME) * 20} == {size}


@pytest.mark.parametrize("loss_pct", [0, LOSS_PCT])
@pytest.mark.parametrize(("bit_rate", "frame_ms"), [(BIT_RATE_TCP, 20), (BIT_RATE_TCP, 40), (BIT_RATE_FLOOR, 20)])
def test_a_tone_stays_as_loud_as_it_is_at_rates_below_the_full_one(bit_rate: int, frame_ms: int, loss_pct: int) -> None:
    """libopus with FEC codes it to near silence at 24 kbit/s, after half a second and for three."""
    encoder, decoder, tone = OpusEncoder(bit_rate, frame_ms=frame_ms, loss_pct=loss_pct), OpusDecoder(), Tone()
    levels = []
    for turn in range(100):
        reads = frame_ms // FRAME_MS
        pcm = bytes(reads * FRAME_BYTES) if turn < 25 else b"".join(tone.read() for _ in range(reads))
        levels.append(find_level(decoder.decode(encoder.encode(pcm))))
    assert min(levels[30:]) > 4_000


def test_a_sealed_frame_has_one_size_for_a_length_of_its_counter() -> None:
    sealed = voice(ring())
    frames = [sealed.next_frame() or b"" for _ in range(300)]
    assert [parse_header(frame).ctr for frame in frames] == list(range(300))
    by_counter = {8: {len(frame) for frame in frames[:8]}, 256: {len(frame) for frame in frames[8:256]}}
    assert by_counter == {8: {5 + 80 + 16}, 256: {6 + 80 + 16}}


def test_a_tone_is_heard_on_the_other_side_after_the_peer_said_got() -> None:
    made, heard = ring(), []
    sealed = voice(made)
    ear = HeardVoice(made.receiver(2), now_ms=lambda: 0, hear=lambda pcm, at: heard.append(pcm))
    for at in range(10):
        ear.take(sealed.next_frame() or b"", 960 * at)
    assert all(tone_share(pcm) == 0 for pcm in heard), "silence until then"
    sealed.open_to(Tone())
    for at in range(10, 30):
        ear.take(sealed.next_frame() or b"", 960 * at)
    assert {len(pcm) for pcm in heard} == {FRAME_BYTES}
    assert tone_share(heard[-1]) > 0.9
    assert (ear.seen, ear.opened, ear.dropped) == (30, 30, {})


def test_what_does_not_open_is_heard_by_nobody() -> None:
    made, heard = ring(), []
    ear = HeardVoice(made.receiver(2), now_ms=lambda: 0, hear=lambda pcm, at: heard.append(pcm))
    in_clear = OpusEncoder(32_000).encode(LOUD)
    for frame in (b"", in_clear, in_clear[:3], bytes(200), b"\xff" * 200):
        ear.take(frame, 0)
    assert heard == []
    assert (ear.seen, ear.opened, sum(ear.dropped.values())) == (5, 0, 5)
    assert OpusDecoder().decode(b"\xff\xff\xff") == b""


def test_without_a_key_there_is_no_frame_and_at_the_last_counter_an_end() -> None:
    made = ring()
    sealed = voice(made)
    made.forget()
    assert sealed.next_frame() is None
    other = voice(ring())
    other._sealer._ctr = CTR_LIMIT
    with pytest.raises(CounterSpent):
        other.next_frame()


def test_only_the_newest_sealed_frames_are_ours() -> None:
    sealed = voice(ring())
    frames = [sealed.next_frame() or b"" for _ in range(80)]
    assert [sealed.is_ours(frame) for frame in frames] == [False] * 16 + [True] * 64
    assert not sealed.is_ours(b"")


def test_the_tone_is_440_hertz_without_a_seam() -> None:
    tone = Tone()
    frames = [tone.read() for _ in range(200)]
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert min(tone_share(frame) for frame in frames) > 0.98
    samples = struct.unpack(f"<{960 * 200}h", b"".join(frames))
    assert max(abs(b - a) for a, b in pairwise(samples)) < 500
    assert Silence().read() == QUIET_FRAME


def test_an_echo_waits_half_a_second_and_fills_what_was_lost() -> None:
    echo = Echo()
    assert echo.read() == QUIET_FRAME, "nothing heard yet"
    echo.write(LOUD, 0)
    echo.write(LOUD, 960 * 3)
    frames = [echo.read() for _ in range(ECHO_MS // FRAME_MS + 4)]
    assert [frame == LOUD for frame in frames] == [False] * (ECHO_MS // FRAME_MS) + [True, False, False, True]
    assert echo.read() == QUIET_FRAME
    for at in range(0, 960 * 500, 960):
        echo.write(LOUD, at)
    assert len(echo._held) <= 2 * 48_000, "one second is all it holds"


def test_of_an_offer_only_what_calls_use_reaches_the_library() -> None:
    lines = sdp.peer_offer(OFFER).split("\r\n")
    assert [line for line in lines if "extmap" in line] == [
        "a=extmap:2/sendonly http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid some attributes",
    ]
    assert "a=setup:active" in lines
    assert "a=setup:actpass" not in lines
    assert "audio-level" not in sdp.peer_answer(OFFER)


def test_our_description_holds_one_fingerprint_steady_opus_and_no_address() -> None:
    text, candidates = sdp.our_description(OFFER)
    assert candidates == ["candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host"]
    assert "192.0.2.7" not in text.replace("o=- 1 1 IN IP4 192.0.2.7", "")
    lines = text.split("\r\n")
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111" in lines
    assert [line for line in lines if line.startswith("a=fmtp:")] == [f"a=fmtp:111 {sdp.OPUS_FMTP}"]
    assert [line for line in lines if line.startswith("a=fingerprint:")] == ["a=fingerprint:sha-256 AA"]


def test_candidates_that_do_not_fit_go_in_batches_of_ten() -> None:
    text, _ = sdp.our_description(OFFER)
    many = [
        f"candidate:{n} 1 udp 1 2001:db8:ffff:ffff:ffff:ffff:ffff:{n:x} 50000 typ host {'x' * 240}" for n in range(30)
    ]
    whole, rest = fitted(text, many)
    assert len(whole) <= 3_500
    assert whole.count("a=candidate:") + len(rest) == 20
    assert "end-of-candidates" not in whole
    assert len(rest) > 10
    assert [(len(cands), done) for cands, done in batches(rest)] == [(10, False), (len(rest) - 10, True)]
    few, none = fitted(text, many[:2])
    assert (few.count("a=candidate:"), none, "a=end-of-candidates" in few) == (2, [], True)
    two, _ = fitted(text + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n", many[:1])
    assert two.index("a=candidate:") < two.index("m=video")


def test_the_ladder_follows_the_policy_and_the_relays() -> None:
    udp, tcp, tls = (
        Relay(url, "u", "c")
        for url in ("turn:r:3478?transport=udp", "turn:r:3478?transport=tcp", "turns:r:443?transport=tcp")
    )
    assert [relay.rung for relay in (udp, tcp, tls)] == ["relay-udp", "relay-tcp", "relay-tls"]

    def shown(*relays: Relay, relay_only: bool) -> list[tuple[str | None, bool]]:
        routes = [decide_route(kind, relays, relay_only=relay_only) for kind in KINDS]
        assert [kind for kind, route in zip(KINDS, routes, strict=True) if route] == list(
            decide_kinds(relays, relay_only=relay_only)
        )
        return [(route.relay.rung if route.relay else None, route.relay_only) for route in routes if route]

    assert shown(relay_only=False) == [(None, False)]
    assert shown(relay_only=True) == []
    assert shown(tcp, udp, tls, relay_only=False) == [("relay-udp", False), ("relay-tls", True)]
    assert shown(udp, tcp, relay_only=True) == [("relay-udp", True), ("relay-tcp", True)]
    assert shown(tcp, relay_only=True) == [("relay-tcp", True)]
