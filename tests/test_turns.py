"""Tests with the marker `alone` in a run of several workers, and the lock below it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.turns import deal, seat, turn

ROOT = Path(__file__).resolve().parent.parent

STORY = """
import os, pathlib
import pytest

FOLDER = pathlib.Path(os.environ["MARKS"])
TESTS = [pytest.param(n, marks=[pytest.mark.alone] if n % 4 == 0 else []) for n in range(16)]

@pytest.mark.beside
def test_beside():
    # Ends only when one that is alone has run meanwhile.
    while not (FOLDER.parent / "alone").exists():
        os.sched_yield()

@pytest.mark.parametrize("n", TESTS)
def test_one(n):
    if n % 4 == 0:
        (FOLDER.parent / "alone").touch()
    mine = FOLDER / f"{n}"
    mine.touch()
    seen = set()
    # Long enough for the other workers to come by; which of them do is theirs.
    for _ in range(200):
        seen |= {path.name for path in FOLDER.iterdir()} - {mine.name}
        os.sched_yield()
    mine.unlink()
    assert n % 4 or not seen, seen
"""


class Runner:
    """Tests as threads: each says that it begins, and ends when it may."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self._folder = folder
        self._threads: dict[str, tuple[threading.Thread, threading.Event, threading.Event]] = {}

    def begin(self, name: str, *, alone: bool = False) -> None:
        begun, may_end = threading.Event(), threading.Event()

        def work() -> None:
            with turn(self._folder, alone=alone):
                self.told.append(f"{name} begins")
                begun.set()
                assert may_end.wait(30)
                self.told.append(f"{name} ends")

        thread = threading.Thread(target=work)
        self._threads[name] = thread, begun, may_end
        thread.start()

    def wait_for(self, name: str) -> None:
        assert self._threads[name][1].wait(30), f"{name} never begins"

    def end(self, name: str) -> None:
        thread, _, may_end = self._threads[name]
        may_end.set()
        thread.join(30)

    def wait_for_closed_gate(self) -> None:
        """Somebody waits in it to be alone."""
        with (self._folder / "gate").open("w") as gate:
            while True:
                try:
                    fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                fcntl.flock(gate, fcntl.LOCK_UN)
                os.sched_yield()


@pytest.mark.parametrize(("long", "short", "workers"), [(7, 40, 3), (3, 1, 2), (0, 5, 3), (4, 0, 1), (9, 3, 3)])
def test_each_worker_begins_with_its_share_of_the_long_ones(long: int, short: int, workers: int) -> None:
    order = deal([f"long {n}" for n in range(long)], [f"short {n}" for n in range(short)], workers)
    assert len(order) == len(set(order)) == long + short
    left, pieces = order, []
    for at in range(workers):
        size = len(left) // (workers - at)
        pieces.append(left[:size])
        left = left[size:]
    if short >= workers:
        shares = [sum("long" in name for name in piece) for piece in pieces]
        assert max(shares) - min(shares) <= 1
    for piece in pieces:
        assert sorted(piece, key=lambda name: "short" in name) == piece


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_the_last_worker_begins_with_what_is_beside_and_has_none_that_is_alone(workers: int) -> None:
    alone, other = [f"alone {n}" for n in range(3)], [f"other {n}" for n in range(20)]
    order = seat(alone, ["beside"], other, workers)
    assert sorted(order) == sorted([*alone, "beside", *other])
    *hands, last = [order[at::workers] for at in range(workers)]
    assert last[0] == "beside"
    assert not set(last) & set(alone)
    for hand in hands:
        assert sorted(hand, key=lambda name: name not in alone) == hand
    assert seat(alone, [], other, workers) == [*alone, *other]
    assert seat(alone, ["beside"], [], 1) == [*alone, "beside"]


def test_one_that_is_alone_waits_for_all_and_is_before_who_comes_later(tmp_path: Path) -> None:
    run = Runner(tmp_path)
    for name in ("one", "other"):
        run.begin(name)
        run.wait_for(name)
    run.begin("alone", alone=True)
    run.wait_for_closed_gate()
    run.begin("late")
    run.end("one")
    assert run.told == ["one begins", "other begins", "one ends"]
    run.end("other")
    run.wait_for("alone")
    run.end("alone")
    run.wait_for("late")
    run.end("late")
    assert run.told[3:] == ["other ends", "alone begins", "alone ends", "late begins", "late ends"]


@pytest.mark.slow
def test_in_a_run_of_several_workers_nobody_is_beside_who_is_alone(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    (tmp_path / "conftest.py").write_text(
        "from tests.turns import Turns\n\n"
        "def pytest_configure(config):\n"
        "    for name in ('alone', 'beside'):\n"
        "        config.addinivalue_line('markers', f'{name}: see tests/turns.py')\n"
        "    config.pluginmanager.register(Turns())\n"
    )
    (tmp_path / "test_story.py").write_text(STORY)
    env = os.environ | {"MARKS": str(tmp_path / "marks"), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    env = {name: value for name, value in env.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--timeout", "60", "."]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "17 passed" in done.stdout, done.stdout + done.stderr
    assert not list(tmp_path.glob("zajil-turns-*")), "the folder goes with the run"
