"""A member on the Python SDK, driven over JSON lines: `{"op": ..., ...}` in, `{"ok": ...}` or `{"error": code}` out.

Used by the browser stories, so that each of them holds between the two languages.
"""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from zajil.client import Client
from zajil.client.core.talk import acts
from zajil.client.views import Mention
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity.links import encode_contact_link, parse_contact_link

ops: dict[str, Any] = {}


def op(function: Any) -> Any:
    """Register a command under its name."""
    ops[function.__name__] = function
    return function


class Member:
    """One client; `register` or `open` comes first."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.client: Client | None = None

    @property
    def it(self) -> Client:
        """The client that is open."""
        if self.client is None:
            raise RuntimeError("register first")
        return self.client


@op
async def register(member: Member, *, server: str, name: str, invite: str | None = None) -> str:
    """Account id of a new account."""
    member.client = await Client.register(member.home, server=server, name=name, invite=invite)
    return member.client.account_id


@op
async def open(member: Member) -> str:  # noqa: A001  # the name of the client's method
    """The device that is in this home already; its account id."""
    member.client = await Client.open(member.home)
    return member.client.account_id


@op
async def link_new(member: Member, *, server: str, device: str | None = None) -> str:
    """Become a further device: prints `{"code": ...}` first, answers the account id when it is through.

    device: the name it gives itself, else that of this machine.
    """
    if device is not None:
        platform.node = lambda: device  # type: ignore[assignment]
    member.client = await Client.link_new(member.home, server=server, on_code=lambda code: answer({"code": code}))
    return member.client.account_id


@op
async def link_approve(member: Member, *, code: str) -> int:
    """Approve the device behind a code; its id."""
    device = await member.it.link_approve(code)
    await member.it.sync()
    return device.device_id


@op
async def restore(member: Member, *, server: str, key: str) -> str:
    """The account behind a recovery key, in this home; its account id."""
    member.client = await Client.restore(member.home, server=server, key=key)
    return member.client.account_id


@op
async def recovery_rotate(member: Member) -> str:
    """A new recovery key in the place of the old one."""
    return member.it.rotate_recovery_key()


@op
async def contact_link(member: Member) -> str:
    """A link that adds this member."""
    return await member.it.contact_link()


@op
async def add(member: Member, *, link: str) -> Any:
    """Add the person behind a link; the chat."""
    return await member.it.add_contact(link)


@op
async def sync(member: Member) -> None:
    """Fetch and send everything."""
    await member.it.sync()


@op
async def chats(member: Member) -> Any:
    """All chats."""
    return member.it.chats()


@op
async def send(member: Member, *, chat: str, text: str, **more: Any) -> str:
    """Message id, once the server has it."""
    return await member.it.send(member.it.find_chat(chat), text, **more)


@op
async def read(member: Member, *, chat: str, limit: int = 100) -> Any:
    """The newest messages, oldest first."""
    return member.it.read(member.it.find_chat(chat), limit=limit)


@op
async def send_files(member: Member, *, chat: str, paths: list[str], text: str = "") -> str:
    """Message id of a message with these files, once the server has all of it."""
    return await member.it.send_files(member.it.find_chat(chat), [Path(path) for path in paths], text)


@op
async def save_file(member: Member, *, chat: str, message: str, n: int, target: str) -> None:
    """Fetch, check and save one file of a message."""
    await member.it.save_file(member.it.find_chat(chat), message, n, Path(target))


@op
async def create_group(member: Member, *, title: str, people: list[str]) -> Any:
    """A group with these contacts."""
    return await member.it.create_group(title, [member.it.find_contact(name) for name in people])


@op
async def add_member(member: Member, *, chat: str, person: str) -> None:
    """Add a contact to a group."""
    await member.it.add_member(member.it.find_chat(chat), member.it.find_contact(person))


@op
async def remove_member(member: Member, *, chat: str, person: str) -> None:
    """Remove somebody from a group."""
    await member.it.remove_member(member.it.find_chat(chat), member.it.find_contact(person))


@op
async def mention(member: Member, *, chat: str, text: str, start: int, end: int, account: str) -> str:
    """Send a text in which a range names somebody; code points."""
    return await member.it.send(member.it.find_chat(chat), text, mentions=[Mention(start, end, account)])


@op
async def react_with_anything(member: Member, *, chat: str, message: str, text: str) -> None:
    """React with a text that is no emoji, as a hostile client may."""
    honest, acts.check_emoji = acts.check_emoji, lambda found: found
    try:
        await member.it.react(member.it.find_chat(chat), message, text)
    finally:
        acts.check_emoji = honest


@op
async def forge_link(_member: Member, *, link: str, **changes: str) -> str:
    """A contact link with other words in it."""
    return encode_contact_link(replace(parse_contact_link(link), **changes))  # type: ignore[arg-type]


@op
async def safety_number(member: Member, *, person: str) -> str:
    """60 digits."""
    return member.it.safety_number(member.it.find_contact(person))


@op
async def call(member: Member, *, name: str, chat: str | None = None, **arguments: Any) -> Any:
    """Any other method of the client, by name, on a chat by title or id."""
    method = getattr(member.it, name)
    found = [member.it.find_chat(chat)] if chat is not None else []
    result = method(*found, **arguments)
    return await result if asyncio.iscoroutine(result) else result


def answer(value: Any) -> None:
    """One line out."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


async def lines() -> AsyncIterator[bytes]:
    """Lines of stdin."""
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line


async def main(home: Path) -> None:
    """Serve until stdin ends."""
    member = Member(home)
    try:
        async for line in lines():
            request = json.loads(line)
            try:
                answer({"ok": await ops[request.pop("op")](member, **request)})
            except ZajilError as problem:
                answer({"error": problem.code})
    finally:
        if member.client is not None:
            with suppress(ZajilError):
                await member.client.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
