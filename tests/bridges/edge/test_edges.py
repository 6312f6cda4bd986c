"""nginx and Caddy in front of the daemon: people get through, and a prober sees a plain web server, byte for byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.bridges.edge.world import DIR, DOMAIN, Joined, Way, browser, running_edge
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http
from tests.transports.authority import Authority

from zajil.bridges.edge.config import EdgeKind
from zajil.bridges.edge.probes import Difference, Places, Target, compare, list_probes, make_places, spend
from zajil.protocol import frames
from zajil.protocol.frames import Kind, Role

EDGES = [
    pytest.param(
        kind, marks=pytest.mark.skipif(shutil.which(kind) is None, reason=f"no {kind}: apt-get install {kind}")
    )
    for kind in ("nginx", "caddy")
]
EveryEdge = pytest.mark.parametrize("kind", EDGES)


@pytest.fixture
async def edge(
    kind: EdgeKind, tmp_path: Path, authority: Authority, joined: Joined, site: Path
) -> AsyncIterator[Target]:
    async with running_edge(tmp_path, kind, authority, site=site, socket_path=joined.config.socket) as port:
        yield Target("127.0.0.1", port, DOMAIN)


@pytest.fixture
async def plain(kind: EdgeKind, tmp_path: Path, authority: Authority, site: Path) -> AsyncIterator[Target]:
    """The same server without Zajil."""
    async with running_edge(tmp_path, kind, authority, site=site, socket_path=None) as port:
        yield Target("127.0.0.1", port, DOMAIN)


@EveryEdge
@pytest.mark.parametrize("posts", [False, True], ids=["socket", "posts"])
@pytest.mark.slow
async def test_two_people_talk_through_an_edge(
    edge: Target, joined: Joined, authority: Authority, http: Http, posts: bool
) -> None:
    async with browser(authority) as client:
        way = Way(joined, client, f"https://{DOMAIN}:{edge.port}")
        one, two = await http.register(Person()), await http.register(Person())
        async with await way.wire(Role.S, posts=posts) as s, await way.wire(Role.R, posts=posts) as r:
            group = await group_of_two(http, s, one, two)
            await r.hello(two)
            assert isinstance(await s.ask(group.send(5, b"marhaba")), frames.Ok)
            assert [(await r.expect(frames.Msg)).kind for _ in range(2)] == [Kind.WELCOME, Kind.APP]  # type: ignore[attr-defined]


async def places_of(joined: Joined, edge: Target) -> Places:
    replayed = joined.path()
    await spend(edge, replayed)
    expired = joined.path(late_s=3 * 3600)
    return make_places(DOMAIN, DIR, random=os.urandom, file="/about/index.html", expired=expired, replayed=replayed)


async def diff(plain: Target, edge: Target, places: Places, names: Sequence[str] = ()) -> list[Difference]:
    probes = [each for each in list_probes(places, silence_s=0.5) if not names or each.name in names]
    assert names or len(probes) > 170
    return await compare(plain, edge, probes, patience_s=1.0, tries=6)


@EveryEdge
@pytest.mark.slow
async def test_a_prober_cannot_tell_a_bridge_from_a_plain_server(edge: Target, plain: Target, joined: Joined) -> None:
    places = await places_of(joined, edge)
    assert await diff(plain, edge, places) == []
    await joined.bridge.stop()
    assert await diff(plain, edge, places) == [], "with a dead daemon"
