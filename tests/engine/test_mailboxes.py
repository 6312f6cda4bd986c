"""Queues of every implementation: numbering, acknowledgement, cap and eviction, expiry, and how many statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import msgspec
import pytest
from tests.delivery.world import Group, Server

from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.engine.sql.queues import Cap
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Kind
from zajil.protocol.ids import GroupId, MailboxId

PRAGMAS = ("journal_mode", "synchronous", "secure_delete")
MakeServer = Callable[[Cap | None], Server]


def test_an_unknown_mailbox_is_gone(server: Server) -> None:
    nobody = MailboxId(bytes(16))
    assert server.queue(nobody) == ()
    with pytest.raises(ZajilError, match="gone"):
        server.engine.state_now(nobody)
    with pytest.raises(ZajilError, match="gone"):
        server.do(op.Ack(mailbox_id=nobody, upto=0))


@pytest.mark.parametrize("ahead", [1, 2, 2**62])
def test_a_future_number_cannot_be_acknowledged(server: Server, ahead: int) -> None:
    box = server.mailbox()
    group = Group(server, box)
    server.send(group.send_frame())
    with pytest.raises(ZajilError, match="malformed"):
        server.do(op.Ack(mailbox_id=box, upto=1 + ahead))
    assert server.engine.state_now(box).acked == 0
    assert len(server.queue(box)) == 1


def test_what_a_device_saw_and_the_database_lost_is_numbered_past_in_order(make_server: MakeServer) -> None:
    """Nobody else's mailbox moves, and what the cap took is still told."""
    server = make_server(Cap(3, 1 << 20))
    box, other = server.mailbox(), server.mailbox()
    group = Group(server, box, other)
    for _ in range(4):
        server.send(group.send_frame())
    lost, (queue, others) = server.engine.state_now(box), (server.queue(box), server.queue(other))
    assert (lost.head, lost.dropped) == (5, 2)
    for seen in (0, 4, 5):
        assert server.do(op.LiftMailbox(mailbox_id=box, seen=seen)) == op.Done(0), "it lost none of these"
    assert server.engine.state_now(box) == lost
    for seen, moved in ((6, 3), (6, 0), (9, 0), (10, 3), (2**50, 3)):
        assert server.do(op.LiftMailbox(mailbox_id=box, seen=seen)) == op.Done(moved)
    assert [(m.seq, m.id) for m in server.queue(box, 2**50)] == [(2**50 + n, m.id) for n, m in enumerate(queue, 1)]
    assert server.engine.state_now(box) == msgspec.structs.replace(lost, head=2**50 + 3, before_seq=2**50 + 1)
    assert server.queue(other) == others
    server.send(group.send_frame())
    assert server.queue(box)[-1].seq == 2**50 + 4
    server.do(op.Ack(mailbox_id=box, upto=2**50 + 4))
    assert (server.engine.state_now(box).queued, server.engine.state_now(box).dropped) == (0, 0)
    with pytest.raises(ZajilError, match="gone"):
        server.do(op.LiftMailbox(mailbox_id=MailboxId(bytes(16)), seen=1))


