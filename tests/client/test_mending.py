"""Successors that cannot be made at once: somebody is not reached, or a device of somebody."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from tests.client.phone import Phone
from tests.client.successors import break_group, members, open_world, place, places, shown
from tests.client.talk import act, say, see
from tests.client.test_attacks_successors import absent, forge, link_ann, pass_turns, stays, told_of
from tests.client.test_attacks_suites import answered, package_of
from tests.client.world import DAY_MS, HOUR_MS, World

from zajil import mls
from zajil.client.core import chats, readd
from zajil.client.core.heirs import ending, growing, making, missing
from zajil.client.core.wants import WantClaim
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Asking, Chat
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.chat.extensions import Reason, with_predecessor
from zajil.protocol.control import ClaimedKeyPackages
from zajil.protocol.ids import GroupId
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path, seed=24)
    yield made
    made.close()


def end_token(phone: Phone) -> None:
    """The server refuses every token of this account that others hold."""
    tokens = phone.world.tokens
    for token in [token for token, whose in tokens.items() if whose == phone.device[0]]:
        del tokens[token]


@contextmanager
def claims_noted() -> Iterator[list[tuple[Phone, bytes, int]]]:
    """Who claimed whose packages meanwhile, and when (Unix ms), refused or not."""
    noted: list[tuple[Phone, bytes, int]] = []
    honest = World.claim

    def note(self: World, asker: Phone, want: WantClaim) -> ClaimedKeyPackages:
        noted.append((asker, want.account, self.now_ms))
        return honest(self, asker, want)

    with patch.object(World, "claim", note):
        yield noted


def test_whoever_ends_a_token_burns_no_packages_of_the_others(world: World) -> None:
    """Boris may make no successor without the owner, whom he cannot reach; he tries more and more rarely."""
    boris, cleo, mallory = (world.phones[name] for name in ("boris", "cleo", "mallory"))
    amal = world.phones.pop("amal")
    end_token(amal)
    break_group(mallory)
    with claims_noted() as noted:
        for _ in range(4):
            world.settle()
            world.pass_time(DAY_MS)
    tried = [at for asker, account, at in noted if (asker, account) == (boris, amal.device[0])]
    pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert pauses[0] < 10 * 60_000
    assert 8 * HOUR_MS < max(pauses) < 2 * DAY_MS
    assert len(tried) < 20
    # Once for the first try; he also begins a chat with her to ask whether she could follow.
    claimed = [at for asker, account, at in noted if (asker, account) == (boris, cleo.device[0])]
    assert claimed
    assert max(claimed) < tried[0] + 2 * 60_000
    assert see(boris, lambda step: step.chat(world.main)).heir is None


def test_packages_of_a_failed_try_are_not_kept_beyond_their_lifetime(world: World) -> None:
    boris, cleo, mallory = (world.phones[name] for name in ("boris", "cleo", "mallory"))
    end_token(world.phones.pop("amal"))
    break_group(mallory)
    world.settle()
    with claims_noted() as noted:
        world.pass_time(90 * DAY_MS)
        cleo.run(cleo.core.daily)
        world.settle()
    assert cleo.device[0] in [account for asker, account, _ in noted if asker is boris]


def test_whoever_is_out_since_is_not_brought_along_by_a_package_of_before(world: World) -> None:
    boris, cleo, mallory = (world.phones[name] for name in ("boris", "cleo", "mallory"))
    end_token(world.phones.pop("amal"))
    break_group(mallory)
    world.settle()
    forming = see(boris, lambda step: [one.gid for one in rows.all_chats(step.tx) if one.forebear == world.main])
    items = see(boris, lambda step: [item for gid in forming for _, item in rows.items(step.tx, gid)])
    kept = tuple(claim for item in items for claim in item.claims)
    assert {claim.account for claim in kept} == {cleo.device[0]}
    foreign = tuple(msgspec.structs.replace(claim, account=mallory.device[0]) for claim in kept)
    fresh = act(boris, lambda step: making.make(step, step.chat(world.main), Reason.STUCK, kept=kept + foreign))
    add = next(item for _, item in see(boris, lambda step: rows.items(step.tx, fresh)) if item.intent is not None)
    assert ({claim.account for claim in add.claims}, add.claimed) == ({cleo.device[0]}, (cleo.device[0],))


def test_a_device_that_its_account_ended_is_not_brought_along_by_a_package_of_before(world: World) -> None:
    """Whoever stole Cleo's device would be in the group again, days after she put it off her list."""
    boris, cleo, mallory = (world.phones[name] for name in ("boris", "cleo", "mallory"))
    end_token(world.phones.pop("amal"))
    break_group(mallory)
    world.settle()

    def claims(step: Step) -> list[bytes]:
        forming = [one.gid for one in rows.all_chats(step.tx) if one.forebear == world.main and one.status != "removed"]
        items = [item for gid in forming for _, item in rows.items(step.tx, gid)]
        return [claim.account for item in items for claim in item.claims]

    assert see(boris, claims) == [cleo.device[0]]
    with boris.core.step("a list without it") as step:
        accounts.change(step, cleo.device[0], devices=((2, bytes(32)),))
        step.change_chat(world.main, mend_at=step.now)
    assert boris.tick()
    assert see(boris, claims) == []


