"""Whoever saw more of a group than others, before a server came back, sees no second chat of what those make of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.successors import group_of, lines, open_world, place, places, shown
from tests.client.talk import act, say
from tests.client.test_brought_back import forge, make_successor, take_away
from tests.client.test_returning import Backup, chat_of
from tests.client.world import World

from zajil.client.core import groups, readd
from zajil.client.core.heirs import making, returning
from zajil.client.core.talk import reading
from zajil.client.state import accounts
from zajil.client.state.rows import Intent
from zajil.client.state.step import Step

TITLE = Intent("settings", title="Pigeons")
UPDATE = Intent("update")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path)
    yield made
    made.close()


def lose_two(world: World, first: Intent, second: Intent, *, by: tuple[str, str], missed: tuple[str, str]) -> None:
    """The server forgets two changes; the one person missed both, the other one saw the first of them alone.

    by: who makes them. missed: names, the first one of who missed both. Nobody is there then.
    """
    backup, away = Backup(world), {missed[0]: take_away(world, missed[0])}
    world.phones[by[0]].intend(world.main, first)
    world.settle()
    away[missed[1]] = take_away(world, missed[1])
    world.phones[by[1]].intend(world.main, second)
    world.settle()
    world.now_ms += 5_000
    backup.restore()
    world.phones |= away


def lose_group(phone: Phone, *, offender: bytes = b"") -> None:
    """A commit came that this device cannot follow. offender: who is proven to have made it."""

    def lost(step: Step) -> None:
        readd.lose(step, phone.world.main, "refused", offender=offender)
        making.schedule(step, phone.world.main)

    act(phone, lost)


def here(world: World, *names: str) -> dict[str, Phone]:
    """Only these are there; those who are not."""
    return {name: take_away(world, name) for name in list(world.phones) if name not in names}


def assert_one(world: World, *, but: str = "") -> bytes:
    """All see the group as one chat, the same one, and read in it what is said; its id."""
    phones = [phone for phone in world.phones.values() if phone.name != but]
    (gid,) = {place(phone).gid for phone in phones}
    assert gid != world.main
    for phone in phones:
        say(phone, f"all read {phone.name}", gid=gid)
        world.settle()
    for phone in phones:
        assert {f"all read {other.name}" for other in phones} <= set(shown(phone)), phone.name
    return gid


@pytest.mark.parametrize("second", ["title", "removal"])
def test_an_admin_who_saw_more_makes_a_later_one_without_a_word(world: World, second: str) -> None:
    """Amal saw the first change alone and makes a group of that; Boris says nothing."""
    mallory = world.phones["mallory"]
    change = Intent("settings", title="Ravens")
    if second == "removal":
        change = Intent("remove", account=mallory.device[0])
    boris = world.phones["boris"]
    for n in range(3):
        say(world.phones["amal"], f"read {n}")
    world.settle()
    act(boris, lambda step: reading.mark_read(step, world.main))
    lose_two(world, TITLE, change, by=("amal", "boris"), missed=("cleo", "amal"))
    away = here(world, "amal", "cleo")
    say(world.phones["amal"], "one")
    world.settle()
    first = place(world.phones["cleo"]).gid
    assert first == place(world.phones["amal"]).gid
    world.phones |= away
    world.settle()
    assert place(boris).unread == 1, "what was said there, and nothing that he had read"
    gid = assert_one(world, but="mallory" if second == "removal" else "")
    assert gid != first
    assert chat_of(boris, first).merged == gid, "he reads on there what others said before they heard"
    if second == "removal":
        assert mallory.device[0] not in place(boris).accounts()
    else:
        assert place(boris).title == "Ravens"


def test_what_who_saw_less_make_after_ours_is_no_chat(world: World) -> None:
    """Amal's was on its way already: Boris and all who follow him give it up."""
    lose_two(world, TITLE, Intent("settings", title="Ravens"), by=("boris", "boris"), missed=("cleo", "amal"))
    amal, boris = take_away(world, "amal"), world.phones["boris"]
    make_successor(boris)
    world.settle()
    make_successor(amal)
    world.phones["amal"] = amal
    world.settle()
    assert assert_one(world) == chat_of(boris, world.main).merged
    assert place(amal).title == "Ravens"


def test_a_member_who_saw_more_goes_where_the_others_are_and_on_with_who_did_too(world: World) -> None:
    """Cleo can make none. Boris, who saw what she did, comes later."""
    lose_two(world, TITLE, Intent("settings", title="Ravens"), by=("amal", "boris"), missed=("mallory", "amal"))
    cleo, away = world.phones["cleo"], here(world, "amal", "cleo", "mallory")
    say(world.phones["amal"], "one")
    world.settle()
    first = assert_one(world)
    assert (place(cleo).title, lines(cleo)[-1]) == ("Pigeons", "overtaken")
    world.phones |= away
    world.settle()
    assert assert_one(world) != first
    assert place(cleo).title == "Ravens"


