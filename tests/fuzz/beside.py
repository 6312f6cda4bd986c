"""Fuzzing beside other work: `python -m tests.fuzz.beside --seconds 30 --only mls`.

Half a minute of a core for each target would be an hour, and `.ci/run` has 40 minutes for everything. So it is half a
minute by the clock: AT_ONCE of them, each in a process of its own, at the lowest priority, from what others leave of
the processor. A busy machine cannot starve one: it goes on until it has had INPUTS_LEAST. The edits are those of
`editing.edits`, from seed 0 on, always in one order, so that what fails is found again; `make fuzz` is led by coverage.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from tests.fuzz.editing import edits
from tests.fuzz.table import TARGETS
from tests.fuzz.targets import Target

AT_ONCE: Final = 8
INPUTS_LEAST: Final = 2000
A_SEED: Final = 100
"""Inputs from one seed."""
INPUT_CPU_S: Final = 1.0
MEMORY_BYTES: Final = 1 << 30


class TooSlow(BaseException):
    """An input that takes over INPUT_CPU_S of the processor. No Exception: no parser may take it for a refusal."""


class Found(NamedTuple):
    """What became of a target. trouble: empty where it held."""

    inputs: int
    cpu_s: float
    trouble: str


def explore(target: Target, seconds: float) -> int:
    """How many inputs it had. Raises what its parser may not, with a note of the seed and the input."""
    until, done = time.monotonic() + seconds, 0
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        for seed in itertools.count():
            if done >= INPUTS_LEAST and time.monotonic() >= until:
                break
            for data in edits(target.seeds, seed=seed, count=A_SEED):
                _try(target, data, seed=seed)
            done += A_SEED
    finally:
        signal.signal(signal.SIGVTALRM, before)
    return done


def _try(target: Target, data: bytes, *, seed: int) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, INPUT_CPU_S)
    try:
        target.parse(data)
    except target.refused:
        return
    except BaseException as error:
        error.add_note(f"seed {seed}, input {data.hex()}")
        raise
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise TooSlow


def explore_all(targets: Mapping[str, Target], seconds: float) -> Iterator[tuple[str, Found]]:
    """What became of each, as they end; each in a fork of this process, which must have one thread."""
    left, running = deque(targets), dict[Connection, tuple[str, ForkProcess]]()
    while left or running:
        while left and len(running) < AT_ONCE:
            name = left.popleft()
            answer, process = _begin(targets[name], seconds)
            running[answer] = name, process
        ended = wait(list(running))
        for answer in [one for one in running if one in ended]:
            name, process = running.pop(answer)
            yield name, _hear(answer)
            process.join()
            answer.close()


def _begin(target: Target, seconds: float) -> tuple[Connection, ForkProcess]:
    forks = multiprocessing.get_context("fork")
    answer, into = forks.Pipe(duplex=False)
    process = forks.Process(target=_tell, args=(target, seconds, into))
    process.start()
    # Only that process may hold it: its end, however it comes, must be the end of the answer.
    into.close()
    return answer, process


def _tell(target: Target, seconds: float, into: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    trouble, inputs = "", 0
    try:
        inputs = explore(target, seconds)
    except BaseException:  # noqa: BLE001 (SystemExit and TooSlow too: of a parser all of them are trouble)
        trouble = traceback.format_exc()
    into.send(Found(inputs, time.process_time(), trouble))


def _hear(answer: Connection) -> Found:
    try:
        found: Found = answer.recv()
    except EOFError:
        return Found(0, 0.0, "its process ended without a word")
    return found


def step_back() -> None:
    """Make this process and its forks the last for the processor, among all sessions of the machine."""
    # Linux first shares among sessions, where it groups them, and looks at `nice` only within one: browsers have
    # sessions of their own. So a session for this, and the priority is the session's.
    with suppress(OSError):
        os.setsid()
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")
    os.nice(19)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="fuzz the parsers of network bytes beside other work")
    parser.add_argument("--seconds", type=float, default=30, help="for each target, by the clock")
    parser.add_argument("--only", default="", help="targets with this in their name")
    options = parser.parse_args(arguments)
    step_back()
    targets = {name: target for name, target in TARGETS.items() if options.only in name}
    failed = 0
    for name, one in explore_all(targets, options.seconds):
        print(f"{name}: {one.inputs} inputs, {one.cpu_s:.1f} s of the processor", flush=True)
        print(one.trouble, end="", flush=True)
        failed += bool(one.trouble)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
