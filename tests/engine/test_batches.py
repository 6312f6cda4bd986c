"""Group commit: neighbours in a batch, racing writers, durable before the answer, wake-ups after it, a full queue."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.delivery.world import T0_MS, Group, Server

from zajil.delivery import commit as commit_verb
from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.engine.sql.queues import Cap
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MailboxId

SQLITE = pytest.mark.parametrize("make_server", ["sqlite"], indirect=True)


def test_a_losing_commit_hurts_no_neighbour_in_its_batch(server: Server) -> None:
    a, b, c = server.mailbox(), server.mailbox(), server.mailbox()
    group, other = Group(server, a, b), Group(server, a, b)
    add = [(2, server.refs.make_ref(c))]
    win, lose = (group.commit_frame(add, welcome=w) for w in (b"winner", b"loser"))
    before, after, third = group.send_frame(b"before"), group.send_frame(b"after"), other.send_frame(b"other group")
    outcomes = server.run(
        send_verb.prepare(before),
        commit_verb.prepare(win),
        commit_verb.prepare(lose),
        send_verb.prepare(after),
        send_verb.prepare(third),
    )
    codes = [o.code if isinstance(o, ZajilError) else "ok" for o in outcomes]
    assert codes == ["ok", "ok", "stale-epoch", "stale-epoch", "ok"]
    assert [m.body for m in server.queue(c)] == [b"winner"]
    assert [m.body for m in server.queue(a)][-3:] == [before.body, win.commit, third.body]
    assert [m.seq for m in server.queue(a)] == list(range(1, len(server.queue(a)) + 1))


async def test_eight_racing_writers_win_twenty_epochs_once_each(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    start = group.epoch
    server.engine.abandon()
    server.engine = server.make_engine()
    server.engine.start()
    wins: list[tuple[int, str]] = []
    losses: list[str] = []
    guests = {name: server.rng.randbytes(16) for name in "abcdefgh"}
    for box in guests.values():
        await server.engine.add_mailbox(box)  # type: ignore[arg-type]  # a MailboxId by use

    async def race(name: str) -> None:
        """One device: commits on the newest state it knows until the group is twenty epochs further."""
        while group.epoch < start + 20:
            epoch = group.epoch
            leaf = 10 + len(wins)
            ref = server.refs.make_ref(guests[name])  # type: ignore[arg-type]  # a MailboxId by use
            token = hashlib.sha256(f"{name}{epoch}".encode()).digest()
            frame = group.commit_frame([(leaf, ref)], welcome=f"{name}:{epoch + 1}".encode(), next_token=token)
            try:
                answer = await commit_verb.commit(server.engine, frame)
            except ZajilError as lost:
                losses.append(lost.code)
                continue
            assert answer.epoch == epoch + 1
            wins.append((answer.epoch, name))
            group.applied(frame, token)

    await asyncio.gather(*(race(name) for name in guests))
    assert [epoch for epoch, _ in wins] == list(range(start + 1, start + 21))
    assert set(losses) == {"stale-epoch"}
    commits = [m.epoch for m in await server.engine.read(a, 0, n=1000) if m.kind == 1]
    assert commits == list(range(start + 20))
    welcomed = []
    for name, box in guests.items():
        queue = await server.engine.read(box, 0, n=1000)  # type: ignore[arg-type]  # a MailboxId by use
        welcomed += [(m.epoch, name) for m in queue if m.kind == 3]
        assert all(m.body == f"{name}:{m.epoch}".encode() for m in queue if m.kind == 3)
    assert sorted(welcomed) == wins
    await server.engine.close()


async def test_the_answer_and_the_wake_up_come_after_commit(server: Server) -> None:
    box = server.mailbox()
    group = Group(server, box)
    server.engine.start()
    seen: list[int] = []

    def look(_frame: object) -> None:
        seen.append(server.count("mailbox_item"))

    server.bus.subscribe(box, look)
    await asyncio.gather(*(send_verb.send(server.engine, group.send_frame()) for _ in range(50)))
    assert seen
    assert seen[-1] == 50
    assert [m.seq for m in await server.engine.read(box, 0, n=100)] == list(range(1, 51))
    await server.engine.close()


async def test_a_full_queue_answers_busy_and_a_closing_engine_restarting(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(server, server.mailbox())
    server.engine.start()
    monkeypatch.setattr(op, "QUEUE_MAX", 3)
    with server.held():  # the writer waits, so the queue fills
        tasks = [asyncio.create_task(send_verb.send(server.engine, group.send_frame())) for _ in range(300)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [r for r in results if isinstance(r, ZajilError)]
    assert {(r.code, r.retry_ms) for r in refused} == {("busy", 1000)}
    assert len(results) - len(refused) == len(server.queue(group.leaves[0]))
    await server.engine.close()
    with pytest.raises(ZajilError, match="restarting"):
        await server.engine.send(send_verb.prepare(group.send_frame()))


async def test_a_caller_that_gives_up_finds_its_request_done(server: Server) -> None:
    group = Group(server, server.mailbox())
    server.engine.start()
    frame = group.send_frame()
    task = asyncio.create_task(send_verb.send(server.engine, frame))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await send_verb.send(server.engine, frame)).dup
    await server.engine.close()


async def test_one_who_fails_over_an_outcome_keeps_no_neighbour_from_theirs(server: Server) -> None:
    group = Group(server, server.mailbox())
    server.engine.start()
    told: list[object] = []

    def fail(_outcome: object) -> None:
        raise RuntimeError

    with server.held():  # so that the last two are in one batch
        for number in range(3):
            operation = send_verb.prepare(group.send_frame())
            server.engine.begin_send(operation, fail if number == 1 else told.append)
    await server.engine.close()  # what is told comes before its end
    assert [type(outcome) for outcome in told] == [op.Accepted, op.Accepted]


def test_a_bug_in_one_operation_is_internal_and_its_neighbours_stand(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    group = Group(server, server.mailbox())
    broken = op.AddPasses(hashes=(None,), kind=1)  # type: ignore[arg-type]  # wrong on purpose
    first, last = (send_verb.prepare(group.send_frame()) for _ in range(2))
    outcomes = server.run(first, broken, last)
    assert [getattr(o, "code", "ok") for o in outcomes] == ["ok", "internal", "ok"]
    assert "a mailbox operation failed" in caplog.text


def test_a_bug_among_what_is_written_together_hurts_nobody_else(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    box = server.mailbox()
    group = Group(server, box)
    broken = op.Notify(mailbox_ids=(box,), body=None)  # type: ignore[arg-type]  # wrong on purpose
    first, last = group.send_frame(), group.send_frame()
    outcomes = server.run(send_verb.prepare(first), broken, send_verb.prepare(last))
    assert [getattr(o, "code", "ok") for o in outcomes] == ["ok", "internal", "ok"]
    assert [(m.seq, m.body) for m in server.queue(box)] == [(1, first.body), (2, last.body)]
    assert "a mailbox operation failed" in caplog.text


def test_a_batch_sees_what_came_before_in_it(server: Server) -> None:
    """A new epoch and its first message, acknowledgements between messages, and a flood, each in one transaction."""
    a, b, c = server.mailbox(), server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    old = group.send_frame(b"old")
    commit = group.commit_frame([(2, server.refs.make_ref(c))], welcome=b"come in")
    group.applied(commit, group.pending)
    new = group.send_frame(b"new")
    outcomes = server.run(
        send_verb.prepare(old),
        op.Ack(mailbox_id=b, upto=2),
        commit_verb.prepare(commit),
        op.Ack(mailbox_id=b, upto=9),
        send_verb.prepare(new),
        op.Ack(mailbox_id=b, upto=3),
        op.Ack(mailbox_id=b, upto=1),
        op.Notify(mailbox_ids=(c, MailboxId(bytes(16))), body=b"notice"),
    )
    codes = [o.code if isinstance(o, ZajilError) else getattr(o, "rows", "ok") for o in outcomes]
    assert codes == ["ok", 2, "ok", "malformed", "ok", 1, 0, 1]
    assert [(m.seq, m.body) for m in server.queue(a)][1:] == [(2, old.body), (3, commit.commit), (4, new.body)]
    assert [(m.seq, m.body) for m in server.queue(b)] == [(4, new.body)]
    assert [(m.seq, m.body) for m in server.queue(c)] == [(1, b"come in"), (2, new.body), (3, b"notice")]
    assert server.engine.state_now(b) == op.MailboxState(head=4, queued=1, acked=3, dropped=0, before_seq=0)
    assert server.count("message") == 6


def test_a_flood_in_one_batch_evicts_nothing_of_another(make_server: Callable[[Cap], Server]) -> None:
    server = make_server(Cap(20, 1 << 20))
    box = server.mailbox()
    friend, flood = Group(server, server.mailbox(), box), Group(server, server.mailbox(), box)
    kept = [friend.send_frame() for _ in range(5)]
    server.run(*(send_verb.prepare(frame) for frame in [*kept, *(flood.send_frame() for _ in range(60))]))
    queue = server.queue(box)
    assert len(queue) == 20
    assert [m.body for m in queue if m.gid == friend.gid and m.kind == 2] == [f.body for f in kept]
    state = server.engine.state_now(box)
    assert (state.queued, state.head, state.dropped) == (20, 67, 47)
    assert state.before_seq == min(m.seq for m in queue if m.gid == flood.gid and m.kind == 2)
    assert server.count("mailbox_item") == server.look("SELECT SUM(refs) FROM message")[0]


def test_two_requests_under_one_key_in_a_batch_are_one_that_was_accepted(server: Server) -> None:
    box = server.mailbox()
    group = Group(server, box)
    good, other = (send_verb.prepare(group.send_frame(text)) for text in (b"one", b"another"))
    assert isinstance(good, op.Send)
    assert isinstance(other, op.Send)
    refused = msgspec.structs.replace(other, key=good.key, token=bytes(32))
    late = msgspec.structs.replace(other, key=good.key)
    outcomes = server.run(refused, good, late, good)
    codes = [o.code if isinstance(o, ZajilError) else getattr(o, "dup", None) for o in outcomes]
    assert codes == ["bad-group-token", False, "idem-conflict", True]
    assert [getattr(o, "dup", None) for o in server.run(good)] == [True]
    assert len(server.queue(box)) == 1
    (outcome,) = server.run(msgspec.structs.replace(refused, key=bytes(32)))
    assert isinstance(outcome, ZajilError)
    assert server.look("SELECT COUNT(*) FROM idem") == (2,)  # of the group's creation and the one message


@SQLITE
def test_a_disk_that_takes_no_commit_accepts_nothing(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    box = server.mailbox()
    group = Group(server, box)
    assert isinstance(server.engine, SQLiteMailboxEngine)
    writing = server.engine._writing()
    pages = writing.execute("PRAGMA page_count").fetchone()[0]
    writing.execute(f"PRAGMA max_page_count={pages}")
    large = [group.send_frame(b"x" * 60_000) for _ in range(3)]
    outcomes = server.run(*(send_verb.prepare(frame) for frame in large))
    assert [getattr(o, "code", "ok") for o in outcomes] == ["busy"] * 3
    assert server.queue(box) == ()
    writing.execute("PRAGMA max_page_count=1000000")
    assert [getattr(o, "dup", None) for o in server.run(*(send_verb.prepare(frame) for frame in large))] == [False] * 3


ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.delivery.world import Group, Server
from zajil.delivery import commit as commit_verb, send as send_verb
from zajil.protocol import frames

def die(operations, seconds):
    os.kill(os.getpid(), signal.SIGKILL)  # after COMMIT, before anybody is told

async def main(folder, verb, url):
    server = Server(folder, url=url)
    group = Group(server, server.mailbox(), server.mailbox())
    guest = server.mailbox()
    send, commit = group.send_frame(), group.commit_frame([(2, server.refs.make_ref(guest))], welcome=b"come in")
    (folder / "send").write_bytes(frames.encode_frame(send))
    (folder / "commit").write_bytes(frames.encode_frame(commit))
    parts = server.parts()._replace(note_batch=die)
    server.parts = lambda: parts
    server.crash()
    server.engine.start()
    await (send_verb.send(server.engine, send) if verb == "send" else commit_verb.commit(server.engine, commit))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if sys.argv[3:] else None))
"""


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.parametrize("verb", ["send", "commit"])
async def test_killed_between_commit_and_answer_the_retry_is_a_dup(server: Server, tmp_path: Path, verb: str) -> None:
    arguments = [str(server.path.parent), verb, *([server.url] if server.url else [])]
    server.engine.abandon()
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, *arguments, cwd=ROOT)
    assert await child.wait() == -9
    server.close()
    tmp_path = server.path.parent
    server = Server(tmp_path, url=server.url)  # the same seed, so the same keys
    send = frames.parse_s_client((tmp_path / "send").read_bytes())
    commit = frames.parse_s_client((tmp_path / "commit").read_bytes())
    assert isinstance(send, frames.Send)
    assert isinstance(commit, frames.Commit)
    answer = server.send(send) if verb == "send" else server.commit(commit)
    assert isinstance(answer, op.Accepted)
    assert (answer.epoch, answer.ts, answer.dup) == (1 if verb == "send" else 2, T0_MS, True)
    if verb == "send":
        assert answer.frank == server.mark(send), "the mark is of the time at which the killed server took it"
    kinds = {"message": 1 if verb == "send" else 2}
    assert server.count("message") == 2 + kinds["message"]  # the Welcome and commit of the set-up come first
    if verb == "commit":
        with pytest.raises(ZajilError, match="stale-epoch"):
            server.send(send)
    server.close()