def test_an_acknowledgement_touches_its_own_mailbox_only(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    for _ in range(3):
        server.send(group.send_frame())
    assert server.do(op.Ack(mailbox_id=a, upto=4)) == op.Done(4)
    assert server.queue(a) == ()
    assert [m.seq for m in server.queue(b)] == [1, 2, 3, 4]
    assert server.count("message") == 4  # the Welcome and three messages still have one pointer


def test_a_body_goes_with_its_last_pointer(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    server.send(group.send_frame())
    server.do(op.Ack(mailbox_id=a, upto=2))
    assert server.count("message") == 2
    server.do(op.Ack(mailbox_id=b, upto=2))
    assert (server.count("message"), server.count("mailbox_item")) == (0, 0)


def test_acknowledgement_is_cumulative_and_never_goes_back(server: Server) -> None:
    box = server.mailbox()
    group = Group(server, box)
    for _ in range(5):
        server.send(group.send_frame())
    server.do(op.Ack(mailbox_id=box, upto=3))
    assert server.do(op.Ack(mailbox_id=box, upto=2)) == op.Done(0)
    state = server.engine.state_now(box)
    assert state == op.MailboxState(head=5, queued=2, acked=3, dropped=0, before_seq=0)
    assert [m.seq for m in server.queue(box)] == [4, 5]


def test_reading_stops_at_the_count_and_at_the_size_but_gives_one_always(server: Server) -> None:
    box = server.mailbox()
    group = Group(server, box)
    for _ in range(4):
        server.send(group.send_frame(b"x" * 1000))
    assert [m.seq for m in server.engine.read_now(box, 1, n=2)] == [2, 3]
    assert [m.seq for m in server.engine.read_now(box, 0, n=9, max_bytes=2500)] == [1, 2]
    assert [m.seq for m in server.engine.read_now(box, 0, n=9, max_bytes=1)] == [1]


def test_a_dropped_mailbox_takes_its_entries_along(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    server.send(group.send_frame())
    server.do(op.DropMailbox(mailbox_id=a))
    assert server.count("message") == 2
    server.do(op.DropMailbox(mailbox_id=b))
    assert (server.count("message"), server.count("mailbox_item"), server.count("mailbox")) == (0, 0, 0)


def test_a_flood_through_one_reference_evicts_nothing_of_another(make_server: MakeServer) -> None:
    server = make_server(Cap(20, 1 << 20))
    box = server.mailbox()
    friend, flood = Group(server, server.mailbox(), box), Group(server, server.mailbox(), box)
    kept = [friend.send_frame() for _ in range(5)]
    for frame in kept:
        server.send(frame)
    for _ in range(60):
        server.send(flood.send_frame())
    queue = server.queue(box)
    assert len(queue) == 20
    assert [m.body for m in queue if m.gid == friend.gid and m.kind == 2] == [f.body for f in kept]
    assert [m.kind for m in queue if m.gid == flood.gid].count(Kind.WELCOME) == 1  # messages go before Welcomes
    state = server.engine.state_now(box)
    assert (state.queued, state.head) == (20, 67)
    first_kept = min(m.seq for m in queue if m.gid == flood.gid and m.kind == 2)
    assert (state.dropped, state.before_seq) == (47, first_kept)


def test_a_flood_of_bytes_is_measured_in_bytes(make_server: MakeServer) -> None:
    server = make_server(Cap(1000, 20_000))
    box = server.mailbox()
    friend, flood = Group(server, server.mailbox(), box), Group(server, server.mailbox(), box)
    for _ in range(30):
        server.send(friend.send_frame(b""))
    for _ in range(10):
        server.send(flood.send_frame(b"x" * 5000))
    queue = server.queue(box)
    assert sum(len(m.body) for m in queue) <= 20_000
    assert len([m for m in queue if m.gid == friend.gid and m.kind == 2]) == 30


def test_one_large_body_in_the_place_of_many_small_ones_takes_few_statements(make_server: MakeServer) -> None:
    """The writer is everybody's: whoever fills a mailbox with crumbs must not hold it up with one Welcome."""
    server = make_server(Cap(1000, 100_000))
    box = server.mailbox()
    friend, flood = Group(server, server.mailbox(), box), Group(server, server.mailbox(), box)
    friendly = [friend.send_frame(b"") for _ in range(30)]
    for frame in friendly:
        server.send(frame)
    while server.engine.state_now(box).queued < 1000 and not server.engine.state_now(box).dropped:
        server.run(*(send_verb.prepare(flood.send_frame(b"")) for _ in range(50)))
    large = friend.commit_frame([(2, server.refs.make_ref(box))], welcome=b"w" * 40_000)
    before = server.queue(box)
    server.commit(large)
    assert server.engine.last_statements < 35
    queue = server.queue(box)
    gone = [m for m in before if m.seq < queue[-1].seq and m.seq not in {kept.seq for kept in queue}]
    assert len(gone) > 200
    assert {m.gid for m in gone} == {flood.gid}
    assert max(m.seq for m in gone) < min(m.seq for m in queue if m.gid == flood.gid and m.kind == Kind.APP)
    assert sum(len(m.body) for m in queue) <= 100_000
    state = server.engine.state_now(box)
    assert state.queued == len(queue)
    assert state.dropped == state.head - len(queue)


def test_commits_of_the_flooding_reference_go_last_but_go(make_server: MakeServer) -> None:
    server = make_server(Cap(10, 1 << 20))
    box = server.mailbox()
    friend, flood = Group(server, server.mailbox(), box), Group(server, server.mailbox(), box)
    server.send(friend.send_frame())
    for _ in range(20):
        frame = flood.commit_frame()
        server.commit(frame)
        flood.applied(frame, flood.pending)
    queue = server.queue(box)
    assert len(queue) == 10
    assert [m.kind for m in queue if m.gid == friend.gid] == [3, 2]
    assert queue[-1].epoch == flood.epoch - 1


def test_a_gap_is_told_until_an_acknowledgement_passes_it(make_server: MakeServer) -> None:
    server = make_server(Cap(5, 1 << 20))
    box = server.mailbox()
    group = Group(server, box)
    for _ in range(12):
        server.send(group.send_frame())
    state = server.engine.state_now(box)
    assert (state.dropped, state.before_seq) == (7, 8)
    server.do(op.Ack(mailbox_id=box, upto=7))
    assert server.engine.state_now(box).dropped == 7
    server.do(op.Ack(mailbox_id=box, upto=8))
    after = server.engine.state_now(box)
    assert (after.dropped, after.before_seq, after.queued) == (0, 0, 4)


def test_messages_expire_after_thirty_days_and_leave_no_gap_mark(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    server.send(group.send_frame())
    server.now_ms += 86_400_000
    server.send(group.send_frame())
    server.now_ms += 29 * 86_400_000
    assert server.do(op.Expire(rows=2)) == op.Done(2)
    server.do(op.Expire())
    for box in (a, b):
        assert [m.seq for m in server.queue(box)] == [3]
        state = server.engine.state_now(box)
        assert (state.queued, state.head, state.dropped) == (1, 3, 0)
    assert server.count("message") == 1


def test_a_signal_waits_a_minute_for_a_device_and_then_leaves_a_number_and_nothing_else(server: Server) -> None:
    """Before the next `expire` it is read no more; after it, it is gone; a device that comes late misses no line."""
    box = server.mailbox()
    group = Group(server, box)
    line, ring, end = group.send_frame(b"line"), group.send_frame(b"ring", ttl=60), group.send_frame(b"end", ttl=60)
    for frame in (line, ring):
        server.send(frame)
    server.now_ms += 59_999
    server.send(end)
    assert [m.body for m in server.queue(box)] == [line.body, ring.body, end.body]
    server.now_ms += 1
    assert [m.body for m in server.queue(box)] == [line.body, end.body]
    assert [m.seq for m in server.queue(box, 0, 1)] == [1]
    assert server.queue(box, 3) == ()
    assert server.count("message") == 3
    server.do(op.Expire())
    assert server.count("message") == 2
    state = server.engine.state_now(box)
    assert state == op.MailboxState(head=3, queued=2, acked=0, dropped=0, before_seq=0)
    server.now_ms += 60_000
    server.do(op.Expire())
    assert [m.body for m in server.queue(box)] == [line.body]
    assert server.do(op.Ack(mailbox_id=box, upto=3)) == op.Done(1)
    assert server.engine.state_now(box) == op.MailboxState(head=3, queued=0, acked=3, dropped=0, before_seq=0)
    assert (server.count("message"), server.count("mailbox_item")) == (0, 0)
    server.send(group.send_frame())
    assert [m.seq for m in server.queue(box, 3)] == [4]


def test_a_repeated_signal_is_the_same_one_also_after_it_expired(server: Server) -> None:
    box = server.mailbox()
    frame = Group(server, box).send_frame(b"ring", ttl=60)
    first = server.send(frame)
    assert isinstance(first, op.Accepted)
    again = op.Accepted(first.epoch, first.ts, True, first.frank)
    server.now_ms += 30_000
    assert server.send(frame) == again
    assert len(server.queue(box)) == 1
    server.now_ms += 30_000
    server.do(op.Expire())
    assert server.send(frame) == again
    assert server.queue(box) == ()
    with pytest.raises(ZajilError, match="idem-conflict"):
        server.send(msgspec.structs.replace(frame, ttl=59))


def test_signals_that_fall_to_the_cap_are_no_gap(make_server: MakeServer) -> None:
    server = make_server(Cap(3, 1 << 20))
    box = server.mailbox()
    group = Group(server, box)
    for _ in range(6):
        server.send(group.send_frame(b"ring", ttl=60))
    assert server.engine.state_now(box) == op.MailboxState(head=6, queued=3, acked=0, dropped=0, before_seq=0)
    for _ in range(3):
        server.send(group.send_frame(b"line"))
    assert server.engine.state_now(box).dropped == 0
    server.send(group.send_frame(b"ring", ttl=60))
    assert all(m.body.endswith(b"line") for m in server.queue(box))
    assert server.engine.state_now(box) == op.MailboxState(head=10, queued=3, acked=0, dropped=0, before_seq=0)


def test_signals_that_are_over_take_no_place_from_what_lasts(make_server: MakeServer) -> None:
    server = make_server(Cap(6, 1 << 20))
    box = server.mailbox()
    friend, caller = Group(server, box), Group(server, box)
    for _ in range(3):
        server.send(friend.send_frame(b"line"))
    for _ in range(3):
        server.send(caller.send_frame(b"ring", ttl=60))
    server.now_ms += 61_000  # and nothing has swept them yet
    server.send(friend.send_frame(b"line"))
    assert [m.body[-4:] for m in server.queue(box)] == [b"line"] * 4
    assert server.engine.state_now(box) == op.MailboxState(head=7, queued=4, acked=0, dropped=0, before_seq=0)
    server.do(op.Expire())
    assert server.engine.state_now(box).queued == 4
    assert server.count("message") == 4


def test_many_signals_and_lines_that_fall_to_the_cap_at_once_tell_of_the_lines(make_server: MakeServer) -> None:
    server = make_server(Cap(1000, 10_000))
    box = server.mailbox()
    group = Group(server, box)
    for number in range(20):
        server.send(group.send_frame(b"x" * 100, ttl=60 * (number % 2)))
    assert server.engine.state_now(box).dropped == 0
    server.send(group.send_frame(b"x" * 9_000))
    state = server.engine.state_now(box)
    lines = 21 - state.queued - 10  # after the ten signals; numbers 1, 3, 5 ... are lines
    assert lines > 1
    assert state.dropped == lines
    assert state.before_seq == 2 * lines


def test_a_clock_that_was_ahead_takes_nothing_that_waited(server: Server) -> None:
    """Left out of a reading, an older message would count as taken with the acknowledgement of a newer one."""
    box, right = server.mailbox(), server.now_ms
    group = Group(server, server.mailbox(), box)
    waiting = [group.send_frame(b"%d" % number) for number in range(3)]
    for frame in waiting:
        server.send(frame)
    server.now_ms += 40 * 86_400_000
    newer, ring = group.send_frame(b"newer"), group.send_frame(b"ring", ttl=60)
    server.send(ring)
    server.send(newer)
    assert [message.body for message in server.queue(box)][-5:] == [*(f.body for f in waiting), ring.body, newer.body]
    server.now_ms += 61_000
    assert [message.body for message in server.queue(box)][-4:] == [*(f.body for f in waiting), newer.body]
    server.now_ms = right
    assert [message.body for message in server.queue(box)][-5:] == [*(f.body for f in waiting), ring.body, newer.body]


def lookups(server: Server) -> int:
    """Statements for what is known of requests: on PostgreSQL the insertion of their keys tells."""
    return 1 if server.url is None else 0


@pytest.mark.parametrize("members", [1, 20])
def test_a_signal_costs_what_a_message_does(server: Server, members: int) -> None:
    group = Group(server, *(server.mailbox() for _ in range(members)))
    server.crash()  # so that nothing is known of what was
    server.send(group.send_frame(b"ring", ttl=60))
    assert server.engine.last_statements == 7 + lookups(server)


async def test_a_member_shows_the_token_of_this_epoch_or_the_one_before(server: Server) -> None:
    group = Group(server, server.mailbox(), server.mailbox())
    first, second = group.tokens
    check = server.engine.check_member
    assert await check(group.gid, 1, second)
    assert not await check(group.gid, 0, first)
    group.add(server.mailbox())
    assert await check(group.gid, 2, group.token)
    assert not await check(group.gid, 1, second)
    wrong = [(group.gid, 0, first), (group.gid, 1, group.token), (group.gid, 2, second), (group.gid, 3, group.token)]
    wrong += [(group.gid, 2, bytes(32)), (GroupId(bytes(16)), 2, group.token), (GroupId(bytes(16)), 0, bytes(32))]
    for gid, epoch, token in wrong:
        with pytest.raises(ZajilError, match="bad-group-token"):
            await check(gid, epoch, token)


def test_a_group_without_use_ends_after_ninety_days(server: Server) -> None:
    used, unused = Group(server, server.mailbox()), Group(server, server.mailbox())
    server.now_ms += 50 * 86_400_000
    server.send(used.send_frame())
    server.now_ms += 45 * 86_400_000
    server.do(op.Expire())
    assert server.count("grp") == 1
    server.send(used.send_frame())
    with pytest.raises(ZajilError, match="bad-group-token"):
        server.send(unused.send_frame())


def test_a_stored_body_is_named_by_its_time_and_80_random_bits(server: Server) -> None:
    box = server.mailbox()
    group = Group(server, box)
    for _ in range(3):
        server.now_ms += 1
        server.run(*(send_verb.prepare(group.send_frame()) for _ in range(70)))
    queue = server.queue(box)
    assert all(each.id[:6] == each.ts.to_bytes(6) for each in queue)
    assert len({each.ts for each in queue}) == 3
    assert len({each.id[6:] for each in queue}) == len(queue) == 210


@pytest.mark.parametrize("members", [1, 5, 40])
def test_hot_operations_take_the_same_few_statements_for_any_group(server: Server, members: int) -> None:
    boxes = [server.mailbox() for _ in range(members)]
    group = Group(server, *boxes)
    took = []
    for operation in (
        send_verb.prepare(group.send_frame()),
        op.Ack(mailbox_id=boxes[0], upto=1),
        op.Ack(mailbox_id=boxes[0], upto=1),
    ):
        server.crash()  # so that nothing is known of what was
        server.do(operation)
        took.append(server.engine.last_statements)
    box = server.mailbox()
    server.crash()
    server.commit(group.commit_frame([(members, server.refs.make_ref(box))], welcome=b"w"))
    took.append(server.engine.last_statements)
    assert took == [7 + lookups(server), 5, 1, 8 + lookups(server)]


@pytest.mark.parametrize("make_server", ["sqlite"], indirect=True)
def test_what_is_refused_writes_nothing_to_the_disk(server: Server) -> None:
    group, log = Group(server, server.mailbox()), server.path.with_name(server.path.name + "-wal")
    strange = msgspec.structs.replace(send_verb.prepare(group.send_frame()), token=bytes(32))
    before = log.stat().st_size, log.stat().st_mtime_ns
    (refused,) = server.run(strange)
    assert isinstance(refused, ZajilError)
    assert (log.stat().st_size, log.stat().st_mtime_ns) == before
    server.send(group.send_frame())
    assert log.stat().st_mtime_ns > before[1]


@pytest.mark.parametrize("make_server", ["sqlite"], indirect=True)
def test_every_table_is_strict_and_the_file_is_durable_and_wiped(server: Server) -> None:
    with closing(sqlite3.connect(server.path)) as connection:
        rows = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    connection.close()
    # A virtual table cannot be strict, nor what FTS5 makes for it.
    loose = {name for name, strict in rows if not strict and not name.startswith("pub_search")}
    assert loose <= {"sqlite_schema", "sqlite_sequence"}
    assert isinstance(server.engine, SQLiteMailboxEngine)
    writing = server.engine._writing()
    values = [
        writing.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "secure_delete")
    ]
    assert values == ["wal", 2, 1]
