"""An outbox under every fault: nothing is lost, nothing overtaken, no mark goes back, no answer counts twice."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from zajil.protocol.outbox import items as i
from zajil.protocol.outbox import marks, order
from zajil.protocol.outbox import sending as s

DAY = 86_400_000


class Row(NamedTuple):
    """An item as a core keeps it. sealings: (mid, epoch) of each, the last one newest."""

    item: i.Item
    mid: int
    sealings: tuple[int, ...]


class Chat(RuleBasedStateMachine):
    """One chat of one device: its items, the server's group, answers that are lost, late or doubled."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.rows: dict[int, Row] = {}
        self.marks: dict[int, marks.MarkState] = {}
        self.numbers, self.mids = itertools.count(1), itertools.count(1)
        self.epoch = 1  # ours
        self.server_epoch = 1
        self.staged = 0  # mid of our own commit whose fate is open
        self.hellos = self.drained = 0
        self.idem: dict[int, int] = {}  # mid -> item: what the server took
        self.box: list[int] = []  # mids on their way into our mailbox
        self.answers: list[tuple[int, i.Event]] = []
        self.owner: dict[int, tuple[int, int]] = {}  # mid -> item, epoch
        self.readds = 0
        self.finished: set[int] = set()
        self.messages: set[int] = set()

    # -- the core
    def tell(self, n: int, event: i.Event) -> None:
        row = self.rows[n]
        item, actions, _ = i.step(row.item, event, self.now)
        self.rows[n] = row._replace(item=item)
        for action in actions:
            match action:
                case i.Mark():
                    before = self.marks[n]
                    self.marks[n] = marks.next_mark(before, action.event)
                    rank = marks.MARKS.index
                    assert rank(self.marks[n]) >= rank(before) or before == "failed", "a mark went backwards"
                case i.ForgetMid():
                    self.rows[n] = self.rows[n]._replace(mid=0)
                case i.Finish():
                    assert n not in self.finished, "done twice"
                    self.finished.add(n)
                    del self.rows[n]
                case i.ApplyCommit() if self.staged == row.sealings[-1] and self.owner[self.staged][1] == self.epoch:
                    self.move_on()
                case i.Readd():
                    self.readds += 1

    def move_on(self) -> None:
        """Our epoch ended: by our own commit, or another's."""
        before, self.epoch, self.staged = self.epoch, self.epoch + 1, 0
        for n in list(self.rows):
            self.tell(n, i.Ended(before))

    def submit(self, kind: i.Kind) -> None:
        n = next(self.numbers)
        self.rows[n] = Row(i.Item(kind, "queued", self.now), 0, ())
        self.marks[n] = "queued"
        if kind == "message":
            self.messages.add(n)

    @rule()
    def write(self) -> None:
        self.submit("message")

    @rule()
    def intend(self) -> None:
        self.submit("commit")

    @rule()
    def seal(self) -> None:
        queue = order.Queue(
            "active",
            tuple(order.Queued(n, row.item.kind, row.item.state, wait=row.item.wait) for n, row in self.rows.items()),
        )
        n = order.find_next(queue, drained=self.drained)
        if n is None:
            return
        row, mid = self.rows[n], next(self.mids)
        if row.item.kind == "commit":
            if self.staged:
                self.tell(n, i.Fail("chat-stuck"))
                return
            self.staged = mid
        self.owner[mid] = n, self.epoch
        self.rows[n] = row._replace(mid=mid, sealings=(*row.sealings, mid))
        self.tell(n, i.Seal(self.epoch))
        assert sum(row.item.state in order.IN_FLIGHT for row in self.rows.values()) == 1, "two unanswered in one chat"

    # -- the server
    @precondition(lambda self: any(row.item.state == "sealed" for row in self.rows.values()))
    @rule(lose=st.booleans(), doubled=st.booleans())
    def serve(self, lose: bool, doubled: bool) -> None:
        """The sealed request reaches the server; its answer may be lost, or come twice."""
        row = next(row for row in self.rows.values() if row.item.state == "sealed")
        self.arrive(row.mid, lose=lose, doubled=doubled)

    @precondition(lambda self: self.owner)
    @rule(data=st.data())
    def arrive_late(self, data: st.DataObject) -> None:
        """An old copy of any request."""
        self.arrive(data.draw(st.sampled_from(sorted(self.owner)[-3:])), lose=False, doubled=False)

    def arrive(self, mid: int, *, lose: bool, doubled: bool) -> None:
        n, epoch = self.owner[mid]
        answer: i.Event = i.Ok(0)
        if mid not in self.idem:
            if epoch != self.server_epoch:
                answer = i.Err("stale-epoch" if epoch == self.server_epoch - 1 else "bad-group-token", 0)
            else:
                self.idem[mid] = n
                self.box.append(mid)
                self.server_epoch += mid == self.staged or self.is_commit(n)
        if not lose:
            self.answers += [(mid, answer)] * (1 + doubled)

    def is_commit(self, n: int) -> bool:
        return n in self.rows and self.rows[n].item.kind == "commit"

    @precondition(lambda self: self.server_epoch == self.epoch and not self.box)
    @rule()
    def others_commit(self) -> None:
        """Another member wins this epoch; 0 stands for its commit in the mailbox."""
        self.server_epoch += 1
        self.box.append(0)

    # -- answers, mailbox, time
    @precondition(lambda self: self.answers)
    @rule()
    def hear(self) -> None:
        mid, answer = self.answers.pop(0)
        found = next((n for n, row in self.rows.items() if row.mid == mid), None)
        if found is not None:
            wanted = self.hellos + 1
            self.tell(found, msgspec.structs.replace(answer, drain=wanted))

    @precondition(lambda self: self.box)
    @rule()
    def receive(self) -> None:
        mid = self.box.pop(0)
        if not mid:
            self.move_on()
            return
        found = next((n for n, row in self.rows.items() if mid in row.sealings), None)
        if found is not None:
            row = self.rows[found]
            newest = mid == row.sealings[-1] and row.item.state != "queued"
            self.tell(found, i.Echo(newest))
        elif self.owner[mid][1] == self.epoch and self.server_epoch > self.epoch and mid == self.staged:
            self.move_on()

    @rule()
    def drain(self) -> None:
        """HELLO, everything, DRAINED."""
        self.hellos += 1
        while self.box:
            self.receive()
        self.drained = self.hellos
        for n in list(self.rows):
            staged = bool(self.staged) and self.rows[n].mid == self.staged
            self.tell(n, i.Drained(self.drained, True, self.epoch, staged))

    @rule()
    def wait_a_day(self) -> None:
        """Nothing older than a day is still on its way."""
        self.now += DAY
        self.answers.clear()
        for n in list(self.rows):
            self.tell(n, i.Tick(self.hellos + 1))

    @invariant()
    def one_is_unanswered(self) -> None:
        assert sum(row.item.state in order.IN_FLIGHT for row in self.rows.values()) <= 1
        assert not self.readds, "asked to be re-added, though nothing was lost"

    @invariant()
    def what_is_marked_sent_was_taken(self) -> None:
        taken = set(self.idem.values())
        assert all(n in taken for n, mark in self.marks.items() if mark == "sent")

    def teardown(self) -> None:
        """The faults stop: every message is sent, in order, unless 30 days passed."""
        for _ in range(4 * len(self.rows) + 8):
            self.drain()
            self.seal()
            if any(row.item.state == "sealed" for row in self.rows.values()):
                self.serve(lose=False, doubled=False)
            while self.answers:
                self.hear()
        self.one_is_unanswered()
        self.what_is_marked_sent_was_taken()
        assert not [row.item for row in self.rows.values() if row.item.kind == "message"]
        given_up = {"failed"} if self.now >= 30 * DAY else set()
        assert {self.marks[n] for n in self.messages} <= {"sent", *given_up}


TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=80, stateful_step_count=40, deadline=None, derandomize=True, database=None)

MIDS = tuple(f"{n:02x}" for n in range(7))
EVENTS = st.one_of(
    st.builds(s.Requests, st.lists(st.sampled_from(MIDS), unique=True).map(tuple)),
    st.builds(s.Whisper),
    st.builds(s.Up),
    st.builds(s.Usable, st.booleans()),
    st.builds(s.Down, st.floats(0, 1), st.sampled_from((0, 3_000))),
    st.builds(s.Ok, st.integers(1, 12)),
    st.builds(
        s.Err,
        st.integers(1, 12),
        st.sampled_from(("busy", "stale-epoch")),
        st.booleans(),
        st.sampled_from((0, 9_000)),
        st.floats(0, 1),
    ),
    st.builds(s.Tick),
    st.builds(s.Stop),
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(EVENTS, st.sampled_from((0, 400, 61_000))), max_size=80))
def test_sending_repeats_nothing_on_one_session_and_keeps_its_word(told: list[tuple[s.Event, int]]) -> None:
    state, now = s.Sending(), 0
    answered: set[int] = set()
    for event, ms in told:
        now += ms
        before = state
        state, actions, deadline = s.step(state, event, now)
        assert deadline is None or deadline >= 0
        flying = [each.mid for each in state.flying]
        assert len(flying) == len(set(flying)) <= s.PARALLEL
        sent = [action.mid for action in actions if isinstance(action, s.Send)]
        fresh = isinstance(event, s.Up)
        assert not set(sent) & {each.mid for each in before.flying if not fresh and each.mid in flying} - told_off(
            event, before
        )
        assert all(each.mid not in sent for each in before.put_off if each.told and each.at > now)
        assert not sent or state.link == "up"
        for action in actions:
            if isinstance(action, s.Accepted | s.Refused):
                assert isinstance(event, s.Ok | s.Err)
                assert (event.rid, action.mid) in {(each.rid, each.mid) for each in before.flying}
                assert event.rid not in answered, "answered twice"
                answered.add(event.rid)


def told_off(event: s.Event, before: s.Sending) -> set[str]:
    """The request that this event answers: it may go again at once where its pause is none."""
    return {each.mid for each in before.flying if isinstance(event, s.Err) and each.rid == event.rid}


@given(st.sampled_from(marks.MARKS), st.lists(st.sampled_from(tuple(marks.TABLE)), max_size=12))
def test_marks_never_go_back(mark: marks.MarkState, events: list[marks.MarkEvent]) -> None:
    seen = mark
    for event in events:
        after = marks.next_mark(seen, event)
        if seen != "failed" and after != "failed":
            assert marks.MARKS.index(after) >= marks.MARKS.index(seen)
        if after == "failed":
            assert seen in ("queued", "sending", "failed")
        seen = after