def test_a_member_whose_own_change_was_lost_is_not_left_alone(world: World) -> None:
    """No admin saw it: all others are in the group of who saw less, which nobody makes anew."""
    backup = Backup(world)
    world.phones["amal"].intend(world.main, TITLE)
    world.settle()
    away = {name: take_away(world, name) for name in ("amal", "boris", "mallory")}
    world.phones["cleo"].intend(world.main, UPDATE)
    world.settle()
    world.now_ms += 5_000
    backup.restore()
    world.phones |= away
    say(world.phones["boris"], "one")
    world.settle()
    assert_one(world)


@pytest.mark.parametrize("second", ["removal", "addition"])
def test_a_member_is_not_brought_to_where_others_are_in_it(world: World, second: str) -> None:
    """It stays a chat of its own, where she sees who is in it, until Boris comes."""
    mallory = world.phones["mallory"]
    change = Intent("remove", account=mallory.device[0])
    if second == "addition":
        dora = world.enrol("dora")
        world.befriend()
        world.settle()
        change = Intent("add", accounts=(dora.device[0],))
    lose_two(world, TITLE, change, by=("amal", "boris"), missed=("mallory", "amal"))
    cleo, away = world.phones["cleo"], here(world, "amal", "cleo", "mallory")
    say(world.phones["amal"], "one")
    world.settle()
    assert chat_of(cleo, world.main).heir is None
    assert sorted(len(chat.accounts()) for chat in places(cleo)) == ([3, 4] if second == "removal" else [4, 5])
    world.phones |= away
    world.settle()
    assert_one(world, but="mallory" if second == "removal" else "")


@pytest.mark.parametrize("second", ["title", "removal"])
def test_once_the_other_group_went_on_an_admin_goes_along(world: World, second: str) -> None:
    """Nobody in it follows another one any more. Where it has whom he saw go out, he does not."""
    boris, mallory = world.phones["boris"], world.phones["mallory"]
    change = Intent("settings", title="Ravens")
    if second == "removal":
        change = Intent("remove", account=mallory.device[0])
    lose_two(world, TITLE, change, by=("amal", "boris"), missed=("cleo", "amal"))
    away = here(world, "amal", "cleo")
    say(world.phones["amal"], "one")
    world.settle()
    first = place(world.phones["cleo"]).gid
    world.phones["cleo"].intend(first, UPDATE)
    world.settle()
    world.phones |= away
    world.settle()
    if second == "removal":
        assert chat_of(boris, world.main).heir is not None
        assert mallory.device[0] not in chat_of(boris, chat_of(boris, world.main).merged).accounts()
    else:
        assert assert_one(world) == first


@pytest.mark.parametrize("role", [0, 1])
def test_whoever_was_brought_back_out_of_more_follows_who_saw_less(world: World, role: int) -> None:
    """Amal, who saw nothing, brings Cleo back; what Boris makes names an epoch that she had passed before."""
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    amal.intend(world.main, Intent("settings", account=cleo.device[0], role=role) if role else UPDATE)
    world.settle()
    backup = Backup(world)
    take_away(world, "amal")
    boris.intend(world.main, TITLE)
    world.settle()
    take_away(world, "boris")
    cleo.intend(world.main, UPDATE)
    world.settle()
    seen = group_of(cleo, world.main).epoch
    world.now_ms += 5_000
    backup.restore()
    world.phones["amal"] = amal
    take_away(world, "cleo")
    for _ in range(2):
        amal.intend(world.main, UPDATE)
        world.settle()
    world.phones["cleo"] = cleo
    say(cleo, "refused")
    world.settle()
    chat = chat_of(cleo, world.main)
    assert (chat.epoch > seen, chat.asking, chat.heir) == (True, None, None)
    world.phones["boris"] = boris
    make_successor(boris)
    world.settle()
    assert_one(world)


