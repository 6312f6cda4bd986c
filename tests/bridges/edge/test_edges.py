"""nginx and Caddy in front of the daemon: people get through, and a prober sees a plain web server, byte for byte."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.bridges.edge.capture import capturing_socket
from tests.bridges.edge.world import DIR, DOMAIN, PAGE, Joined, Way, browser, running_edge, straight
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http
from tests.transports.authority import Authority
from tests.transports.knowing import Known, make_context

from zajil.bridges.edge.config import EdgeKind
from zajil.bridges.edge.probes import (
    Difference,
    Ending,
    Places,
    Target,
    Tls,
    compare,
    list_probes,
    make_places,
    spend,
)
from zajil.bridges.edge.probes.wire import play
from zajil.protocol import frames
from zajil.protocol.frames import Kind, Role
from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.protocol.reach.polling import PollPost, encode_post
from zajil.transports.dialing import dial

pytestmark = pytest.mark.reach

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


@EveryEdge
@pytest.mark.parametrize("strategy", [Strategy.WSS, Strategy.WSS_BROWSER, Strategy.POLL])
@pytest.mark.slow
async def test_every_way_a_client_dials_passes_an_edge(
    edge: Target, joined: Joined, authority: Authority, strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usable means that the home server's accept opened."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with straight(joined) as way:
        key = await way.session_key()
    endpoint = Endpoint(
        "b", EndpointKind.BRIDGE, DOMAIN, edge.port, DIR, ips=("127.0.0.1",), token=joined.private.token, private=True
    )
    context = make_context(Known(set(), key))
    for _ in range(2):
        carrier = await dial(Candidate(f"b/{strategy}", endpoint, strategy), Role.S, context)
        await carrier.close()


@EveryEdge
@pytest.mark.slow
async def test_an_edge_passes_on_nothing_about_the_visitor_and_writes_nothing_down(
    kind: EdgeKind, tmp_path: Path, authority: Authority, joined: Joined, site: Path
) -> None:
    body = encode_post(PollPost(bytes(16), 0, (b"\x01\x03",)))
    path = joined.path()
    post = (
        f"POST {path}?r=0a0b HTTP/1.1",
        *(f"Host: {DOMAIN}", f"Content-Length: {len(body)}", f"Origin: {PAGE}"),
        *("Cookie: visitor=1", "User-Agent: visitor", "X-Forwarded-For: 192.0.2.7", "Authorization: visitor"),
        *("", ""),
    )
    async with (
        capturing_socket(tmp_path / "between.sock", joined.config.socket) as capture,
        running_edge(tmp_path, kind, authority, site=site, socket_path=str(tmp_path / "between.sock")) as port,
    ):
        target = Target("127.0.0.1", port, DOMAIN)
        heard = await play(target, Tls(), ("\r\n".join(post).encode() + body,), patience_s=2.0)
        head = bytes(heard.plain).partition(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 200 ok"), head
        assert b"connection: close" in head, "the next POST is another TCP connection"
        assert b"access-control-allow-origin: *" in head
        assert b"python" not in head
        assert heard.ending is Ending.CLEAN
        await joined.bridge.stop()
        await play(target, Tls(), ("\r\n".join(post).replace("POST", "GET").encode(),), patience_s=0.5)
    seen = b"\n".join((*capture.heads, *capture.records)).lower()
    assert b"/check" in seen
    assert path.lower().encode() in seen
    for private in (b"127.0.0.1", b"192.0.2.7", b"visitor"):
        assert private not in seen, private
    written = await asyncio.to_thread(output_of, kind, tmp_path)
    for secret in ("remote_", "client:", path, "192.0.2.7", "visitor"):
        assert secret not in written


def output_of(kind: EdgeKind, tmp: Path) -> str:
    """What the edge said on its terminal."""
    (output,) = tmp.glob(f"{kind}-*/output")
    return output.read_text()


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
