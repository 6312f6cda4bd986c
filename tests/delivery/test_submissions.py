"""Requests of sessions: which are carried out without a task, what each is counted as, and what comes back."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from tests.delivery.world import T0_MS, Group, Server

from zajil.delivery.submissions import Submissions
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError

PREFIX = b"prefix"


async def test_a_small_send_is_answered_without_a_task(server: Server) -> None:
    sender, receiver = server.mailbox(), server.mailbox()
    group = Group(server, sender, receiver)
    counted: Counter[tuple[str, str]] = Counter()
    limits = Limits({name: Limit(1e9, 1e-9) for name in DEFAULTS} | {"ephemeral_prefix": Limit(1, 1e9)})
    desk = Submissions(server.engine, limits, clock=lambda: T0_MS / 1000, count=lambda *what: counted.update([what]))
    assert not desk.begin(group.commit_frame(), PREFIX, print)
    assert not desk.begin(group.send_frame(b"x" * 20_000), PREFIX, print)
    server.engine.start()

    async def ask(frame: frames.Send) -> frames.Ok | BaseException:
        told: asyncio.Future[frames.Ok | BaseException] = asyncio.get_running_loop().create_future()
        tasks = len(asyncio.all_tasks())
        assert desk.begin(frame, PREFIX, told.set_result)
        assert len(asyncio.all_tasks()) == tasks
        return await told

    frame = group.send_frame(b"once")
    first, again = await ask(frame), await ask(frame)
    assert isinstance(first, frames.Ok)
    assert isinstance(again, frames.Ok)
    assert (first.rid, first.dup, again.dup) == (frame.rid, False, True)
    assert await desk.submit(frame, PREFIX) == again
    foreign = await ask(_with_another_token(group.send_frame()))
    assert isinstance(foreign, ZajilError)
    assert isinstance(await ask(group.send_frame(flags=frames.EPHEMERAL)), frames.Ok)
    with pytest.raises(ZajilError, match="slow-down"):
        desk.begin(group.send_frame(flags=frames.EPHEMERAL), PREFIX, print)
    with pytest.raises(ZajilError, match="malformed"):
        desk.begin(group.send_frame(ttl=1_000_000), PREFIX, print)
    await server.engine.close()
    with pytest.raises(ZajilError, match="restarting"):
        desk.begin(group.send_frame(), PREFIX, print)
    assert counted == {
        ("send", "ok"): 4,
        ("send", foreign.code): 1,
        ("send", "slow-down"): 1,
        ("send", "malformed"): 1,
        ("send", "restarting"): 1,
    }
    assert [message.body for message in server.engine.read_now(receiver, 0, n=9)][-1] == frame.body


def _with_another_token(frame: frames.Send) -> frames.Send:
    return frames.Send(frame.rid, frame.mid, frame.gid, bytes(32), frame.roster_key, 0, 0, frame.body)
