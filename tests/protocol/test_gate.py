"""Proof of work: what is solved, what no client works on, and what the server's check lets through."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.protocol.gate_vectors import EXPIRES, make
from tests.protocol.service_vectors import FOLDER, seeded

from zajil.protocol.errors import ZajilError
from zajil.protocol.gate import work
from zajil.protocol.gate.wire import WorkChallenge, WorkProof

VECTORS = json.loads((FOLDER / "gate.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", VECTORS["solved"], ids=lambda case: f"{case['by']} {case['solution']['counter']}")
def test_challenges_of_ours_and_of_the_libraries_are_solved(case: dict[str, Any]) -> None:
    proof = work.solve(msgspec.convert(case["challenge"], WorkChallenge), stopped=lambda: False)
    assert msgspec.to_builtins(proof.solution) == case["solution"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["name"])
def test_nobody_works_on_others(case: dict[str, Any]) -> None:
    with pytest.raises(ZajilError, match="work-unfinished"):
        work.solve(msgspec.convert(case["challenge"], WorkChallenge), stopped=lambda: False)


def test_a_proof_is_good_for_its_key_and_until_it_ends() -> None:
    proof = work.solve(make(seeded, most=64, counter=5), stopped=lambda: False)
    assert work.check_proof(seeded("gate"), proof, now=EXPIRES - 1) == proof.challenge.parameters
    for key, now in ((seeded("gate"), EXPIRES), (seeded("another gate"), EXPIRES - 1)):
        with pytest.raises(ZajilError, match="work-required"):
            work.check_proof(key, proof, now=now)


@pytest.mark.parametrize("case", VECTORS["solved"][3:], ids=lambda case: case["by"])
def test_a_challenge_that_another_key_signed_is_not_ours(case: dict[str, Any]) -> None:
    proof = msgspec.convert({name: case[name] for name in ("challenge", "solution")}, WorkProof)
    with pytest.raises(ZajilError, match="work-required"):
        work.check_proof(seeded("gate"), proof, now=1)
