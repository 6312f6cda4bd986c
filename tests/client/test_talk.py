"""Two people, then three, talk through the real server."""

from __future__ import annotations

from pathlib import Path

from tests.client.serving import Served
from zajil.client import Client


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
        assert [m.state for m in boris.read(chat)] == ["sent", "received"]
