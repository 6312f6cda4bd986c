"""Replies, edits, reactions, receipts, typing and roles through the SDK and the real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.client.people import befriend, link, register, texts
from tests.client.serving import Served

from zajil.client import Client, Event, Message
from zajil.protocol.errors import ZajilError

pytestmark = pytest.mark.slow


async def test_two_people_reply_react_edit_and_delete(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        here, there = amal.find_chat("Boris"), boris.find_chat("Amal")
        question = await amal.send(here, "tea, @Boris?", mentions=amal.find_mentions(here, "tea, @Boris?"))
        await boris.sync()
        (shown,) = boris.read(there)
        assert (shown.text, [boris.account_id]) == ("tea, @Boris?", [one.account for one in shown.mentions])
        assert shown.text[shown.mentions[0].start : shown.mentions[0].end] == "@Boris"
        assert (boris.find_chat("Amal").unread, boris.find_chat("Amal").mentioned) == (1, True)
        answer = await boris.send(there, "yse", reply_to=question)
        await boris.edit(there, answer, "yes")
        await boris.react(there, question, "🍵")
        await amal.sync()
        first, second = amal.read(here)
        assert [(one.sender, one.emoji) for one in first.reactions] == [("Boris", "🍵")]
        assert (second.text, second.reply_to, second.edited) == ("yes", question, True)
        assert [one.text for one in amal.message(here, answer).versions] == ["yse"]
        await boris.react(there, question, None)
        await boris.delete(there, answer)
        await amal.sync()
        first, second = amal.read(here)
        assert (first.reactions, second.text, second.deleted) == ((), "", True)
        with pytest.raises(ZajilError, match="not-permitted"):
            await amal.edit(here, answer, "no")
        with pytest.raises(ZajilError, match="gone"):
            await amal.react(here, "x" * 43, "🍵")
        amal.delete_here(here, question)
        assert [message.id for message in amal.read(here)] == [answer]


async def test_a_message_is_sent_delivered_and_read_unless_receipts_are_off(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        here, there = amal.find_chat("Boris"), boris.find_chat("Amal")

        def state() -> str:
            return amal.read(here)[-1].state

        first = await amal.send(here, "hello")
        assert state() == "sent"
        await boris.sync()
        await amal.sync()
        assert state() == "delivered"
        boris.mark_read(there)
        assert boris.find_chat("Amal").unread == 0
        await boris.send_receipts()
        await amal.sync()
        assert state() == "read"
        (receipt,) = amal.message(here, first).receipts
        assert (receipt.name, bool(receipt.delivered_at), bool(receipt.read_at)) == ("Boris", True, True)
        assert not boris.set_privacy(receipts=False).receipts
        await amal.send(here, "again")
        await boris.sync()
        boris.mark_read(there)
        await boris.sync()
        await amal.sync()
        assert state() == "sent"


async def test_what_one_device_read_is_read_on_the_other(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        async with await link(homes, "Boris2", boris, server.url) as laptop:
            await boris.sync()
            await laptop.sync()
            await amal.send(amal.find_chat("Boris"), "both of you")
            for client in (boris, laptop):
                await client.sync()
            assert [client.find_chat("Amal").unread for client in (boris, laptop)] == [1, 1]
            boris.mark_read(boris.find_chat("Amal"))
            await boris.sync()
            await laptop.sync()
            assert laptop.find_chat("Amal").unread == 0
            boris.set_privacy(receipts=False, typing=False)
            await boris.sync()
            await laptop.sync()
            assert (laptop.privacy().receipts, laptop.privacy().typing) == (False, False)


async def test_a_follower_sees_typing_and_changes(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        here = amal.find_chat("Boris")
        told: asyncio.Queue[Event] = asyncio.Queue()

        async def follow() -> None:
            async for event in boris.follow():
                await told.put(event)

        async def wait_for(code: str) -> Event:
            while (event := await told.get()).code != code:
                pass
            return event

        following = asyncio.create_task(follow())
        try:
            async with asyncio.timeout(60):
                # The receiving session may open a moment later, and what is ephemeral reaches only who is there.
                seen = asyncio.create_task(wait_for("typing"))
                while not seen.done():
                    await amal.typing(here)
                    await asyncio.wait([seen], timeout=1)
                event = await seen
                assert (event.name, event.chat, event.kind) == ("Amal", boris.find_chat("Amal").id, "typing")
                identity = await amal.send(here, "hello")
                assert (await wait_for("message")).message == boris.read(boris.find_chat("Amal"))[-1]
                await amal.edit(here, identity, "hello again")
                event = await wait_for("edited")
                assert (event.name, event.message and event.message.text) == ("Amal", "hello again")
                await amal.delete(here, identity)
                event = await wait_for("deleted")
                assert isinstance(event.message, Message)
                assert event.message.deleted
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def test_a_group_is_renamed_and_roles_are_given(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        group = await amal.create_group("Doves", amal.contacts())
        await amal.rename_group(group, "Pigeons")
        await boris.sync()
        assert boris.find_chat("Pigeons").role == "member"
        with pytest.raises(ZajilError, match="not-permitted"):
            await boris.rename_group(boris.find_chat("Pigeons"), "Hawks")
        await amal.set_role(group, boris.account_id, "admin")
        await boris.sync()
        theirs = boris.find_chat("Pigeons")
        assert (theirs.role, theirs.roles) == ("admin", {amal.account_id: "owner", boris.account_id: "admin"})
        rude = await amal.send(group, "rude")
        await boris.sync()
        await boris.delete(theirs, rude)
        await amal.sync()
        assert amal.read(group)[-1].deleted
        await amal.set_role(group, boris.account_id, "member")
        await boris.sync()
        assert boris.find_chat("Pigeons").role == "member"


async def test_a_person_is_verified_by_the_code_of_the_other_side(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
        await register(homes, "Mallory", server.url) as mallory,
    ):
        await befriend(amal, boris)
        await befriend(mallory, boris)
        theirs = boris.safety_code(boris.find_contact("Amal"))
        person = amal.find_contact("Boris")
        assert amal.check_safety(person, theirs) == "same"
        assert amal.check_safety(person, mallory.safety_code(mallory.find_contact("Boris"))) == "different"
        assert amal.check_safety(person, amal.safety_code(person)) == "different"
        with pytest.raises(ZajilError, match="malformed"):
            amal.check_safety(person, "hello")
        assert not person.verified
        amal.set_verified(person, verified=True)
        assert amal.find_contact("Boris").verified
        await boris.send(boris.find_chat("Amal"), "hello")
        await amal.sync()
        assert texts(amal, "Boris") == ["hello"]
        amal.set_verified(person, verified=False)
        assert not amal.find_contact("Boris").verified


async def test_two_processes_of_one_home_talk_and_read(server: Served, homes: Path) -> None:
    """One follows, the other acts: what one marks or edits, the other one's session tells."""
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        async with await Client.open(homes / "Boris") as second:
            await boris.sync()
            identity = await amal.send(amal.find_chat("Boris"), "hello")
            await boris.sync()
            second.mark_read(second.find_chat("Amal"))
            await second.react(second.find_chat("Amal"), identity, "🕊️")
            await second.send_receipts()
            await amal.sync()
            (message,) = amal.read(amal.find_chat("Boris"))
            assert (message.state, [one.emoji for one in message.reactions]) == ("read", ["🕊️"])
