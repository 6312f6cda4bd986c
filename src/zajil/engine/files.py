"""Small files that are written once and must be whole or not there, whenever the process ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_MODE = 0o600
_DRAFT = ".new"


def write_once(path: Path, content: Callable[[], bytes]) -> None:
    """The file exists, durably, mode 0600; made of `content()` if it was missing, else as it was.

    A draft that a killed start left behind is removed: it may hold the same secrets. When two starts race, the first
    file stays.
    """
    for left in path.parent.glob(f"{path.name}.*{_DRAFT}"):
        left.unlink(missing_ok=True)
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.urandom(8).hex()}{_DRAFT}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    except FileNotFoundError:  # the other start of a race took our draft for a leftover
        write_once(path, content)
        return
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
