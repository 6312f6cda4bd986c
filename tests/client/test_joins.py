"""Joining by a link: the request, what the approver believes of it, who decides, and what a flood does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.test_attacks_member import chat_of
from tests.client.world import World, begin

from zajil.client import listing
from zajil.client.core import chats, messages
from zajil.client.core.joins import admitting, asking
from zajil.client.state import accounts, rows
from zajil.client.state.joins import OwnLink, Waiting, load_joins
from zajil.protocol.chat import parts
from zajil.protocol.chat.extensions import ChatRole, JoinPolicy
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity.grouplinks import GroupLink, parse_group_link
from zajil.protocol.ids import AccountId, GroupId

RNG = random.Random(9).randbytes
DAY_S = 86_400


def build(world: World) -> None:
    amal, boris = (world.enrol(name) for name in ("amal", "boris"))
    world.befriend()
    world.settle()
    world.open_main(amal, [], [boris])
    world.enrol("zoe")
    world.settle()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris; Zoe knows nobody, and nobody knows her."""
    made = begin(build, tmp_path, seed=11)
    yield made
    made.close()


def make_link(phone: Phone, policy: JoinPolicy = JoinPolicy.ASK, *, days: int = 7) -> GroupLink:
    """A link into the main group, as its maker gives it out."""
    world, token = phone.world, RNG(32)
    world.tokens[token] = phone.device[0]
    with phone.core.step("link") as step:
        expires = step.now // 1000 + days * DAY_S
        made, _ = admitting.make_link(step, world.main, token, policy=policy, expires=expires)
    world.settle()
    return parse_group_link(text_of(phone, made))


def text_of(phone: Phone, link: OwnLink) -> str:
    with phone.core.look() as step:
        return f"https://{listing.link_text(step, link)}"


def ask(phone: Phone, link: GroupLink) -> None:
    """Ask as the shell does, the approver's lists fetched."""
    world = phone.world
    with phone.core.step("ask") as step:
        accounts.learn_chain(step, link.approver, world.lists[link.approver])
        asking.ask(step, link)
    world.settle()


def waiting(phone: Phone) -> list[str]:
    with phone.core.look() as step:
        return [one.name for one in listing.join_requests(step, step.chat(phone.world.main))]


def state(phone: Phone) -> list[str]:
    with phone.core.look() as step:
        return [one.state for one in listing.joins(step)]


def titles(phone: Phone) -> list[str]:
    with phone.core.look() as step:
        return [chat.title for chat in listing.chats(step) if chat.kind != "self"]


def is_in(phone: Phone) -> bool:
    with phone.core.look() as step:
        chat = rows.find_chat(step.tx, phone.world.main)
    return chat is not None and chat.status == "active"


def send_request(phone: Phone, dm: bytes, link: GroupLink, **changes: bytes) -> None:
    """A request of her own making."""
    with phone.core.step("forge") as step:
        part = parts.JoinRequest(
            GroupId(changes.get("gid", link.gid)), changes.get("invite_id", link.invite_id), "Zoe", RNG(32)
        )
        messages.submit_control(step, dm, part)
    phone.world.settle()


def dm_of(phone: Phone, other: Phone) -> bytes:
    with phone.core.look() as step:
        found = chats.find_dm(step, other.device[0])
    assert found is not None
    return found.gid


def test_who_asks_waits_and_is_let_in_by_a_press(world: World) -> None:
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    link = make_link(amal)
    ask(zoe, link)
    assert waiting(amal) == ["zoe"]
    assert (waiting(boris), state(zoe), is_in(zoe)) == ([], ["asked"], False)
    # Nobody has met anybody yet: the DM that carried it stands in no list.
    assert (titles(amal), titles(zoe)) == (["Doves"], [])
    for phone in world.phones.values():
        phone.crash()
    with amal.core.step("accept") as step:
        admitting.accept(step, world.main, zoe.device[0])
    world.settle()
    assert (is_in(zoe), waiting(amal), state(zoe)) == (True, [], [])
    with zoe.core.step("say") as step:
        messages.submit_text(step, world.main, "here I am")
    world.settle()
    with boris.core.look() as step:
        assert [m.text for m in listing.messages(step, world.main, 9)] == ["here I am"]


