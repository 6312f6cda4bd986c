"""Lengths of time as people type them."""

from __future__ import annotations

import re
from typing import Final

_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,7})([smhdw])", re.ASCII)
_DAY_S: Final = 86_400


def find_span(text: str) -> int | None:
    """Seconds of `45s`, `30m`, `12h`, `7d`, `2w`; None for another text."""
    found = _SPAN.fullmatch(text.strip().lower())
    return None if found is None else int(found[1]) * _UNIT_S[found[2]]


def parse_span(text: str, *, most_s: int) -> int:
    """Seconds of `30m`, `12h`, `7d`. Raises Failed `bad-span` (wrong usage), which shows the forms and the limit.

    most_s: whole days.
    """
    from zajil.cli.failures import USAGE, Failed

    seconds = find_span(text)
    if seconds is None or seconds > most_s:
        raise Failed("bad-span", exit_code=USAGE, most=f"{most_s // _DAY_S}d")
    return seconds
