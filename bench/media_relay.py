"""What the media rooms of calls cost: two who talk, and four with pictures, over WebSockets.

Run: `make bench B=media_relay`, or .venv/bin/python bench/media_relay.py [--rounds N] [--only NAME,...] [--seconds N].
Ten rooms of two with 50 frames of sound a second from each, then three rooms of four with 88 frames of 350 bytes a
second from each. `core_pct` is of one room, without what the server takes at rest; `added_p99_ms` is from sending to
having, with the load's own delay in it; `lost_pct` is what rooms dropped, as they may where somebody is behind.
`media_room` counts the same for calls of two with their reports.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.generate import MARK, MS, STAMP_BYTES, make_stamp
from bench.measure import Meter, percentile
from bench.media_room import enter
from bench.peers import zajil as servers
from bench.peers.starting import Running
from bench.rounds import Entry, Turn, WrongResultError
from tests.calls.frames import frame

from bench import relay, rounds
from zajil.calls.tickets import make_ticket
from zajil.engine.keys import FILE_NAME, Keys
from zajil.protocol.calls.media import ROOM_BYTES

SECONDS: Final = 5.0
REST_S: Final = 1.0


class Shape(NamedTuple):
    """Rooms of one kind. size: bytes of a frame's ciphertext."""

    name: str
    rooms: int
    parties: int
    rate_per_s: int
    size: int


SHAPES: Final = (Shape("pair", 10, 2, 50, 136), Shape("four", 3, 4, 88, 350))


async def speak(socket: aiohttp.ClientWebSocketResponse, leaf: int, shape: Shape, *, until: float) -> int:
    """Send in time; how many went."""
    loop = asyncio.get_running_loop()
    began, seq = loop.time(), 0
    while loop.time() < until:
        data = frame(leaf, seq, size=shape.size)
        await socket.send_bytes(data[:-STAMP_BYTES] + make_stamp())
        seq += 1
        await asyncio.sleep(max(0.0, began + seq / shape.rate_per_s - loop.time()))
    return seq


async def listen(socket: aiohttp.ClientWebSocketResponse, took: list[int]) -> None:
    """Note nanoseconds of every frame until the connection is closed."""
    async for message in socket:
        if isinstance(message.data, bytes) and (at := message.data.find(MARK)) >= 0:
            sent_ns = int(message.data[at + 2 : at + STAMP_BYTES])
            took.append(time.perf_counter_ns() - sent_ns)


async def play(turn: Turn, running: Running, shape: Shape, seconds: float) -> None:
    """Fill the rooms, rest, talk."""
    key, url = Keys.load(running.folder / FILE_NAME).calls_key("ticket"), f"http://127.0.0.1:{running.port}"
    loop, took, meter = asyncio.get_running_loop(), list[int](), Meter([running.pid])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        sockets = []
        for _ in range(shape.rooms):
            room = os.urandom(ROOM_BYTES)
            for _ in range(shape.parties):
                ticket = make_ticket(key, room, now_s=time.time(), random=os.urandom)
                sockets.append(await enter(client, url, ticket))
        hearing = [asyncio.create_task(listen(socket, took)) for socket in sockets]
        meter.start()
        await asyncio.sleep(REST_S)
        rest = meter.stop().subject_cores
        meter.start()
        until = loop.time() + seconds
        sent = sum(
            await asyncio.gather(
                *(speak(socket, number % shape.parties, shape, until=until) for number, socket in enumerate(sockets))
            )
        )
        window = meter.stop()
        for socket in sockets:
            await socket.close()
        await asyncio.gather(*hearing)
    turn.take(window)
    due = sent * (shape.parties - 1)
    turn.checks[f"{shape.name}_sent"], turn.checks[f"{shape.name}_received"] = sent, len(took)
    if not took or len(took) > due:
        raise WrongResultError(f"{len(took)} frames came of {due}")
    busy = max(0.0, window.subject_cores - rest)
    turn.metrics |= {
        f"{shape.name}_core_pct": 100 * busy / shape.rooms,
        f"{shape.name}_cpu_us_per_packet_out": busy * window.wall_s * 1e6 / len(took),
        f"{shape.name}_added_p99_ms": percentile(took, 0.99) / MS,
        f"{shape.name}_lost_pct": 100 * (due - len(took)) / due,
    }


def play_zajil(server: servers.Zajil, seconds: float) -> Turn:
    """One turn: both shapes on one server."""
    turn = Turn()
    with server.run() as running:
        for shape in SHAPES:
            relay.run_load(partial(play, turn, running, shape, seconds))
    turn.metrics["cpu_us_per_packet_out"] = turn.metrics["four_cpu_us_per_packet_out"]
    return turn


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    entries = [Entry(s.name, s.describe, partial(play_zajil, s, options.seconds)) for s in servers.VARIANTS]
    params = {shape.name: f"{shape.rooms} rooms, {shape.rate_per_s}/s, {shape.size} B" for shape in SHAPES}
    rounds.run("media_relay", entries, params=params | {"seconds": options.seconds}, options=options)


if __name__ == "__main__":
    main()
