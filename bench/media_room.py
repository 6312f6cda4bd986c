"""What media rooms cost: the processor of a real server that carries calls of two by voice, on this machine.

Run: `make bench B=media_room`, or .venv/bin/python bench/media_room.py [--calls N] [--seconds N]. Each of two people
has one WebSocket and sends what a call sends: 25 frames of sound of 144 bytes a second and a report, passed on to
the other. The load runs in this process, the server in its own; `core_percent_a_call` is the server's, without what it
takes at rest. Figures are of this run; none passes or fails. The aim is 1 % of a core a call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from tests.calls.frames import frame
from tests.client.serving import serve

from zajil.calls.tickets import make_ticket
from zajil.engine.keys import FILE_NAME, Keys
from zajil.protocol.calls.media import CONTROL, PREAMBLE, ROOM_BYTES
from zajil.protocol.frames import Role

FRAME_S = 0.04
SOUND_BYTES = 120 + 16
REPORT_BYTES = 20 + 16


def spent_s(pid: int) -> float:
    """Seconds of processor of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def enter(client: aiohttp.ClientSession, url: str, ticket: bytes) -> aiohttp.ClientWebSocketResponse:
    """A connection to the room of a ticket."""
    socket = await client.ws_connect(url + Role.S.path, max_msg_size=0)
    await socket.send_bytes(PREAMBLE + ticket)
    await socket.receive_bytes()
    return socket


async def speak(socket: aiohttp.ClientWebSocketResponse, leaf: int, *, until: float) -> None:
    """What one person sends, in time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    seq = 0
    while loop.time() < until:
        await socket.send_bytes(frame(leaf, seq, size=SOUND_BYTES))
        if seq % 25 == 0:
            await socket.send_bytes(frame(leaf, seq, kind=CONTROL, size=REPORT_BYTES))
        seq += 1
        await asyncio.sleep(max(0.0, began + seq * FRAME_S - loop.time()))


async def listen(socket: aiohttp.ClientWebSocketResponse) -> int:
    """How many records came until the connection was closed."""
    count = 0
    async for _ in socket:
        count += 1
    return count


async def measure(url: str, data: Path, pid: int, *, calls: int, seconds: float) -> dict[str, float]:
    """The figures of so many calls at once."""
    key = Keys.load(data / FILE_NAME).calls_key("ticket")
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        sockets = []
        for _ in range(calls):
            room = os.urandom(ROOM_BYTES)
            for _ in range(2):
                ticket = make_ticket(key, room, now_s=time.time(), random=os.urandom)
                sockets.append(await enter(client, url, ticket))
        idle, began = spent_s(pid), loop.time()
        await asyncio.sleep(seconds / 4)
        at_rest = (spent_s(pid) - idle) / (loop.time() - began)
        hearing = [asyncio.create_task(listen(socket)) for socket in sockets]
        before, began = spent_s(pid), loop.time()
        until = began + seconds
        await asyncio.gather(*(speak(socket, number % 2, until=until) for number, socket in enumerate(sockets)))
        took, used = loop.time() - began, spent_s(pid) - before
        for socket in sockets:
            await socket.close()
        passed = sum(await asyncio.gather(*hearing))
    busy = used / took - at_rest
    return {
        "calls": calls,
        "seconds": round(took, 1),
        "records_passed_on": passed,
        "at_rest_percent": round(100 * at_rest, 2),
        "core_percent_a_call": round(100 * busy / calls, 3),
    }


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "data", forked=False) as served:
        figures = asyncio.run(
            measure(served.url, served.data, served.process.pid, calls=options.calls, seconds=options.seconds)
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
