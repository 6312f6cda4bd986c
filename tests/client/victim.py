"""A client process that ends itself, without any clean-up, at the boundary of a named step."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from zajil.client import Client
from zajil.client.shell.device import Device
from zajil.client.shell.sender import Sender
from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat, wrap
from zajil.protocol import frames

KILLED = 77
Action = Callable[[Client, str], Awaitable[None]]


async def write_and_read(client: Client, text: str) -> None:
    """Send one text and fetch what waits."""
    await client.send(client.find_chat("Amal"), text)
    await client.sync()


async def make_group(client: Client, title: str) -> None:
    """A new group with the friend in it."""
    await client.create_group(title, [client.find_contact("Amal")])


ACTIONS: dict[str, Action] = {"write": write_and_read, "group": make_group}


def run(home: Path, action: str, word: str, *, point: str, count: int, ledger: Path) -> int | None:
    """Exit code of a process that does `action` on `home` and ends at the `count`-th time of `point`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.client.victim"])
    process = context.Process(target=_live, args=(home, action, word, point, count, ledger))
    process.start()
    process.join(60)
    code = process.exitcode
    process.close()
    return code


def _live(home: Path, action: str, word: str, point: str, count: int, ledger: Path) -> None:
    left = count

    def hook(name: str) -> None:
        nonlocal left
        left -= name == point
        if not left:
            os._exit(KILLED)

    async def main() -> None:
        async with Client(Device(home, hook=hook)) as client:
            await ACTIONS[action](client, word)

    with recording(ledger):
        asyncio.run(main())


@contextmanager
def recording(ledger: Path) -> Iterator[None]:
    """Write down in `ledger` which ratchet place sealed which bytes, and which bytes left this process."""
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    seal, send = protect.seal_private, Sender._send

    def sealed(suite: Any, signed: Any, **rest: Any) -> Any:  # Any: passed through untouched
        content = signed.content
        kind = protect.ratchet_kind(content.content_type)
        generation, _, _ = rest["secret_tree"].next_key(content.sender.index, kind)
        message, moved = seal(suite, signed, **rest)
        digest = hashlib.sha256(wrap(WireFormat.PRIVATE_MESSAGE, message.encode())).hexdigest()
        place = f"{content.group_id.hex()}/{content.epoch}/{content.sender.index}/{kind.name}/{generation}"
        os.write(descriptor, f"sealed {digest} {place}\n".encode())
        return message, moved

    def sent(self: Sender, action: Any) -> None:  # Any: as above
        request = self._requests[action.mid]
        if isinstance(request.frame, frames.Send | frames.Commit):
            body = request.frame.body if isinstance(request.frame, frames.Send) else request.frame.commit
            os.write(descriptor, f"left {hashlib.sha256(body).hexdigest()}\n".encode())
        send(self, action)

    with mock.patch.object(protect, "seal_private", sealed), mock.patch.object(Sender, "_send", sent):
        yield
    os.close(descriptor)


def check_ledger(ledger: Path) -> int:
    """Sealings that left the device; raises AssertionError when two of them share a ratchet place."""
    lines = [line.split() for line in ledger.read_text().splitlines()]
    places = {line[1]: line[2] for line in lines if line[0] == "sealed"}
    left = {line[1] for line in lines if line[0] == "left"}
    used = [places[digest] for digest in left if digest in places]
    assert len(used) == len(set(used)), "a generation was used twice"
    return len(used)
