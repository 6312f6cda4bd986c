"""The links of a call: two members over real WebRTC, on this machine alone."""

from __future__ import annotations

import pytest
from aiortc import rtcrtpreceiver
from aiortc.codecs import CODECS
from aiortc.jitterbuffer import JitterFrame
from tests.client.calls.pair import CALL, Member, call, talk, tone_share, until

from zajil.client.calls.frames import Codec, seal_frame
from zajil.client.calls.keys import Sealer
from zajil.client.calls.media import rtc, voice
from zajil.client.calls.media.sound import Echo, Silence
from zajil.client.calls.ports import LinkSignal
from zajil.client.calls.sframe import parse_header
from zajil.protocol.calls.sdp import check_sdp
from zajil.protocol.calls.signals import Cand, Desc, Got, Lost

pytestmark = pytest.mark.calls


async def both_hear(one: Member, other: Member) -> None:
    await until(lambda: one.ups and other.ups)
    await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())


async def test_two_members_hear_each_other_and_count_alike() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        await until(lambda: other.hearing()[1] >= 100)
        for sender, hearer in ((one, other), (other, one)):
            sealed, left, refused = sender.sending()
            seen, opened, dropped = hearer.hearing()
            assert refused == 0
            assert left in (sealed - 1, sealed)
            assert (opened, dropped) == (seen, {}), "every frame that came was sealed, and opened"
            # aiortc's buffer holds back four frames; the rest is on its way or waits for a thread.
            assert left - 12 <= seen <= left
        assert one.rungs() == other.rungs() == ("direct", "direct")
        assert (one.alarms, other.alarms, one.links.bad_input, other.links.bad_input) == ([], [], 0, 0)
        assert (one.ups, one.downs) == ([2], [])


async def test_descriptions_keep_the_rules_and_say_no_more_than_needed() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        for description in (signal for signal in (*one.sent, *other.sent) if isinstance(signal, Desc)):
            check_sdp(description.sdp, description.role)
            assert "cbr=1" in description.sdp
            assert "usedtx=0" in description.sdp
            assert "audio-level" not in description.sdp
            assert description.sdp.count("a=fingerprint:") == 1
            assert len(description.sdp) < 1_500
        answers = [signal.sdp for signal in one.sent if isinstance(signal, Desc) and signal.role == "answer"]
        assert all("a=setup:passive" in answer for answer in answers), "we are the DTLS server"


async def test_nothing_of_a_person_leaves_before_the_peer_has_proved_that_it_opens_frames() -> None:
    deaf = Member(2)
    deaf.add(1, key=bytes(16))
    one = Member(1)
    try:
        one.add(1)
        talk(one, deaf)
        await until(lambda: any(attempt.voice.dropped for attempt in deaf.incoming()))
        (peer,) = one.links._peers.values()
        assert peer.carrying is None
        assert all(attempt.voice._source is None for attempt in one.outgoing())
        assert one.ups == deaf.ups == []
    finally:
        await one.links.close()
        await deaf.links.close()


async def test_a_new_epoch_loses_no_more_than_ten_frames() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        since = len(other.ear.frames)
        one.add(2, removed=True)
        other.add(2, removed=True)
        await until(lambda: len(other.ear.frames) >= since + 100)
        lost = other.ear.missing(since)
        print(f"frames lost over a new epoch: {lost}")
        assert lost <= 10
        assert one.downs == other.downs == []
        assert other.hearing()[2].get("unknown-key", 0) <= 10


async def test_a_removed_member_decodes_nothing_of_what_comes_after() -> None:
    async with call(Member(1), Member(2)) as (one, removed):
        await both_hear(one, removed)
        (heard,) = (attempt.voice for attempt in removed.incoming())
        one.add(2, removed=True)
        await until(lambda: heard.dropped.get("unknown-key", 0) >= 20)
        opened = heard.opened
        await until(lambda: removed.downs)

        def later() -> list[voice.HeardVoice]:
            return [attempt.voice for attempt in removed.incoming() if attempt.voice is not heard]

        # New attempts come, for `one` was told nothing; they open nothing at all.
        await until(lambda: later() and all(each.seen for each in later()))
        assert (heard.opened, [each.opened for each in later()]) == (opened, [0] * len(later()))


async def test_a_member_that_was_closed_out_hears_no_packet_at_all() -> None:
    async with call(Member(1), Member(2)) as (one, removed):
        await both_hear(one, removed)
        one.add(2, removed=True)
        one.links.close_link(2)
        assert one.links._peers == {}
        await until(lambda: removed.downs)
        heard = len(removed.ear.frames)
        removed.links.hear(1, Got(bytes(16), 2, 1))
        assert len(removed.ear.frames) == heard


