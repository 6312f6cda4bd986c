"""Growth of what the server does: its CPU, and that of what it started, for more messages, receivers and connections.

Each window ends when all that was sent has arrived, been answered and been acknowledged, and the mailboxes are empty.
A drain of 2,000 messages takes some 50 ms, less than what a neighbour's work changes from one window to the next: it is
the least of three, each of which goes through all sizes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Final

import aiohttp
from bench.adapters import zajil
from bench.attachments import fetch, upload
from bench.fanout import PUBLIC, Sink, ZajilAudience
from bench.generate import Link, Load, make_stamp
from bench.growing.family import Costs, Family, Row
from bench.idle_memory import WARM, open_all
from bench.measure import Meter, find_tree, read_cpu, read_memory
from bench.offline import ZajilParty
from bench.peers.starting import Running
from bench.peers.zajil import Zajil, emptied
from bench.provision import Template, template
from bench.rounds import Turn

from bench import relay
from zajil.protocol.attachments import padme

PAIRS: Final = 20
QUIET_S: Final = 6.0
CROWD_MESSAGES: Final = 10
DRAINS: Final = 3
POSTS: Final = 5
MIB: Final = 1 << 20
SERVER: Final = Zajil("zajil")
_CROWDED: Final = f"public_waiting_max = 10000\n{PUBLIC}"
# A mailbox holds 10,000.
RELAYED = Row("messages relayed", "l", 5000, "pairs, each sends again when its last message arrived")
DRAINED = Row("mailbox drained", "l", 2000, "messages that wait in one mailbox, fetched and acknowledged")
LEAVES = Row("leaves of a group", "l", 64, "mailboxes that a message to a group goes to")
HELD = Row("connections held", "l", 1000, "silent connections, memory", "kib")
SWEPT = Row("connections swept", "l", 1000, f"the same, CPU of {QUIET_S:g} s")
FOLLOWERS = Row("followers of a channel", "l", 500, "who gets each post live")
UP = Row("file up", "l", 16, "MiB in pieces of 1 MiB")
DOWN = Row("file down", "l", 16, "MiB in ranges of 1 MiB")
FILE_PEAK = Row("file peak memory", "c", 16, "MiB up and down, highest resident memory of the server", "kib")
ROWS: Final = (RELAYED, DRAINED, LEAVES, HELD, SWEPT, FOLLOWERS, UP, DOWN, FILE_PEAK)


class Counted(Load):
    """A load that ends by itself after so many messages, at least one of each pair."""

    def __init__(self, pairs: int, limit: int) -> None:
        super().__init__(pairs)
        self._limit = limit

    def post(self, pair: int) -> None:
        """See Load."""
        super().post(pair)
        if self.sent >= self._limit:
            self.halt()


class Spent:
    """CPU of a server over a stretch of time; None of the load's."""

    def __init__(self, running: Running) -> None:
        self._meter = Meter([running.pid])
        self._meter.start()

    def ms(self) -> float:
        """Milliseconds since it began."""
        return self._meter.stop().subject_s * 1000


def play_messages(turn: Turn, made: Template, scale: float) -> Costs:
    """Messages between pairs, into one mailbox, and to groups."""
    costs: Costs = {row.name: [] for row in (RELAYED, DRAINED, LEAVES)}
    with SERVER.run(made.folder) as running:
        settle = emptied(running.folder, turn)

        async def whole() -> None:
            sizes = RELAYED.sizes(scale)
            await relay_messages(turn, running, made, sizes[0], settle)
            costs[RELAYED.name] = [await relay_messages(turn, running, made, n, settle) for n in sizes]
            await drain(turn, running, made, DRAINED.sizes(scale)[0], settle)
            runs = [[await drain(turn, running, made, n, settle) for n in DRAINED.sizes(scale)] for _ in range(DRAINS)]
            costs[DRAINED.name] = [min(costs) for costs in zip(*runs, strict=True)]
            for place in range(len(made.crowds)):
                costs[LEAVES.name].append(await send_to_crowd(turn, running, made, place, settle))

        relay.run_load(whole)
    return costs


async def relay_messages(
    turn: Turn, running: Running, made: Template, n: int, settle: Callable[[], Awaitable[None]]
) -> float:
    """CPU of so many messages between pairs, ms."""
    pairs = zajil.Pairs(running.port, made.pairs)
    load = Counted(len(made.pairs), n)
    await pairs.open(load, len(made.pairs))
    spent = Spent(running)
    load.begin()
    await load.drain()
    await pairs.settle(load.sent)
    await settle()
    took = spent.ms()
    turn.expect("relayed", load.received, max(n, len(made.pairs)))
    pairs.close()
    return took


async def drain(turn: Turn, running: Running, made: Template, n: int, settle: Callable[[], Awaitable[None]]) -> float:
    """CPU of fetching so many messages that wait in one mailbox, ms."""
    load, party = Load(1), ZajilParty(running.port, made.pairs[:1])
    await party.open(load)
    await party.store(n)
    await party.close()
    spent = Spent(running)
    await party.fetch(0, n)
    await settle()
    took = spent.ms()
    turn.expect("drained", load.received, n)
    party.hang_up()
    return took