@pytest.mark.parametrize(
    "who",
    [
        "an admin",
        "a member",
        "another secret",
        "long after",
        "ended since",
        "lowered",
        "removed",
        "no server came back",
    ],
)
def test_only_an_admin_of_now_who_knows_its_secret_leads_there(
    world: World, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What anybody else makes is a chat of its own: it moves nobody, and no admin looks for it."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    account, backup = boris.device[0], Backup(world)
    amal.intend(world.main, TITLE)
    world.settle()
    seen = group_of(cleo, world.main)
    take_away(world, "boris")
    second = Intent("settings", title="Ravens")
    if who == "lowered":
        second = Intent("settings", account=account, role=0)
    elif who == "removed":
        second = Intent("remove", account=account)
    amal.intend(world.main, second)
    world.settle()
    world.now_ms += 5_000
    if who == "long after":
        monkeypatch.setattr(returning, "PATIENCE_MS", 1_000)
    if who != "no server came back":
        backup.restore()
        world.settle()
    world.now_ms += 2_000
    for phone in (amal, cleo) if who == "ended since" else ():
        act(phone, lambda step: accounts.change(step, account, devices=((2, bytes(32)),)))
    world.phones["boris"] = boris
    secret = bytes(32) if who == "another secret" else seen.epoch_authenticator
    forge(mallory if who == "a member" else boris, (seen.epoch, secret))
    believed = who == "an admin"
    assert (chat_of(cleo, world.main).heir is not None) == believed
    assert [len(places(phone)) for phone in (amal, cleo)] == ([1, 1] if believed else [2, 2])
    mark = act(amal, lambda step: returning.find_mark(step, world.main))
    assert (bool(mark and mark.lower), bool(mark and mark.asked)) == (believed, believed)


@pytest.mark.parametrize("since", ["lowered", "removed", "broken by him"])
def test_no_admin_goes_along_where_ours_went_on_against_its_maker(world: World, since: str) -> None:
    """Boris was an admin when his came, and others went on in it. Amal, who cannot follow ours any more, makes one."""
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    account, seen = boris.device[0], group_of(cleo, world.main)
    amal.intend(world.main, TITLE)
    world.settle()
    Backup(world).restore()
    world.settle()
    forge(boris, (seen.epoch, seen.epoch_authenticator))
    first = place(cleo).gid
    assert first != world.main
    cleo.intend(first, UPDATE)
    world.settle()
    take_away(world, "boris")
    if since == "lowered":
        amal.intend(world.main, Intent("settings", account=account, role=0))
    elif since == "removed":
        amal.intend(world.main, Intent("remove", account=account))
    world.settle()
    lose_group(amal, offender=account if since == "broken by him" else b"")
    world.settle()
    heir = chat_of(amal, world.main).heir
    assert heir is not None
    assert heir.gid != first
    chat = chat_of(amal, heir.gid)
    assert (account in chat.accounts(), groups.role_of(chat, account)) == (since == "lowered", 0)


def test_who_cannot_follow_ours_any_more_is_not_brought_to_who_went_out(world: World) -> None:
    mallory = world.phones["mallory"]
    removal = Intent("remove", account=mallory.device[0])
    lose_two(world, TITLE, removal, by=("amal", "boris"), missed=("mallory", "amal"))
    cleo, amal = world.phones["cleo"], world.phones["amal"]
    here(world, "amal", "cleo")
    lose_group(cleo)
    make_successor(amal)
    world.settle()
    assert len(places(cleo)) == 2
    assert chat_of(cleo, world.main).heir is None


def test_what_is_unread_in_the_other_group_stays_so_where_an_admin_goes_along(world: World) -> None:
    """He read on in ours after that was said."""
    boris = world.phones["boris"]
    lose_two(world, TITLE, Intent("settings", title="Ravens"), by=("amal", "boris"), missed=("cleo", "amal"))
    away = here(world, "amal", "cleo")
    say(world.phones["amal"], "one")
    world.settle()
    first = place(world.phones["cleo"]).gid
    act(boris, lambda step: step.change_chat(world.main, read_n=1_000))
    world.phones["cleo"].intend(first, UPDATE)
    world.settle()
    world.phones |= away
    world.settle()
    assert (place(boris).gid, place(boris).unread) == (first, 1)


def test_an_epoch_that_ended_where_the_server_came_back_was_not_lost(world: World) -> None:
    """Boris, an admin who did not see that, leads no member out of a group that goes on; what was lost later counts."""
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    Backup(world).restore()
    world.settle()
    seen = group_of(cleo, world.main)
    amal.intend(world.main, TITLE)
    world.settle()
    forge(boris, (seen.epoch, seen.epoch_authenticator))
    assert [chat_of(phone, world.main).heir for phone in (amal, cleo)] == [None, None]
    assert len(places(cleo)) == 2
    Backup(world).restore()
    world.settle()
    forge(boris, (seen.epoch, seen.epoch_authenticator))
    assert chat_of(cleo, world.main).heir is not None
