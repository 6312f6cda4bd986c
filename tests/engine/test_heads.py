"""A repeated request is found in SQLite's file, where no index on the disk has its key, whatever befell the file.

Another engine on the same file stands for another process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.delivery.world import Group, Server

from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.engine.sql.batch.boxes import Boxes
from zajil.engine.sql.sqlite.engine import HEADS_HERE, SQLiteMailboxEngine
from zajil.protocol.ids import MailboxId

DAY_MS = 86_400_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture
def group(server: Server) -> Group:
    return Group(server, server.mailbox(), server.mailbox())


def message(group: Group) -> op.Send:
    made = send_verb.prepare(group.send_frame())
    assert isinstance(made, op.Send)
    return made


def is_dup(outcomes: list[op.Outcome | Exception]) -> list[bool]:
    return [isinstance(each, op.Accepted) and each.dup for each in outcomes]


def vacuum(server: Server, _: Group) -> None:
    """It may give rows other numbers; this SQLite does not. The newest one's is what it was."""
    with closing(sqlite3.connect(server.path)) as other:
        other.execute("DELETE FROM idem WHERE rowid = 1")
        other.execute("UPDATE idem SET rowid = rowid - 1 WHERE rowid < (SELECT MAX(rowid) FROM idem)")
        other.commit()
        other.execute("VACUUM")


def fail(server: Server, group: Group) -> None:
    """A batch is rolled back once it has looked for its requests."""

    def fill_the_disk(_: Boxes) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Boxes, "settle", fill_the_disk)
        assert [getattr(each, "code", None) for each in server.run(message(group))] == ["busy"]


def write_elsewhere(server: Server, group: Group) -> None:
    other = server.make_engine()
    other.apply([message(group)], now_ms=server.now_ms)
    other.abandon()


BEFALLS = {
    "nothing": lambda *_: None,
    "a restart": lambda server, _: server.crash(),
    "others write": write_elsewhere,
    "a batch fails": fail,
    "VACUUM": vacuum,
}


@pytest.mark.parametrize("befall", BEFALLS.values(), ids=BEFALLS)
def test_a_repeated_request_is_found_whatever_befell(
    server: Server, group: Group, befall: Callable[[Server, Group], None]
) -> None:
    sent = [message(group) for _ in range(3)]
    server.run(*sent)
    assert is_dup(server.run(*sent)) == [True] * 3
    befall(server, group)
    assert is_dup(server.run(*sent)) == [True] * 3
    later = message(group)
    server.run(later)
    befall(server, group)
    assert is_dup(server.run(later, *sent)) == [True] * 4


RARE = {
    "a mailbox is made": op.AddMailbox(mailbox_id=MailboxId(bytes(16))),
    "passes are made": op.AddPasses(hashes=(bytes(32),), kind=op.PASS_GROUP),
    "the old is forgotten": op.Expire(),
}


@pytest.mark.parametrize("between", RARE.values(), ids=RARE)
def test_a_repeat_is_found_behind_what_divides_its_transaction(
    server: Server, group: Group, between: op.Operation
) -> None:
    sent, stored = message(group), server.count("message")
    first, _, again, _, third = server.run(sent, between, sent, between, sent)
    assert is_dup([first, again, third]) == [False, True, True]
    assert server.count("message") == stored + 1
    assert is_dup(server.run(sent)) == [True]


def test_what_a_transaction_took_in_twice_is_looked_for_again_once_it_is_rolled_back(
    server: Server, group: Group
) -> None:
    mine, others = message(group), message(group)
    server.run(mine)
    other = server.make_engine()
    other.apply([others], now_ms=server.now_ms)
    other.abandon()
    settle, left = Boxes.settle, [True]

    def fill_the_disk_later(boxes: Boxes) -> Mapping[int, int]:
        if left:
            left.pop()
            return settle(boxes)
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Boxes, "settle", fill_the_disk_later)
        failed = server.run(message(group), op.Expire(), message(group))
    assert [getattr(each, "code", None) for each in failed] == ["busy"] * 3
    assert is_dup(server.run(others, mine)) == [True, True]


