"""Each rule of delivery switched off in the core: a short schedule that then goes wrong, and does not with the rule.

This is how we know that the state machine beside this file can fail.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator

import pytest
from tests.client.audit import audit, find_chat, watch
from tests.client.ledger import Violation
from tests.client.phone import Phone
from tests.client.talk import texts
from tests.client.world import DAY_MS, HOUR_MS, World, small_world

from zajil import mls
from zajil.client.core import chats, commits, messages, outbox, sealing, sync
from zajil.client.core.wants import WantClaim
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Intent, Item
from zajil.client.state.step import Step
from zajil.protocol.outbox import order

Patch = pytest.MonkeyPatch
Schedule = Callable[[World], None]
Mutation = Callable[[Patch, World], None]


@pytest.fixture
def world() -> Iterator[World]:
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


def send(phone: Phone, *, lose: bool = False) -> None:
    """Whatever waits goes out and is accepted."""
    phone.call()
    phone.post()
    phone.world.serve(phone, lose=lose)
    phone.hear()


def change(phone: Phone, intent: Intent, *, lose: bool = False) -> None:
    phone.intend(phone.world.main, intent)
    send(phone, lose=lose)


# -- rules off
def apply_at_ok(patch: Patch, world: World) -> None:
    """An own commit is applied when the server says OK, not where it stands in the mailbox."""
    original = outbox.take_ok

    def take_ok(step: Step, mid: bytes) -> None:
        found = outbox.find_sealing(step, mid)
        if found is not None and found[1].kind == "commit":
            commits.apply_echo(step, *found)
        else:
            original(step, mid)

    patch.setattr(outbox, "take_ok", take_ok)


def forget_hashes(patch: Patch, world: World) -> None:
    """H(body) of a sealing is forgotten when the item is queued again."""
    original = outbox.forget_mid

    def forget_mid(step: Step, n: int, item: Item) -> Item:
        for digest in item.hashes:
            step.tx.delete("sealing", digest)
        return outbox.change_item(step, n, original(step, n, item), hashes=())

    patch.setattr(outbox, "forget_mid", forget_mid)


def forget_ids(patch: Patch, world: World) -> None:
    """Message ids are not kept; on top of `forget_hashes`, since one of both is enough."""
    forget_hashes(patch, world)
    patch.setattr(messages, "is_news", lambda step, identity: True)


def acknowledge_first(patch: Patch, world: World) -> None:
    """MACK goes before the transaction."""
    world.mutants.add("mack-first")


def no_drain(patch: Patch, world: World) -> None:
    """A live session counts as drained: a refused commit is judged at once, without another HELLO."""
    original = outbox.take_err

    def take_err(step: Step, mid: bytes, code: str) -> None:
        original(step, mid, code)
        for n, item in rows.items(step.tx):
            if item.state == "waiting":
                sync.settle_item(step, n, item, item.wait)

    patch.setattr(outbox, "take_err", take_err)


def replace_staged(patch: Patch, world: World) -> None:
    """A second commit of ours replaces the one whose fate is open."""
    original = sealing._seal

    def seal(step: Step, chat: Chat, n: int, item: Item) -> bool:
        step.drop_staged(chat.gid)
        return original(step, chat, n, item)

    patch.setattr(order, "IN_FLIGHT", ())
    patch.setattr(sealing, "_seal", seal)


def pipeline(patch: Patch, world: World) -> None:
    """Several sealed, unanswered items a chat."""
    patch.setattr(order, "IN_FLIGHT", ())


def skip_own_commits(patch: Patch, world: World) -> None:
    """The echo of an own commit is not recognised by its hash."""
    original = outbox.find_sealing

    def find_sealing(step: Step, name: bytes) -> tuple[int, Item] | None:
        found = original(step, name)
        return None if found is not None and found[1].kind == "commit" and len(name) == 32 else found

    patch.setattr(outbox, "find_sealing", find_sealing)


def keep_ratchet(patch: Patch, world: World) -> None:
    """The ratchet that sealed is not written with the ciphertext."""
    original = Step.save_group

    def save_group(step: Step, gid: bytes, group: mls.Group) -> None:
        held = step.find_group(gid)
        if held is None or held.epoch != group.epoch:
            original(step, gid, group)

    patch.setattr(Step, "save_group", save_group)


# -- schedules
def text_before_own_remove(world: World) -> None:
    """A text is accepted, then a Remove by someone who has not read it yet."""
    a1, b, c = (world.phones[name] for name in ("a1", "b", "c"))
    b.text(world.main, "before")
    send(b)
    change(a1, Intent("remove", account=c.device[0]))


def text_of_unknown_outcome_then_removed(world: World) -> None:
    """The answer is lost, a day passes, and before the next drain the sender is removed."""
    a1, c = world.phones["a1"], world.phones["c"]
    c.text(world.main, "accepted")
    send(c, lose=True)
    c.cut_receiving()
    world.pass_time(DAY_MS + HOUR_MS)
    c.tick()
    change(a1, Intent("remove", account=c.device[0]))


def text_of_unknown_outcome(world: World) -> None:
    """The answer is lost and a day passes."""
    c = world.phones["c"]
    c.text(world.main, "accepted")
    send(c, lose=True)
    c.cut_receiving()
    world.pass_time(DAY_MS + HOUR_MS)
    c.tick()


def crash_while_storing(world: World) -> None:
    """The receiver ends before its transaction does."""
    b, c = world.phones["b"], world.phones["c"]
    b.text(world.main, "once")
    send(b)
    c.fuse = 1
    c.run(lambda: c.receive(64))


def two_commits(world: World) -> None:
    """Two devices commit in one epoch, and the loser tries again before it has read the winner."""
    a1, b = world.phones["a1"], world.phones["b"]
    for phone in (a1, b):
        phone.intend(world.main, Intent("update"))
        phone.post()
    world.serve(a1, also=b)
    for phone in (a1, b):
        phone.hear()
    for _ in range(3):
        send(b)
    b.tick()


def own_commits_in_a_row(world: World) -> None:
    """The answer to a commit is lost, and another one is wanted."""
    a1, c = world.phones["a1"], world.phones["c"]
    change(a1, Intent("update"), lose=True)
    a1.intend(world.main, Intent("remove", account=c.device[0]))
    a1.post()


def own_commit(world: World) -> None:
    """A commit is accepted, its answer is lost, and its echo comes."""
    a1 = world.phones["a1"]
    change(a1, Intent("update"), lose=True)
    a1.receive(64)


def many_texts_and_busy(world: World) -> None:
    """The server is busy for the first of many texts."""
    b = world.phones["b"]
    for n in range(3):
        b.text(world.main, f"text {n}")
    b.post()
    world.serve(b, busy=True)
    while b.post() or world.serve(b):
        pass


def two_texts(world: World) -> None:
    b = world.phones["b"]
    for n in range(2):
        b.text(world.main, f"text {n}")
        send(b)


CASES: list[tuple[Mutation, Schedule]] = [
    (apply_at_ok, text_before_own_remove),
    (forget_hashes, text_of_unknown_outcome_then_removed),
    (forget_ids, text_of_unknown_outcome),
    (acknowledge_first, crash_while_storing),
    (no_drain, two_commits),
    (replace_staged, own_commits_in_a_row),
    (pipeline, many_texts_and_busy),
    (skip_own_commits, own_commit),
    (keep_ratchet, two_texts),
]
IDS = [mutation.__name__ for mutation, _ in CASES]


@pytest.mark.parametrize(("mutation", "schedule"), CASES, ids=IDS)
def test_the_schedule_does_no_harm(world: World, mutation: Mutation, schedule: Schedule) -> None:
    schedule(world)
    watch(world)
    world.settle()
    audit(world)


@pytest.mark.parametrize(("mutation", "schedule"), CASES, ids=IDS)
def test_without_the_rule_it_does(world: World, monkeypatch: Patch, mutation: Mutation, schedule: Schedule) -> None:
    mutation(monkeypatch, world)
    with pytest.raises((Violation, sqlite3.IntegrityError)):
        schedule(world)
        watch(world)
        world.settle()
        audit(world)


def test_a_group_whose_creation_was_accepted_but_never_answered_is_ours(world: World) -> None:
    """After 24 h the server has forgotten its answer: the pass is spent, and with another pass the group exists."""
    b, c = world.phones["b"], world.phones["c"]
    with b.core.step("open") as step:
        gid = chats.open_group(step, "Later", [c.device[0]])
    send(b, lose=True)
    world.pass_time(DAY_MS + HOUR_MS)
    b.text(gid, "here")
    world.settle()
    audit(world)
    chat = find_chat(c, gid)
    assert chat is not None
    assert (chat.status, chat.title) == ("active", "Later")


def test_a_claim_waits_for_the_introduction_of_whom_it_is_about(world: World) -> None:
    """Without their token the server would refuse it as malformed, and the group would have failed for good."""
    b, c = world.phones["b"], world.phones["c"]
    (other, _) = c.device
    with b.core.step("forget") as step:
        token = accounts.known(step, other).contact_token
        accounts.change(step, other, contact_token=b"")
        gid = chats.open_group(step, "Doves", [other])

    def claims() -> list[WantClaim]:
        return [want for want in b.core.wants() if isinstance(want, WantClaim) and want.account == other]

    world.settle()
    assert claims() == []
    with b.core.look() as step:
        (waiting,) = [n for n, item in rows.items(step.tx, gid) if item.kind == "commit"]
    assert b.core.lacks_introduction(waiting), "whoever asked for the group is told"
    assert b.core.is_settled(0), "no sync waits for what another person has to do"
    with b.core.step("learn") as step:
        accounts.change(step, other, contact_token=token)
    assert not b.core.lacks_introduction(waiting)
    assert not b.core.is_settled(0)
    (claim,) = claims()
    assert claim.token == token
    world.settle()
    chat = find_chat(c, gid)
    assert chat is not None
    assert chat.status == "active"


def test_a_device_that_was_approved_and_never_came_to_life_keeps_nothing_waiting(world: World) -> None:
    """Texts go out and chats begin after twenty seconds; it is added should it ever publish packages."""
    a1, c = world.phones["a1"], world.phones["c"]
    ghost = world.link("ghost", a1)
    del world.phones["ghost"]

    def live(seconds: int) -> None:
        for _ in range(seconds):
            world.now_ms += 1000
            for phone in world.phones.values():
                phone.turn()

    with a1.core.step("open") as step:
        gid = chats.open_group(step, "Later", [c.device[0]])
    main = world.main
    a1.text(main, "old")
    live(3)
    assert "old" not in texts(c, main)
    world.pass_time(21_000)
    live(3)
    a1.text(gid, "new")
    live(3)
    assert (texts(c, main)[-1], texts(c, gid)) == ("old", ["new"])
    world.phones["ghost"] = ghost
    world.pass_time(HOUR_MS)
    live(20)
    assert [chat.status for at in (main, gid) if (chat := find_chat(ghost, at))] == ["active", "active"]