async def send_to_crowd(
    turn: Turn, running: Running, made: Template, place: int, settle: Callable[[], Awaitable[None]]
) -> float:
    """CPU of one message to a group, ms; the first, before the clock starts, is not in it."""
    group, tokens = made.crowds[place]
    sink, accepted = Sink(len(tokens)), asyncio.Event()
    receivers = [await zajil.open_receiver(running.port, token, sink.arrived) for token in tokens]
    sender = await zajil.open_session(lambda: zajil.Sending(accepted.set), running.port)
    envelope, spent = zajil.Envelope(group), Spent(running)
    for number in range(CROWD_MESSAGES + 1):
        accepted.clear()
        sender.put(envelope.make(make_stamp()))
        await accepted.wait()
        await sink.until(number + 1)
        if number == 0:
            await settle()
            spent = Spent(running)
    await settle()
    took = spent.ms() / CROWD_MESSAGES
    turn.expect("to_group", len(sink.took), (CROWD_MESSAGES + 1) * len(tokens))
    for session in (*receivers, sender):
        session.close()
    return took


def play_connections(turn: Turn, made: Template, scale: float) -> Costs:
    """Connections that are there and silent: memory beyond that of the first 20, and CPU while nothing happens."""
    held: list[float] = []
    swept: list[float] = []
    with SERVER.run(made.folder) as running:

        async def one(number: int) -> Link:
            return await zajil.open_receiver(running.port, made.devices[number])

        async def whole() -> None:
            links = await open_all(one, range(WARM))
            await asyncio.sleep(1)
            base = read_memory([running.pid]).uss_kib
            for size in HELD.sizes(scale):
                links += await open_all(one, range(len(links), WARM + size))
                await asyncio.sleep(1)
                held.append(read_memory([running.pid]).uss_kib - base)
                spent = Spent(running)
                await asyncio.sleep(QUIET_S)
                swept.append(spent.ms())
            turn.expect("lost", sum(link.lost.done() for link in links), 0)
            for link in links:
                link.close()

        relay.run_load(whole)
    return {HELD.name: held, SWEPT.name: swept}


def play_followers(turn: Turn, scale: float) -> Costs:
    """One post to everybody who follows; the process that reads it for moderation is not in it."""
    costs: list[float] = []
    for size in FOLLOWERS.sizes(scale):
        with SERVER.with_settings(_CROWDED).run() as running:

            async def whole(size: int = size, running: Running = running) -> None:
                costs.append(await post(turn, running, size))

            relay.run_load(whole)
    return {FOLLOWERS.name: costs}


async def post(turn: Turn, running: Running, followers: int) -> float:
    """CPU of one post to so many, ms; the first, before the clock starts, is not in it."""
    audience, sink = ZajilAudience(running.port), Sink(followers)
    await audience.open(followers, sink.arrived)
    await audience.post(make_stamp())
    await sink.until(1)
    apart = find_tree(running.pid)[1:]
    before, spent = read_cpu(apart).ns, Spent(running)
    for number in range(POSTS):
        await audience.post(make_stamp())
        await sink.until(number + 2)
    took = spent.ms() - (read_cpu(apart).ns - before) / 1e6
    turn.expect("followed", len(sink.took), followers * (POSTS + 1))
    await audience.close()
    return took / POSTS


def play_files(turn: Turn, scale: float) -> Costs:
    """A file up and down, on a new server for each size, for the sake of its highest memory."""
    costs: Costs = {row.name: [] for row in (UP, DOWN, FILE_PEAK)}
    for size in UP.sizes(scale):
        body = os.urandom(padme(size * MIB))
        with SERVER.run() as running:

            async def whole(body: bytes = body, running: Running = running) -> None:
                spent = Spent(running)
                url = await upload(Turn(), running.port, running.pid, body)
                costs[UP.name].append(spent.ms())
                async with aiohttp.ClientSession() as client:
                    spent = Spent(running)
                    await fetch(client, url, len(body))
                    costs[DOWN.name].append(spent.ms())
                costs[FILE_PEAK.name].append(read_memory([running.pid]).peak_kib)

            relay.run_load(whole)
    turn.checks["files"] = len(costs[UP.name])
    return costs


def families(stack: ExitStack, chosen: Callable[[Sequence[Row]], bool], scale: float) -> list[Family]:
    """Those of which a row is wanted; what they begin with is made now and lives as long as the stack."""
    found: list[Family] = []
    messages, silent, files = (RELAYED, DRAINED, LEAVES), (HELD, SWEPT), (UP, DOWN, FILE_PEAK)
    if chosen(messages):
        pairs = max(2, round(PAIRS * scale))
        made = stack.enter_context(template(pairs=pairs, crowds=LEAVES.sizes(scale)))
        found.append(Family(messages, lambda turn, scale: play_messages(turn, made, scale), scale))
    if chosen(silent):
        there = stack.enter_context(template(devices=WARM + HELD.sizes(scale)[-1]))
        found.append(Family(silent, lambda turn, scale: play_connections(turn, there, scale), scale))
    if chosen((FOLLOWERS,)):
        found.append(Family((FOLLOWERS,), play_followers, scale))
    if chosen(files):
        found.append(Family(files, play_files, scale))
    return found
