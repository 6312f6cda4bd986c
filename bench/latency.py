"""How long a message takes at a rate: 200, 2,000 and 5,000 a second, stored and not.

Run: `make bench B=latency`, or .venv/bin/python bench/latency.py [--rounds N] [--only NAME,...] [--seconds N]. Open
loop: messages leave on time, whatever arrives. `-ephemeral` subjects are ours without storage. A server that cannot
take a rate is flagged `overrun`, and what it would take for higher ones is not asked. One that then says `busy` is
flagged with that too: what it refused is counted (`refused`), and all else has to arrive. Where it closes a session
for it, the turn ends with the figures that it has by then, and what was on its way is not asked for.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import brokers as loads
from bench.adapters import xmpp, zajil
from bench.generate import Load
from bench.measure import Meter
from bench.peers import brokers, ejabberd, prosody
from bench.peers import zajil as servers
from bench.peers.starting import Server
from bench.provision import Template, template
from bench.record import Subject
from bench.rounds import Entry, Turn

from bench import relay, rounds
from zajil.protocol.frames import EPHEMERAL

RATES: Final = (200, 2000, 5000)
SECONDS: Final = 10.0


async def play(turn: Turn, pairs: relay.Pairs, pid: int, seconds: float) -> bool:
    """Each rate in turn, the lowest first. Whether all that was not refused arrived, as it must on whole sessions."""
    load, meter = Load(relay.PAIRS), Meter([pid])
    await pairs.open(load, relay.PAIRS)
    await load.pace(RATES[0], relay.WARM_S)
    await load.drain()
    for rate in RATES:
        load.clear()
        before = load.received
        meter.start()
        await load.pace(rate, seconds)
        window, delivered = meter.stop(), load.received - before
        await load.drain()
        turn.take(window)
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
            if load.latencies:
                turn.metrics[f"{name}_{rate}_ms"] = load.milliseconds(share)
        if load.late:
            turn.flags.append(f"late_{rate}")
        is_busy = load.is_cut or load.refused > 0
        if is_busy:
            turn.flags.append(f"busy_{rate}")
        if is_busy or delivered < 0.9 * rate * seconds:
            turn.flags.append(f"overrun_{rate}")
            break
        await asyncio.sleep(relay.QUIET_S)
    turn.checks |= {"sent": load.sent, "refused": load.refused}
    turn.expect("disordered", load.disordered, 0)
    if load.is_cut:
        turn.checks["received"] = load.received
        return False
    turn.expect("received", load.received, load.sent - load.refused)
    return True


def play_peer(server: Server, open_pairs: Callable[[int], relay.Pairs], seconds: float) -> Turn:
    """One turn of a peer."""
    turn = Turn()
    with server.run() as running:

        async def whole() -> None:
            pairs = open_pairs(running.port)
            await play(turn, pairs, running.pid, seconds)
            pairs.close()

        relay.run_load(whole)
    return turn


def play_zajil(server: servers.Zajil, made: Template, flags: int, seconds: float) -> Turn:
    """One turn of ours, whose mailboxes have to be empty after it."""
    turn = Turn()
    relay.add_fsync(turn)
    with server.run(made.folder) as running:
        pairs = zajil.Pairs(running.port, made.pairs, flags=flags, may_refuse=True)
        emptied = servers.emptied(running.folder, turn)

        async def whole() -> None:
            if await play(turn, pairs, running.pid, seconds):
                await pairs.settle(turn.checks["received"])
                await emptied()
            pairs.close()

        relay.run_load(whole)
    return turn


def describe_ephemeral(server: servers.Zajil) -> Subject:
    """The same server, for messages that nobody stores."""
    found = server.describe()
    return Subject(name=f"{found.name}-ephemeral", version=found.version, settings=found.settings)


def main() -> None:
    """Prints every turn and the medians."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    seconds = options.seconds
    peers: list[tuple[Server, Callable[[int], relay.Pairs]]] = [(each, xmpp.Pairs) for each in ejabberd.VARIANTS]
    peers += [
        (prosody.Prosody(), xmpp.Pairs),
        (brokers.Mosquitto(), loads.open_mqtt),
        (brokers.Nats(), loads.open_nats),
    ]
    with template(pairs=relay.PAIRS) as made:
        entries = [Entry(s.name, s.describe, partial(play_zajil, s, made, 0, seconds)) for s in servers.VARIANTS]
        entries += [
            Entry(
                f"{s.name}-ephemeral", partial(describe_ephemeral, s), partial(play_zajil, s, made, EPHEMERAL, seconds)
            )
            for s in servers.VARIANTS
        ]
        entries += [Entry(s.name, s.describe, partial(play_peer, s, pairs, seconds)) for s, pairs in peers]
        params = {"pairs": relay.PAIRS, "seconds": seconds, "body_bytes": 256}
        rounds.run("latency", entries, params=params, options=options)


if __name__ == "__main__":
    main()
