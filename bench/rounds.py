"""How a benchmark is run: every subject once a round, in shuffled order, noisy turns again, checks that end the run.

A script names its subjects and gives what one turn of one of them is; `run` does the rest and writes the result. What
others do on the machine is seen in each window: a turn in which they used more than a tenth of it is repeated up to
twice, then kept as it is, flagged.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
# ruff: noqa: E402  # the tree has to be on the path first
from bench import measure, record

ROUNDS: Final = 5
REPEATS: Final = 2


class Watch:
    """Whether another round as long as the others ends in time. minutes: since it was made; 0 for no end."""

    def __init__(self, minutes: float) -> None:
        self._began, self._seconds = time.monotonic(), minutes * 60
        self.rounds = 0

    def has_time(self) -> bool:
        """So it does; the first one, and what is tried again within it, as long as there is any time."""
        spent = time.monotonic() - self._began
        return not self._seconds or spent + spent / max(1, self.rounds) * bool(self.rounds) < self._seconds


class WrongResultError(Exception):
    """What was sent, received and acknowledged does not come out even: the run ends with 1."""


class MissingError(Exception):
    """What a subject needs is not on this machine; the text is the command that installs it."""


@dataclass
class Turn:
    """What one subject's turn gave. checks: named counts; metrics: figures whose names carry their unit."""

    checks: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    def take(self, window: measure.Window, *, saturated: bool = False) -> None:
        """Flag this turn with what a window says of its figures."""
        found = window.flags() + ([record.GENERATOR_BOUND] if saturated and window.generator_bound else [])
        self.flags += [flag for flag in found if flag not in self.flags]

    def expect(self, name: str, found: int, wanted: int) -> None:
        """Keep a count, and raise WrongResultError where it is not what it has to be."""
        self.checks[name] = found
        if found != wanted:
            raise WrongResultError(f"{name}: {found} instead of {wanted}")


@dataclass(frozen=True)
class Entry:
    """A subject as a script names it. open: says version and settings; raises MissingError where it is not here."""

    name: str
    describe: Callable[[], record.Subject]
    turn: Callable[[], Turn]


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Arguments that every benchmark with rounds takes; a script may add its own."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="subjects, divided by commas")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="how often a noisy turn is tried again")
    parser.add_argument("--minutes", type=float, default=0, help="begin no round that would end later; 0: all rounds")
    parser.add_argument("--keep", action="store_true", help="write the result among those of the project")
    return parser


def run(
    bench: str, entries: Sequence[Entry], *, params: Mapping[str, record.Parameter], options: argparse.Namespace
) -> record.Result:
    """All rounds of a benchmark, told as they come. Raises SystemExit 1 where a check fails."""
    measure.raise_files()
    chosen = [entry for entry in entries if not options.only or entry.name in options.only.split(",")]
    subjects, present = [], []
    for entry in chosen:
        try:
            subjects.append(entry.describe())
        except MissingError as missing:
            print(f"{entry.name}: not on this machine; {missing}", flush=True)
        else:
            present.append(entry)
    rounds: list[record.Round] = []
    watch = Watch(options.minutes)
    try:
        for number in range(options.rounds):
            if number and not watch.has_time():
                print(f"{bench}: {number} of {options.rounds} rounds, since {options.minutes:.1f} minutes are over")
                break
            for entry in random.sample(present, len(present)):
                rounds.append(play(entry, number, repeats=options.repeats if watch.has_time() else 0))
                print(_line(rounds[-1]), flush=True)
            watch.rounds += 1
    except WrongResultError as wrong:
        print(f"{bench}: {wrong}", file=sys.stderr)
        raise SystemExit(1) from wrong
    result = record.make_result(bench, params=params, subjects=subjects, rounds=rounds)
    print("\n".join(["", *record.render_figures(result), ""]))
    goals = [goal for goal in record.read_goals() if goal.bench == bench]
    if goals:
        print("\n".join(record.render_goals(goals, {bench: result})))
    if options.keep:
        record.write_result(result)
        record.write_table()
    return result


def play(entry: Entry, number: int, *, repeats: int) -> record.Round:
    """One turn, again while it is noisy and may be tried again."""
    for _ in range(repeats + 1):
        try:
            turn = entry.turn()
        except WrongResultError as wrong:
            raise WrongResultError(f"{entry.name}, round {number}: {wrong}") from wrong
        if record.NOISY not in turn.flags:
            break
    metrics = {name: float(f"{value:.5g}") for name, value in turn.metrics.items()}
    return record.Round(round=number, subject=entry.name, flags=turn.flags, checks=turn.checks, metrics=metrics)


def _line(one: record.Round) -> str:
    figures = " ".join(f"{name}={value:g}" for name, value in one.metrics.items())
    return f"{one.round} {one.subject}: {figures} {' '.join(one.flags)}".rstrip()
