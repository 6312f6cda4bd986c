"""Asking the person at the terminal: before something that cannot be taken back, and for what nobody else may read."""

from __future__ import annotations

import sys

from zajil.cli.texts import general

LINE_MAX = 1024
"""Characters of a line that may hold a key or a code, however it is spaced."""
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


def read_unseen(question: str) -> str:
    """What the person types, unseen, or the first line of stdin: arguments stand in lists and histories.

    Raises UnicodeDecodeError for what is no text.
    """
    import getpass

    from zajil.cli.output import error_console

    if can_ask():
        error_console().print(question, end=" ")
        return getpass.getpass("")
    return sys.stdin.readline(LINE_MAX)
