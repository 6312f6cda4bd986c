"""Two people: every byte arrives, offline writing waits, the same number on both screens."""

from __future__ import annotations

import pytest
from tests.flows.people import ARABIC, EMOJI, RUSSIAN, People, befriend, messages, say, texts

from zajil.protocol.errors import ZajilError

pytestmark = [pytest.mark.flows, pytest.mark.slow]


async def test_arabic_russian_and_emoji_arrive_byte_for_byte(people: People) -> None:
    amina, boris = await people.register("أمينة"), await people.register("Борис")
    chat = (await befriend(amina, boris)).id
    for writer, reader, text in (
        (amina, boris, ARABIC),
        (boris, amina, RUSSIAN),
        (amina, boris, EMOJI),
        (boris, amina, "ж" * 30_000),
        (amina, boris, "x" * 60_000),
    ):
        await say(writer, chat, text)
        await reader.sync()
        assert texts(reader, chat)[-1].encode() == text.encode()
    await amina.sync()
    assert texts(amina, chat) == texts(boris, chat)
    received = messages(boris, chat)[0]
    assert (received.sender, received.sender_id, received.own) == ("أمينة", amina.whoami().account_id, False)
    states = [message.state for message in messages(amina, chat)]
    assert states == ["delivered", "received", "delivered", "received", "delivered"]
    assert len({message.id for message in messages(amina, chat)}) == 5
    assert [m.id for m in messages(amina, chat)] == [m.id for m in messages(boris, chat)]


async def test_both_sides_see_one_safety_number_and_the_title_is_the_other_person(people: People) -> None:
    amina, boris = await people.register("أمينة"), await people.register("Борис")
    chat = (await befriend(amina, boris)).id
    numbers = {
        amina.safety_number(amina.find_contact(boris.whoami().account_id)),
        boris.safety_number(boris.find_contact(amina.whoami().account_id)),
    }
    assert len(numbers) == 1
    assert len("".join(numbers.pop().split())) == 60
    assert amina.find_chat(chat).title == "Борис"
    assert boris.find_chat(chat).title == "أمينة"


async def test_what_is_written_without_a_connection_goes_out_later_in_order(people: People) -> None:
    amina, boris = await people.register("Amina"), await people.register("Boris")
    chat = (await befriend(amina, boris)).id
    home = await people.switch_off(amina)
    amina = await people.switch_on(home)
    for number in range(5):
        amina.queue(amina.find_chat(chat), f"queued {number}")
    assert {message.state for message in messages(amina, chat)} == {"queued"}
    await boris.sync()
    assert texts(boris, chat) == []
    await amina.sync()
    await boris.sync()
    assert texts(boris, chat) == [f"queued {number}" for number in range(5)]
    assert {message.state for message in messages(amina, chat)} <= {"sent", "delivered"}


async def test_a_note_to_self_stays_with_the_account(people: People) -> None:
    amina = await people.register("Amina")
    (note,) = [chat for chat in amina.chats() if chat.kind == "self"]
    await say(amina, note.id, "buy bread")
    laptop = await people.link(amina)
    await say(amina, note.id, "and tea")
    await laptop.sync()
    await amina.sync()
    assert texts(amina, note.id) == ["buy bread", "and tea"]
    assert texts(laptop, note.id)[-1:] == ["and tea"]


async def test_two_contacts_of_one_name_must_be_told_apart(people: People) -> None:
    amina = await people.register("Amina")
    twins = [await people.register("Boris"), await people.register("Boris")]
    for twin in twins:
        await befriend(amina, twin)
    with pytest.raises(ZajilError) as ambiguous:
        amina.find_contact("Boris")
    assert ambiguous.value.code == "ambiguous-name"
    candidates = str(ambiguous.value.detail["candidates"]).splitlines()
    assert len(candidates) == 2
    for twin in twins:
        assert f"{twin.whoami().account_id} Boris" in candidates
        assert amina.find_contact(twin.whoami().account_id).name == "Boris"
