"""Two people, then three, talk through the real server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.client import serving
from tests.client.people import befriend, link, register, texts
from tests.client.serving import Served

from zajil.client import Client
from zajil.protocol.errors import Unreachable, ZajilError

pytestmark = pytest.mark.slow


async def test_two_people_talk_both_ways(server: Served, homes: Path) -> None:
    async with (
        await Client.register(homes / "a", server=server.url, name="Amal") as amal,
        await Client.register(homes / "b", server=server.url, name="Boris") as boris,
    ):
        link = await amal.contact_link()
        chat = await boris.add_contact(link)
        assert chat.status == "active"
        identity = await boris.send(chat, "Привет, Амаль")
        await amal.sync()
        [message] = amal.read(amal.find_chat("Boris"))
        assert (message.id, message.text, message.sender, message.state) == (
            identity,
            "Привет, Амаль",
            "Boris",
            "received",
        )
        await amal.send(amal.find_chat("Boris"), "أهلا 🕊")
        await boris.sync()
        assert [m.text for m in boris.read(chat)] == ["Привет, Амаль", "أهلا 🕊"]
        assert [m.state for m in boris.read(chat)] == ["delivered", "received"]


@pytest.mark.sqlite
async def test_a_device_that_saw_what_the_server_lost_hears_what_comes(server: Served, homes: Path) -> None:
    """As a standby that took over without anybody's numbering it anew: new messages have numbers of lost ones."""
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        for client in (amal, boris, amal):
            await client.sync()
        with closing(sqlite3.connect(server.data / "zajil.db")) as database, database:
            assert database.execute("SELECT count(*), min(next_seq) > 2 FROM mailbox WHERE count = 0").fetchone()[1]
            database.execute("UPDATE mailbox SET next_seq = 1, acked = 0 WHERE count = 0")
        for text in ("one", "two"):
            await amal.send(amal.find_chat("Boris"), text)
        await boris.sync()
        assert texts(boris, "Amal") == ["one", "two"]
        await boris.send(boris.find_chat("Amal"), "three")
        await amal.sync()
        assert texts(amal, "Boris") == ["one", "two", "three"]


async def test_a_group_of_three_adds_removes_and_loses_a_member(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
        await register(homes, "Cleo", server.url) as cleo,
    ):
        await befriend(amal, boris)
        await befriend(amal, cleo)
        assert [c.name for c in amal.contacts()] == ["Boris", "Cleo"]
        group = await amal.create_group("Doves", [amal.find_contact("Boris")])
        await amal.send(group, "one")
        await boris.sync()
        assert texts(boris, "Doves") == ["one"]
        await amal.add_member(group, amal.find_contact("Cleo"))
        await boris.send(boris.find_chat("Doves"), "two")
        for client in (amal, cleo):
            await client.sync()
        assert texts(amal, group) == ["one", "two"]
        assert texts(cleo, "Doves") == ["two"]
        assert cleo.read(cleo.find_chat("Doves"))[0].sender == "Boris"
        await amal.remove_member(group, amal.find_contact("Boris"))
        await amal.send(group, "three")
        await boris.sync()
        await cleo.sync()
        assert boris.find_chat("Doves").status == "removed"
        assert texts(boris, "Doves") == ["one", "two"]
        assert texts(cleo, "Doves") == ["two", "three"]
        with pytest.raises(ZajilError, match="not-a-member"):
            await boris.send(boris.find_chat("Doves"), "four")
        await cleo.leave_group(cleo.find_chat("Doves"))
        await amal.sync()
        await cleo.sync()
        assert cleo.find_chat("Doves").status == "left"
        assert amal.find_chat("Doves").members == (amal.account_id,)


async def test_a_second_device_comes_into_every_chat_and_both_read_and_write(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        group = await amal.create_group("Doves", [amal.find_contact("Boris")])
        await boris.sync()
        async with await link(homes, "Boris2", boris, server.url) as laptop:
            assert laptop.device_id == 2
            assert [c.name for c in laptop.contacts()] == ["Amal"]
            await boris.sync()
            await laptop.sync()
            assert {c.status for c in laptop.chats()} == {"active"}
            assert laptop.find_chat("Doves").devices == 3
            await amal.sync()
            await amal.send(group, "to all")
            await laptop.send(laptop.find_chat("Amal"), "from the laptop")
            for client in (amal, boris, laptop):
                await client.sync()
            assert texts(boris, "Doves") == texts(laptop, "Doves") == ["to all"]
            assert texts(boris, "Amal") == texts(amal, "Boris") == ["from the laptop"]
            await boris.send(boris.find_chat("Note to self"), "remember")
            later = await amal.create_group("Later", [amal.find_contact("Boris")])
            await amal.send(later, "both devices")
            await laptop.sync()
            assert texts(laptop, "Note to self") == ["remember"]
            assert texts(laptop, "Later") == ["both devices"]


async def test_a_removed_member_is_added_again_and_reads_only_what_comes_after(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        group = await amal.create_group("Doves", amal.contacts())
        await amal.send(group, "one")
        await boris.sync()
        await amal.remove_member(group, amal.find_contact("Boris"))
        await amal.send(group, "without Boris")
        await amal.add_member(group, amal.find_contact("Boris"))
        await amal.send(group, "two")
        await boris.sync()
        await boris.send(boris.find_chat("Doves"), "three")
        await amal.sync()
        assert boris.find_chat("Doves").status == "active"
        assert texts(boris, "Doves") == ["one", "two", "three"]
        assert texts(amal, group) == ["one", "without Boris", "two", "three"]


async def test_without_a_server_texts_wait_and_are_told_apart(homes: Path) -> None:
    with serving.serve(homes / "server") as served:
        amal = await register(homes, "Amal", served.url)
        async with await register(homes, "Boris", served.url) as boris:
            await befriend(amal, boris)
        await amal.close()
    async with await Client.open(homes / "Amal") as amal:
        with pytest.raises(Unreachable):
            await amal.send(amal.find_chat("Boris"), "later")
        assert [message.state for message in amal.read(amal.find_chat("Boris"))] == ["queued"]
        again = serving.start(homes / "server", port=int(served.url.rsplit(":", 1)[1]))
        try:
            async with await Client.open(homes / "Amal") as other:
                await other.sync()
                assert [message.state for message in other.read(other.find_chat("Boris"))] == ["sent"]
        finally:
            serving.stop(again)
