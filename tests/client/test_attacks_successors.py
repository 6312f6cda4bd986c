"""Hostile members with successor groups: whatever is not the old group without its offender is another chat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from tests.client.phone import Phone
from tests.client.successors import break_group, group_of, members, open_world, place, places, shown
from tests.client.talk import act, say, see
from tests.client.test_attacks_member import deliver
from tests.client.world import DAY_MS, World

from zajil import mls
from zajil.client import listing
from zajil.client.core import chats, groups, messages, outbox, readd
from zajil.client.core.heirs import ending
from zajil.client.core.joins import admitting
from zajil.client.core.wants import WantClaim
from zajil.client.state import accounts, rows
from zajil.client.state.joins import load_joins
from zajil.client.state.rows import Asking, Intent, OwnKeyPackage
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.chat import parts
from zajil.protocol.chat.extensions import (
    GROUP_INFO_SHARE,
    ChatRole,
    GroupInfoShare,
    JoinPolicy,
    Predecessor,
    Reason,
    change_settings,
    with_predecessor,
)
from zajil.protocol.control import ClaimedKeyPackages
from zajil.protocol.ids import AccountId, GroupId
from zajil.protocol.limits import SUITE_RFC1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path, seed=22)
    yield made
    made.close()


def told_of(phone: Phone, *, reason: Reason = Reason.STUCK) -> tuple[bytes, Predecessor]:
    """The settings of the group as this member holds it, and what names its epoch."""
    group = group_of(phone, phone.world.main)
    named = Predecessor(phone.world.main, group.epoch, group.epoch_authenticator, reason)
    return groups.find_settings(group), named


def forge(phone: Phone, data: bytes, people: list[str], suite: mls.Suite = mls.XWING) -> bytes:
    """A group of these settings that a hostile client makes, settled; its id."""
    invited = [phone.world.phones[name].device[0] for name in people]
    gid = act(phone, lambda step: chats.begin(step, data, invited, suite=suite, most=9))
    phone.world.settle()
    return gid


def stays(phone: Phone, gid: bytes) -> bool:
    """Whether the group is what it was, and the other one no part of it."""
    chat = see(phone, lambda step: step.chat(phone.world.main))
    apart = {other.gid for other in places(phone)}
    return chat.heir is None and not chat.merged and chat.status == "active" and {gid, chat.gid} <= apart


def test_an_admin_who_refused_nothing_cannot_leave_somebody_out(world: World) -> None:
    boris = world.phones["boris"]
    data, named = told_of(boris)
    gid = forge(boris, with_predecessor(data, named), ["amal", "cleo"])
    assert all(stays(world.phones[name], gid) for name in ("amal", "cleo"))


def test_a_member_cannot_make_one_and_nobody_gets_a_role_by_it(world: World) -> None:
    boris, cleo = world.phones["boris"], world.phones["cleo"]
    data, named = told_of(cleo)
    gid = forge(cleo, with_predecessor(data, named), ["amal", "boris", "mallory"])
    assert all(stays(world.phones[name], gid) for name in ("amal", "boris", "mallory"))
    roles = {AccountId(boris.device[0]): ChatRole.OWNER}
    gid = forge(boris, change_settings(with_predecessor(data, named), roles=roles), ["amal", "cleo", "mallory"])
    assert all(stays(world.phones[name], gid) for name in ("amal", "cleo", "mallory"))


def test_a_repair_takes_nobody_to_a_weaker_suite(world: World) -> None:
    boris = world.phones["boris"]
    data, named = told_of(boris)
    gid = forge(boris, with_predecessor(data, named), ["amal", "cleo", "mallory"], mls.suite_of(SUITE_RFC1))
    assert all(stays(world.phones[name], gid) for name in ("amal", "cleo", "mallory"))


def test_an_old_epoch_does_not_come_back(world: World) -> None:
    """An admin who was made a member since makes a successor of the epoch in which he was one."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    data, named = told_of(boris)
    act(amal, lambda step: chats.set_role(step, world.main, boris.device[0], 0))
    world.settle()
    assert see(boris, lambda step: groups.role_of(step.chat(world.main), boris.device[0])) == 0
    gid = forge(boris, with_predecessor(data, named), ["amal", "cleo", "mallory"])
    assert all(stays(world.phones[name], gid) for name in ("amal", "cleo", "mallory"))


