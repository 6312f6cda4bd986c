"""What becomes of devices at a restore: others may stay, and the lost one's keys are never used again.

Apart from the other stories of recovery, so that neither file takes long.
"""

from __future__ import annotations

import pytest
from tests.client.ledger import Seals
from tests.flows.people import People, befriend, say, settle, sync_all, texts
from tests.flows.test_recovery import lose, restore

from zajil.protocol.ids import parse_b64

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

        boris = await restore(people, key)
        with boris._device.core.look() as step:
            assert step.find_group(parse_b64(group)) is None
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
