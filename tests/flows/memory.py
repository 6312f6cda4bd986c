"""What a process holds in memory, read while it stands still, for the tests that look for what must not be there."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_PIECE: Final = 4 << 20
_OVERLAP: Final = 4096
_EMPTY: Final = re.compile(rb"\0{64,}")
_KEPT: Final = bytes(8)
"""What is left of a run of zeros, more than the end of a character has. Half of what a process holds is zeros, which
cost a search more than anything else does."""


def find_in_memory(pid: int, wanted: Iterable[bytes]) -> set[bytes]:
    """Which of these stand in the writable memory of a process and of its children. Each of at most 4,096 bytes."""
    sought = list(wanted)
    found: set[bytes] = set()
    for one in (pid, *_children(pid)):
        os.kill(one, signal.SIGSTOP)
        try:
            for piece in _pieces(one):
                found.update(text for text in sought if text not in found and text in piece)
        finally:
            os.kill(one, signal.SIGCONT)
    return found


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _pieces(pid: int) -> Iterator[bytes]:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(side, 16) for side in span.split("-"))
            for at in range(start, end, _PIECE):
                try:
                    memory.seek(at)
                    yield _EMPTY.sub(_KEPT, memory.read(min(_PIECE + _OVERLAP, end - at)))
                except OSError:
                    continue  # a page that cannot be read, as of a device
