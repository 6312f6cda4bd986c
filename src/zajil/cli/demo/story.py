"""The story of `zajil demo`, act by act. An act that cannot go on ends the story; a claim that fails is counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zajil.cli.demo.cast import AMINA, BORIS, CLARA, Cast, chat_of, converse, texts_of
from zajil.cli.demo.kill import server_killed
from zajil.cli.demo.stage import Person, Stage
from zajil.cli.demo.turns import second_device, someone_offline, someone_removed
from zajil.cli.demo.world import World, made_world
from zajil.cli.failures import Failed
from zajil.cli.texts import demo as words
from zajil.cli.texts import demo_lines as lines

if TYPE_CHECKING:
    from zajil.client import Client

_DIGITS_SHOWN = 15


async def play(*, fast: bool) -> bool:
    """Whether every step held. The server, the people and the folder are gone when this returns."""
    from zajil.protocol.errors import ZajilError

    stage = Stage(fast=fast)
    started = time.monotonic()
    await stage.title(words.TITLE(), words.INTRO())
    async with made_world() as world:
        try:
            await _acts(stage, world)
        except (ZajilError, Failed) as broke:
            await stage.check(False, words.BROKE_OFF(code=broke.code))
    await _summary(stage, seconds=round(time.monotonic() - started))
    return not stage.broken


async def _acts(stage: Stage, world: World) -> None:
    await stage.act(words.SERVER_ACT(), words.SERVER_STORY())
    await world.start_server()
    await stage.fact(words.SERVER_UP(url=world.url, pid=world.pid))
    cast = await _three_people(stage, world)
    await _a_group(stage, cast)
    await someone_offline(stage, world, cast)
    laptop = await second_device(stage, world, cast)
    await someone_removed(stage, world, cast, laptop)
    await server_killed(stage, world, cast)


async def _three_people(stage: Stage, world: World) -> Cast:
    await stage.act(words.PEOPLE_ACT(), words.PEOPLE_STORY())
    cast = Cast(
        amina=await _register(stage, world, AMINA, "amina"),
        boris=await _register(stage, world, BORIS, "boris"),
        clara=await _register(stage, world, CLARA, "clara"),
    )
    await stage.tell(words.LINKS_STORY())
    link = await cast.amina.contact_link()
    dm = await cast.boris.add_contact(link)
    await cast.clara.add_contact(link)
    await cast.amina.sync()
    exact = await converse(stage, dm.id, AMINA, cast.amina, [cast.boris], lines.HELLO)
    exact &= await converse(stage, dm.id, BORIS, cast.boris, [cast.amina], lines.HELLO_BACK)
    await stage.check(exact, words.EXACT())
    sides = [
        cast.amina.safety_number(cast.amina.find_contact(cast.boris.whoami().account_id)),
        cast.boris.safety_number(cast.boris.find_contact(cast.amina.whoami().account_id)),
    ]
    await stage.check(sides[0] == sides[1], words.SAFETY_EQUAL(digits=sides[0][:_DIGITS_SHOWN].strip()))
    return cast


async def _register(stage: Stage, world: World, person: Person, folder: str) -> Client:
    client = await world.register(person.name(), folder)
    await stage.fact(words.PERSON_JOINS(name=person.name(), account=client.whoami().account_id))
    return client


async def _a_group(stage: Stage, cast: Cast) -> None:
    await stage.act(words.GROUP_ACT(), words.GROUP_STORY())
    people = [cast.amina.find_contact(other.whoami().account_id) for other in (cast.boris, cast.clara)]
    title = lines.GROUP_TITLE()
    cast.group = (await cast.amina.create_group(title, people)).id
    for other in (cast.boris, cast.clara):
        await other.sync()
    chat = chat_of(cast.amina, cast.group)
    await stage.check(
        len(chat.members) == 3 and chat_of(cast.clara, cast.group).title == title,  # the three
        words.GROUP_MADE(title=title, count=len(chat.members), epoch=chat.epoch),
    )
    exact = await converse(stage, cast.group, AMINA, cast.amina, [cast.clara, cast.boris], lines.WHEN)
    exact &= await converse(stage, cast.group, CLARA, cast.clara, [cast.amina, cast.boris], lines.YES_TEA)
    exact &= await converse(stage, cast.group, BORIS, cast.boris, [cast.clara, cast.amina], lines.WEATHER)
    for client in (cast.amina, cast.boris, cast.clara):
        await client.sync()
    histories = [texts_of(client, cast.group) for client in (cast.amina, cast.boris, cast.clara)]
    await stage.check(exact and histories[0] == histories[1] == histories[2], words.GROUP_AGREE())


async def _summary(stage: Stage, *, seconds: int) -> None:
    await stage.act(words.SUMMARY_ACT(), "")
    count = stage.held + stage.broken
    if stage.broken:
        await stage.end(words.SUMMARY_BROKEN(broken=stage.broken, count=count), [words.SUMMARY_GONE()])
    else:
        claims = words.SUMMARY_HELD(count=count, seconds=seconds)
        await stage.end(claims, [words.SUMMARY_GONE(), words.SUMMARY_NEXT()])
