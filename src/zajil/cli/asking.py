"""Asking the person at the terminal before something is done that cannot be taken back."""

from __future__ import annotations

import sys

from zajil.cli.texts import general

_YES = frozenset({"y", "yes", "д", "да", "نعم", "ن"})


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def agrees(question: str) -> bool:
    """Whether the person says yes; anything else, an end of input too, is a no."""
    try:
        answer = input(f"{question} {general.QUESTION_KEYS()} ")
    except EOFError:
        return False
    return answer.strip().casefold() in _YES
