"""The scenarios: what a censor does and what the product owes people then. Data, in `scenarios/*.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
Expect = Literal["reachable", "files-only"]


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One blocked network."""

    number: int
    name: str = ""
    about: Annotated[str, Meta(min_length=10, description="One sentence for the docs.")]
    setup: tuple[tuple[str, ...], ...] = ()
    """What the censor prepares while the line is still open: steps of `censors.STEPS` with their arguments."""
    switch_on: tuple[tuple[str, ...], ...] = ()
    """What begins the block."""
    cut_established: Literal["no", "drop", "reset"] = "no"
    """What the censor does to connections that live when the block begins, for blocks that only judge new ones."""
    needs: tuple[str, ...] = ()
    expect: Expect = "reachable"
    t_first_max: float
    handover_max: float
    smoke: bool = False


def load_scenarios() -> tuple[Scenario, ...]:
    """All scenarios, by number."""
    found = []
    for path in FOLDER.glob("*.toml"):
        scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
        found.append(msgspec.structs.replace(scenario, name=path.stem.partition("-")[2]))
    return tuple(sorted(found, key=lambda scenario: (scenario.number, scenario.name)))
