"""A mailbox under a random life: sends, acknowledgements, crashes, reconnects, removals, floods and time.

The model is what a device must be able to rely on: every message accepted while it was in the roster arrives, once, in
order, unless it expired or fell to the cap, which is then told.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.delivery.world import Group, Server

from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.engine.sql.queues import Cap
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MailboxId
from zajil.protocol.limits import SIGNAL_TTL_S

CAP = Cap(12, 4000)
DEVICES = st.integers(0, 2)


class Device:
    """A client that stores before it acknowledges. A reconnect forgets what was read and not stored."""

    def __init__(self, box: MailboxId) -> None:
        self.box = box
        self.stored = 0
        self.shown: list[bytes] = []
        self.unread: list[frames.Msg] = []
        self.expected: dict[bytes, int] = {}
        self.excused: set[bytes] = set()


class Mailboxes(RuleBasedStateMachine):
    @staticmethod
    def new_url() -> str | None:
        """Of a database for one life; None: a file."""
        return None

    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.server = Server(self.folder, seed=seed, cap=CAP, url=self.new_url())
        self.devices = [Device(self.server.mailbox()) for _ in range(3)]
        self.group = Group(self.server, *(d.box for d in self.devices))
        self.used_ms = self.server.now_ms
        self.expect(self.devices[0], self.group.founding.commit)
        for device in self.devices[1:]:
            self.expect(device, self.group.last_welcome)
        self.last: frames.Send | None = None
        self.queued: list[frames.Send] = []
        self.signals: dict[bytes, int] = {}

    def expect(self, device: Device, body: bytes) -> None:
        device.expected[body] = self.used_ms = self.server.now_ms

    def members(self) -> list[Device]:
        return [d for d in self.devices if d.box in self.group.leaves.values()]

    def accepted(self, frame: frames.Send) -> None:
        for device in self.members():
            self.expect(device, frame.body)

    @rule(size=st.integers(0, 900))
    def send(self, size: int) -> None:
        self.last = self.group.send_frame(b"x" * size)
        frank = self.server.mark(self.last)
        assert self.server.send(self.last) == op.Accepted(self.group.epoch, self.server.now_ms, frank=frank)
        self.accepted(self.last)

    @rule(ttl=st.integers(1, SIGNAL_TTL_S))
    def send_signal(self, ttl: int) -> None:
        self.last = self.group.send_frame(b"signal", ttl=ttl)
        assert isinstance(self.server.send(self.last), op.Accepted)
        self.signals[self.last.body] = ttl
        self.accepted(self.last)

    @precondition(lambda self: self.last is not None)
    @rule()
    def send_again(self) -> None:
        """The answer was lost: the same request again, maybe after a commit, changes nothing."""
        assert self.last is not None
        answer = self.server.send(self.last)
        assert isinstance(answer, op.Accepted)
        assert answer.dup

    @rule(n=st.integers(2, 6))
    def send_batch(self, n: int) -> None:
        """Several in one transaction, a stale one and a stranger's among them."""
        good = [self.group.send_frame() for _ in range(n)]
        bad = [self.group.send_frame(epoch=self.group.epoch + 1)]
        outcomes = self.server.run(*(send_verb.prepare(f) for f in [*good[:1], *bad, *good[1:]]))
        assert [isinstance(o, ZajilError) for o in outcomes] == [False, True] + [False] * (n - 1)
        for frame in good:
            self.accepted(frame)

    @rule()
    def crash(self) -> None:
        self.server.crash()

    @rule(who=DEVICES)
    def reconnect(self, who: int) -> None:
        """HELLO: `after` acknowledges what is stored, and what was only read comes again."""
        device = self.devices[who]
        device.unread = []
        self.server.do(op.Ack(mailbox_id=device.box, upto=device.stored))
        state = self.server.engine.state_now(device.box)
        assert state.acked == device.stored <= state.head

    @rule(who=DEVICES, n=st.integers(1, 8))
    def read(self, who: int, n: int) -> None:
        device = self.devices[who]
        after = device.unread[-1].seq if device.unread else device.stored
        device.unread += self.server.queue(device.box, after, n)

    @rule(who=DEVICES)
    def store_and_ack(self, who: int) -> None:
        device = self.devices[who]
        for entry in device.unread:
            assert entry.seq > device.stored
            assert entry.body not in device.shown
            device.stored = entry.seq
            device.shown.append(entry.body)
        device.unread = []
        self.server.do(op.Ack(mailbox_id=device.box, upto=device.stored))

    @rule(who=DEVICES, ahead=st.integers(1, 3))
    def acknowledge_the_future(self, who: int, ahead: int) -> None:
        box = self.devices[who].box
        (outcome,) = self.server.run(op.Ack(mailbox_id=box, upto=self.server.engine.state_now(box).head + ahead))
        assert isinstance(outcome, ZajilError)

    @precondition(lambda self: len(self.group.leaves) > 1)
    @rule()
    def remove(self) -> None:
        leaf = max(self.group.leaves)
        told = self.members()
        frame = self.group.remove(leaf)
        for device in told:
            self.expect(device, frame.commit)

    @precondition(lambda self: len(self.group.leaves) < 3)
    @rule()
    def add(self) -> None:
        told = self.members()
        guest = next(d for d in self.devices if d not in told)
        frame = self.group.add(guest.box)
        for device in told:
            self.expect(device, frame.commit)
        self.expect(guest, self.group.last_welcome)

    @rule(days=st.integers(1, 16))
    def time_passes(self, days: int) -> None:
        if self.server.now_ms - self.used_ms + days * 86_400_000 > 85 * 86_400_000:
            return  # a group without use ends after 90 days; test_mailboxes has that
        self.server.now_ms += days * 86_400_000
        while self.server.do(op.Expire(rows=3)) != op.Done(0):
            pass
        self.excuse()
        self.last = None

    @rule(seconds=st.integers(1, SIGNAL_TTL_S))
    def a_moment_passes(self, seconds: int) -> None:
        self.server.now_ms += seconds * 1000
        self.server.do(op.Expire())
        self.excuse()

    def excuse(self) -> None:
        """What is over need not arrive."""
        now_s = self.server.now_ms // 1000
        for device in self.devices:
            for body, ts in device.expected.items():
                if ts // 1000 + self.signals.get(body, op.MESSAGE_TTL_S) <= now_s:
                    device.excused.add(body)

    @invariant()
    def nothing_is_lost_and_the_books_agree(self) -> None:
        if not hasattr(self, "server"):
            return
        pointers = 0
        for device in self.devices:
            queue = self.server.queue(device.box)
            state = self.server.engine.state_now(device.box)
            pointers += len(queue)
            assert state.queued == len(queue) <= CAP.entries
            assert sum(len(m.body) for m in queue) <= CAP.size_bytes
            seqs = [m.seq for m in queue]
            assert seqs == sorted(set(seqs))
            assert all(state.acked < seq <= state.head for seq in seqs)
            there = {m.body for m in queue} | set(device.shown)
            missing = [b for b in device.expected if b not in there and b not in device.excused]
            if missing:  # then the cap took them, oldest first, and the device can know of all but signals
                assert state.dropped or state.acked >= state.before_seq or self.signals.keys() >= set(missing)
                assert self.evicted(device) >= len(missing)
                device.excused.update(missing)
            order = [b for b in device.expected if b in set(device.shown)]
            assert device.shown == order
        refs = self.server.look("SELECT COALESCE(SUM(refs), 0), COALESCE(MIN(refs), 1) FROM message")
        assert tuple(refs) == (pointers, max(1, refs[1]))

    def evicted(self, device: Device) -> int:
        """Numbers given out that are neither queued nor stored: what the cap or time took."""
        state = self.server.engine.state_now(device.box)
        return state.head - state.queued - len(device.shown)

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.server.close()
            shutil.rmtree(self.folder)


TestSQLiteMailboxes = Mailboxes.TestCase
TestSQLiteMailboxes.settings = settings(
    max_examples=200 if os.environ.get("ZAJIL_LONG") == "1" else 30,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.scale
def test_the_same_lives_on_postgres(on_postgres: Callable[[ExitStack], str]) -> None:
    with ExitStack() as stack:

        class OnPostgres(Mailboxes):
            @staticmethod
            def new_url() -> str | None:
                return on_postgres(stack)

        examples = 200 if os.environ.get("ZAJIL_LONG") == "1" else 5
        run_state_machine_as_test(OnPostgres, settings=settings(TestSQLiteMailboxes.settings, max_examples=examples))


pytestmark = pytest.mark.slow
