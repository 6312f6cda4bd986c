"""Requests of a batch by their idempotency keys, and groups and passes they name: locked first, in the order of keys.

A key is inserted before anything is looked at. Where another gateway has the same request in its hands, the INSERT
waits until that one is through, and then finds its answer; else two copies of one SEND would both fan out. Where
nobody else can, what is accepted is inserted at the end, and what is refused costs no write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from zajil.engine.sql import interface as op
from zajil.engine.sql.batch.known import Known
from zajil.engine.sql.queues import Sql
from zajil.engine.sql.transactions import (
    GROUP_COLUMNS,
    HEAD_BYTES,
    HEADS,
    GroupRow,
    read_accepted,
    write_answer,
)
from zajil.protocol.ids import GroupId

_REQUESTS: Final = {"key": "bytea", "body_hash": "bytea", "answer": "bytea", "at": "bigint"}
_GROUPS: Final = {
    "gid": "bytea",
    "epoch": "bigint",
    "token_hash": "bytea",
    "prev_hash": "bytea",
    "roster": "bytea",
    "used_day": "bigint",
}
_INSERT: Final = "INSERT INTO idem (key, body_hash, answer, at) SELECT key, body_hash, answer, at FROM given WHERE TRUE"
_FIND: Final = "SELECT key, body_hash, answer FROM idem WHERE key IN {keys}"
_FIND_ALONE: Final = (
    f"SELECT idem.key, idem.body_hash, idem.answer FROM temp.{HEADS} AS found"  # noqa: S608
    " CROSS JOIN main.idem ON idem.rowid = found.place WHERE found.head IN {keys}"
)
Keyed = op.Create | op.Commit | op.Send
KEYED: Final = (op.Create, op.Commit, op.Send)
"""The same for `isinstance`, which takes twice as long for a union, and the longest for one that it makes first."""
_CHANGING: Final = (op.Create, op.Commit)
_NAMING: Final = (op.Create, op.Commit, op.Send, op.SendEphemeral)


class TryAgain(Exception):
    """What this transaction stands on changed under it; the same operations again will see why."""


class Ledger:
    """Which requests were accepted. Two statements at most, 2 more where one was refused (`is_alone`: none more)."""

    def __init__(self, sql: Sql, requests: Iterable[Keyed], now_ms: int) -> None:
        self._sql = sql
        self._now_ms = now_ms
        self._mine: dict[bytes, tuple[bytes, bytes]] = {}
        self._new: list[bytes] = []
        self._known: dict[bytes, tuple[bytes, bytes]] = {}
        if sql.is_alone:
            if keys := sorted({each.key for each in requests}):
                self._find_known(keys)
                self._new = [key for key in keys if key not in self._known]
            return
        # An accepted request's answer is known before it is: its epoch and this time.
        first: dict[bytes, tuple[bytes, bytes]] = {}
        for each in requests:
            first.setdefault(each.key, (each.body_hash, write_answer(epoch_after(each), now_ms)))
        if not first:
            return
        keys = sorted(first)
        inserted = sql.run_rows(
            f"{_INSERT} ORDER BY key ON CONFLICT DO NOTHING RETURNING key",
            _REQUESTS,
            [(key, *first[key], now_ms // 1000) for key in keys],
        )
        self._mine = {key: first[key] for (key,) in inserted}
        if others := [key for key in keys if key not in self._mine]:
            self._find_known(others)
            if len(self._known) < len(others):
                raise TryAgain  # expired between the two statements

    def _find_known(self, keys: Sequence[bytes]) -> None:
        if self._sql.is_alone:  # keys that begin alike are told apart by their rows, which have all of them
            found = self._sql.run_keys(_FIND_ALONE, [key[:HEAD_BYTES] for key in keys])
        else:
            found = self._sql.run_keys(_FIND, keys)
        self._known = {key: (body_hash, answer) for key, body_hash, answer in found}

    def find(self, request: Keyed) -> op.Accepted | None:
        """The answer of this very request. Raises Malformed `idem-conflict`."""
        return read_accepted(self._known.get(request.key), request.body_hash)

    def accept(self, request: Keyed) -> op.Accepted:
        """It is accepted now."""
        epoch = epoch_after(request)
        self._known[request.key] = request.body_hash, write_answer(epoch, self._now_ms)
        return op.Accepted(epoch, self._now_ms)

    def settle(self) -> None:
        """Nothing stays of what was refused. Of two requests under one key, what was accepted stays."""
        if self._sql.is_alone:
            if accepted := [key for key in self._new if key in self._known]:
                at = self._now_ms // 1000
                rows = [(key, *self._known[key], at) for key in accepted]
                self._sql.run_rows(_INSERT, _REQUESTS, rows)
            return
        if refused := [key for key in self._mine if key not in self._known]:
            self._sql.run_keys("DELETE FROM idem WHERE key IN {keys}", refused)
        other = [key for key, row in self._mine.items() if self._known.get(key, row) != row]
        if other:
            self._sql.run_rows(
                "UPDATE idem SET body_hash = given.body_hash, answer = given.answer FROM given"
                " WHERE idem.key = given.key",
                _REQUESTS,
                [(key, *self._known[key], 0) for key in other],
            )


def epoch_after(request: Keyed) -> int:
    """The epoch of the group when this request is accepted."""
    match request:
        case op.Create():
            return 0
        case op.Commit():
            return request.epoch + 1
        case op.Send():
            return request.epoch


class Groups:
    """Rows of groups, locked until the transaction ends: alone for those that change, else shared with other sends.

    One statement for each run of groups, in the order of ids, that are locked alike; none for those that are known.
    """

    def __init__(self, sql: Sql, operations: Sequence[op.Operation], day: int, known: Known) -> None:
        self._sql = sql
        self._known = known
        self._day = day
        self._made: set[GroupId] = set()
        self._moved: set[GroupId] = set()
        self._touched: set[GroupId] = set()
        changing = {each.gid for each in operations if isinstance(each, _CHANGING)}
        named = {each.gid for each in operations if isinstance(each, _NAMING)}
        self._rows = {gid: known.groups[gid] for gid in named if gid in known.groups}
        for alone, run in groupby(sorted(named - self._rows.keys()), changing.__contains__):
            found = sql.run_keys(
                f"SELECT gid, {GROUP_COLUMNS} FROM grp WHERE gid IN {{keys}}"  # noqa: S608
                f" ORDER BY gid{sql.alone if alone else sql.shared}",
                list(run),
            )
            new = {GroupId(gid): GroupRow(*row) for gid, *row in found}
            known.keep_groups(new)
            self._rows |= new

    def find(self, gid: GroupId) -> GroupRow | None:
        """As it is after what came before in the batch."""
        return self._rows.get(gid)

    def make(self, gid: GroupId, row: GroupRow) -> None:
        """A group that is not there yet."""
        self._rows[gid] = row
        self._made.add(gid)

    def move(self, gid: GroupId, row: GroupRow) -> None:
        """To the next epoch."""
        self._rows[gid] = row
        self._moved.add(gid)

    def touch(self, gid: GroupId) -> None:
        """It was used today."""
        row = self._rows[gid]
        if row.used_day != self._day:
            self._rows[gid] = row._replace(used_day=self._day)
            self._touched.add(gid)

    def settle(self) -> None:
        """Write what changed. Raises TryAgain where another gateway made the same group."""
        self._known.keep_groups({gid: self._rows[gid] for gid in self._made | self._moved | self._touched})
        if made := sorted(self._made):
            done = self._sql.run_rows(
                f"INSERT INTO grp (gid, {GROUP_COLUMNS}) SELECT gid, {GROUP_COLUMNS} FROM given WHERE TRUE"  # noqa: S608
                " ON CONFLICT DO NOTHING RETURNING gid",
                _GROUPS,
                self._columns(made),
            )
            if len(done) != len(made):
                raise TryAgain
        if moved := sorted(self._moved - self._made):
            self._sql.run_rows(
                "UPDATE grp SET epoch = given.epoch, token_hash = given.token_hash, prev_hash = given.prev_hash,"
                " roster = given.roster, used_day = given.used_day FROM given WHERE grp.gid = given.gid",
                _GROUPS,
                self._columns(moved),
            )
        if touched := sorted(self._touched - self._made - self._moved):
            # Others may share the lock on such a row, and each would wait for the rest: then a later send does it.
            self._sql.run_keys(
                "UPDATE grp SET used_day = ? WHERE gid IN"  # noqa: S608
                f" (SELECT gid FROM grp WHERE gid IN {{keys}} ORDER BY gid{self._sql.unlocked})",
                touched,
                (self._day,),
            )

    def _columns(self, gids: Sequence[GroupId]) -> list[tuple[object, ...]]:
        return [(gid, *self._rows[gid]) for gid in gids]


class Passes:
    """The passes that requests of a batch spend, locked. One statement, 1 more where some are spent."""

    def __init__(self, sql: Sql, creates: Iterable[op.Create]) -> None:
        self._sql = sql
        self._spent: list[bytes] = []
        hashes = sorted({each.pass_hash for each in creates})
        self._rows: dict[bytes, tuple[int, int]] = {}
        if hashes:
            statement = f"SELECT hash, kind, day FROM pass WHERE hash IN {{keys}} ORDER BY hash{sql.alone}"  # noqa: S608
            found = sql.run_keys(statement, hashes)
            self._rows = {name: (kind, day) for name, kind, day in found}

    def is_good(self, name: bytes, day: int) -> bool:
        """For one group, today."""
        kind, issued = self._rows.get(name, (0, 0))
        return kind == op.PASS_GROUP and issued > day - op.PASS_TTL_DAYS

    def spend(self, name: bytes) -> None:
        """It is good for nothing more."""
        del self._rows[name]
        self._spent.append(name)

    def settle(self) -> None:
        """Write what changed."""
        if self._spent:
            self._sql.run_keys("DELETE FROM pass WHERE hash IN {keys}", self._spent)
