"""What the writer of a file knows of it is not asked again, and never believed once somebody else has written.

Another engine on the same file stands for another process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.delivery.world import Group, Server

from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.engine.sql.batch import known
from zajil.engine.sql.batch.ledger import Ledger
from zajil.engine.sql.sqlite import engine as sqlite_engine
from zajil.engine.sql.sqlite.database import set_pragmas
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.engine.sql.writer import QueuedMailboxEngine
from zajil.protocol.errors import ZajilError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


@contextmanager
def somebody_else(server: Server) -> Iterator[QueuedMailboxEngine]:
    other = server.make_engine()
    yield other
    other.abandon()


def test_what_is_known_is_asked_again_after_somebody_else_has_written(server: Server) -> None:
    boxes = [server.mailbox(), server.mailbox()]
    group = Group(server, *boxes)
    took = []
    server.send(group.send_frame())
    for _ in range(2):
        server.send(group.send_frame())
        took.append(server.engine.last_statements)
        with somebody_else(server) as other:
            other.apply([op.Ack(mailbox_id=boxes[0], upto=1)], now_ms=server.now_ms)
            other.apply([send_verb.prepare(group.send_frame())], now_ms=server.now_ms)
        server.send(group.send_frame())
        took.append(server.engine.last_statements)
    assert took == [5, 8, 5, 8]
    assert [each.seq for each in server.queue(boxes[1])] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert server.engine.state_now(boxes[0]).queued == 7


def test_a_reference_that_somebody_else_denied_leads_nowhere(server: Server) -> None:
    boxes = [server.mailbox(), server.mailbox()]
    group = Group(server, *boxes)
    server.send(group.send_frame())
    serial = server.refs.open_ref(group.refs[1]).serial
    with somebody_else(server) as other:
        other.apply([op.DenyRef(mailbox_id=boxes[1], serial=serial)], now_ms=server.now_ms)
    server.send(group.send_frame())
    assert [server.engine.state_now(box).queued for box in boxes] == [3, 2]
    server.do(op.AllowRef(mailbox_id=boxes[1], serial=serial))
    server.send(group.send_frame())
    assert [server.engine.state_now(box).queued for box in boxes] == [4, 3]


def test_a_mailbox_that_somebody_else_dropped_and_an_epoch_that_he_ended_are_gone(server: Server) -> None:
    boxes = [server.mailbox(), server.mailbox()]
    group = Group(server, *boxes)
    server.send(group.send_frame())
    late = group.send_frame()
    with somebody_else(server) as other:
        server.engine, mine = other, server.engine
        server.do(op.DropMailbox(mailbox_id=boxes[0]))
        group.remove(0)
        server.engine = mine
    (gone, stale) = server.run(op.Ack(mailbox_id=boxes[0], upto=1), send_verb.prepare(late))
    assert [each.code for each in (gone, stale) if isinstance(each, ZajilError)] == ["gone", "stale-epoch"]


def test_what_did_not_reach_the_disk_is_not_known(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [server.mailbox(), server.mailbox()]
    group = Group(server, *boxes)
    server.send(group.send_frame())

    def fill_the_disk(_: Ledger) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:  # the last thing that a batch writes
        patched.setattr(Ledger, "settle", fill_the_disk)
        (full,) = server.run(send_verb.prepare(group.send_frame()))
    assert is_fault(full)
    server.send(group.send_frame())
    assert [each.seq for each in server.queue(boxes[1])] == [1, 2, 3]


def test_little_is_held(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "BOXES_MAX", 2)
    monkeypatch.setattr(known, "REFS_MAX", 2)
    monkeypatch.setattr(known, "GROUPS_BYTES", 2048)
    groups = [Group(server, server.mailbox(), server.mailbox()) for _ in range(3)]
    for _ in range(2):
        assert not [each for each in server.run(*(send_verb.prepare(g.send_frame()) for g in groups)) if is_fault(each)]
    held = server.engine._known  # type: ignore[attr-defined]  # what is held can be seen nowhere else
    assert len(held.boxes) <= 6
    assert len(held.groups) <= 2
    assert all(server.engine.state_now(box).queued == 3 for g in groups for box in list(g.leaves.values())[1:])


def is_fault(outcome: object) -> bool:
    return isinstance(outcome, Exception)


def test_no_connection_is_kept_that_could_not_be_set_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    box = server.mailbox()
    server.crash()
    engine, faults = server.engine, [sqlite3.OperationalError("unable to open database file") for _ in range(2)]
    assert isinstance(engine, SQLiteMailboxEngine)
    opened: list[sqlite3.Connection] = []

    def set_badly(connection: sqlite3.Connection) -> None:
        opened.append(connection)
        if faults:
            raise faults.pop()
        set_pragmas(connection)

    monkeypatch.setattr(sqlite_engine, "set_pragmas", set_badly)
    (refused,) = server.run(op.AddMailbox(mailbox_id=box))
    assert getattr(refused, "code", None) == "busy"
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        server.queue(box)
    for left in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            left.execute("SELECT 1")
    server.do(op.AddMailbox(mailbox_id=box))
    assert server.queue(box) == ()
    writing, reading = opened[2:]
    assert [each.execute("PRAGMA secure_delete").fetchone() for each in (writing, reading)] == [(1,), (1,)]
    assert (engine._connection, engine._open_readers) == (writing, [reading])
