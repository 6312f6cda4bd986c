"""A hostile member's commit that nobody can follow, against a real server: half a minute, and no message is lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.client.successors import broken_paths
from tests.flows.people import People, find, say, sync_all, texts
from tests.flows.test_groups import group_of

from zajil.client import Client
from zajil.client.core import outbox
from zajil.client.state.rows import Intent
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64, parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]

WITHIN_S = 30.0


@contextlib.asynccontextmanager
async def running(clients: Sequence[Client]) -> AsyncIterator[None]:
    """Meanwhile these devices are on, as with `zajil run`."""

    async def follow(client: Client) -> None:
        async for _ in client.follow():
            pass

    tasks = [asyncio.ensure_future(follow(client)) for client in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def break_group(mallory: Client, group: str) -> None:
    """The server takes a commit of this member whose path opens for nobody."""
    with broken_paths():
        with mallory._core.step("break") as step:
            outbox.submit_intent(step, parse_b64(group, size=16), Intent("update"))
        await mallory.sync()


def heir_of(client: Client, group: str) -> str:
    """The chat that the group became; empty while it is stuck."""
    with client._core.look() as step:
        chat = step.chat(parse_b64(group, size=16))
        return "" if chat.heir is None else encode_b64(chat.merged)


async def test_a_broken_commit_costs_half_a_minute_and_who_made_it(people: People) -> None:
    amina, boris, clara, mallory = [await people.register(name) for name in ("Amina", "Boris", "Clara", "Mallory")]
    honest = [amina, boris, clara]
    group = await group_of(amina, [boris, clara, mallory], "Doves")
    await amina.set_role(amina.find_chat(group), boris.whoami().account_id, "admin")
    await sync_all([*honest, mallory], rounds=2)
    await say(clara, group, "before")
    await sync_all([*honest, mallory])
    began = time.monotonic()
    async with running(honest):
        await break_group(mallory, group)
        for client, text in ((clara, "meanwhile"), (boris, "at once")):
            client.queue(client.find_chat(group), text)
        while not all(heir_of(client, group) for client in honest):
            assert time.monotonic() - began < WITHIN_S
            await asyncio.sleep(0.2)
        fresh = heir_of(amina, group)
        while any(len(texts(client, fresh)) < 3 for client in honest):
            assert time.monotonic() - began < WITHIN_S
            await asyncio.sleep(0.2)
    mended = time.monotonic() - began
    assert mended < WITHIN_S
    for client in honest:
        assert heir_of(client, group) == fresh
        assert texts(client, fresh)[0] == "before"
        assert sorted(texts(client, fresh)) == ["at once", "before", "meanwhile"]
        assert find(client, group) is None
        assert set(client.find_chat(fresh).members) == {one.whoami().account_id for one in honest}
    with contextlib.suppress(ZajilError):
        await say(mallory, group, "nobody hears this")
    await say(boris, fresh, "after")
    await sync_all(honest)
    assert all(texts(client, fresh)[-1] == "after" for client in honest)
    assert all("nobody hears this" not in texts(client, fresh) for client in honest)
