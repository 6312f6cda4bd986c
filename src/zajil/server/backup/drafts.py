"""Files that a backup writes before they have their name, and what one that was killed left of them."""

from __future__ import annotations

import contextlib
import errno
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
"""A file that nobody wrote to for so long is no living backup's."""


def sweep(folder: Path) -> None:
    """Delete what killed backups left here: it holds rows that the server has deleted since, and keys."""
    for path in folder.iterdir():
        if _LEFT.fullmatch(path.name):
            with contextlib.suppress(OSError):
                if time.time() - path.lstat().st_mtime > LEFT_S:
                    path.unlink()


def copy_in(folder: Path) -> Path:
    """The name of a new, empty file, mode 0600, for a copy of a database."""
    sweep(folder)
    copy = folder / f"{_COPY}{os.urandom(8).hex()}"
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return copy


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[IO[bytes]]:
    """A file, mode 0600, that gets its name when the block ends well and it is on the disk. Never over another one."""
    sweep(path.parent)
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_DRAFT}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
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
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
