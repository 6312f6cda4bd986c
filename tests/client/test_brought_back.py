"""Whoever a server that came back leads to before a change it lost, and who saw that change, end in one chat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.client.phone import Phone
from tests.client.successors import group_of, lines, open_world, place, places, shown
from tests.client.talk import act, say, see
from tests.client.test_returning import Backup, chat_of, lose_removal
from tests.client.world import DAY_MS, World

from zajil.client import listing
from zajil.client.core import readd
from zajil.client.core.heirs import ending, making, returning
from zajil.client.state.rows import Intent
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Reason
from zajil.protocol.ids import encode_b64

Passed = tuple[int, bytes]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path)
    yield made
    made.close()


def take_away(world: World, name: str) -> Phone:
    """This device is without a network until somebody puts it back."""
    phone = world.phones.pop(name)
    phone.cut_receiving()
    phone.cut_sending()
    return phone


def lose_change(world: World, change: Intent, *, by: str = "boris", missed: str = "amal") -> None:
    """This change is made while the other one is away, and the server forgets it; everybody is there again."""
    backup, away = Backup(world), take_away(world, missed)
    world.phones[by].intend(world.main, change)
    world.settle()
    world.now_ms += 5_000
    backup.restore()
    world.phones[missed] = away


def lead_back(world: World, *, but: str = "boris") -> Passed:
    """Amal, who missed it, brings back all but this one, who is away: the epoch that the others had seen."""
    cleo, away = world.phones["cleo"], {but: take_away(world, but)} if but else {}
    back = [name for name in ("boris", "cleo", "mallory") if name != but]
    seen = group_of(cleo, world.main)
    lost = seen.epoch, seen.epoch_authenticator
    world.phones["amal"].intend(world.main, Intent("update"))
    for name in back:
        say(world.phones[name], f"{name} is refused")
    world.settle()
    for name in back:
        chat = chat_of(world.phones[name], world.main)
        assert (chat.status, chat.epoch > seen.epoch, chat.asking, chat.heir) == ("active", True, None, None)
    world.phones |= away
    return lost


@pytest.mark.parametrize("change", ["title", "permissions", "person"])
def test_whoever_is_brought_back_to_before_it_follows_who_saw_it(world: World, change: str) -> None:
    """All but the owner saw it; she brings back two of them before the admin makes a successor."""
    if change == "person":
        dora = world.enrol("dora")
        world.befriend()
        world.settle()
        lost = Intent("add", accounts=(dora.device[0],))
    else:
        lost = Intent("settings", title="Pigeons") if change == "title" else Intent("settings", perms={"add": 0})
    lose_change(world, lost)
    say(world.phones["amal"], "as if nothing was")
    world.settle()
    for name in ("cleo", "mallory"):
        say(world.phones[name], f"from {name}")
        world.settle()
    seen = place(world.phones["boris"])
    assert seen.gid != world.main
    for phone in world.phones.values():
        assert [chat.gid for chat in places(phone)] == [seen.gid]
        assert (place(phone).title, place(phone).perms, place(phone).accounts()) == (
            seen.title,
            seen.perms,
            seen.accounts(),
        )
    say(world.phones["cleo"], "all read this", gid=seen.gid)
    world.settle()
    for phone in world.phones.values():
        assert shown(phone)[-1] == "all read this"


def send_alone(phone: Phone) -> None:
    """It does and sends what is due, and hears nothing of its mailbox."""
    while phone.tick() or phone.call() or phone.post() or phone.world.serve(phone) or phone.hear():
        phone.world.now_ms += 10


def make_successor(phone: Phone) -> None:
    """Its turn has come: it makes one for the main group."""
    act(phone, lambda step: making.make(step, step.chat(phone.world.main), Reason.STUCK))
    send_alone(phone)


def test_its_maker_follows_it_who_was_brought_back_while_it_was_on_its_way(world: World) -> None:
    """What was asked before stands before it in the maker's mailbox."""
    lose_change(world, Intent("settings", title="Pigeons"))
    amal, boris = world.phones["amal"], take_away(world, "boris")
    amal.intend(world.main, Intent("update"))
    amal.intend(world.main, Intent("readd", account=boris.device[0], devices=(boris.device[1],)))
    world.settle()
    assert chat_of(amal, world.main).epoch == 3
    act(boris, lambda step: readd.ask(step, world.main, "refused", after_ms=readd.TURN_MS))
    make_successor(boris)
    world.phones["boris"] = boris
    while boris.greet() or boris.receive(64):
        pass
    old = chat_of(boris, world.main)
    assert (old.epoch, old.heir is not None) == (3, True)
    world.settle()
    fresh = place(amal).gid
    assert fresh == old.merged
    for phone in world.phones.values():
        assert [chat.gid for chat in places(phone)] == [fresh]
    say(boris, "he is in it", gid=fresh)
    world.settle()
    assert shown(amal)[-1] == "he is in it"


