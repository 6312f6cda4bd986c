"""Which process of a home does what only one may do.

`sync.lock`: receives (opens R) and raises the start counter (mls.md 7.11). `upload.lock`: sends files.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

FILE = "sync.lock"
UPLOAD_FILE = "upload.lock"


class SyncLock:
    """An advisory lock that ends with the process, however it ends."""

    def __init__(self, home: Path, *, file: str = FILE) -> None:
        self._path = home / file
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; True when held afterwards. Never waits."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
