"""Every parser of network bytes against cut and edited input; `make fuzz` goes on from here for as long as wanted.

It answers with a value or with one of the errors that it may raise, and soon. The same edits in every run; another
EDITS or SEED is for `python -m tests.fuzz`.
"""

from __future__ import annotations

import itertools
import sys
from types import CodeType, FrameType

import pytest
from tests.fuzz.editing import cuts, edits
from tests.fuzz.table import EXEMPT, SOURCE, TARGETS, Reads, find_readers
from tests.fuzz.targets import Target

pytestmark = pytest.mark.fuzz
EDITS = 250
SEED = 1


def accepts(target: Target, data: bytes) -> bool:
    try:
        target.parse(data)
    except target.refused:
        return False
    return True


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_answers_or_refuses(name: str) -> None:
    target = TARGETS[name]
    assert any(accepts(target, seed) for seed in target.seeds), "no seed is taken: its edits would end at the door"
    for data in itertools.chain(cuts(target.seeds[0]), edits(target.seeds, seed=SEED, count=EDITS)):
        accepts(target, data)


def test_every_reader_of_network_bytes_is_in_a_target() -> None:
    called: set[CodeType] = set()

    def see(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    for target in TARGETS.values():
        before = sys.getprofile()
        sys.setprofile(see)
        try:
            for seed in target.seeds:
                accepts(target, seed)
        finally:
            sys.setprofile(before)
    root = str(SOURCE) + "/"
    reached = {Reads(code.co_filename.removeprefix(root), code.co_firstlineno, code.co_name) for code in called}
    missing = [one for one in find_readers() if one not in reached and one.name not in EXEMPT.get(one.file, ())]
    assert not missing, "\n".join(f"{one.file}:{one.line} {one.name}" for one in missing)
