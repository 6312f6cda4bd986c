"""Receipts, read state, typing and the two switches over the real cores."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import mark_read, meet, row_of, say, seen, switch, texts, whisper
from tests.client.test_attacks_member import deliver
from tests.client.world import World, small_world

from zajil.client import listing
from zajil.client.core.talk import receipts
from zajil.client.state import rows
from zajil.mls.schedule.secret_tree import Window
from zajil.protocol import frames
from zajil.protocol.chat import forms
from zajil.protocol.chat import mentions as links
from zajil.protocol.chat.receipts import BATCH_MS, RECEIPT_LEAVES, RECEIPTS, Status
from zajil.protocol.ids import AccountId, MessageId, parse_b64


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


def state(phone: Phone, identity: bytes) -> str:
    """What the writer sees."""
    message = talk.see(phone, lambda step: listing.message_details(step, phone.world.main, identity)).message
    return message.state


def test_a_text_is_sent_then_delivered_then_read(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    identity = say(b, "news")
    b.turn()
    assert state(b, identity) == "sent"
    settled(world)
    assert state(b, identity) == "delivered"
    told = {one.account: (one.delivered > 0, one.read) for one in row_of(b, identity).receipts}
    assert told == {a1.device[0]: (True, 0), c.device[0]: (True, 0)}
    mark_read(c)
    settled(world)
    assert state(b, identity) == "read"
    read = {one.account for one in row_of(b, identity).receipts if one.read}
    assert read == {c.device[0]}
    assert a2.device[0] == a1.device[0]
    assert talk.events(b, "state")[-1].message == seen(b)[0]


def test_receipts_of_a_chat_go_in_one_message(world: World) -> None:
    b, c = meet(world, "b", "c")
    for at in range(5):
        say(b, f"text {at}")
        world.pass_time(100)
        b.turn()
    for phone in world.phones.values():
        while phone.turn():
            pass
    owed = talk.chat_of(c)
    assert (len(owed.owed), owed.owed_at - world.now_ms <= BATCH_MS) == (5, True)
    before = len(world.books.accepted)
    settled(world)
    by_c = [each for each in world.books.accepted[before:] if each.sender == c.device and not each.shown]
    assert len(by_c) == 1
    assert talk.chat_of(c).owed == {}


def test_a_full_batch_does_not_wait(world: World) -> None:
    (c,) = meet(world, "c")
    told = {world.rng.randbytes(32): Status.DELIVERED for _ in range(RECEIPTS)}
    talk.act(c, lambda step: receipts.owe(step, world.main, told))
    assert talk.chat_of(c).owed == {}
    assert len(talk.see(c, lambda step: rows.items(step.tx, world.main))) == 1


def test_a_receipt_takes_nothing_back(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity = say(b, "news")
    settled(world)
    mark_read(c)
    settled(world)
    before = row_of(b, identity)
    talk.forge(c, forms.Receipts(((MessageId(identity), Status.DELIVERED),)))
    settled(world)
    assert row_of(b, identity) == before


def test_off_is_neither_sent_nor_shown(world: World) -> None:
    b, c = meet(world, "b", "c")
    switch(b, receipts=False)
    settled(world)
    identity = say(b, "news")
    of_c = say(c, "mine")
    settled(world)
    mark_read(b)
    mark_read(c)
    settled(world)
    assert state(b, identity) == "sent"
    assert row_of(b, identity).receipts == ()
    assert b.device[0] not in {one.account for one in row_of(c, of_c).receipts}
    switch(b)
    later = say(b, "again")
    settled(world)
    assert (state(b, identity), state(b, later)) == ("sent", "delivered")
    switch(b, receipts=False)
    assert state(b, later) == "sent"


def test_nobody_sends_receipts_in_a_group_above_32_leaves(world: World) -> None:
    b, c = meet(world, "b", "c")
    members = talk.chat_of(c).members
    many = tuple(members[at % len(members)] for at in range(RECEIPT_LEAVES + 1))
    for phone in (b, c):
        talk.act(phone, lambda step: step.change_chat(world.main, members=many))
    identity = say(b, "news")
    for phone in world.phones.values():
        while phone.turn():
            pass
    mark_read(c)
    assert talk.chat_of(c).owed == {}
    told = [(MessageId(identity), Status.READ)]
    talk.act(b, lambda step: receipts.take(step, step.chat(world.main), c.device[0], told))
    assert row_of(b, identity).receipts == ()


def test_what_one_device_read_is_read_on_the_others_of_its_account(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    for on in (True, False):
        switch(a1, receipts=on)
        settled(world)
        say(b, f"first {on}")
        last = say(b, f"last {on}")
        settled(world)
        assert talk.chat_of(a2).unread == 2
        mark_read(a1)
        settled(world)
        assert talk.chat_of(a1).unread == talk.chat_of(a2).unread == 0
        assert (state(b, last) == "read") == on


def test_unread_counts_others_and_who_names_us(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    link = links.encode_mention("test.example", AccountId(c.device[0]), "Clara")
    first = say(b, "one")
    second = say(b, f"for {link}")
    say(c, "mine")
    third = say(a1, "three")
    settled(world)
    chat = talk.chat_of(c)
    assert (chat.unread, chat.mentioned) == (3, True)
    assert not talk.chat_of(a1).mentioned
    message = next(message for message in seen(c) if message.mentions)
    assert (message.text, message.mentions[0].start, message.mentions[0].end) == ("for @Clara", 4, 10)
    shown = [row_of(c, parse_b64(message.id)) for message in seen(c)]
    order = [row.message_id for row in shown if row.account != c.device[0]]
    assert set(order) == {first, second, third}
    mark_read(c, order[0])
    assert talk.chat_of(c).unread == 2
    mark_read(c, order[0])
    assert talk.chat_of(c).unread == 2
    mark_read(c)
    chat = talk.chat_of(c)
    assert (chat.unread, chat.mentioned) == (0, False)


def test_a_deleted_message_is_not_unread(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity = say(b, "oops")
    settled(world)
    assert talk.chat_of(c).unread == 1
    talk.delete(b, identity)
    settled(world)
    assert talk.chat_of(c).unread == 0


def test_own_devices_agree_on_the_switches_and_the_latest_counts(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    switch(a1, receipts=False, typing=True)
    world.now_ms += 1_000
    switch(a2, receipts=True, typing=False)
    settled(world)
    held = [talk.see(phone, lambda step: rows.load_privacy(step.tx)) for phone in (a1, a2)]
    assert held[0] == held[1]
    assert (held[0].receipts, held[0].typing) == (True, False)
    assert [event.code for event in talk.events(a1, "privacy")] == ["privacy"]


# -- typing
def test_writing_is_told_at_most_every_four_seconds(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    assert whisper(a1) is not None
    assert whisper(a1) is None
    world.now_ms += 4_000
    assert whisper(a1) is not None
    settled(world)
    for phone in (b, c):
        assert [event.name for event in talk.events(phone, "typing")] == ["a1", "a1"]
    assert talk.events(a2, "typing") == talk.events(a1, "typing") == []
    say(a1, "written")
    settled(world)
    assert texts(b) == texts(c) == texts(a2) == ["written"]


def test_writing_is_off_both_ways(world: World) -> None:
    b, c = meet(world, "b", "c")
    switch(b, typing=False)
    assert whisper(b) is None
    assert whisper(c) is not None
    settled(world)
    assert talk.events(b, "typing") == []


def test_a_text_brought_as_ephemeral_is_not_shown_and_not_lost(world: World) -> None:
    """The operator hands the ciphertext of a text out ahead of the mailbox: its key must stay for the mailbox."""
    b, c = meet(world, "b", "c")
    say(b, "for the mailbox")
    b.call()
    b.post()
    sent = next(frame for phone, _, frame in world.wire if phone is b and isinstance(frame, frames.Send))
    epoch = talk.chat_of(c).epoch
    c.core.take_ephemeral(frames.Eph(sent.gid, epoch, world.now_ms, sent.body))
    assert texts(c) == []
    settled(world)
    assert texts(c) == ["for the mailbox"]


def test_a_typing_brought_through_the_mailbox_does_nothing(world: World) -> None:
    b, c = meet(world, "b", "c")
    request = b.core.seal_typing(world.main)
    assert request is not None
    deliver(c, frames.Kind.APP, request.body, epoch=talk.chat_of(c).epoch)
    assert talk.events(c, "typing") == []
    assert texts(c) == []


def test_an_ephemeral_message_pushes_no_key_out(world: World) -> None:
    """Forty texts wait in the mailbox; the typing after them comes first and must not cost one of them."""
    b, c = meet(world, "b", "c")
    c.cut_receiving()
    for at in range(Window().skipped + 8):
        say(b, f"text {at}")
        while b.turn():
            pass
    world.now_ms += 4_000
    request = whisper(b)
    assert request is not None
    c.core.take_ephemeral(frames.Eph(request.gid, talk.chat_of(c).epoch, world.now_ms, request.body))
    assert talk.events(c, "typing") == []
    settled(world)
    assert texts(c) == [f"text {at}" for at in range(Window().skipped + 8)]


def test_typing_for_offline_readers_costs_them_no_text(world: World) -> None:
    b, c = meet(world, "b", "c")
    c.cut_receiving()
    for at in range(60):
        world.now_ms += 4_000
        assert whisper(b) is not None
        if at % 20 == 0:
            say(b, f"text {at}")
            while b.turn():
                pass
    settled(world)
    assert texts(c) == ["text 0", "text 20", "text 40"]
