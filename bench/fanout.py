"""One post to everybody who follows a channel, and one message to a large group.

Run: `make bench B=fanout`, or .venv/bin/python bench/fanout.py [--rounds N] [--only NAME,...] [--followers N]. 1,000
follow a public channel live; 20 posts leave 20 ms apart. Ours are judged by moderation before anybody sees them: the
process that reads them has its own column, and its time is part of `all_*`, not of the CPU a delivery. Peers: a room
of XMPP (prosody seats 300, not 1,000, in a bearable time) or of Matrix (Synapse 100), a topic of MQTT and of NATS.
Then, ours alone, 40 messages one after the other to a group of 256, whose payload is stored once, and messages between
pairs for comparison (G13).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import brokers as loads
from bench.adapters import matrix, xmpp, zajil
from bench.generate import MS, PATIENCE_S, Link, Marked, connect, make_stamp
from bench.measure import Meter, percentile
from bench.moderation_texts import make_made
from bench.peers import brokers, ejabberd, prosody, synapse
from bench.peers import zajil as servers
from bench.peers.starting import Server
from bench.provision import Template, template
from bench.rounds import Entry, Turn, WrongResultError
from tests.channels.world import Clock, World
from tests.server.wire import Http

from bench import measure, relay, rounds
from zajil.protocol.public.routes import EVENTS
from zajil.server.app import Server as App

FOLLOWERS: Final = 1000
SEATS_PROSODY: Final = 300
SEATS_SYNAPSE: Final = 100
POSTS: Final = 20
PAUSE_S: Final = 0.02
CROWD: Final = 256
CROWD_MESSAGES: Final = 40
AT_ONCE: Final = 20
PUBLIC: Final = "public_space = true\n[moderation]\nenabled = true"


class Sink:
    """What all followers see. By the time in a post: how many have it, and nanoseconds until each and the last did."""

    def __init__(self, followers: int) -> None:
        self._followers = followers
        self._came: dict[int, int] = {}
        self.took: list[int] = []
        self.all_took: list[int] = []
        self._changed = asyncio.Event()

    def arrived(self, stamped: int) -> None:
        """One follower has one post."""
        now = time.perf_counter_ns()
        self.took.append(now - stamped)
        self._came[stamped] = count = self._came.get(stamped, 0) + 1
        if count == self._followers:
            self.all_took.append(now - stamped)
            self._changed.set()

    async def until(self, posts: int) -> None:
        """So many posts have reached everybody. Raises WrongResultError."""
        try:
            async with asyncio.timeout(PATIENCE_S * 3):
                while len(self.all_took) < posts:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise WrongResultError(f"{len(self.all_took)} of {posts} posts reached everybody") from None


class Audience(Protocol):
    """Followers of one channel, and who posts there."""

    async def open(self, followers: int, arrived: Callable[[int], None]) -> None:
        """Make both; all followers are there."""

    async def post(self, stamp: bytes) -> None:
        """Send a post with this stamp."""

    async def close(self) -> None:
        """End all connections."""


async def share(make: Callable[[int], Awaitable[Link]], count: int) -> list[Link]:
    """So many connections, a few at a time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Link:
        async with slots:
            return await make(number)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


