"""A mailbox under every fault: each message is stored once, in order, and none is acknowledged before it is stored."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zajil.protocol.errors import LocalProtocolError
from zajil.protocol.mailbox import intake
from zajil.protocol.mailbox import receiving as r


class Mailbox(RuleBasedStateMachine):
    """The machine with a server, a store and a network that break where they can."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.state = r.Receiving()
        self.seqs: list[int] = []  # what the server holds
        self.numbers = itertools.count(1)
        self.acked = 0
        self.sent = 0  # highest seq this session was given
        self.line: list[r.Event] = []  # frames on their way
        self.hellos = 0  # open HELLOs
        self.store: list[int] = []
        self.batch: list[int] = []
        self.kept: list[int] = []  # messages the shell has for the next batches
        self.connected = False
        self.renewed = False  # the session was dropped with its carrier: nothing resumes it

    def tell(self, event: r.Event) -> None:
        before = self.state
        self.state, actions, deadline = r.step(self.state, event, self.now)
        assert deadline == r.next_deadline(self.state)
        for action in actions:
            self.carry_out(action, before)

    def carry_out(self, action: r.Action, before: r.Receiving) -> None:
        match action:
            case r.Open():
                assert self.hellos == 0, "one HELLO at a time"
                assert action.after == max(self.store, default=0)
                self.hellos = 1
                self.acknowledge(action.after)
                self.sent = action.after
                self.line += [r.Ready(), *self.news(), r.Drained()]
            case r.Apply():
                assert not self.batch, "one batch at a time"
                self.batch = [seq for seq in self.kept if seq <= action.upto]
                self.kept = [seq for seq in self.kept if seq > action.upto]
                assert len(self.batch) == action.count <= r.BATCH_MESSAGES
                assert sum(map(size_of, self.batch)) <= r.BATCH_BYTES or action.count == 1
            case r.Ack():
                assert action.upto <= max(self.store, default=0), "acknowledged before it was stored"
                assert before.phase not in ("idle", "lost") or self.state.phase not in ("idle", "lost")
                self.acknowledge(action.upto)
            case r.Settle():
                assert not self.batch
                assert not self.kept
            case r.Renew() | r.Reopen():
                self.cut(renew=isinstance(action, r.Renew))

    def acknowledge(self, upto: int) -> None:
        assert upto >= self.acked, "acknowledged backwards"
        self.acked = upto
        self.seqs = [seq for seq in self.seqs if seq > upto]

    def news(self) -> list[r.Event]:
        fresh = [seq for seq in self.seqs if seq > self.sent]
        self.sent = max([self.sent, *fresh])
        return [r.Message(seq, size_of(seq)) for seq in fresh]

    def cut(self, *, renew: bool = False) -> None:
        self.connected = False
        if renew:
            self.renewed = True
            self.line, self.hellos, self.kept = [], 0, []
        self.tell(r.Down(0.5))

    @rule(count=st.integers(1, 90))
    def write(self, count: int) -> None:
        """Others write."""
        self.seqs += itertools.islice(self.numbers, count)

    @precondition(lambda self: not self.connected)
    @rule(known=st.booleans())
    def connect(self, known: bool) -> None:
        """A carrier; the server may have forgotten the session."""
        self.connected = True
        known, self.renewed = known and not self.renewed, False
        if known and self.state.before != "idle":
            self.tell(r.Resumed())
        else:
            # A new session begins only when the store is done with what it was given.
            while self.batch:
                self.stored(fails=False)
            self.line, self.hellos, self.kept = [], 0, []
            self.tell(r.Up(max(self.store, default=0)))

    @precondition(lambda self: self.connected)
    @rule(most=st.integers(1, 200), doubled=st.booleans())
    def receive(self, most: int, doubled: bool) -> None:
        """Frames arrive together; a message may come twice."""
        if self.state.phase == "live":
            self.line += self.news()
        for _ in range(min(most, len(self.line))):
            event = self.line.pop(0)
            for _ in range(1 + (doubled and isinstance(event, r.Message))):
                if isinstance(event, r.Message) and event.seq not in (*self.kept, *self.batch, *self.store):
                    self.kept.append(event.seq)
                if isinstance(event, r.Drained):
                    self.hellos = 0
                self.tell(event)
                if not self.connected:
                    return
        self.tell(r.Pause())

    @precondition(lambda self: self.batch)
    @rule(fails=st.booleans())
    def stored(self, fails: bool) -> None:
        if fails:
            self.batch = []
            self.tell(r.Unstored())
            return
        assert self.batch == sorted(self.batch)
        assert self.batch[0] > max(self.store, default=0), "stored twice or out of order"
        self.store += self.batch
        self.batch = []
        self.tell(r.Stored(max(self.store)))

    @precondition(lambda self: self.connected)
    @rule()
    def lose(self) -> None:
        self.cut()

    @precondition(lambda self: self.connected)
    @rule()
    def lie(self) -> None:
        """A frame that does not parse changes nothing but a counter, and the connection."""
        before = self.state
        self.tell(r.Malformed())
        kept = ("stored", "acked", "waiting", "applying", "drained", "unacked")
        assert all(getattr(self.state, name) == getattr(before, name) for name in kept)
        assert self.state.malformed == before.malformed + (before.phase not in ("idle", "lost"))

    @rule()
    def want(self) -> None:
        self.tell(r.Want())

    @rule(ms=st.sampled_from((1, 250, 70_000)))
    def wait(self, ms: int) -> None:
        self.now += ms
        self.tell(r.Tick())

    @invariant()
    def nothing_is_doubled(self) -> None:
        assert self.store == sorted(set(self.store))
        assert self.state.acked <= self.state.stored == max(self.store, default=0)

    def teardown(self) -> None:
        """The faults stop: everything arrives, and the mailbox at the server is empty."""
        for _ in range(8):
            if not self.connected:
                self.connect(known=False)
            self.receive(500, doubled=False)
            while self.batch:
                self.stored(fails=False)
            self.wait(250)
        assert self.store == list(range(1, next(self.numbers))), "lost"
        assert not self.seqs, "stored, and not acknowledged"


