"""Each target of the table for half a minute by the clock in `.ci/run`, beside its other tests.

One test, so that no two workers leave their own work to it; it counts with a part that has room. ZAJIL_FUZZ_SECONDS is
what `.ci/run` sets; elsewhere it is a second each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fuzz import beside
from tests.fuzz.table import TARGETS
from tests.fuzz.targets import Target

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.fuzz

# What a parser may not do, each in a way of its own; the last one is as it should be.
BAD = """
import os
from tests.fuzz.beside import explore_all
from tests.fuzz.targets import Target

def breaks(data):
    raise IndexError("too far")

def ends(data):
    os._exit(0)

def quits(data):
    raise SystemExit

def hoards(data):
    bytes(2 << 30)

if __name__ == "__main__":
    for name, one in explore_all({n.__name__: Target(n, [b"x"]) for n in (breaks, ends, quits, hoards, len)}, 0):
        print(name, one.inputs, (one.trouble.splitlines() or ["fine"])[-1])
        print(*[line for line in one.trouble.splitlines() if "Error" in line or "Exit" in line][:1])
"""


@pytest.mark.scale
@pytest.mark.slow
@pytest.mark.beside
@pytest.mark.timeout(1800)
def test_each_parser_holds_for_its_seconds() -> None:
    command = [sys.executable, "-m", "tests.fuzz.beside", "--seconds", os.environ.get("ZAJIL_FUZZ_SECONDS", "1")]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    told = [re.fullmatch(r"(.+): (\d+) inputs, .+", line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert sorted(one[1] for one in told if one) == sorted(TARGETS)
    assert min(int(one[2]) for one in told if one) >= beside.INPUTS_LEAST


def test_an_input_that_breaks_a_parser_is_told() -> None:
    def parse(data: bytes) -> None:
        if len(data) > 3:
            raise IndexError

    with pytest.raises(IndexError) as broken:
        beside.explore(Target(parse, [b"x"]), 0)
    (note,) = broken.value.__notes__
    assert note.startswith("seed 0, input ")
    with pytest.raises(IndexError):
        parse(bytes.fromhex(note.rpartition(" ")[2]))


def test_a_target_has_the_least_of_inputs_whatever_the_clock_says() -> None:
    seen: list[bytes] = []
    assert beside.explore(Target(seen.append, [b"x"]), 0) == beside.INPUTS_LEAST == len(seen)


def test_an_input_that_takes_too_long_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "INPUT_CPU_S", 0.01)

    def parse(data: bytes) -> None:
        while True:
            pass

    with pytest.raises(beside.TooSlow):
        beside.explore(Target(parse, [b"x"], (Exception,)), 0)


@pytest.mark.slow
def test_what_a_parser_does_to_its_process_is_told_and_the_others_go_on() -> None:
    done = subprocess.run([sys.executable, "-c", BAD], cwd=ROOT, capture_output=True, text=True, check=True)
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " 0 " in line or " 2000 " in line)
    assert told.keys() == {"breaks", "ends", "quits", "hoards", "len"}
    assert told.pop("len") == "2000 fine"
    assert told.pop("ends") == "0 its process ended without a word"
    assert all("seed 0, input" in line for line in told.values()), told
    for kind in ("IndexError: too far", "SystemExit", "MemoryError"):
        assert kind in done.stdout
