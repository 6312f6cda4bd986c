"""From sending a post to its removal: a real server, its moderation worker, and 300 posts a second, on this machine.

Run: `make bench B=moderation_latency`, or .venv/bin/python bench/moderation_latency.py [--rounds N] [--only NAME,...]
[--seconds N] [--rate N] [--steps]. Load, server and worker share the machine; the worker is a process that the server
starts (`child`, the default of a server too, with one process that reads), one that somebody starts beside it
(`apart`), or a task of the server (`inside`), where both share what one interpreter can do.
One post in twenty is a disguised copy of a text that a person removed before, so the program removes it; the clock runs
from just before the POST is sent until the public space has carried the decision out, looked for every 5 ms. Limits are
raised in the configuration file, in no other way. `*_cores` is what each process took of a core: the load's is small
beside the others', or the figures are the load's.

`--steps` prints instead, with the worker apart, where the time of the planted posts goes, step by step
(`latency_steps`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple, cast

import msgspec
import uvloop
from sqlalchemy import Connection

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.latency_steps import STEPS
from bench.measure import NOISE_SHARE, percentile
from bench.moderation_texts import make_made
from bench.record import NOISY, Subject
from bench.rounds import Entry, Turn
from tests.moderation.pipeline.square import Square

from bench import rounds
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
SLOWEST = 5
SECONDS: Final = 12
NAMES: Final = {"child": "zajil", "apart": "zajil-apart", "inside": "zajil-inside"}
JUDGED = (
    "Dear friends of the river quarter, the committee is handing out parcels to everybody who sends their card number "
    "and the three digits on its back to the desk by tonight, and nobody has to queue or show any paper for it"
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


def let_in(persona: CallingPersona, token: bytes, expires: int, db: Connection) -> None:
    persona_store.insert_token(db, digest(token), persona.persona_id, expires=expires)


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
        square.db.write_sync(partial(let_in, persona, token, expires))
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


class Process(NamedTuple):
    """A process of `zajil`, and the first line it printed. notes: where it writes its steps when it ends."""

    name: str
    process: asyncio.subprocess.Process
    line: str
    notes: Path


async def start(name: str, notes: Path, *command: str, steps: bool) -> Process:
    """Start `zajil`, traced if its steps are wanted, and wait for its first line."""
    program = [str(ROOT / "bench/latency_steps.py"), str(notes)] if steps else ["-m", "zajil.cli.main"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, *command, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    if process.stdout is None:
        raise RuntimeError("no output")
    return Process(name, process, (await process.stdout.readline()).decode(), notes)


async def serve(data: Path, worker: str, *, steps: bool) -> tuple[list[Process], str, int]:
    """The server's process, the worker's behind it where it has its own, and the server's address."""
    server = await start("server", data / "server.steps", "serve", "--data", str(data), steps=steps)
    found = re.search(r"http://([\d.]+):(\d+)", server.line)
    if found is None:
        raise RuntimeError(f"no address in {server.line!r}")
    processes = [server]
    if worker == "apart":
        command = ("moderation", "worker", "--data", str(data))
        processes.append(await start("worker", data / "worker.steps", *command, steps=steps))
    return processes, found[1], int(found[2])


def read_busy_s(pid: int) -> float:
    """Processor seconds that this process took so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def find_busy(processes: Sequence[Process]) -> dict[str, float]:
    """Processor seconds so far, by process: the load is this one; the others are the server, and below or beside it
    the worker and what reads for it.

    machine: of all processes together. stolen: what the host of a virtual machine gave to others.
    """
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(
        int, Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)[1:9]
    )
    tick = os.sysconf("SC_CLK_TCK")
    busy = {"machine": (user + nice + system + interrupts + soft) / tick, "stolen": stolen / tick}
    busy["load"] = read_busy_s(os.getpid())
    for each in processes:
        pid = each.process.pid
        busy[each.name] = read_busy_s(pid)
        for child in find_children(pid):
            below = find_children(child)
            name = "worker" if below else f"{each.name}'s readers"
            busy[name] = busy.get(name, 0.0) + read_busy_s(child)
            busy["worker's readers"] = busy.get("worker's readers", 0.0) + sum(map(read_busy_s, below))
    return busy


def find_children(pid: int) -> list[int]:
    """Processes that this one started."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in threads for child in each.read_text(encoding="ascii").split()]


