"""Three clients and their server under random faults: processes end at boundaries of steps and by SIGKILL, the server
by SIGKILL, all at once. Nothing is lost, shown twice or sealed with a used generation, whatever struck.

`ZAJIL_FAULTS=1000` lets so many strike, `ZAJIL_FAULTS_SEED` others; `--engine postgres` does it over PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from tests.client import victim
from tests.flows import faults
from tests.flows.faults import KILLED, UNFINISHED, Work
from tests.flows.people import People, befriend, messages, settle, sync_all, texts
from tests.flows.server import ServerProcess

pytestmark = [pytest.mark.flows, pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(7200)]
FAULTS = int(os.environ.get("ZAJIL_FAULTS", "10"))
SEED = int(os.environ.get("ZAJIL_FAULTS_SEED", "1"))
NAMES = ("Amal", "Boris", "Clara")
EXPECTED = {0, KILLED, UNFINISHED, -signal.SIGKILL}


async def restart(server: ServerProcess, chance: random.Random) -> None:
    """SIGKILL at any moment, and a start on the same data."""
    await asyncio.sleep(chance.uniform(0.01, 1.0))
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


async def live(works: list[Work], ledger: Path) -> list[int | None]:
    """All of them at the same time; their exit codes."""
    processes = [faults.begin(work, ledger) for work in works]
    await asyncio.gather(*(asyncio.to_thread(process.join, 120) for process in processes))
    return [process.exitcode for process in processes]


async def test_random_faults_lose_double_and_reuse_nothing(
    people: People, server: ServerProcess, tmp_path: Path
) -> None:
    chance, ledger, struck, tally = random.Random(SEED), tmp_path / "ledger", 0, Counter[str]()
    clients = [await people.register(name) for name in NAMES]
    for other in clients[1:]:
        await befriend(clients[0], other)
    contacts = [clients[0].find_contact(other.whoami().account_id) for other in clients[1:]]
    chat = (await clients[0].create_group("Mountains", contacts)).id
    await settle(clients, [chat])
    await clients[0].set_role(clients[0].find_chat(chat), clients[1].whoami().account_id, "admin")
    await sync_all(clients)
    homes = [await people.switch_off(client) for client in clients]

    rounds = 0
    while struck < FAULTS:
        works = []
        for number, home in enumerate(homes):
            renames = number < 2 and chance.random() < 0.4
            works.append(Work(home, chat, f"{NAMES[number]} {rounds:05}", renames, faults.draw(chance)))
        kills = chance.random() < 0.3
        living = asyncio.ensure_future(live(works, ledger))
        if kills:
            await restart(server, chance)
        codes = await living
        assert set(codes) <= EXPECTED, (codes, works)
        struck += kills + sum(code in {KILLED, -signal.SIGKILL} for code in codes)
        tally.update({"boundary": codes.count(KILLED), "SIGKILL": codes.count(-signal.SIGKILL), "server": int(kills)})
        rounds += 1

    clients = [await people.switch_on(home) for home in homes]
    with victim.recording(ledger):
        await sync_all(clients, rounds=2)
        await settle(clients, [chat])
    seen = [texts(client, chat, limit=1_000_000) for client in clients]
    queued = [
        line.split()[1].replace("_", " ") for line in ledger.read_text().splitlines() if line.startswith("queued")
    ]
    for shown in seen:
        assert not [text for text, count in Counter(shown).items() if count > 1], "shown twice"
        assert not set(queued) - set(shown), "queued and lost"
        assert set(shown) == set(seen[0]), "shown to some alone"
        for name in NAMES:
            own = [text for text in shown if text.startswith(name)]
            assert own == sorted(own), "out of order"
    states = {message.state for client in clients for message in messages(client, chat, limit=1_000_000)}
    assert states <= {"sent", "delivered", "received"}
    sealings = victim.check_ledger(ledger)
    print(f"{struck} faults ({dict(tally)}) in {rounds} rounds: {len(queued)} texts queued, {sealings} sealings left")
