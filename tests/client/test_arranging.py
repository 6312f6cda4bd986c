"""Pins, archive, mute and drafts over the real cores: what one device does, the others show."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.people import befriend, link, register
from tests.client.phone import Phone
from tests.client.serving import Served
from tests.client.talk import act, meet, say, see
from tests.client.world import World, small_world

from zajil.client import Client, listing
from zajil.client.core import chats
from zajil.client.core.talk import arranging
from zajil.client.state import rows
from zajil.client.state.arranging import load_arranged
from zajil.client.views import Chat
from zajil.protocol.chat.arranging import ALWAYS, GAP_MS, PAUSE_MS, Arrangement, Draft
from zajil.protocol.errors import ZajilError


@pytest.fixture
def world() -> Iterator[World]:
    """a1, a2: two devices of the owner; b: an admin; c: a member."""
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


def settled(world: World) -> None:
    world.settle()
    audit(world)


def shown(phone: Phone) -> Chat:
    """The main chat as it is listed."""
    return see(phone, lambda step: listing.chat_view(step, step.chat(phone.world.main)))


def arranged(phone: Phone) -> Arrangement:
    return see(phone, lambda step: arranging.read(step, phone.world.main))


def write(phone: Phone, text: str, *, left: bool = False) -> None:
    act(phone, lambda step: arranging.write_draft(step, phone.world.main, Draft(text) if text else None, left=left))


def waiting(phone: Phone) -> int:
    """Messages to our own devices that are under way."""
    return see(phone, lambda step: sum(step.chat(item.gid).kind == 0 for _, item in rows.items(step.tx)))


def test_what_one_device_arranges_the_other_shows(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    act(a1, lambda step: arranging.pin(step, world.main))
    until = world.now_ms + 3_600_000
    act(a2, lambda step: arranging.mute(step, world.main, until=until))
    settled(world)
    for phone in (a1, a2):
        assert (shown(phone).pinned, shown(phone).muted) == (True, True)
        assert shown(phone).muted_until == until // 1000
    world.now_ms = until
    assert not shown(a1).muted
    assert shown(a1).muted_until is None
    act(a2, lambda step: arranging.mute(step, world.main))
    settled(world)
    assert (shown(a1).muted, shown(a1).muted_until) == (True, None)


def test_archiving_unpins_and_pinning_brings_back(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    act(a1, lambda step: arranging.pin(step, world.main))
    act(a1, lambda step: arranging.archive(step, world.main))
    settled(world)
    assert (shown(a2).pinned, shown(a2).archived) == (False, True)
    act(a2, lambda step: arranging.pin(step, world.main))
    settled(world)
    assert (shown(a1).pinned, shown(a1).archived) == (True, False)


def test_a_message_of_others_brings_an_archived_chat_back_on_every_device(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    say(b, "before")
    settled(world)
    act(a1, lambda step: arranging.archive(step, world.main))
    settled(world)
    say(a1, "mine")
    settled(world)
    assert shown(a1).archived
    assert shown(a2).archived
    world.now_ms += 1
    say(b, "after")
    settled(world)
    assert not shown(a1).archived
    assert not shown(a2).archived


def test_a_muted_chat_stays_away_and_muting_brings_none_back(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    act(a1, lambda step: arranging.mute(step, world.main))
    act(a1, lambda step: arranging.archive(step, world.main))
    settled(world)
    say(b, "unheard")
    settled(world)
    assert all(shown(phone).archived for phone in (a1, a2))
    act(a2, lambda step: arranging.mute(step, world.main, until=0))
    settled(world)
    assert all(shown(phone).archived for phone in (a1, a2)), "unmuting is no message"
    world.now_ms += 1
    say(b, "heard")
    settled(world)
    assert not any(shown(phone).archived for phone in (a1, a2))
    act(a1, lambda step: arranging.mute(step, world.main))
    settled(world)
    assert not any(shown(phone).archived for phone in (a1, a2)), "muting what came back puts it away for nobody"


def test_five_chats_can_be_pinned_in_the_order_of_pinning(world: World) -> None:
    (a1,) = meet(world, "a1")
    made = [act(a1, partial(chats.open_group, title=f"g{n}", people=())) for n in range(6)]
    for gid in made[:5]:
        act(a1, partial(arranging.pin, gid=gid))
    with pytest.raises(ZajilError, match="too-many-pins"):
        act(a1, lambda step: arranging.pin(step, made[5]))
    act(a1, lambda step: arranging.pin(step, made[0]))
    titles = [chat.title for chat in see(a1, listing.chats)]
    assert titles[:5] == [f"g{n}" for n in range(5)]
    own = next(chat for chat in see(a1, lambda step: rows.all_chats(step.tx)) if chat.kind == 0)
    act(a1, lambda step: arranging.unpin(step, made[0]))
    act(a1, lambda step: arranging.pin(step, own.gid))
    assert [chat.title for chat in see(a1, listing.chats)][:5] == ["g1", "g2", "g3", "g4", "Note to self"]


def test_a_draft_is_told_after_a_pause_and_not_with_each_key(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    world.now_ms += GAP_MS
    for at in range(1, 6):
        write(a1, "hello"[:at])
        a1.run(a1.core.tick)
        assert waiting(a1) == 0
        world.now_ms += PAUSE_MS - 1
    assert see(a1, arranging.due_at) == world.now_ms + 1
    world.now_ms += 1
    a1.run(a1.core.tick)
    assert waiting(a1) == 1
    settled(world)
    assert shown(a2).draft == "hello"
    write(a1, "hello you", left=True)
    a1.run(a1.core.tick)
    assert waiting(a1) == 0, "not twice in fifteen seconds"
    world.now_ms += GAP_MS
    a1.run(a1.core.tick)
    settled(world)
    assert shown(a2).draft == "hello you"
    assert see(a1, arranging.due_at) is None


def test_a_draft_that_was_sent_is_gone_everywhere_at_once(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    world.now_ms += GAP_MS
    write(a1, "hello", left=True)
    a1.run(a1.core.tick)
    settled(world)
    assert shown(a2).draft == "hello"
    act(a2, lambda step: arranging.clear_draft(step, world.main))
    say(a2, "hello")
    settled(world)
    assert shown(a1).draft == shown(a2).draft == ""
    write(b, "never told")
    act(b, lambda step: arranging.clear_draft(step, world.main))
    assert see(b, lambda step: [item for _, item in rows.items(step.tx)]) == []


def test_what_somebody_is_writing_is_not_taken_from_under_their_hands(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    world.now_ms += GAP_MS
    write(a1, "from the phone")
    world.now_ms += 10
    write(a2, "from the laptop", left=True)
    a2.run(a2.core.tick)
    settled(world)
    assert shown(a1).draft == "from the phone"
    world.now_ms += PAUSE_MS
    a1.run(a1.core.tick)
    settled(world)
    assert shown(a1).draft == shown(a2).draft == "from the phone"


def test_a_draft_longer_than_a_part_stays_here(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    write(a1, "x" * 40_000, left=True)
    assert see(a1, arranging.due_at) is None
    act(a1, arranging.tell_all)
    settled(world)
    assert len(shown(a1).draft) == 40_000
    assert shown(a2).draft == ""
    for bad in ("x" * 65_537, "\ud800"):
        with pytest.raises(ZajilError):
            write(a1, bad)
    assert len(shown(a1).draft) == 40_000


def test_a_new_device_learns_all_of_it(world: World) -> None:
    (a1,) = meet(world, "a1")
    act(a1, lambda step: arranging.pin(step, world.main))
    talk.switch(a1, receipts=False)
    write(a1, "half a thought")
    a3 = world.link("a3", a1)
    settled(world)
    assert (shown(a3).pinned, shown(a3).draft) == (True, "half a thought")
    assert not see(a3, lambda step: rows.load_privacy(step.tx)).receipts


def test_settings_of_a_chat_may_come_before_it(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    gid = bytes(range(16))
    act(a2, lambda step: rows.save_chat(step.tx, rows.Chat(gid, 2, "Early", "await")))
    act(a2, lambda step: arranging.archive(step, gid))
    settled(world)
    assert see(a1, lambda step: rows.find_chat(step.tx, gid)) is None
    act(a1, lambda step: rows.save_chat(step.tx, rows.Chat(gid, 2, "Early", "await")))
    assert see(a1, lambda step: listing.chat_view(step, step.chat(gid))).archived


@pytest.mark.parametrize("seed", range(12))
def test_whatever_comes_when_both_devices_end_the_same(seed: int) -> None:
    rng = random.Random(seed)
    world = small_world(seed)
    try:
        phones = meet(world, "a1", "a2")
        (b,) = meet(world, "b")
        verbs = [
            lambda step: arranging.pin(step, world.main),
            lambda step: arranging.unpin(step, world.main),
            lambda step: arranging.archive(step, world.main),
            lambda step: arranging.unarchive(step, world.main),
            lambda step: arranging.mute(step, world.main, until=rng.choice([0, ALWAYS, world.now_ms + 40])),
        ]
        for _ in range(40):
            phone = rng.choice(phones)
            done = rng.randrange(4)
            if done == 0:
                say(b, "x")
            elif done == 1:
                write(phone, rng.choice(["", "a", "b"]), left=rng.random() < 0.5)
            else:
                act(phone, rng.choice(verbs))
            if rng.random() < 0.3:
                rng.choice([*phones, b]).turn()
            world.now_ms += rng.choice([0, 1, 30, PAUSE_MS])
        for _ in range(3):
            world.now_ms += GAP_MS + PAUSE_MS
            for phone in phones:
                phone.run(phone.core.tick)
            world.settle()
        held = [see(phone, lambda step: load_arranged(step.tx, world.main)) for phone in phones]
        assert held[0].registers == held[1].registers
        assert [one.due for one in held] == [0, 0]
        assert shown(phones[0]).archived == shown(phones[1]).archived
        assert talk.chat_of(phones[0]).heard == talk.chat_of(phones[1]).heard
    finally:
        world.close()
        shutil.rmtree(world.folder)


# -- over a real server
@pytest.mark.slow
async def test_a_restored_device_and_a_linked_one_have_the_settings(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        chat = amal.find_chat("Boris")
        key = amal.show_recovery_key()
        amal.mute(chat)
        amal.pin(chat)
        amal.set_draft(chat, "until tomorrow")
        await amal.sync()
        async with await link(homes, "Amal2", amal, server.url) as laptop:
            await amal.sync()
            await laptop.sync()
            there = laptop.find_chat("Boris")
            assert (there.pinned, there.muted, there.draft) == (True, True, "until tomorrow")
            await laptop.send(there, "until tomorrow")
            await laptop.sync()
            await amal.sync()
            assert amal.find_chat("Boris").draft == ""
            laptop.archive(there)
            await laptop.sync()
            await amal.sync()
            assert amal.find_chat("Boris").archived
            await amal.sync()
        async with await Client.restore(homes / "again", server=server.url, key=key) as again:
            back = next(chat for chat in again.chats() if chat.id == there.id)
            assert (back.archived, back.muted, back.pinned, back.draft) == (True, True, False, "")
