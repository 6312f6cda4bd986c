"""How long faults are felt: three gateways over one PostgreSQL and one NATS, each killed in the middle of traffic.

Run: .venv/bin/python bench/gateway_faults.py [--people N] [--messages N] [--rate N]. People are in groups of four, talk
the wire by themselves (no MLS) and send at a fixed pace, all together. At one quarter, half and three quarters a
gateway, NATS and PostgreSQL get SIGKILL (`pg_ctl -m immediate`) and are started again. A time goes from when a message
was to be sent to its arrival at one who did not send it, so a message that had to wait counts with all its waiting.

p99 before is that of everything due until the first fault, its first five seconds left out. A fault is over from that
second on from which the messages of three seconds have a p99 under twice that. That every message arrived exactly once
at everybody, in one order for each group, is checked, and the run fails where it is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
import aiohttp
from tests.scale.crowd import Arrival, Crowd
from tests.scale.gateways import Gateways, gateways

GROUP: Final = 4
WARM_S: Final = 5.0
WINDOW_S: Final = 3.0
LOOK_S: Final = 30
MS: Final = 1000


def p99(arrivals: Sequence[Arrival], since: float, until: float) -> float | None:
    """Seconds, of what was due in this time; None where nothing was."""
    found = sorted(each.took_s for each in arrivals if since <= each.due < until)
    return found[min(len(found) - 1, int(len(found) * 0.99))] if found else None


def find_end(arrivals: Sequence[Arrival], at: float, bound: float) -> int | None:
    """Whole seconds after `at` from which on three seconds have a p99 under this bound; None within half a minute."""
    for second in range(LOOK_S):
        felt = p99(arrivals, at + second, at + second + WINDOW_S)
        if felt is not None and felt < bound:
            return second
    return None


async def run(running: Gateways, *, people: int, messages: int, rate: float) -> None:
    """Prints the figures. Raises AssertionError where something was lost, doubled or reordered."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        crowd = Crowd([server.url for server in running.servers], client)
        begun = time.monotonic()
        await crowd.gather(people // GROUP, size=GROUP)
        print(f"{people} people in groups of {GROUP} met in {time.monotonic() - begun:.1f} s", flush=True)
        faults: dict[str, float] = {}

        def noted(name: str, act: Callable[[], None]) -> Callable[[], None]:
            def happen() -> None:
                faults[name] = time.monotonic()
                act()
                print(f"{name}: killed, and started again within {time.monotonic() - faults[name]:.1f} s", flush=True)

            return happen

        acts = (
            ("gateway", running.restart_server),
            ("NATS", running.restart_nats),
            ("PostgreSQL", running.restart_database),
        )
        at = {messages * (place + 1) // 4: noted(name, act) for place, (name, act) in enumerate(acts)}
        begun = time.monotonic()
        await crowd.pour(messages, per_s=rate, at=at)
        await crowd.settle(messages)
        await crowd.leave()
        crowd.check(messages)
        first = min(faults.values())
        before = p99(crowd.arrivals, begun + WARM_S, first)
        if before is None:
            raise SystemExit(f"too few messages: the first fault comes within {WARM_S:g} s")
        print(f"{messages} messages at {rate:g}/s, {len(crowd.arrivals)} arrivals: each once, in order")
        print(f"p99 before: {before * MS:.0f} ms")
        for name, when in faults.items():
            worst = max(each.took_s for each in crowd.arrivals if when - 1 <= each.due < when + LOOK_S)
            end = find_end(crowd.arrivals, when, 2 * before)
            felt = f"p99 under twice that again after {end} s" if end is not None else f"felt beyond {LOOK_S} s"
            later = p99(crowd.arrivals, when + 10, when + 10 + WINDOW_S)
            shown = "-" if later is None else f"{later * MS:.0f} ms"
            print(f"{name}: {felt}; p99 after 10 s: {shown}; longest: {worst:.1f} s")
        print(f"tried again: {dict(crowd.again)}")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=100.0)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="zajil-faults-") as folder,
        gateways(Path(folder), 3, forked=False, fsync="on", full_page_writes="on", max_connections="100") as running,
    ):
        asyncio.run(run(running, people=args.people, messages=args.messages, rate=args.rate))


if __name__ == "__main__":
    main()
