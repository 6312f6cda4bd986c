"""A file that has no name until it is complete, so that a kill leaves nothing of what was opened on the disk.

Linux gives such files (O_TMPFILE): they end with their process. Where the file system has none, a hidden file beside
the target stands in, and a kill leaves it there. Where nobody may make links, one is there for a moment at the end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

_OWN: Final = Path("/proc/self/fd")
ENDING: Final = ".part"


class Draft:
    """An open empty file of mode 0600 in the target's folder. path: its name until then, None where it has none."""

    def __init__(self, descriptor: int, target: Path, path: Path | None) -> None:
        self.descriptor = descriptor
        self._target = target
        self._path = path

    def settle(self) -> None:
        """It has its name now, durably. Raises FileExistsError where something of that name is there; OSError."""
        try:
            self._link(self._target)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: between the look and the name, another file may come
            check_free(self._target)
            self._named().rename(self._target)
        _settle_folder(self._target.parent)

    def replace(self) -> None:
        """As `settle`, over a file of that name. Raises OSError."""
        self._named().replace(self._target)
        _settle_folder(self._target.parent)

    def forget(self) -> None:
        """Close it; what has no name of its own then is gone."""
        os.close(self.descriptor)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _named(self) -> Path:
        """A name for it beside the target, for the moment before it gets that one."""
        if self._path is None:
            path = _hidden(self._target)
            try:
                self._link(path)
            except OSError:  # a system that lets nobody make links, as telephones do
                _copy(self.descriptor, path)
            self._path = path
        return self._path

    def _link(self, path: Path) -> None:
        if self._path is not None:
            os.link(self._path, path)
            return
        # linkat follows the link in /proc only where it is given a folder; without one Python calls link.
        folder = os.open(_OWN, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.link(str(self.descriptor), path, src_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)


@contextmanager
def draft_for(target: Path) -> Iterator[Draft]:
    """A draft, gone at the end unless it was settled. Raises OSError where the folder takes no file."""
    draft = _open_nameless(target) or _open_hidden(target)
    try:
        yield draft
    finally:
        draft.forget()


def _open_nameless(target: Path) -> Draft | None:
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag or not _OWN.exists():
        return None
    try:
        descriptor = os.open(target.parent, flag | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        if fault.errno in (errno.EISDIR, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOENT):
            return None  # the other way says it better where the folder is missing
        raise
    return Draft(descriptor, target, None)


def _open_hidden(target: Path) -> Draft:
    path = _hidden(target)
    return Draft(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), target, path)


def _hidden(target: Path) -> Path:
    return target.with_name(f".{token_hex(8)}{ENDING}")


def _copy(descriptor: int, path: Path) -> None:
    """All of an open file, durably, as a new one of mode 0600. Raises OSError, and leaves nothing then."""
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as whole, os.fdopen(made, "wb") as copy:
            whole.seek(0)
            shutil.copyfileobj(whole, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def check_free(target: Path) -> None:
    """Raises FileExistsError where something of this name is there."""
    if target.exists() or target.is_symlink():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _settle_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
