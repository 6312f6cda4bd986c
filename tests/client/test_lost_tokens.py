"""Whoever holds a contact token that ended reaches its owner all the same, and a blocked one learns nothing by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from tests.client.people import befriend, texts
from tests.client.serving import Served
from tests.client.test_strangers import People, contact, said, sync

from zajil.client import Client
from zajil.client.core import chats, readd
from zajil.client.state import rows
from zajil.client.views import Content
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import parse_b64


@pytest.fixture
async def people(tmp_path: Path, server: Served) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(stack, tmp_path, server.url)


async def restore(people: People, key: str) -> Client:
    """The account of this key on a new device; the old one is lost."""
    home = people.home / "restored"
    return await people.stack.enter_async_context(await Client.restore(home, server=people.url, key=key))


async def test_a_restored_contact_reaches_whoever_changed_the_token_meanwhile(people: People) -> None:
    """Ann blocked somebody else: Bob's backup holds her old token, and no device of his was told the new one."""
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    await befriend(ann, bob)
    await befriend(ann, eve)
    key = bob.show_recovery_key()
    await sync(bob, ann, bob)
    await bob.close()
    ann.block(contact(ann, "eve"))
    await ann.sync()
    back = await restore(people, key)
    await sync(back, ann, back, ann, back, ann)
    await back.send(back.find_chat("ann"), "here again", wait=False)
    await sync(back, ann, back, ann)
    assert texts(ann, "bob")[-1] == "here again"
    await ann.send(ann.find_chat("bob"), "welcome back")
    await sync(back)
    assert texts(back, "ann")[-1] == "welcome back"
    assert [chat.title for chat in back.chats()].count("ann") == 1


async def test_who_was_blocked_learns_nothing_when_restored_and_is_reached_again_after_the_unblocking(
    people: People,
) -> None:
    """What the restored one asks while blocked is not taken; once unblocked, the chat goes on without being asked."""
    ann, bob = await people.join("ann"), await people.join("bob")
    await befriend(ann, bob)
    key = bob.show_recovery_key()
    await sync(bob, ann, bob)
    await bob.close()
    ann.block(contact(ann, "bob"))
    await ann.sync()
    back = await restore(people, key)
    await sync(back, ann, back, ann)
    await back.send(back.find_chat("ann"), "while blocked", wait=False)
    await sync(back, ann, back)
    assert (said(ann), ann.requests()) == ([], [])
    assert [chat.title for chat in back.chats()].count("ann") == 1
    ann.unblock(contact(ann, "bob"))
    await sync(ann, back, ann, back, ann)
    await back.send(back.find_chat("ann"), "after it", wait=False)
    await sync(back, ann, back, ann)
    assert said(ann)[-1] == "after it"
    await ann.send(ann.find_chat("bob"), "hello again")
    await back.sync()
    assert texts(back, "ann")[-1] == "hello again"
    # The new token came inside the chat: a group needs no request.
    await back.create_group("again", [contact(back, "ann")])
    await ann.sync()
    assert ann.find_chat("again").status == "active"


async def test_whoever_is_unblocked_is_told_the_new_token_before_anybody_writes(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    await befriend(ann, bob)
    ann.block(contact(ann, "bob"))
    await ann.sync()
    with pytest.raises(ZajilError) as caught:
        await bob.create_group("none", [contact(bob, "ann")])
    assert caught.value.code == "not-allowed"
    ann.unblock(contact(ann, "bob"))
    await sync(ann, bob)
    await bob.create_group("both", [contact(bob, "ann")])
    await ann.sync()
    assert ann.find_chat("both").status == "active"


async def test_a_token_that_is_refused_again_and_again_makes_no_chat_again_and_again(people: People) -> None:
    """Nobody is there any more: the restored device asks once, and does not begin a chat every hour."""
    ann, bob = await people.join("ann"), await people.join("bob")
    await befriend(ann, bob)
    key = bob.show_recovery_key()
    await sync(bob, ann, bob)
    await bob.close()
    await ann.delete_account()
    back = await restore(people, key)
    await back.sync()
    made = []
    for _ in range(4):
        with back._device.core.step("later") as step:  # the next turn is due
            for chat in rows.all_chats(step.tx):
                if chat.asking is not None:
                    step.change_chat(chat.gid, asking=msgspec.structs.replace(chat.asking, asked=(), next_at=0))
        await back.sync()
        with back._device.core.look() as step:
            made.append(len([chat for chat in rows.all_chats(step.tx) if chat.peer]))
    assert made == [2, 2, 2, 2]


async def test_who_lost_the_chat_while_blocked_is_brought_back_by_the_unblocking(people: People) -> None:
    """Its one request in 30 days was shut out: nothing else would ever bring it back."""
    ann, bob = await people.join("ann"), await people.join("bob")
    await befriend(ann, bob)
    ann.block(contact(ann, "bob"))
    await ann.sync()
    with bob._device.core.step("lost") as step:
        (dm,) = [chat.gid for chat in rows.all_chats(step.tx) if chat.peer]
        readd.lose(step, dm, "gap")
    await sync(bob, ann, bob)
    await bob.send(bob.find_chat("ann"), "while blocked", wait=False)
    await sync(bob, ann)
    assert said(ann) == []
    ann.unblock(contact(ann, "bob"))
    await sync(ann, bob, ann)
    assert texts(ann, "bob") == ["while blocked"]  # it waited for the way back
    await ann.send(ann.find_chat("bob"), "hello again")
    await bob.sync()
    assert texts(bob, "ann")[-1] == "hello again"


async def dead_token(people: People) -> tuple[Client, Client]:
    """Ann and Bob, who know each other by a group of Eve's; Ann blocked Eve, so the token Bob has is dead."""
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    await befriend(eve, ann)
    await befriend(eve, bob)
    await eve.create_group("of eve", [contact(eve, "ann"), contact(eve, "bob")])
    await sync(ann, bob, eve, ann, bob)
    ann.block(contact(ann, "eve"))
    await sync(ann, bob)
    return ann, bob


@pytest.mark.parametrize("first", ["long", "wide", "file"])
async def test_a_first_message_that_fits_in_no_request_waits_for_the_yes(people: People, first: str) -> None:
    """The server drops what is longer, and the asked one takes a text alone: neither may be called sent."""
    ann, bob = await dead_token(people)
    with bob._device.core.step("open") as step:
        chats.open_dm(step, parse_b64(ann.account_id, size=16))
    chat = bob.chat_with(ann.account_id)
    assert chat is not None
    text = "x" * {"long": 6_000, "wide": 2_100, "file": 3}[first]
    if first == "file":
        await bob.queue_files(chat, [Content("hi.txt", b"hello")], text)
    else:
        bob.queue(chat, text)
    await bob.sync()
    await bob.send(chat, "second", wait=False)
    await sync(bob, ann, bob, ann, bob)
    asking = bob.chat_with(ann.account_id)
    assert asking is not None
    assert asking.pending
    assert [message.state for message in bob.read(asking)] == ["queued", "queued"]
    assert said(ann) == []
    (waiting,) = ann.requests()
    assert (waiting.name, waiting.text) == ("bob", "")
    await ann.accept_request(waiting.id)
    await sync(ann, bob, ann, bob)
    assert texts(ann, "bob") == [text, "second"]
    assert [message.state for message in bob.read(asking)] == ["delivered", "delivered"]
