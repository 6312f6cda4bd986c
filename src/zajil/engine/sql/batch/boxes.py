"""The mailboxes that a batch delivers to or that acknowledge, locked, and what it does to them: written at the end.

Entries are numbered in memory, under the lock of each mailbox's row: whoever holds the first of the mailboxes that two
messages share is first in all of them. Bodies, entries and counters then go to the server as arrays, so a batch takes
the same few statements however many messages and receivers it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from zajil.engine.sql import interface as op
from zajil.engine.sql import queues, strangers
from zajil.engine.sql.batch.known import BOX_COLUMNS, BoxRow, Known
from zajil.engine.sql.batch.rosters import Targets, lead
from zajil.engine.sql.queues import Entry, Outgoing, Sql
from zajil.engine.sql.strangers import Counts
from zajil.engine.sql.transactions import Tools
from zajil.protocol.errors import error
from zajil.protocol.ids import MailboxId

_COUNTS: Final = {"hash": "bytea", "day": "bigint", "handshakes": "bigint", "bytes": "bigint", "messages": "bigint"}
_MESSAGES: Final = {
    "id": "bytea",
    "kind": "bigint",
    "epoch": "bigint",
    "ts": "bigint",
    "body": "bytea",
    "frank": "bytea",
    "refs": "bigint",
    "expires": "bigint",
}
_ENTRIES: Final = {"mailbox_id": "bytea", "seq": "bigint", "message_id": "bytea", "size": "bigint", "via": "bytea"}
_DUE: Final = {"mailbox_id": "bytea", "wake": "bigint", "seq": "bigint", "due": "bigint", "until": "bigint"}
_ACKS: Final = {"mailbox_id": "bytea", "upto": "bigint"}
_ROWS: Final = {
    "mailbox_id": "bytea",
    "next_seq": "bigint",
    "acked": "bigint",
    "count": "bigint",
    "bytes": "bigint",
    "gap_count": "bigint",
    "gap_seq": "bigint",
}
_UPDATE: Final = (
    "UPDATE mailbox SET next_seq = given.next_seq, acked = given.acked, count = given.count, bytes = given.bytes,"
    " gap_count = given.gap_count, gap_seq = given.gap_seq FROM given WHERE mailbox.mailbox_id = given.mailbox_id"
)
_UPSERT: Final = (
    "INSERT INTO mailbox (mailbox_id, next_seq, acked, count, bytes, gap_count, gap_seq)"
    " SELECT mailbox_id, next_seq, acked, count, bytes, gap_count, gap_seq FROM given WHERE TRUE"
    " ON CONFLICT (mailbox_id) DO UPDATE SET next_seq = excluded.next_seq, acked = excluded.acked,"
    " count = excluded.count, bytes = excluded.bytes, gap_count = excluded.gap_count, gap_seq = excluded.gap_seq"
)
"""The same for rows that are there, which is certain under the lock of the whole file; it costs SQLite a fifth less."""


class _Row:
    """A row of `mailbox`, as it will be written."""

    __slots__ = ("acked", "count", "gap_count", "gap_seq", "is_changed", "next_seq", "push", "size")

    def __init__(self, row: BoxRow) -> None:
        self.next_seq, self.acked, self.count, self.size, self.gap_count, self.gap_seq, self.push = row
        self.is_changed = False


class _Ack(NamedTuple):
    """An acknowledgement of the numbers after `after`. place: of the operation in its batch."""

    place: int
    after: int
    upto: int


class Boxes:
    """See the module. One statement to lock the rows, 2 for references, where they are not known; and `settle`'s."""

    def __init__(
        self,
        sql: Sql,
        tools: Tools,
        mailbox_ids: Collection[MailboxId],
        refs: Mapping[bytes, op.OpenRef],
        now_ms: int,
        known: Known,
    ) -> None:
        """refs: all that is delivered through, by the name under which each may be denied."""
        self._sql, self._tools, self._now_ms, self._known = sql, tools, now_ms, known
        rows = {each: known.boxes[each] for each in mailbox_ids if each in known.boxes}
        if unseen := sorted(each for each in mailbox_ids if each not in rows):
            found = sql.run_keys(
                f"SELECT mailbox_id, {BOX_COLUMNS} FROM mailbox"  # noqa: S608
                f" WHERE mailbox_id IN {{keys}} ORDER BY mailbox_id{sql.alone}",
                unseen,
            )
            new = {mailbox_id: BoxRow(*row) for mailbox_id, *row in found}
            known.keep_boxes(new)
            rows |= new
        self._rows = {mailbox_id: _Row(row) for mailbox_id, row in rows.items()}
        # After the lock, which `DenyRef` takes too: nothing comes through a reference once it is denied.
        self._denied = {name for name in refs if known.refs.get(name)}
        if unknown := sorted(name for name in refs if name not in known.refs):
            denied = {name for (name,) in sql.run_keys("SELECT hash FROM ref_deny WHERE hash IN {keys}", unknown)}
            known.keep_refs(unknown, denied)
            self._denied |= denied
        self._used: dict[bytes, Counts] = {}
        self._counted: set[bytes] = set()
        if strange := sorted(name for name, ref in refs.items() if ref.stranger):
            used = sql.run_keys("SELECT hash, handshakes, bytes, messages FROM ref_use WHERE hash IN {keys}", strange)
            self._used = {name: tuple(counts) for name, *counts in used}
        self._messages: list[tuple[Outgoing, int]] = []
        self._entries: list[tuple[bytes, int, bytes, int, bytes | None]] = []
        self._due: dict[tuple[bytes, int], tuple[int, int]] = {}
        self._acks: defaultdict[bytes, list[_Ack]] = defaultdict(list)

    def admit(self, targets: Targets, kind: int | None, size: int) -> Mapping[MailboxId, bytes | None]:
        """The boxes of those references that are neither denied nor used up by a stranger; it is counted for them."""
        if not targets.strangers and self._denied.isdisjoint(targets.refs):
            return targets.boxes
        open_ = {name: ref for name, ref in targets.refs.items() if name not in self._denied}
        unknown = [name for name in targets.strangers if name in open_]
        if unknown:
            if strangers.may_pass(kind, size):
                refused, counted = strangers.weigh(self._used, unknown, kind=kind, size=size)
                self._used |= counted
                self._counted |= counted.keys()
            else:
                refused = unknown
            for name in refused:
                del open_[name]
        return lead(open_).boxes

    def deliver(self, message: Outgoing, targets: Mapping[MailboxId, bytes | None]) -> list[Entry]:
        """Put one entry into each of these mailboxes, target -> serial; those that are gone are skipped."""
        reached: list[Entry] = []
        size, now_ms = len(message.body), self._now_ms
        for mailbox_id, via in targets.items():
            row = self._rows.get(mailbox_id)
            if row is None:
                continue
            seq = row.next_seq
            self._entries.append((mailbox_id, seq, message.id, size, via))
            if message.wake and row.push:
                wake, until = queues.plan_wake(message.ttl_s, now_ms)
                self._due[mailbox_id, wake] = seq, until
            reached.append(Entry(mailbox_id, seq, via, message, now_ms))
            row.next_seq = seq + 1
            row.count += 1
            row.size += size
            row.is_changed = True
        if reached:
            self._messages.append((message, len(reached)))
        return reached

    def acknowledge(self, place: int, mailbox_id: MailboxId, upto: int) -> None:
        """Entries up to `upto` are to go. Raises malformed (future), gone."""
        row = self._rows.get(mailbox_id)
        if row is None:
            raise error("gone", "mailbox")
        if upto >= row.next_seq:
            raise error("malformed", "acknowledges what was never sent")
        if upto <= row.acked:
            return
        self._acks[mailbox_id].append(_Ack(place, row.acked, upto))
        row.acked, row.is_changed = upto, True
        if upto >= row.gap_seq:
            row.gap_count = row.gap_seq = 0

    def settle(self) -> Mapping[int, int]:
        """Write it all; by place of an acknowledgement, how many entries went with it.

        4 statements for messages, 5 for acknowledgements, 1 more for pushes, strangers each; several for each mailbox
        that is over its cap.
        """
        self._write_messages()
        gone = self._delete_acknowledged()
        self._write_rows()
        self._evict()
        self._sql.settle()
        if self._counted:
            day = self._now_ms // 86_400_000
            self._sql.run_rows(
                "INSERT INTO ref_use (hash, day, handshakes, bytes, messages)"
                " SELECT hash, day, handshakes, bytes, messages FROM given WHERE TRUE"
                " ON CONFLICT (hash) DO UPDATE SET day = excluded.day, handshakes = excluded.handshakes,"
                " bytes = excluded.bytes, messages = excluded.messages",
                _COUNTS,
                [(name, day, *self._used[name]) for name in sorted(self._counted)],
            )
        return gone

    def _write_messages(self) -> None:
        if not self._messages:
            return
        now_ms = self._now_ms
        sealed = queues.seal_bodies(self._tools.keys, [each for each, _ in self._messages], now_ms)
        self._sql.run_rows(
            "INSERT INTO message (id, kind, epoch, ts, body, frank, refs, expires)"
            " SELECT id, kind, epoch, ts, body, frank, refs, expires FROM given",
            _MESSAGES,
            [
                (each.id, each.kind, each.epoch, now_ms, body, each.frank, refs, each.ttl_s + now_ms // 1000)
                for body, (each, refs) in zip(sealed, self._messages, strict=True)
            ],
        )
        self._sql.run_rows(
            "INSERT INTO mailbox_item (mailbox_id, seq, message_id, size, via)"
            " SELECT mailbox_id, seq, message_id, size, via FROM given",
            _ENTRIES,
            self._entries,
        )
        if self._due:
            self._sql.run_rows(
                "INSERT INTO push_due (mailbox_id, wake, seq, due, until, tries)"
                " SELECT mailbox_id, wake, seq, due, until, 0 FROM given WHERE TRUE"
                " ON CONFLICT (mailbox_id, wake) DO UPDATE SET seq = excluded.seq, until = excluded.until",
                _DUE,
                [(box, wake, seq, now_ms, until) for (box, wake), (seq, until) in sorted(self._due.items())],
            )

    def _delete_acknowledged(self) -> Mapping[int, int]:
        gone: defaultdict[int, int] = defaultdict(int)
        if not self._acks:
            return gone
        boxes = sorted(self._acks)
        deleted = self._sql.run_rows(
            "DELETE FROM mailbox_item WHERE (mailbox_id, seq) IN (SELECT i.mailbox_id, i.seq FROM given"
            " JOIN mailbox_item i ON i.mailbox_id = given.mailbox_id AND i.seq <= given.upto)"
            " RETURNING mailbox_id, seq, message_id, size",
            _ACKS,
            [(box, self._acks[box][-1].upto) for box in boxes],
        )
        for mailbox_id, seq, _, size in deleted:
            row = self._rows[mailbox_id]
            row.count -= 1
            row.size -= size
            for each in self._acks[mailbox_id]:
                if seq <= each.upto:
                    gone[each.place] += 1
                    break
        self._sql.release([message_id for _, _, message_id, _ in deleted])
        return gone

    def _write_rows(self) -> None:
        rows: dict[bytes, BoxRow] = {
            mailbox_id: BoxRow(row.next_seq, row.acked, row.count, row.size, row.gap_count, row.gap_seq, row.push)
            for mailbox_id, row in self._rows.items()
            if row.is_changed
        }
        self._known.keep_boxes(rows)
        changed = [(mailbox_id, *row[:-1]) for mailbox_id, row in rows.items()]
        if changed:
            self._sql.run_rows(_UPSERT if self._sql.is_alone else _UPDATE, _ROWS, changed)

    def _evict(self) -> None:
        """Once for the whole batch: nobody sees a mailbox between two of its operations."""
        cap, now_s = self._tools.cap, self._now_ms // 1000
        for mailbox_id, row in self._rows.items():
            if row.is_changed and (row.count > cap.entries or row.size > cap.size_bytes):
                self._known.boxes.pop(mailbox_id, None)  # what is left of it is found out by SQL
                queues.evict(self._sql, mailbox_id, count=row.count, size_bytes=row.size, cap=cap, now_s=now_s)