class Caller(asyncio.Protocol):
    """One connection that is kept open: a POST, and its answer's body. It does as little as can be."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._got = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are of no class of asyncio's

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for an answer hears that none comes."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed"))

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """The body of the answer to this request; there is one at a time."""
        if self._transport is None:
            raise ConnectionError("not open")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """More of the answer."""
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None or len(body) < int(length[1]) or self._answer is None:
            return
        self._got = b""
        if head.startswith(b"HTTP/1.1 200 "):
            self._answer.set_result(body)
        else:
            self._answer.set_exception(RuntimeError(f"{head[:40]!r}: {body!r}"))


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

    async def wait_until_judged(self) -> None:
        """Return once no version waits in the outbox."""
        while self._db.execute("SELECT count(*) FROM pub_outbox").fetchone()[0]:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)


class Load:
    """Sends posts, each on a connection that has nothing else under way."""

    def __init__(self, host: str, port: int, watch: Watch) -> None:
        self._place = host, port
        self._watch = watch
        self._idle: list[Caller] = []
        self.sent: dict[bytes, float] = {}
        self.answers: list[float] = []

    async def open(self, n: int) -> None:
        """So many connections to begin with."""
        self._idle += [await self._connect() for _ in range(n)]

    async def post(self, request: bytes, *, planted: bool) -> None:
        """Send one, and note when it was answered."""
        begun = time.perf_counter()
        caller = self._idle.pop() if self._idle else await self._connect()
        body = await caller.ask(request)
        self._idle.append(caller)
        self.answers.append(time.perf_counter() - begun)
        if planted:
            post_id = parse_b64(json.loads(body)["post_id"])
            self.sent[post_id] = begun
            self._watch.await_removal(post_id)

    async def _connect(self) -> Caller:
        return (await asyncio.get_running_loop().create_connection(Caller, *self._place))[1]


def make_requests(callers: Sequence[tuple[str, str]], n: int, host: str) -> list[tuple[bytes, bool]]:
    """So many POSTs as they go over the wire, and which of them are planted."""
    rng = random.Random(1)
    texts = make_made(4096)
    disguises = (swap_homoglyphs, space_out, write_leet, lambda text, _language: text)
    made = []
    for number in range(n):
        channel, auth = callers[number % len(callers)]
        planted = rng.random() < SHARE
        text = rng.choice(disguises)(JUDGED, "en") if planted else f"{texts[number % 4096]} {number}"
        body = json.dumps({"text": text}).encode()
        head = (
            f"POST /pub/v1/channels/{channel}/posts HTTP/1.1\r\nhost: {host}\r\nauthorization: {auth}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        made.append((head.encode() + body, planted))
    return made


class Run(NamedTuple):
    """What one run saw. sent, seen: of planted posts, seconds by this process's clock; busy: seconds by process."""

    sent: dict[bytes, float]
    seen: dict[bytes, float]
    answers: list[float]
    took_s: float
    busy: dict[str, float]
    notes: list[tuple[bytes, str, float]]


