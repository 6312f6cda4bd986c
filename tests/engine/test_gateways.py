"""Several gateways on one PostgreSQL: twins of a request, races for an epoch, crossing batches, lost connections."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import Connection, delete, select
from tests.delivery.world import NO_LIMITS, Group, Server
from tests.postgres import OWNER, Cluster, made_folder

from zajil.delivery import commit as commit_verb
from zajil.delivery import create as create_verb
from zajil.delivery import send as send_verb
from zajil.engine.limits import Limit
from zajil.engine.sql import interface as op
from zajil.engine.sql.database import DEADLINE_S
from zajil.engine.sql.dialects import upsert
from zajil.engine.sql.postgres.connection import create_tables
from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.engine.sql.postgres.engine import PostgresMailboxEngine
from zajil.engine.sql.postgres.timeline import Follower
from zajil.engine.sql.state import TIMELINE, server_state
from zajil.engine.sql.writer import QueuedMailboxEngine
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.push.plan import Wake

pytestmark = pytest.mark.scale


@pytest.fixture
def server(on_postgres: Callable[[ExitStack], str], tmp_path: Path) -> Iterator[Server]:
    with ExitStack() as stack:
        made = Server(tmp_path, url=on_postgres(stack))
        stack.callback(made.close)
        yield made


@pytest.fixture
def gateways(server: Server) -> Iterator[Sequence[PostgresMailboxEngine]]:
    """Four on one database, with the keys of `server`."""
    with ExitStack() as stack:
        made = []
        for _ in range(4):
            engine = server.make_engine()
            assert isinstance(engine, PostgresMailboxEngine)
            stack.callback(engine.abandon)
            made.append(engine)
        yield made


def code(outcome: object) -> str:
    """How an operation ended."""
    if isinstance(outcome, ZajilError):
        return outcome.code
    assert isinstance(outcome, op.Accepted)
    return "dup" if outcome.dup else "ok"


def at_once(
    gateways: Sequence[PostgresMailboxEngine], server: Server, *batches: Sequence[op.Operation]
) -> list[list[op.Outcome | Exception]]:
    """Each batch by a gateway of its own, all begun together."""
    barrier = threading.Barrier(len(batches))

    def apply(engine: PostgresMailboxEngine, batch: Sequence[op.Operation]) -> list[op.Outcome | Exception]:
        barrier.wait(30)
        return engine.apply(batch, now_ms=server.now_ms)

    with ThreadPoolExecutor(len(batches)) as threads:
        return list(threads.map(apply, gateways, batches))


def test_of_copies_of_a_send_at_four_gateways_one_is_passed_on(
    server: Server, gateways: Sequence[PostgresMailboxEngine]
) -> None:
    box = server.mailbox()
    group = Group(server, server.mailbox(), box)
    copied = [group.send_frame() for _ in range(10)]
    for frame in copied:
        outcomes = at_once(gateways, server, *([send_verb.prepare(frame)],) * 4)
        assert sorted(code(outcome) for (outcome,) in outcomes) == ["dup", "dup", "dup", "ok"]
    assert [m.body for m in server.queue(box)][1:] == [frame.body for frame in copied]


def test_what_another_gateway_puts_between_two_transactions_of_a_batch_is_not_passed_over(
    server: Server, gateways: Sequence[PostgresMailboxEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = gateways[:2]
    box = server.mailbox()
    group = Group(server, server.mailbox(), box)
    head = server.queue(box)[-1].seq
    passed_on: list[int | None] = []

    def look(_woken: object) -> None:
        found = one.fresh(box, head, n=64, max_bytes=1 << 20)
        passed_on.append(len(found) if found is not None else None)

    def meanwhile(*given: object) -> object:
        assert code(*other.apply([send_verb.prepare(group.send_frame())], now_ms=server.now_ms)) == "ok"
        return apart(*given)  # type: ignore[arg-type]  # as it was called

    apart = one._run_apart
    monkeypatch.setattr(server.bus, "wake", look)
    send = [send_verb.prepare(group.send_frame()) for _ in range(4)]
    with monkeypatch.context() as between:
        between.setattr(one, "_run_apart", meanwhile)
        one.apply([send[0], op.Expire(rows=10), send[1]], now_ms=server.now_ms)
    assert passed_on == [None, None]
    head = server.queue(box)[-1].seq
    one.apply([send[2], op.Expire(rows=10), send[3]], now_ms=server.now_ms)
    assert passed_on == [None, None, 2]


def test_of_commits_of_one_epoch_at_four_gateways_one_wins(
    server: Server, gateways: Sequence[PostgresMailboxEngine]
) -> None:
    box, guest = server.mailbox(), server.mailbox()
    group = Group(server, box)
    for number in range(10):
        rivals = []
        for name in "abcd":
            ref = server.refs.make_ref(guest)
            frame = group.commit_frame([(number + 1, ref)], welcome=f"{name}{number}".encode())
            rivals.append((frame, group.pending))
        outcomes = at_once(gateways, server, *([commit_verb.prepare(frame)] for frame, _ in rivals))
        codes = [code(outcome) for (outcome,) in outcomes]
        assert sorted(codes) == ["ok", "stale-epoch", "stale-epoch", "stale-epoch"]
        group.applied(*rivals[codes.index("ok")])
    assert [m.epoch for m in server.queue(box) if m.kind == 1] == list(range(10))
    assert [m.epoch for m in server.queue(guest) if m.kind == 3] == list(range(1, 11))


def test_of_two_that_make_the_same_group_one_does(server: Server, gateways: Sequence[PostgresMailboxEngine]) -> None:
    group = Group(server, server.mailbox())
    for _ in range(10):
        group.gid = type(group.gid)(server.rng.randbytes(16))
        rivals = [create_verb.prepare(group.create_frame()) for _ in range(4)]
        outcomes = at_once(gateways, server, *([each] for each in rivals))
        assert sorted(code(o) for (o,) in outcomes) == ["group-exists", "group-exists", "group-exists", "ok"]
    assert server.count("pass") == 30, "who is refused keeps his pass"


def test_crossing_batches_wait_for_each_other_and_no_deadlock_ends_one(
    server: Server, gateways: Sequence[PostgresMailboxEngine]
) -> None:
    """Twelve mailboxes in overlapping groups, sent to and acknowledged by all gateways in orders of their own."""
    rng = random.Random(7)
    boxes = [server.mailbox() for _ in range(12)]
    groups = [Group(server, *rng.sample(boxes, 8)) for _ in range(6)]
    begun = sum(engine.tries for engine in gateways)
    sent = 0
    for _ in range(8):
        batches: list[list[op.Operation]] = []
        for _ in gateways:
            batch: list[op.Operation] = [send_verb.prepare(rng.choice(groups).send_frame()) for _ in range(10)]
            batch += [op.Ack(mailbox_id=box, upto=server.engine.state_now(box).head) for box in rng.sample(boxes, 4)]
            rng.shuffle(batch)
            batches.append(batch)
            sent += 10
        for batch, outcomes in zip(batches, at_once(gateways, server, *batches), strict=True):
            sends = [o for each, o in zip(batch, outcomes, strict=True) if isinstance(each, op.Send)]
            assert [code(o) for o in sends] == ["ok"] * 10
            assert len([o for o in outcomes if isinstance(o, op.Done)]) == 4
    assert sum(engine.tries for engine in gateways) - begun == 8 * 4, "none was tried twice"
    # Numbers without gaps, and messages that two mailboxes have in common stand in both in one order.
    places = []
    for box in boxes:
        state, queue = server.engine.state_now(box), server.queue(box)
        assert [m.seq for m in queue] == list(range(state.acked + 1, state.head + 1))
        assert state.queued == len(queue)
        places.append({m.id: m.seq for m in queue})
    for one, other in itertools.combinations(places, 2):
        shared = sorted(one.keys() & other.keys(), key=one.__getitem__)
        assert shared == sorted(shared, key=other.__getitem__)
    pointers = sum(len(place) for place in places)
    assert server.look("SELECT COALESCE(SUM(refs), 0), COUNT(*) FROM message WHERE refs > 0") == (
        pointers,
        server.count("message"),
    )
    assert sent == server.look("SELECT COUNT(*) FROM idem")[0] - 2 * len(groups)


def test_the_last_of_gateways_that_acknowledge_a_body_at_once_takes_it_away(
    server: Server, gateways: Sequence[PostgresMailboxEngine]
) -> None:
    boxes = [server.mailbox() for _ in range(4)]
    group = Group(server, *boxes)
    server.run(*(op.Ack(mailbox_id=box, upto=1) for box in boxes))
    for number in range(1, 11):
        server.run(*(send_verb.prepare(group.send_frame()) for _ in range(5)))
        heads = [server.engine.state_now(box).head for box in boxes]
        acks = [[op.Ack(mailbox_id=box, upto=head)] for box, head in zip(boxes, heads, strict=True)]
        assert at_once(gateways, server, *acks) == [[op.Done(5)]] * 4
        assert server.count("message") == 0, f"in round {number}"


def test_retention_beside_traffic_loses_nothing(server: Server, gateways: Sequence[PostgresMailboxEngine]) -> None:
    boxes = [server.mailbox() for _ in range(6)]
    groups = [Group(server, *boxes[n:], *boxes[:n]) for n in range(3)]
    for _ in range(6):
        signals = [send_verb.prepare(group.send_frame(ttl=1)) for group in groups for _ in range(4)]
        assert {code(o) for o in server.run(*signals)} == {"ok"}
        server.now_ms += 2000
        head = {box: server.engine.state_now(box).head for box in boxes}
        sends = [send_verb.prepare(group.send_frame()) for group in groups]
        acks = [op.Ack(mailbox_id=box, upto=head[box]) for box in reversed(boxes)]
        done = at_once(gateways, server, [op.Expire()], sends, acks, [op.Expire(rows=3)])
        assert [code(o) for o in done[1]] == ["ok"] * 3
        assert all(isinstance(o, op.Done) for part in (done[0], done[2], done[3]) for o in part)
    server.do(op.Expire())
    for box in boxes:
        state, queue = server.engine.state_now(box), server.queue(box)
        assert state.queued == len(queue) == 3
    assert server.look("SELECT SUM(refs), COUNT(*) FROM message") == (18, 3)
    assert server.look("SELECT SUM(size) FROM mailbox_item") == server.look("SELECT SUM(bytes) FROM mailbox")


def test_what_a_deadlock_ended_is_done_at_another_try_and_charged_once(server: Server) -> None:
    """The engine has the request's key and comes to wait for a mailbox whose holder waits for the key."""
    server.limits = NO_LIMITS | {"send": Limit(1, 1e9)}
    server.crash()
    box = server.mailbox()
    group = Group(server, box)
    frame = group.send_frame()
    prepared = send_verb.prepare(frame)
    assert isinstance(prepared, op.Send)
    assert server.url
    assert isinstance(server.engine, PostgresMailboxEngine)

    def until_waiting(number: int) -> None:
        waiting = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while looking.execute(waiting).fetchone() != (number,):
            time.sleep(0.01)

    with (
        psycopg.connect(server.url, autocommit=True) as looking,
        psycopg.connect(server.url) as gate,
        psycopg.connect(server.url) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        gate.execute("SELECT 1 FROM grp FOR UPDATE")
        other.execute("SET deadlock_timeout = '10min'")  # so that the engine's transaction is the one that ends
        other.execute("SELECT 1 FROM mailbox FOR UPDATE")
        tries = server.engine.tries
        sending = threads.submit(server.send, frame)
        until_waiting(1)  # for the group; it has the key
        insert = "INSERT INTO idem (key, body_hash, answer, at) VALUES (%s, '', '', 0)"
        inserting = threads.submit(other.execute, insert, (prepared.key,))
        until_waiting(2)
        gate.rollback()
        inserting.result(60)  # so the engine's transaction was ended
        assert server.engine.tries > tries
        other.rollback()
        assert code(sending.result(60)) == "ok"
    assert server.engine.tries > tries + 1
    assert [m.body for m in server.queue(box)] == [frame.body]


def test_a_lost_connection_is_busy_and_the_next_batch_has_a_new_one(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    box = server.mailbox()
    frame = Group(server, box).send_frame()
    assert server.queue(box) == ()
    assert server.url
    with psycopg.connect(server.url, autocommit=True) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'zajil' AND datname = current_database()"  # other tests run beside this one
        ).fetchall()
    assert ended == [(True,)] * 2  # the writer's and the reader's
    with pytest.raises(ZajilError, match="busy"):
        server.send(frame)
    with pytest.raises(ZajilError, match="busy"):
        server.queue(box)
    assert code(server.send(frame)) == "ok"
    assert [m.body for m in server.queue(box)] == [frame.body]
    assert "a batch of mailbox operations could not be written" in caplog.text


def test_what_was_stored_although_the_answer_to_commit_was_lost_wakes_who_waits(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender asks again, and is told that it was taken; without a wake-up it would lie for a minute."""
    box, woken = server.mailbox(), list[object]()
    frame = Group(server, box).send_frame()
    server.bus.subscribe(box, woken.append)
    assert isinstance(server.engine, PostgresMailboxEngine)
    writing = server.engine._writing(server.now_ms)
    execute = writing.execute

    def lose(statement: LiteralString) -> object:
        cursor = execute(statement)
        if statement == "COMMIT":
            writing.close()
            raise psycopg.OperationalError("the answer was lost")
        return cursor

    monkeypatch.setattr(writing, "execute", lose)
    with pytest.raises(ZajilError, match="busy"):
        server.send(frame)
    assert woken == []
    again = server.send(frame)
    assert isinstance(again, op.Accepted)
    assert again.dup
    assert woken == [None]
    assert [m.body for m in server.queue(box)] == [frame.body]


def test_another_that_holds_a_row_costs_a_deadline_and_nothing_is_stored(server: Server) -> None:
    box = server.mailbox()
    frame = Group(server, box).send_frame()
    assert server.url
    assert isinstance(server.engine, PostgresMailboxEngine)
    writing = server.engine._writing(server.now_ms)
    said = [writing.execute(f"SHOW {name}".encode()).fetchone() for name in ("synchronous_commit", "lock_timeout")]
    assert said == [("on",), (f"{DEADLINE_S:g}s",)]
    writing.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(server.url) as other:
        other.execute("SELECT 1 FROM mailbox FOR UPDATE")
        with pytest.raises(ZajilError, match="busy") as told:
            server.send(frame)
        assert told.value.retry_ms
    assert code(server.send(frame)) == "ok"


def test_a_device_that_asked_for_pushes_is_noted_once_for_a_batch(server: Server) -> None:
    asleep, awake = server.mailbox(), server.mailbox()
    group = Group(server, asleep, awake)
    assert server.url
    with psycopg.connect(server.url) as other:
        other.execute("UPDATE mailbox SET push = 1 WHERE mailbox_id = %s", (asleep,))
    for newest in (4, 8):
        batch = [send_verb.prepare(group.send_frame(flags=frames.WAKE)) for _ in range(3)]
        server.run(*batch, send_verb.prepare(group.send_frame()))
        due = server.look("SELECT COUNT(*), MAX(seq), MIN(wake), MIN(tries) FROM push_due")
        assert due == (1, newest, Wake.MESSAGE, 0)
        server.do(op.Ack(mailbox_id=awake, upto=newest))


def test_what_another_gateway_uses_just_now_does_not_expire(
    server: Server, gateways: Sequence[PostgresMailboxEngine]
) -> None:
    """A group that somebody comes back to after 90 days, in the moment in which retention comes for it."""
    group = Group(server, server.mailbox())
    server.now_ms += 365 * 86_400_000
    today, url = server.now_ms // 86_400_000, str(server.url)
    with psycopg.connect(url) as using, ThreadPoolExecutor(1) as thread:
        using.execute(
            "INSERT INTO ref_use (hash, day, handshakes, bytes, messages) VALUES ('x', %s, 1, 1, 1)", (today,)
        )
        using.commit()
        for age, use in (
            (b"UPDATE grp SET used_day = 1", b"UPDATE grp SET used_day = %s"),
            (b"UPDATE ref_use SET day = 1", b"UPDATE ref_use SET day = %s"),
        ):
            using.execute(age)
            using.commit()
            assert using.execute(use, (today,)).rowcount == 1
            expiring = thread.submit(gateways[0].apply, [op.Expire(rows=100)], now_ms=server.now_ms)
            with psycopg.connect(url, autocommit=True) as watching:
                while not watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
                    assert not expiring.done(), "it waits for who uses them"
                    time.sleep(0.01)
            using.commit()
            assert all(isinstance(outcome, op.Done) for outcome in expiring.result(30))
        assert using.execute("SELECT gid FROM grp").fetchall() == [(group.gid,)]
        assert using.execute("SELECT count(*) FROM ref_use").fetchall() == [(1,)]


def test_a_standby_that_took_over_gives_no_number_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it lacks was acknowledged, and devices have seen its numbers. One numbers, also where all were stopped; and
    a server that was replaced and comes back is not written to by whoever knows the one in its place.
    """
    with made_folder() as folder, ExitStack() as stack:
        cluster = Cluster(folder)
        cluster.start()
        stack.callback(cluster.kill)
        url = f"postgresql://{OWNER}@/postgres?host={folder}"
        create_tables(url)
        server = Server(tmp_path, url=url)
        stack.callback(server.close)
        box, numbers = server.mailbox(), []

        def gateway() -> QueuedMailboxEngine:
            engine = server.make_engine()
            stack.callback(engine.abandon)
            return engine

        def write(*engines: QueuedMailboxEngine) -> None:
            for engine in engines:
                while not isinstance(engine.apply([op.Expire(rows=1)], now_ms=server.now_ms)[0], op.Done):
                    pass  # the connection broke
            with psycopg.connect(url) as connection:
                found = connection.execute("SELECT next_seq FROM mailbox WHERE mailbox_id = %s", (box,)).fetchall()
            numbers.append(found[0][0])

        follower, told = Follower(), list[str]()
        follower.changed = lambda: told.append("changed")
        database = PostgresDatabase(url)
        stack.callback(database.close)
        database.follower = follower

        def remember(word: str) -> None:
            def work(connection: Connection) -> None:
                connection.execute(upsert(server_state).on_conflict_do_nothing(), {"name": word, "value": ""})

            asyncio.run(database.write(work))

        two = gateway(), gateway()
        remember("before")
        write(*two)
        for take_over in (cluster.start, cluster.take_over, cluster.start):
            cluster.kill()
            take_over()
            write(*two)
        above = op.number_at(server.now_ms // 1000)
        assert numbers == [1, 1, above, above]
        assert caplog.text.count("took over") == 1
        cluster.kill()
        shutil.copytree(folder / "data", folder / "old")
        cluster.take_over()
        remember("after")
        three = PostgresMailboxEngine(url, server.parts(), follower=follower)
        stack.callback(three.abandon)
        write(three, *two)
        assert numbers[-1] == above + op.SEQ_STEP, "of several gateways one numbers, here what wrote no mailbox"
        assert caplog.text.count("took over") == 2
        assert told == ["changed"], "of its first server there is nothing to tell"

        cluster.kill()
        shutil.rmtree(folder / "data")
        (folder / "old").rename(folder / "data")
        cluster.give_to_owner()
        cluster.start()
        for _ in range(2):
            with pytest.raises(ZajilError, match="busy"):
                remember("lost")
        with pytest.raises(ZajilError, match="busy"):
            database.write_sync(lambda connection: connection.execute(delete(server_state)))
        for _ in range(3):
            (outcome,) = three.apply([op.LiftMailbox(mailbox_id=box, seen=2 * above)], now_ms=server.now_ms)
            assert isinstance(outcome, ZajilError)
            assert outcome.code == "busy"
        assert caplog.text.count("that a standby has replaced") == 1, "once, not with every batch"
        with pytest.raises(ZajilError, match="busy"):
            asyncio.run(database.read(lambda connection: connection.execute(select(server_state)).all()))
        with pytest.raises(ZajilError, match="busy"):
            three.state_now(box)
        write(gateway())
        assert numbers[-1] == above, "an operator who means it starts the gateways anew"
        names = database.read_sync(lambda connection: set(connection.execute(select(server_state.c.name)).scalars()))
        assert names == {"before", TIMELINE}
