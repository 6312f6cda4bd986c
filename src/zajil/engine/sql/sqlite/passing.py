"""Messages that are not stored, judged by the event loop itself: one look at the file, and no way to a thread and back.

The rules are those of a batch (`batch/batch.py`) for `SendEphemeral`, by the rows as they stand after the message came:
`PRAGMA data_version` tells whether anybody, the writer of this process too, has stored anything since they were read.
So whatever was acknowledged before is seen, a removal above all. All that came in one turn of the loop share that look,
which costs a third of what judging one does. Who asks keeps the order with what waits in the queue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from zajil.engine.sql import interface as op
from zajil.engine.sql.batch.known import Known
from zajil.engine.sql.batch.rosters import Rosters, Targets, lead
from zajil.engine.sql.judging import Passed
from zajil.engine.sql.queues import SqliteSql
from zajil.engine.sql.transactions import GROUP_COLUMNS, GroupRow, Tools, check_token, open_refs
from zajil.engine.sql.writer import BUSY_RETRY_MS
from zajil.protocol.errors import error
from zajil.protocol.frames import Eph
from zajil.protocol.ids import GroupId, MailboxId
from zajil.protocol.roster import open_roster

# Without `Final`: tests give it another, and a module that is compiled would keep its own.
ROSTER_BYTES = 16 * 1024
"""A larger one is opened by the writer: that takes a millisecond, and passing such a message on takes longer anyway."""
_OPEN_MAX: Final = 1 << 14
_GROUP: Final = f"SELECT {GROUP_COLUMNS} FROM grp WHERE gid = ?"  # noqa: S608  # names of columns


class Passing:
    """Of one event loop. connection: its own, which waits for nobody."""

    def __init__(self, connection: sqlite3.Connection, tools: Tools) -> None:
        self._connection = connection
        self._tools = tools
        self._rosters = Rosters()
        self._known = Known()
        self._open: dict[GroupId, Targets] = {}
        """Those of which nothing is denied, as far as `_known` holds, and nothing a stranger's."""

    def look(self, now_ms: int) -> bool:
        """See what is stored now, which `judge` goes by until the next look; False: the writer has to see."""
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError:
            return False  # somebody else repairs the file, say
        if version != self._known.version:
            self._open.clear()
        # Before any row: one that is newer than this is only read again.
        self._known.hold_at(version)
        self._rosters.drop_old(now_ms / 1000)
        return True

    def judge(self, request: op.SendEphemeral, now_ms: int) -> Passed | None:
        """Whom it goes to; None: the writer has to see. Raises as `Send` says, and Unavailable `busy`."""
        now_s, gid = now_ms / 1000, request.gid
        try:
            group = self._known.groups.get(gid) or self._find_group(gid)
        except sqlite3.OperationalError:
            return None
        if group is not None and len(group.roster) > ROSTER_BYTES:
            return None
        group = check_token(group, request.epoch, request.token)
        self._tools.limits.take("ephemeral", gid, now=now_s)

        def open_() -> Mapping[bytes, op.OpenRef]:
            return open_refs(self._tools, open_roster(request.roster_key, gid, group.epoch, group.roster))

        targets = self._rosters.find(gid, group.roster, request.roster_key, now_s=now_s, open_=open_)
        if self._open.get(gid) is targets:
            boxes: Collection[MailboxId] = targets.boxes
        else:
            try:
                boxes = self._admit(gid, targets)
            except sqlite3.OperationalError as fault:
                raise error("busy", retry_ms=BUSY_RETRY_MS) from fault  # it has paid already
        return Passed(op.Accepted(group.epoch, now_ms), boxes, Eph(gid, group.epoch, now_ms, request.body))

    def _find_group(self, gid: GroupId) -> GroupRow | None:
        row = self._connection.execute(_GROUP, (gid,)).fetchone()
        if row is None:
            return None
        group = GroupRow(*row)
        self._known.keep_groups({gid: group})
        return group

    def _admit(self, gid: GroupId, targets: Targets) -> Collection[MailboxId]:
        """Without the references that are denied, and those of strangers, through which nothing of this sort passes."""
        refs, known = targets.refs, self._known
        denied = {name for name in refs if known.refs.get(name)}  # before more of them than are kept drive these out
        if unknown := [name for name in refs if name not in known.refs]:
            denied |= (found := self._find_denied(unknown))
            known.keep_refs(unknown, found)
        if denied or targets.strangers:
            return lead({name: ref for name, ref in refs.items() if name not in denied and not ref.stranger}).boxes
        if len(self._open) >= _OPEN_MAX:
            self._open.clear()
        self._open[gid] = targets
        return targets.boxes

    def _find_denied(self, names: Sequence[bytes]) -> set[bytes]:
        found = SqliteSql(self._connection).run_keys("SELECT hash FROM ref_deny WHERE hash IN {keys}", names)
        return {name for (name,) in found}
