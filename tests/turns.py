"""The marker `alone`: a test with it has the machine for itself among the workers of one run of pytest-xdist.

Pictures of a call, and what else lives by the clock of a browser, fail where another worker takes the processor. Such
a test waits until the tests of the other workers have ended, and theirs wait for its end. It waits around everything
else, so that no timeout of a test counts it. A run without workers has nobody to wait for.

The marker `beside`: a test with it takes no turn. All its work is at the lowest priority, from what others leave of the
processor, and who is alone leaves the most.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

T = TypeVar("T")
FOLDER: Final = "turns"
"""Under this name xdist's workers are told of the folder that they share."""


@contextmanager
def locked(path: Path, how: int) -> Iterator[None]:
    """Hold a lock of flock(2). The system drops it with the process, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, how)
        yield


@contextmanager
def turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """A test's turn among all that use this folder: beside others, or with none.

    All come in by the gate. One that wants to be alone waits in it, so that none begins meanwhile and it waits for no
    more than what already runs.
    """
    gate, machine = folder / "gate", folder / "machine"
    if alone:
        with locked(gate, fcntl.LOCK_EX), locked(machine, fcntl.LOCK_EX):
            yield
        return
    with machine.open("w") as file:
        with locked(gate, fcntl.LOCK_EX):
            fcntl.flock(file, fcntl.LOCK_SH)
        yield


def seat(alone: Sequence[T], beside: Sequence[T], other: Sequence[T], workers: int) -> list[T]:
    """An order of the long ones for `deal`: the last worker has all of `beside` first, the others all of `alone`.

    Had it one of those too, that would come when the other workers are in the middle of their tests.
    """
    left = deque(alone), deque(beside), deque(other)
    order: list[T] = []
    while any(left):
        is_last = bool(beside) and workers > 1 and len(order) % workers == workers - 1
        first = next(left[group] for group in ((1, 2, 0) if is_last else (0, 2, 1)) if left[group])
        order.append(first.popleft())
    return order


def deal(long: Sequence[T], short: Sequence[T], workers: int) -> list[T]:
    """An order in which each worker begins with its share of the long ones.

    `--dist worksteal` gives each worker one piece of the order, all of a size, and moves only the ends of pieces: long
    ones that stood together would be one worker's, one after the other.
    """
    order: list[T] = []
    rest, left = list(short), len(long) + len(short)
    for at in range(workers):
        hand = long[at::workers]
        size = left // (workers - at)
        taken = max(0, size - len(hand))
        order += [*hand, *rest[:taken]]
        left -= len(hand) + len(rest[:taken])
        del rest[:taken]
    return order + rest


class Turns:
    """The plugin: the controller makes the folder, workers take turns in it."""

    def __init__(self) -> None:
        self._made: Path | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # Any: xdist has no types of its own to import here
        self._made = self._made or Path(tempfile.mkdtemp(prefix="zajil-turns-"))
        node.workerinput[FOLDER] = str(self._made)

    def pytest_unconfigure(self) -> None:
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        shared = getattr(item.config, "workerinput", {}).get(FOLDER)
        if shared is None or item.get_closest_marker("beside"):
            return (yield)
        with turn(Path(shared), alone=item.get_closest_marker("alone") is not None):
            return (yield)
