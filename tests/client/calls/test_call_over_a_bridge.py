"""A whole call where nothing but a private bridge passes: rung, signals, tickets and sound go by its daemon alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.calls.pair import until
from tests.client.calls.test_bot import Person, running
from tests.client.people import befriend
from tests.client.test_bridges import Place, built
from tests.transports.authority import Authority

from zajil.cli.resident.answering import Answering, Voices
from zajil.client import Client
from zajil.protocol.calls import winner
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.calls


@pytest.fixture
async def place(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr("zajil.bridges.edge.daemon.PULL_S", 0.1)
    monkeypatch.setattr("zajil.bridges.registry.documents._LOOK_AGAIN_S", 0.0)
    async with built(tmp_path, authority) as made:
        yield made


async def test_a_call_is_carried_by_a_bridge_remembered_and_found_again_when_it_is_cut(
    place: Place, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.front.block()
    monkeypatch.setattr(winner, "STEADY_MS", 300)
    bridges = place.joined.private
    async with (
        await Client.register(homes / "a", server=place.front.url, name="Amal", bridges=bridges) as amal,
        await Client.register(homes / "b", server=place.front.url, name="Bot", bridges=bridges) as device,
    ):
        await befriend(amal, device)
        person, bot = Person(amal), Answering(device, Voices("tone"))
        person._session.hide_address = bot._session.hide_address = True  # and there is no relay
        place.bridge.passed.clear()
        async with running(person.run(), bot.run()):
            person.dial(parse_b64(amal.find_chat("Bot").id))
            await until(lambda: person.views and person.view.phase == "active")
            await until(person.phone.ear.hears_tone)
            await until(lambda: person.view.rung == "server")
            assert (amal.routes().state, device.routes().state) == ("via", "via")
            await until(lambda: bot._calls.remembered() == "C")
            # All connections through the bridge are reset, and it takes new ones.
            place.bridge.block()
            place.bridge.blocked = False
            since = len(person.phone.ear.frames)
            await until(lambda: len(person.phone.ear.frames) >= since + 100)
            person.hang_up()
            await until(lambda: person.view.phase == "ended" and bot.counts()["phase"] == "ended")
            assert person.view.ended == "hangup"
        assert not place.front.passed
        assert b"/calls/" not in bytes(place.bridge.passed)
