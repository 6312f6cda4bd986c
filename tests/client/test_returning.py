"""A server that came back from a backup holds an epoch that others left: nobody goes on in it with who was removed."""

from __future__ import annotations

import copy
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import Connection
from tests.client.phone import Phone
from tests.client.successors import lines, members, open_world, place, places, shown
from tests.client.talk import act, say, see
from tests.client.world import DAY_MS, World, small_world

from zajil.client import listing
from zajil.client.core import chats
from zajil.client.core.heirs import ending, making, returning
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Intent
from zajil.client.state.step import Step
from zajil.engine.sql.interface import renumbering
from zajil.protocol.chat.extensions import Reason
from zajil.server.backup.rows import FORGOTTEN

HONEST = ("amal", "boris", "cleo")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path)
    yield made
    made.close()


def execute(statement: str, db: Connection) -> None:
    """One statement of ours in the server's database."""
    db.exec_driver_sql(statement)


class Backup:
    """What `zajil backup` keeps of a server, as far as these devices see it."""

    def __init__(self, world: World) -> None:
        self.world, self.phones = world, list(world.phones.values())
        self.held = sqlite3.connect(":memory:")
        self.books = copy.deepcopy((world.books.epochs, world.books.rosters))
        with closing(sqlite3.connect(world.folder / "zajil.db")) as now:
            now.backup(self.held)

    def restore(self) -> None:
        """The server is lost, and this is there instead."""
        world = self.world
        world.stop_server()
        for name in ("zajil.db", "zajil.db-wal", "zajil.db-shm"):
            (world.folder / name).unlink(missing_ok=True)
        with closing(sqlite3.connect(world.folder / "zajil.db")) as new:
            self.held.backup(new)
        world.books.epochs, world.books.rosters = copy.deepcopy(self.books)
        world.start_server()
        for statement in (renumbering(world.now_ms // 1000), *FORGOTTEN):
            world.database.write_sync(partial(execute, statement))
        world.crash_server()
        for phone in self.phones:
            # Each is told of that as it connects; what it used up since the backup is not handed out again.
            phone.core.want_key_packages()
            phone.call()


def lose_removal(world: World, *also: Intent, missed: str = "cleo") -> Phone:
    """Mallory is removed while she and another one are away, and the server forgets it; that one, who is not back yet.

    also: what else Amal does before.
    """
    backup, away = Backup(world), [world.phones.pop(name) for name in (missed, "mallory")]
    for phone in away:
        phone.cut_receiving()
        phone.cut_sending()
    other, mallory = away
    for intent in (*also, Intent("remove", account=mallory.device[0])):
        world.phones["amal"].intend(world.main, intent)
        world.settle()
    assert all(mallory.device[0] not in place(phone).accounts() for phone in world.phones.values())
    world.now_ms += 5_000
    backup.restore()
    world.phones["mallory"] = mallory
    return other


def chat_of(phone: Phone, gid: bytes) -> Chat:
    return see(phone, lambda step: step.chat(gid))


def heard(phone: Phone) -> list[str]:
    """Every text that this device holds."""
    with phone.core.look() as step:
        return [rows.parse_row(data, rows.StoredMessage).text for _, data in step.tx.rows("message")]


def test_whoever_missed_a_removal_goes_on_without_the_removed_one(world: World) -> None:
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    cleo = lose_removal(world)
    say(amal, "after the restore")
    world.settle()
    world.phones["cleo"] = cleo
    say(cleo, "waited")
    world.settle()
    for phone in (amal, boris, cleo):
        assert len(places(phone)) == 1
        assert members(phone) == set(HONEST)
        assert place(phone).gid == place(amal).gid != world.main
    say(cleo, "secret", gid=place(cleo).gid)
    world.settle()
    assert shown(amal)[-1] == shown(boris)[-1] == "secret"
    assert "secret" not in heard(mallory)
    assert sorted(shown(cleo)) == ["after the restore", "secret", "waited"]
    assert "waited" not in heard(mallory)
    assert lines(cleo)[-2:] == ["overtaken", "removed"], "she sent nothing in the old group"
    assert mallory.device[0] in place(cleo).put_out
    assert mallory.device[0] not in place(cleo).absent


def test_what_was_said_meanwhile_is_told_of_and_makes_the_others_look(world: World) -> None:
    """Nobody else writes: the first word in the old group is what brings the new one."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    cleo = world.phones["cleo"] = lose_removal(world)
    say(cleo, "who reads this?")
    began = world.now_ms
    world.settle()
    assert "who reads this?" in heard(mallory)
    assert world.now_ms - began < 60_000
    assert place(cleo).gid == place(amal).gid == place(boris).gid != world.main
    assert lines(cleo)[-3:] == ["overtaken", "removed", "overheard"]
    assert chat_of(cleo, world.main).heir is not None
    say(cleo, "now they do not", gid=place(cleo).gid)
    world.settle()
    assert shown(amal)[-1] == "now they do not"
    assert "now they do not" not in heard(mallory)


@pytest.mark.parametrize("who", ["cleo", "mallory"])
def test_a_commit_in_the_old_group_makes_the_others_look(world: World, who: str) -> None:
    """It makes an epoch of the number of the one that was lost: what is said there is of no earlier one."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    cleo = world.phones["cleo"] = lose_removal(world)
    world.phones[who].intend(world.main, Intent("update"))
    world.settle()
    say(cleo, "who reads this?", gid=place(cleo).gid)
    world.settle()
    assert place(cleo).gid == place(amal).gid == place(boris).gid != world.main
    assert shown(amal)[-1] == "who reads this?"
    assert "who reads this?" not in heard(mallory)


@pytest.mark.parametrize("is_there", [True, False])
def test_whoever_missed_a_removal_brings_nobody_back_to_it(world: World, *, is_there: bool) -> None:
    """Boris, an admin, would be asked; his own commit makes the old group one epoch longer than it was."""
    amal, cleo, mallory = (world.phones[name] for name in ("amal", "cleo", "mallory"))
    boris = world.phones["boris"] = lose_removal(world, missed="boris")
    if not is_there:
        del world.phones["amal"]
        amal.cut_receiving()
    boris.intend(world.main, Intent("update"))
    say(cleo, "one")
    world.settle()
    world.phones["amal"] = amal
    say(amal, "two")
    world.settle()
    for phone in (amal, boris, cleo):
        assert (len(places(phone)), members(phone)) == (1, set(HONEST))
    assert place(amal).gid == place(boris).gid == place(cleo).gid != world.main
    say(cleo, "three", gid=place(cleo).gid)
    world.settle()
    assert {"one", "two", "three"} <= set(shown(boris))
    assert not {"one", "two", "three"} & set(heard(mallory))


@pytest.mark.parametrize(
    "also",
    [
        Intent("settings", title="Pigeons"),
        Intent("settings", perms={"add": 0}),
    ],
)
def test_what_else_was_lost_by_right_comes_with_it(world: World, also: Intent) -> None:
    amal = world.phones["amal"]
    cleo = world.phones["cleo"] = lose_removal(world, also)
    say(cleo, "who reads this?")
    world.settle()
    assert place(cleo).gid == place(amal).gid != world.main
    assert (place(cleo).title, place(cleo).perms) == (place(amal).title, place(amal).perms)


def forge(phone: Phone, *, without: tuple[str, ...] = (), epoch: int = 9) -> None:
    """A group that says it follows a later epoch of the main one, which this member made up."""
    gone = {phone.world.phones[name].device[0] for name in without}

    def made(step: Step) -> None:
        chat = step.chat(phone.world.main)
        kept = tuple(member for member in chat.members if member.account not in gone)
        step.change_chat(chat.gid, members=kept)
        held = ending.find_held(step, chat)
        assert held is not None
        lie = held._replace(epoch=epoch, authenticator=bytes(64), accounts=frozenset(m.account for m in kept))
        with patch.object(ending, "find_held", lambda *_: lie):
            making.make(step, step.chat(chat.gid), Reason.STUCK)

    act(phone, made)


def follows(phone: Phone) -> bool:
    """Whether the main group is followed by another one for this device."""
    return chat_of(phone, phone.world.main).heir is not None


def test_a_member_closes_no_group_by_an_epoch_that_nobody_saw(world: World) -> None:
    """Mallory is none who may make a successor, also where the server came back."""
    cleo, mallory = world.phones["cleo"], world.phones["mallory"]
    Backup(world).restore()
    world.settle()
    forge(mallory, without=("amal", "boris"))
    world.settle()
    assert not follows(cleo)
    say(cleo, "as before")
    world.settle()
    assert "as before" in heard(world.phones["amal"])


def test_an_admin_is_not_believed_where_no_server_came_back(world: World) -> None:
    cleo, boris = world.phones["cleo"], world.phones["boris"]
    forge(boris, without=("mallory",))
    world.settle()
    assert not follows(cleo)
    assert len(places(cleo)) == 2, "it is a chat of its own"


def test_an_admin_is_not_believed_for_ever_after_it_did(world: World) -> None:
    cleo, boris = world.phones["cleo"], world.phones["boris"]
    Backup(world).restore()
    world.settle()
    world.pass_time(returning.PATIENCE_MS + DAY_MS)
    world.settle()
    forge(boris, without=("mallory",))
    world.settle()
    assert not follows(cleo)


def test_an_admin_leaves_out_no_owner(world: World) -> None:
    cleo, boris = world.phones["cleo"], world.phones["boris"]
    Backup(world).restore()
    world.settle()
    forge(boris, without=("amal",))
    world.settle()
    assert not follows(cleo)


def test_a_device_that_was_ended_since_is_not_believed(world: World) -> None:
    cleo, boris = world.phones["cleo"], world.phones["boris"]
    Backup(world).restore()
    world.settle()
    act(cleo, lambda step: accounts.change(step, boris.device[0], devices=((2, bytes(32)),)))
    forge(boris, without=("mallory",))
    world.settle()
    assert not follows(cleo)


def test_what_a_removed_member_does_in_the_old_group_keeps_nobody_there(world: World) -> None:
    """Each commit of hers makes an epoch of the server that came back, later than the one that was lost."""
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    cleo = world.phones["cleo"] = lose_removal(world)
    amal = world.phones.pop("amal")
    amal.cut_receiving()
    boris = world.phones.pop("boris")
    boris.cut_receiving()
    for _ in range(3):
        mallory.intend(world.main, Intent("update"))
        world.settle()
    assert chat_of(cleo, world.main).epoch == 4
    world.now_ms += 5_000
    Backup(world).restore()  # once more, as it is now
    world.settle()
    world.phones |= {"amal": amal, "boris": boris}
    say(amal, "after the restore")
    world.settle()
    assert place(cleo).gid == place(amal).gid == place(boris).gid != world.main


def test_the_latest_epoch_that_was_lost_wins(world: World) -> None:
    """Amal missed the last change; the group that she makes is given up for the one of who saw it."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    backup, cleo, mallory = Backup(world), world.phones.pop("cleo"), world.phones.pop("mallory")
    for phone in (cleo, mallory):
        phone.cut_receiving()
    amal.intend(world.main, Intent("settings", title="Pigeons"))
    world.settle()
    del world.phones["amal"]
    amal.cut_receiving()
    boris.intend(world.main, Intent("remove", account=mallory.device[0]))
    world.settle()
    world.now_ms += 5_000
    backup.restore()
    del world.phones["boris"]
    boris.cut_receiving()
    world.phones |= {"cleo": cleo, "mallory": mallory, "amal": amal}
    say(amal, "one")
    world.settle()
    first = place(cleo).gid
    assert first == place(amal).gid
    assert mallory.device[0] in place(cleo).accounts()
    world.phones["boris"] = boris
    say(boris, "two")
    world.settle()
    last = chat_of(boris, world.main).merged
    assert place(cleo).gid == place(amal).gid == last != first
    assert mallory.device[0] not in place(cleo).accounts()
    say(cleo, "three", gid=last)
    world.settle()
    assert "three" in heard(boris)
    assert "three" not in heard(mallory)


def test_a_commit_on_its_way_stands_in_the_old_group_alone(world: World) -> None:
    """It may be followed there, by who has not heard either: so its maker follows it, too."""
    amal = world.phones["amal"]
    cleo = lose_removal(world)
    assert cleo.greet()
    while cleo.receive(64) or cleo.call() or cleo.greet():
        pass
    cleo.intend(world.main, Intent("update"))
    assert cleo.post()
    say(amal, "after the restore")
    world.settle()
    world.phones["cleo"] = cleo
    while cleo.receive(64):
        pass
    assert follows(cleo)
    world.settle()
    old = chat_of(cleo, world.main)
    assert (old.epoch, old.status, old.asking) == (2, "active", None)
    assert place(cleo).gid == place(amal).gid


def test_a_device_that_was_taken_out_of_a_chat_of_two_reads_no_further() -> None:
    """As one that was stolen: neither may the old chat be the one of the two that stays."""
    world = small_world()
    try:
        first, stolen, friend = (world.phones[name] for name in ("a1", "a2", "c"))
        gid = act(first, lambda step: chats.open_dm(step, friend.device[0]))
        say(first, "hello", gid=gid)
        world.settle()
        assert {m.device for m in chat_of(friend, gid).members if m.account == first.device[0]} == {1, 2}
        backup = Backup(world)
        for phone in (world.phones.pop("a2"), world.phones.pop("c")):
            phone.cut_receiving()
            phone.cut_sending()
        first.intend(gid, Intent("remove-device", account=first.device[0], devices=(2,)))
        world.settle()
        assert chat_of(first, gid).leaf_of(*stolen.device) is None
        # Its owner's newest list, which the server has again, ends it: nobody gets packages of it.
        own = first.device[0]
        world.devices[own] = [first.device]
        listed = see(first, lambda step: accounts.known(step, own).devices)
        act(first, lambda step: accounts.change(step, own, devices=tuple(one for one in listed if one[0] == 1)))
        world.now_ms += 5_000
        backup.restore()
        world.phones |= {"a2": stolen, "c": friend}
        say(friend, "who reads this?", gid=gid)
        world.settle()
        fresh = chat_of(friend, gid).merged
        assert fresh == chat_of(first, gid).merged != b""
        codes = see(friend, lambda step: [line.code for line in listing.notices(step, fresh)])
        assert codes[-2:] == ["overtaken", "overheard"]
        say(friend, "it does not read this", gid=fresh)
        world.settle()
        assert "it does not read this" in heard(first)
        assert "who reads this?" in heard(stolen)
        assert "it does not read this" not in heard(stolen)
    finally:
        world.close()
        shutil.rmtree(world.folder)
