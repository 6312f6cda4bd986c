"""A month of the calendar, UTC, as reports are named by."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from zajil.protocol.errors import error

_NAME: Final = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])", re.ASCII)
DAY_S: Final = 86_400


class Month(NamedTuple):
    """year 2000 to 2999, number 1 to 12."""

    year: int
    number: int

    @property
    def name(self) -> str:
        """`2026-11`."""
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def start(self) -> int:
        """Its first second, Unix."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp())

    @property
    def end(self) -> int:
        """The first second after it, Unix."""
        return self.next().start

    def next(self) -> Month:
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def before(self) -> Month:
        """The month before it."""
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)


def parse_month(name: str) -> Month:
    """The month of its name, `YYYY-MM`. Raises Malformed."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise error("malformed", "month as YYYY-MM")
    return Month(int(found[1]), int(found[2]))


def month_of(at: float) -> Month:
    """The month of this Unix second."""
    day = datetime.fromtimestamp(at, tz=UTC)
    return Month(day.year, day.month)
