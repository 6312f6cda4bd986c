"""`zajil moderation worker` beside a real server, with its reading processes: killed at work, it skips no post.

`test_kill.py` chooses the points by a hook in the worker; here nothing of the process belongs to the test. It is frozen
once versions are seen under its lease, which is the middle of a batch, and killed there.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.channels.world import Author, Clock, World
from tests.server.conftest import NO_LIMITS
from tests.server.wire import Http

from zajil.protocol.ids import parse_b64
from zajil.server.app import Server
from zajil.server.config import CONFIG_FILE, ModerationSettings, Settings
from zajil.server.moderation.proof import verify_stored

ZAJIL = Path(sys.executable).with_name("zajil")
SETTINGS = Settings(
    port=0,
    registration="open",
    limits=NO_LIMITS,
    drain_s=0,
    public_space=True,
    moderation=ModerationSettings(enabled=True, worker="apart", processes=1),
)
CONFIG = 'public_space = true\n[moderation]\nenabled = true\nworker = "apart"\nprocesses = 1\n'
WORDS = (
    "amber", "barn", "cedar", "dusk", "ember", "ferry", "garden", "harbour", "island", "jetty", "kettle", "lantern",
    "meadow", "needle", "orchard", "pebble", "quarry", "river", "saddle", "timber", "umbrella", "valley", "willow",
    "yard", "zither", "bridge", "candle", "drizzle", "engine", "fiddle", "gravel", "hammer", "ivory", "juniper",
    "kitchen", "ladder", "marble", "nettle", "oven", "pillow", "rafter", "sparrow", "tunnel", "velvet", "wagon",
    "apron", "basket", "cobbler", "dairy",
)  # fmt: skip
AUTHORS, EACH = 12, 15
"""An author's posts stay below what the policy takes for a flood."""
PATIENCE_S = 60.0


def write_texts(generator: random.Random) -> list[tuple[str, bool]]:
    """What one author posts, and whether it is an offer that a rule holds. No two are copies of one another."""
    texts = []
    for number in range(EACH):
        words = " ".join(generator.sample(WORDS, 9))
        harmful = number % 5 == 2
        contact = f"guaranteed profit, ask @{generator.choice(WORDS)}_{generator.randrange(10**6)}"
        texts.append((f"{words} {contact}" if harmful else words, harmful))
    return texts


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  # another process's database has no event to wait for
            await asyncio.sleep(0.002)


@asynccontextmanager
async def working(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, once it says that it works."""
    process = await asyncio.create_subprocess_exec(
        *(str(ZAJIL), "moderation", "worker", "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert await process.stdout.readline(), (await process.stderr.read()).decode()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def children_of(pid: int) -> set[int]:
    """Processes that this one started: its readers, and what Python starts beside them."""
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that ended lies there until whoever inherited it asks.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def kill_in_the_middle(world: World, process: asyncio.subprocess.Process, *, after: int) -> None:
    """SIGKILL while versions are under its lease, once so many verdicts are stored."""

    def counts() -> tuple[object, ...]:
        ((leased, judged),) = world.rows(
            "SELECT (SELECT count(*) FROM pub_outbox WHERE lease_until_ms > 0), (SELECT count(*) FROM mod_verdict)"
        )
        return leased, judged

    def is_there() -> bool:
        leased, judged = counts()
        if not leased or int(str(judged)) < after:
            return False
        process.send_signal(signal.SIGSTOP)
        if counts()[0]:
            return True
        process.send_signal(signal.SIGCONT)
        return False

    await until(is_there)
    readers = children_of(process.pid)
    assert readers
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    await until(lambda: not any(is_running(pid) for pid in readers))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server that leaves the judging to others."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / CONFIG_FILE).write_text(CONFIG, encoding="utf-8")
    server = await Server.start(data, SETTINGS)
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        yield World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
    await server.stop()


@pytest.mark.moderation
@pytest.mark.kill
@pytest.mark.slow
async def test_a_worker_killed_twice_at_work_skips_no_post_and_decides_none_twice(world: World, tmp_path: Path) -> None:
    data = tmp_path / "data"
    harmful: set[str] = set()
    harmless: set[str] = set()
    places: list[tuple[Author, str]] = []
    for _ in range(AUTHORS):
        author = await world.author()
        places.append((author, await world.channel(author, lang="en")))

    async def write(place: tuple[Author, str], number: int) -> None:
        author, channel = place
        for text, is_harmful in write_texts(random.Random(number)):
            (harmful if is_harmful else harmless).add(await world.post(author, channel, text, lang="en"))

    half = AUTHORS // 2
    await asyncio.gather(*[write(place, number) for number, place in enumerate(places[:half])])
    async with working(data) as first:
        await kill_in_the_middle(world, first, after=0)
    async with working(data) as second:
        writing = asyncio.gather(*[write(place, number) for number, place in enumerate(places[half:], half)])
        await kill_in_the_middle(world, second, after=1)
    await writing
    async with working(data) as third:
        # Whoever comes while one works is told so, and changes nothing.
        refused = await asyncio.create_subprocess_exec(
            *(str(ZAJIL), "moderation", "worker", "--data", str(data)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert b"another moderation worker" in (await refused.communicate())[1]
        assert refused.returncode == 1
        await until(lambda: world.rows("SELECT count(*) FROM pub_outbox") == [(0,)])
        readers = children_of(third.pid)
        third.send_signal(signal.SIGTERM)
        assert (await third.communicate())[1] == b""
        assert third.returncode == 0
        await until(lambda: not any(is_running(pid) for pid in readers))

    assert (len(harmful), len(harmless)) == (AUTHORS * EACH // 5, AUTHORS * EACH * 4 // 5)
    states = {bytes(post): str(state) for post, state in world.rows("SELECT id, state FROM pub_post")}  # type: ignore[call-overload]  # a blob
    assert {states[parse_b64(post)] for post in harmful} == {"held"}
    assert "pending" not in states.values()
    # One verdict for each, counted once; at most one decision for each, one for every offer, and all of them logged.
    ((verdicts, versions),) = world.rows("SELECT count(*), count(DISTINCT target) FROM mod_verdict")
    assert verdicts == versions == AUTHORS * EACH
    assert world.rows("SELECT sum(posts) FROM mod_tally") == [(AUTHORS * EACH,)]
    ((made, targets),) = world.rows("SELECT count(*), count(DISTINCT target) FROM mod_decision")
    assert made == targets
    decided = {bytes(target) for (target,) in world.rows("SELECT target FROM mod_decision")}  # type: ignore[call-overload]  # a blob
    assert decided >= {parse_b64(post) for post in harmful}
    assert world.rows("SELECT count(*) FROM mod_handover") == [(0,)]
    report = verify_stored(data)
    assert report.size == report.decisions == made
