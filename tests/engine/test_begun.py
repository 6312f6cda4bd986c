"""On a file the event loop itself carries out what is frequent and short; the writer's thread makes it durable."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.world import Group, Server

from zajil.delivery import commit as commit_verb
from zajil.delivery import send as send_verb
from zajil.engine.sql import writer
from zajil.engine.sql.sqlite import engine as sqlite_engine
from zajil.engine.sql.sqlite.database import set_pragmas
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.engine.sql.sqlite.heads import Heads
from zajil.protocol.errors import ZajilError
from zajil.protocol.limits import DELIVERY_REF_BYTES, R_WINDOW_MESSAGES, ROSTER_ENTRIES

HERE = "loop"
THERE = "zajil-writer"


class Watch:
    """Notes in which thread a batch's statements and its COMMIT run, and how many operations the batches have."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.commits: list[str] = []
        self.batches: list[int] = []

    def note(self, statement: str) -> None:
        """As the driver tells of each statement."""
        if statement == "BEGIN IMMEDIATE":
            self.statements.append(_thread())
        elif statement == "COMMIT":
            self.commits.append(_thread())


def _thread(*, of: str = THERE) -> str:
    """This one, if its name begins so; else the loop's."""
    return of if threading.current_thread().name.startswith(of) else HERE


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(writer, "HERE_S", 60.0)  # on a machine that has no time a batch may take as long as on a disk
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture
def group(server: Server) -> Group:
    return Group(server, server.mailbox(), server.mailbox())


def start(server: Server, *, clock: Callable[[], float] | None = None) -> tuple[SQLiteMailboxEngine, Watch]:
    """The engine of this server, watched from outside."""
    server.engine.abandon()
    watch, parts = Watch(), server.parts()
    parts = parts._replace(clock=clock or parts.clock, note_batch=lambda size, _: watch.batches.append(size))
    engine = SQLiteMailboxEngine(server.database, parts)
    engine._writing().set_trace_callback(watch.note)
    engine.start()
    server.engine = engine
    return engine, watch


async def test_a_message_is_carried_out_in_the_loop_and_told_of_once_it_is_durable(
    server: Server, group: Group
) -> None:
    engine, watch = start(server)
    before = server.count("message")
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    engine.begin_send(send_verb.prepare(group.send_frame()), lambda _: told.set_result(server.count("message")))
    assert server.count("message") == before
    assert await told == before + 1
    assert (watch.statements, watch.commits, watch.batches) == ([HERE], [THERE], [1])
    await engine.close()


