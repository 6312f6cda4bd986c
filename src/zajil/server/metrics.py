"""Figures of this process for Prometheus: counts and times only, no label that comes from a peer.

Served on a loopback listener of its own, off by default, so that no proxy rule can publish it by mistake.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from zajil.protocol.frames import Role
from zajil.server.config import ConfigError


class ModerationFigures:
    """What the moderation worker counts; see `Figures` of its pipeline. No ids and no texts in labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._posts = Counter("moderation_posts", "Versions judged.", ["lang", "stage", "outcome"], registry=registry)
        self._decisions = Counter(
            "moderation_decisions", "Programs' decisions.", ["action", "category", "source"], registry=registry
        )
        self._skipped = Counter(
            "moderation_stage_skipped", "Optional stages that failed.", ["stage"], registry=registry
        )
        self._batch = Histogram("moderation_batch_seconds", "From claim to finish.", registry=registry)
        self._delay = Histogram(
            "moderation_send_to_decision_seconds",
            "From when a version was written to its verdict.",
            buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
            registry=registry,
        )
        self._waiting = Gauge("moderation_outbox_waiting", "Versions not judged yet.", registry=registry)
        self._oldest = Gauge(
            "moderation_outbox_oldest_seconds", "Age of the oldest version not judged yet.", registry=registry
        )

    def count_post(self, lang: str, stage: int, outcome: str) -> None:
        """One version judged."""
        self._posts.labels(lang, str(stage), outcome).inc()

    def count_decision(self, action: str, category: str, source: str) -> None:
        """One decision made by a program."""
        self._decisions.labels(action, category, source).inc()

    def count_skipped(self, stage: str) -> None:
        """An optional stage failed."""
        self._skipped.labels(stage).inc()

    def note_batch(self, seconds: float) -> None:
        """How long a batch took."""
        self._batch.observe(seconds)

    def note_delay(self, seconds: float) -> None:
        """How long a version waited for its verdict."""
        self._delay.observe(seconds)

    def note_backlog(self, backlog: tuple[int, float]) -> None:
        """How many wait, and how long the oldest has."""
        self._waiting.set(backlog[0])
        self._oldest.set(backlog[1])


