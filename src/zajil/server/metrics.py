"""Figures of this process for Prometheus: counts and times only, no label that comes from a peer.

Served on a loopback listener of its own, off by default, so that no proxy rule can publish it by mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from zajil.protocol.frames import Role


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
            "From a version's second to its verdict.",
            buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
            registry=registry,
        )
        self._waiting = Gauge("moderation_outbox_waiting", "Versions not judged yet.", registry=registry)
        self._oldest = Gauge("moderation_outbox_oldest_seconds", "Age of the oldest of them.", registry=registry)

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


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "zajil_calls", "Control calls by route and status.", ["route", "status"], registry=self.registry
        )
        self._requests = Counter(
            "zajil_requests", "Data requests by kind and outcome.", ["kind", "outcome"], registry=self.registry
        )
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
        self.moderation = ModerationFigures(self.registry)

    def count_call(self, route: str, status: int) -> None:
        """route: as in the table of routes, never a path that was called."""
        self._calls.labels(route, str(status)).inc()

    def count_request(self, kind: str, outcome: str) -> None:
        """kind: send, commit or create; outcome: ok or an error code."""
        self._requests.labels(kind, outcome).inc()

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
        self, *, connections: Callable[[Role], int], lag_s: Callable[[], float], media: Callable[[], int]
    ) -> None:
        """Read these when asked."""
        self._media.set_function(media)
        for role in Role:
            self._connections.labels(role.name).set_function(partial(connections, role))
        self._lag.set_function(lambda: lag_s() * 1000)

    async def listen(self, port: int) -> web.AppRunner:
        """Serve /metrics on 127.0.0.1 at this port."""
        app = web.Application()
        app.router.add_get("/metrics", self._show)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_LATEST})
