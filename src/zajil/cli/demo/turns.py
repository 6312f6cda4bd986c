"""The middle acts: someone offline and what the server holds meanwhile, a second device, someone removed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zajil.cli.demo.cast import AMINA, BORIS, CLARA, Cast, chat_of, converse, texts_of, write
from zajil.cli.demo.stage import Stage
from zajil.cli.demo.world import World
from zajil.cli.texts import demo as words
from zajil.cli.texts import demo_lines as lines

if TYPE_CHECKING:
    from zajil.client import Client

_MISSED = 12
_CODE_SHOWN = 44
_SENDER_WORDS = {"sender", "from", "author", "member", "members"}
_LINK_S = 60.0


async def someone_offline(stage: Stage, world: World, cast: Cast) -> None:
    """Clara misses messages; what the server holds of the last one; she reads them all; they are gone there."""
    await stage.act(words.OFFLINE_ACT(), words.OFFLINE_STORY(count=_MISSED))
    home = await world.switch_off(cast.clara)
    expected = []
    for number in range(1, _MISSED):
        speaker, client = ((AMINA, cast.amina), (BORIS, cast.boris))[number % 2]
        expected.append(lines.ON_THE_WAY.in_language(speaker.language, number=number))
        await write(client, cast.group, expected[-1])
    secret = lines.SECRET.in_language(BORIS.language)
    expected.append(secret)
    await converse(stage, cast.group, BORIS, cast.boris, [cast.amina], lines.SECRET)
    for client in (cast.amina, cast.boris):
        await client.sync()
    await stage.tell(words.STORED_STORY())
    row = world.newest_message()
    await stage.row(row, words.STORED_MORE)
    found = world.holds(secret, lines.GROUP_TITLE(), *(person.name() for person in (AMINA, BORIS, CLARA)))
    await stage.check(bool(row) and not found, words.STORED_NOTHING(count=len(world.files())))
    await stage.check(not _SENDER_WORDS & world.column_names(), words.STORED_NO_SENDER())
    cast.clara = await world.switch_on(home)
    await cast.clara.sync()
    received = texts_of(cast.clara, cast.group)[-_MISSED:]
    await stage.says(BORIS, received[-1], lines.SECRET)
    await stage.check(received == expected, words.OFFLINE_BACK(count=len(received)))
    # What was delivered is told by receipts, which are messages themselves: they have to arrive too.
    for client in (cast.clara, cast.amina, cast.boris, cast.clara, cast.amina, cast.boris):
        await client.sync()
    left = world.message_count()
    await stage.check(left == 0, words.FORGOTTEN(count=left))


async def second_device(stage: Stage, world: World, cast: Cast) -> Client:
    """Amina's laptop, linked by its code; it reads and writes in the group."""
    from zajil.client import Client

    await stage.act(words.DEVICE_ACT(), words.DEVICE_STORY())
    code: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    home = world.folder / "laptop"
    linking = asyncio.ensure_future(Client.link_new(home, server=world.url, on_code=code.set_result))
    async with asyncio.timeout(_LINK_S):
        either: list[asyncio.Future[Any]] = [code, linking]  # two results, of which only the first matters
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not code.done():
            code.cancel()
            return await linking  # it failed before it had a code: raises what went wrong
        await stage.fact(words.DEVICE_CODE(code=code.result()[:_CODE_SHOWN]))
        await cast.amina.link_approve(code.result())
        laptop = world.adopt(await linking, home)
        await _settle(cast, laptop)
    chat = chat_of(laptop, cast.group)
    device = laptop.whoami().device_id
    await stage.check(chat.status == "active", words.DEVICE_IN(device=device, title=chat.title))
    both = await converse(stage, cast.group, BORIS, cast.boris, [laptop, cast.amina], lines.BOTH_DEVICES)
    await stage.check(both, words.DEVICE_READS())
    everyone = [cast.boris, cast.clara, cast.amina]
    heard = await converse(stage, cast.group, AMINA, laptop, everyone, lines.ON_LAPTOP)
    (message,) = cast.boris.read(chat_of(cast.boris, cast.group), limit=1)
    hers = message.sender_id == cast.amina.whoami().account_id
    await stage.check(heard and hers, words.DEVICE_WRITES())
    return laptop


async def _settle(cast: Cast, laptop: Client) -> None:
    """Both of Amina's devices talk until the laptop sits in the group: the phone adds it chat by chat."""
    while all(chat.id != cast.group or chat.status != "active" for chat in laptop.chats()):
        await cast.amina.sync()
        await laptop.sync()
        await asyncio.sleep(0.2)


async def someone_removed(stage: Stage, world: World, cast: Cast, laptop: Client) -> None:
    """Clara is removed while her phone is away; it can neither write nor read on."""
    from zajil.protocol.errors import ZajilError

    await stage.act(words.REMOVED_ACT(), words.REMOVED_STORY())
    before = chat_of(cast.amina, cast.group).epoch
    await cast.clara.sync()
    known = texts_of(cast.clara, cast.group)
    home = await world.switch_off(cast.clara)
    clara = cast.amina.find_contact(cast.clara.whoami().account_id)
    await cast.amina.remove_member(chat_of(cast.amina, cast.group), clara)
    after = chat_of(cast.amina, cast.group).epoch
    await stage.check(after > before, words.REMOVED_ROUND(before=before, after=after))
    others = await converse(stage, cast.group, AMINA, cast.amina, [cast.boris, laptop], lines.NEW_PLACE)
    others &= await converse(stage, cast.group, BORIS, cast.boris, [cast.amina, laptop], lines.AT_THE_MILL)
    await stage.tell(words.REMOVED_SENDS())
    cast.clara = await world.switch_on(home)
    text = lines.INTRUDER.in_language(CLARA.language)
    try:
        await write(cast.clara, cast.group, text)
        refusal = ""
    except ZajilError as refused:
        refusal = refused.code
    await stage.check(bool(refusal), words.REMOVED_REFUSED(code=refusal or "-"))
    await cast.clara.sync()
    read = [message for message in texts_of(cast.clara, cast.group) if message not in known and message != text]
    await stage.check(not read, words.REMOVED_READS())
    for client in (cast.amina, cast.boris, laptop):
        await client.sync()
        others &= text not in texts_of(client, cast.group)
    await stage.check(others, words.REMOVED_OTHERS())
