"""A home is lost, and a recovery key brings the account back: into its chats, with no key of the old device."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.flows.people import People, befriend, messages, say, settle, sync_all, texts
from tests.flows.server import ServerProcess

from zajil.client import Client
from zajil.protocol.errors import ZajilError

pytestmark = [pytest.mark.flows, pytest.mark.slow]


async def restore(people: People, key: str, *, keep_devices: bool = False) -> Client:
    home = people._new_home()
    client = await Client.restore(home, server=people.server.url, key=key, keep_devices=keep_devices)
    return people._keep(client, home)


async def lose(people: People, client: Client) -> None:
    shutil.rmtree(await people.switch_off(client))


async def test_a_member_who_lost_everything_is_back_in_a_chat_of_two_and_in_a_group(people: People) -> None:
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    dm = (await befriend(amina, boris)).id
    await befriend(amina, clara)
    await befriend(boris, clara)
    contacts = [amina.find_contact(other.account_id) for other in (boris, clara)]
    group = (await amina.create_group("Trail", contacts)).id
    await settle([amina, boris, clara], [group])
    await say(boris, group, "before")
    key = boris.show_recovery_key()
    assert boris.recovery_status().state == "shown"
    await boris.sync()
    status = boris.recovery_status()
    assert (status.current, status.problem) == (True, "")
    boris.confirm_recovery_key(key.lower())
    assert boris.recovery_status().state == "confirmed"
    account = boris.account_id
    await lose(people, boris)
    await say(amina, group, "while the home was lost")

    boris = await restore(people, key)
    assert (boris.account_id, boris.device_id, boris.name) == (account, 2, "Boris")
    assert {contact.name for contact in boris.contacts()} == {"Amina", "Clara"}
    assert {chat.title for chat in boris.chats() if chat.kind == "group"} == {"Trail"}
    assert boris.recovery_status().state == "confirmed"
    await settle([boris, amina, clara], [group])
    await say(amina, group, "after")
    await boris.sync()
    await say(boris, group, "I am back")
    await sync_all([amina, boris, clara], rounds=2)
    assert texts(boris, group) == ["after", "I am back"]
    assert texts(clara, group)[-2:] == ["after", "I am back"]
    (old,) = [chat for chat in amina.chats() if chat.kind == "dm" and chat.title == "Boris"]
    await say(amina, old.id, "to you alone")
    await sync_all([boris, amina, boris], rounds=2)
    (new,) = [chat for chat in boris.chats() if chat.kind == "dm" and chat.title == "Amina"]
    assert [message.text for message in messages(boris, new.id)] == ["to you alone"]
    assert dm in {old.id, new.id}
