"""People of the client tests: registered clients who know each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

from zajil.client import Chat, Client


async def register(home: Path, name: str, url: str) -> Client:
    """A person with one device."""
    return await Client.register(home / name, server=url, name=name)


async def befriend(one: Client, other: Client) -> None:
    """Both have each other as contacts, with profiles."""
    await one.add_contact(await other.contact_link())
    for client in (other, one, other):
        await client.sync()


async def link(home: Path, name: str, client: Client, url: str) -> Client:
    """A further device of a person."""
    codes: asyncio.Queue[str] = asyncio.Queue()
    new = asyncio.create_task(Client.link_new(home / name, server=url, on_code=codes.put_nowait))
    code = await codes.get()
    await client.link_approve(code)
    return await new


def texts(client: Client, chat: Chat | str) -> list[str]:
    """What the chat shows."""
    found = client.find_chat(chat) if isinstance(chat, str) else chat
    return [message.text for message in client.read(found, limit=1000)]
