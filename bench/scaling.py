"""More gateways on one port, over one PostgreSQL and one NATS: what a message costs then, and in which process.

Run: `make bench B=scaling`, or .venv/bin/python bench/scaling.py [--rounds N] [--only NAME,...] [--processes 1,2,4].
Saturated as in `relay_durable`: 200 pairs, each sends again when its last message arrived. The system deals connections
out among P gateways, so of a pair sender and receiver are mostly at two: `hop_share` is the share of messages that a
wake-up over NATS has to tell of, from how many connections each gateway has. `batch_median` is of the transactions in
which messages were kept. Each gateway is bound to a core of its own, and the load to the last one, where there are 2P +
2 cores; else the round is flagged `cores`, everything runs where it may, and its rate is no finding (`alone_per_s` is
the rate of rounds that are not).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import zajil
from bench.generate import Load
from bench.measure import Meter, read_cpu
from bench.peers import postgres
from bench.peers.gateways import Gateways, run_gateways
from bench.provision import Template, template
from bench.record import Subject
from bench.rounds import Entry, MissingError, Turn, make_parser

from bench import relay, rounds

PROCESSES: Final = "1,2,4"
CORES: Final = "cores"
_BATCH: Final = "zajil_batch_operations_bucket"
_ROLES: Final = 'zajil_connections{role="'


class Spent(NamedTuple):
    """Nanoseconds so far."""

    gateways: int
    database: int
    bus: int


def name(count: int) -> str:
    """Of the subject with so many gateways."""
    return f"zajil-pg x{count}"


def find_cores(count: int, there: int) -> list[int | None]:
    """A core for each gateway; None for each where the machine has too few to tell them apart."""
    return list(range(count)) if there >= 2 * count + 2 else [None] * count


@contextmanager
def bound(cores: Sequence[int]) -> Iterator[None]:
    """This process, the load, on these cores alone until the end of the block; anywhere for none."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def median_batch(before: Sequence[Mapping[str, float]], after: Sequence[Mapping[str, float]]) -> float:
    """Upper bound of the bucket in which the median transaction between two readings of all gateways lies; 0 for none.

    Buckets are cumulative, as Prometheus has them.
    """
    bounds: dict[float, float] = {}
    for first, last in zip(before, after, strict=True):
        for figure, value in last.items():
            if figure.startswith(_BATCH):
                bound_ = float(figure.partition('le="')[2].partition('"')[0])
                bounds[bound_] = bounds.get(bound_, 0) + value - first.get(figure, 0)
    total = max(bounds.values(), default=0)
    return next((each for each in sorted(bounds) if total and bounds[each] >= total / 2), 0)


def hop_share(figures: Sequence[Mapping[str, float]]) -> float:
    """Chance that two connections are at two gateways, by how many each has."""
    counts = [sum(value for name, value in each.items() if name.startswith(_ROLES)) for each in figures]
    return 1 - sum((count / sum(counts)) ** 2 for count in counts) if sum(counts) else 0


def play(cluster: postgres.Cluster, made: Template, count: int) -> Turn:
    """One turn with so many gateways, in a database like the template's."""
    turn, database = Turn(), cluster.make_turn()
    cores = find_cores(count, os.cpu_count() or 1)
    if cores[0] is None:
        turn.flags.append(CORES)
    relay.add_fsync(turn)
    own = [] if cores[0] is None else [(os.cpu_count() or 1) - 1]
    with run_gateways(cluster.server(database), made.folder, cores) as running, bound(own):
        relay.run_load(lambda: _saturate(turn, cluster, database, running, made))
    return turn


async def _saturate(turn: Turn, cluster: postgres.Cluster, database: str, running: Gateways, made: Template) -> None:
    def spent() -> Spent:
        return Spent(read_cpu(running.pids).ns, read_cpu([cluster.pid]).ns, read_cpu([cluster.bus_pid]).ns)

    load, pairs = Load(len(made.pairs)), zajil.Pairs(running.port, made.pairs)
    meter = Meter(running.pids, engines=cluster.engines)
    await pairs.open(load, len(made.pairs))
    load.begin()
    await asyncio.sleep(relay.WARM_S)
    load.clear()
    figures, began, before = running.read(), load.received, spent()
    meter.start()
    await asyncio.sleep(relay.WINDOW_S)
    window, after, delivered = meter.stop(), spent(), load.received - began
    later = running.read()
    load.halt()
    await load.drain()
    await pairs.settle(load.sent)
    turn.take(window, saturated=True)
    took = (last - first for last, first in zip(after, before, strict=True))
    turn.metrics |= {
        "cpu_us": window.cpu_us(delivered),
        **{f"{part}_cpu_us": ns / 1000 / delivered for part, ns in zip(Spent._fields, took, strict=True)},
        "msg_per_s": delivered / window.wall_s,
        "p99_ms": load.milliseconds(0.99),
        "gateway_cores": window.subject_cores,
        "hop_share": hop_share(later),
        "batch_median": median_batch(figures, later),
    }
    if CORES not in turn.flags:
        turn.metrics["alone_per_s"] = turn.metrics["msg_per_s"]
    turn.expect("disordered", load.disordered, 0)
    turn.checks["sent"] = load.sent
    turn.expect("received", load.received, load.sent)
    for each, found in pairs.checks().items():
        turn.expect(each, found, load.sent)
    await cluster.emptied(database, turn)()
    pairs.close()


def describe(count: int) -> Subject:
    """Raises MissingError."""
    found = postgres.describe()
    return Subject(name=name(count), version=found.version, settings=f"{count} gateways, {found.settings}")


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = make_parser(__doc__)
    parser.add_argument("--processes", default=PROCESSES)
    options = parser.parse_args()
    try:
        postgres.describe()
    except MissingError as missing:
        print(f"zajil-pg: not on this machine; {missing}")
        return
    counts = [int(each) for each in options.processes.split(",")]
    with (
        postgres.run_cluster() as cluster,
        template(pairs=relay.PAIRS, server=cluster.server(postgres.TEMPLATE)) as made,
    ):
        entries = [
            Entry(name(count), partial(describe, count), partial(play, cluster, made, count)) for count in counts
        ]
        params = {"pairs": relay.PAIRS, "window": 1, "body_bytes": 256, "processes": options.processes}
        rounds.run("scaling", entries, params=params, options=options)


if __name__ == "__main__":
    main()