class ZajilAudience:
    """Streams of events of a public channel, read by nobody in particular."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._links: list[Link] = []
        self._client: aiohttp.ClientSession | None = None
        self._texts = iter(make_made(POSTS * 4))

    async def open(self, followers: int, arrived: Callable[[int], None]) -> None:
        """See Audience."""
        self._client = aiohttp.ClientSession()
        http = Http(f"http://127.0.0.1:{self._port}", self._client)
        self._world = World(cast(App, None), http, Clock())  # its calls alone are used, which go over HTTP
        self._author = await self._world.author()
        self._channel = await self._world.channel(self._author)
        ask = f"GET {EVENTS.url()}?channel={self._channel} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode()

        async def follow(_: int) -> Link:
            link = await connect(lambda: Marked(arrived), self._port)
            link.write(ask)
            if not (await link.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200"):
                raise WrongResultError("no stream of events")
            await link.until(b"retry: 3000")
            link.go_live()
            return link

        self._links = await share(follow, followers)

    async def post(self, stamp: bytes) -> None:
        """See Audience."""
        await self._world.post(self._author, self._channel, f"{next(self._texts)} {stamp.decode()}")

    async def close(self) -> None:
        """See Audience."""
        for link in self._links:
            link.close()
        if self._client is not None:
            await self._client.close()


class XmppAudience:
    """Members of a room that shows nobody's presence."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[xmpp.Client] = []
        self._make = xmpp.make_message("room@conf.localhost", "groupchat")

    async def open(self, followers: int, arrived: Callable[[int], None]) -> None:
        """See Audience."""
        owner = await xmpp.open_client(self._port, "m0", arrived)
        await owner.join("room@conf.localhost", "m0")
        await owner.unlock("room@conf.localhost")

        async def follow(number: int) -> Link:
            client = await xmpp.open_client(self._port, f"m{number + 1}", arrived)
            await client.join("room@conf.localhost", f"m{number + 1}")
            self._clients.append(client)
            return client

        await share(follow, followers - 1)
        self._clients.insert(0, owner)
        for client in self._clients:
            client.go_live()

    async def post(self, stamp: bytes) -> None:
        """See Audience."""
        self._clients[0].write(self._make(stamp))

    async def close(self) -> None:
        """See Audience."""
        for client in self._clients:
            client.close()


class TopicAudience:
    """Connections that asked for one topic."""

    def __init__(self, pairs: loads.Pairs, make: Callable[[str], Callable[[bytes], bytes]]) -> None:
        self._pairs, self._make = pairs, make("channel")
        self._sender: Link | None = None

    async def open(self, followers: int, arrived: Callable[[int], None]) -> None:
        """See Audience."""

        async def follow(number: int) -> Link:
            link = await self._pairs.open_one(f"f{number}", arrived)
            await link.subscribe("channel")
            link.go_live()
            return link

        await share(follow, followers)
        self._sender = await self._pairs.open_one("sender")
        self._sender.go_live()

    async def post(self, stamp: bytes) -> None:
        """See Audience."""
        if self._sender is not None:
            self._sender.write(self._make(stamp))

    async def close(self) -> None:
        """See Audience."""
        self._pairs.close()


async def play_channel(turn: Turn, audience: Audience, pid: int, followers: int) -> None:
    """Twenty posts to all followers; the first, before the clock starts, warms the server."""
    sink = Sink(followers)
    await audience.open(followers, sink.arrived)
    await audience.post(make_stamp())
    await sink.until(1)
    sink.took.clear()
    sink.all_took.clear()
    apart, meter, posting = measure.find_tree(pid)[1:], Meter([pid]), []
    apart_before = measure.read_cpu(apart).ns
    meter.start()
    for _ in range(POSTS):
        posting.append(asyncio.ensure_future(audience.post(make_stamp())))
        await asyncio.sleep(PAUSE_S)
    await asyncio.gather(*posting)
    await sink.until(POSTS)
    window, apart_s = meter.stop(), (measure.read_cpu(apart).ns - apart_before) / 1e9
    turn.take(window)
    deliveries = followers * POSTS
    turn.expect("delivered", len(sink.took), deliveries)
    turn.metrics |= {
        "cpu_us_per_delivery": (window.subject_s - apart_s) * 1e6 / deliveries,
        "all_p50_ms": percentile(sink.all_took, 0.5) / MS,
        "all_max_ms": max(sink.all_took) / MS,
        "deliver_p99_ms": percentile(sink.took, 0.99) / MS,
        "followers": followers,
    }
    if apart_s:
        turn.metrics["classifier_cpu_ms_per_post"] = apart_s * 1e3 / POSTS
    await audience.close()


async def play_crowd(
    turn: Turn, port: int, pid: int, made: Template, *, emptied: Callable[[], Awaitable[None]]
) -> None:
    """Messages to a group of 256, each once the last has reached everybody. emptied: see `relay.play`."""
    group, tokens = made.crowds[0]
    sink, accepted = Sink(len(tokens)), asyncio.Event()
    receivers = [await zajil.open_receiver(port, token, sink.arrived) for token in tokens]
    sender = await zajil.open_session(lambda: zajil.Sending(accepted.set), port)
    envelope, meter, took = zajil.Envelope(group), Meter([pid]), []
    meter.start()
    for number in range(CROWD_MESSAGES):
        accepted.clear()
        began = time.perf_counter_ns()
        sender.put(envelope.make(make_stamp()))
        await accepted.wait()
        took.append(time.perf_counter_ns() - began)
        await sink.until(number + 1)
    window, rows = meter.stop(), CROWD_MESSAGES * len(tokens)
    turn.take(window)
    turn.expect("rows_delivered", sum(each.messages for each in receivers), rows)
    turn.metrics["group_cpu_us_per_row"] = window.cpu_us(rows)
    turn.metrics["group_accept_p99_ms"] = percentile(took, 0.99) / MS
    turn.metrics["group_all_p50_ms"] = percentile(sink.all_took, 0.5) / MS
    await emptied()
    for session in (*receivers, sender):
        session.close()


