"""Groups: five accounts on eight devices, leaving, being removed, coming back, devices that come later."""

from __future__ import annotations

import pytest
from tests.flows.people import ARABIC, RUSSIAN, People, befriend, find, messages, say, settle, sync_all, texts

from zajil.client import Client
from zajil.client.state import accounts
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]


async def group_of(owner: Client, others: list[Client], title: str) -> str:
    """A group of people the owner has just met; everybody has joined."""
    for other in others:
        await befriend(owner, other)
    contacts = [owner.find_contact(other.whoami().account_id) for other in others]
    chat = await owner.create_group(title, contacts)
    await sync_all([*others, owner])
    return chat.id


async def test_five_accounts_on_eight_devices_share_one_history(people: People) -> None:
    owners = [await people.register(name) for name in ("Amina", "Boris", "Clara", "Daud", "Елена")]
    devices = [*owners, *[await people.link(owner) for owner in owners[:3]]]
    group = await group_of(owners[0], owners[1:], "Горы · جبال")
    await settle(devices, [group])
    for number, device in enumerate(devices):
        await device.sync()
        await say(device, group, f"{ARABIC} {RUSSIAN} {number}")
    await sync_all(devices)
    histories = [texts(device, group) for device in devices]
    assert len(histories[0]) == len(devices)
    assert all(history == histories[0] for history in histories)
    chat = owners[0].find_chat(group)
    assert (chat.title, len(chat.members), chat.devices) == ("Горы · جبال", 5, 8)
    names = {message.sender for message in messages(owners[4], group)}
    assert names == {"Amina", "Boris", "Clara", "Daud", "Елена"}


async def test_a_second_device_enters_earlier_and_later_groups(people: People) -> None:
    amina, boris = await people.register("Amina"), await people.register("Boris")
    earlier = await group_of(amina, [boris], "earlier")
    await say(boris, earlier, "before the laptop")
    await amina.sync()
    laptop = await people.link(amina, history=False)
    await settle([amina, boris, laptop], [earlier])
    later = (await laptop.create_group("later", [laptop.find_contact(boris.whoami().account_id)])).id
    await settle([amina, boris, laptop], [earlier, later])
    for group in (earlier, later):
        await say(boris, group, "to both devices")
        await laptop.sync()
        await say(laptop, group, "from the laptop")
        await sync_all([amina, boris, laptop])
        for device in (amina, boris, laptop):
            assert texts(device, group)[-2:] == ["to both devices", "from the laptop"]
    assert "before the laptop" not in texts(laptop, earlier)
    (last,) = messages(boris, later, limit=1)
    assert last.sender_id == amina.whoami().account_id
    (own,) = messages(amina, later, limit=1)
    assert own.own, "what the other own device wrote is one's own"
    assert [device.device_id for device in amina.devices()] == [1, 2]


async def test_the_removed_read_and_write_no_more_and_the_readded_start_anew(people: People) -> None:
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    group = await group_of(amina, [boris, clara], "Mountains")
    await say(amina, group, "for all three")
    await sync_all([boris, clara])
    contact = amina.find_contact(clara.whoami().account_id)
    await amina.remove_member(amina.find_chat(group), contact)
    await say(amina, group, "without Clara")
    with pytest.raises(ZajilError):
        await say(clara, group, "an intruder")
    await sync_all([amina, boris, clara])
    assert texts(boris, group) == ["for all three", "without Clara"]
    assert texts(amina, group) == ["for all three", "without Clara"]
    assert "without Clara" not in texts(clara, group)
    view = find(clara, group)
    assert view is not None
    assert view.status == "removed"
    assert len(amina.find_chat(group).members) == 2

    await amina.add_member(amina.find_chat(group), contact)
    await settle([amina, boris, clara], [group])
    await say(boris, group, "welcome back")
    await clara.sync()
    assert texts(clara, group)[-1] == "welcome back"
    assert "without Clara" not in texts(clara, group)
    await say(clara, group, "thank you")
    await sync_all([amina, boris])
    assert texts(amina, group)[-1] == texts(boris, group)[-1] == "thank you"
    assert "an intruder" not in texts(boris, group)


async def test_only_admins_change_members_and_anyone_may_leave(people: People) -> None:
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    group = await group_of(amina, [boris, clara], "Mountains")
    await befriend(boris, clara)
    with pytest.raises(ZajilError) as refused:
        await boris.remove_member(boris.find_chat(group), boris.find_contact(clara.whoami().account_id))
    assert refused.value.code in {"not-allowed", "not-permitted"}
    await boris.leave_group(boris.find_chat(group))
    await sync_all([amina, clara, amina, boris, clara], rounds=2)
    assert len(amina.find_chat(group).members) == 2
    view = find(boris, group)
    assert view is not None
    assert view.status in {"left", "removed"}
    with pytest.raises(ZajilError):
        await say(boris, group, "still here?")
    await say(amina, group, "two of us")
    await sync_all([clara, boris])
    assert texts(clara, group)[-1] == "two of us"
    assert "two of us" not in texts(boris, group)


async def test_who_added_us_and_left_at_once_can_be_added_to_a_group(people: People) -> None:
    """The profile of whoever adds a contact stays in their outbox when they close too soon; the Welcome says enough."""
    amina, boris = await people.register("Amina"), await people.register("Boris")
    await boris.add_contact(await amina.contact_link())
    await people.switch_off(boris)
    await amina.sync()
    chat = await amina.create_group("Souk", amina.contacts())
    assert len(chat.members) == 2


async def test_a_group_with_somebody_who_has_not_introduced_themselves_waits_and_says_so(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older client told its token in its profile alone. Neither the caller nor any sync waits for that person."""
    monkeypatch.setattr("zajil.client.shell.device.INTRODUCTION_S", 0.0)
    amina, boris = await people.register("Amina"), await people.register("Boris")
    await befriend(amina, boris)
    account = parse_b64(boris.whoami().account_id, size=16)
    core = amina._core  # a state that no client of today makes
    with core.step("forget") as step:
        token = accounts.known(step, account).contact_token
        accounts.change(step, account, contact_token=b"")
    with pytest.raises(ZajilError, match="not-introduced"):
        await amina.create_group("Souk", amina.contacts())
    await amina.sync()
    assert len(amina.find_chat("Souk").members) == 1
    with core.step("learn") as step:
        accounts.change(step, account, contact_token=token)
    await amina.sync()
    assert len(amina.find_chat("Souk").members) == 2
