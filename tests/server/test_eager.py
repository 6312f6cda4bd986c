"""A coroutine that has nothing to wait for is done in its caller's turn; one that waits goes on in a task."""

from __future__ import annotations

import asyncio

import pytest
from tests.server.serving import TOKEN, Queue, serving

from zajil.protocol import frames
from zajil.protocol.frames import Msg, Role
from zajil.protocol.session.wire import VERSION, Data, Open, Opened, encode_record, parse_record
from zajil.server.gateway import eager
from zajil.server.http.calls import Peer
from zajil.server.shell.aiohttp_shell import AiohttpShell


async def _add(to: list[str], *waited: asyncio.Future[str]) -> None:
    try:
        for each in waited:
            to.append(await each)  # noqa: PERF401  # each as it comes
        to.append("end")
    except asyncio.CancelledError:
        to.append("cancelled")
        raise
    except ValueError:
        to.append("fault")
        await asyncio.sleep(0)
        to.append("after it")


async def test_what_waits_for_nothing_is_done_at_once() -> None:
    to: list[str] = []
    assert eager.begin(_add(to)) is None
    assert to == ["end"]
    done = asyncio.get_running_loop().create_future()
    done.set_result("a")
    assert eager.begin(_add(to, done)) is None
    assert to == ["end", "a", "end"]


async def test_what_waits_goes_on_in_a_task() -> None:
    loop, to = asyncio.get_running_loop(), list[str]()
    first, second = loop.create_future(), loop.create_future()
    rest = eager.begin(_add(to, first, second))
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    assert to == []
    first.set_result("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert to == ["a"]
    second.set_result("b")
    await task
    assert to == ["a", "b", "end"]


async def test_a_future_that_is_done_before_the_task_begins_is_not_missed() -> None:
    to, first = list[str](), asyncio.get_running_loop().create_future()
    rest = eager.begin(_add(to, first))
    first.set_result("a")
    assert rest is not None
    await asyncio.create_task(rest)
    assert to == ["a", "end"]


async def test_faults_and_cancellations_reach_it() -> None:
    loop, to = asyncio.get_running_loop(), list[str]()
    first = loop.create_future()
    rest = eager.begin(_add(to, first))
    assert rest is not None
    first.set_exception(ValueError())
    await asyncio.create_task(rest)
    assert to == ["fault", "after it"]
    rest = eager.begin(_add(to, loop.create_future()))
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert to == ["fault", "after it", "cancelled"]


async def test_what_it_raises_at_once_its_caller_hears() -> None:
    async def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        eager.begin(fail())


async def test_a_login_that_waits_for_nothing_is_answered_whole_in_one_turn() -> None:
    queue = Queue()
    queue.messages = [Msg(n, bytes(16), frames.Kind.APP, None, 0, 0, b"x") for n in (1, 2)]
    async with serving(AiohttpShell, queue) as (_, gateway):
        connection = gateway.connect(Role.R, peer=Peer(b"net"), kick=lambda: None)
        hello = frames.encode_frame(frames.Hello(TOKEN.removeprefix("Device "), 0))
        for frame in (Open(VERSION, None, 0, 65536, 1), Data(1, 0, False, hello)):
            gateway.feed(connection, encode_record(frame), gateway.now())
        opened, *parts = [parse_record(record) for record in connection.pull(now=gateway.now())]
        assert isinstance(opened, Opened)
        told = [frames.parse_r_server(part.body) for part in parts if isinstance(part, Data)]
        assert [type(each) for each in told] == [frames.Ready, frames.Msg, frames.Msg, frames.Drained]
        gateway.lost(connection)


async def test_a_sweep_asks_nothing_of_a_session_that_is_well() -> None:
    kicks: list[None] = []
    async with serving(AiohttpShell, Queue()) as (_, gateway):
        connection = gateway.connect(Role.R, peer=Peer(b"net"), kick=lambda: kicks.append(None))
        gateway.feed(connection, encode_record(Open(VERSION, None, 0, 65536, 1)), gateway.now())
        connection.pull(now=gateway.now())
        kicks.clear()
        gateway.sweep(gateway.now())
        assert not kicks
        gateway.sweep(gateway.now() + 11)  # its HELLO is overdue
        assert kicks
        assert connection.done
        gateway.lost(connection)
