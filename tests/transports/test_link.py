"""A link whose session ends twice at once: by the server, and by whoever was to begin it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.session import Begin, ClientEvent, Closed
from zajil.transports.race.line import Line
from zajil.transports.race.link import Link, Report


class Keeper:
    """Who has entered, as often as it did."""

    def __init__(self) -> None:
        self.members: list[Link] = []

    def enter(self, link: Link) -> None:
        self.members.append(link)

    def leave(self, link: Link) -> None:
        if link in self.members:
            self.members.remove(link)

    def report(self, link: Link, line: Line, report: Report) -> None:
        raise NotImplementedError


async def test_a_session_that_ended_while_it_was_begun_is_begun_anew_once() -> None:
    keeper, downs, began = Keeper(), list[int](), asyncio.Event()

    async def take(events: Sequence[ClientEvent]) -> None:
        if Begin() in events and not downs:  # a login takes a while; meanwhile the server closes, and then refuses it
            link._over(Closed("restarting", 10, by_peer=True))
            link._note([Begin()])
            link.renew(5)
        elif Begin() in events:
            began.set()

    def down(_: ZajilError | None, retry_ms: int) -> None:
        downs.append(retry_ms)

    async def pause() -> None:
        await asyncio.sleep(0)

    link = Link(Role.R, keeper, affinity="", take=take, down=down, pause=pause)
    running = asyncio.create_task(link.run())
    await asyncio.sleep(0)
    assert keeper.members == [link]
    link._note([Begin()])
    while not downs or not keeper.members:  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0)
    link._note([Begin()])
    await asyncio.wait_for(began.wait(), 5)
    assert downs == [10]
    assert keeper.members == [link]
    link.renew(7)
    while len(downs) < 2 or not keeper.members:  # noqa: ASYNC110  # as above
        await asyncio.sleep(0)
    assert downs == [10, 7]
    assert keeper.members == [link]
    running.cancel()
