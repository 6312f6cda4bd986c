"""Links through a real coturn: no address of a member in any signal, and both rungs carry sound."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.calls.relay.turn import allocate
from tests.client.calls.coturn import PROGRAM, coturn, credentials
from tests.client.calls.pair import Member, call, until

from zajil.client.calls.media import rtc
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


async def test_nothing_goes_on_for_a_relay_that_died_once_a_call_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtc, "LEAVING_S", 0.1)
    async with AsyncExitStack() as stack:
        relays = await stack.enter_async_context(coturn(tmp_path))
        one, other = (Member(leaf, relays=relays, relay_only=True) for leaf in (1, 2))
        async with call(one, other):
            await until(lambda: one.ups and other.ups)
            await stack.aclose()
    assert one.links._steps.is_idle
    assert other.links._steps.is_idle
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_descriptions_by_a_relay_fit_into_a_signal(relays: tuple[Relay, Relay]) -> None:
    one, other = Member(1, relays=relays), Member(2, relays=relays)
    async with call(one, other):
        await until(lambda: one.ups and other.ups)
        assert {len(signal.sdp) < 2_000 for signal in one.sent if isinstance(signal, Desc)} == {True}


class Renewing(Member):
    """A member whose credentials live so many seconds, and are fresh each time. ways: the relays that there are."""

    ways: Sequence[Relay] = ()
    life_s = 2

    async def _find_relays(self) -> Sequence[Relay]:
        return [Relay(relay.url, *credentials(life_s=self.life_s)) for relay in self.ways]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_call_outlives_its_credential_and_a_fresh_one_brings_it_back_after_a_cut(tmp_path: Path) -> None:
    """With ZAJIL_LONG=1 the credential lives 60 s and the call three minutes, otherwise 2 and 6 s."""
    from aioice.stun import TransactionFailed

    life_s = 60 if "ZAJIL_LONG" in os.environ else 2
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one, other = Renewing(1, relay_only=True), Renewing(2, relay_only=True)
    async with AsyncExitStack() as relays, coturn(second) as after:
        before = await relays.enter_async_context(coturn(first))
        for member in (one, other):
            member.ways, member.life_s = before[:1], life_s
        old = credentials(life_s=life_s)
        async with call(one, other):
            await until(one.ear.hears_tone)
            async with asyncio.timeout(4 * life_s + 30):
                while len(one.ear.frames) < 3 * life_s * 50:  # noqa: ASYNC110  # sound has no event to wait on
                    await asyncio.sleep(0.1)
            with pytest.raises(TransactionFailed):
                await allocate(int(before[0].url.split(":")[2].partition("?")[0]), *old)
            lost = one.ear.missing(0)
            for member in (one, other):
                member.ways = after[:1]
            await relays.aclose()  # the cut
            await until(lambda: one.downs and other.downs)
            await until(lambda: len(one.ups) > 1 and len(other.ups) > 1)
            since = len(one.ear.frames)
            await until(lambda: len(one.ear.frames) > since + 50 and one.ear.hears_tone())
            assert one.rungs() == ("relay-udp", "relay-udp")
            print(f"{3 * life_s} s with a credential of {life_s} s: {lost} frames missing; back by another relay")
