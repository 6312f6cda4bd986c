"""The only thing a bridge writes down: how much it carried, by the hour, and how often each token came, by the day.

Numbers of carriers are rounded up to tens and bytes to MiB, so that one person's coming shows nowhere. There are no
addresses, paths or tokens; a token is named by the id that its home server gave.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from zajil.bridges.edge.caps import DAY_S, MONTH_DAYS, Month
from zajil.protocol.limits import MIB

COUNTERS_FILE: Final = "counters.json"
EVERY_S: Final = 600.0
"""How often they are written."""
_HOUR_S: Final = 3600
_TENS: Final = 10
CARRIERS, BYTES, FAILURES = "carriers", "bytes", "failures"
Hours = dict[int, dict[str, int]]


class Counters:
    """Counts in memory, rounded counts in a file. month: what the bytes count against."""

    def __init__(self, folder: Path, month: Month) -> None:
        self._path = folder / COUNTERS_FILE
        self._month = month
        self._hours: Hours = defaultdict(lambda: defaultdict(int))
        self._tokens: dict[tuple[int, str], int] = defaultdict(int)
        self._restore()

    def carrier(self, token_id: bytes, now_s: float) -> None:
        """A carrier began."""
        self._hours[int(now_s // _HOUR_S)][CARRIERS] += 1
        self._tokens[int(now_s // DAY_S), token_id.hex()] += 1

    def forwarded(self, size: int, now_s: float) -> None:
        """Bytes of records went either way."""
        self._hours[int(now_s // _HOUR_S)][BYTES] += size
        self._month.spend(size, now_s)

    def failure(self, now_s: float) -> None:
        """The home server could not be reached, or something broke here."""
        self._hours[int(now_s // _HOUR_S)][FAILURES] += 1

    def write(self, now_s: float) -> None:
        """Replace the file by what the last 30 days came to. Raises OSError."""
        first = int(now_s // DAY_S) - MONTH_DAYS + 1
        self._hours = defaultdict(
            lambda: defaultdict(int), {at: each for at, each in self._hours.items() if at * _HOUR_S >= first * DAY_S}
        )
        self._tokens = defaultdict(int, {key: count for key, count in self._tokens.items() if key[0] >= first})
        units = {CARRIERS: _TENS, BYTES: MIB, FAILURES: _TENS}
        hours = {
            at: {name: _up(count, units[name]) for name, count in each.items()} for at, each in self._hours.items()
        }
        tokens = {f"{day} {name}": _up(count, _TENS) for (day, name), count in self._tokens.items()}
        draft = self._path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"hours": hours, "tokens": tokens}, file, indent=1, sort_keys=True)
        draft.replace(self._path)

    def _restore(self) -> None:
        """Rounded counts go on as they are. A file that is damaged is as good as none."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            hours = {int(at): {str(name): int(n) for name, n in each.items()} for at, each in found["hours"].items()}
            tokens = {(int(day), name): int(n) for (day, name), n in _split(found["tokens"])}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        for at in sorted(hours):
            known = {name: n for name, n in hours[at].items() if name in (CARRIERS, BYTES, FAILURES)}
            self._hours[at] = defaultdict(int, known)
            self._month.restore(at * _HOUR_S // DAY_S, known.get(BYTES, 0))
        self._tokens.update(tokens)


def _split(tokens: dict[str, int]) -> Iterator[tuple[tuple[str, str], int]]:
    for key, count in tokens.items():
        day, _, name = key.partition(" ")
        yield (day, name), count


def _up(count: int, unit: int) -> int:
    return -(-count // unit) * unit
