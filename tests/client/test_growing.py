"""Making room in a group: another one takes its place in the suite of large groups, and people see one chat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.client.phone import Phone
from tests.client.successors import (
    break_group,
    broken_paths,
    group_of,
    lines,
    members,
    open_world,
    place,
    places,
    shown,
)
from tests.client.talk import act, say, see
from tests.client.test_attacks_successors import absent, link_ann
from tests.client.world import World

from zajil.client import listing
from zajil.client.core import chats, groups
from zajil.client.core.heirs import growing
from zajil.client.core.wants import WantClaim
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Intent
from zajil.protocol.control import ClaimedKeyPackages
from zajil.protocol.errors import ZajilError
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

EVERYBODY = ("amal", "boris", "cleo", "mallory")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path, seed=32)
    yield made
    made.close()


def grow(phone: Phone) -> None:
    grow_in(phone, phone.world.main)


def grow_in(phone: Phone, gid: bytes) -> None:
    act(phone, lambda step: growing.start(step, gid))


def seal_growth(phone: Phone) -> None:
    """Everything up to the Add of the new group, which waits on the wire."""
    for _ in range(40):
        phone.call()
        phone.post()
        if any(sender is phone and type(frame).__name__ == "Commit" for sender, _, frame in phone.world.wire):
            return
        phone.world.serve(phone)
        while phone.hear():
            pass
    raise AssertionError("no Add was sealed")


def is_one_chat(world: World, *names: str) -> bool:
    """Whether these all see one and the same chat, of the suite of large groups, and no other group."""
    seen = {tuple(chat.gid for chat in places(world.phones[name])) for name in names}
    return len(seen) == 1 and all(place(world.phones[name]).suite == SUITE_RFC1 for name in names)


def test_a_grown_group_is_the_same_chat_for_everybody(world: World) -> None:
    amal, boris, cleo, mallory = (world.phones[name] for name in EVERYBODY)
    say(cleo, "before")
    world.settle()
    away = world.phones.pop("boris")
    grow(amal)
    say(cleo, "meanwhile")
    world.settle()
    say(mallory, "after", gid=place(mallory).gid)
    world.settle()
    world.phones["boris"] = away
    world.settle()
    assert is_one_chat(world, *EVERYBODY)
    for phone in (amal, boris, cleo, mallory):
        assert shown(phone) == ["before", "meanwhile", "after"]
        assert members(phone) == set(EVERYBODY)
        assert place(phone).roles == see(phone, lambda step: step.chat(world.main)).roles
    say(boris, "heard", gid=place(boris).gid)
    world.settle()
    assert shown(cleo)[-1] == "heard"
    assert group_of(cleo, place(cleo).gid).suite.id == SUITE_RFC1


def test_the_chat_says_who_made_room(world: World) -> None:
    boris, cleo = world.phones["boris"], world.phones["cleo"]
    grow(boris)
    world.settle()
    assert lines(cleo)[-1] == "grown"
    told = see(cleo, lambda step: listing.notices(step, world.main))[-1]
    assert (told.name, told.own) == ("boris", False)
    assert see(boris, lambda step: listing.notices(step, world.main))[-1].own


def test_it_is_done_once_by_admins_where_everybody_can_be_reached(world: World) -> None:
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    with pytest.raises(ZajilError, match="not-permitted"):
        grow(cleo)
    act(boris, lambda step: accounts.change(step, cleo.device[0], contact_token=b""))
    with pytest.raises(ZajilError, match="not-introduced"):
        grow(boris)
    grow(amal)
    grow(amal)
    world.settle()
    grown = place(amal).gid
    grow(amal)
    world.settle()
    assert place(amal).gid == grown != world.main
    assert see(amal, lambda step: len([one for one in rows.all_chats(step.tx) if one.forebear])) == 1


def test_the_welcome_first_and_a_later_commit_is_judged_anew(world: World) -> None:
    """Boris renames the group and adds Dora; the server takes that after the new group, in the old one."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    dora = world.enrol("dora")
    world.befriend()
    world.settle()
    grow(amal)
    seal_growth(amal)
    act(boris, lambda step: chats.add_account(step, world.main, dora.device[0]))
    seal_growth(boris)
    act(boris, lambda step: chats.rename(step, world.main, "Swifts"))
    assert world.serve(amal)
    assert world.serve(boris)
    world.settle()
    assert is_one_chat(world, *EVERYBODY)
    assert {place(world.phones[name]).title for name in EVERYBODY} == {"Swifts"}
    assert members(amal) == {*EVERYBODY, "dora"}
    # Dora, who never was in the epoch that it names, was added to both: what she says reaches the others from either.
    for chat in places(dora):
        say(dora, f"from {chat.suite}", gid=chat.gid)
    world.settle()
    assert set(shown(amal)) == set(shown(boris)) == {f"from {SUITE_XWING}", f"from {SUITE_RFC1}"}


