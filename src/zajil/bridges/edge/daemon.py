"""The daemon behind the edge: it lets in whoever proves a secret path, and refuses everybody else alike.

The edge first asks `GET /check` with the request's path and form in headers of its own, and no body; only for 204 does
it bring the request itself. Whatever is refused is a bare 404, which the edge shows as its own. Nothing is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from zajil.bridges.edge.caps import Month
from zajil.bridges.edge.config import EdgeConfig
from zajil.bridges.edge.counters import EVERY_S, Counters
from zajil.bridges.edge.door import Admitted, Door, Knock
from zajil.bridges.edge.home import Home, Standing
from zajil.bridges.edge.posts import Posts
from zajil.bridges.edge.splice import splice
from zajil.bridges.edge.traffic import Traffic
from zajil.protocol.errors import AuthError, ZajilError

CHECK_PATH: Final = "/check"
PULL_S: Final = 60.0
_SOONER_S: Final = 5.0
"""Pause before the home server is asked again while it has not answered once."""
_SWEEP_S: Final = 5.0
_STOP_S: Final = 2.0
_SOCKET_MODE: Final = 0o660
_OWN_HEADERS: Final = {"cache-control": "no-store", "access-control-allow-origin": "*"}
_OCTETS: Final = "application/octet-stream"
_SILENT: Final = logging.getLogger("zajil.bridges.edge.nothing")
"""aiohttp quotes what it could not read."""
_SILENT.disabled = True


class Bridge:
    """One running bridge. Made by `start`, ended by `stop`."""

    def __init__(self, config: EdgeConfig, folder: Path, home: Home, *, clock: Callable[[], float]) -> None:
        self._config = config
        self._home = home
        self._clock = clock
        month = Month(config.month_bytes)
        self._counters = Counters(folder, month)
        self._traffic = Traffic(self._counters, month, now=time.monotonic, clock=clock)
        self._door = Door(config.domain, config.dir, clock=clock, has_room=self._traffic.has_room)
        self._posts = Posts(home, self._traffic, keep=self._door.keep, forget=self._door.forget)
        self._tag = ""
        self._runner: web.AppRunner | None = None
        self._chores: list[asyncio.Task[None]] = []
        self.pulled = asyncio.Event()
        """Set once the home server has said which tokens open this bridge."""

    @classmethod
    async def start(
        cls, config: EdgeConfig, folder: Path, home: Home, *, clock: Callable[[], float] = time.time
    ) -> Bridge:
        """Listen on the configured socket. folder: for the counters. home: has its credential; yours to close.

        Raises OSError.
        """
        bridge = cls(config, folder, home, clock=clock)
        bridge._traffic.limit(
            carriers=config.carriers, bytes_per_s=config.carrier_bytes_per_s, month_bytes=config.month_bytes
        )
        await bridge._listen()
        bridge._chores = [asyncio.create_task(chore()) for chore in (bridge._pull, bridge._sweep, bridge._note)]
        return bridge

    @property
    def carriers(self) -> int:
        """Carriers alive."""
        return self._traffic.carriers

    async def stop(self) -> None:
        """Refuse everybody, end every carrier, write the counters."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self._posts.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        with contextlib.suppress(OSError):
            self._counters.write(self._clock())

    async def _listen(self) -> None:
        app = web.Application()
        # Not `.*`: a line break in a path would be refused by the library, in words of its own.
        app.router.add_route("*", r"/{tail:[\s\S]*}", self._answer)
        app.on_response_prepare.append(_anonymous)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_SILENT, handle_signals=False, shutdown_timeout=_STOP_S, auto_decompress=False
        )
        await self._runner.setup()
        path = self._config.socket
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108  # of the process before, in a folder of our own
        await web.UnixSite(self._runner, path, backlog=1024).start()
        os.chmod(path, _SOCKET_MODE)  # noqa: PTH101

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.raw_path.partition("?")[0] == CHECK_PATH:
                self._door.check(_asked(request))
                return web.Response(status=204)
            admitted = self._door.enter(_knock(request))
            return await (self._post if admitted.posts else self._socket)(request, admitted)
        except (ZajilError, web.HTTPException):
            return web.Response(status=404)

    async def _socket(self, request: web.Request, admitted: Admitted) -> web.StreamResponse:
        self._traffic.carriers += 1
        self._counters.carrier(admitted.proof.token_id, self._clock())
        try:
            return await splice(request, self._home, self._traffic, affinity=admitted.affinity)
        finally:
            self._traffic.carriers -= 1

    async def _post(self, request: web.Request, admitted: Admitted) -> web.StreamResponse:
        status, body = await self._posts.answer(request, admitted.proof, affinity=admitted.affinity)
        if status == 404:
            return web.Response(status=404)
        return web.Response(status=status, body=body, headers=_OWN_HEADERS, content_type=_OCTETS)

    async def _pull(self) -> None:
        """Keep tokens and origins as the home server says. One that removed this bridge opens it for nobody."""
        while True:
            try:
                standing = await self._home.ask(self._tag)
                if standing is not None:
                    self._take(standing)
                    await self._prepare()
                self.pulled.set()
            except AuthError:
                self._tag = ""
                self._door.set_tokens({}, ())
            except ZajilError:
                self._counters.failure(self._clock())
            await asyncio.sleep(PULL_S if self.pulled.is_set() else _SOONER_S)

    def _take(self, standing: Standing) -> None:
        own, config = standing.own, self._config
        self._tag = standing.tag
        self._door.set_tokens(
            {bytes(each.id): bytes(each.token) for each in own.tokens},
            own.app_origins,
            public={bytes(each.id) for each in own.tokens if each.public},
        )
        self._traffic.limit(
            carriers=min(config.carriers, own.caps.carriers),
            bytes_per_s=min(config.carrier_bytes_per_s, own.caps.carrier_bytes_per_s),
            month_bytes=min(config.month_bytes, own.caps.month_bytes),
        )

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._posts.sweep()
            await self._prepare()

    async def _prepare(self) -> None:
        """A little for the next bucket, and all that is missing of those around now, with room for visitors between."""
        while self._door.prepare():  # noqa: ASYNC110  # nobody else would tell it
            await asyncio.sleep(0)

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            with contextlib.suppress(OSError):
                self._counters.write(self._clock())


async def _anonymous(_request: web.Request, response: web.StreamResponse) -> None:
    """The edge alone says what it is."""
    for name in ("Server", "Date"):
        response.headers.popall(name, None)


def _asked(request: web.Request) -> Knock:
    """What the edge asks about, in headers that it alone sets."""
    headers = request.headers
    return Knock(
        method=headers.get("x-method", ""),
        target=headers.get("x-path", ""),
        origin=headers.get("origin"),
        upgrade=headers.get("x-upgrade", ""),
        key=headers.get("sec-websocket-key", ""),
        version=headers.get("sec-websocket-version", ""),
    )


def _knock(request: web.Request) -> Knock:
    headers = request.headers
    return Knock(
        method=request.method,
        target=request.raw_path,
        origin=headers.get("origin"),
        upgrade=headers.get("upgrade", ""),
        key=headers.get("sec-websocket-key", ""),
        version=headers.get("sec-websocket-version", ""),
    )
