"""Programs that are spoken to: `{"id", "verb", "with"}` a line, answered by `{"id", "result"}` or `{"id", "error"}`.

Verbs are methods, and several may run at the same time.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any


async def answer_lines(speaker: object, close: Callable[[], Awaitable[None]]) -> None:
    """Calls methods of `speaker` until the input ends, then `close`."""
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(_answer(speaker, line.decode()))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in running:
        task.cancel()
    await close()


async def _answer(speaker: object, line: str) -> None:
    request = json.loads(line)
    number = request["id"]
    act: Callable[..., Awaitable[Any]] = getattr(speaker, request["verb"])  # the laboratory is its only caller
    try:
        answer = {"id": number, "result": await act(**request["with"])}
    except Exception as failure:  # noqa: BLE001  # every failure is the answer
        answer = {"id": number, "error": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(answer), flush=True)