async def test_what_is_rare_or_large_the_thread_carries_out(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = [(2, server.refs.make_ref(server.mailbox()))]
    engine, watch = start(server)
    await engine.add_mailbox(server.rng.randbytes(16))  # type: ignore[arg-type]  # a MailboxId by use
    frame = group.commit_frame(add, welcome=b"come in")
    await commit_verb.commit(engine, frame)
    group.applied(frame, group.pending)
    assert watch.statements == [THERE, THERE]
    monkeypatch.setattr(sqlite_engine, "ROSTER_BYTES", 16)
    await engine.send(send_verb.prepare(group.send_frame()))
    assert watch.statements == [THERE, THERE, THERE]
    await engine.close()


async def test_the_loop_waits_for_nobody_who_has_the_file(server: Server, group: Group) -> None:
    engine, watch = start(server)
    with server.held():
        sending = asyncio.create_task(engine.send(send_verb.prepare(group.send_frame())))
        for _ in range(5):
            await asyncio.sleep(0)  # would stand still, if the loop waited for its turn
        assert not sending.done()
    await sending
    assert watch.statements == [THERE]
    # Whoever has SQLite's own lock and no turn is waited for as well, and not by the loop.
    with closing(sqlite3.connect(server.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        sending = asyncio.create_task(engine.send(send_verb.prepare(group.send_frame())))
        for _ in range(5):
            await asyncio.sleep(0.002)
        assert not sending.done()
        other.execute("ROLLBACK")
    await sending
    assert watch.statements == [THERE, HERE, THERE]
    await engine.close()


class Full(sqlite3.Connection):
    """Of a disk that may take nothing more."""

    is_full = False

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:  # Any: as the driver types it
        if self.is_full and sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, parameters)


async def test_what_cannot_be_made_durable_is_refused_and_holds_nobody_up(
    server: Server, group: Group, caplog: pytest.LogCaptureFixture
) -> None:
    engine, watch = start(server)
    full = sqlite3.connect(server.path, isolation_level=None, check_same_thread=False, factory=Full)
    set_pragmas(full)
    full.set_trace_callback(watch.note)
    engine._connection, engine._heads, full.is_full = full, Heads(full), True
    frame = send_verb.prepare(group.send_frame())
    queued = [len(server.queue(box)) for box in group.leaves.values()]
    with pytest.raises(ZajilError, match="busy"):
        await engine.send(frame)
    assert "could not be written" in caplog.text
    full.is_full = False
    assert [len(server.queue(box)) for box in group.leaves.values()] == queued
    assert not (await engine.send(frame)).dup
    assert [len(server.queue(box)) for box in group.leaves.values()] == [each + 1 for each in queued]
    assert watch.statements == [HERE, HERE]
    await engine.close()


async def test_a_loop_that_waited_for_the_disk_leaves_what_comes_to_the_thread(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, watch = start(server)
    monkeypatch.setattr(writer, "HERE_S", 0.0)
    for _ in range(2):
        await engine.send(send_verb.prepare(group.send_frame()))
    assert watch.statements == [HERE, THERE]
    await engine.close()


async def test_few_entries_the_loop_reads_itself_while_the_disk_is_quick(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in, state_in = set[str](), set[str]()

    def set_watched(connection: sqlite3.Connection) -> None:
        set_pragmas(connection)
        connection.set_trace_callback(note)

    def note(statement: str) -> None:
        if "FROM mailbox_item" in statement:
            read_in.add(_thread(of="zajil-read"))
        elif "FROM mailbox" in statement:
            state_in.add(_thread(of="zajil-read"))

    monkeypatch.setattr(sqlite_engine, "set_pragmas", set_watched)
    engine, _ = start(server)
    await engine.send(send_verb.prepare(group.send_frame()))
    box, here, there = group.leaves[0], {HERE}, {"zajil-read"}

    async def look(n: int) -> None:
        read_in.clear()
        state_in.clear()
        assert await engine.read(box, 0, n=n)
        assert (await engine.mailbox_state(box)).queued

    await look(sqlite_engine.READS_HERE)
    assert (read_in, state_in) == (here, here)
    await look(sqlite_engine.READS_HERE + 1)
    assert (read_in, state_in) == (there, here)
    monkeypatch.setattr(writer, "HERE_S", 0.0)  # the disk is slow: the next look is the last one
    await look(1)
    assert (read_in, state_in) == (here, there)
    await engine.close()


async def test_under_load_batches_are_apart_and_acknowledgements_go_along(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ACK_S", 60.0)
    engine, watch = start(server)
    box = group.leaves[0]
    head = server.engine.state_now(box).head
    for _ in range(2):
        await engine.send(send_verb.prepare(group.send_frame()))
    assert engine._next_at == 0, "one alone waits for no company, and the next one neither"
    monkeypatch.setattr(writer, "APART_S", 60.0)
    await asyncio.gather(*(engine.send(send_verb.prepare(group.send_frame())) for _ in range(2)))
    engine.begin_ack(box, head, lambda _: None)
    sending = []
    for _ in range(4):
        sending.append(asyncio.create_task(engine.send(send_verb.prepare(group.send_frame()))))
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    assert watch.batches == [1, 1, 2]
    engine._next_at = 0  # a minute later
    engine._begin()
    await asyncio.gather(*sending)
    assert watch.batches == [1, 1, 2, 5]
    assert server.engine.state_now(box).acked == head
    engine.begin_ack(box, head + 1, lambda _: None)
    await engine.close()  # and none is left behind
    assert watch.batches == [1, 1, 2, 5, 1]


async def test_an_acknowledgement_that_nothing_comes_after_goes_by_itself(server: Server, group: Group) -> None:
    engine, watch = start(server)
    box = group.leaves[0]
    told: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    engine.begin_ack(box, server.engine.state_now(box).head, told.set_result)
    await asyncio.sleep(0)
    assert watch.statements == []
    await told
    assert server.engine.state_now(box).queued == 0
    await engine.close()


async def test_the_loop_takes_no_more_than_it_has_time_for(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Group(server, server.mailbox(), server.mailbox())
    engine, watch = start(server)

    async def burst(*of: Group) -> str:
        begun = len(watch.statements)
        await asyncio.gather(*(engine.send(send_verb.prepare(each.send_frame())) for each in of))
        (where,) = watch.statements[begun:]
        return where

    monkeypatch.setattr(writer, "APART_S", 0.0)
    monkeypatch.setattr(writer, "HERE_ROWS", 2 * ROSTER_ENTRIES - 1)
    assert await burst(group) == HERE, "it may have any size, and is one"
    assert await burst(other, other) == THERE, "each may have any size"
    await engine.drop_mailbox(server.rng.randbytes(16))  # type: ignore[arg-type]  # what is rare: rows are forgotten
    assert await burst(other, group, other) == HERE, "their sizes are remembered"
    row = server.look("SELECT MAX(LENGTH(roster)) FROM grp")[0] // DELIVERY_REF_BYTES
    monkeypatch.setattr(writer, "HERE_ROWS", 3 * row)
    assert await burst(group, group, other) == HERE
    assert await burst(group, group, other, other) == THERE
    await engine.close()


async def test_the_loop_empties_no_large_mailbox(server: Server, group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ACK_S", 0.0)
    engine, watch = start(server)
    box, rows = group.leaves[0], 4
    for _ in range(3 * rows):
        await engine.send(send_verb.prepare(group.send_frame()))

    async def ack(upto: int) -> str:
        told: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        engine.begin_ack(box, upto, told.set_result)
        assert not isinstance(await told, Exception)
        return watch.statements[-1]

    monkeypatch.setattr(writer, "HERE_ROWS", rows * sqlite_engine.ROWS_OF_ACKED)
    acked = server.engine.state_now(box).acked
    assert await ack(acked + rows) == HERE
    assert await ack(acked + 2 * rows + 1) == THERE
    assert await ack(acked + 2 * rows) == HERE, "it was told before"
    # Nothing is known of the mailbox: as much as a window may go.
    for most, where in ((R_WINDOW_MESSAGES - 1, THERE), (R_WINDOW_MESSAGES, HERE)):
        await engine.drop_mailbox(server.rng.randbytes(16))  # type: ignore[arg-type]  # as above
        monkeypatch.setattr(writer, "HERE_ROWS", most * sqlite_engine.ROWS_OF_ACKED)
        assert await ack(acked + 2 * rows + 2) == where
    await engine.ack(box, acked + 2 * rows + 3)  # of a HELLO, which may have seen all of it
    assert watch.statements[-1] == THERE
    await engine.close()


async def test_a_lock_that_cannot_be_given_back_ends_no_thread(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    (engine, watch), turn = start(server), server.database.turn
    leave, faults = turn.leave, [OSError("no locks available")]

    def leave_badly() -> None:
        leave()
        if faults:
            raise faults.pop()

    monkeypatch.setattr(turn, "leave", leave_badly)
    frame = send_verb.prepare(group.send_frame())
    with pytest.raises(ZajilError, match="busy"):
        await asyncio.wait_for(engine.send(frame), 10)
    assert (await asyncio.wait_for(engine.send(frame), 10)).dup, "it was stored"
    assert watch.statements == [HERE, HERE]
    await engine.close()


async def test_what_the_loop_fails_in_the_thread_still_does(
    server: Server, group: Group, caplog: pytest.LogCaptureFixture
) -> None:
    def read_badly() -> float:
        if _thread() == HERE:
            raise OSError("no clock here")
        return server.now_ms / 1000

    engine, watch = start(server, clock=read_badly)
    for _ in range(2):
        await asyncio.wait_for(engine.send(send_verb.prepare(group.send_frame())), 10)
    assert watch.statements == [THERE, THERE]
    assert "no clock here" in caplog.text
    await engine.close()
