"""The client's process ends at every boundary of sending and receiving: nothing is lost, doubled or reused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.client import serving, victim
from tests.client.people import befriend, register, texts

from zajil.client import Client
from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.kill, pytest.mark.slow]
SETTLED = {"sent", "delivered", "received"}

# Steps of a send with its drain before and its echo after, then of a group from creation to the commit's echo.
WRITE = ["submit", "want-drain", "start", "hello", "ready", "receive", "drained", "seal", "ok"]
GROUP = ["create-group", "create", "claim"]
POINTS = [
    *(("write", f"{step}:{side}", 1) for step in WRITE for side in ("before", "after")),
    *(("write", f"receive:{side}", 2) for side in ("before", "after")),
    *(("group", f"{step}:{side}", 1) for step in GROUP for side in ("before", "after")),
    *(
        ("group", f"{step}:{side}", count)
        for step in ("seal", "ok")
        for side in ("before", "after")
        for count in (1, 2)
    ),
    *(("group", f"receive:{side}", 1) for side in ("before", "after")),
]


class Pair(NamedTuple):
    """Two homes that know each other, and the ledger of Boris's ratchets."""

    amal: Path
    boris: Path
    ledger: Path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("kill")

    async def meet(url: str) -> None:
        async with await register(folder, "Amal", url) as amal, await register(folder, "Boris", url) as boris:
            await befriend(amal, boris)

    with serving.serve(folder / "server") as served:
        asyncio.run(meet(served.url))
        # What restarts after a kill seals in this process, so its sealings belong into the same ledger.
        with victim.recording(folder / "ledger"):
            yield Pair(folder / "Amal", folder / "Boris", folder / "ledger")


def test_there_are_at_least_thirty_points() -> None:
    assert len(POINTS) >= 30


@pytest.mark.parametrize(("action", "point", "count"), POINTS, ids=lambda value: str(value).replace(":", "-"))
async def test_a_kill_loses_doubles_and_reuses_nothing(pair: Pair, action: str, point: str, count: int) -> None:
    word = f"{action} {point} {count}"
    async with await Client.open(pair.amal) as amal:
        incoming = [f"{word} from Amal {n}" for n in range(2)]
        for text in incoming:
            await amal.send(amal.find_chat("Boris"), text)
        code = victim.run(pair.boris, action, word, point=point, count=count, ledger=pair.ledger)
        assert code == victim.KILLED, "the process never came to that point"
        async with await Client.open(pair.boris) as boris:
            await boris.sync()
            await amal.sync()
            mine, theirs = texts(boris, "Amal"), texts(amal, "Boris")
            assert sorted(mine) == sorted(theirs)
            assert len(set(mine)) == len(mine)
            assert [text for text in mine if text in incoming] == incoming
            # What was queued durably before the kill is sent; what was not is nowhere.
            assert (word in mine) == (action == "write" and point != "submit:before")
            assert {message.state for message in boris.read(boris.find_chat("Amal"), limit=500)} <= SETTLED
            made = [chat for chat in boris.chats() if chat.title == word]
            assert bool(made) == (action == "group" and point != "create-group:before")
            for chat in made:
                other = amal.find_chat(word)
                assert (chat.status, other.status, chat.epoch) == ("active", "active", other.epoch)
                assert authenticator(boris, chat.id) == authenticator(amal, chat.id)
    assert victim.check_ledger(pair.ledger) > 0


def authenticator(client: Client, chat: str) -> bytes:
    """The epoch authenticator: equal for all members of an epoch, and for nobody else."""
    with client._core.look() as step:
        return step.load_group(parse_b64(chat)).epoch_authenticator
