"""A home is lost, and a recovery key brings the account back: into its chats, with no key of the old device."""

from __future__ import annotations

import shutil

import pytest
from tests.flows.people import People, befriend, messages, say, settle, sync_all, texts
from tests.flows.server import ServerProcess

from zajil.client import Client, wipe_home
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity.recovery import derive_secrets, parse_key
from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]


async def restore(people: People, key: str, *, keep_devices: bool = False) -> Client:
    home = people._new_home()
    client = await Client.restore(home, server=people.server.url, key=key, keep_devices=keep_devices)
    return people._keep(client, home)


def backup_of(server: ServerProcess, key: str) -> dict[str, object] | None:
    """The row at the server that this recovery key names, unless it holds nothing any more."""
    locator = derive_secrets(parse_key(key)).locator
    return next((row for row in server.rows()["backup"] if row["locator"] == locator and row["blob"]), None)


def forms(identifier: str) -> list[bytes]:
    raw = parse_b64(identifier)
    return [raw, identifier.encode(), raw.hex().encode()]


async def lose(people: People, client: Client) -> None:
    shutil.rmtree(await people.switch_off(client))


async def test_a_member_who_lost_everything_is_back_in_a_chat_of_two_and_in_a_group(people: People) -> None:
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    await befriend(amina, boris)
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


async def test_the_only_owner_of_a_group_comes_back_by_a_mere_member_and_the_old_device_is_gone(people: People) -> None:
    amina, boris = [await people.register(name) for name in ("Amina", "Boris")]
    await befriend(amina, boris)
    group = (await amina.create_group("Trail", [amina.find_contact(boris.account_id)])).id
    await settle([amina, boris], [group])
    key = amina.show_recovery_key()
    await amina.sync()
    lost = await people.switch_off(amina)

    amina = await restore(people, key)
    await settle([amina, boris], [group])
    found = amina.find_chat(group)
    assert (found.role, found.devices) == ("owner", 2), "the lost device has left the tree"
    await say(boris, group, "hello again")
    await amina.sync()
    assert texts(amina, group) == ["hello again"]
    await amina.rename_group(amina.find_chat(group), "Trail, again")

    thief = await people.switch_on(lost)
    with pytest.raises(ZajilError) as caught:
        await thief.sync()
    assert caught.value.code == "device-revoked"


async def test_a_deleted_account_leaves_the_tombstone_and_nothing_else(people: People, server: ServerProcess) -> None:
    amina, boris = [await people.register(name) for name in ("Amina", "Boris")]
    await befriend(amina, boris)
    group = (await amina.create_group("Trail", [amina.find_contact(boris.account_id)])).id
    await settle([amina, boris], [group])
    key = boris.show_recovery_key()
    await boris.sync()
    assert backup_of(server, key) is not None
    await boris.contact_link()
    account = boris.account_id
    before = {table for table, rows in server.rows().items() for row in rows if names(row, account)}
    assert before >= {"account", "device", "device_list", "key_package", "contact_token"}

    await boris.delete_account()
    home = await people.switch_off(boris)
    wipe_home(home)
    assert not list(home.iterdir())
    tables = server.rows()
    left = {table: [row for row in rows if names(row, account)] for table, rows in tables.items()}
    assert {table: len(rows) for table, rows in left.items() if rows} == {"account": 1, "device_list": 1}
    assert set(left["account"][0].values()) == {parse_b64(account), 2, 0}
    assert backup_of(server, key) is None
    await amina.sync()
    await amina.sync()
    assert amina.find_chat(group).members == (amina.account_id,)
    with pytest.raises(ZajilError, match="no-backup"):
        await restore(people, key)


def names(row: dict[str, object], account: str) -> bool:
    held = b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
    return any(form in held for form in forms(account))


async def test_a_new_key_takes_the_place_of_the_old_one_and_the_old_backup_goes(
    people: People, server: ServerProcess
) -> None:
    amina = await people.register("Amina")
    with pytest.raises(ZajilError, match="no-recovery-key"):
        amina.confirm_recovery_key("0" * 32)
    first = amina.show_recovery_key()
    assert amina.show_recovery_key() == first
    await amina.sync()
    assert backup_of(server, first) is not None
    second = amina.rotate_recovery_key()
    assert (second != first, amina.recovery_status().state) == (True, "rotated")
    await amina.sync()
    assert (backup_of(server, first) is None, backup_of(server, second) is None) == (True, False)
    with pytest.raises(ZajilError, match="bad-recovery-key"):
        amina.confirm_recovery_key(first)
    amina.confirm_recovery_key(second)
    with pytest.raises(ZajilError, match="no-backup"):
        await restore(people, first)
    back = await restore(people, second)
    assert back.account_id == amina.account_id


async def test_the_backup_is_renewed_by_itself_and_says_nothing_of_when_somebody_writes(
    people: People, server: ServerProcess
) -> None:
    amina, boris = [await people.register(name) for name in ("Amina", "Boris")]
    key = amina.show_recovery_key()

    def version() -> int:
        row = backup_of(server, key)
        assert row is not None
        assert set(row) == {"locator", "auth_pub", "version", "blob", "sig", "day"}
        assert isinstance(row["version"], int)
        return row["version"]

    await amina.sync()
    assert version() == 1
    chat = await befriend(amina, boris)
    await sync_all([boris, amina], rounds=2)
    renewed = version()
    assert renewed > 1
    await say(amina, chat.id, "a text changes nothing")
    await sync_all([boris, amina], rounds=2)
    assert version() == renewed
    assert amina.recovery_status().current