async def test_a_transform_that_lets_frames_through_in_clear_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing is broken in the middle of a call: the hearer takes 25 wrong frames in a row for no accident."""
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        one_sealer = one.carrying().voice._sealer

        def sabotaged(sealer: Sealer, frame: bytes, codec: Codec, *, key_frame: bool, now_ms: int) -> bytes:
            sealed = seal_frame(sealer, frame, codec, key_frame=key_frame, now_ms=now_ms)
            return frame if sealer is one_sealer else sealed

        monkeypatch.setattr(voice, "seal_frame", sabotaged)
        await until(lambda: other.shut)
        assert (other.shut, other.alarms, other.links._peers, other.links.alarms) == ([1], [], {}, 1)


async def test_who_sends_what_opens_to_nobody_ends_his_own_link_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with call(Member(1), Member(2)) as (one, friend):
        hostile = Member(3)
        try:
            hostile.add(1)
            talk(hostile, one)
            await until(lambda: 3 in one.ups and 2 in one.ups and hostile.ups)
            his = {id(attempt.voice._sealer) for attempt in hostile.outgoing()}

            def sabotaged(sealer: Sealer, frame: bytes, codec: Codec, *, key_frame: bool, now_ms: int) -> bytes:
                sealed = seal_frame(sealer, frame, codec, key_frame=key_frame, now_ms=now_ms)
                return frame if id(sealer) in his else sealed

            monkeypatch.setattr(voice, "seal_frame", sabotaged)
            left = one.links._peers[3]
            await until(lambda: one.shut)
            assert (one.shut, one.alarms, set(one.links._peers), one.links.alarms) == ([3], [], {2}, 1)
            assert (left.outgoing, left.incoming) == ({}, {}), "nothing more goes to him, nor is taken from him"
            heard, since = one.links.bad_input, len(friend.ear.frames)
            # He tries anew, and nobody listens.
            await until(lambda: one.links.bad_input > heard and len(friend.ear.frames) > since + 50)
            assert (one.downs, friend.downs, one.shut) == ([], [], [3])
        finally:
            await hostile.links.close()


async def test_a_packet_that_was_not_sealed_never_leaves_and_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something between the track and SRTP puts in a frame of its own: the guard stops the first."""
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        (attempt,) = one.outgoing()
        encoder = attempt.peer._transceiver.sender._RTCRtpSender__encoder  # type: ignore[attr-defined]  # aiortc's own
        monkeypatch.setattr(encoder, "pack", lambda packet: ([b"a frame in clear"], packet.pts))
        await until(lambda: one.alarms)
        assert (attempt.peer.refused, one.links._peers) == (1, {})
        seen = [attempt.voice.dropped for attempt in other.incoming()]
        assert all(dropped == {} for dropped in seen), "the peer never saw it"


async def test_a_count_of_packets_ahead_of_the_sealed_ones_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch trusts aiortc's own count, where the guard might not be asked."""
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        (attempt,) = one.outgoing()

        async def packets_sent() -> int:
            return attempt.voice.sealed + 6

        monkeypatch.setattr(attempt.peer, "packets_sent", packets_sent)
        await until(lambda: one.alarms)
        assert one.links._peers == {}


async def test_lost_sound_is_told_and_new_attempts_bring_it_back() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        (old,) = one.outgoing()
        # Nothing leaves any more, and nobody is told: a route that died.
        old.peer._transceiver.sender._enabled = False
        await until(lambda: other.downs and one.downs)
        assert Lost(CALL, 1, old.pc) in other.sent
        await until(lambda: one.ups == [2, 2] and other.ups == [1, 1])
        since = len(other.ear.frames)
        await until(lambda: len(other.ear.frames) > since and other.ear.hears_tone())
        assert one.carrying() is not old
        assert old.closed


async def test_a_loss_that_was_not_heard_is_told_again() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        (old,) = one.outgoing()
        told: list[Lost] = []

        def misses_first(signal: LinkSignal) -> bool:
            if isinstance(signal, Lost):
                told.append(signal)
            return told == [signal]

        one.deaf_to = misses_first
        old.peer._transceiver.sender._enabled = False
        await until(lambda: one.ups == [2, 2] and other.ups == [1, 1])
        assert told[:2] == [Lost(CALL, 1, old.pc)] * 2
        assert one.carrying() is not old


async def test_a_peer_that_lost_everything_is_taken_up_anew() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        before = one.carrying()
        one.links.hear(2, Lost(CALL, 1, 0))
        await until(lambda: one.links._peers[2].carrying not in (None, before))
        await until(lambda: one.ups == [2, 2])


