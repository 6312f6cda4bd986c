"""State lost, homes copied or put back: nothing is sent from an old copy, and the groups bring the device back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.client.people import befriend, link, register, texts
from tests.client.serving import Served

from zajil.client import Client
from zajil.protocol.errors import ZajilError

pytestmark = pytest.mark.slow


async def test_a_device_that_lost_a_group_is_brought_back_and_loses_no_queued_text(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
        await register(homes, "Cleo", server.url) as cleo,
    ):
        await befriend(amal, boris)
        await befriend(amal, cleo)
        group = await amal.create_group("Doves", amal.contacts())
        for client in (boris, cleo):
            await client.sync()
        await boris.rejoin(boris.find_chat("Doves"))
        assert boris.find_chat("Doves").status == "rejoining"
        boris.queue(boris.find_chat("Doves"), "still here")
        await amal.sync()
        await boris.sync()
        assert boris.find_chat("Doves").status == "active"
        await boris.sync()
        for client in (amal, cleo):
            await client.sync()
        assert texts(amal, group) == texts(cleo, "Doves") == ["still here"]
        await cleo.send(cleo.find_chat("Doves"), "welcome back")
        await boris.sync()
        assert texts(boris, "Doves") == ["still here", "welcome back"]


async def test_a_broken_dm_is_repaired_through_a_new_one(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        await boris.send(boris.find_chat("Amal"), "before")
        await boris.rejoin(boris.find_chat("Amal"))
        for client in (amal, boris, amal, boris):
            await client.sync()
        assert len([c for c in boris.chats() if c.kind == "dm"]) == 1
        await boris.send(boris.find_chat("Amal"), "after")
        await amal.sync()
        await amal.send(amal.find_chat("Boris"), "yes")
        await boris.sync()
        assert texts(amal, "Boris") == texts(boris, "Amal") == ["before", "after", "yes"]


async def test_an_own_device_brings_back_a_lost_self_group(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await link(homes, "2", amal, server.url) as laptop,
        await register(homes, "Boris", server.url) as boris,
    ):
        await amal.sync()
        await laptop.sync()
        note = laptop.find_chat("Note to self")
        assert note.devices == 2
        await befriend(boris, amal)
        await laptop.sync()
        await laptop.rejoin(note)
        for client in (amal, laptop, amal):
            await client.sync()
        await laptop.send(laptop.find_chat("Note to self"), "back")
        await amal.sync()
        assert texts(amal, "Note to self") == ["back"]


@pytest.mark.parametrize("with_keys", [False, True])
async def test_a_home_put_back_sends_nothing_until_it_is_recovered(
    server: Served, homes: Path, with_keys: bool
) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        boris = await register(homes, "Boris", server.url)
        await befriend(amal, boris)
        await boris.close()
        shutil.copytree(homes / "Boris", homes / "copy")
        async with await Client.open(homes / "Boris") as boris:
            await amal.send(amal.find_chat("Boris"), "one")
            await boris.sync()
            await boris.send(boris.find_chat("Amal"), "two")
        if not with_keys:
            shutil.copy(homes / "Boris" / "keys", homes / "copy" / "keys")
        async with await Client.open(homes / "copy") as restored:
            with pytest.raises(ZajilError, match="state-rolled-back"):
                await restored.send(restored.find_chat("Amal"), "never under an old state")
            with pytest.raises(ZajilError, match="state-rolled-back"):
                await restored.sync()
            await amal.sync()
            assert texts(amal, "Boris") == ["one", "two"]
            await restored.recover()
            for client in (amal, restored, amal):
                await client.sync()
            assert texts(amal, "Boris") == ["one", "two", "never under an old state"]
            await amal.send(amal.find_chat("Boris"), "three")
            await restored.sync()
            assert texts(restored, "Amal") == ["never under an old state", "three"]
