"""From sending a post to its removal: a real server, its moderation worker, and 300 posts a second, on this machine.

Run: `make bench B=moderation_latency`, or .venv/bin/python bench/moderation_latency.py [--seconds N] [--rate N]
[--worker apart|inside]. Load, server and worker share the machine; the worker is a process of its own (`apart`, with
one process that reads) or a task of the server (`inside`), where both share what one interpreter can do. One post in
twenty is a disguised copy of a text that a person removed before, so the program removes it; the clock runs from just
before the POST is sent until the public space has carried the decision out, looked for every 5 ms. Limits are raised in
the configuration file, in no other way. Figures are of this run; none passes or fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.moderation_stages import make_posts
from tests.moderation.pipeline.square import Square

from zajil.channels.context import TOKEN_BYTES, CallingPersona, digest
from zajil.channels.store import personas as persona_store
from zajil.engine.limits import DEFAULTS
from zajil.moderation.data.attacks import space_out, swap_homoglyphs, write_leet
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.server.app import Server
from zajil.server.config import Settings

PERSONAS = 60
SHARE = 0.05
LOOK_S = 0.005
P50_MS, P99_MS = 150, 1000
JUDGED = (
    "Dear friends of the river quarter, the committee is handing out parcels to everybody who sends their card number "
    "and the three digits on its back to the desk by tonight, and nobody has to queue or show any paper for it"
)


async def prepare(data: Path, worker: str) -> list[tuple[str, str]]:
    """A database with personas who are logged in, each with a channel, and one text that a person removed."""
    # The first start makes the keys; on a database in use it would refuse to.
    server = await Server.start(data, Settings(port=0, public_space=True))
    await server.stop()
    square = Square(data, time.time)
    await square.start()
    callers: list[tuple[str, str]] = []
    for _ in range(PERSONAS):
        persona: CallingPersona = square.persona(trust=1)
        token, expires = os.urandom(TOKEN_BYTES), int(time.time()) + 3600
        square.db.write_sync(
            lambda db, p=persona, t=token, e=expires: persona_store.insert_token(db, digest(t), p.persona_id, expires=e)
        )
        callers.append((square.channel(persona), "Bearer " + encode_b64(token)))
    author = square.persona(trust=1)
    first = await square.post(author, square.channel(author), JUDGED)
    await square.work()
    await square.judge(first, "remove")
    await square.close()
    limits = "".join(f"[limits.{name}]\nburst = 1e9\nevery_s = 1e-9\n" for name in DEFAULTS)
    head = f'public_space = true\nport = 0\n[moderation]\nenabled = true\nworker = "{worker}"\n'
    (data / "zajil.toml").write_text(head + limits, encoding="utf-8")
    return callers


async def start(*command: str) -> tuple[asyncio.subprocess.Process, str]:
    """A process of `zajil`, and the first line it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zajil.cli.main", *command, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    if process.stdout is None:
        raise RuntimeError("no output")
    return process, (await process.stdout.readline()).decode()


async def serve(data: Path, worker: str) -> tuple[list[asyncio.subprocess.Process], str]:
    """The server's process, the worker's behind it where it has its own, and the server's address."""
    server, line = await start("serve", "--data", str(data))
    found = re.search(r"http://\S+", line)
    if found is None:
        raise RuntimeError(f"no address in {line!r}")
    processes = [server]
    if worker == "apart":
        processes.append((await start("moderation", "worker", "--data", str(data)))[0])
    return processes, found.group()


class Watch:
    """When which removal was carried out, seen through a reading connection of its own.

    It looks only at what was planted and is not removed yet, so that looking takes next to nothing of the machine.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self._awaited: set[bytes] = set()
        self.seen: dict[bytes, float] = {}

    def await_removal(self, post_id: bytes) -> None:
        """Look for this post from now on."""
        self._awaited.add(post_id)

    def look(self) -> None:
        """Note what is new."""
        if not self._awaited:
            return
        marks = ",".join("?" * len(self._awaited))
        found = self._db.execute(
            f"SELECT id FROM pub_post WHERE id IN ({marks}) AND state = 'removed'",  # noqa: S608  # marks alone
            tuple(self._awaited),
        )
        now = time.perf_counter()
        for (post_id,) in found.fetchall():
            self.seen[post_id] = now
            self._awaited.remove(post_id)

    def waiting(self) -> int:
        """Versions not judged yet."""
        return int(self._db.execute("SELECT count(*) FROM pub_outbox").fetchone()[0])


async def run(seconds: float, rate: float, worker: str) -> None:
    """Prepare, load, wait until all is judged, and print."""
    rng = random.Random(1)
    texts = make_posts(4096)
    disguises = (swap_homoglyphs, space_out, write_leet, lambda text, _language: text)
    sent: dict[bytes, float] = {}
    answers: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        callers = await prepare(data, worker)
        processes, address = await serve(data, worker)
        watch = Watch(data / "zajil.db")
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(number: int) -> None:
                channel, auth = callers[number % len(callers)]
                planted = rng.random() < SHARE
                text = rng.choice(disguises)(JUDGED, "en") if planted else f"{texts[number % 4096]} {number}"
                begun = time.perf_counter()
                headers = {"authorization": auth}
                url = f"{address}/pub/v1/channels/{channel}/posts"
                async with session.post(url, json={"text": text}, headers=headers) as answer:
                    body = await answer.json()
                    if answer.status != 200:
                        raise RuntimeError(f"{answer.status}: {body}")
                answers.append(time.perf_counter() - begun)
                if planted:
                    post_id = parse_b64(body["post_id"])
                    sent[post_id] = begun
                    watch.await_removal(post_id)

            async def look() -> None:
                while True:
                    watch.look()
                    await asyncio.sleep(LOOK_S)

            looking = asyncio.create_task(look())
            begun, tasks = time.perf_counter(), []
            for number in range(int(seconds * rate)):
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                tasks.append(asyncio.create_task(post(number)))
            await asyncio.gather(*tasks)
            took = time.perf_counter() - begun
            while watch.waiting():  # noqa: ASYNC110  # another process's database has no event to wait for
                await asyncio.sleep(0.05)
            watch.look()
            looking.cancel()
        for process in processes:
            process.terminate()
            await process.wait()
    delays = sorted(1000 * (watch.seen[post] - at) for post, at in sent.items() if post in watch.seen)
    points = statistics.quantiles(delays, n=100)
    replies = statistics.quantiles([1000 * each for each in answers], n=100)
    figure = {
        "bench": "moderation_latency",
        "worker": worker,
        "posts": len(answers),
        "per_s": round(len(answers) / took),
        "planted": len(sent),
        "removed": len(delays),
        "p50_ms": round(points[49]),
        "p90_ms": round(points[89]),
        "p99_ms": round(points[98]),
        "max_ms": round(delays[-1]),
        "must": {"p50_ms": P50_MS, "p99_ms": P99_MS},
        "reply_p50_ms": round(replies[49]),
        "reply_p99_ms": round(replies[98]),
    }
    sys.stdout.write(json.dumps(figure) + "\n")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--worker", choices=["apart", "inside"], default="apart")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.seconds, arguments.rate, arguments.worker))


if __name__ == "__main__":
    main()
