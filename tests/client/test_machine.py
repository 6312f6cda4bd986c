"""The delivery rules under every fault we know, over the real client cores and the real engine.

Rules and invariants are those of the executable model of the design: texts, commits that race, removal and re-adding,
sessions that cut, answers that are lost, doubled or late, crashes at every step boundary, clocks that jump, state
that is lost or put back from a copy. `ZAJIL_MACHINE_EXAMPLES` (and `_STEPS`) run it longer and at random.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.client.audit import audit, find_chat, watch
from tests.client.phone import Phone
from tests.client.world import DAY_MS, HOUR_MS, World

from zajil.client.core import chats, readd, recovery
from zajil.client.state.rows import Intent
from zajil.protocol.errors import ZajilError

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("ZAJIL_MACHINE_EXAMPLES", "0"))
STEPS = int(os.environ.get("ZAJIL_MACHINE_STEPS", "40"))
NAMES = ("a1", "a2", "b", "c")
WHO = st.sampled_from(NAMES)
_templates: list[World] = []


def template() -> World:
    """A settled world: a1 and a2 are devices of one account, which owns the group; b is admin, c a member."""
    if not _templates:
        world = World(Path(tempfile.mkdtemp(prefix="zajil-machine-")), seed=7)
        a1, b, c = (world.enrol(name) for name in ("a1", "b", "c"))
        world.befriend()
        world.settle()
        world.link("a2", a1)
        world.befriend()
        world.settle()
        world.open_main(a1, [b], [b, c])
        audit(world)
        world.close()
        _templates.append(world)
    return _templates[0]


def new_world(seed: int = 0) -> World:
    """A copy of the template."""
    return template().fork(Path(tempfile.mkdtemp(prefix="zajil-machine-")), seed=seed)


class Delivery(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = new_world(seed)
        self.written = 0
        self.losses = 1
        self.weeks = 3

    def phone(self, name: str) -> Phone:
        self.world.now_ms += 1
        return self.world.phones[name]

    # -- people act
    @rule(who=WHO)
    def text(self, who: str) -> None:
        self.written += 1
        phone = self.phone(who)
        phone.run(lambda: phone.text(self.world.main, f"{who} {self.written}"))

    @rule(who=WHO)
    def update(self, who: str) -> None:
        phone = self.phone(who)
        chat = find_chat(phone, self.world.main)
        if chat is not None and chat.status in ("active", "await"):
            phone.run(lambda: phone.intend(self.world.main, Intent("update")))

    @rule(who=st.sampled_from(("a1", "a2", "b")), whom=st.sampled_from(("b", "c")), op=st.sampled_from(("add", "rm")))
    def change_members(self, who: str, whom: str, op: str) -> None:
        phone, account = self.phone(who), self.world.phones[whom].device[0]
        change = chats.add_account if op == "add" else chats.remove_account

        def act() -> None:
            with phone.core.step("change") as step:
                change(step, self.world.main, account)

        try:
            phone.run(act)
        except ZajilError:
            pass

    @rule(who=st.sampled_from(("b", "c")))
    def leave(self, who: str) -> None:
        phone = self.phone(who)

        def act() -> None:
            with phone.core.step("leave") as step:
                chats.leave(step, self.world.main)

        try:
            phone.run(act)
        except ZajilError:
            pass

    @rule(one=WHO, other=WHO)
    def race(self, one: str, other: str) -> None:
        """Two commits meet in one transaction of the server."""
        for name in (one, other):
            self.update(name)
            self.phone(name).run(self.phone(name).post)
        self.world.serve(self.phone(one), also=self.phone(other) if one != other else None)

    # -- work goes on
    @rule(who=WHO)
    def turn(self, who: str) -> None:
        phone = self.phone(who)
        phone.run(phone.turn)

    @rule(who=WHO)
    def call(self, who: str) -> None:
        phone = self.phone(who)
        phone.run(phone.call)

    @rule(who=WHO)
    def greet(self, who: str) -> None:
        phone = self.phone(who)
        phone.run(phone.greet)

    @rule(who=WHO, most=st.integers(1, 64), mack=st.booleans(), doubled=st.booleans())
    def receive(self, who: str, most: int, mack: bool, doubled: bool) -> None:
        phone = self.phone(who)
        phone.run(lambda: phone.receive(most, mack=mack, doubled=doubled))

    @rule(who=WHO)
    def post(self, who: str) -> None:
        phone = self.phone(who)
        phone.run(phone.post)

    @rule(who=WHO, lose=st.booleans())
    def serve(self, who: str, lose: bool) -> None:
        self.world.serve(self.phone(who), lose=lose)

    @rule(who=WHO)
    def hear(self, who: str) -> None:
        phone = self.phone(who)
        phone.run(phone.hear)

    # -- things fail
    @rule(who=WHO)
    def busy(self, who: str) -> None:
        self.world.serve(self.phone(who), busy=True)

    @rule(who=WHO)
    def double(self, who: str) -> None:
        self.world.double(self.phone(who))

    @rule(who=WHO)
    def cut_receiving(self, who: str) -> None:
        self.phone(who).cut_receiving()

    @rule(who=WHO)
    def cut_sending(self, who: str) -> None:
        self.phone(who).cut_sending()

    @rule(who=WHO)
    def crash(self, who: str) -> None:
        self.phone(who).crash()

    @rule(who=WHO, boundaries=st.integers(1, 12))
    def crash_soon(self, who: str, boundaries: int) -> None:
        self.phone(who).fuse = boundaries

    @rule()
    def crash_server(self) -> None:
        self.world.crash_server()

    @rule(ms=st.sampled_from((1_000, 61_000, HOUR_MS)))
    def wait(self, ms: int) -> None:
        self.world.pass_time(ms)

    @precondition(lambda self: self.weeks > 0)
    @rule(days=st.sampled_from((1, 7)))
    def days_pass(self, days: int) -> None:
        self.weeks -= 1
        self.world.pass_time(days * DAY_MS + HOUR_MS)

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

    @rule(who=WHO)
    def save_copy(self, who: str) -> None:
        self.phone(who).save_copy()

    @precondition(lambda self: self.losses > 0)
    @rule(who=WHO)
    def put_back(self, who: str) -> None:
        """An old copy of the home, told apart by what was acknowledged since, and kept by the person."""
        phone, books = self.phone(who), self.world.books
        if phone.backup is None or self.world.engine.state_now(phone.mailbox).acked <= phone.backup[2]:
            return
        self.losses -= 1
        books.restored.add(phone.device)
        for gid in books.rosters:
            books.lost.add((gid, phone.device))
        phone.put_back()
        while phone.greet() or phone.receive(1):
            pass
        with phone.core.look() as step:
            assert step.session().rolled_back
        assert not phone.post()
        with phone.core.step("recover") as step:
            recovery.recover(step, phone.keys.starts)
        phone.core.want_drain()

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
    max_examples=EXAMPLES or 60,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