async def run(seconds: float, rate: float, worker: str, *, steps: bool) -> Run:
    """Prepare, load, and wait until all is judged."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        callers = await prepare(data, worker)
        processes, host, port = await serve(data, worker, steps=steps)
        try:
            requests = make_requests(callers, PERSONAS + int(seconds * rate), f"{host}:{port}")
            watch = Watch(data / "zajil.db")
            # The server listens before its worker has models and memory: what waits for those is not what is measured.
            warm = Load(host, port, watch)
            await asyncio.gather(*[warm.post(request, planted=False) for request, _ in requests[:PERSONAS]])
            await watch.wait_until_judged()
            load = Load(host, port, watch)
            await load.open(PERSONAS)

            async def look() -> None:
                while True:
                    watch.look()
                    await asyncio.sleep(LOOK_S)

            looking = asyncio.create_task(look())
            before = find_busy(processes)
            begun, tasks = time.perf_counter(), []
            for number, (request, planted) in enumerate(requests[PERSONAS:]):
                await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                tasks.append(asyncio.create_task(load.post(request, planted=planted)))
            await asyncio.gather(*tasks)
            took = time.perf_counter() - begun
            busy = {name: used - before[name] for name, used in find_busy(processes).items()}
            await watch.wait_until_judged()
            watch.look()
            looking.cancel()
        finally:
            for each in processes:
                each.process.terminate()
                await each.process.wait()
        notes = [row for each in processes if each.notes.exists() for row in _notes.decode(each.notes.read_bytes())]
    return Run(load.sent, watch.seen, load.answers, took, busy, notes)


def play(worker: str, seconds: float, rate: float) -> Turn:
    """One run with the worker in this place."""
    turn = Turn()
    found = uvloop.run(run(seconds, rate, worker, steps=False))
    turn.expect("posts", len(found.answers), int(seconds * rate))
    turn.checks["planted"] = len(found.sent)
    turn.expect("removed", len(found.seen), len(found.sent))
    removed = [at - found.sent[post] for post, at in found.seen.items()]
    own = sum(used for name, used in found.busy.items() if name not in {"machine", "stolen"})
    # As a window counts it: what no process of this run took, and what the host of a virtual machine gave to others.
    others = found.busy["machine"] + found.busy["stolen"] - own
    if others / (found.took_s * (os.cpu_count() or 1)) > NOISE_SHARE:
        turn.flags.append(NOISY)
    turn.metrics |= {
        "removed_p50_s": percentile(removed, 0.5),
        "removed_p99_s": percentile(removed, 0.99),
        "answered_p99_ms": percentile(found.answers, 0.99) * 1000,
        "posts_per_s": len(found.answers) / found.took_s,
    }
    for name, used in found.busy.items():
        if used and name not in {"machine", "stolen"}:
            turn.metrics[f"{name.replace(' ', '_').replace(chr(39), '')}_cores"] = used / found.took_s
    return turn


_notes: Final = msgspec.msgpack.Decoder(list[tuple[bytes, str, float]])


def describe(times: Sequence[float]) -> dict[str, float]:
    """Percentiles of these seconds, in ms."""
    points = [1000 * each for each in statistics.quantiles(times, n=100)]
    return {
        "p50_ms": round(points[49], 1),
        "p90_ms": round(points[89], 1),
        "p99_ms": round(points[98], 1),
        "max_ms": round(1000 * max(times), 1),
    }


def print_steps(sent: dict[bytes, float], seen: dict[bytes, float], notes: list[tuple[bytes, str, float]]) -> None:
    """A line for each step: how long planted posts were in it. Then one for each of the slowest: where it was."""
    reached: dict[bytes, dict[str, float]] = {post: {"sent": at} for post, at in sent.items()}
    for post, step, at in notes:
        if post in reached:
            reached[post].setdefault(step, at)
    for post, at in seen.items():
        reached[post]["seen"] = at
    whole = [each for each in reached.values() if len(each) == len(STEPS) + 1]
    before = "sent"
    for step, what in STEPS.items():
        figure = {"step": step, "posts": len(whole), **describe([each[step] - each[before] for each in whole])}
        sys.stdout.write(json.dumps(figure | {"what": what}) + "\n")
        before = step
    begun = min(sent.values())
    for each in sorted(whole, key=lambda each: each["sent"] - each["seen"])[:SLOWEST]:
        points = ["sent", *STEPS]
        took = {step: round(1000 * (each[step] - each[before])) for before, step in itertools.pairwise(points)}
        figure = {"slow": round(1000 * (each["seen"] - each["sent"])), "sent_at_s": round(each["sent"] - begun, 1)}
        sys.stdout.write(json.dumps(figure | {step: ms for step, ms in took.items() if ms >= SLOWEST}) + "\n")


def describe_worker(worker: str) -> Subject:
    """Nothing that may be missing."""
    return Subject(name=NAMES[worker], version=version("zajil"), settings=f"worker {worker}")


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--steps", action="store_true")
    options = parser.parse_args()
    seconds, rate = options.seconds, options.rate
    if options.steps:
        found = uvloop.run(run(seconds, rate, "apart", steps=True))
        print_steps(found.sent, found.seen, found.notes)
        return
    entries = [Entry(NAMES[w], partial(describe_worker, w), partial(play, w, seconds, rate)) for w in NAMES]
    rounds.run("moderation_latency", entries, params={"seconds": seconds, "rate_per_s": rate}, options=options)


if __name__ == "__main__":
    main()
