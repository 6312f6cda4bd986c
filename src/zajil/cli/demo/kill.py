"""The act in which the server is killed in mid-traffic and started again: nothing acknowledged may be missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zajil.cli.demo.cast import AMINA, BORIS, Cast, texts_of, write
from zajil.cli.demo.stage import Person, Stage
from zajil.cli.demo.world import World
from zajil.cli.texts import demo as words
from zajil.cli.texts import demo_lines as lines

if TYPE_CHECKING:
    from zajil.client import Client

_EACH = 30
_KILL_AFTER = 20


class _Traffic:
    """What was written, what the server has acknowledged of it, and a bell at the acknowledgement that kills it."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.acknowledged: list[str] = []
        self.enough = asyncio.Event()

    async def write_all(self, cast: Cast, client: Client, person: Person, numbers: range) -> None:
        """Send one after another; a message the server did not take stays in the outbox, as for any person."""
        from zajil.protocol.errors import Unavailable

        for number in numbers:
            text = lines.COUNTED.in_language(person.language, number=number)
            self.written.append(text)
            try:
                await write(client, cast.group, text)
            except Unavailable:
                continue
            self.acknowledged.append(text)
            if len(self.acknowledged) == _KILL_AFTER:
                self.enough.set()


async def server_killed(stage: Stage, world: World, cast: Cast) -> None:
    """Two people write at once, the server dies in the middle, comes back, and everybody catches up."""
    total = 2 * _EACH
    await stage.act(words.KILL_ACT(), words.KILL_STORY(count=total))
    traffic = _Traffic()
    writers = [
        asyncio.ensure_future(traffic.write_all(cast, cast.amina, AMINA, range(1, _EACH + 1))),
        asyncio.ensure_future(traffic.write_all(cast, cast.boris, BORIS, range(_EACH + 1, total + 1))),
    ]
    await asyncio.wait({*writers, asyncio.ensure_future(traffic.enough.wait())}, return_when=asyncio.FIRST_COMPLETED)
    pid = world.pid
    await world.kill_server()
    sure = list(traffic.acknowledged)
    await stage.check(len(sure) < total, words.KILLED(pid=pid, count=len(sure)))
    await world.start_server()
    await stage.fact(words.RESTARTED(pid=world.pid))
    await asyncio.gather(*writers)
    for _ in range(2):
        for client in (cast.amina, cast.boris):
            await client.sync()
    seen = [
        [text for text in texts_of(client, cast.group, limit=10 * total) if text in set(traffic.written)]
        for client in (cast.amina, cast.boris)
    ]
    lost = [text for texts in seen for text in sure if text not in texts]
    arrived = min(len(set(texts)) for texts in seen)
    await stage.check(not lost and arrived == total, words.KILL_NOTHING_LOST(count=arrived, total=total))
    await stage.check(all(len(texts) == len(set(texts)) for texts in seen), words.KILL_NOTHING_TWICE())
