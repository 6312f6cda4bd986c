"""What carried a call is remembered for its network, and starts first there the next time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.calls.pair import Member, call, until
from tests.client.people import register
from tests.client.serving import Served

from zajil.cli.resident.answering import Answering, Voices
from zajil.client import Client
from zajil.client.calls.media.peers import Peer
from zajil.client.calls.media.rtc import Relay
from zajil.client.calls.session import CallSession
from zajil.client.shell.reach import reach as reach_module
from zajil.protocol.calls import winner
from zajil.protocol.calls.ladder import Kind, Start

pytestmark = pytest.mark.calls
CLOSED = Relay("turn:127.0.0.1:9?transport=tcp", "name", "word")
"""Nobody listens there."""


class Remembering:
    """A network as a test has it."""

    def __init__(self, kind: Kind | None = None) -> None:
        self.kind = kind
        self.kept: list[Kind] = []
        self.listeners: list[Callable[[], None]] = []

    def remembered(self) -> Kind | None:
        return self.kind

    def remember(self, kind: Kind) -> None:
        self.kept.append(kind)

    def on_move(self, moved: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(moved)
        return lambda: self.listeners.remove(moved)


def on(network: Remembering, member: Member) -> Member:
    """This member is on that network."""
    member.links._means = replace(member.links._means, network=network)
    return member


async def test_what_carries_for_a_while_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winner, "STEADY_MS", 300)
    network = Remembering()
    async with call(on(network, Member(1)), Member(2)) as (one, other):
        await until(lambda: one.ups and other.ups)
        await until(lambda: network.kept)
        since = len(other.ear.frames)
        await until(lambda: len(other.ear.frames) >= since + 50)
    assert network.kept == ["A"]


@pytest.mark.parametrize("remembered", [None, "A", "B"])
async def test_what_is_remembered_starts_first(remembered: Kind | None) -> None:
    one = on(Remembering(remembered), Member(1, relays=(CLOSED,)))
    began: list[Kind] = []
    begin = one.links._start

    async def note(peer: Peer, start: Start) -> None:
        began.append(start.kind)
        await begin(peer, start)

    one.links._start = note  # type: ignore[method-assign]  # to see what begins
    async with call(one, Member(2)) as (_, other):
        await until(lambda: one.ups and other.ups)
    assert began[0] == (remembered or "A")


async def test_another_network_is_asked_what_it_remembers() -> None:
    network = Remembering()
    async with call(on(network, Member(1, relays=(CLOSED,))), Member(2)) as (one, other):
        await until(lambda: one.ups and other.ups)
        network.kind = "B"
        (peer,) = one.links._peers.values()
        one.links.network_changed()
        await until(lambda: peer.ladder.remembered == "B")
        assert peer.ladder.carrying is not None, "what carries goes on until another attempt got through"
        await until(lambda: peer.ladder.remembered == "A")


async def test_a_device_keeps_it_with_its_networks(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        calls = amal.calls()
        assert calls.remembered() is None
        calls.remember("C")
        calls.remember("B")
    async with await Client.open(homes / "Amal") as amal:
        calls = amal.calls()
        assert calls.remembered() == "B"
        with amal._device.store.look() as tx:
            assert b"rung" in (tx.find("meta", b"reach") or b""), "inside the store, which is sealed as a whole"
        moved: list[str] = []
        stay = calls.on_move(lambda: moved.append("calls"))
        told: list[str] = []
        monkeypatch.setattr(CallSession, "note_moved", lambda _: told.append("session"))
        answering = Answering(amal, Voices("echo"))
        monkeypatch.setattr(reach_module, "LOOK_S", 0.01)
        monkeypatch.setattr(reach_module, "network_key", lambda _: "ab" * 16)
        running = asyncio.create_task(answering.run())
        await until(lambda: moved and told)
        assert (moved, told) == (["calls"], ["session"])
        assert calls.remembered() is None, "another network"
        calls.remember("A")
        stay()
        stay()
        amal.forget_networks()
        assert calls.remembered() is None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert amal._device.reach._moves == []