class _Tally(Collector):
    """Counts by labels, which go to a counter when somebody reads: adding each there would cost a message more."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self.counts: dict[tuple[str, str], int] = {}

    def describe(self) -> Iterable[Metric]:
        """None of its own."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """None of its own; the counter has all that was counted, once this returns."""
        counts, self.counts = self.counts, {}
        for labels, count in counts.items():
            self._counter.labels(*labels).inc(count)
        return ()


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._told_calls: dict[tuple[str, int], Counter] = {}
        self._calls = Counter(
            "zajil_calls", "Control calls by route and status.", ["route", "status"], registry=self.registry
        )
        requests = Counter("zajil_requests", "Data requests by kind and outcome.", ["kind", "outcome"], registry=None)
        self._requests = _Tally(requests)
        # In this order: whoever reads the registry asks the tally before the counter.
        self.registry.register(self._requests)
        self.registry.register(requests)
        self._pushes = Counter(
            "zajil_pushes", "Posts to push services by outcome.", ["outcome"], registry=self.registry
        )
        self._connections = Gauge("zajil_connections", "Open connections.", ["role"], registry=self.registry)
        self._media = Gauge("zajil_media_connections", "Connections in media rooms.", registry=self.registry)
        self._bad_media = Counter(
            "zajil_calls_bad_input", "Records in media rooms that were no frame.", registry=self.registry
        )
        self._media_over = Counter(
            "zajil_calls_over_room", "Media frames dropped because their room had too many.", registry=self.registry
        )
        self._lag = Gauge("zajil_loop_lag_ms", "Longest recent pause of the event loop.", registry=self.registry)
        self._batches = Histogram(
            "zajil_batch_operations",
            "Requests that the writer of mailboxes took into one transaction.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            "zajil_batch_seconds",
            "How long such a transaction took, to its place on the disk.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )
        self._queue = Gauge("zajil_queue_operations", "Requests that wait for the writer.", registry=self.registry)
        self._attachments = Gauge(
            "zajil_attachments_bytes", "Attachments, on the disk or in the bucket.", registry=self.registry
        )
        self._untold = Gauge(
            "zajil_untold_aside", "Decisions of moderators that can be told to nobody.", registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        self.moderation = ModerationFigures(self.registry)

    def note_batch(self, operations: int, seconds: float) -> None:
        """One transaction of the writer of mailboxes; in any thread."""
        self._batches.observe(operations)
        self._batch_seconds.observe(seconds)

    def count_call(self, route: str, status: int) -> None:
        """route: as in the table of routes, never a path that was called."""
        told = self._told_calls.get((route, status))
        if told is None:
            told = self._told_calls[route, status] = self._calls.labels(route, str(status))
        told.inc()

    def count_request(self, kind: str, outcome: str) -> None:
        """kind: send, commit or create; outcome: ok or an error code. On the event loop's thread, as reading is."""
        counts, labels = self._requests.counts, (kind, outcome)
        counts[labels] = counts.get(labels, 0) + 1

    def count_push(self, outcome: str) -> None:
        """One post to a push service: taken, gone, later or refused."""
        self._pushes.labels(outcome).inc()

    def count_bad_media(self) -> None:
        """A record in a media room was dropped."""
        self._bad_media.inc()

    def count_media_over(self) -> None:
        """A frame was one too many for its media room."""
        self._media_over.inc()

    def watch(
        self,
        *,
        connections: Callable[[Role], int],
        lag_s: Callable[[], float],
        media: Callable[[], int],
        queue: Callable[[], int],
        attachments: Callable[[], int],
        untold: Callable[[], int],
    ) -> None:
        """Read these when asked."""
        self._media.set_function(media)
        self._queue.set_function(queue)
        self._attachments.set_function(attachments)
        self._untold.set_function(untold)
        for role in Role:
            self._connections.labels(role.name).set_function(partial(connections, role))
        self._lag.set_function(lambda: lag_s() * 1000)

    async def listen(self, port: int) -> web.AppRunner:
        """Serve /metrics on 127.0.0.1 at this port. Raises ConfigError where something else does."""
        app = web.Application()
        app.router.add_get("/metrics", self._show)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError as fault:
            await runner.cleanup()
            if fault.errno != errno.EADDRINUSE:
                raise
            raise ConfigError(
                f"metrics_port: {port} is in use; of several servers on one machine each has its own "
                "(zajil serve --metrics-port)"
            ) from fault
        return runner

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_LATEST})


def render() -> str:
    """`docs/operate/figures.md`: every figure with its kind and sentence."""
    lines = [
        "# Figures of a running server",
        "",
        "Written by `python -m zajil.server.metrics`. With `metrics_port` set, `http://127.0.0.1:PORT/metrics` gives",
        "them in the form of Prometheus, on this machine alone: counts and times, nothing about a person.",
        "[dashboard.json](dashboard.json) is a dashboard for Grafana (Dashboards > Import, with a data source of",
        "Prometheus), [alerts.yaml](alerts.yaml) holds rules for Prometheus. Both name figures of this table alone.",
        "",
        "Standard error has what went wrong and nothing else: level, place and a fixed sentence, never an id, a token,",
        "an address or a path of a person. Where the database does not answer its driver is quoted, with the address",
        'of the database. `log_form = "json"` makes each a line of JSON: `level`, `logger`, `text`, and `trace`,',
        "the frames of an exception without its words. It carries no time: whoever collects the lines knows it.",
        "",
        "On Linux `process_resident_memory_bytes`, `process_cpu_seconds_total`, `process_open_fds`, `process_max_fds`",
        "and `process_start_time_seconds` stand beside them.",
        "",
        "| Figure | Kind | What it is |",
        "|---|---|---|",
    ]
    for family in sorted(Metrics().registry.collect(), key=lambda each: each.name):
        total = "_total" if family.type == "counter" else ""
        if not family.name.startswith("process_"):
            lines.append(f"| `{family.name}{total}` | {family.type} | {family.documentation} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