def forge(phone: Phone, lost: Passed) -> None:
    """A successor of this epoch by a device that holds another one by now."""

    def made(step: Step) -> None:
        held = ending.find_held(step, step.chat(phone.world.main))
        assert held is not None
        lie = held._replace(epoch=lost[0], authenticator=lost[1])
        with patch.object(ending, "find_held", lambda *_: lie):
            making.make(step, step.chat(phone.world.main), Reason.STUCK)

    act(phone, made)
    phone.world.settle()


@pytest.mark.parametrize("was", ["removed", "lowered"])
def test_who_is_no_admin_there_any_more_brings_nobody(world: World, was: str) -> None:
    """He was an admin in the epoch that was lost, and knows its secret; where Cleo is now he is out, or none."""
    lose_change(world, Intent("settings", title="Pigeons"))
    lost = lead_back(world)
    cleo, boris = world.phones["cleo"], take_away(world, "boris")
    account = boris.device[0]
    change = Intent("remove", account=account) if was == "removed" else Intent("settings", account=account, role=0)
    world.phones["amal"].intend(world.main, change)
    world.settle()
    world.phones["boris"] = boris
    forge(boris, lost)
    assert chat_of(cleo, world.main).heir is None


def test_nor_a_member_who_saw_that_epoch(world: World) -> None:
    lose_change(world, Intent("settings", title="Pigeons"))
    lost = lead_back(world)
    forge(world.phones["mallory"], lost)
    assert chat_of(world.phones["cleo"], world.main).heir is None


@pytest.mark.parametrize("what", ["its own secret", "another secret", "its own, long after"])
def test_an_admin_is_believed_by_its_own_secret_alone(world: World, what: str) -> None:
    lose_change(world, Intent("settings", title="Pigeons"))
    boris = world.phones["boris"]
    epoch, secret = lead_back(world, but="")
    if what == "its own, long after":
        world.pass_time(returning.PATIENCE_MS + DAY_MS)
        world.settle()
    forge(boris, (epoch, bytes(len(secret)) if what == "another secret" else secret))
    assert (chat_of(world.phones["cleo"], world.main).heir is not None) == (what == "its own secret")


@pytest.mark.parametrize("proven", [True, False])
def test_what_a_refused_commit_ended_was_not_lost(world: World, *, proven: bool) -> None:
    """The server has what came after such an epoch: no Welcome replaces it for a successor to name."""
    Backup(world).restore()
    world.settle()
    cleo, mallory = world.phones["cleo"], world.phones["mallory"]

    def replaced(step: Step) -> tuple[Passed, ...]:
        readd.lose(step, world.main, "refused", offender=mallory.device[0] if proven else b"")
        returning.note_replaced(step, step.chat(world.main))
        mark = returning.find_mark(step, world.main)
        assert mark is not None
        return mark.replaced

    assert act(cleo, replaced) == ()


def test_of_two_that_are_ahead_the_second_one_says_only_what_differs(world: World) -> None:
    """Cleo missed a title and, after it, a removal; who saw the first alone was faster."""
    backup, cleo = Backup(world), take_away(world, "cleo")
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    amal.intend(world.main, Intent("settings", title="Pigeons"))
    world.settle()
    for name in ("amal", "mallory"):
        take_away(world, name)
    boris.intend(world.main, Intent("remove", account=mallory.device[0]))
    world.settle()
    world.now_ms += 5_000
    backup.restore()
    take_away(world, "boris")
    world.phones |= {"cleo": cleo, "mallory": mallory, "amal": amal}
    say(cleo, "who reads this?")
    world.now_ms += 1_000
    world.settle()
    assert lines(cleo)[-2:] == ["overtaken", "overheard"]
    world.phones["boris"] = boris
    say(boris, "two")
    world.settle()
    assert place(cleo).gid == place(amal).gid == chat_of(boris, world.main).merged
    assert lines(cleo)[-4:] == ["overtaken", "overheard", "overtaken", "removed"]
    gid = place(cleo).gid
    said = see(cleo, lambda step: listing.notices(step, gid))[-4:]
    assert [line.account for line in said] == [encode_b64(one.device[0]) for one in (amal, amal, boris, boris)]


def test_of_two_that_put_the_same_one_out_the_second_one_names_its_maker(world: World) -> None:
    cleo = world.phones["cleo"] = lose_removal(world)
    amal, boris = take_away(world, "amal"), world.phones["boris"]
    act(amal, lambda step: making.make(step, step.chat(world.main), Reason.STUCK))
    make_successor(boris)
    world.settle()
    first = chat_of(cleo, world.main).merged
    assert (first, lines(cleo)[-2:]) == (chat_of(boris, world.main).merged, ["overtaken", "removed"])
    send_alone(amal)
    world.phones["amal"] = amal
    world.settle()
    assert place(cleo).gid == place(boris).gid == place(amal).gid != first
    assert lines(cleo)[-3:] == ["overtaken", "removed", "overtaken"]
