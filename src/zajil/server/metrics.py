"""Figures of this process for Prometheus: counts and times only, no label that comes from a peer.

Served on a loopback listener of its own, off by default, so that no proxy rule can publish it by mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from zajil.protocol.frames import Role


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
        self._connections = Gauge("zajil_connections", "Open connections.", ["role"], registry=self.registry)
        self._lag = Gauge("zajil_loop_lag_ms", "Longest recent pause of the event loop.", registry=self.registry)

    def count_call(self, route: str, status: int) -> None:
        """route: as in the table of routes, never a path that was called."""
        self._calls.labels(route, str(status)).inc()

    def count_request(self, kind: str, outcome: str) -> None:
        """kind: send, commit or create; outcome: ok or an error code."""
        self._requests.labels(kind, outcome).inc()

    def watch(self, *, connections: Callable[[Role], int], lag_s: Callable[[], float]) -> None:
        """Read these when asked."""
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