def test_the_quiet_dm_shows_once_somebody_writes_in_it(world: World) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    ask(zoe, make_link(amal))
    with amal.core.look() as step:
        assert not accounts.known(step, zoe.device[0]).contact
    with amal.core.step("say") as step:
        messages.submit_text(step, dm_of(amal, zoe), "who are you?")
    world.settle()
    assert titles(zoe) == ["amal"]
    assert "zoe" in titles(amal)
    with zoe.core.look() as step:
        assert accounts.known(step, amal.device[0]).contact


def test_an_auto_link_lets_all_devices_in_at_once(world: World) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    world.link("zoe2", zoe)
    world.settle()
    ask(zoe, make_link(amal, JoinPolicy.AUTO))
    assert is_in(zoe)
    assert is_in(world.phones["zoe2"])
    assert waiting(amal) == []


def test_another_device_of_the_approver_adds_where_the_first_is_away(world: World) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    second = world.link("amal2", amal)
    world.settle()
    link = make_link(amal, JoinPolicy.AUTO)
    away = world.phones.pop("amal")
    ask(zoe, link)
    assert second.name == "amal2"
    assert is_in(zoe)
    world.phones["amal"] = away
    world.settle()
    assert waiting(amal) == []


def test_who_was_removed_needs_a_person_by_an_auto_link_too(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    link = make_link(amal, JoinPolicy.AUTO)
    with amal.core.step("remove") as step:
        chats.remove_account(step, world.main, boris.device[0])
    world.settle()
    assert not is_in(boris)
    ask(boris, link)
    assert not is_in(boris)
    assert waiting(amal) == ["boris"]
    with amal.core.step("accept") as step:
        admitting.accept(step, world.main, boris.device[0])
    world.settle()
    assert is_in(boris)
    assert chat_of(amal, world.main).put_out == ()


def put_out(world: World, phone: Phone) -> None:
    """Amal removes somebody from the main group."""
    with world.phones["amal"].core.step("remove") as step:
        chats.remove_account(step, world.main, phone.device[0])
    world.settle()
    assert not is_in(phone)


def test_a_device_linked_later_knows_who_was_removed(world: World) -> None:
    """It saw no removal: else a banned one need only wait until the approver links a device."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    link = make_link(amal, JoinPolicy.AUTO)
    put_out(world, boris)
    second = world.link("amal2", amal)
    world.settle()
    assert chat_of(second, world.main).put_out == (boris.device[0],)
    away = world.phones.pop("amal")
    ask(boris, link)
    world.pass_time(2 * admitting.RANK_MS)
    world.settle()
    assert not is_in(boris)
    assert waiting(second) == ["boris"]
    world.phones["amal"] = away


def test_an_admin_of_later_knows_who_was_removed_before_him(world: World) -> None:
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    put_out(world, boris)
    ask(zoe, make_link(amal, JoinPolicy.AUTO))
    assert is_in(zoe)
    assert chat_of(zoe, world.main).put_out == ()  # no plain member is told whom the group removed
    with amal.core.step("role") as step:
        chats.set_role(step, world.main, zoe.device[0], ChatRole.ADMIN)
    world.settle()
    assert chat_of(zoe, world.main).put_out == (boris.device[0],)
    link = make_link(zoe, JoinPolicy.AUTO)
    ask(boris, link)
    assert not is_in(boris)
    assert waiting(zoe) == ["boris"]


def test_who_was_removed_is_learnt_from_a_blocked_admin_too(world: World) -> None:
    """It is about the group: else whoever was removed comes back by the link of who blocked the admin."""
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    put_out(world, boris)
    ask(zoe, make_link(amal, JoinPolicy.AUTO))
    with zoe.core.step("block") as step:
        accounts.change(step, amal.device[0], blocked=True, blocked_at=1)
    with amal.core.step("role") as step:
        chats.set_role(step, world.main, zoe.device[0], ChatRole.ADMIN)
    world.settle()
    assert chat_of(zoe, world.main).put_out == (boris.device[0],)


def test_a_member_who_may_let_nobody_in_says_in_vain_who_was_removed(world: World) -> None:
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    link = make_link(amal, JoinPolicy.AUTO)
    with boris.core.step("cheat") as step:
        messages.submit_control(step, world.main, parts.PutOut((AccountId(zoe.device[0]),)))
    world.settle()
    assert chat_of(amal, world.main).put_out == ()
    ask(zoe, link)
    assert is_in(zoe)


def test_who_left_comes_back_by_an_auto_link(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    link = make_link(amal, JoinPolicy.AUTO)
    with boris.core.step("leave") as step:
        chats.leave(step, world.main)
    world.settle()
    assert not is_in(boris)
    ask(boris, link)
    assert is_in(boris)


def test_a_declined_request_is_told_and_not_heard_again(world: World) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    world.link("amal2", amal)
    world.settle()
    link = make_link(amal)
    ask(zoe, link)
    assert waiting(world.phones["amal2"]) == ["zoe"]
    with amal.core.step("decline") as step:
        admitting.decline(step, world.main, zoe.device[0])
    world.settle()
    assert (state(zoe), waiting(amal), waiting(world.phones["amal2"])) == (["declined"], [], [])
    ask(zoe, link)
    assert (waiting(amal), waiting(world.phones["amal2"]), is_in(zoe)) == ([], [], False)
    assert state(zoe) == ["declined"]


def test_a_revoked_link_lets_nobody_ask(world: World) -> None:
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    link = make_link(amal, JoinPolicy.AUTO)
    with amal.core.step("revoke") as step:
        admitting.revoke(step, world.main, link.invite_id)
    world.settle()
    assert chat_of(boris, world.main).invites == ()
    ask(zoe, link)
    assert (state(zoe), is_in(zoe), waiting(amal)) == (["closed"], False, [])


@pytest.mark.parametrize("forged", [{"invite_id": bytes(16)}, {"gid": bytes(16)}])
def test_a_request_by_a_link_that_does_not_stand_in_the_group_changes_nothing(
    world: World, forged: dict[str, bytes]
) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    link = make_link(amal, JoinPolicy.AUTO)
    with zoe.core.step("dm") as step:
        accounts.learn_chain(step, link.approver, world.lists[link.approver])
        accounts.learn_link(step, link.approver, "amal", link.contact_token)
        dm = chats.open_dm(step, link.approver)
    world.settle()
    for _ in range(3):
        send_request(zoe, dm, link, **forged)
    assert (is_in(zoe), waiting(amal)) == (False, [])


def test_a_link_that_another_admin_revoked_reaches_its_maker_no_more(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    with amal.core.step("promote") as step:
        chats.set_role(step, world.main, boris.device[0], ChatRole.ADMIN)
    world.settle()
    stays, goes = make_link(amal), make_link(amal)
    assert {stays.contact_token, goes.contact_token} <= set(world.tokens)
    with boris.core.step("revoke") as step:
        admitting.revoke(step, world.main, goes.invite_id)
    world.settle()
    assert goes.contact_token not in world.tokens
    assert stays.contact_token in world.tokens
    with amal.core.look() as step:
        assert [link.token for link in load_joins(step.tx).links] == [stays.contact_token]


def test_a_request_in_a_group_or_by_an_expired_link_is_not_heard(world: World) -> None:
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    link = make_link(amal, JoinPolicy.AUTO, days=1)
    with boris.core.step("side") as step:
        side = chats.open_group(step, "Side", [amal.device[0]])
    world.settle()
    send_request(boris, side, link)
    assert waiting(amal) == []
    world.pass_time(2 * DAY_S * 1000)
    with pytest.raises(ZajilError, match="link-expired"):
        ask(zoe, link)
    with zoe.core.step("dm") as step:
        accounts.learn_chain(step, link.approver, world.lists[link.approver])
        accounts.learn_link(step, link.approver, "amal", link.contact_token)
        dm = chats.open_dm(step, link.approver)
    world.settle()
    send_request(zoe, dm, link)
    assert (is_in(zoe), waiting(amal)) == (False, [])


def test_a_flood_keeps_the_newest_and_tells_the_oldest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admitting, "WAITING_MAX", 2)
    amal = world.phones["amal"]
    link = make_link(amal)
    for name in ("guest1", "guest2", "guest3"):
        ask(world.enrol(name), link)
    ask(world.phones["guest3"], link)
    assert waiting(amal) == ["guest2", "guest3"]
    assert state(world.phones["guest1"]) == ["dropped"]
    assert state(world.phones["guest3"]) == ["asked"]


def test_automatic_answers_do_not_follow_each_request(world: World) -> None:
    """Whoever asks without end, declined or by a link that ended, makes the approver write one line an hour."""
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    link = make_link(amal)
    ask(zoe, link)
    with amal.core.step("decline") as step:
        admitting.decline(step, world.main, zoe.device[0])
    world.settle()
    dm = dm_of(zoe, amal)
    sent = chat_of(amal, dm).sent
    for _ in range(5):
        send_request(zoe, dm, link)
    assert chat_of(amal, dm).sent == sent + 1
    assert waiting(amal) == []


def test_links_need_the_right_and_are_few(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    with pytest.raises(ZajilError, match="not-permitted"):
        make_link(boris)
    with amal.core.step("open") as step:
        chats.set_permissions(step, world.main, {"link": 0})
    world.settle()
    # Who makes links lets people in, so must be able to add them.
    with pytest.raises(ZajilError, match="not-permitted"):
        make_link(boris)
    with amal.core.step("open") as step:
        chats.set_permissions(step, world.main, {"add": 0})
    world.settle()
    make_link(boris)
    for _ in range(15):
        make_link(amal)
    assert len(chat_of(boris, world.main).invites) == 16
    with pytest.raises(ZajilError, match="too-many-links"):
        make_link(amal)


def test_asking_twice_asks_once(world: World) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    link = make_link(amal)
    ask(zoe, link)
    with zoe.core.look() as step:
        held = load_joins(step.tx).asked
    ask(zoe, link)
    with zoe.core.look() as step:
        assert load_joins(step.tx).asked == held


def test_what_is_no_use_is_said_at_once(world: World) -> None:
    amal, boris, zoe = (world.phones[name] for name in ("amal", "boris", "zoe"))
    link = make_link(amal)
    with pytest.raises(ZajilError, match="already-in"):
        ask(boris, link)
    with pytest.raises(ZajilError, match="already-in"):
        ask(amal, link)
    with pytest.raises(ZajilError, match="bad-link"):
        ask(zoe, GroupLink("other.example", link.gid, link.invite_id, link.approver, link.contact_token, link.expires))
    del world.tokens[link.contact_token]
    ask(zoe, link)
    assert state(zoe) == ["closed"]


@pytest.mark.parametrize("ended", ["revoked", "expired"])
def test_a_link_that_ended_while_a_device_waited_for_its_turn_lets_nobody_in(world: World, ended: str) -> None:
    amal, zoe = world.phones["amal"], world.phones["zoe"]
    second = world.link("amal2", amal)
    world.settle()
    link = make_link(amal, JoinPolicy.AUTO)
    away = world.phones.pop("amal")
    with zoe.core.step("ask") as step:
        accounts.learn_chain(step, link.approver, world.lists[link.approver])
        asking.ask(step, link)
    with second.core.step("asked") as step:
        one = Waiting(world.main, link.invite_id, zoe.device[0], "zoe", b"", step.now, step.now + admitting.RANK_MS)
        admitting._keep(step, (one,))
        accounts.learn_chain(step, zoe.device[0], world.lists[zoe.device[0]])
        ends = 0 if ended == "revoked" else step.now // 1000
        chat = step.chat(world.main)
        step.change_chat(world.main, invites=tuple((i, p, ends) for i, p, _ in chat.invites) if ends else ())
    with second.core.step("turn") as step:
        step.tx.now += admitting.RANK_MS
        admitting.admit_due(step)
        assert [(w.due, w.accepted) for w in load_joins(step.tx).waiting] == [(0, False)]
        assert not [item for _, item in rows.items(step.tx, world.main) if item.kind == "commit"]
    world.phones["amal"] = away
