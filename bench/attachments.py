"""Files up and down over plain HTTP, one at a time and sixteen at once, beside nginx with the same file.

Run: `make bench B=attachments`, or .venv/bin/python bench/attachments.py [--rounds N] [--only NAME,...] [--mib N]. A
file of 64 MiB goes up in pieces of 1 MiB, each durable before it is answered, and comes down in ranges of 1 MiB, as
clients ask for it; sixteen fetch it at once. What comes is compared with what went. `cpu_ms` are the server's, a MiB;
nginx takes no uploads. Encryption is the client's and not in here.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.measure import Meter, read_memory
from bench.peers import zajil as servers
from bench.peers.nginx import Nginx
from bench.rounds import Entry, Turn, WrongResultError
from tests.server.people import Person
from tests.server.wire import Http

from bench import relay, rounds
from zajil.protocol import control
from zajil.protocol.attachments import AddAttachment, AddedAttachment, padme, passes_for
from zajil.protocol.control import B32, parse_json
from zajil.protocol.ids import encode_b64

MIB: Final = 1 << 20
FILE_MIB: Final = 64
AT_ONCE: Final = 16


async def fetch(client: aiohttp.ClientSession, url: str, size: int) -> bytes:
    """The SHA-256 of a file that comes in ranges of 1 MiB."""
    digest, got = hashlib.sha256(), 0
    while got < size:
        async with client.get(url, headers={"range": f"bytes={got}-{min(size, got + MIB) - 1}"}) as answer:
            part = await answer.read()
        if answer.status != 206 or not part:
            raise WrongResultError(f"a range was answered by {answer.status}")
        digest.update(part)
        got += len(part)
    return digest.digest()


async def measure_down(turn: Turn, url: str, pid: int, body: bytes) -> None:
    """Fetch it alone, then sixteen times at once."""
    wanted = hashlib.sha256(body).digest()
    for prefix, times in (("down", 1), ("down16", AT_ONCE)):
        meter = Meter([pid])
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            meter.start()
            found = await asyncio.gather(*(fetch(client, url, len(body)) for _ in range(times)))
            window = meter.stop()
        turn.take(window)
        turn.expect(f"{prefix}_whole", found.count(wanted), times)
        mib = times * len(body) / MIB
        turn.metrics[f"{prefix}_mib_per_s"] = mib / window.wall_s / times
        turn.metrics[f"{prefix}_cpu_ms_per_mib"] = window.subject_s * 1000 / mib
    turn.metrics["peak_rss_mib"] = read_memory([pid]).peak_kib / 1024


async def upload(turn: Turn, port: int, pid: int, body: bytes) -> str:
    """Where the file is found that went up."""
    async with aiohttp.ClientSession() as client:
        http, meter = Http(f"http://127.0.0.1:{port}", client), Meter([pid])
        device = await http.register(Person())
        ask = control.TakePasses("upload", passes_for(len(body)))
        passes = parse_json(await http.call(control.TAKE_PASSES, ask, auth=device), control.Passes).passes
        told = AddAttachment(len(body), B32(hashlib.sha256(body).digest()), passes)
        made = parse_json(await http.call(control.ADD_ATTACHMENT, told), AddedAttachment)
        name, auth = encode_b64(made.id), "Upload " + encode_b64(made.secret)
        meter.start()
        began = time.perf_counter()
        for at in range(0, len(body), MIB):
            piece = body[at : at + MIB]
            await http.call(control.PUT_ATTACHMENT, piece, auth=auth, query=f"?offset={at}", id=name)
        took, window = time.perf_counter() - began, meter.stop()
    turn.take(window)
    turn.metrics["up_mib_per_s"] = len(body) / MIB / took
    turn.metrics["up_cpu_ms_per_mib"] = window.subject_s * 1000 * MIB / len(body)
    return f"http://127.0.0.1:{port}{control.ATTACHMENT.url(id=name)}"


def play_zajil(server: servers.Zajil, body: bytes) -> Turn:
    """One turn of ours: up, then down."""
    turn = Turn()
    relay.add_fsync(turn)
    with server.run() as running:

        async def whole() -> None:
            await measure_down(turn, await upload(turn, running.port, running.pid, body), running.pid, body)

        relay.run_load(whole)
    return turn


def play_nginx(body: bytes) -> Turn:
    """One turn of nginx: the same file from the disk."""
    turn = Turn()
    with Nginx().run() as running:
        (running.folder / "files/file").write_bytes(body)
        url = f"http://127.0.0.1:{running.port}/file"
        relay.run_load(lambda: measure_down(turn, url, running.pid, body))
    return turn


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--mib", type=int, default=FILE_MIB)
    options = parser.parse_args()
    body = os.urandom(padme(options.mib * MIB))
    entries = [Entry(s.name, s.describe, partial(play_zajil, s, body)) for s in servers.VARIANTS[:1]]
    entries.append(Entry("nginx", Nginx().describe, partial(play_nginx, body)))
    rounds.run("attachments", entries, params={"mib": options.mib, "at_once": AT_ONCE}, options=options)


if __name__ == "__main__":
    main()