def test_a_device_without_packages_is_brought_in_by_its_sibling(world: World) -> None:
    """Another account made the successor: it cannot know of the device, which follows by a sibling's word alone."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    laptop = link_ann(world)
    with absent(laptop):
        break_group(mallory)
        away = [world.phones.pop("amal"), world.phones.pop("laptop")]
        world.settle()
        fresh = place(boris).gid
        assert fresh != world.main
        world.phones |= {"amal": away[0], "laptop": away[1]}
        pass_turns(world)
        assert place(amal).gid == fresh
        assert see(laptop, lambda step: rows.find_chat(step.tx, fresh)) is None
    world.settle()
    assert place(laptop).gid == fresh
    say(laptop, "here", gid=fresh)
    world.settle()
    assert "here" in shown(boris)


def test_a_device_that_comes_days_later_asks_for_the_group_that_followed(world: World) -> None:
    """Its sibling gave it up, and takes the request for the old group as one for the group that followed."""
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    laptop = link_ann(world)
    with absent(laptop):
        break_group(mallory)
        away = world.phones.pop("laptop")
        pass_turns(world)
        world.pass_time(DAY_MS + HOUR_MS)
        pass_turns(world)
        fresh = place(amal).gid
        assert [item.state for _, item in see(amal, lambda step: rows.items(step.tx, fresh))] == ["failed"]
        world.phones["laptop"] = away
    assert fresh != world.main
    world.settle()
    assert place(laptop).gid == fresh
    assert laptop.device in {(member.account, member.device) for member in place(amal).members}


def test_nobody_else_takes_a_device_into_the_group_that_followed(world: World) -> None:
    """It would take that for a chat of its own, and its sibling's Welcome for no news."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    laptop = link_ann(world)
    with absent(laptop):
        break_group(mallory)
        pass_turns(world)
    fresh = place(boris).gid
    part = parts.Readd(GroupId(world.main), 1, "refused", see(amal, lambda step: step.profile.profile_token))
    act(boris, lambda step: readd.take_request(step, *laptop.device, part))
    assert not see(boris, lambda step: rows.items(step.tx, fresh) + rows.items(step.tx, world.main))


def make_without(world: World) -> Phone:
    """Mallory broke the group, and Cleo, who is away, ended her token: the others go on without her. Cleo."""
    cleo, mallory = world.phones.pop("cleo"), world.phones["mallory"]
    end_token(cleo)
    break_group(mallory)
    began = world.now_ms
    world.settle()
    amal, boris = world.phones["amal"], world.phones["boris"]
    assert place(amal).gid == place(boris).gid != world.main
    assert members(amal) == {"amal", "boris"}
    assert missing.PATIENCE_MS <= place(amal).rotated_at - began < 2 * HOUR_MS
    return cleo


