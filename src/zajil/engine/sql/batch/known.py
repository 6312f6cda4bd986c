"""What the writer of a file knows without asking again: rows of mailboxes and groups, as its last batches left them.

It holds only as long as nobody else has written; on SQLite `PRAGMA data_version` tells. Where others write at the same
time, as on PostgreSQL, each transaction begins with an empty one. Nothing of it is more than what rests in the tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from zajil.engine.sql.transactions import GroupRow
from zajil.protocol.ids import GroupId

BOXES_MAX: Final = 1 << 16
"""Some 20 MB."""
REFS_MAX: Final = 1 << 17
"""Some 12 MB."""
GROUPS_BYTES: Final = 16 * 1024 * 1024
"""Of rosters; a row without any counts as half a KiB."""
_GROUP_BYTES: Final = 512
SIZES_MAX: Final = 1 << 16
"""Some 8 MB."""


class BoxRow(NamedTuple):
    """What is stored of a mailbox, as `BOX_COLUMNS` lists it."""

    next_seq: int
    acked: int
    entries: int
    size: int
    gap_count: int
    gap_seq: int
    push: int


BOX_COLUMNS: Final = "next_seq, acked, count, bytes, gap_count, gap_seq, push"


class Known:
    """Of one writer. What is not here may be in the tables all the same."""

    def __init__(self) -> None:
        self.version: int | None = None
        """Of the database, at which this holds."""
        self.boxes: dict[bytes, BoxRow] = {}
        self.refs: dict[bytes, bool] = {}
        """By the name under which a reference may be denied, whether it is."""
        self.groups: dict[GroupId, GroupRow] = {}
        self.sizes: dict[GroupId, int] = {}
        """Of rosters as they rest, when they were last seen: a hint, which outlives what is forgotten."""
        self._group_bytes = 0

    def forget(self) -> None:
        """Somebody else has written, or nobody knows what was."""
        self.boxes.clear()
        self.refs.clear()
        self.groups.clear()
        self._group_bytes = 0

    def hold_at(self, version: int) -> None:
        """The database has this version now; what was found at another one is forgotten."""
        if version != self.version:
            self.version = version
            self.forget()

    def keep_boxes(self, rows: Mapping[bytes, BoxRow]) -> None:
        """They stand like this."""
        if len(self.boxes) + len(rows) > BOXES_MAX:
            self.boxes.clear()
        self.boxes.update(rows)

    def keep_refs(self, names: Collection[bytes], denied: Collection[bytes]) -> None:
        """Of these names, those are denied."""
        if len(self.refs) + len(names) > REFS_MAX:
            self.refs.clear()
        self.refs.update({name: name in denied for name in names})

    def keep_groups(self, rows: Mapping[GroupId, GroupRow]) -> None:
        """They stand like this."""
        if len(self.sizes) + len(rows) > SIZES_MAX:
            self.sizes.clear()
        for gid, row in rows.items():
            self.sizes[gid] = len(row.roster)
            old = self.groups.get(gid)
            self._group_bytes += _weigh(row) - (_weigh(old) if old else 0)
            self.groups[gid] = row
        if self._group_bytes > GROUPS_BYTES:
            self.groups.clear()
            self._group_bytes = 0


def _weigh(row: GroupRow) -> int:
    return _GROUP_BYTES + len(row.roster)
