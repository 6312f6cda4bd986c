"""Files written once: killed at any system call, the next start finds all of it or makes it, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from zajil.engine.files import write_once

CALLS = ["open", "fdopen", "fsync", "link", "close"]


def made(times: list[int]) -> Callable[[], bytes]:
    def content() -> bytes:
        times.append(1)
        return b"content %d" % len(times)

    return content


def test_the_first_content_stays(tmp_path: Path) -> None:
    path, times = tmp_path / "file", list[int]()
    write_once(path, made(times))
    write_once(path, made(times))
    assert path.read_bytes() == b"content 1"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", CALLS)
def test_a_kill_leaves_all_or_nothing_and_the_next_start_succeeds(tmp_path: Path, place: str) -> None:
    """In a container every start has the same process id: what a killed one left must not be in the way."""
    path, times = tmp_path / "file", list[int]()
    child = os.fork()
    if not child:
        setattr(os, place, lambda *_args, **_kwargs: os._exit(9))
        write_once(path, made(times))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    before = path.read_bytes() if path.exists() else None
    write_once(path, made(times))
    assert path.read_bytes() == (before or b"content 1") == b"content 1"
    assert list(tmp_path.iterdir()) == [path]


def test_a_start_that_lost_a_race_uses_the_file_of_the_other(tmp_path: Path) -> None:
    path, times = tmp_path / "file", list[int]()

    def slow() -> bytes:
        write_once(path, made(times))
        return b"late"

    write_once(path, slow)
    assert path.read_bytes() == b"content 1"
    assert list(tmp_path.iterdir()) == [path]
