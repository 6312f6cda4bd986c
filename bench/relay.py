"""One turn of a relay between pairs: warm up, saturated, quiet, then a fixed rate; the same for every subject.

Flags beside those of the window: `late`, the load did not keep the rate; `overrun`, the server did not, and its
latencies are those of a queue that grows.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Final, Protocol

import uvloop
from bench.generate import Load
from bench.measure import Meter
from bench.rounds import Turn, WrongResultError

from bench import measure

PAIRS: Final = 200
RATE_PER_S: Final = 2000
WARM_S: Final = 0.7
WINDOW_S: Final = 2.0
QUIET_S: Final = 1.0
PARAMS: Final = {"pairs": PAIRS, "window": 1, "rate_per_s": RATE_PER_S, "body_bytes": 256}


class Pairs(Protocol):
    """Connections in pairs, of any protocol."""

    async def open(self, load: Load, count: int) -> None:
        """Connect all, and give the load what sends."""

    def checks(self) -> dict[str, int]:
        """Counts that the load does not see itself."""

    def close(self) -> None:
        """End all connections."""


def run_load(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the load on uvloop. Raises WrongResultError for whatever a connection could not take."""
    failed: list[BaseException] = []

    async def watched() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            failed.append(context.get("exception") or RuntimeError(str(context.get("message"))))
            if task is not None:
                task.cancel()

        loop.set_exception_handler(report)
        gc.collect()
        gc.freeze()
        await main()

    try:
        uvloop.run(watched())
    except asyncio.CancelledError:
        if not failed:
            raise
    finally:
        gc.unfreeze()
    if failed:
        raise WrongResultError(str(failed[0])) from failed[0]


async def play(
    turn: Turn,
    pairs: Pairs,
    pid: int,
    *,
    engines: Iterable[int] = (),
    count: int = PAIRS,
    settle: Callable[[int], Awaitable[None]] | None = None,
    emptied: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """A whole turn on a server that runs.

    pid: root of its processes. settle: waits for what else the server owes, after so many were sent. emptied: waits,
    while all are connected, until the server has written down what was acknowledged.
    """
    load, meter = Load(count), Meter([pid], engines=engines)
    await pairs.open(load, count)
    load.begin()
    await asyncio.sleep(WARM_S)
    await _saturated(turn, load, meter)
    await asyncio.sleep(QUIET_S)
    await _paced(turn, load, meter)
    if settle is not None:
        await settle(load.sent)
    turn.expect("disordered", load.disordered, 0)
    turn.checks["sent"] = load.sent
    turn.expect("received", load.received, load.sent)
    for name, found in pairs.checks().items():
        turn.expect(name, found, load.sent)
    if emptied is not None:
        await emptied()
    pairs.close()


async def play_saturated(
    turn: Turn, pairs: Pairs, pid: int, *, emptied: Callable[[], Awaitable[None]] | None = None, count: int = PAIRS
) -> None:
    """The saturated half of a turn alone. emptied: see `play`."""
    load, meter = Load(count), Meter([pid])
    await pairs.open(load, count)
    load.begin()
    await asyncio.sleep(WARM_S)
    await _saturated(turn, load, meter)
    turn.expect("pairs_received", load.received, load.sent)
    if emptied is not None:
        await emptied()
    pairs.close()


async def _saturated(turn: Turn, load: Load, meter: Meter) -> None:
    load.clear()
    before = load.received
    meter.start()
    await asyncio.sleep(WINDOW_S)
    window, delivered = meter.stop(), load.received - before
    turn.take(window, saturated=True)
    turn.metrics |= {
        "sat_cpu_us": window.cpu_us(delivered),
        "sat_msg_per_s": delivered / window.wall_s,
        "sat_p99_ms": load.milliseconds(0.99),
        "srv_cores": window.subject_cores,
        "gen_cpu_us": window.generator_s * 1e6 / delivered,
    }
    if window.engine_s:
        turn.metrics["engine_cpu_us"] = window.engine_s * 1e6 / delivered
    load.halt()
    await load.drain()


async def _paced(turn: Turn, load: Load, meter: Meter) -> None:
    load.clear()
    before = load.received
    meter.start()
    await load.pace(RATE_PER_S, WINDOW_S)
    window, delivered = meter.stop(), load.received - before
    await load.drain()
    turn.take(window)
    if load.late:
        turn.flags.append("late")
    if delivered < 0.9 * RATE_PER_S * WINDOW_S:
        turn.flags.append("overrun")
    if delivered:
        turn.metrics["rate_cpu_us"] = window.cpu_us(delivered)
    turn.metrics |= {
        "rate_p50_ms": load.milliseconds(0.5),
        "rate_p99_ms": load.milliseconds(0.99),
    }


def add_fsync(turn: Turn) -> None:
    """What the disk takes just now, where the servers of this run keep their data."""
    with tempfile.TemporaryDirectory() as folder:
        floor = measure.measure_fsync(Path(folder), times=100)
    turn.metrics["fsync_p50_ms"] = floor.fsync_p50_us / 1000
