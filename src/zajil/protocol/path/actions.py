"""What the dialer asks of its shell, and the route it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from zajil.protocol.path.candidates import Mode


@dataclass(frozen=True, slots=True)
class Start:
    """Dial this candidate."""

    attempt: int
    candidate_id: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Prove:
    """Run the echo."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Carry:
    """The leading session goes on over this attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Close it."""

    attempt: int


Action: TypeAlias = Start | Prove | Carry | Stop


@dataclass(frozen=True, slots=True)
class Route:
    """What carries now. number: another one each time a route was found. proved: control calls may use it."""

    candidate_id: str
    mode: Mode
    number: int
    proved: bool
