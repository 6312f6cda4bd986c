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
    draft = _draft_of(path)
    try:
        _write(draft, content())
        os.link(draft, path)
    except FileExistsError:
        return
    except FileNotFoundError:  # the other start of a race took our draft for a leftover
        write_once(path, content)
        return
    finally:
        draft.unlink(missing_ok=True)
    _settle(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """The file holds this content, durably, mode 0600, whatever it was: whole as before or whole as now."""
    draft = _draft_of(path)
    try:
        _write(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _settle(path.parent)


def delete_file(path: Path) -> None:
    """The file is gone, durably. Its blocks may rest on the disk until they are used anew."""
    path.unlink(missing_ok=True)
    _settle(path.parent)


def _draft_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.urandom(8).hex()}{_DRAFT}")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
