"""People who talk in small groups over several gateways, by the wire alone: what they send again, drop and must see.

Each has an R and an S session at some gateway; where one ends, the next is at the next gateway. A message is sent with
the same id until it was accepted. Its bytes carry its number, so that everybody knows what came, how often and in
which order. What the server sees is what real clients send, and no MLS is computed.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import aiohttp
from tests.server.people import FakeGroup, Person
from tests.server.wire import Ended, Http, Wire

from zajil.protocol import frames
from zajil.protocol.frames import Kind, Role

_AGAIN_S: Final = 0.1
_ANSWER_S: Final = 10.0
_FAULTS: Final = (Ended, aiohttp.ClientError, TimeoutError, OSError)
_TRY_AGAIN: Final = frozenset({"busy", "restarting", "slow-down", "internal"})


class Arrival(NamedTuple):
    """A message at one who did not send it. due: when it was to be sent, of `monotonic`. took_s: from then on."""

    due: float
    took_s: float


@dataclass(eq=False)
class Member:
    """One device. at: number of the gateway where its next session begins. last_seq: of what it keeps."""

    auth: str
    group: FakeGroup
    at: int
    last_seq: int = 0
    seen: list[int] = field(default_factory=list)
    outbox: asyncio.Queue[tuple[int, float]] = field(default_factory=asyncio.Queue)


class Crowd:
    """See the module. urls: of the gateways."""

    def __init__(self, urls: Sequence[str], client: aiohttp.ClientSession) -> None:
        self.members: list[Member] = []
        self.accepted: set[int] = set()
        self.arrivals: list[Arrival] = []
        self.again: Counter[str] = Counter()
        """Why something was tried again, how often."""
        self._urls = urls
        self._client = client
        self._due: dict[int, tuple[float, Member]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def gather(self, groups: int, *, size: int) -> None:
        """Register people, make their groups, and have everybody listen."""
        for number in range(groups):
            http = Http(self._urls[number % len(self._urls)], self._client)
            tokens = await asyncio.gather(*(http.register(Person()) for _ in range(size)))
            group = FakeGroup()
            async with Wire(http.url, Role.S, self._client) as s:
                own, *others = [(await http.refs(token))[0] for token in tokens]
                await _accept(s, group.create(1, await http.group_pass(tokens[0]), own))
                await _accept(s, group.add(2, dict(enumerate(others, 1))))
            group.epoch = 1
            self.members += [Member(token, group, number + place) for place, token in enumerate(tokens)]
        for member in self.members:
            self._tasks += [asyncio.create_task(self._receive(member)), asyncio.create_task(self._send(member))]
        await self.until(lambda: all(member.last_seq for member in self.members))

    async def pour(self, count: int, *, per_s: float, at: dict[int, Callable[[], None]]) -> None:
        """Have so many messages sent at a fixed pace, by everybody in turn. at: what happens before which of them.

        One after the other: where the one before is not over yet, the messages wait, and count that.
        """
        begun = time.monotonic()
        happening: asyncio.Task[None] | None = None
        order = random.Random(1).sample(self.members, len(self.members))
        for number in range(count):
            due = begun + number / per_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if number in at:
                if happening is not None:
                    await happening
                happening = asyncio.create_task(asyncio.to_thread(at[number]))
            member = order[number % len(order)]
            self._due[number] = due, member
            member.outbox.put_nowait((number, due))
        if happening is not None:
            await happening

    async def settle(self, count: int) -> None:
        """Everything was accepted, and everybody has all of it."""
        wanted: Counter[bytes] = Counter(member.group.gid for _, member in self._due.values())
        await self.until(lambda: len(self.accepted) == count)
        await self.until(lambda: all(len(each.seen) >= wanted[each.group.gid] for each in self.members))

    def check(self, count: int) -> None:
        """Raises AssertionError: something is lost, doubled, or comes in another order to others of a group."""
        assert self.accepted == set(range(count))
        by_group: defaultdict[bytes, list[Member]] = defaultdict(list)
        for member in self.members:
            by_group[member.group.gid].append(member)
        for gid, members in by_group.items():
            sent = {number for number, (_, sender) in self._due.items() if sender.group.gid == gid}
            for member in members:
                assert len(member.seen) == len(set(member.seen)), "a message came twice"
                assert set(member.seen) == sent, "a message was lost, or is another group's"
                assert member.seen == members[0].seen, "another order"

    async def until(self, holds: Callable[[], bool], *, seconds: float = 120) -> None:
        """Wait for this state. Raises TimeoutError, or what ended somebody's task."""
        async with asyncio.timeout(seconds):
            while not holds():
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.05)

    async def leave(self) -> None:
        """Everybody goes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _receive(self, member: Member) -> None:
        while True:
            try:
                async with Wire(self._url(member), Role.R, self._client) as r:
                    await r.hello(member.auth, member.last_seq)
                    while True:
                        with suppress(TimeoutError):  # nothing came for a while
                            if isinstance(frame := await r.receive(), frames.Msg):
                                self._take(member, frame)
                                await r.send(frames.Mack(member.last_seq))
            except _FAULTS as fault:
                await self._go_on(member, fault)

    def _take(self, member: Member, frame: frames.Msg) -> None:
        """As a client does: what it has already is acknowledged and dropped."""
        if frame.seq <= member.last_seq:
            self.again["dropped"] += 1
            return
        member.last_seq = frame.seq
        if frame.kind is Kind.APP:
            number = int(frame.body.rsplit(b"#", 2)[1])
            member.seen.append(number)
            due, sender = self._due[number]
            if member is not sender:
                self.arrivals.append(Arrival(due, time.monotonic() - due))

    async def _send(self, member: Member) -> None:
        number, _ = await member.outbox.get()
        request = self._request(member, number)
        while True:
            try:
                async with Wire(self._url(member), Role.S, self._client) as s:
                    while True:
                        async with asyncio.timeout(_ANSWER_S):
                            answer = await s.ask(request)
                        if isinstance(answer, frames.Err):
                            if answer.code not in _TRY_AGAIN:
                                raise AssertionError(f"refused: {answer.code}")
                            self.again[answer.code] += 1
                            await asyncio.sleep((answer.retry_ms or 100) / 1000)
                            continue
                        self.again["duplicate"] += answer.dup
                        self.accepted.add(number)
                        number, _ = await member.outbox.get()
                        request = self._request(member, number)
            except _FAULTS as fault:
                await self._go_on(member, fault)

    def _request(self, member: Member, number: int) -> frames.Send:
        return member.group.send(10 + number, b"#%d#" % number)

    def _url(self, member: Member) -> str:
        return self._urls[member.at % len(self._urls)]

    async def _go_on(self, member: Member, fault: BaseException) -> None:
        """At the next gateway."""
        self.again[fault.code if isinstance(fault, Ended) else type(fault).__name__] += 1
        member.at += 1
        await asyncio.sleep(_AGAIN_S * (0.5 + os.urandom(1)[0] / 256))


async def _accept(s: Wire, request: frames.Request) -> None:
    answer = await s.ask(request)
    assert isinstance(answer, frames.Ok), answer
