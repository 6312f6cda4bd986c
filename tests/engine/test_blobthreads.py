"""The threads of attachments are shared between addresses."""

from __future__ import annotations

import asyncio
import threading

import pytest

from zajil.engine.blobthreads import THREADS, WAITING_MAX, BlobThreads
from zajil.protocol.errors import ZajilError

MOST = THREADS + WAITING_MAX


async def test_one_address_leaves_others_their_places_while_a_store_hangs() -> None:
    threads, answers = BlobThreads(), threading.Event()
    begun: list[asyncio.Task[bool]] = []

    async def ask(prefix: bytes, count: int) -> int:
        """How many of these were taken."""
        new = [asyncio.create_task(threads.run(answers.wait, prefix=prefix)) for _ in range(count)]
        await asyncio.sleep(0)
        refused = [task for task in new if task.done()]
        for task in refused:
            with pytest.raises(ZajilError) as told:
                await task
            assert told.value.code == "busy"
        begun.extend(task for task in new if task not in refused)
        return count - len(refused)

    try:
        assert await ask(b"greedy", 2 * MOST) == MOST // 2
        assert await ask(b"another", 5) == 5
        assert await ask(b"greedy", 1) == 0
        assert await ask(b"too much", MOST) == MOST // 8
        answers.set()
        assert all(await asyncio.gather(*begun))
        assert await ask(b"greedy", 1) == 1, "all places are free again"
        assert await begun[-1]
    finally:
        answers.set()
        await asyncio.to_thread(threads.close)
