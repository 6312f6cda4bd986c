"""The daemon on its socket, with a real home server behind it: who gets through, how, and who never does."""

from __future__ import annotations

import pytest
from tests.bridges.edge.world import Way
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http

from zajil.protocol import frames
from zajil.protocol.frames import Kind, Role


@pytest.mark.parametrize("posts", [False, True], ids=["socket", "posts"])
async def test_two_people_talk_through_it(way: Way, http: Http, posts: bool) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with await way.wire(Role.S, posts=posts) as s, await way.wire(Role.R, posts=posts) as r:
        group = await group_of_two(http, s, one, two)
        await r.hello(two)
        assert isinstance(await s.ask(group.send(5, b"marhaba")), frames.Ok)
        assert [(await r.expect(frames.Msg)).kind for _ in range(2)] == [Kind.WELCOME, Kind.APP]  # type: ignore[attr-defined]
