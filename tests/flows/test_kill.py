"""The server is killed in mid-traffic: what it acknowledged is there, and nothing is shown twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from tests.flows.people import People, befriend, messages, say, sync_all, texts
from tests.flows.server import ServerProcess

from zajil.client import Client
from zajil.protocol.errors import Unavailable

pytestmark = [pytest.mark.flows, pytest.mark.kill, pytest.mark.slow]

EACH, KILL_AFTER = 130, 200


async def write_all(client: Client, chat: str, name: str, acknowledged: list[str], bell: asyncio.Event) -> None:
    """Send one after another, as fast as the server takes them; what it did not take stays in the outbox."""
    for number in range(EACH):
        text = f"{name} {number}"
        try:
            await say(client, chat, text)
        except Unavailable:
            continue
        acknowledged.append(text)
        if len(acknowledged) >= KILL_AFTER:
            bell.set()


async def test_a_server_killed_under_520_messages_loses_nothing_it_acknowledged(
    people: People, server: ServerProcess
) -> None:
    names = ("Amina", "Boris", "Clara", "Daud")
    clients = [await people.register(name) for name in names]
    for other in clients[1:]:
        await befriend(clients[0], other)
    contacts = [clients[0].find_contact(other.whoami().account_id) for other in clients[1:]]
    group = (await clients[0].create_group("Mountains", contacts)).id
    await sync_all(clients)

    acknowledged: list[str] = []
    bell = asyncio.Event()
    writers = [
        asyncio.ensure_future(write_all(client, group, name, acknowledged, bell))
        for client, name in zip(clients, names, strict=True)
    ]
    ring = asyncio.ensure_future(bell.wait())
    await asyncio.wait({ring, *writers}, return_when=asyncio.FIRST_COMPLETED)
    assert bell.is_set()
    await asyncio.to_thread(server.kill)
    before_the_kill = list(acknowledged)
    assert len(before_the_kill) < len(names) * EACH, "the kill came in mid-traffic"
    await asyncio.to_thread(server.start)
    await asyncio.gather(*writers)
    await sync_all(clients, rounds=3)

    everything = {f"{name} {number}" for name in names for number in range(EACH)}
    for client in clients:
        seen = Counter(texts(client, group, limit=10_000))
        assert not [text for text in before_the_kill if not seen[text]], "acknowledged and lost"
        assert not [text for text, count in seen.items() if count > 1], "shown twice"
        assert set(seen) == everything
        assert {message.state for message in messages(client, group, limit=10_000)} == {"delivered", "received"}
    orders = [texts(client, group, limit=10_000) for client in clients]
    for name in names:
        for order in orders:
            assert [t for t in order if t.startswith(name)] == [f"{name} {number}" for number in range(EACH)]
