"""Links through a real coturn: no address of a member in any signal, and both rungs carry sound."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.calls.coturn import PROGRAM, coturn
from tests.client.calls.pair import Member, call, until

from zajil.client.calls.media.rtc import Relay
from zajil.protocol.calls.ladder import STAGGER_MS
from zajil.protocol.calls.sdp import find_type
from zajil.protocol.calls.signals import Desc

pytestmark = [
    pytest.mark.calls,
    pytest.mark.skipif(PROGRAM is None, reason="coturn is a program of the system: apt-get install coturn"),
]


@pytest.fixture
async def relays(tmp_path: Path) -> AsyncIterator[tuple[Relay, Relay]]:
    async with coturn(tmp_path) as both:
        yield both


def candidates(member: Member) -> list[str]:
    """The types of all candidates that this member sent, and what they say of related addresses."""
    lines = [line for text in member.descriptions() for line in text.splitlines() if line.startswith("a=candidate:")]
    return [f"{find_type(line)} {line.partition(' raddr ')[2]}" for line in lines]


async def test_a_call_by_relays_over_udp_shows_no_address(relays: tuple[Relay, Relay]) -> None:
    one, other = (Member(leaf, relays=relays, relay_only=True) for leaf in (1, 2))
    async with call(one, other):
        await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())
        assert one.rungs() == other.rungs() == ("relay-udp", "relay-udp")
        assert set(candidates(one) + candidates(other)) == {"relay 0.0.0.0 rport 0"}
        assert one.hearing()[0] == one.hearing()[1]
        assert one.sending()[2] == 0
        print(f"up after {one.links._peers[2].up_after_ms} ms by relay-udp")


async def test_a_call_by_relays_over_tcp(relays: tuple[Relay, Relay]) -> None:
    one, other = (Member(leaf, relays=relays[1:], relay_only=True) for leaf in (1, 2))
    async with call(one, other):
        await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())
        assert one.rungs() == other.rungs() == ("relay-tcp", "relay-tcp")
        assert one.sending()[2] == other.sending()[2] == 0
        print(f"up after {one.links._peers[2].up_after_ms} ms by relay-tcp")


async def test_a_relay_that_does_not_answer_by_udp_leaves_tcp(relays: tuple[Relay, Relay]) -> None:
    """A UDP block towards the relay: attempt A gathers nothing, and attempt B begins 1.5 s later."""
    udp, tcp = relays
    # RFC 5737's documentation addresses answer nobody.
    silent = Relay("turn:192.0.2.200:3478?transport=udp", udp.username, udp.credential)
    one, other = (Member(leaf, relays=(silent, tcp), relay_only=True) for leaf in (1, 2))
    async with call(one, other):
        await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())
        assert one.rungs()[0] == other.rungs()[0] == "relay-tcp"
        print(f"up after {one.links._peers[2].up_after_ms} ms where UDP is silent")
        assert (one.links._peers[2].up_after_ms or 0) >= STAGGER_MS


async def test_a_member_who_hides_and_one_who_does_not(relays: tuple[Relay, Relay]) -> None:
    one, other = Member(1, relays=relays, relay_only=True), Member(2, relays=relays)
    async with call(one, other):
        await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())
        assert set(candidates(one)) == {"relay 0.0.0.0 rport 0"}
        assert one.rungs() == ("relay-udp", "relay-udp")


async def test_descriptions_by_a_relay_fit_into_a_signal(relays: tuple[Relay, Relay]) -> None:
    one, other = Member(1, relays=relays), Member(2, relays=relays)
    async with call(one, other):
        await until(lambda: one.ups and other.ups)
        assert {len(signal.sdp) < 2_000 for signal in one.sent if isinstance(signal, Desc)} == {True}
