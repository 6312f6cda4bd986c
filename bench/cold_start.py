"""How long until a server is there, and from an empty directory until a second person has read a first message.

Run: `make bench B=cold_start`, or .venv/bin/python bench/cold_start.py [--rounds N] [--only NAME,...]. `import_s`: a
new interpreter that loads what `zajil serve` loads and ends; `ready_s`: from starting `zajil serve` over an empty
directory until its port answers; `warm_ready_s`: over one that was in use; `first_message_s`: from the same first start
until a second person, who has just registered, has read what the first one wrote. Both are the SDK in this process,
which has loaded it before. Wall time, since that is what people wait for.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.measure import NOISE_SHARE, Stretch
from bench.peers import zajil as servers
from bench.peers.starting import find_free_port
from bench.rounds import Entry, Turn
from tests.flows.people import befriend, say, texts

from bench import rounds
from zajil.client import Client

TEXT: Final = "مرحبا, привет, hello"


def import_s() -> float:
    """Seconds of a new interpreter that loads the server and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import zajil.cli.main, zajil.server.main"], check=True, cwd=ROOT / "src")
    return time.perf_counter() - began


async def pass_message(turn: Turn, homes: Path, url: str) -> None:
    """Two people register, become contacts, and one reads what the other wrote."""
    async with (
        await Client.register(homes / "amal", server=url, name="Amal") as amal,
        await Client.register(homes / "boris", server=url, name="Boris") as boris,
    ):
        chat = (await befriend(amal, boris)).id
        await say(amal, chat, TEXT)
        await boris.sync()
        turn.expect("read", texts(boris, chat).count(TEXT), 1)


def play(server: servers.Zajil) -> Turn:
    """One turn: load, start cold, a first message, start again."""
    turn, port, stretch = Turn(), find_free_port(), Stretch.begin()
    turn.metrics["import_s"] = import_s()
    with server.copy(None) as data, tempfile.TemporaryDirectory() as homes:
        began = time.perf_counter()
        with server.run_in(data, port=port):
            turn.metrics["ready_s"] = time.perf_counter() - began
            asyncio.run(pass_message(turn, Path(homes), f"http://127.0.0.1:{port}"))
            turn.metrics["first_message_s"] = time.perf_counter() - began
        began = time.perf_counter()
        with server.run_in(data, port=port):
            turn.metrics["warm_ready_s"] = time.perf_counter() - began
    if stretch.others_share() > NOISE_SHARE:
        turn.flags.append("noisy")
    return turn


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    options = rounds.make_parser(__doc__).parse_args()
    entries = [Entry(server.name, server.describe, partial(play, server)) for server in servers.VARIANTS]
    rounds.run("cold_start", entries, params={}, options=options)


if __name__ == "__main__":
    main()
