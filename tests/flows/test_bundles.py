"""A total cut: messages cross as a file, and once the server is back nobody sees one twice."""

from __future__ import annotations

import pytest
from tests.flows.people import People, befriend, say, sync_all, texts
from tests.flows.test_groups import group_of

from zajil.client import Client
from zajil.protocol.errors import HomeError, Unreachable

pytestmark = [pytest.mark.reach, pytest.mark.flows, pytest.mark.slow]
WRITTEN = ["أنا بخير", "Мы в горах", "meet at noon"]


async def _write_in_the_dark(writer: Client, chat: str) -> None:
    """The server is gone: what is written stays here."""
    for text in WRITTEN:
        with pytest.raises(Unreachable):
            await writer.send(writer.find_chat(chat), text)


async def test_messages_cross_a_total_cut_by_hand_and_are_shown_once(people: People) -> None:
    amina, boris, clara, dora = [await people.register(name) for name in ("Amina", "Boris", "Clara", "Dora")]
    group = await group_of(amina, [boris, clara], "Mountains")
    await befriend(amina, dora)
    homes = {await people.switch_off(each) for each in (boris, clara, dora)}
    people.server.stop()
    await _write_in_the_dark(amina, group)
    file = amina.export_bundle(amina.find_chat(group))
    assert [message.state for message in amina.read(amina.find_chat(group))][-3:] == ["sending"] * 3
    again = amina.export_bundle(amina.find_chat(group))
    assert again != file, "another nonce"
    assert all(text.encode() not in file for text in WRITTEN)

    boris, clara, dora = sorted([await people.switch_on(home) for home in homes], key=lambda each: each.name)
    for reader in (boris, clara):
        found = reader.import_bundle(file)
        assert (found.chat.title, found.outcomes) == ("Mountains", ("taken",) * 3)
        assert texts(reader, group)[-3:] == WRITTEN
        assert reader.import_bundle(again).outcomes == ("duplicate",) * 3
    assert amina.import_bundle(file).outcomes == ("duplicate",) * 3
    with pytest.raises(HomeError, match="foreign-bundle"):
        dora.import_bundle(file)
    with pytest.raises(HomeError, match="nothing-waits"):
        dora.export_bundle(dora.find_chat("Amina"))

    people.server.start()
    await sync_all([amina, boris, clara])
    for reader in (amina, boris, clara):
        assert [text for text in texts(reader, group) if text in WRITTEN] == WRITTEN
    assert all(m.state in ("sent", "delivered", "read") for m in amina.read(amina.find_chat(group))[-3:])
    await say(boris, group, "the net is back")
    await sync_all([amina, clara])
    assert texts(clara, group)[-1] == texts(amina, group)[-1] == "the net is back"


async def test_a_file_of_an_epoch_before_opens_and_its_texts_are_sealed_anew_once(people: People) -> None:
    amina, boris, guest = [await people.register(name) for name in ("Amina", "Boris", "Guest")]
    group = await group_of(boris, [amina], "Harbour")
    await befriend(boris, guest)
    people.server.stop()
    await _write_in_the_dark(amina, group)
    file = amina.export_bundle(amina.find_chat(group))
    home = await people.switch_off(amina)
    people.server.start()
    # Boris's network is back before hers, and the group moves on without what she sealed.
    await boris.add_member(boris.find_chat(group), boris.find_contact("Guest"))
    assert boris.import_bundle(file).outcomes == ("taken",) * 3
    await guest.sync()
    with pytest.raises(HomeError, match="foreign-bundle"):
        guest.import_bundle(file)
    amina = await people.switch_on(home)
    await sync_all([amina, boris, guest])
    for reader in (amina, boris, guest):
        assert [text for text in texts(reader, group) if text in WRITTEN] == WRITTEN


async def test_a_damaged_file_takes_nothing(people: People) -> None:
    amina, boris = [await people.register(name) for name in ("Amina", "Boris")]
    await befriend(amina, boris)
    people.server.stop()
    await _write_in_the_dark(amina, "Boris")
    file = amina.export_bundle(amina.find_chat("Boris"))
    for broken in (file[:-1], file[:60] + bytes([file[60] ^ 1]) + file[61:], b"", b"ZJB1"):
        with pytest.raises(HomeError, match="bad-bundle"):
            boris.import_bundle(broken)
    assert boris.import_bundle(file).outcomes == ("taken",) * 3
    people.server.start()
    await sync_all([amina, boris])
    assert [text for text in texts(boris, "Amina") if text in WRITTEN] == WRITTEN
