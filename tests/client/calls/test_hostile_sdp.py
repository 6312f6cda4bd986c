"""Descriptions and candidates of a peer that means harm: nothing but BadDescription comes of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.client.calls.pair import KEYS, now_ms

from zajil.client.calls.keys import KeyRing
from zajil.client.calls.media.rtc import BadDescription, HearingPeer, Route, SendingPeer
from zajil.client.calls.media.voice import HeardVoice, SealedVoice
from zajil.protocol.calls.sdp import check_sdp
from zajil.protocol.errors import Malformed

pytestmark = [pytest.mark.calls, pytest.mark.fuzz]
FUZZED = 600
# No network: what is fuzzed is how a description is read, before anything is gathered or connected.
NOWHERE = Route(None, relay_only=True)
WORDS = (
    "a=sendonly",
    "a=mid:0",
    "a=mid:\x00",
    "a=rtpmap:96",
    "m=audio",
    "a=candidate:",
    "a=fingerprint:sha-256 zz",
    "",
)
CANDIDATE = "candidate:1 1 udp 2130706431 192.0.2.2 42189 typ host"


def ring() -> KeyRing:
    made = KeyRing()
    made.add(1, KEYS[1], removed=False, now_ms=now_ms())
    return made


def unheard(pcm: bytes, at: int) -> None:
    raise AssertionError("nothing was sent")


def hearing() -> HearingPeer:
    return HearingPeer(HeardVoice(ring().receiver(1), now_ms=now_ms, hear=unheard))


def sending() -> SendingPeer:
    def never() -> None:
        raise AssertionError("nothing was sent")

    return SendingPeer(SealedVoice(ring().sender(64, 1), now_ms=now_ms), NOWHERE, alarm=never, spent=never)


def edited(chance: random.Random, text: str) -> str:
    """One to three edits, of lines or of characters."""
    lines = text.split("\r\n")
    edits: tuple[Callable[[int], object], ...] = (
        lambda at: lines.pop(at),
        lambda at: lines.insert(at, lines[chance.randrange(len(lines))]),
        lambda at: lines.__setitem__(at, chance.choice(WORDS)),
        lambda at: lines.__setitem__(at, lines[at][: chance.randrange(len(lines[at]) + 1)]),
        lambda at: lines.__setitem__(at, lines[at].replace(chance.choice("0123456789:/ ="), chance.choice("9 :x/"), 1)),
    )
    for _ in range(chance.randrange(1, 4)):
        if lines:
            chance.choice(edits)(chance.randrange(len(lines)))
    return "\r\n".join(lines)


async def test_hostile_offers_and_answers_are_refused_or_taken_and_never_break_anything() -> None:
    chance = random.Random(8866)
    sender, hearer = sending(), hearing()
    offer, _ = await sender.offer()
    answer, _ = await hearer.answer(offer, NOWHERE)
    await sender.close()
    await hearer.close()
    outcomes = {"refused by our rules": 0, "refused by aiortc": 0, "taken": 0}
    for at in range(FUZZED):
        is_offer = at % 2 == 0
        text = edited(chance, offer if is_offer else answer)
        try:
            check_sdp(text, "offer" if is_offer else "answer")
        except Malformed:
            outcomes["refused by our rules"] += 1
            if at % 4:
                continue  # a quarter goes on all the same: the second wall holds alone, too
        outcomes[await tried(text, is_offer=is_offer)] += 1
    print(outcomes)
    assert min(outcomes.values()) > 0


async def tried(text: str, *, is_offer: bool) -> str:
    peer: HearingPeer | SendingPeer = hearing() if is_offer else sending()
    try:
        if isinstance(peer, HearingPeer):
            await peer.answer(text, NOWHERE)
        else:
            await peer.offer()
            await peer.take_answer(text)
    except BadDescription:
        return "refused by aiortc"
    finally:
        await peer.close()
    return "taken"


async def test_hostile_candidates_are_refused_or_taken() -> None:
    chance = random.Random(8839)
    sender, hearer = sending(), hearing()
    offer, _ = await sender.offer()
    await hearer.answer(offer, NOWHERE)
    refused = 0
    for _ in range(FUZZED):
        text = edited(chance, CANDIDATE.replace(" ", "\r\n")).replace("\r\n", " ")
        try:
            await hearer.add_candidates([text], done=False)
        except BadDescription:
            refused += 1
    assert 0 < refused < FUZZED
    await hearer.add_candidates([CANDIDATE], done=True)
    await sender.close()
    await hearer.close()