class MatrixAudience:
    """Members of a room, each of whom polls."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._links: list[Link] = []
        self._sender: matrix.Sender | None = None

    async def open(self, followers: int, arrived: Callable[[int], None]) -> None:
        """See Audience."""
        async with aiohttp.ClientSession() as client:
            maker = matrix.Maker(self._port, client)
            owner = await maker.register("owner")
            room = await maker.make_room(owner)

            async def follow(number: int) -> Link:
                token = await maker.register(f"m{number}")
                await maker.join(token, room)
                return await matrix.open_receiver(self._port, token, arrived)

            self._links = await share(follow, followers)
        self._sender = await matrix.open_sender(self._port, owner, room)

    async def post(self, stamp: bytes) -> None:
        """See Audience."""
        if self._sender is not None:
            self._sender.send(stamp)

    async def close(self) -> None:
        """See Audience."""
        for link in (*self._links, *([self._sender] if self._sender else [])):
            link.close()


class Room(NamedTuple):
    """A peer, what follows a channel there, and how many."""

    server: Server
    audience: Callable[[int], Audience]
    followers: int


def play_peer(room: Room) -> Turn:
    """One turn of a peer."""
    turn = Turn()
    with room.server.run() as running:
        relay.run_load(lambda: play_channel(turn, room.audience(running.port), running.pid, room.followers))
    return turn


def play_zajil(server: servers.Zajil, made: Template, followers: int) -> Turn:
    """One turn of ours: the channel, the group, and the pairs."""
    turn, alone = Turn(), Turn()
    with server.with_settings(PUBLIC).run() as running:
        relay.run_load(lambda: play_channel(turn, ZajilAudience(running.port), running.pid, followers))
    with server.run(made.folder) as running:
        emptied = servers.emptied(running.folder, turn)

        async def whole() -> None:
            await play_crowd(turn, running.port, running.pid, made, emptied=emptied)
            await relay.play_saturated(alone, zajil.Pairs(running.port, made.pairs), running.pid, emptied=emptied)

        relay.run_load(whole)
    turn.metrics["sat_cpu_us"] = alone.metrics["sat_cpu_us"]
    turn.flags += [flag for flag in alone.flags if flag == "noisy" and flag not in turn.flags]
    return turn


def make_entries(made: Template, followers: int) -> list[Entry]:
    """Every subject."""
    rooms: Sequence[Room] = (
        *(Room(each, XmppAudience, followers) for each in ejabberd.VARIANTS),
        Room(prosody.Prosody(), XmppAudience, min(SEATS_PROSODY, followers)),
        Room(synapse.Synapse(), MatrixAudience, min(SEATS_SYNAPSE, followers)),
        Room(brokers.Mosquitto(), lambda p: TopicAudience(loads.open_mqtt(p), loads.make_mqtt_message), followers),
        Room(brokers.Nats(), lambda p: TopicAudience(loads.open_nats(p), loads.make_nats_message), followers),
    )
    ours = [Entry(s.name, s.describe, partial(play_zajil, s, made, followers)) for s in servers.VARIANTS]
    return ours + [Entry(each.server.name, each.server.describe, partial(play_peer, each)) for each in rooms]


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--followers", type=int, default=FOLLOWERS)
    options = parser.parse_args()
    params = {"followers": options.followers, "posts": POSTS, "pause_ms": PAUSE_S * 1000, "group": CROWD}
    with template(pairs=relay.PAIRS, crowds=[CROWD]) as made:
        rounds.run("fanout", make_entries(made, options.followers), params=params, options=options)


if __name__ == "__main__":
    main()
