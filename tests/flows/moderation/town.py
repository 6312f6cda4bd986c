"""The people of the town, over HTTP: personas of real accounts who post as fast as they can, through kills."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
from tests.channels.world import Author, World
from tests.flows.moderation.programs import Programs
from tests.flows.moderation.texts import Line
from tests.server.wire import Http

from zajil.protocol.control import B16, parse_json
from zajil.protocol.errors import Unavailable
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, redress, routes

AT_ONCE = 24


@dataclass
class Place:
    """A persona and their channel."""

    author: Author
    channel: str


@dataclass
class Posted:
    """A post that the server acknowledged, and what it is. sent_at: `time.monotonic`."""

    line: Line
    post: bytes
    place: Place


@dataclass
class Ledger:
    """Every post that was acknowledged. tries: calls that a kill cut off and that were made again."""

    posted: list[Posted] = field(default_factory=list)
    tries: int = 0

    def of(self, family: tuple[str, str], disguise: str = "") -> list[Posted]:
        """The copies of a family, of one kind where it is named."""
        return [each for each in self.posted if each.line.family == family and disguise in ("", each.line.disguise)]


class Town(World):
    """Calls to a server that is a process of its own. `World` without its server in this process."""

    def __init__(self, programs: Programs, client: aiohttp.ClientSession) -> None:
        self.programs = programs
        self.http = Http(programs.server.url, client)
        self._numbers = itertools.count()
        self._passes: list[bytes] = []

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.programs.ask(query)

    async def settle(self, n: int) -> list[Place]:
        """So many personas, each with a channel."""
        places = []
        for _ in range(n):
            author = await self.author()
            places.append(Place(author, await self.channel(author)))
        return places

    async def publish(self, place: Place, line: Line, ledger: Ledger) -> Posted:
        """Post a line, again and again under the same name while nobody answers, as a client does."""
        name = encode_b64(os.urandom(16))
        body = api.NewPost(line.text, line.lang)
        while True:
            await self.programs.up.wait()
            try:
                made = await self.call(
                    routes.CREATE_POST, body, auth=place.author.auth, key=name, channel=place.channel
                )
            except (aiohttp.ClientError, ConnectionError, Unavailable):
                ledger.tries += 1
                await asyncio.sleep(0)
                continue
            posted = Posted(line, bytes(parse_json(made, api.Post).post_id), place)
            ledger.posted.append(posted)
            return posted

    async def publish_all(
        self, places: Sequence[Place], lines: Sequence[Line], ledger: Ledger, flowing: asyncio.Event | None = None
    ) -> None:
        """Post every line, in turn by everybody, so many at once; with `flowing`, none while that is not set."""
        waiting = iter(zip(itertools.cycle(places), lines, strict=False))

        async def write() -> None:
            for place, line in waiting:
                if flowing:
                    await flowing.wait()
                await self.publish(place, line, ledger)

        await asyncio.gather(*[write() for _ in range(AT_ONCE)])

    async def complain(self, place: Place, post: bytes, category: redress.Category) -> None:
        """A reader's notice about a post."""
        body = redress.NewReport(B16(post), category, "please look")
        await self.call(routes.REPORT, body, auth=place.author.auth)

    async def notices(self, place: Place) -> list[redress.Notice]:
        """What moderation told this author, newest first."""
        data = await self.call(routes.NOTICES, auth=place.author.auth)
        return list(parse_json(data, redress.Notices).notices)

    async def appeal(self, place: Place, decision: bytes, text: str) -> redress.Appeal:
        body = redress.NewAppeal(text)
        data = await self.call(routes.APPEAL, body, auth=place.author.auth, decision=encode_b64(decision))
        return parse_json(data, redress.Appeal)

    async def points(self, place: Place) -> int:
        """Strikes that count against this author."""
        data = await self.call(routes.STANDING, auth=place.author.auth)
        return parse_json(data, redress.OwnStanding).points

    def state(self, post: bytes) -> str:
        """The state of a post."""
        ((state,),) = self.programs.ask("SELECT state FROM pub_post WHERE id = ?", post)
        return str(state)

    def states(self, posts: Sequence[Posted]) -> set[str]:
        """The states that these posts are in."""
        marks = ",".join("?" * len(posts))
        found = self.programs.ask(f"SELECT state FROM pub_post WHERE id IN ({marks})", *[each.post for each in posts])
        assert len(found) == len(posts)
        return {str(state) for (state,) in found}

    async def finds(self, words: str, post: bytes) -> bool:
        """Whether search finds it by these words."""
        return post in [parse_b64(each) for each in await self.found(words.replace(" ", "+"))]
