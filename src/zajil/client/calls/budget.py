"""How much one device may say in a call, and how much this one says to it: neither is drained by the other's repeats.

300 signals at once and one a second after that, for each peer on its own; 8 of them `lost`, and one a second; 20
candidates of an attempt; an attempt's answer and four repeats of it. What begins or ends a call, which the server keeps
for a minute, is always let through. All of it is forgotten with the session: who reloads takes as much again, but a
peer cannot make anybody reload.
Source: docs/protocol/calls.md; the numbers are of `zajil.protocol.calls.limits`.
"""

from __future__ import annotations

from typing import Final

from zajil.protocol.calls import limits
from zajil.protocol.calls import signals as sg

_EACH_MS: Final = 1_000
ATTEMPTS_KEPT: Final = 64
"""Attempts of a device whose counts are kept; more than can be open."""


class _Counts:
    """How often each attempt of a device did something, of its latest attempts."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, pc: int, more: int) -> int:
        self._counts[pc] = count = self._counts.pop(pc, 0) + more
        if len(self._counts) > ATTEMPTS_KEPT:
            del self._counts[next(iter(self._counts))]
        return count


class SignalBudget:
    """Of one call. Times are milliseconds that never go back."""

    def __init__(self) -> None:
        self._heard: dict[int | None, int] = {}
        self._lost: dict[int | None, int] = {}
        self._sent: dict[int | None, int] = {}
        self._candidates: dict[int, _Counts] = {}
        self._answers: dict[int, _Counts] = {}

    def admits(self, leaf: int, signal: sg.Signal | sg.Unsupported, now_ms: int) -> bool:
        """Whether this device said no more than it may."""
        if isinstance(signal, sg.DURABLE):
            return True
        if not _spend(self._heard, leaf, now_ms):
            return False
        if isinstance(signal, sg.Lost):
            return _spend(self._lost, leaf, now_ms, most=limits.LOSSES)
        if not isinstance(signal, sg.Cand):
            return True
        return self._candidates.setdefault(leaf, _Counts()).add(signal.pc, len(signal.cands)) <= limits.CANDIDATES

    def may_send(self, signal: sg.Signal, now_ms: int) -> bool:
        """Whether the device, or all, that it is meant for should hear this too."""
        if isinstance(signal, sg.DURABLE):
            return True
        if isinstance(signal, sg.Desc) and signal.role == "answer":
            said = self._answers.setdefault(signal.to, _Counts()).add(signal.pc, 1)
            if said > 1 + limits.ANSWERS_AGAIN:
                return False
        return _spend(self._sent, signal.to, now_ms)


def _spend(spent: dict[int | None, int], key: int | None, now_ms: int, *, most: int = limits.SIGNALS) -> bool:
    """One of what a bucket holds. spent: when a bucket is full again; one that is full is not in it, or is past."""
    full_at = max(spent.get(key, 0), now_ms) + _EACH_MS
    if full_at > now_ms + most * _EACH_MS:
        return False
    spent[key] = full_at
    return True