def come_back(cleo: Phone) -> None:
    """She has a token that lets people in, and asks."""
    world = cleo.world
    world.tokens[see(cleo, lambda step: step.profile.profile_token)] = cleo.device[0]
    world.phones["cleo"] = cleo
    world.settle()


def test_whoever_cannot_be_reached_keeps_no_group_from_going_on(world: World) -> None:
    """Nobody of the others is lost by it, and she comes back into the same chat by asking."""
    say(world.phones["cleo"], "before")
    world.settle()
    cleo = make_without(world)
    amal, boris = world.phones["amal"], world.phones["boris"]
    say(boris, "without her", gid=place(boris).gid)
    say(cleo, "waits")
    come_back(cleo)
    assert place(cleo).gid == place(amal).gid == place(boris).gid
    assert members(amal) == members(cleo) == {"amal", "boris", "cleo"}
    assert place(amal).absent == place(boris).absent == ()
    say(amal, "all in", gid=place(amal).gid)
    world.settle()
    assert shown(boris) == ["before", "without her", "waits", "all in"]
    assert shown(cleo) == ["before", "waits", "all in"]


def test_whoever_is_missing_and_asks_by_no_token_makes_nobody_write(world: World) -> None:
    """One claim an hour, and the members hear nothing of it: whoever put themselves out would flood the group."""
    cleo = make_without(world)
    amal, fresh = world.phones["amal"], place(world.phones["amal"]).gid
    tokens = [bytes([n]) * 32 for n in range(5)]
    asked = [parts.Readd(GroupId(world.main), None, "refused", token) for token in tokens]
    with claims_noted() as noted:
        for part in asked:
            with amal.core.step("asked") as step:
                readd.take_request(step, *cleo.device, part)
                assert all(item.kind == "commit" for _, item in rows.items(step.tx, fresh))
            for _ in range(3):
                amal.turn()
    assert [account for _, account, _ in noted] == [cleo.device[0]]
    assert see(amal, lambda step: accounts.known(step, cleo.device[0]).contact_token) == tokens[0]
    come_back(cleo)
    assert members(amal) == members(cleo) == {"amal", "boris", "cleo"}


@contextmanager
def weak_packages(phone: Phone) -> Iterator[None]:
    """Meanwhile this device has packages of the weaker suite alone, by its own word the only one it is able to use."""
    honest, (body, _) = World.claim, package_of(phone, mls.X25519_AES128, (SUITE_RFC1,))

    def weaken(self: World, asker: Phone, want: WantClaim) -> ClaimedKeyPackages:
        answer = honest(self, asker, want)
        if want.account != phone.device[0]:
            return answer
        return (
            answered(answer, SUITE_RFC1, body)
            if SUITE_RFC1 in want.suites
            else msgspec.structs.replace(answer, clients=())
        )

    with patch.object(World, "claim", weaken):
        yield


def test_whoever_has_weak_packages_alone_keeps_no_group_from_going_on(world: World) -> None:
    """The successor of a broken group keeps its suite, as nobody follows another one: it is made without them."""
    cleo, mallory = world.phones.pop("cleo"), world.phones["mallory"]
    with weak_packages(cleo):
        break_group(mallory)
        world.settle()
    amal, boris = world.phones["amal"], world.phones["boris"]
    assert place(amal).gid == place(boris).gid != world.main
    assert members(amal) == members(boris) == {"amal", "boris"}
    assert (place(amal).suite, place(amal).absent) == (SUITE_XWING, (cleo.device[0],))
    world.phones["cleo"] = cleo
    world.settle()
    assert place(cleo).gid == place(amal).gid
    assert members(amal) == {"amal", "boris", "cleo"}


def test_whoever_came_back_and_was_removed_is_not_brought_in_once_more(world: World) -> None:
    cleo = make_without(world)
    amal, boris = world.phones["amal"], world.phones["boris"]
    come_back(cleo)
    fresh = place(amal).gid
    act(amal, lambda step: chats.remove_account(step, fresh, cleo.device[0]))
    world.settle()
    part = parts.Readd(GroupId(world.main), None, "refused", see(cleo, lambda step: step.profile.profile_token))
    for phone in (amal, boris):
        act(phone, lambda step: readd.take_request(step, *cleo.device, part))
    world.settle()
    assert members(amal) == members(boris) == {"amal", "boris"}


