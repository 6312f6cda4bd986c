"""How much memory a device needs to hand its history over, and another one to take it, at the command line.

Run: `make bench B=history_memory`, or .venv/bin/python bench/history_memory.py [N texts, 100,000]. One chat of N texts
of some 170 characters in the home of one client of a real server; what it packs and seals is what `link approve` sends,
and the same client, emptied, opens and writes it as a new device does. The figures are how far the resident memory of
this process rises over where it stood before; of this machine in this run, and none passes or fails.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from tests.client.people import register
from tests.client.serving import serve

from zajil.client.core.core import Core
from zajil.client.history import handing, packing
from zajil.client.state import rows
from zajil.client.state.rows import StoredMessage
from zajil.protocol.history.archive import Archive

MIB: Final = 1024 * 1024
TEXT: Final = "text of some words " * 9


def resident_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Prints the time, and how far memory rose at most."""
    before = most = resident_mib()
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.01):
            most = max(most, resident_mib())

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - began
        over.set()
        watching.join()
    print(f"{what}: {took:.1f} s, {most - before:.0f} MiB more than the {before:.0f} MiB before")


def fill(core: Core, count: int) -> bytes:
    """The chat in which they stand."""
    with core.step("fill") as step:
        gid, own = rows.all_chats(step.tx)[0].gid, step.profile
        for n in range(count):
            line = StoredMessage(step.rng(32), gid, own.account_id, own.device_id, step.now, "sent", f"{n} {TEXT}")
            step.tx.append("message", gid, line.message_id, rows.encode_row(line))
    return gid


async def run(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "server") as server:
        home = Path(folder)
        async with await register(home, "Amal", server.url) as amal:
            core = amal._core  # noqa: SLF001  # below what an application sees
            gid = fill(core, count)
            with measured("handed over"), core.look() as step:
                sealed = handing.seal_parts(home, packing.pack(step))
            print(f"{count} texts: {len(sealed)} parts, {sum(part.file.size for part in sealed) / MIB:.1f} MiB")
            with core.look() as step:
                plain = list(packing.pack(step))
            with core.step("empty") as step:
                for n, _ in step.tx.rows("message", gid):
                    step.tx.remove("message", n)
            with measured("taken"), core.step("history") as step:
                came = packing.unpack(step, [Archive.parse(part) for part in plain])
            print(f"{came} texts came")


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
