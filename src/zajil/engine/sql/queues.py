"""Mailboxes inside a transaction: fan-out, acknowledgement, eviction, expiry. Hand-written SQL, the hot path.

Each function runs in the transaction its caller has begun. Values are always bound; only the number of placeholders is
formatted in. A message body is stored once and counted by `refs`; the last pointer takes it away.
"""

from __future__ import annotations

import heapq
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from zajil.engine.keys import Keys
from zajil.engine.sql.interface import (
    KIND_APPLICATION,
    KIND_COMMIT,
    KIND_NOTICE,
    KIND_WELCOME,
    MESSAGE_TTL_S,
    MailboxState,
    StoredRow,
)
from zajil.protocol.errors import error
from zajil.protocol.frames import Kind, Msg
from zajil.protocol.ids import GroupId, MailboxId
from zajil.protocol.limits import SIGNAL_TTL_S
from zajil.protocol.push.plan import MANNERS, Wake

BODY_TABLE = "message"
_CHUNK = 500
_RECENT = 256
"""Among so many of a mailbox's newest entries signals are looked for: they are young, and the hot path is short."""


class Cap(NamedTuple):
    """What one mailbox may hold."""

    entries: int
    size_bytes: int


class Outgoing(NamedTuple):
    """One body on its way. gid: None for notices. frank: of application messages. ttl_s: how long it may wait.

    wake: by push, whoever asked for it.
    """

    id: bytes
    kind: int
    gid: GroupId | None
    epoch: int
    body: bytes
    frank: bytes | None = None
    ttl_s: int = MESSAGE_TTL_S
    wake: bool = False


class Entry(NamedTuple):
    """What was put into a mailbox. ts: Unix ms of acceptance."""

    mailbox_id: MailboxId
    seq: int
    via: bytes | None
    message: Outgoing
    ts: int

    def as_frame(self) -> Msg:
        """As a reader would make it of the stored row."""
        each = self.message
        return Msg(self.seq, each.id, Kind(each.kind), each.gid, each.epoch, self.ts, each.body, each.frank, self.via)


