"""People for the stories: accounts, devices and what stands on their screens."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from pathlib import Path

from tests.flows.server import ServerProcess

from zajil.client import Chat, Client, Message

ARABIC = "السلام عليكم ورحمة الله، هل وصلتْ رسالتي؟ ﷽"
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю — ёлки-палки"
EMOJI = "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️‍🔥 🤷🏽‍♀️ \u202e override \u200f mark \x1b[31m escape \r\n\ttab"
_SETTLE_ROUNDS = 40
_folders = itertools.count()


class People:
    """Makes people on one server and closes all their devices at the end."""

    def __init__(self, server: ServerProcess, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.homes: dict[Client, Path] = {}

    async def register(self, name: str) -> Client:
        home = self._new_home()
        return self._keep(
            await Client.register(home, server=self.server.url, name=name, invite=self.server.invite()), home
        )

    async def link(self, old: Client, *, history: bool = True) -> Client:
        """A further device of this account, approved by the old one, with what it shows or without."""
        home = self._new_home()
        codes: asyncio.Queue[str] = asyncio.Queue()
        linking = asyncio.ensure_future(Client.link_new(home, server=self.server.url, on_code=codes.put_nowait))
        await old.link_approve(await codes.get(), history=history)
        return self._keep(await linking, home)

    async def switch_off(self, client: Client) -> Path:
        """The device goes offline; its home, to switch it on again."""
        home = self.homes.pop(client)
        await client.close()
        return home

    async def switch_on(self, home: Path) -> Client:
        """The device of this home; offline until its first `sync` or `send`."""
        return self._keep(await Client.open(home), home)

    def _keep(self, client: Client, home: Path) -> Client:
        self.homes[client] = home
        return client

    def _new_home(self) -> Path:
        return self.folder / f"home-{next(_folders)}"

    async def close(self) -> None:
        for client in self.homes:
            await client.close()


async def befriend(one: Client, other: Client) -> Chat:
    """The chat of two, on the side of the one who adds."""
    chat = await one.add_contact(await other.contact_link())
    await other.sync()
    await one.sync()
    return chat


async def sync_all(devices: Iterable[Client], *, rounds: int = 1) -> None:
    for _ in range(rounds):
        for device in devices:
            await device.sync()


async def settle(devices: Iterable[Client], chats: Iterable[str]) -> None:
    """Sync in turn until every device sits in every chat, at one epoch."""
    everyone, wanted = list(devices), list(chats)
    for _ in range(_SETTLE_ROUNDS):
        await sync_all(everyone)
        views = [[_view(device, chat) for device in everyone] for chat in wanted]
        if all(len(set(row)) == 1 and row[0][0] == "active" for row in views):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not settled: {views}")


def _view(device: Client, chat: str) -> tuple[str, int]:
    found = find(device, chat)
    return (found.status, found.epoch) if found is not None else ("absent", 0)


def find(device: Client, chat: str) -> Chat | None:
    return next((found for found in device.chats() if found.id == chat), None)


def messages(device: Client, chat: str, *, limit: int = 2000) -> list[Message]:
    return device.read(device.find_chat(chat), limit=limit)


def texts(device: Client, chat: str, *, limit: int = 2000) -> list[str]:
    return [message.text for message in messages(device, chat, limit=limit)]


async def say(device: Client, chat: str, text: str) -> str:
    return await device.send(device.find_chat(chat), text)
