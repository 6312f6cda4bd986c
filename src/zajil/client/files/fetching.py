"""Fetches the ciphertext of a file, from where the last attempt ended. Calls go on a lane of nobody."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zajil.client.files.patience import Patience
from zajil.client.shell.calls import Calls
from zajil.protocol import control
from zajil.protocol.attachments import KEPT_S, make_range, padded_bytes
from zajil.protocol.chat.files import File
from zajil.protocol.errors import Malformed, ZajilError, error
from zajil.protocol.ids import encode_b64

FOLDER: Final = "downloads"
LANE: Final = "files down"


def sweep(folder: Path, *, now_s: float) -> None:
    """Remove what was begun so long ago that the server has nothing more of it."""
    for path in list(folder.iterdir()) if folder.exists() else ():
        with contextlib.suppress(FileNotFoundError):
            if now_s - path.stat().st_mtime > KEPT_S:
                path.unlink()


@contextmanager
def held_open(path: Path) -> Iterator[int]:
    """A descriptor of this file, made empty if it was missing, for one process alone. Raises HomeError `home-busy`."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise error("home-busy", "another process fetches this file") from None
        if os.fstat(descriptor).st_nlink == 0:
            raise error("home-busy", "another process has just fetched this file")
        yield descriptor
    finally:
        os.close(descriptor)


async def fetch(calls: Calls, file: File, descriptor: int, *, tell: Callable[[int, int], None]) -> None:
    """All of the ciphertext is in the open file, behind what was there. tell: gets bytes there and bytes of the whole.

    Raises Refused `gone` where the server has it no more, Unreachable, Malformed, OSError; what came stays.
    """
    whole, name = padded_bytes(file.size), encode_b64(file.attachment_id)
    offset, patience = os.fstat(descriptor).st_size, Patience()
    if offset > whole:
        os.ftruncate(descriptor, 0)
        offset = 0
    while offset < whole:
        tell(offset, whole)
        length = min(patience.piece_bytes, whole - offset)
        try:
            piece = await calls.call(control.ATTACHMENT, bytes, wanted=make_range(offset, length), id=name)
            if len(piece) != length:
                raise error("malformed", "a piece of another length")
        except ZajilError as problem:
            # Something on the way may answer in the server's place, and not for long.
            await patience.bear(error("busy") if isinstance(problem, Malformed) else problem)
            continue
        _write_all(descriptor, piece, offset)
        offset += length
        patience.moved()
    tell(whole, whole)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    """All of it, or OSError: the last bytes of a disk are a short write first. What is written then is no gap."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