class Answer(Protocol):
    """What a driver gives for a statement: rows as they rest, once each."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""

    def fetchone(self) -> Any:  # Any: columns of whatever types, or None
        """The next row."""

    def fetchall(self) -> list[Any]:  # Any: as above
        """All rows left."""

    def __iter__(self) -> Iterator[Any]:  # Any: as above
        """The rows left."""


class Sql(ABC):
    """Statements of one transaction, with `?` for each bound value, counted: tests assert how many a batch takes.

    larger, same: this database's words for the larger of two values, and for an equality that also joins NULLs. alone,
    shared, unlocked: behind a SELECT, to lock the rows that it finds for this transaction or together with others that
    only read them, or to leave out those that others have locked. SQLite locks the file, so its transactions are
    `is_alone`: nobody else has the same request in hand.

    Message bodies lose their pointers all at once, by `settle`, in the order of ids.
    """

    larger: ClassVar[str]
    same: ClassVar[str]
    alone: ClassVar[str]
    shared: ClassVar[str]
    unlocked: ClassVar[str]
    is_alone: ClassVar[bool] = False

    def __init__(self) -> None:
        self.statements = 0
        self._released: Counter[bytes] = Counter()

    @abstractmethod
    def run(self, statement: str, values: Sequence[object] = ()) -> Answer:
        """One statement with bound values."""

    @abstractmethod
    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """One prepared statement for many rows."""

    @abstractmethod
    def run_keys(self, statement: str, keys: Sequence[bytes], values: Sequence[object] = ()) -> list[Any]:
        """One statement for all keys, which are what it has `IN {keys}` for, behind its values; the rows it gives."""

    @abstractmethod
    def run_rows(self, statement: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> list[Any]:
        """One statement for all rows, which are the table `given` to it; what it gives. columns: types by name."""

    def release(self, message_ids: Sequence[bytes]) -> None:
        """One pointer less to each of these messages; without any left, a message is deleted by `settle`."""
        self._released.update(message_ids)

    def settle(self) -> None:
        """Take the released pointers away. At most 3 statements; the last of a transaction, whatever else it locks."""
        if not self._released:
            return
        find = f"SELECT id, refs FROM message WHERE id IN {{keys}} ORDER BY id{self.alone}"  # noqa: S608
        locked = self.run_keys(find, sorted(self._released))
        left = {message_id: refs - self._released[message_id] for message_id, refs in locked}
        self._released.clear()
        if over := [message_id for message_id, refs in left.items() if refs <= 0]:
            self.run_keys("DELETE FROM message WHERE id IN {keys}", over)
        if kept := [(message_id, refs) for message_id, refs in left.items() if refs > 0]:
            self.run_rows("UPDATE message SET refs = given.refs FROM given WHERE message.id = given.id", _REFS, kept)


_REFS: Final = {"id": "bytea", "refs": "bigint"}
_KEYS_MAX: Final = 4096
_ROWS_MAX: Final = 2048
"""Of 8 columns: SQLite binds 32,766 values."""


class SqliteSql(Sql):
    """On a connection of SQLite's driver.

    Keys and rows are bound in sizes of powers of two, so that the same statements come again and stay compiled: by keys
    that are named again and rows of nothing. Each statement is one step of SQLite, after which the thread asks for the
    interpreter once, however many rows it was.
    """

    larger = "MAX"
    same = "IS"
    alone = ""
    shared = ""
    unlocked = ""
    is_alone = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        self.statements += 1
        return self._connection.execute(statement, values)

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self.statements += 1
        self._connection.executemany(statement, rows)

    def run_keys(self, statement: str, keys: Sequence[bytes], values: Sequence[object] = ()) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(keys), _KEYS_MAX):
            part = list(keys[start : start + _KEYS_MAX])
            size = 1 << (len(part) - 1).bit_length()
            part += [part[-1]] * (size - len(part))  # a key that is named twice is found once
            found += self.run(statement.replace("{keys}", f"({_marks(size)})"), (*values, *part)).fetchall()
        return found

    def run_rows(self, statement: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> list[Any]:
        found: list[Any] = []
        none = (None,) * len(columns)
        for start in range(0, len(rows), _ROWS_MAX):
            part = rows[start : start + _ROWS_MAX]
            size = 1 << (len(part) - 1).bit_length()
            values = [value for each in part for value in each]
            values += none * (size - len(part))
            found += self.run(f"{_given(tuple(columns), size)} {statement}", values).fetchall()
        return found


@lru_cache(maxsize=128)
def _given(columns: tuple[str, ...], size: int) -> str:
    """The table of so many rows. The first column of a real one is never NULL."""
    names = ", ".join(f'"{each}"' for each in columns)
    rows = ", ".join([f"({_marks(len(columns))})"] * size)
    return f'WITH bound ({names}) AS (VALUES {rows}), given AS (SELECT * FROM bound WHERE "{columns[0]}" IS NOT NULL)'  # noqa: S608


def _marks(count: int) -> str:
    """Placeholders for the values of an IN; PostgreSQL knows no empty list."""
    return ",".join("?" * count) or "NULL"


def seal_bodies(keys: Keys, messages: Iterable[Outgoing], now_ms: int) -> list[bytes]:
    """The bodies as they rest, with their group inside: no row outside names the group."""
    return keys.seal_all(
        BODY_TABLE, [((each.gid or b"") + each.body, each.id) for each in messages], now_s=now_ms / 1000
    )


def parse_entry(keys: Keys, row: tuple[int, bytes, int, int, int, bytes, bytes | None, bytes | None]) -> Msg:
    """The frame of one stored entry. Raises SealBroken when the stored bytes are damaged."""
    seq, message_id, kind, epoch, ts, sealed, frank, via = row
    plain = keys.unseal(BODY_TABLE, sealed, aad=message_id)
    cut = 0 if kind == KIND_NOTICE else 16
    gid = GroupId(plain[:cut]) if cut else None
    return Msg(seq, message_id, Kind(kind), gid, epoch, ts, plain[cut:], frank, via)


def plan_wake(ttl_s: int, now_ms: int) -> tuple[Wake, int]:
    """How a device is woken for a message that waits so long, and the Unix second at which that is given up."""
    wake = Wake.RING if ttl_s <= SIGNAL_TTL_S else Wake.MESSAGE
    return wake, now_ms // 1000 + min(ttl_s, MANNERS[wake].ttl_s)


def evict(sql: Sql, mailbox_id: bytes, *, count: int, size_bytes: int, cap: Cap, now_s: int) -> None:
    """Make a mailbox fit again: signals go that are over; then the reference that holds most loses its oldest signals,
    then messages, then commits and Welcomes.

    Whoever floods through a reference thus evicts himself. "Most" is entries or bytes, whichever is over the cap.
    Signals of calls are lost without a word: they would have been over in a minute, and no line of a chat is missing.
    One entry, the usual case, is found by SQL; for more, the entries are read once, so that one large body that takes
    the place of thousands of small ones does not hold the writer up for seconds.
    """
    signals = _recent_signals(sql, mailbox_id)
    over = [signal.entry for signal in signals if signal.expires <= now_s]
    if over:
        count, size_bytes = _drop(sql, mailbox_id, over, count=count, size_bytes=size_bytes)
        if count <= cap.entries and size_bytes <= cap.size_bytes:
            return
    measure = "COUNT(*)" if count > cap.entries else "SUM(size)"
    (via,) = sql.run(
        "SELECT via FROM mailbox_item WHERE mailbox_id = ?"  # noqa: S608
        f" GROUP BY via ORDER BY {measure} DESC, via NULLS FIRST LIMIT 1",
        (mailbox_id,),
    ).fetchone()
    ringing = [signal.entry for signal in signals if signal.expires > now_s and signal.via == via]
    dropped = ringing[:1] or [_oldest(sql, mailbox_id, via)]
    left, left_bytes = count - 1, size_bytes - dropped[0].size
    if left > cap.entries or left_bytes > cap.size_bytes:
        held = _entries_by_via(sql, mailbox_id, dropped[0].seq)
        dropped += _choose(held, count=left, size_bytes=left_bytes, cap=cap)
    _drop(sql, mailbox_id, dropped, count=count, size_bytes=size_bytes)


def _drop(sql: Sql, mailbox_id: bytes, entries: Sequence[_Entry], *, count: int, size_bytes: int) -> tuple[int, int]:
    """These entries are gone from a mailbox that holds so much; what it holds then."""
    sql.run_many(
        "DELETE FROM mailbox_item WHERE mailbox_id = ? AND seq = ?", [(mailbox_id, entry.seq) for entry in entries]
    )
    sql.release([entry.message_id for entry in entries])
    lost = [entry.seq for entry in entries if entry.is_lasting]
    count, size_bytes = count - len(entries), size_bytes - sum(entry.size for entry in entries)
    sql.run(
        f"UPDATE mailbox SET count = ?, bytes = ?, gap_count = gap_count + ?, gap_seq = {sql.larger}(gap_seq, ?)"  # noqa: S608
        " WHERE mailbox_id = ?",
        (count, size_bytes, len(lost), max(lost, default=-1) + 1, mailbox_id),
    )
    return count, size_bytes


class _Entry(NamedTuple):
    """is_lasting: it waits for a device longer than a signal may."""

    seq: int
    message_id: bytes
    size: int
    is_lasting: bool


class _Signal(NamedTuple):
    """expires: Unix seconds."""

    via: bytes | None
    expires: int
    entry: _Entry


def _recent_signals(sql: Sql, mailbox_id: bytes) -> list[_Signal]:
    """Those among the newest entries, the oldest first."""
    rows = sql.run(
        "SELECT i.via, m.expires, i.seq, i.message_id, i.size FROM"
        " (SELECT * FROM mailbox_item WHERE mailbox_id = ? ORDER BY seq DESC LIMIT ?) i"
        " JOIN message m ON m.id = i.message_id WHERE m.expires <= m.ts / 1000 + ? ORDER BY i.seq",
        (mailbox_id, _RECENT, SIGNAL_TTL_S),
    )
    return [
        _Signal(via, expires, _Entry(seq, message_id, size, is_lasting=False))
        for via, expires, seq, message_id, size in rows
    ]


def _entries_by_via(sql: Sql, mailbox_id: bytes, but: int) -> dict[bytes | None, deque[_Entry]]:
    """What each reference holds, without the entry `but`, in the order in which it would lose it."""
    rows = sql.run(
        "SELECT i.via, i.seq, i.message_id, i.size, m.expires > m.ts / 1000 + ?"
        " FROM mailbox_item i JOIN message m ON m.id = i.message_id"
        " WHERE i.mailbox_id = ? AND i.seq != ? ORDER BY 5, m.kind IN (?, ?), i.seq",
        (SIGNAL_TTL_S, mailbox_id, but, KIND_COMMIT, KIND_WELCOME),
    )
    held: dict[bytes | None, deque[_Entry]] = {}
    for via, seq, message_id, size, is_lasting in rows:
        held.setdefault(via, deque()).append(_Entry(seq, message_id, size, bool(is_lasting)))
    return held


def _choose(held: dict[bytes | None, deque[_Entry]], *, count: int, size_bytes: int, cap: Cap) -> list[_Entry]:
    """The entries to drop until the mailbox fits; takes them out of `held`."""
    chosen: list[_Entry] = []
    for by_size in (False, True):
        totals = {via: sum(entry.size for entry in own) if by_size else len(own) for via, own in held.items() if own}
        largest = [(-total, via is not None, via or b"") for via, total in totals.items()]
        heapq.heapify(largest)
        while (size_bytes > cap.size_bytes if by_size else count > cap.entries) and largest:
            total, named, name = heapq.heappop(largest)
            own = held[name if named else None]
            entry = own.popleft()
            chosen.append(entry)
            count, size_bytes = count - 1, size_bytes - entry.size
            if own:
                heapq.heappush(largest, (total + (entry.size if by_size else 1), named, name))
    return chosen


def _oldest(sql: Sql, mailbox_id: bytes, via: bytes | None) -> _Entry:
    """What a reference loses first: its oldest message, and without any, its oldest commit or Welcome."""
    select = (
        "SELECT i.seq, i.message_id, i.size, m.expires > m.ts / 1000 + ?"  # noqa: S608
        " FROM mailbox_item i JOIN message m ON m.id = i.message_id"
        f" WHERE i.mailbox_id = ? AND i.via {sql.same} ? AND m.kind IN (?, ?) ORDER BY i.seq LIMIT 1"
    )
    row = sql.run(select, (SIGNAL_TTL_S, mailbox_id, via, KIND_APPLICATION, KIND_NOTICE)).fetchone()
    row = row or sql.run(select, (SIGNAL_TTL_S, mailbox_id, via, KIND_COMMIT, KIND_WELCOME)).fetchone()
    return _Entry(int(row[0]), bytes(row[1]), int(row[2]), bool(row[3]))


def drop_entries(sql: Sql, mailbox_id: MailboxId) -> int:
    """Delete a mailbox with all it holds; returns how many entries."""
    gone = sql.run("DELETE FROM mailbox_item WHERE mailbox_id = ? RETURNING message_id", (mailbox_id,)).fetchall()
    sql.release([message_id for (message_id,) in gone])
    sql.run("DELETE FROM push_due WHERE mailbox_id = ?", (mailbox_id,))
    sql.run("DELETE FROM mailbox WHERE mailbox_id = ?", (mailbox_id,))
    return len(gone)


def expire_messages(sql: Sql, now_s: int, rows: int) -> int:
    """Delete expired messages and the entries that point to them, at most `rows` messages; returns how many."""
    old = sql.run("SELECT id FROM message WHERE expires <= ? ORDER BY expires LIMIT ?", (now_s, rows)).fetchall()
    for (message_id,) in old:
        entries = sql.run(
            "DELETE FROM mailbox_item WHERE message_id = ? RETURNING mailbox_id, size", (message_id,)
        ).fetchall()
        sql.run_many(
            "UPDATE mailbox SET count = count - 1, bytes = bytes - ? WHERE mailbox_id = ?",
            [(size, box) for box, size in entries],
        )
        sql.run("DELETE FROM message WHERE id = ?", (message_id,))
    return len(old)


def read_entries(
    sql: Sql, keys: Keys, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int, now_s: float
) -> tuple[Msg, ...]:
    """Entries after this number, ascending, at most n; the first whatever its size. Signals that are over are left out.

    Whatever else is over by the clock stays visible until retention, which doubts a clock that is ahead, has deleted
    it: what was left out here would count as taken with the next acknowledgement. One statement.
    """
    cursor = sql.run(
        "SELECT i.seq, m.id, m.kind, m.epoch, m.ts, m.body, m.frank, i.via FROM mailbox_item i JOIN message m"
        " ON m.id = i.message_id WHERE i.mailbox_id = ? AND i.seq > ?"
        " AND (m.expires > ? OR m.expires > m.ts / 1000 + ?) ORDER BY i.seq LIMIT ?",
        (mailbox_id, after, int(now_s), SIGNAL_TTL_S, n),
    )
    entries: list[Msg] = []
    left = max_bytes
    for row in cursor:
        left -= len(row[5])
        if entries and left < 0:
            break
        entries.append(parse_entry(keys, row))
    return tuple(entries)


def state_of(sql: Sql, mailbox_id: MailboxId) -> MailboxState:
    """Numbers of a mailbox. Raises Refused `gone`. One statement."""
    row = sql.run(
        "SELECT next_seq, count, acked, gap_count, gap_seq FROM mailbox WHERE mailbox_id = ?", (mailbox_id,)
    ).fetchone()
    if row is None:
        raise error("gone", "mailbox")
    return MailboxState(head=row[0] - 1, queued=row[1], acked=row[2], dropped=row[3], before_seq=row[4])


_MESSAGE_COLUMNS = ("id", "kind", "epoch", "ts", "body", "frank", "refs", "expires")
_ENTRY_COLUMNS = ("mailbox_id", "seq", "message_id", "size", "via")


def find_rows(sql: Sql, message_id: bytes, mailbox_ids: Sequence[MailboxId]) -> tuple[StoredRow, ...]:
    """The row of a message and the entries of these mailboxes that point to it, as they rest; else none. In one read.

    Without an entry of theirs nobody learns whether the message exists.
    """
    cursor = sql.run(
        f"SELECT {', '.join('m.' + name for name in _MESSAGE_COLUMNS)},"  # noqa: S608
        f" {', '.join('i.' + name for name in _ENTRY_COLUMNS)}"
        " FROM mailbox_item i JOIN message m ON m.id = i.message_id"
        f" WHERE i.message_id = ? AND i.mailbox_id IN ({_marks(len(mailbox_ids))}) ORDER BY i.mailbox_id, i.seq",
        (message_id, *mailbox_ids),
    )
    found: list[StoredRow] = []
    for row in cursor:
        cut = len(_MESSAGE_COLUMNS)
        if not found:
            found.append(StoredRow("message", dict(zip(_MESSAGE_COLUMNS, row[:cut], strict=True))))
        found.append(StoredRow("mailbox_item", dict(zip(_ENTRY_COLUMNS, row[cut:], strict=True))))
    return tuple(found)


def count_rows(sql: Sql, mailbox_ids: Sequence[MailboxId]) -> dict[str, int]:
    """Mailboxes, their entries, and the messages these point to. Two statements."""
    marks = _marks(len(mailbox_ids))
    boxes = sql.run(f"SELECT COUNT(*) FROM mailbox WHERE mailbox_id IN ({marks})", mailbox_ids).fetchone()  # noqa: S608
    entries = sql.run(
        f"SELECT COUNT(*), COUNT(DISTINCT message_id) FROM mailbox_item WHERE mailbox_id IN ({marks})",  # noqa: S608
        mailbox_ids,
    ).fetchone()
    return {"mailbox": boxes[0], "mailbox_item": entries[0], "message": entries[1]}
