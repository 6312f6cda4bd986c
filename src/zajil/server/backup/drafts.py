"""Files that a backup writes before they have their name, and what one that was killed left of them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from zajil.server.backup.archive import BackupError

_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_DRAFT: Final = ".zajil-part"
_COPY: Final = ".zajil-copy-"
_LEFT: Final = re.compile(r"(\..+\.[0-9a-f]{8}\.zajil-part|\.zajil-copy-[0-9a-f]{16}(-journal)?)", re.ASCII)
LEFT_S: Final = 3600
"""Younger ones are left alone: between making a file and locking it lies a moment."""


def sweep(folder: Path) -> None:
    """Delete what killed backups left here: it holds rows that the server has deleted since, and keys.

    A living backup holds a lock on each of its files. Where a file system has none, all is left alone.
    """
    with contextlib.suppress(OSError):  # such as a folder that may be written to and not looked into
        for path in sorted(folder.iterdir()):
            if _LEFT.fullmatch(path.name):
                _take_away(path)


def _take_away(path: Path) -> None:
    """Delete it, if it is old and nobody holds it; and a journal once its copy is gone."""
    name = path.name.removesuffix("-journal")
    with contextlib.suppress(OSError):
        held = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_needed = name != path.name and path.with_name(name).exists()
            if time.time() - os.fstat(held).st_mtime > LEFT_S and not is_needed:
                path.unlink()
        finally:
            os.close(held)


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A new, empty file, mode 0600, for a copy of a database; it goes with the block."""
    sweep(folder)
    copy = folder / f"{_COPY}{os.urandom(8).hex()}"
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _hold(descriptor)
        yield copy
    finally:
        copy.unlink(missing_ok=True)
        os.close(descriptor)


def _hold(descriptor: int) -> None:
    """No other backup takes it for a leftover, until it is closed or this process ends."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[IO[bytes]]:
    """A file, mode 0600, that gets its name when the block ends well and it is on the disk. Never over another one."""
    sweep(path.parent)
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_DRAFT}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _hold(descriptor)
            yield file
            file.flush()
            os.fsync(file.fileno())
            _name(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(draft: Path, path: Path) -> None:
    """The draft gets its name. Raises BackupError `backup-exists`."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise BackupError("backup-exists", file=str(path)) from None
    except OSError as fault:
        if fault.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise BackupError("backup-exists", file=str(path)) from None
        draft.rename(path)