def test_whoever_was_removed_does_not_come_back_by_one(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    data, named = told_of(boris)
    act(amal, lambda step: chats.remove_account(step, world.main, boris.device[0]))
    world.settle()
    gid = forge(boris, with_predecessor(data, named), ["amal", "cleo", "mallory"])
    assert all(stays(world.phones[name], gid) for name in ("amal", "cleo", "mallory"))


def test_who_broke_a_group_cannot_make_its_successor(world: World) -> None:
    """Boris is an admin: he breaks the group and is the first with a successor, with himself in it."""
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    data, named = told_of(boris)
    break_group(boris)
    for phone in (amal, cleo):
        while phone.greet() or phone.receive(64):
            pass
    gid = act(
        boris,
        lambda step: chats.begin(
            step,
            with_predecessor(data, named),
            [world.phones[name].device[0] for name in ("amal", "cleo", "mallory")],
            suite=mls.XWING,
            most=9,
        ),
    )
    for _ in range(20):
        boris.turn()
    world.settle()
    for phone in (amal, cleo):
        chat = see(phone, lambda step: step.chat(world.main))
        assert chat.heir is not None
        assert chat.heir.gid != gid
        assert boris.device[0] not in see(phone, lambda step: step.chat(chat.merged)).accounts()  # noqa: B023
        assert gid in {other.gid for other in places(phone)}


def test_where_the_only_admin_breaks_the_group_another_one_mends_it(tmp_path: Path) -> None:
    world = World(tmp_path, seed=23)
    amal, boris, cleo = (world.enrol(name) for name in ("amal", "boris", "cleo"))
    world.befriend()
    world.settle()
    world.open_main(amal, [], [boris, cleo])
    break_group(amal)
    say(boris, "meanwhile")
    world.settle()
    assert members(boris) == members(cleo) == {"boris", "cleo"}
    assert shown(boris) == shown(cleo) == ["meanwhile"]
    world.close()


def spoil_token(phone: Phone) -> None:
    """A commit that everybody can follow, with a false token of the epoch it makes: nobody can send after it."""
    world = phone.world
    phone.intend(see(phone, lambda step: step.chat(world.main).merged) or world.main, Intent("update"))
    phone.post()
    at = next(at for at, (sender, _, _) in enumerate(world.wire) if sender is phone)
    sender, session, request = world.wire[at]
    assert isinstance(request, frames.Commit)
    world.wire[at] = (sender, session, msgspec.structs.replace(request, next_token_hash=bytes(32)))
    world.serve(phone)


def test_a_false_token_costs_no_message_and_is_mended_once_a_day(world: World) -> None:
    """Nobody can prove who gave it, so nobody is left out; the same member does it again, and has to wait."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    spoil_token(mallory)
    say(cleo, "one")
    say(boris, "two")
    world.settle()
    first = place(amal).gid
    assert first != world.main
    for phone in (amal, boris, cleo, mallory):
        assert place(phone).gid == first
        assert set(shown(phone)) == {"one", "two"}
        assert members(phone) == {"amal", "boris", "cleo", "mallory"}
    spoil_token(mallory)
    say(amal, "three", gid=first)
    world.settle()
    assert place(amal).gid == place(cleo).gid == first
    assert shown(cleo)[-1] != "three"
    world.pass_time(DAY_MS)
    world.settle()
    assert shown(cleo)[-1] == "three"
    assert place(amal).gid == place(boris).gid == place(cleo).gid != first


def commit_nothing(phone: Phone) -> None:
    """The server takes bytes for a commit of this member that nobody can open; the member is in the epoch they make."""
    world = phone.world
    phone.intend(world.main, Intent("update"))
    phone.post()
    at = next(at for at, (sender, _, _) in enumerate(world.wire) if sender is phone)
    sender, session, request = world.wire[at]
    assert isinstance(request, frames.Commit)
    spoilt = request.commit[:-1] + bytes([request.commit[-1] ^ 1])
    world.wire[at] = (sender, session, msgspec.structs.replace(request, commit=spoilt))
    world.serve(phone)
    deliver(phone, frames.Kind.COMMIT, request.commit, epoch=request.epoch)


def test_bytes_that_no_member_can_open_and_a_later_epoch_are_mended_like_a_commit_that_is_refused(world: World) -> None:
    """Whoever asks after the gap asks members who have it too; nobody was proven, so nobody is left out."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    began = world.now_ms
    commit_nothing(mallory)
    say(mallory, "from where nobody else is")
    mallory.post()
    assert world.serve(mallory)
    say(cleo, "meanwhile")
    world.settle()
    assert world.now_ms - began < 30_000
    for phone in (amal, boris, cleo):
        assert place(phone).gid == place(amal).gid != world.main
        assert members(phone) == {"amal", "boris", "cleo", "mallory"}
        assert shown(phone) == ["meanwhile"]


def test_after_a_gap_nothing_is_sealed_and_refused_without_an_end(world: World) -> None:
    """The server lost a commit for Cleo: what she says waits until somebody brings her back."""
    amal, cleo = world.phones["amal"], world.phones["cleo"]
    cleo.cut_receiving()
    amal.intend(world.main, Intent("update"))
    while amal.turn():
        pass
    with cleo.core.step("lose it") as step:
        step.change_session(last_seq=step.session().last_seq + 1)
    say(amal, "after")
    while amal.turn():
        pass
    away = {name: world.phones.pop(name) for name in ("amal", "boris", "mallory")}
    say(cleo, "meanwhile")
    assert [cleo.turn() for _ in range(20)][-1] is False
    assert see(cleo, lambda step: step.chat(world.main).asking).reason == "gap"  # type: ignore[union-attr]
    world.phones |= away
    world.settle()
    assert shown(amal) == ["after", "meanwhile"]
    assert shown(cleo) == ["meanwhile"]


def test_a_look_alike_of_a_successor_is_not_taken(world: World) -> None:
    """Mallory, left out, makes a group under the id of the one that followed, beyond its epoch."""
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    break_group(mallory)
    world.settle()
    followed = place(amal)
    assert see(mallory, lambda step: rows.find_chat(step.tx, followed.gid)) is None
    before = group_of(amal, followed.gid)
    held = see(amal, lambda step: [rows.parse_row(row, OwnKeyPackage) for row in step.tx.scan("key_package")])
    row = next(row for row in held if row.suite == before.suite.id)
    with mallory.core.step("forge") as step:
        group = groups.create(step, followed.gid, groups.find_settings(before))
        for _ in range(before.epoch + 2):
            group, staged = group.commit(step.env(), [])
            group = staged.apply(group)
        share = GroupInfoShare(group_secret=bytes(32), lists=(), accounts={})
        added = mls.Add(mls.parse_key_package(row.package))
        told = mls.Extension(GROUP_INFO_SHARE, share.encode())
        _, staged = group.commit(step.env(), [added], welcome_extensions=(told,), with_tree=True)
    assert staged.welcome is not None
    deliver(amal, frames.Kind.WELCOME, staged.welcome, epoch=staged.epoch, gid=followed.gid)
    assert group_of(amal, followed.gid) == before
    assert place(amal) == followed


def test_a_home_that_lost_its_state_keeps_what_a_successor_is_judged_by(world: World) -> None:
    cleo, mallory = world.phones["cleo"], world.phones["mallory"]
    held = see(cleo, lambda step: ending.find_held(step, step.chat(world.main)))
    break_group(mallory)
    while cleo.greet() or cleo.receive(64):
        pass
    chat = see(cleo, lambda step: step.chat(world.main))
    assert (chat.status, chat.asking.reason if chat.asking else "") == ("lost", "refused")
    after = see(cleo, lambda step: ending.find_held(step, step.chat(world.main)))
    assert held is not None
    assert after == held._replace(offender=mallory.device[0])


@contextmanager
def absent(phone: Phone) -> Iterator[None]:
    """Meanwhile the server hands out no package of this device."""
    honest = World.claim

    def without(self: World, asker: Phone, want: WantClaim) -> ClaimedKeyPackages:
        answer = honest(self, asker, want)
        account, device = phone.device
        kept = tuple(one for one in answer.clients if (want.account, one.device_id) != (account, device))
        return msgspec.structs.replace(answer, clients=kept)

    with patch.object(World, "claim", without):
        yield


def pass_turns(world: World) -> None:
    """Half a minute in which somebody asks in vain, so that nothing settles."""
    for _ in range(60):
        world.now_ms += 500
        for phone in world.phones.values():
            phone.turn()


def link_ann(world: World) -> Phone:
    """A second device of Amal's, in the group and known to all."""
    laptop = world.link("laptop", world.phones["amal"])
    world.befriend()
    world.settle()
    assert see(laptop, lambda step: step.chat(world.main)).status == "active"
    return laptop


def bring_in(phone: Phone, gid: bytes, other: Phone) -> None:
    """A device adds its sibling, as one does for a device that was not there when the chat began."""
    world, intent = phone.world, Intent("add-device", account=other.device[0], devices=(other.device[1],))
    act(phone, lambda step: outbox.submit_intent(step, gid, intent))
    world.settle()
    assert see(other, lambda step: step.chat(gid)).status == "active"


@pytest.mark.parametrize("member", [False, True])
def test_a_sibling_that_took_it_for_another_chat_lends_it_no_word(world: World, member: bool) -> None:
    """Made for one device of Amal's alone, by a contact who guesses the epoch and by a member who knows it."""
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    laptop = link_ann(world)
    data, named = told_of(mallory)
    if not member:
        act(amal, lambda step: chats.remove_account(step, world.main, mallory.device[0]))
        world.settle()
        named = Predecessor(world.main, 0, bytes(32), Reason.RESIZE)
    with absent(laptop):
        gid = forge(mallory, with_predecessor(data, named), ["amal"])
    bring_in(amal, gid, laptop)
    say(laptop, "for the group")
    world.settle()
    assert stays(laptop, gid)
    with mallory.core.look() as step:
        assert not listing.messages(step, gid, 10)


def test_a_device_of_later_follows_its_sibling_into_a_true_one(world: World) -> None:
    """Its packages came too late for the first commit, and the chat was renamed meanwhile."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    laptop = link_ann(world)
    with absent(laptop):
        break_group(mallory)
        for phone in (amal, laptop):
            while phone.receive(64) or phone.greet():
                pass
        act(amal, lambda step: step.change_chat(world.main, mend_at=step.now))
        pass_turns(world)
        fresh = place(amal).gid
        assert place(boris).gid == fresh != world.main
        act(boris, lambda step: chats.rename(step, fresh, "Swifts"))
        pass_turns(world)
        assert see(laptop, lambda step: rows.find_chat(step.tx, fresh)) is None
        say(laptop, "at last")
    world.settle()
    assert place(laptop).gid == fresh
    assert (place(laptop).title, shown(boris)) == ("Swifts", ["at last"])


@pytest.mark.parametrize("maker", ["amal", "cleo"])
def test_whoever_a_successor_put_out_does_not_come_back_by_a_second_one(world: World, maker: str) -> None:
    """Boris was an admin of the group that ended; the leaf of his device is above Amal's and below Cleo's."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    act(amal, lambda step: chats.set_role(step, world.main, cleo.device[0], groups.ADMIN))
    world.settle()
    break_group(mallory)
    for phone in (amal, boris, cleo):
        while phone.receive(64) or phone.greet():
            pass
    act(world.phones[maker], lambda step: step.change_chat(world.main, mend_at=step.now))
    world.settle()
    held = see(boris, lambda step: ending.find_held(step, step.chat(world.main)))
    fresh = place(amal).gid
    act(amal, lambda step: chats.remove_account(step, fresh, boris.device[0]))
    world.settle()
    assert held is not None
    assert members(cleo) == {"amal", "cleo"}
    named = Predecessor(world.main, held.epoch, held.authenticator, Reason.STUCK)
    gid = forge(boris, with_predecessor(held.settings, named), ["amal", "cleo"])
    say(boris, "I am back", gid=gid)
    world.settle()
    for phone in (amal, cleo):
        chat = see(phone, lambda step: step.chat(world.main))
        assert (chat.merged, chat.heir and chat.heir.gid) == (fresh, fresh)
        assert {gid, fresh} == {other.gid for other in places(phone)}
        with phone.core.look() as step:
            assert not listing.messages(step, fresh, 10)


def test_who_broke_a_group_is_not_let_in_again_by_its_link(world: World) -> None:
    """A link that lets people in at once moves along, and knows whom the successor put out."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    token = bytes(31) + b"1"
    world.tokens[token] = amal.device[0]
    expires = world.now_ms // 1000 + 7 * DAY_MS // 1000
    link, _ = act(
        amal,
        lambda step: admitting.make_link(step, world.main, token, policy=JoinPolicy.AUTO, expires=expires),
    )
    world.settle()
    break_group(mallory)
    world.settle()
    assert members(amal) == {"amal", "boris", "cleo"}
    profile = see(mallory, lambda step: step.profile)
    part = parts.JoinRequest(GroupId(world.main), link.invite_id, profile.name, profile.profile_token)

    def ask(step: Step) -> None:
        messages.submit_control(step, chats.open_new_dm(step, amal.device[0]), part)

    act(mallory, ask)
    world.settle()
    assert members(amal) == members(boris) == {"amal", "boris", "cleo"}
    waiting = see(amal, lambda step: load_joins(step.tx).waiting)
    assert [(one.account, one.due) for one in waiting] == [(mallory.device[0], 0)]
    assert place(boris).put_out == (mallory.device[0],)


def test_a_false_welcome_does_not_keep_a_broken_group_from_being_mended(world: World) -> None:
    """Who broke it adds the others once more, with bytes that are no Welcome: they ask anew, and it stays broken."""
    amal, boris, cleo, mallory = (world.phones[name] for name in ("amal", "boris", "cleo", "mallory"))
    break_group(mallory)
    for phone in (amal, boris, cleo):
        while phone.greet() or phone.receive(64):
            pass
        deliver(phone, frames.Kind.WELCOME, b"no Welcome", epoch=9)
    say(cleo, "meanwhile")
    world.settle()
    for phone in (amal, boris, cleo):
        assert place(phone).gid == place(amal).gid != world.main
        assert members(phone) == {"amal", "boris", "cleo"}
        assert shown(phone) == ["meanwhile"]


@pytest.mark.parametrize("field", ["alarm", "gone"])
def test_a_member_with_whom_no_chat_is_begun_stops_nothing_that_is_due(world: World, field: str) -> None:
    """Two device lists were signed in one place: whoever asks everybody to be re-added skips this member."""
    cleo, mallory = world.phones["cleo"], world.phones["mallory"]
    with cleo.core.step("ask the last one") as step:
        accounts.change(step, mallory.device[0], **{field: True})
        asked = tuple(who for who in step.chat(world.main).accounts() if who != mallory.device[0])
        step.change_chat(world.main, asking=Asking(1, "gap", asked, step.now))
    assert cleo.tick()
    asking = see(cleo, lambda step: step.chat(world.main).asking)
    assert asking is not None
    assert (asking.asked, asking.next_at) == ((), cleo.world.now_ms + readd.TURN_MS)


def test_whoever_is_brought_back_unasked_by_a_false_welcome_asks_at_once(world: World) -> None:
    """Mallory could do that to one after the other within a minute: then nobody would be left who helps."""
    amal, mallory = world.phones["amal"], world.phones["mallory"]
    account, device = amal.device
    mallory.intend(world.main, Intent("readd", account=account, devices=(device,)))
    mallory.call()
    mallory.post()
    at = next(at for at, (sender, _, _) in enumerate(world.wire) if sender is mallory)
    sender, session, request = world.wire[at]
    assert isinstance(request, frames.Commit)
    world.wire[at] = (sender, session, msgspec.structs.replace(request, welcome=b"no Welcome"))
    began = world.now_ms
    world.serve(mallory)
    world.settle()
    assert world.now_ms - began < readd.TURN_MS
    assert see(amal, lambda step: step.chat(world.main)).status == "active"
    say(amal, "back")
    world.settle()
    assert shown(world.phones["cleo"]) == ["back"]
