"""A storm of clients that come back: what a login costs, and how long until all are there again after a restart.

Run: `make bench B=reconnect`, or .venv/bin/python bench/reconnect.py [--rounds N] [--only NAME,...] [--clients N].
3,000 known clients come, 50 at a time, each with five messages that wait: it connects, says HELLO with a token that
still holds, takes them and acknowledges. Then, ours alone, the server restarts and all come at once; who is refused
asks again when told to. XMPP's five messages wait offline, and its login is of an account that exists.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import xmpp, zajil
from bench.generate import MS, Link, make_stamp
from bench.measure import Meter, percentile
from bench.peers import ejabberd
from bench.peers import zajil as servers
from bench.peers.starting import Server, find_free_port
from bench.provision import Pair, Template, template
from bench.rounds import Entry, Turn, WrongResultError

from bench import relay, rounds

CLIENTS: Final = 3000
AT_ONCE: Final = 50
WAITING: Final = 5
FILLING: Final = 20
"""Senders, or of XMPP accounts that are written to, at the same time while nothing is measured."""
ATTEMPTS: Final = 200
RETRY_S: Final = 0.5
Come = Callable[[int], Awaitable[Link]]


async def come_all(come: Come, count: int, *, at_once: int) -> tuple[list[Link], list[int]]:
    """All clients, and nanoseconds from each one's first try to its being ready."""
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> tuple[Link, int]:
        async with slots:
            began = time.perf_counter_ns()
            return await come(number), time.perf_counter_ns() - began

    found = await asyncio.gather(*(one(number) for number in range(count)))
    return [link for link, _ in found], [took for _, took in found]


async def measure_logins(turn: Turn, come: Come, pid: int, count: int) -> list[Link]:
    """Clients come, some at a time; each has taken what waited when it is ready."""
    meter = Meter([pid])
    meter.start()
    links, took = await come_all(come, count, at_once=AT_ONCE)
    window = meter.stop()
    turn.take(window)
    turn.expect("ready", len(took), count)
    turn.metrics |= {
        "login_cpu_us": window.cpu_us(count),
        "ready_p50_ms": percentile(took, 0.5) / MS,
        "ready_p99_ms": percentile(took, 0.99) / MS,
    }
    return links


def play_zajil(server: servers.Zajil, made: Template, count: int) -> Turn:
    """One turn of ours: what waits, the logins, the restart."""
    turn, port = Turn(), find_free_port()
    tokens = [made.pairs[number // 2][number % 2] for number in range(count)]
    refused = 0

    async def come(number: int) -> Link:
        nonlocal refused
        for _ in range(ATTEMPTS):
            try:
                return await zajil.open_receiver(port, str(tokens[number]))
            except (OSError, WrongResultError):
                refused += 1
                await asyncio.sleep(RETRY_S * (1 + random.random()))
        raise WrongResultError(f"a client was refused {ATTEMPTS} times")

    async def fill() -> None:
        slots = asyncio.Semaphore(FILLING)

        async def one(pair: Pair) -> None:
            async with slots:
                answered = asyncio.Semaphore(0)
                session = await zajil.open_session(partial(zajil.Sending, answered.release), port)
                envelope = zajil.Envelope(pair.group)
                for _ in range(WAITING):
                    session.put(envelope.make(make_stamp()))
                for _ in range(WAITING):
                    await answered.acquire()
                session.close()

        await asyncio.gather(*(one(pair) for pair in made.pairs[: count // 2]))

    async def logins() -> None:
        links = await measure_logins(turn, come, running.pid, count)
        got = sum(link.drained_messages for link in links if isinstance(link, zajil.Receiving))
        turn.expect("drained", got, count * WAITING)
        await emptied()
        for link in links:
            link.close()

    async def storm() -> None:
        began = time.perf_counter()
        links, _ = await come_all(come, count, at_once=count)
        turn.metrics["all_ready_s"] = time.perf_counter() - began
        for link in links:
            link.close()

    with server.copy(made.folder) as data:
        with server.run_in(data, port=port) as running:
            emptied = servers.emptied(data, turn)
            relay.run_load(fill)
            relay.run_load(logins)
        refused = 0
        with server.run_in(data, port=port) as running:
            relay.run_load(storm)
        turn.metrics["refused"] = refused
    return turn


def play_xmpp(server: Server, count: int) -> Turn:
    """One turn of a peer: accounts, what waits offline, the logins."""
    turn = Turn()
    with server.run() as running:

        async def come(number: int) -> Link:
            done, left = asyncio.get_running_loop().create_future(), WAITING

            def arrived(_: int) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    done.set_result(None)

            client = await xmpp.open_client(running.port, f"b{number}", arrived, new=False)
            client.go_live()
            client.write(b"<presence/>")
            async with asyncio.timeout(60):
                await done
            return client

        async def whole() -> None:
            names = [f"b{number}" for number in range(count)]
            await xmpp.make_accounts(running.port, names)
            sender = await xmpp.open_client(running.port, "sender")
            for start in range(0, count, FILLING):
                makes = [xmpp.make_message(f"{name}@localhost") for name in names[start : start + FILLING]]
                sender.write(b"".join(make(make_stamp()) for make in makes for _ in range(WAITING)))
                await sender.ask("get", xmpp.FEATURES, to="localhost")
            for link in await measure_logins(turn, come, running.pid, count):
                link.close()
            sender.close()

        relay.run_load(whole)
    return turn


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    options = parser.parse_args()
    count = options.clients - options.clients % 2
    with template(pairs=count // 2) as made:
        entries = [Entry(s.name, s.describe, partial(play_zajil, s, made, count)) for s in servers.VARIANTS]
        entries += [Entry(s.name, s.describe, partial(play_xmpp, s, count)) for s in ejabberd.VARIANTS]
        params = {"clients": count, "at_once": AT_ONCE, "waiting": WAITING}
        rounds.run("reconnect", entries, params=params, options=options)


if __name__ == "__main__":
    main()