async def test_an_echo_comes_back_half_a_second_later() -> None:
    echo = Echo()
    echoing = Member(2, source=lambda: echo, sink=echo)
    async with call(Member(1), echoing) as (one, _):
        await until(lambda: one.ear.hears_tone())
        quiet = [frame for _, frame in one.ear.frames if tone_share(frame) == 0]
        assert len(quiet) * 20 >= 400
        assert one.alarms == echoing.alarms == []


async def test_a_muted_member_sends_silence_and_no_less_of_it() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        one.links.set_mic(on=False)
        await until(lambda: tone_share(other.ear.frames[-1][1]) == 0)
        since, sealed = len(other.ear.frames), one.sending()[0]
        await until(lambda: len(other.ear.frames) >= since + 30)
        assert one.sending()[0] >= sealed + 25, "silence is sent all the same"
        assert other.downs == []
        one.links.set_mic(on=True)
        await until(other.ear.hears_tone)


async def test_a_link_is_measured_every_second() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        await until(lambda: sum(measure.sample is not None for measure in one.measures) >= 2)
        last = one.measures[-1]
        assert last.sample is not None
        assert last.sample.loss_pct == 0
        assert last.sample.total > 0
        assert (last.rung, last.host, [one.result for one in last.tries]) == ("direct", "", ["works"])
        assert last.sealed > 0
        assert last.opened > 0


async def test_less_sound_is_sent_where_the_network_is_slow() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        for bit_rate, size in ((24_000, 60), (16_000, 40), (32_000, 80)):
            one.links.limit_bit_rate(bit_rate)
            voice_of_one = one.carrying().voice
            sealed = voice_of_one.sealed
            await until(lambda: voice_of_one.sealed > sealed + 1)  # noqa: B023 - waited for within the round
            newest = voice_of_one._recent[-1]
            assert len(newest) == parse_header(newest).size_bytes + size + 16
        await until(other.ear.hears_tone)
        assert other.hearing()[2] == {}


async def test_an_offer_again_gets_the_same_answer_and_no_second_connection() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        (offer,) = [signal for signal in one.sent if isinstance(signal, Desc) and signal.role == "offer"]
        other.links.hear(1, offer)
        await until(lambda: len([s for s in other.sent if isinstance(s, Desc) and s.role == "answer"]) == 2)
        first, second = (s.sdp for s in other.sent if isinstance(s, Desc) and s.role == "answer")
        assert first == second
        assert len(other.links._peers[1].incoming) == 1


async def test_what_does_not_belong_is_dropped_and_counted() -> None:
    async with call(Member(1), Member(2)) as (one, other):
        await both_hear(one, other)
        mine = bytes(16)
        for signal in (Got(mine, 2, 99), Desc(mine, 2, 99, "answer", "v=0"), Cand(mine, 2, 99, (), done=True)):
            other.links.hear(1, signal)
        other.links.hear(3, Got(mine, 2, 1))
        assert other.links.bad_input == 4
        for pc in range(20):
            other.links.hear(1, Desc(mine, 2, 5_000 + pc, "offer", "v=0\r\nm=nonsense"))
        await until(lambda: other.links.bad_input == 4 + 20)
        assert list(other.links._peers[1].incoming) == [other.links._peers[1].playing]
        since = len(other.ear.frames)
        await until(lambda: len(other.ear.frames) > since + 10)
        assert other.alarms == []


async def test_a_hidden_address_is_in_no_description_even_without_a_relay() -> None:
    async with call(Member(1, relay_only=True), Member(2, relay_only=True)) as (one, other):
        await until(lambda: one.routeless and other.routeless)
        assert one.sent == other.sent == []
        assert one.links._peers[2].outgoing == {}


async def test_a_codec_of_no_connection_of_ours_is_not_decoded() -> None:
    async with call(Member(1, source=Silence), Member(2, source=Silence)) as (one, other):
        await until(lambda: one.ups and other.ups)
        foreign = CODECS["audio"][0]
        assert rtc.find_decoder(foreign).decode(JitterFrame(b"a frame in clear", 0)) == []
        assert vars(rtcrtpreceiver)["get_decoder"] is rtc.find_decoder


async def test_an_ended_call_leaves_no_connection_and_no_task() -> None:
    one, other = Member(1), Member(2)
    async with call(one, other):
        await both_hear(one, other)
    assert one.links._steps.is_idle
    assert other.links._steps.is_idle
    assert one.links.counts() == {"links": [], "bad_input": 0, "alarms": 0}
    one.links.open_link(2, relay_only=False)
    assert one.links._peers == {}, "closed is closed"