def test_the_event_loop_leaves_it_to_the_thread_to_take_in_much(server: Server, group: Group) -> None:
    def begin_here(*operations: op.Operation) -> list[op.Outcome | Exception] | None:
        assert isinstance(server.engine, SQLiteMailboxEngine)
        begun = server.engine._begin_here(operations, server.now_ms)
        return None if begun is None else server.engine._finish(begun)[1]

    sent = message(group)
    assert is_dup(begin_here(sent) or []) == [False]
    store_elsewhere(server, HEADS_HERE // 2)
    assert is_dup(begin_here(sent) or []) == [True]
    store_elsewhere(server, HEADS_HERE + 1)
    assert begin_here(sent) is None
    assert is_dup(server.run(sent)) == [True]
    assert is_dup(begin_here(sent) or []) == [True]
    with closing(sqlite3.connect(server.path)) as other:
        other.execute("VACUUM")
    assert begin_here(sent) is None
    assert is_dup(server.run(sent)) == [True]
    assert is_dup(begin_here(sent) or []) == [True]


def test_what_others_accepted_is_found(server: Server, group: Group) -> None:
    mine, others = message(group), message(group)
    server.run(mine)
    other = server.make_engine()
    other.apply([others], now_ms=server.now_ms)
    assert is_dup(server.run(mine, others)) == [True, True]
    server.now_ms += 2 * DAY_MS
    # All are forgotten, and numbers of rows begin anew behind this one's back, where it has found others.
    other.apply([op.Expire()], now_ms=server.now_ms)
    again = [message(group) for _ in range(9)]
    other.apply(again, now_ms=server.now_ms)
    assert is_dup(server.run(*again, mine)) == [True] * 9 + [False]
    other.abandon()


def test_a_request_is_forgotten_after_a_day_here_and_on_the_disk(server: Server, group: Group) -> None:
    old = [message(group) for _ in range(5)]
    server.run(*old)
    server.now_ms += DAY_MS - 1000
    young = message(group)
    server.run(op.Expire(), *old, young)
    assert server.count("idem") == held(server) == 8  # of the group's creation and its commit, too
    server.now_ms += 1000
    server.do(op.Expire())
    assert is_dup(server.run(young, *old)) == [True] + [False] * 5
    server.now_ms += DAY_MS
    for left in (4, 2, 0):
        server.do(op.Expire(rows=2))
        assert server.count("idem") == left
    server.run(*old)
    assert is_dup(server.run(*old)) == [True] * 5
    assert server.count("idem") == held(server) == 5


def held(server: Server) -> int:
    """Requests that the writer can find, once it has looked for what is new."""
    server.run(op.Ack(mailbox_id=server.mailbox(), upto=0))
    assert isinstance(server.engine, SQLiteMailboxEngine)
    count: int = server.engine._writing().execute("SELECT COUNT(*) FROM temp.idem_head").fetchone()[0]
    return count


def test_keys_that_begin_alike_are_told_apart(server: Server, group: Group) -> None:
    sent = [msgspec.structs.replace(message(group), key=bytes(8) + bytes([n]) * 24) for n in range(3)]
    assert is_dup(server.run(*sent[:2])) == [False, False]
    assert is_dup(server.run(*sent)) == [True, True, False]
    assert is_dup(server.run(*sent)) == [True] * 3


def test_the_pages_of_a_batch_are_as_few_however_many_requests_are_stored(server: Server, group: Group) -> None:
    def count_pages() -> int:
        server.database.truncate_log()
        batch = [message(group) for _ in range(64)]
        assert is_dup(server.run(*batch)) == [False] * 64
        return Path(f"{server.path}-wal").stat().st_size // 4096

    count_pages()
    few = count_pages()
    store_elsewhere(server, 10_000)
    assert count_pages() <= few + 16  # not one for each request


def store_elsewhere(server: Server, requests: int) -> None:
    """Somebody else accepts so many requests."""
    with closing(sqlite3.connect(server.path)) as other:
        rows = [(server.rng.randbytes(32), bytes(32), bytes(11), server.now_ms // 1000) for _ in range(requests)]
        other.executemany("INSERT INTO idem (key, body_hash, answer, at) VALUES (?, ?, ?, ?)", rows)
        other.commit()
