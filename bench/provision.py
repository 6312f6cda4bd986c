"""Accounts and groups made once, through the public API of a running server, and kept as a template data directory.

MLS runs before the clock starts, and the server is blind: groups are real to it (pass, roster, epoch token, delivery
references), commits and Welcomes well-formed envelopes around filler, as in the server's own tests. Tokens live for an
hour, longer than a run. What provisioning left in mailboxes has been taken and acknowledged.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import aiohttp
import uvloop
from bench.peers.zajil import Zajil
from bench.rounds import WrongResultError
from tests.server.people import FakeGroup, Person
from tests.server.wire import Http, Wire

from zajil.protocol import frames
from zajil.protocol.frames import Role

WORKERS: Final = 32
"""Made at the same time, so that the server writes several down at once."""
T = TypeVar("T")


class Pair(NamedTuple):
    """Two devices in a group of their own. Tokens are those of HELLO."""

    sender: str
    receiver: str
    group: FakeGroup


class Template(NamedTuple):
    """A data directory and who is in it. crowds: groups, each with its devices by leaf. devices: in no group."""

    folder: Path
    pairs: tuple[Pair, ...]
    crowds: tuple[tuple[FakeGroup, tuple[str, ...]], ...]
    devices: tuple[str, ...]


@contextmanager
def template(
    *, pairs: int = 0, crowds: Sequence[int] = (), devices: int = 0, server: Zajil | None = None
) -> Iterator[Template]:
    """A template with so many pairs, groups of these sizes, and further devices; until the end of the block.

    server: whose database they are made in, SQLite's in the data directory if not said.
    """
    server = server or Zajil("template")
    with tempfile.TemporaryDirectory(prefix="zajil-bench-template-") as folder:
        data = Path(folder) / "data"
        with server.run_in(data) as running:
            made = uvloop.run(_fill(data, running.port, pairs=pairs, crowds=crowds, devices=devices))
        yield made


async def _fill(data: Path, port: int, *, pairs: int, crowds: Sequence[int], devices: int) -> Template:
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        maker = _Maker(url, client)
        found = await _share(pairs, maker.make_pair)
        groups = [await maker.make_crowd(size) for size in crowds]
        alone = await _share(devices, maker.make_device)
    return Template(data, tuple(found), tuple(groups), tuple(alone))


async def _share(count: int, make: Callable[[], Awaitable[T]]) -> list[T]:
    """So many of them, a few at a time."""
    slots = asyncio.Semaphore(WORKERS)

    async def one() -> T:
        async with slots:
            return await make()

    return list(await asyncio.gather(*(one() for _ in range(count))))


class _Maker:
    """Registers devices and makes groups on one server."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self._url, self._client = url, client
        self._http = Http(url, client)

    async def make_pair(self) -> Pair:
        """Two accounts and their group."""
        one, two = await self._http.register(Person()), await self._http.register(Person())
        group, _tokens = await self._group([one, two])
        await self._empty([one, two])
        return Pair(one.removeprefix("Device "), two.removeprefix("Device "), group)

    async def make_device(self) -> str:
        """An account of one device, in no group."""
        return (await self._http.register(Person())).removeprefix("Device ")

    async def make_crowd(self, size: int) -> tuple[FakeGroup, tuple[str, ...]]:
        """A group of so many accounts, with their tokens by leaf."""
        auths = await _share(size, lambda: self._http.register(Person()))
        group, tokens = await self._group(auths)
        await self._empty(auths)
        return group, tokens

    async def _group(self, auths: Sequence[str]) -> tuple[FakeGroup, tuple[str, ...]]:
        group = FakeGroup()
        async with Wire(self._url, Role.S, self._client) as wire:
            first = auths[0]
            pass_, refs = await self._http.group_pass(first), await self._http.refs(first)
            _check(await wire.ask(group.create(1, pass_, refs[0])))
            for start in range(1, len(auths), 100):
                batch = range(start, min(start + 100, len(auths)))
                leaves = {leaf: (await self._http.refs(auths[leaf]))[0] for leaf in batch}
                _check(await wire.ask(group.add(2 + start, leaves)))
                group.epoch += 1
        return group, tuple(auth.removeprefix("Device ") for auth in auths)

    async def _empty(self, auths: Sequence[str]) -> None:
        """Take and acknowledge what waits for these devices."""
        for auth in auths:
            async with Wire(self._url, Role.R, self._client) as wire:
                await wire.hello(auth)
                found = await wire.messages()
                if found:
                    ready = await wire.hello(auth, found[-1].seq)
                    if ready.queued:
                        raise WrongResultError(f"{ready.queued} messages are left of provisioning")


def _check(answer: frames.Ok | frames.Err) -> None:
    if isinstance(answer, frames.Err):
        raise WrongResultError(f"provisioning was refused: {answer.code}")
