"""Messages that are not stored, on an engine that runs: the same rules whoever judges them, and never by an old roster.

On SQLite the event loop judges them itself; another engine on the same file stands for another process.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.delivery.world import NO_LIMITS, Group, Server

from zajil.delivery import commit as commit_verb
from zajil.delivery import send as send_verb
from zajil.engine.bus import Volatile
from zajil.engine.limits import Limit
from zajil.engine.sql import interface as op
from zajil.engine.sql.batch import known
from zajil.engine.sql.queues import Cap
from zajil.engine.sql.sqlite import engine as sqlite_engine
from zajil.engine.sql.sqlite import passing
from zajil.engine.sql.sqlite.database import set_pragmas
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import EPHEMERAL
from zajil.protocol.ids import MailboxId

Heard = list[tuple[MailboxId, bytes]]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, limits=NO_LIMITS | {"ephemeral": Limit(3, 10)})
    yield server
    server.close()


def listen(server: Server, *boxes: MailboxId) -> Heard:
    heard: Heard = []

    def hear(box: MailboxId) -> Callable[[Volatile | None], None]:
        return lambda frame: heard.append((box, getattr(frame, "body", b""))) if frame is not None else None

    for box in boxes:
        server.bus.subscribe(box, hear(box))
    return heard


def eph(group: Group, payload: bytes = b"typing") -> op.SendEphemeral:
    frame = send_verb.prepare(group.send_frame(payload, flags=EPHEMERAL))
    assert isinstance(frame, op.SendEphemeral)
    return frame


async def refusal_of(server: Server, operation: op.SendEphemeral) -> str:
    with pytest.raises(ZajilError) as refused:
        await server.engine.send(operation)
    return refused.value.code


async def remove(server: Server, group: Group, leaf: int) -> None:
    """Acknowledged by the engine that runs."""
    frame = group.commit_frame(rm=[leaf])
    operation = commit_verb.prepare(frame)
    await server.engine.commit(operation)
    group.applied(frame, group.pending)


@contextmanager
def somebody_else(server: Server) -> Iterator[None]:
    """What the block does is done by another engine."""
    server.engine, mine = server.make_engine(), server.engine
    yield
    server.engine.abandon()
    server.engine = mine


async def test_whoever_was_removed_neither_hears_nor_speaks(make_server: Callable[[Cap | None], Server]) -> None:
    server = make_server(None)
    boxes = [server.mailbox() for _ in range(4)]
    group, heard = Group(server, *boxes), listen(server, *boxes)
    server.engine.start()
    assert (await server.engine.send(sent := eph(group))).epoch == 1
    assert heard == [(box, sent.body) for box in boxes]
    for member in boxes[2:]:
        late, leaf = eph(group), next(leaf for leaf, box in group.leaves.items() if box == member)
        if member is boxes[2]:
            await remove(server, group, leaf)
        else:
            with somebody_else(server):
                group.remove(leaf)
        heard.clear()
        assert await refusal_of(server, late) == "stale-epoch"
        await server.engine.send(sent := eph(group))
        assert heard == [(box, sent.body) for box in boxes if box in group.leaves.values()]
    wrong = {"token": "bad-group-token", "roster_key": "bad-roster-key", "gid": "bad-group-token"}
    for field, code in wrong.items():
        assert await refusal_of(server, replace(eph(group), **{field: bytes(32)})) == code
    assert [len(server.queue(box)) for box in boxes[:2]] == [3, 3]
    await server.engine.close()


async def test_nothing_comes_through_a_reference_that_was_denied(make_server: Callable[[Cap | None], Server]) -> None:
    server = make_server(None)
    boxes = [server.mailbox(), server.mailbox()]
    group, heard = Group(server, *boxes), listen(server, *boxes)
    serial = server.refs.open_ref(group.refs[1]).serial
    server.engine.start()
    await server.engine.send(eph(group))
    await server.engine.deny_ref(op.DenyRef(mailbox_id=boxes[1], serial=serial))
    await server.engine.send(eph(group))
    await server.engine.allow_ref(op.AllowRef(mailbox_id=boxes[1], serial=serial))
    await server.engine.send(eph(group))
    assert [box for box, _ in heard] == [boxes[0], boxes[1], boxes[0], boxes[0], boxes[1]]
    await server.engine.close()


async def test_nobody_waits_for_the_disk_but_behind_what_waits_for_it(file: Server) -> None:
    boxes = [file.mailbox(), file.mailbox()]
    group, other, heard = Group(file, *boxes), Group(file, *boxes), listen(file, *boxes)
    file.engine.start()
    told: list[str] = []
    with file.held():
        file.engine.begin_send(eph(group, b"one"), lambda _: told.append("one"))
        await asyncio.sleep(0)
        assert (told, [body[-3:] for _, body in heard]) == (["one"], [b"one", b"one"])
        stored = asyncio.get_running_loop().create_task(file.engine.send(send_verb.prepare(group.send_frame())))
        stored.add_done_callback(lambda _: told.append("stored"))
        await asyncio.sleep(0)
        behind = asyncio.get_running_loop().create_task(file.engine.send(eph(group)))
        behind.add_done_callback(lambda _: told.append("behind"))
        await asyncio.sleep(0)
        file.engine.begin_send(eph(other), lambda _: told.append("other"))
        await asyncio.sleep(0)
        assert told == ["one", "other"]
    await asyncio.gather(stored, behind)
    assert told == ["one", "other", "stored", "behind"]
    file.engine.begin_send(eph(group), lambda _: told.append("after"))
    await asyncio.sleep(0)
    assert told[-1] == "after"
    assert await refusal_of(file, eph(group)) == "slow-down"
    assert len(heard) == 8
    await file.engine.close()
    assert await refusal_of(file, eph(group)) == "restarting"


async def test_those_of_one_turn_are_judged_together_and_by_what_was_acknowledged_until_then(file: Server) -> None:
    boxes = [file.mailbox() for _ in range(3)]
    group, heard = Group(file, *boxes), listen(file, *boxes)
    file.engine.start()
    await file.engine.send(eph(group))
    told: list[op.Outcome | Exception] = []
    late, leaf = eph(group), next(leaf for leaf, box in group.leaves.items() if box == boxes[2])
    for _ in range(2):
        file.engine.begin_send(late, told.append)
    with somebody_else(file):
        group.remove(leaf)
    heard.clear()
    await asyncio.sleep(0)
    assert [getattr(each, "code", None) for each in told] == ["stale-epoch"] * 2
    # Before a commit of the same turn, which is behind them.
    frame = group.commit_frame()
    file.engine.begin_send(sent := eph(group), told.append)
    await file.engine.commit(commit_verb.prepare(frame))
    assert isinstance(told[2], op.Accepted)
    assert heard == [(box, sent.body) for box in boxes[:2]]
    await file.engine.close()


async def test_one_who_cannot_hear_keeps_nobody_else_from_theirs(file: Server) -> None:
    group = Group(file, file.mailbox(), file.mailbox())
    file.engine.start()
    told: list[op.Outcome | Exception] = []

    def deaf(_: op.Outcome | Exception) -> None:
        raise RuntimeError("deaf")

    for hear in (deaf, told.append):
        file.engine.begin_send(eph(group), hear)
    await asyncio.sleep(0)
    assert told == [op.Accepted(1, file.now_ms)]
    file.engine.begin_send(eph(group), told.append)
    await file.engine.close()
    assert getattr(told[1], "code", None) == "restarting"


async def test_what_the_loop_cannot_judge_the_writer_does(file: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [file.mailbox(), file.mailbox()]
    group, heard = Group(file, *boxes), listen(file, *boxes)
    file.engine.start()
    monkeypatch.setattr(passing, "ROSTER_BYTES", 16)
    told: asyncio.Future[op.Outcome | Exception] = asyncio.get_running_loop().create_future()
    file.engine.begin_send(eph(group), told.set_result)
    await asyncio.sleep(0)
    assert not told.done()
    assert await told == op.Accepted(1, file.now_ms)
    assert [box for box, _ in heard] == boxes
    await file.engine.close()


async def test_a_look_that_fails_leaves_nobody_without_an_answer(file: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [file.mailbox(), file.mailbox()]
    group, heard = Group(file, *boxes), listen(file, *boxes)
    engine = file.engine
    assert isinstance(engine, SQLiteMailboxEngine)
    engine.start()
    files = [sqlite3.OperationalError("unable to open database file"), sqlite3.DatabaseError("malformed")]

    def set_later(connection: sqlite3.Connection) -> None:
        if files:
            raise files.pop()
        set_pragmas(connection)

    monkeypatch.setattr(sqlite_engine, "set_pragmas", set_later)
    for _ in range(2):
        told: asyncio.Future[op.Outcome | Exception] = asyncio.get_running_loop().create_future()
        engine.begin_send(eph(group), told.set_result)
        await asyncio.sleep(0)
        assert await asyncio.wait_for(told, 10) == op.Accepted(1, file.now_ms), "the writer has judged it"
    assert (len(heard), files) == (4, [])
    await engine.close()


async def test_a_fault_in_one_judgement_is_told_to_whom_it_concerns(
    file: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    group, other = (Group(file, file.mailbox(), file.mailbox()) for _ in range(2))
    file.engine.start()
    await file.engine.send(eph(group))
    judge = passing.Passing.judge

    def judge_one(self: passing.Passing, request: op.SendEphemeral, now_ms: int) -> object:
        if request.gid == group.gid:
            raise LookupError("a bug")
        return judge(self, request, now_ms)

    monkeypatch.setattr(passing.Passing, "judge", judge_one)
    told: list[op.Outcome | Exception] = []
    for each in (group, other):
        file.engine.begin_send(eph(each), told.append)
    await asyncio.sleep(0)
    assert [getattr(each, "code", None) for each in told] == ["internal", None]
    assert "a bug" in caplog.text
    await file.engine.close()


async def test_more_references_than_are_kept_are_judged_all_the_same(
    file: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [file.mailbox(), file.mailbox()]
    group, other = Group(file, *boxes), Group(file, *boxes)
    serial = file.refs.open_ref(group.refs[1]).serial
    # A reference of the other group leads into this one as well.
    add = group.commit_frame([(2, other.refs[0])], welcome=b"come in")
    file.commit(add)
    group.applied(add, group.pending)
    file.do(op.DenyRef(mailbox_id=boxes[1], serial=serial))
    heard = listen(file, *boxes)
    file.engine.start()
    monkeypatch.setattr(known, "REFS_MAX", 3)
    for each in (other, group):
        await asyncio.wait_for(file.engine.send(eph(each)), 10)
    assert [box for box, _ in heard] == [boxes[0], boxes[1], boxes[0]]
    await file.engine.close()
