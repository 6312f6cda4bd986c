"""The kernel's packet queue, typed: each packet of the router waits here for a verdict.

`netfilterqueue` has no types and is installed for the laboratory alone, hence the import by name.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any, Protocol


class Packet(Protocol):
    """A packet waiting for its verdict, which it gets exactly once."""

    def get_payload(self) -> bytes: ...
    def accept(self) -> None: ...
    def drop(self) -> None: ...
    def retain(self) -> None: ...


async def judge_packets(number: int, judge: Callable[[Packet], None]) -> None:
    """Calls `judge` for each packet of this queue until cancelled; says `ready` once the kernel sends them."""
    library: Any = importlib.import_module("netfilterqueue")  # built against the system's library, without types
    queue: Any = library.NetfilterQueue()  # as above
    queue.bind(number, judge, 8192)
    loop = asyncio.get_running_loop()
    loop.add_reader(queue.get_fd(), queue.run, False)
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        loop.remove_reader(queue.get_fd())
        queue.unbind()
