"""A worker in a process of its own, killed at one point: `python -m tests.moderation.pipeline.victim DATA POINT`.

The real worker on a real database; only the hook that says where it is belongs to the test.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from tests.moderation.pipeline.square import Square


async def work(data: Path, point: str) -> None:
    def reached(where: str) -> None:
        if where == point:
            os.kill(os.getpid(), signal.SIGKILL)

    square = Square(data, time.time, template=data, reached=reached)
    await square.start()
    await square.work()
    await square.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2]))