def test_whoever_was_missing_comes_in_where_that_group_was_followed_too(world: World) -> None:
    """They hold neither of both, so to them it is a second chat."""
    cleo, amal = make_without(world), world.phones["amal"]
    gid = place(amal).gid
    act(amal, lambda step: growing.start(step, gid))
    world.settle()
    fresh = place(amal)
    assert (fresh.forebear, fresh.absent) == (gid, (cleo.device[0],))
    come_back(cleo)
    assert members(amal) == members(world.phones["boris"]) == {"amal", "boris", "cleo"}
    assert fresh.gid in {one.gid for one in places(cleo)}
    assert place(amal).absent == ()


def test_who_broke_the_group_asks_in_vain(world: World) -> None:
    make_without(world)
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    part = parts.Readd(GroupId(world.main), None, "refused", see(mallory, lambda step: step.profile.profile_token))
    for phone in (amal, boris):
        assert mallory.device[0] not in place(phone).absent
        act(phone, lambda step: readd.take_request(step, *mallory.device, part))
    world.settle()
    assert members(amal) == members(boris) == {"amal", "boris"}


def test_an_admin_leaves_no_owner_out_and_nobody_where_nothing_was_refused(world: World) -> None:
    """The others take what Boris makes for a chat of its own, and the owner's successor for the group."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    data, named = told_of(boris)
    settings = with_predecessor(data, named)
    before = forge(boris, settings, ["amal", "cleo"])
    assert all(stays(phone, before) for phone in (amal, cleo))
    break_group(mallory)
    for phone in (amal, cleo):
        while phone.greet() or phone.receive(64):
            pass
    forged = forge(boris, settings, ["cleo"])
    for phone in (amal, cleo):
        assert see(phone, lambda step: step.chat(world.main)).merged != forged
    assert place_of(cleo, world.main) == place_of(amal, world.main)


def place_of(phone: Phone, gid: bytes) -> bytes:
    """Where a group goes on for a person."""
    return see(phone, lambda step: step.chat(gid)).merged


def begin_repair(phone: Phone) -> None:
    """This device's turn has come to make a successor; nothing of it has left yet."""

    def begin(step: Step) -> None:
        step.change_chat(phone.world.main, mend_at=step.now)
        making.make_due(step)

    act(phone, begin)
    assert forming(phone)


def forming(phone: Phone) -> list[Chat]:
    """Successors of a device that nobody but it is in."""
    return see(phone, lambda step: [chat for chat in rows.all_chats(step.tx) if ending.is_forming(chat)])


def test_an_attempt_ends_where_another_one_is_followed(world: World) -> None:
    """Amal was away while others made a successor and went on in it: hers would be a second chat for everybody."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    break_group(mallory)
    while amal.receive(64) or amal.greet():
        pass
    begin_repair(amal)
    del world.phones["amal"]
    world.settle()
    fresh = place(boris).gid
    assert fresh != world.main
    act(boris, lambda step: chats.rename(step, fresh, "Swifts"))
    world.settle()
    world.phones["amal"] = amal
    world.settle()
    assert not forming(amal)
    for phone in (amal, boris, cleo):
        assert (place(phone).gid, place(phone).title) == (fresh, "Swifts")


def test_an_attempt_ends_where_the_group_goes_on_after_all(world: World) -> None:
    """The server refused what Amal sealed, so she made a successor; then a commit came that she could follow."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    act(amal, lambda step: step.change_chat(world.main, asking=Asking(-1, "refused", (), step.now + HOUR_MS)))
    begin_repair(amal)
    act(boris, lambda step: chats.rename(step, world.main, "Swifts"))
    del world.phones["amal"]
    world.settle()
    world.phones["amal"] = amal
    world.settle()
    assert not forming(amal)
    for phone in (amal, boris, cleo, mallory):
        assert (place(phone).gid, place(phone).title) == (world.main, "Swifts")
