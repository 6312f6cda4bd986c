"""Two gateways on one bus: a device's newest session ends the older one at the other, and the end of a device ends all.

In one memory each case runs without NATS; over NATS they run with the engines of scale.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import aiohttp
import pytest
from tests.nats import nats_server
from tests.server import serving as serving_module
from tests.server.carriers import until
from tests.server.serving import GONE, SHELLS, Queue, serving
from tests.server.wire import Wire

from zajil.engine.bus import Bus, MemoryBus, Topic
from zajil.protocol import frames
from zajil.protocol.frames import Role
from zajil.protocol.ids import MailboxId, encode_b64
from zajil.server.gateway import receivers
from zajil.server.gateway.conversation import Conversation
from zajil.server.gateway.gateway import Gateway

NUMBER: Final = 7


class Two:
    """Two gateways, and sessions of one device at either."""

    def __init__(self, stack: AsyncExitStack, client: aiohttp.ClientSession) -> None:
        self.urls: list[str] = []
        self.gateways: list[Gateway] = []
        self.buses: list[Bus] = []
        self._stack = stack
        self._client = client

    async def hello(self, at: int, device: int = NUMBER) -> Wire:
        wire = await self._stack.enter_async_context(Wire(self.urls[at], Role.R, self._client))
        await wire.hello("Device " + encode_b64(bytes(31) + bytes([device])))
        return wire


async def _on_nats(stack: AsyncExitStack) -> Callable[[], Awaitable[Bus]]:
    from zajil.engine.natsbus import Access, NatsBus

    access = Access(stack.enter_context(nats_server()).url)

    async def make() -> Bus:
        bus = await NatsBus.connect(access)
        stack.push_async_callback(bus.close)
        return bus

    return make


async def _in_memory(_stack: AsyncExitStack) -> Callable[[], Awaitable[Bus]]:
    shared = MemoryBus()

    async def make() -> Bus:
        return shared

    return make


@pytest.fixture(params=[_in_memory, pytest.param(_on_nats, marks=pytest.mark.scale)])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        make = await request.param(stack)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        made = Two(stack, client)
        queue, clock = Queue(), itertools.count(1.0)
        for _ in range(2):
            made.buses.append(await make())
            url, gateway = await stack.enter_async_context(
                serving(SHELLS[0], queue, bus=made.buses[-1], clock=lambda: next(clock))
            )
            made.urls.append(url)
            made.gateways.append(gateway)
        yield made


MAILBOX: Final = MailboxId(bytes(15) + bytes([NUMBER]))


async def _known(two: Two, at: int) -> None:
    """News from there reach the other gateway."""
    seen: list[bytes | None] = []
    leave = two.buses[1 - at].listen(Topic.RECEIVER, name := os.urandom(16), seen.append)

    def arrived() -> bool:
        two.buses[at].tell(Topic.RECEIVER, name, b"?")
        return b"?" in seen

    await until(arrived)
    leave()


async def test_the_newest_session_of_a_device_replaces_the_one_at_the_other_gateway(two: Two) -> None:
    older = await two.hello(0)
    await _known(two, 1)
    newer = await two.hello(1)
    assert await older.until_end() == "replaced"
    assert two.gateways[0]._clerk._receivers._sessions == {}
    assert (await newer.hello("Device " + encode_b64(bytes(31) + bytes([NUMBER])))).head == 0


async def test_the_end_of_a_device_ends_its_session_at_every_gateway(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = await two.hello(0)
    await _known(two, 1)
    monkeypatch.setattr(serving_module, "GONE", NUMBER)
    two.gateways[1].close_device(MAILBOX)
    assert await lost.until_end() == "device-revoked"


async def test_whether_a_device_is_connected_is_known_at_every_gateway(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(two.buses[0]), "is_shared", True)
    monkeypatch.setattr(receivers, "_ANSWER_S", 0.05)
    assert not await two.gateways[0].is_live(MAILBOX)
    live = await two.hello(0)
    await _known(two, 1)
    monkeypatch.setattr(receivers, "_ANSWER_S", 10)
    assert await two.gateways[0].is_live(MAILBOX)
    assert await two.gateways[1].is_live(MAILBOX)
    await live.cut()
    await until(lambda: two.gateways[0].count(Role.R) == 0)
    monkeypatch.setattr(receivers, "_ANSWER_S", 0.05)
    assert not await two.gateways[1].is_live(MAILBOX)


async def test_news_that_nobody_could_mean_end_nothing(two: Two) -> None:
    kept = await two.hello(0)
    await _known(two, 1)
    # `c`: whoever reaches NATS could else lock every device for good.
    for news in (b"c", b"", b"n", b"x", b"cc", b"n" + bytes(16), b"n" + bytes(15), b"n" + b"\xff" * 17):
        two.buses[1].tell(Topic.RECEIVER, MAILBOX, news)
    two.buses[1].publish([MAILBOX], frames.KeysLow(1, 2))
    assert await kept.expect(frames.KeysLow) == frames.KeysLow(1, 2)


async def test_where_news_may_have_been_missed_a_device_that_is_no_more_is_found(two: Two) -> None:
    lost = await two.hello(1, GONE)
    if isinstance(bus := two.buses[1], MemoryBus):
        bus.miss(bus.heard())  # over NATS every first subscription may have missed some
    assert await lost.until_end() == "device-revoked"


async def test_all_who_may_have_missed_news_at_once_are_looked_up_by_one_question(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    wires = [await two.hello(0, NUMBER + each) for each in range(3)]
    clerk, asked = two.gateways[0]._clerk, list[int]()
    look_over = clerk._look_over

    async def noted(conversations: list[Conversation]) -> None:
        asked.append(len(conversations))
        await look_over(conversations)

    monkeypatch.setattr(clerk, "_look_over", noted)
    monkeypatch.setattr(serving_module, "GONE", NUMBER + 1)
    for each in list(clerk._receivers._sessions.values()):
        clerk._start_check(each)
    assert await wires[1].until_end() == "device-revoked"
    assert 3 in asked  # over NATS each may have missed some when its session began, too


async def test_a_suspension_sends_to_the_login_and_locks_no_device(two: Two) -> None:
    lost = await two.hello(0)
    await _known(two, 1)
    two.gateways[1].end_login(MAILBOX)
    assert await lost.until_end() == "token-expired"


async def test_a_device_that_could_not_be_looked_up_is_looked_up_again(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, gateway = await two.hello(0), two.gateways[0]
    (conversation,) = gateway._clerk._receivers._sessions.values()
    monkeypatch.setattr(serving_module, "AWAY", True)
    await gateway._clerk._check(conversation)
    monkeypatch.setattr(serving_module, "AWAY", False)
    monkeypatch.setattr(serving_module, "GONE", NUMBER)
    gateway.sweep(gateway.now() + 61)
    assert await lost.until_end() == "device-revoked"


async def test_each_look_is_for_the_device_too_whoever_ended_it_without_a_word(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, kept = await two.hello(0), await two.hello(0, NUMBER - 1)
    monkeypatch.setattr(serving_module, "GONE", NUMBER)
    gateway = two.gateways[0]
    gateway.sweep(gateway.now() + 61)
    assert await lost.until_end() == "device-revoked"
    assert (await kept.hello("Device " + encode_b64(bytes(31) + bytes([NUMBER - 1])))).head == 0