def size_of(seq: int) -> int:
    """Some messages are large."""
    return 400_000 if seq % 7 == 0 else 100


TestMailbox = Mailbox.TestCase
TestMailbox.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True, database=None)

GIDS = st.sampled_from(("a" * 32, "b" * 32))
KINDS = st.sampled_from(("commit", "application", "welcome", "notice"))
OWN = st.sampled_from(("none", "none", "message", "commit", "lost-commit"))
EVENTS = st.one_of(
    st.builds(intake.Hello),
    st.builds(intake.Ready, st.integers(0, 4)),
    st.builds(intake.Entry, st.integers(1, 60), KINDS, GIDS, st.integers(0, 4), OWN),
    st.builds(intake.Moved, GIDS, st.booleans(), st.integers(0, 4)),
    st.builds(intake.Want),
    st.builds(intake.Drained),
    st.builds(intake.Waited),
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(EVENTS, max_size=80))
def test_intake_takes_each_seq_once_and_shows_mls_no_later_epoch(events: list[intake.Event]) -> None:
    state, taken = intake.Intake(), 0
    for event in events:
        before = state
        state, actions, _ = intake.step(state, event, 0)
        assert (state.stored, state.hellos, state.drained, state.wanted) >= (
            (before.stored, before.hellos, before.drained, before.wanted)
        )
        assert state.stored >= before.stored
        assert state.drained <= state.hellos
        if before.locked:
            assert state.stored == before.stored
        if not isinstance(event, intake.Entry):
            continue
        group = before.groups.get(event.gid)
        for action in actions:
            if isinstance(action, intake.Take):
                assert event.seq > taken
                taken = event.seq
            if isinstance(action, intake.Take) and action.what in ("commit", "application"):
                assert group is not None
                assert group.active
                assert event.epoch <= group.epoch
            if isinstance(action, intake.Readd):
                assert group is not None
                assert not group.asking
        assert all(each.held <= intake.HELD_MAX for each in state.groups.values())


def test_a_batch_that_was_never_given_out_cannot_be_answered() -> None:
    for event in (r.Stored(1), r.Unstored()):
        with pytest.raises(LocalProtocolError):
            r.step(msgspec.structs.replace(r.Receiving(), phase="live"), event, 0)
