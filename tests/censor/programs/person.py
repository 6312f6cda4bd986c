"""One person's device as a process in a namespace: `python -m tests.censor.programs.person`.

Spoken to as `verbs` says. Times are those of the machine's monotonic clock, which all namespaces share.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.censor.programs.verbs import answer_lines

from zajil.client import Client
from zajil.protocol.errors import Unavailable
from zajil.protocol.reach.endpoints import parse_bridge_link


class Person:
    """One open device, followed from the moment it is open."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._following: asyncio.Task[None] | None = None
        self._linking: asyncio.Task[Client] | None = None
        self.arrivals: defaultdict[str, list[float]] = defaultdict(list)
        self._arrived = asyncio.Event()
        self._crowd: list[Client] = []
        self._followers: list[asyncio.Task[None]] = []

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    async def register(self, home: str, server: str, name: str, invite: str, bridges: str = "") -> str:
        """A new account. bridges: a bridge link that came with the invite."""
        held = parse_bridge_link(bridges) if bridges else None
        self._client = await Client.register(Path(home), server=server, name=name, invite=invite, bridges=held)
        return self.client.account_id

    async def add_bridges(self, link: str) -> int:
        return await self.client.add_bridges(link)

    async def secrets(self) -> dict[str, str]:
        """What nobody on the way may see: account id and login token, in base64."""
        return {"account": self.client.account_id, "token": await self.client._device.tokens.token()}

    async def forget(self) -> None:
        """Remembers no network: what follows is cold."""
        self.client.forget_networks()

    async def route(self) -> dict[str, str]:
        """The way in use: host and strategy, and the mode."""
        chosen = next((one for one in self.client.routes().tries if one.chosen), None)
        if chosen is None:
            return {"strategy": "", "mode": ""}
        return {
            "strategy": f"{chosen.candidate.endpoint.host} {chosen.candidate.strategy.value}",
            "mode": chosen.mode.value,
        }

    async def await_proof(self, seconds: float) -> bool:
        """Whether the way in use is proved, once it is or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._is_proved():
                    await self.client._device.runner.change(0.1)
        return self._is_proved()

    def _is_proved(self) -> bool:
        return any(one.chosen and one.result == "proved" for one in self.client.routes().tries)

    async def routes(self) -> list[str]:
        """Every way and what became of it, for whoever looks into a failure."""
        view = self.client.routes()
        return [f"{view.state} via {view.via}"] + [
            f"{one.candidate.id} {one.result} {one.stage} {one.reason} {one.mode.value} usable {one.usable_ms} ms, "
            f"echo {one.echo_bytes} B {one.echo_ms} ms{' *' if one.chosen else ''}"
            for one in view.tries
        ]

    async def open(self, home: str) -> str:
        self._client = await Client.open(Path(home))
        return self.client.account_id

    async def follow(self) -> None:
        """Live from now on; arrivals are noted."""
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for event in self.client.follow():
            if event.kind == "message" and event.message is not None:
                self.arrivals[event.message.text].append(time.monotonic())
                self._arrived.set()

    async def close(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
            self._following = None
        await self.dismiss()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def link(self) -> str:
        return await self.client.contact_link()

    async def befriend(self, link: str) -> str:
        return (await self.client.add_contact(link)).id

    async def group(self, title: str, people: list[str]) -> str:
        return (await self.client.create_group(title, [self.client.find_contact(one) for one in people])).id

    async def sync(self) -> None:
        await self.client.sync()

    async def settle(self, seconds: float) -> None:
        """As `sync`, again and again while no server is reached."""
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(Unavailable):
                    await self.client.sync()
                    return
                await asyncio.sleep(0.05)

    async def say(self, chat: str, text: str, seconds: float) -> dict[str, float]:
        """Writes a text and waits until the server holds it; when it was written and when it was held."""
        begun = time.monotonic()
        identity = self.client.queue(self.client.find_chat(chat), text)
        async with asyncio.timeout(seconds):
            while not self.client._is_out(identity):
                await self.client._device.runner.change(0.02)
        return {"begun": begun, "held": time.monotonic()}

    async def write(self, chat: str, texts: list[str], every_s: float) -> list[float]:
        """Writes texts at this pace, whatever the line does; when each was written."""
        written = []
        for text in texts:
            written.append(time.monotonic())
            self.client.queue(self.client.find_chat(chat), text)
            await asyncio.sleep(every_s)
        return written

    async def arrived(self) -> dict[str, list[float]]:
        return dict(self.arrivals)

    async def await_texts(self, texts: list[str], seconds: float) -> dict[str, list[float]]:
        """Arrivals, once all of these texts are here or the time is over; own texts come from one's other devices."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(text not in self.arrivals for text in texts):
                    self._arrived.clear()
                    await self._arrived.wait()
        return {text: self.arrivals[text] for text in texts if text in self.arrivals}

    async def read(self, chat: str, limit: int) -> list[dict[str, Any]]:
        shown = self.client.read(self.client.find_chat(chat), limit=limit)
        return [{"text": one.text, "sender": one.sender_id, "state": one.state} for one in shown]

    async def chats(self) -> dict[str, dict[str, Any]]:
        return {
            one.id: {"title": one.title, "status": one.status, "epoch": one.epoch, "devices": one.devices}
            for one in self.client.chats()
        }

    async def queue(self, chat: str, texts: list[str]) -> None:
        """Writes texts, whatever the line does."""
        for text in texts:
            self.client.queue(self.client.find_chat(chat), text)

    async def export_file(self, chat: str, file: str) -> None:
        """What waits in the chat, as a file to carry."""
        await asyncio.to_thread(Path(file).write_bytes, self.client.export_bundle(self.client.find_chat(chat)))

    async def import_file(self, file: str) -> list[str]:
        """Takes a carried file; what became of each message."""
        return list(self.client.import_bundle(await asyncio.to_thread(Path(file).read_bytes)).outcomes)

    async def link_new(self, home: str, server: str) -> str:
        """A further device; `code` and `approve` of an old one let it in."""
        loop = asyncio.get_running_loop()
        code: asyncio.Future[str] = loop.create_future()
        self._linking = asyncio.create_task(Client.link_new(Path(home), server=server, on_code=code.set_result))
        return await code

    async def linked(self) -> str:
        assert self._linking is not None
        self._client = await self._linking
        return self.client.account_id

    async def crowd(self, folder: str, server: str, invite: str, count: int) -> list[str]:
        """Registers further people in this process, each of whom follows; they and we know each other afterwards."""
        for n in range(count):
            home = Path(folder) / f"crowd-{n}"
            one = await Client.register(home, server=server, name=f"Member {n}", invite=invite)
            one.set_privacy(receipts=False)
            await self.client.add_contact(await one.contact_link())
            self._crowd.append(one)
            self._followers.append(asyncio.create_task(_follow_quietly(one)))
        return [one.account_id for one in self._crowd]

    async def dismiss(self) -> None:
        """Sends the crowd home."""
        for task in self._followers:
            task.cancel()
        await asyncio.gather(*self._followers, return_exceptions=True)
        for one in self._crowd:
            await one.close()
        self._followers.clear()
        self._crowd.clear()

    async def await_chat(self, chat: str, devices: int, seconds: float) -> bool:
        """Whether this device sits in the chat with so many devices, once it does or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._sits_in(chat, devices):
                    await self.client._device.runner.change(0.2)
        return self._sits_in(chat, devices)

    def _sits_in(self, chat: str, devices: int) -> bool:
        return any(one.id == chat and one.status == "active" and one.devices >= devices for one in self.client.chats())

    async def crowd_write(self, chat: str, texts: list[str]) -> None:
        """The crowd writes these into the chat, in turn, each waiting for the server."""
        for n, text in enumerate(texts):
            writer = self._crowd[n % len(self._crowd)]
            await writer.send(writer.find_chat(chat), text)

    async def crowd_in(self, chat: str, seconds: float) -> int:
        """How many of the crowd sit in the chat, once all do or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._members(chat) < len(self._crowd):
                    await self.client._device.runner.change(0.2)
        return self._members(chat)

    def _members(self, chat: str) -> int:
        return sum(any(one.id == chat and one.status == "active" for one in each.chats()) for each in self._crowd)

    async def approve(self, code: str) -> None:
        await self.client.link_approve(code)


async def _follow_quietly(client: Client) -> None:
    async for _ in client.follow():
        pass


async def main() -> None:
    """Answers until the input ends, then closes the device."""
    person = Person()
    await answer_lines(person, person.close)


if __name__ == "__main__":
    asyncio.run(main())
