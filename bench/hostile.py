"""What others feel of hostile clients: a crowd talks at a fixed pace while one attack after another runs.

Run: .venv/bin/python bench/hostile.py [--people N] [--rate N] [--seconds N]. The server is `zajil serve` on SQLite with
its limits raised, so that none of them spares it work; people are in groups of four, talk the wire by themselves (no
MLS) and share this machine, its cores and, but for `bodies`, their address with the attackers. A time goes from when a
message was to be sent to its arrival at one who did not send it. Somebody else logs in over and over, and tries again
where he is refused. Printed are the p99 of both in each attack's time beside those of no attack; the goal is 1 s. That
every message arrived exactly once, in order, is checked, and the run fails where it is not so.

The attacks, each from a process of its own: `loris`, 800 requests that come a byte a second; `flood`, connections that
open and go, as many as 64 callers can make; `idle`, WebSockets that never say anything; `json`, bodies as deep and wide
as the limit takes; `deflate`, a megabyte that would be a gigabyte, by POST and in WebSockets; `bodies`, which anybody
may send and which never come whole, from three other address prefixes: 300 of 256 KiB, 256 of which are all that
the server has for them, and 300 small ones that fill what is left.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
import aiohttp
from bench.gateway_faults import p99
from tests.flows.server import ServerProcess
from tests.scale.crowd import Crowd
from tests.server.people import Person
from tests.server.wire import Http

from zajil.protocol import control
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64

ATTACKS: Final = ("loris", "flood", "idle", "json", "deflate", "bodies")
GOAL_S: Final = 1.0
GROUP: Final = 4
CALLERS: Final = {"loris": 800, "flood": 64, "idle": 800, "json": 16, "deflate": 16, "bodies": 600}
PREFIXES: Final = ("127.0.1.1", "127.0.2.1", "127.0.3.1")
JSON: Final = b'{"a":' + b"[" * 120_000 + b"1" * 20_000 + b"]" * 120_000 + b"}"
UPGRADE: Final = (
    b"GET /v1/send HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


def bomb() -> bytes:
    """About a megabyte that becomes a gigabyte; of one block that is repeated, as packing it all takes long."""
    packing, zeros = zlib.compressobj(9), bytes(16 << 20)
    first = packing.compress(zeros) + packing.flush(zlib.Z_FULL_FLUSH)
    again = packing.compress(zeros) + packing.flush(zlib.Z_FULL_FLUSH)
    return first + 63 * again


def post(body: bytes, *, encoding: str = "") -> bytes:
    head = "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Encoding: {encoding}\r\n" if encoding else ""
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def attack_once(name: str, port: int, big: bytes) -> None:
    """One connection, until the server or its purpose ends it."""
    local = (PREFIXES[os.urandom(1)[0] % len(PREFIXES)], 0) if name == "bodies" else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
    try:
        match name:
            case "bodies":
                path = f"/v1/link/{encode_b64(os.urandom(16))}/answer"
                large, shift = os.urandom(2)
                size = control.PUT_LINK_ANSWER.limit >> (0 if large & 1 else 4 + shift % 8)
                writer.write(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode())
                writer.write(bytes(size - 1))
                await reader.read(4096)
                await asyncio.sleep(1)  # refused: what others hold is the attack
            case "loris":
                for byte in post(bytes(1000)):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            case "idle":
                writer.write(UPGRADE)
                while await reader.read(4096):
                    pass
            case "json":
                writer.write(post(JSON))
                await asyncio.wait_for(reader.read(4096), 10)
            case "deflate":
                if os.urandom(1)[0] & 1:
                    writer.write(post(big, encoding="deflate"))
                else:
                    # A last, compressed, binary, masked frame of 64-bit length; the mask is zero.
                    writer.write(UPGRADE + b"\xc2\xff" + len(big).to_bytes(8, "big") + bytes(4) + big)
                await asyncio.wait_for(reader.read(4096), 10)
    finally:
        writer.close()


async def attack(name: str, port: int) -> None:
    """All callers of one attack, until SIGTERM; then how many connections they made."""
    big, made = bomb() if name == "deflate" else b"", itertools.count()

    def tell() -> None:
        print(f"{name}: {next(made)} connections", flush=True)
        os._exit(0)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, tell)

    async def call() -> None:
        while True:
            next(made)
            with suppress(OSError, TimeoutError):
                await attack_once(name, port, big)
            await asyncio.sleep(0)

    await asyncio.gather(*(call() for _ in range(CALLERS[name])))


async def log_in_often(http: Http, took: list[tuple[float, float]]) -> None:
    """Log in five times a second and note when each began and how long it took, with all that was refused of it."""
    person = Person()
    await http.register(person)
    while True:
        began = time.monotonic()
        try:
            while True:
                with suppress(ZajilError, aiohttp.ClientError):
                    await http.log_in(person)
                    break
                await asyncio.sleep(0.05)
        finally:  # one that the end of the run found waiting counts too
            took.append((began, time.monotonic() - began))
        await asyncio.sleep(0.2)


async def run(server: ServerProcess, *, people: int, rate: float, seconds: int) -> bool:
    """Whether the goal was met. Raises AssertionError where a message was lost, doubled or reordered."""
    marks: list[tuple[str, float]] = []
    logins: list[tuple[float, float]] = []
    running: list[subprocess.Popen[bytes]] = []

    def switch(name: str) -> None:
        marks.append((name, time.monotonic()))
        end(running)
        if name in ATTACKS:
            command = [sys.executable, __file__, "--attack", name, "--port", str(urlsplit(server.url).port)]
            running.append(subprocess.Popen(command))

    phases = ("none", *ATTACKS)
    each = int(rate * seconds)
    at: dict[int, Callable[[], None]] = {number * each: partial(switch, name) for number, name in enumerate(phases)}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        crowd = Crowd([server.url], client)
        await crowd.gather(people // GROUP, size=GROUP)
        logging_in = asyncio.create_task(log_in_often(Http(server.url, client), logins))
        try:
            await crowd.pour(each * len(phases), per_s=rate, at=at)
            marks.append(("end", time.monotonic()))
        finally:
            end(running)
            logging_in.cancel()
        await crowd.settle(each * len(phases))
        await crowd.leave()
        crowd.check(each * len(phases))
    good = True
    for (name, since), (_, until) in itertools.pairwise(marks):
        felt = p99(crowd.arrivals, since, until) or 0.0
        took = sorted(took_s for at_s, took_s in logins if since <= at_s < until)
        login = took[-1 - len(took) // 100] if took else float(seconds)
        within = max(felt, login) < GOAL_S
        good &= within
        print(
            f"{name:8} p99 {felt * 1000:6.0f} ms, of {len(took)} logins {login * 1000:6.0f} ms"
            f"  {'' if within else 'over the goal of 1 s'}",
            flush=True,
        )
    print(f"{each * len(phases)} messages at {rate:g}/s: each once, in order; tried again: {dict(crowd.again)}")
    return good


def end(running: list[subprocess.Popen[bytes]]) -> None:
    """The attack that runs is over."""
    while running:
        running[-1].terminate()
        running.pop().wait()


def main() -> None:
    """See the module. Exit code 1 where the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--attack", choices=ATTACKS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    if args.attack:
        asyncio.run(attack(args.attack, args.port))
        return
    with tempfile.TemporaryDirectory(prefix="zajil-hostile-") as folder:
        server = ServerProcess(Path(folder), settings='registration = "open"\n', forked=False)
        server.start()
        try:
            good = asyncio.run(run(server, people=args.people, rate=args.rate, seconds=args.seconds))
        finally:
            server.stop()
    sys.exit(not good)


if __name__ == "__main__":
    main()
