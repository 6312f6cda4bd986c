"""An account that ends says so to its contacts, and what is written to it then does not wait for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.client.people import befriend
from tests.client.serving import Served
from tests.client.test_strangers import People, contact, refuses, sync

from zajil.client.core import messages
from zajil.client.state import rows
from zajil.protocol.chat import parts

pytestmark = pytest.mark.slow


@pytest.fixture
async def people(tmp_path: Path, server: Served) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(stack, tmp_path, server.url)


async def test_a_text_to_a_deleted_account_says_that_nobody_is_there(people: People) -> None:
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    await befriend(ann, bob)
    await befriend(ann, eve)
    ann.block(contact(ann, "eve"))
    await ann.sync()
    with bob._device.core.step("waits") as step:
        messages.submit_text(step, next(c.gid for c in rows.all_chats(step.tx) if c.peer), "on its way")
    await ann.delete_account()
    await sync(bob, eve)
    await refuses("contact-gone", bob.send(bob.find_chat("ann"), "hello?"))
    await refuses("contact-gone", bob.create_group("both", [contact(bob, "ann")]))
    with eve._device.core.look() as step:
        assert not any(account.gone for account in rows.all_accounts(step.tx)), "a blocked one is told nothing"


async def test_whoever_said_farewell_and_stayed_is_written_to_again(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    await befriend(ann, bob)
    with ann._device.core.step("farewell") as step:
        dm = next(c.gid for c in rows.all_chats(step.tx) if c.peer)
        messages.submit_control(step, dm, parts.Leave())
    await sync(ann, bob)
    await refuses("contact-gone", bob.send(bob.find_chat("ann"), "hello?"))
    await ann.send(ann.find_chat("bob"), "still here")
    await bob.sync()
    await bob.send(bob.find_chat("ann"), "good")


async def test_nobody_says_of_another_one_that_it_is_gone(people: People) -> None:
    """`leave` is about its sender alone: our own other device in the chat ends nobody."""
    ann, bob = await people.join("ann"), await people.join("bob")
    await befriend(ann, bob)
    with bob._device.core.step("own") as step:
        dm = next(c.gid for c in rows.all_chats(step.tx) if c.peer)
        messages.submit_control(step, dm, parts.Leave())
    await sync(bob, ann)
    # Before he writes again, which brings him back for her.
    await refuses("contact-gone", ann.send(ann.find_chat("bob"), "hm"))
    await bob.send(bob.find_chat("ann"), "here")
