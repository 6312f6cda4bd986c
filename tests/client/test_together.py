"""Several at once: two commits for one epoch, two processes on one home, two DMs made at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.client.people import befriend, register, texts
from tests.client.serving import Served

from zajil.client import Client
from zajil.client.core import outbox
from zajil.client.state.rows import Intent
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.slow


def submit_update(client: Client, chat: str) -> None:
    """Queue a commit without change of members."""
    with client._core.step("update") as step:
        outbox.submit_intent(step, parse_b64(chat), Intent("update"))


def state(client: Client, chat: str) -> tuple[int, bytes]:
    """Epoch and epoch authenticator."""
    with client._core.look() as step:
        group = step.load_group(parse_b64(chat))
        return group.epoch, group.epoch_authenticator


async def test_of_two_racing_commits_one_wins_and_the_other_comes_after(server: Served, homes: Path) -> None:
    people = [await register(homes, name, server.url) for name in ("Amal", "Boris", "Cleo")]
    amal, boris, cleo = people
    for friend in (boris, cleo):
        await befriend(amal, friend)
    group = await amal.create_group("Doves", amal.contacts())
    await asyncio.gather(*(client.sync() for client in people))
    for client in people:
        await client.close()
    people = [await Client.open(homes / name) for name in ("Amal", "Boris", "Cleo")]
    for round_number in range(3):
        before = state(people[0], group.id)[0]
        for client in people:
            submit_update(client, group.id)
            client.queue(client.find_chat("Doves"), f"{client.name} {round_number}")
        await asyncio.gather(*(client.sync() for client in people))
        await asyncio.gather(*(client.sync() for client in people))
        states = {state(client, group.id) for client in people}
        assert len(states) == 1
        assert states.pop()[0] == before + 3
    for client in people:
        assert sorted(texts(client, "Doves")) == sorted(f"{p.name} {n}" for p in people for n in range(3))
        await client.close()


async def test_one_home_follows_in_one_process_and_sends_from_another(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        async with await register(homes, "Boris", server.url) as boris:
            await befriend(amal, boris)
        async with await Client.open(homes / "Boris") as follower:
            seen: asyncio.Queue[str] = asyncio.Queue()

            async def follow() -> None:
                async for event in follower.follow():
                    if event.kind == "message" and event.message is not None:
                        seen.put_nowait(event.message.text)

            following = asyncio.create_task(follow())
            await follower.sync()
            async with await Client.open(homes / "Boris") as other:
                for number in range(3):
                    await other.send(other.find_chat("Amal"), f"out {number}")
                    await amal.send(amal.find_chat("Boris"), f"in {number}")
                await other.sync()
            await follower.sync()
            async with asyncio.timeout(10):
                told = [await seen.get() for _ in range(6)]
            following.cancel()
            assert sorted(told) == sorted(f"{way} {n}" for way in ("in", "out") for n in range(3))
            await amal.sync()
            assert sorted(texts(amal, "Boris")) == sorted(texts(follower, "Amal"))


async def test_a_second_process_takes_over_when_the_receiving_one_ends(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        async with await register(homes, "Boris", server.url) as boris:
            await befriend(amal, boris)
        first, second = await Client.open(homes / "Boris"), await Client.open(homes / "Boris")
        await first.sync()
        await second.sync()
        await first.close()
        await second.send(second.find_chat("Amal"), "still here")
        await amal.send(amal.find_chat("Boris"), "so am I")
        await second.sync()
        assert texts(second, "Amal") == ["still here", "so am I"]
        await second.close()


async def test_two_dms_made_at_once_become_one_chat(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Boris", server.url) as boris:
        links = await asyncio.gather(amal.contact_link(), boris.contact_link())
        chats = await asyncio.gather(amal.add_contact(links[1]), boris.add_contact(links[0]))
        await asyncio.gather(amal.send(chats[0], "from Amal"), boris.send(chats[1], "from Boris"))
        for client in (amal, boris, amal, boris):
            await client.sync()
        await amal.send(amal.find_chat("Boris"), "one place")
        await boris.sync()
        for client, name in ((amal, "Boris"), (boris, "Amal")):
            assert [chat.title for chat in client.chats() if chat.kind == "dm"] == [name]
            assert sorted(texts(client, name)) == ["from Amal", "from Boris", "one place"]
        assert (
            amal.find_chat("Boris").id
            == boris.find_chat("Amal").id
            == min((chat.id for chat in chats), key=lambda text: parse_b64(text))
        )
