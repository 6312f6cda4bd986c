"""Who offers sound in RED, as browsers do, gets plain Opus from a client that has none, and offers it none."""

from __future__ import annotations

import pytest
from tests.client.calls.pair import KEYS, now_ms

from zajil.client.calls.keys import KeyRing
from zajil.client.calls.media.rtc import HearingPeer, Route, SendingPeer
from zajil.client.calls.media.voice import HeardVoice, SealedVoice
from zajil.protocol.calls.sdp import RED_LINE, check_sdp

pytestmark = pytest.mark.calls
NOWHERE = Route(None, relay_only=True)


def never() -> None:
    raise AssertionError("nothing was sent")


def unheard(pcm: bytes, at: int) -> None:
    raise AssertionError("nothing was sent")


async def test_a_peer_that_offers_red_is_answered_with_opus_alone() -> None:
    ring = KeyRing()
    ring.add(1, KEYS[1], removed=False, now_ms=now_ms())
    sender = SendingPeer(SealedVoice(ring.sender(64, 1), now_ms=now_ms), NOWHERE, alarm=never, spent=never)
    hearer = HearingPeer(HeardVoice(ring.receiver(1), now_ms=now_ms, hear=unheard))
    offer, _ = await sender.offer()
    assert RED_LINE not in offer
    with_red = offer.replace("a=rtpmap:", f"{RED_LINE}63\r\na=rtpmap:", 1)
    check_sdp(with_red, "offer")
    answer, _ = await hearer.answer(with_red, NOWHERE)
    check_sdp(answer, "answer")
    assert [line for line in answer.splitlines() if line.startswith(("a=rtpmap:", RED_LINE))] == [
        line for line in offer.splitlines() if line.startswith("a=rtpmap:")
    ]
    # An answer that takes what was not offered changes nothing either.
    await sender.take_answer(answer.replace("a=rtpmap:", f"{RED_LINE}63\r\na=rtpmap:", 1))
    await sender.close()
    await hearer.close()
