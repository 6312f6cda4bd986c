"""The delivery rules under every fault we know, over the real client cores and the real engine.

Rules and invariants are those of the executable model of the design: texts, commits that race, removal and re-adding,
sessions that cut, answers that are lost, doubled or late, crashes at every step boundary, clocks that jump, state
that is lost or put back from a copy. `ZAJIL_LONG=1` runs five times as many schedules;
`ZAJIL_MACHINE_EXAMPLES` (and `_STEPS`) as many as it says, at random.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.client.audit import audit, find_chat, watch
from tests.client.phone import Phone
from tests.client.world import DAY_MS, HOUR_MS, prepare, small_world

from zajil.client.core import chats, readd
from zajil.client.core.talk import acts as acts_of
from zajil.client.core.talk import reading
from zajil.client.state.rows import Intent, StoredMessage, parse_row
from zajil.protocol.errors import ZajilError

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("ZAJIL_MACHINE_EXAMPLES", "0"))
STEPS = int(os.environ.get("ZAJIL_MACHINE_STEPS", "40"))
NAMES = ("a1", "a2", "b", "c")
WHO = st.sampled_from(NAMES)
ACTS: dict[str, Callable[[Phone], object]] = {
    "greet": Phone.greet,
    "receive": lambda phone: phone.receive(64),
    "receive one": lambda phone: phone.receive(1),
    "no mack": lambda phone: phone.receive(2, mack=False),
    "post": Phone.post,
    "serve": lambda phone: phone.world.serve(phone),
    "serve, lose": lambda phone: phone.world.serve(phone, lose=True),
    "busy": lambda phone: phone.world.serve(phone, busy=True),
    "double": lambda phone: phone.world.double(phone),
    "hear": Phone.hear,
    "call": Phone.call,
    "tick": Phone.tick,
    "turn": Phone.turn,
    "cut": Phone.cut_sending,
}
SENT = ["call", "post", "serve", "hear"]
DEEDS = ("edit", "delete", "read", "👍", "🕊️", "take back")
WORK = st.one_of(
    st.lists(st.sampled_from(sorted(ACTS)), max_size=6),
    st.sampled_from([[], SENT, [*SENT, "receive"], SENT[:3], ["call", "post", "serve, lose"], ["turn"]]),
)


class Delivery(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = small_world(seed)
        self.written = 0
        self.losses = 1
        self.copies = 1
        self.jumps = 3

    def phone(self, name: str) -> Phone:
        self.world.now_ms += 1
        return self.world.phones[name]

    def work(self, who: str, acts: Iterable[str]) -> None:
        """Small acts in a row, each of which may meet the crash that was lit before."""
        for act in acts:
            phone = self.phone(who)
            phone.run(partial(ACTS[act], phone))

    # -- people act
    @rule(who=WHO, count=st.integers(1, 3), acts=WORK)
    def text(self, who: str, count: int, acts: list[str]) -> None:
        for _ in range(count):
            self.written += 1
            phone = self.phone(who)
            phone.run(partial(phone.text, self.world.main, f"{who} {self.written}"))
        self.work(who, acts)

    @rule(who=WHO, what=st.sampled_from(DEEDS), back=st.integers(1, 4), acts=WORK)
    def do_to_a_message(self, who: str, what: str, back: int, acts: list[str]) -> None:
        """Edit, delete, react to or read one of the newest messages; what is not allowed changes nothing."""
        self.written += 1
        phone, main, word = self.phone(who), self.world.main, f"{who} {self.written}"
        with phone.core.look() as step:
            found = step.tx.rows("message", main, newest=back)
        if not found:
            return
        name = parse_row(found[0][1], StoredMessage).message_id

        def act() -> None:
            with suppress(ZajilError), phone.core.step("deed") as step:
                match what:
                    case "edit":
                        acts_of.edit(step, main, name, word)
                    case "delete":
                        acts_of.delete_for_all(step, main, name)
                    case "read":
                        reading.mark_read(step, main, name)
                    case _:
                        acts_of.react(step, main, name, what if what != "take back" else None)

        phone.run(act)
        self.work(who, acts)

    @rule(who=WHO)
    def write(self, who: str) -> None:
        """The others are told that somebody writes; who is not there misses it."""
        phone = self.phone(who)
        request = phone.run(partial(phone.core.seal_typing, self.world.main))
        if request is not None:
            self.world.engine.apply([prepare(request)], now_ms=self.world.now_ms)

    def intend_update(self, who: str) -> None:
        phone = self.phone(who)
        chat = find_chat(phone, self.world.main)
        if chat is not None and chat.status in ("active", "await"):
            phone.run(partial(phone.intend, self.world.main, Intent("update")))

    @rule(who=WHO, acts=WORK)
    def update(self, who: str, acts: list[str]) -> None:
        self.intend_update(who)
        self.work(who, acts)

    @rule(who=st.sampled_from(("a1", "a2", "b")), whom=st.sampled_from(("b", "c")), acts=WORK)
    def change_members(self, who: str, whom: str, acts: list[str]) -> None:
        """Remove a member, or add who is not.

        b adds nobody once it was removed: who was removed after it takes an invitation back only from those it knew
        as admins at that time (service.md 6), and that is not what this machine is about.
        """
        phone, account = self.phone(who), self.world.phones[whom].device[0]
        chat = find_chat(phone, self.world.main)
        if chat is None or who == whom:
            return
        change = chats.remove_account if account in chat.accounts() else chats.add_account
        if change is chats.add_account and (self.world.main, phone.device) in self.world.books.removed:
            return

        def act() -> None:
            with suppress(ZajilError), phone.core.step("change") as step:
                change(step, self.world.main, account)

        phone.run(act)
        self.work(who, acts)

    @rule(who=st.sampled_from(("b", "c")), acts=WORK)
    def leave(self, who: str, acts: list[str]) -> None:
        phone = self.phone(who)

        def act() -> None:
            with suppress(ZajilError), phone.core.step("leave") as step:
                chats.leave(step, self.world.main)

        phone.run(act)
        self.work(who, acts)

    @rule(one=WHO, other=WHO, lose=st.booleans())
    def race(self, one: str, other: str, lose: bool) -> None:
        """Two commits meet in one transaction of the server."""
        for name in (one, other):
            self.intend_update(name)
            self.work(name, ["post"])
        self.world.serve(self.phone(one), also=self.phone(other) if one != other else None, lose=lose)

    # -- work goes on
    @rule(who=WHO, acts=WORK)
    def act(self, who: str, acts: list[str]) -> None:
        self.work(who, acts)

    @rule(who=WHO)
    def turn(self, who: str) -> None:
        self.work(who, ["turn"])

    @rule(who=WHO, most=st.integers(1, 5), mack=st.booleans(), doubled=st.booleans())
    def receive(self, who: str, most: int, mack: bool, doubled: bool) -> None:
        phone = self.phone(who)
        phone.run(lambda: phone.receive(most, mack=mack, doubled=doubled))

    # -- things fail
    @rule(who=WHO, side=st.sampled_from(("R", "S", "both")))
    def cut(self, who: str, side: str) -> None:
        phone = self.phone(who)
        if side != "S":
            phone.cut_receiving()
        if side != "R":
            phone.cut_sending()

    @rule(who=WHO)
    def crash(self, who: str) -> None:
        self.phone(who).crash()

    @rule(who=WHO, boundaries=st.integers(1, 12), acts=WORK)
    def crash_within(self, who: str, boundaries: int, acts: list[str]) -> None:
        """The process ends at a boundary of one of its next steps."""
        self.phone(who).fuse = boundaries
        self.work(who, acts)

    @rule()
    def crash_server(self) -> None:
        self.world.crash_server()

    @precondition(lambda self: self.jumps > 0)
    @rule(ms=st.sampled_from((61_000, HOUR_MS, DAY_MS + HOUR_MS, 7 * DAY_MS + HOUR_MS)))
    def wait(self, ms: int) -> None:
        self.jumps -= ms >= DAY_MS
        self.world.pass_time(ms)

    @precondition(lambda self: self.losses > 0)
    @rule(who=WHO)
    def lose_group(self, who: str) -> None:
        """The state of the group is gone; the core asks to be re-added."""
        phone, main = self.phone(who), self.world.main
        chat = find_chat(phone, main)
        if chat is None or chat.status != "active":
            return
        self.losses -= 1
        self.world.books.lost.add((main, phone.device))

        def act() -> None:
            with phone.core.step("rejoin") as step:
                readd.lose(step, main, "asked")

        phone.run(act)

    @precondition(lambda self: self.copies > 0)
    @rule(who=WHO)
    def copy_home(self, who: str) -> None:
        """A copy of the home; the next time it is put in place, if anything was acknowledged since.

        The core must see what it is. Then the person keeps it.
        """
        phone, books = self.phone(who), self.world.books
        if phone.backup is None:
            phone.save_copy()
            return
        if self.world.engine.state_now(phone.mailbox).acked <= phone.backup[2]:
            return
        self.copies -= 1
        books.restored.add(phone.device)
        for gid in books.rosters:
            books.lost.add((gid, phone.device))
        phone.fuse = None
        phone.put_back()
        while phone.greet() or phone.receive(1):
            pass
        with phone.core.look() as step:
            assert step.session().rolled_back
        assert not phone.post()
        phone.recover()

    @invariant()
    def nothing_is_asked_for_in_vain(self) -> None:
        if hasattr(self, "world"):
            watch(self.world)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:
                self.world.settle()
                audit(self.world)
        finally:
            self.world.close()
            shutil.rmtree(self.world.folder)


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=EXAMPLES or (120 if os.environ.get("ZAJIL_LONG") == "1" else 25),
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