def test_a_commit_first_and_the_maker_begins_anew(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    grow(amal)
    seal_growth(amal)
    act(boris, lambda step: chats.rename(step, world.main, "Swifts"))
    seal_growth(boris)
    assert world.serve(boris)
    assert world.serve(amal)
    world.settle()
    assert is_one_chat(world, *EVERYBODY)
    assert {place(world.phones[name]).title for name in EVERYBODY} == {"Swifts"}
    made = see(amal, lambda step: [one for one in rows.all_chats(step.tx) if one.forebear == world.main])
    assert sorted(one.status for one in made) == ["active", "left"]
    for name in ("boris", "cleo", "mallory"):
        kept = see(world.phones[name], lambda step: [one for one in rows.all_chats(step.tx) if one.forebear])
        assert [one.gid for one in kept] == [place(amal).gid]
    say(boris, "all here", gid=place(boris).gid)
    world.settle()
    assert shown(world.phones["mallory"]) == shown(amal) == ["all here"]


def test_a_group_that_changes_each_time_is_told_of(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    grow(amal)
    for n in range(growing.TRIES):
        seal_growth(amal)
        act(boris, lambda step: chats.rename(step, world.main, f"Name {n}"))  # noqa: B023
        seal_growth(boris)
        assert world.serve(boris)
        assert world.serve(amal)
        for phone in (amal, boris):
            while phone.hear() or phone.greet() or phone.receive(64):
                pass
    world.settle()
    assert act(amal, lambda step: growing.take_failure(step, world.main)) == "stale-epoch"
    assert {place(world.phones[name]).gid for name in EVERYBODY} == {world.main}
    say(amal, "still here")
    world.settle()
    assert shown(boris) == ["still here"]
    grow(amal)
    world.settle()
    assert is_one_chat(world, *EVERYBODY)


def test_what_was_claimed_serves_the_next_attempt(world: World) -> None:
    """A commit comes while packages are claimed: nobody else's packages are used up twice."""
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    asked: list[bytes] = []
    honest = World.claim

    def counting(self: World, asker: Phone, want: WantClaim) -> ClaimedKeyPackages:
        asked.append(want.account)
        return honest(self, asker, want)

    with patch.object(World, "claim", counting):
        grow(amal)
        amal.call()
        amal.call()
        act(boris, lambda step: chats.rename(step, world.main, "Swifts"))
        boris.turn()
        world.settle()
    assert is_one_chat(world, *EVERYBODY)
    assert asked.count(cleo.device[0]) == 1
    assert see(amal, lambda step: len([one for one in rows.all_chats(step.tx) if one.forebear])) == 2


def test_whoever_is_no_admin_any_more_stops(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    grow(boris)
    act(amal, lambda step: chats.set_role(step, world.main, boris.device[0], 0))
    amal.turn()
    world.settle()
    assert act(boris, lambda step: growing.take_failure(step, world.main)) == "not-permitted"
    assert {place(world.phones[name]).gid for name in EVERYBODY} == {world.main}


def test_of_two_admins_who_make_room_at_once_one_does(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    grow(amal)
    grow(boris)
    seal_growth(amal)
    seal_growth(boris)
    assert world.serve(boris)
    assert world.serve(amal)
    world.settle()
    assert is_one_chat(world, *EVERYBODY)
    for phone in (amal, boris):
        assert see(phone, lambda step: step.chat(world.main)).growing is None
    say(boris, "one", gid=place(boris).gid)
    world.settle()
    assert shown(amal) == shown(world.phones["cleo"]) == ["one"]


def test_an_own_device_without_packages_comes_in_later(world: World) -> None:
    amal = world.phones["amal"]
    laptop = link_ann(world)
    with absent(laptop):
        grow(amal)
        for _ in range(60):
            world.now_ms += 500
            for phone in world.phones.values():
                phone.turn()
        assert place(amal).suite == SUITE_RFC1
        assert see(laptop, lambda step: step.chat(world.main)).heir is None
        # It sees a commit of the old group that the others left out, and follows its sibling all the same.
        say(laptop, "from the old one")
    world.settle()
    assert place(laptop).gid == place(amal).gid
    assert shown(laptop) == shown(amal) == shown(world.phones["cleo"]) == ["from the old one"]
    for phone, own, account in ((amal, True, True), (laptop, False, False)):
        (line,) = (one for one in see(phone, lambda step: listing.notices(step, world.main)) if one.code == "grown")
        assert (line.own, bool(line.account)) == (own, account), "its sibling need not be who did it"


def test_a_group_that_was_repaired_grows_and_one_that_grew_is_repaired(world: World) -> None:
    amal, cleo, mallory = (world.phones[name] for name in ("amal", "cleo", "mallory"))
    say(cleo, "first")
    world.settle()
    break_group(mallory)
    world.settle()
    repaired = place(amal).gid
    assert (place(amal).suite, members(amal)) == (SUITE_XWING, {"amal", "boris", "cleo"})
    grow_in(amal, repaired)
    world.settle()
    grown = place(amal).gid
    assert is_one_chat(world, "amal", "boris", "cleo")
    boris = world.phones["boris"]
    with broken_paths():
        boris.intend(grown, Intent("update"))
        boris.post()
    world.serve(boris)
    world.settle()
    assert is_one_chat(world, "amal", "cleo")
    assert place(amal).gid not in (world.main, repaired, grown)
    assert members(amal) == {"amal", "cleo"}
    say(cleo, "last", gid=place(cleo).gid)
    world.settle()
    assert shown(amal) == ["first", "last"]
    gone = see(amal, lambda step: [step.chat(gid).merged for gid in (world.main, repaired, grown)])
    assert set(gone) == {place(amal).gid}


def test_a_crash_in_the_midst_costs_nothing(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    grow(amal)
    amal.crash()
    while amal.greet() or amal.receive(64):
        pass
    seal_growth(amal)
    amal.crash()
    boris.crash()
    world.settle()
    assert is_one_chat(world, *EVERYBODY)
    assert see(amal, lambda step: step.chat(world.main)).growing is None


def test_whoever_broke_it_stops_the_growth_and_is_put_out(world: World) -> None:
    """The broken commit comes first, while the Add is on its way: it is repaired as any group, and stays strong."""
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    grow(amal)
    seal_growth(amal)
    break_group(mallory)
    assert world.serve(amal)
    world.settle()
    assert act(amal, lambda step: growing.take_failure(step, world.main)) in ("chat-stuck", "stale-epoch")
    for name in ("amal", "boris", "cleo"):
        assert members(world.phones[name]) == {"amal", "boris", "cleo"}
        assert (place(world.phones[name]).suite, len(places(world.phones[name]))) == (SUITE_XWING, 1)


def test_whoever_is_put_out_later_is_not_heard_from_the_group_of_before(world: World) -> None:
    """The old group still takes what its members say: only those who are in the chat are shown."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    world.phones.pop("mallory")
    grow(amal)
    world.settle()
    act(amal, lambda step: chats.remove_account(step, place(amal).gid, mallory.device[0]))
    world.settle()
    say(mallory, "let me in")
    mallory.line = None
    for _ in range(4):
        mallory.post()
        world.serve(mallory)
    world.settle()
    assert shown(amal) == shown(boris) == []
    assert groups.role_of(place(amal), amal.device[0]) == groups.OWNER
