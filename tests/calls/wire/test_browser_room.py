"""Not one plaintext frame over the message server from a Chromium: every record of its media room, byte by byte.

Once the page of calls alone, whose connections end in the test; once the app, in a call with a member who knows the
keys, over a real server that is the tap.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.calls.relay.turn import needs_aioice

needs_aioice()
from tests.calls.wire.chromium import Caller, Told, chromium  # noqa: E402  # only where the extra is installed
from tests.calls.wire.judge import Keys  # noqa: E402  # likewise
from tests.calls.wire.known import loudness  # noqa: E402  # likewise
from tests.calls.wire.rooming import Noted, check_sealed  # noqa: E402  # likewise
from tests.calls.wire.roomtap import RoomTap  # noqa: E402  # likewise
from tests.client.calls.pair import until  # noqa: E402  # likewise
from tests.client.calls.test_bot import Person, running  # noqa: E402  # likewise
from tests.client.people import register  # noqa: E402  # likewise

from zajil.protocol.calls.media import AUDIO  # noqa: E402  # likewise
from zajil.protocol.ids import parse_b64  # noqa: E402  # likewise

pytestmark = [pytest.mark.calls, pytest.mark.slow]


async def test_every_record_that_leaves_by_the_message_server_is_sealed(page: str, speech: str, tmp_path: Path) -> None:
    """The page's part of the media room's connections ends in the test, which sees what a server does."""
    async with chromium(tmp_path / "profile", speech) as browser:
        keys, caller = Keys(), Caller(0, lambda _: None)

        async def say(signal: Told) -> None:
            await caller.drive("hear", leaf=1, signal={**signal, "to": 0})

        room = RoomTap(caller.drive, say, lambda pc, record: keys.open_record(record, pc=pc, leaf=0) is not None)
        caller.also = room.hear
        await caller.arrive(browser, page, camera=False, room=True)
        base_key = os.urandom(16)
        keys.add(5, base_key)
        await caller.key(5, base_key)
        await caller.drive("open", leaf=1, relayOnly=True)
        await room.until(400)
        await room.close()
        (pc,) = room.numbers
        found = [keys.open_record(record, pc=pc, leaf=0) for record in room.records]
        opened = [each for each in found if each is not None]
        assert len(opened) == len(room.records), "0 in clear"
        assert len({(each.frame[0], each.ctr) for each in opened}) == len(opened)
        sound = [each for each in opened if each.frame[0] == AUDIO]
        sizes = {each.front: len(each.sealed) for each in sound}
        assert all(len(each.sealed) == sizes[each.front] for each in sound)
        assert loudness(each.frame[8:] for each in sound) > 0.05
        print(f"server: {len(sound)} records of sound in sizes {sizes}, {len(opened) - len(sound)} others, 0 in clear")


async def test_every_record_of_a_browser_in_the_media_room_is_sealed(
    client: None, url: str, overheard: list[bytes], speech: str, tmp_path: Path
) -> None:
    """The app in Chromium, called by a member who knows the keys."""
    async with (
        await register(tmp_path, "Amal", url) as amal,
        chromium(tmp_path / "profile", speech) as browser,
    ):
        page = await browser.visit(url, lambda _: None)
        await page.press("start-create")
        await page.fill("name-input", "Dina")
        await page.press("name-done")
        await page.see("chat-list")
        await page.run("location.hash = '#/scan'")
        await page.fill("code-field", await amal.contact_link())
        await page.press("code-use")
        await page.press("scan-accept")
        await page.see("composer")
        while not amal.contacts():
            await amal.sync()
        group = await amal.create_group("Mountains", amal.contacts())
        await page.run("location.hash = '#/'")
        await page.see("chat-row", "Mountains")
        one, phone = Person(amal), Noted()
        one.phone = one._media = phone
        async with running(one.run()):
            one.dial(parse_b64(group.id))
            await page.press("call-answer")
            await until(lambda: one.views and one.view.rung == "server")
            await until(lambda: len(overheard) > 400)
            assert phone.call is not None
            ((leaf, peer),) = phone.call._links._peers.items()
            numbers = {leaf: set(peer.incoming), phone.leaf: phone.numbers()}
    check_sealed(overheard, phone.keys, numbers)
