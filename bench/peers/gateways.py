"""Several gateways of one server, on one port and one database: what a machine runs that has more than one core."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.peers.starting import START_S, find_free_port
from bench.peers.zajil import Zajil

LISTEN: Final = "0A"


class Gateways(NamedTuple):
    """What runs. pids: one root each; metrics: where each tells its figures, in the same order."""

    port: int
    pids: tuple[int, ...]
    metrics: tuple[int, ...]

    def read(self) -> list[dict[str, float]]:
        """The figures of each by name and labels, as its page has them."""
        return [parse_figures(_fetch(port)) for port in self.metrics]


@contextmanager
def run_gateways(server: Zajil, template: Path, cores: Sequence[int | None]) -> Iterator[Gateways]:
    """One for each of these cores, bound to it where it is not None, until the end of the block.

    server: over a database and bus that all may use. template: of the data directories, which hold the same keys.
    """
    port, shared = find_free_port(), server.with_settings("reuse_port = true")
    with ExitStack() as stack:
        pids, metrics = [], []
        for count, core in enumerate(cores, start=1):
            data = stack.enter_context(shared.copy(template))
            metrics.append(find_free_port())
            prefix = () if core is None else ("taskset", "-c", str(core))
            running = stack.enter_context(shared.run_in(data, port=port, metrics_port=metrics[-1], prefix=prefix))
            pids.append(running.pid)
            _wait_for_listeners(port, count)
        yield Gateways(port, tuple(pids), tuple(metrics))


def count_listeners(port: int, table: str) -> int:
    """How many sockets listen at this port, by the text of `/proc/net/tcp`."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == LISTEN for row in rows)


def parse_figures(page: str) -> dict[str, float]:
    """Lines `name{labels} value` of a page of metrics."""
    rows = [line.rpartition(" ") for line in page.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def _fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read(), "utf-8")


def _wait_for_listeners(port: int, count: int) -> None:
    """The port answers as soon as the first of them is there. Raises RuntimeError."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if count_listeners(port, Path("/proc/net/tcp").read_text(encoding="ascii")) >= count:
            return
        time.sleep(0.05)
    raise RuntimeError(f"no {count} gateways at one port")
