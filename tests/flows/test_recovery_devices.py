"""What becomes of devices at a restore: others may stay, and the lost one's keys are never used again.

Apart from the other stories of recovery, so that neither file takes long.
"""

from __future__ import annotations

import pytest
from tests.client.ledger import Seals
from tests.flows.people import People, befriend, say, settle, sync_all, texts
from tests.flows.test_recovery import lose, restore

from zajil.client import Client
from zajil.client.core import readd
from zajil.client.state import accounts
from zajil.protocol.ids import AccountId, parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]


async def test_other_devices_may_stay(people: People) -> None:
    amina = await people.register("Amina")
    boris = await people.register("Boris")
    await befriend(amina, boris)
    key = amina.show_recovery_key()
    await amina.sync()
    second = await restore(people, key, keep_devices=True)
    for _ in range(4):
        await sync_all([second, boris, amina])
    assert [device.device_id for device in second.devices()] == [1, 2]
    (chat,) = [chat for chat in boris.chats() if chat.kind == "dm"]
    await say(boris, chat.id, "to both of you")
    for device in (second, amina):
        await device.sync()
        (dm,) = [chat for chat in device.chats() if chat.kind == "dm"]
        assert texts(device, dm.id)[-1:] == ["to both of you"]
        assert device.recovery_status().problem == ""


async def renewed(people: People) -> tuple[Client, Client, Client, str]:
    """Amina's laptop, Boris, Eve, and Amina's key: the laptop blocked Eve after the last backup of the lost device."""
    amina, boris, eve = [await people.register(name) for name in ("Amina", "Boris", "Eve")]
    for other in (boris, eve):
        await befriend(amina, other)
    await sync_all([boris, eve, amina])
    key = amina.show_recovery_key()
    await amina.sync()
    laptop = await people.link(amina)
    for _ in range(3):
        await sync_all([amina, laptop, boris, eve])
    await lose(people, amina)
    laptop.block(laptop.find_contact(eve.account_id))
    await sync_all([laptop, boris, eve])
    return laptop, boris, eve, key


def token_of(client: Client) -> bytes:
    with client._device.core.look() as step:
        return step.profile.profile_token


async def test_a_backup_restores_whose_contact_token_another_device_ended_since(people: People) -> None:
    laptop, boris, eve, key = await renewed(people)
    last = token_of(laptop)
    await lose(people, laptop)
    with eve._device.core.look() as step:
        before = accounts.known(step, AccountId(parse_b64(laptop.account_id))).contact_token

    amina = await restore(people, key)
    assert token_of(amina) not in (before, last), "who was to be kept out is not let in again"
    for _ in range(3):
        await sync_all([amina, boris])
    (dm,) = [chat for chat in boris.chats() if chat.kind == "dm"]
    await say(boris, dm.id, "welcome back")
    await amina.sync()
    (back,) = [chat for chat in amina.chats() if chat.kind == "dm" and chat.title == "Boris"]
    assert texts(amina, back.id)[-1:] == ["welcome back"]
    await say(amina, back.id, "here again")
    await boris.sync()
    assert texts(boris, dm.id)[-1:] == ["here again"]
    with boris._device.core.look() as step:
        assert accounts.known(step, AccountId(parse_b64(amina.account_id))).contact_token == token_of(amina)


async def test_devices_that_stay_learn_the_contact_token_of_the_restored_one(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop, boris, _, key = await renewed(people)
    # The self group is asked for in a chat that both are in, once there is one: no minute is waited for that here.
    monkeypatch.setattr(readd, "TURN_MS", 0)
    amina = await restore(people, key, keep_devices=True)
    for _ in range(6):
        await sync_all([laptop, amina, boris])
    assert token_of(laptop) == token_of(amina)
    assert [device.device_id for device in laptop.devices()] == [1, 2, 3]


async def test_a_restored_account_seals_nothing_where_the_lost_device_sealed(people: People) -> None:
    """It is a new device with a new leaf: no ratchet, key package or generation of the lost one comes back."""
    seals = Seals()
    seals.install()
    try:
        amina, boris = [await people.register(name) for name in ("Amina", "Boris")]
        await befriend(amina, boris)
        group = (await amina.create_group("Trail", [amina.find_contact(boris.account_id)])).id
        await settle([amina, boris], [group])
        key = boris.show_recovery_key()
        await boris.sync()
        for text in ("one", "two", "three"):
            await say(boris, group, text)
        await sync_all([amina, boris])
        leaf = {place.leaf for place in seals.places.values() if place.gid == parse_b64(group)}
        before = dict(seals.places)
        await lose(people, boris)
        # She is offline meanwhile: online she would add the new device before one can look at what the backup brought.
        hers = await people.switch_off(amina)

        boris = await restore(people, key)
        with boris._device.core.look() as step:
            assert step.find_group(parse_b64(group)) is None
        amina = await people.switch_on(hers)
        await settle([boris, amina], [group])
        for text in ("four", "five"):
            await say(boris, group, text)
        await sync_all([amina, boris], rounds=2)
    finally:
        seals.remove()
    after = {digest: place for digest, place in seals.places.items() if digest not in before}
    assert leaf
    assert any(place.gid == parse_b64(group) for place in after.values())
    assert not set(after.values()) & set(before.values())
    assert texts(amina, group)[-2:] == ["four", "five"]
