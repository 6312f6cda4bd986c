"""What both kinds of worker process go through: posts of many, kills in the middle of a batch, and the books after it.

A process is frozen once versions are seen under its lease, which is the middle of a batch, and killed there.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.channels.world import Author, World

from zajil.protocol.ids import parse_b64
from zajil.server.moderation.proof import verify_stored

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


def children_of(pid: int) -> set[int]:
    """Processes that this one started: its readers, and what Python starts beside them."""
    found: set[int] = set()
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread that ended meanwhile
            found |= {int(child) for child in each.read_text().split()}
    return found


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that ended lies there until whoever inherited it asks.
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def kill_in_the_middle(world: World, pid: Callable[[], int], *, after: int) -> None:
    """SIGKILL to the worker while versions are under its lease, once so many verdicts are stored.

    pid: of the worker that runs now, 0 for none. Returns when it is gone, and what it had started.
    """

    def counts() -> tuple[int, int]:
        ((leased, judged),) = world.rows(
            "SELECT (SELECT count(*) FROM pub_outbox WHERE lease_until_ms > 0), (SELECT count(*) FROM mod_verdict)"
        )
        return int(str(leased)), int(str(judged))

    def is_there() -> bool:
        leased, judged = counts()
        if not leased or judged < after or not pid():
            return False
        os.kill(pid(), signal.SIGSTOP)
        if counts()[0]:
            return True
        os.kill(pid(), signal.SIGCONT)
        return False

    await until(is_there)
    worker = pid()
    readers = children_of(worker)
    assert readers
    os.kill(worker, signal.SIGKILL)
    await until(lambda: not any(is_running(each) for each in [worker, *readers]))


@dataclass
class Ledger:
    """Posts that were taken, by what they are, and who writes them."""

    places: list[tuple[Author, str]] = field(default_factory=list)
    harmful: set[str] = field(default_factory=set)
    harmless: set[str] = field(default_factory=set)

    async def write(self, world: World, numbers: Sequence[int]) -> None:
        """All texts of these authors, all of them at once."""
        await asyncio.gather(*[self._write_one(world, number) for number in numbers])

    async def _write_one(self, world: World, number: int) -> None:
        author, channel = self.places[number]
        for text, is_harmful in write_texts(random.Random(number)):
            made = await world.post(author, channel, text, lang="en")
            (self.harmful if is_harmful else self.harmless).add(made)


async def come_in(world: World) -> Ledger:
    """AUTHORS authors, each with a channel."""
    ledger = Ledger()
    for _ in range(AUTHORS):
        author = await world.author()
        ledger.places.append((author, await world.channel(author, lang="en")))
    return ledger


def check_books(world: World, ledger: Ledger, data: Path) -> None:
    """No post was skipped, and none decided twice. The server, if it was another process, and the worker are over."""
    harmful, harmless = ledger.harmful, ledger.harmless
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
