"""What a connection costs that is there and silent: memory of the server, of the edge before it, of the kernel.

Run: `make bench B=idle_memory`, or .venv/bin/python bench/idle_memory.py [--rounds N] [--only NAME,...]
[--connections N] [--tls N]. Memory is what no other process shares (USS), after minus before, divided by the number of
connections, after 20 connections have warmed the process. Of the kernel's memory half is the load's own end. `edge` is
nginx, which ends TLS before Zajil, with connections of its own number (--tls); Zajil itself ends no TLS.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import brokers as loads
from bench.adapters import xmpp, zajil
from bench.generate import Link
from bench.peers import brokers, ejabberd, nginx, prosody
from bench.peers import zajil as servers
from bench.peers.starting import Server
from bench.provision import Template, template
from bench.rounds import Entry, MissingError, Turn

from bench import measure, relay, rounds

CONNECTIONS: Final = 3000
TLS_CONNECTIONS: Final = 500
WARM: Final = 20
AT_ONCE: Final = 20
QUIET_S: Final = 1.0
KIB: Final = 1024
Open = Callable[[int], Awaitable[Link]]


async def open_all(make: Open, numbers: Sequence[int]) -> list[Link]:
    """So many connections, a few at a time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Link:
        async with slots:
            return await make(number)

    return list(await asyncio.gather(*(one(number) for number in numbers)))


async def hold(turn: Turn, make: Open, *, count: int, app: int, edge: int | None = None, prefix: str = "") -> None:
    """Open them, and keep what they cost. app, edge: roots of the processes; prefix: of the metrics' names."""
    links = await open_all(make, range(WARM))
    await asyncio.sleep(QUIET_S)
    before, kernel = measure.read_memory([app]).uss_kib, measure.read_kernel_bytes()
    before_edge = measure.read_memory([edge]).uss_kib if edge else 0
    links += await open_all(make, range(WARM, WARM + count))
    await asyncio.sleep(QUIET_S)
    after, kernel_after = measure.read_memory([app]).uss_kib, measure.read_kernel_bytes()
    turn.metrics[f"{prefix}app_kib"] = (after - before) / count
    turn.metrics[f"{prefix}kernel_kib"] = max(0, kernel_after - kernel) / 2 / KIB / count
    turn.metrics[f"{prefix}base_mib"] = before / KIB
    if edge:
        turn.metrics[f"{prefix}edge_kib"] = (measure.read_memory([edge]).uss_kib - before_edge) / count
    turn.expect(f"{prefix}lost", sum(link.lost.done() for link in links), 0)
    for link in links:
        link.close()


def play_peer(server: Server, make: Callable[[int], Open], count: int) -> Turn:
    """One turn of a peer. make: from a port to what opens a connection there."""
    turn = Turn()
    with server.run() as running:
        relay.run_load(lambda: hold(turn, make(running.port), count=count, app=running.pid))
    return turn


def play_zajil(server: servers.Zajil, made: Template, count: int, tls: int) -> Turn:
    """One turn of ours: plain, then behind nginx where it is installed."""
    turn = Turn()
    tokens = made.devices

    async def plain(number: int) -> Link:
        return await zajil.open_receiver(running.port, tokens[number])

    with server.run(made.folder) as running:
        relay.run_load(lambda: hold(turn, plain, count=count, app=running.pid))
    if not tls:
        return turn
    with server.run(made.folder) as running, ExitStack() as stack:
        try:
            edge = stack.enter_context(nginx.Nginx().run_edge(running.port))
        except MissingError as missing:
            print(f"no edge: {missing}")
            return turn
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE

        async def sealed(number: int) -> Link:
            return await zajil.open_receiver(edge.port, tokens[number], tls=trust)

        relay.run_load(lambda: hold(turn, sealed, count=tls, app=running.pid, edge=edge.pid, prefix="tls_edge_"))
    return turn


def open_xmpp(port: int) -> Open:
    """A new account that is present."""

    async def one(number: int) -> Link:
        client = await xmpp.open_client(port, f"a{number}")
        client.go_live()
        return client

    return one


def open_broker(pairs: Callable[[int], loads.Pairs]) -> Callable[[int], Open]:
    """A connection that asked for a topic."""

    def at(port: int) -> Open:
        async def one(number: int) -> Link:
            link = await pairs(port).open_one(f"a{number}")
            await link.subscribe(f"p{number}")
            link.go_live()
            return link

        return one

    return at


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--tls", type=int, default=TLS_CONNECTIONS)
    options = parser.parse_args()
    count, tls = options.connections, options.tls
    with template(devices=WARM + max(count, tls)) as made:
        entries = [Entry(s.name, s.describe, partial(play_zajil, s, made, count, tls)) for s in servers.VARIANTS]
        peers: list[tuple[Server, Callable[[int], Open]]] = [(each, open_xmpp) for each in ejabberd.VARIANTS[:1]]
        peers += [
            (prosody.Prosody(), open_xmpp),
            (brokers.Mosquitto(), open_broker(loads.open_mqtt)),
            (brokers.Nats(), open_broker(loads.open_nats)),
        ]
        entries += [Entry(s.name, s.describe, partial(play_peer, s, make, count)) for s, make in peers]
        rounds.run("idle_memory", entries, params={"connections": count, "tls_connections": tls}, options=options)


if __name__ == "__main__":
    main()
