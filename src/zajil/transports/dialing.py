"""One dial of one candidate: its way, its URL, its strategy and, where TLS ends outside the origin, its seal.

Everything that a device knows and its dials share is the `DialContext`; nothing here decides what is dialled when.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.bridgepath import NONCE_BYTES, bridge_path
from zajil.protocol.reach.endpoints import Endpoint
from zajil.protocol.reach.seal import Channel, SessionKey
from zajil.transports.base import USABLE_DEADLINE_S, Carrier, DialError, Reason, Stage
from zajil.transports.fingerprint import Browser, dial_browser
from zajil.transports.http import Answered
from zajil.transports.pluggable import Programs
from zajil.transports.poll import dial_poll
from zajil.transports.sealed import Seals, fetch_roots
from zajil.transports.sockets import PLAIN, Socks, Way
from zajil.transports.websocket import dial_websocket

Attempt: TypeAlias = Callable[[], Coroutine[Any, Any, tuple[Carrier, Way]]]  # Any: as create_task declares it
PINNED_AFTER_S: Final = 2.0
"""A name whose addresses have shown no TLS by then is tried at its pinned ones beside."""
CLOCK_WRONG_S: Final = 300.0
_CHANNEL: Final = {Role.R: Channel.R, Role.S: Channel.S}
_ORDER: Final = tuple(Stage)
_ADDRESSING: Final = (Stage.DNS, Stage.TCP, Stage.TLS)


class Trust(Protocol):
    """What a device knows of its server's root."""

    def is_plain(self, endpoint: Endpoint) -> bool:
        """Whether TLS ends at the origin there, so that no seal is needed."""

    def session_key(self) -> SessionKey | None:
        """The key to seal to; None before any root is known."""

    def take_roots(self, envelopes: Sequence[bytes]) -> None:
        """Root documents that a server answered. Raises ZajilError for any that are not this server's."""


@dataclass(slots=True, kw_only=True)
class DialContext:
    """What all dials of one device share. now_s: Unix seconds of this machine. random: n random bytes.

    http: ids of endpoints that are spoken to without TLS, on a laptop. browser: whose ClientHello `wss-browser` shows.
    clock_offset_s: what to add to now_s for the server's time, as far as known.
    """

    trust: Trust
    seals: Seals
    programs: Programs
    now_s: Callable[[], float]
    random: Callable[[int], bytes]
    http: frozenset[str] = frozenset()
    socks: Socks | None = None
    browser: Browser = "chrome"
    clock_offset_s: float = 0.0
    pinned: set[str] = field(default_factory=set)
    """Endpoints whose names led elsewhere: their pinned addresses go first, until the network changes."""

    def affinity(self) -> str:
        """The `r` of a new session: edges send what has the same one to the same gateway."""
        return self.random(2).hex()


async def dial(
    candidate: Candidate,
    role: Role,
    ctx: DialContext,
    *,
    affinity: str = "",
    lane: str = "",
    connected: Callable[[], None] = PLAIN.connected,
) -> Carrier:
    """A usable carrier for a session of this role: upgraded or answered, and where it must be, sealed.

    affinity: of the session; "" for a new one. lane: whose seal to go on with, as `Seals.wrap`. connected: called when
    TLS stands. Raises DialError alone.
    """
    way = Way(connected=connected)
    aim = _Aim(role.path, _CHANNEL[role], affinity or ctx.affinity(), lane)
    return await _bounded(_Dial(candidate, aim, ctx, way=way))


async def dial_media(
    candidate: Candidate, ctx: DialContext, *, affinity: str, opened: Callable[[socket.socket], None]
) -> Carrier:
    """A carrier for the media socket of a call, ready for its preamble; sealed where sessions are.

    affinity: the first four hex digits of the room. opened: gets each socket that is tried, which stays the carrier's.
    Raises DialError alone; for a candidate of POSTs at once, since they carry no media.
    """
    if candidate.strategy is Strategy.POLL:
        raise DialError(Stage.HTTP, Reason.STATUS, note="POSTs carry no media")
    aim = _Aim(Role.S.path, Channel.MEDIA, affinity, "")
    return await _bounded(_Dial(candidate, aim, ctx, way=Way(opened=opened)))


async def _bounded(attempt: _Dial) -> Carrier:
    try:
        async with asyncio.timeout(USABLE_DEADLINE_S):
            return await attempt.run()
    except TimeoutError:
        raise DialError(attempt.stage, Reason.TIMEOUT) from None
    except DialError:
        raise
    except ZajilError:
        raise DialError(attempt.stage, Reason.CLOSED) from None
    except Exception as failure:
        # A peer or a library of transports may fail in ways nobody thought of: one way fails then, and not the race.
        note = f"unexpected {type(failure).__name__}"
        raise DialError(attempt.stage, Reason.CLOSED, note=note) from failure


@dataclass(frozen=True, slots=True)
class _Aim:
    """What a carrier is for. path: where no seal is needed. lane: as `Seals.wrap`."""

    path: str
    channel: Channel
    affinity: str
    lane: str


class _Dial:
    def __init__(self, candidate: Candidate, aim: _Aim, ctx: DialContext, *, way: Way) -> None:
        self._endpoint = candidate.endpoint
        self._strategy = candidate.strategy
        self._aim = aim
        self._ctx = ctx
        self._way = way
        self._offset_s = ctx.clock_offset_s
        self.stage = Stage.HTTP

    async def run(self) -> Carrier:
        """A path that was refused may mean that our clock is wrong: the answer tells the time, once."""
        try:
            return await self._once()
        except Answered as answer:
            if self._endpoint.token is None or answer.at is None:
                raise
            offset = answer.at - self._ctx.now_s()
            if abs(offset - self._ctx.clock_offset_s) < CLOCK_WRONG_S:
                raise
            # For this path alone: anybody can write a Date. What is kept was told under the seal.
            self._offset_s = offset
            self.stage = Stage.HTTP
            return await self._once()

    async def _once(self) -> Carrier:
        if self._ctx.trust.is_plain(self._endpoint):
            return await self._connect()
        key = self._ctx.trust.session_key()
        if key is None:
            key = await self._first_key()
        raw = await self._connect()
        self.stage = Stage.ACCEPT
        try:
            sealed = await self._ctx.seals.wrap(raw, self._aim.channel, key, lane=self._aim.lane)
        except BaseException:
            await raw.close()
            raise
        if self._ctx.seals.clock_offset_ms is not None:
            self._ctx.clock_offset_s = self._ctx.seals.clock_offset_ms / 1000
        return sealed

    async def _first_key(self) -> SessionKey:
        """First contact: the root documents over this very bridge, on a carrier of their own, before any seal."""
        raw = await self._connect()
        self.stage = Stage.ACCEPT
        try:
            self._ctx.trust.take_roots(await fetch_roots(raw))
        except DialError:
            raise
        except ZajilError:
            raise DialError(Stage.ACCEPT, Reason.CERT) from None
        finally:
            await raw.close()
        key = self._ctx.trust.session_key()
        if key is None:
            raise DialError(Stage.ACCEPT, Reason.CERT)
        self.stage = Stage.HTTP
        return key

    async def _connect(self) -> Carrier:
        ctx, endpoint = self._ctx, self._endpoint
        match self._strategy:
            case Strategy.SOCKS:
                if ctx.socks is None:
                    raise DialError(Stage.TCP, Reason.PROXY, note="no SOCKS server is set")
                return await self._over(replace(self._way, socks=ctx.socks))
            case Strategy.PT:
                if endpoint.pt is None:
                    raise DialError(Stage.TCP, Reason.PROXY, note="no transport is named")
                socks = await ctx.programs.socks(endpoint.pt.name, endpoint.pt.args)
                return await self._over(replace(self._way, socks=socks, target=(endpoint.pt.host, endpoint.pt.port)))
        if not endpoint.ips or endpoint.host in endpoint.ips:
            return await self._over(self._way)
        pinned = replace(self._way, ips=endpoint.ips)
        ways = (pinned, self._way) if endpoint.id in ctx.pinned else (self._way, pinned)
        carrier, way = await _first_made(*(partial(self._made, way) for way in ways))
        if way is pinned:
            ctx.pinned.add(endpoint.id)
        else:
            ctx.pinned.discard(endpoint.id)
        return carrier

    async def _made(self, way: Way) -> tuple[Carrier, Way]:
        return await self._over(way), way

    async def _over(self, way: Way) -> Carrier:
        url = self._url()
        match self._strategy:
            case Strategy.WSS_BROWSER:
                return await dial_browser(url, way, browser=self._ctx.browser)
            case Strategy.POLL:
                page = "/v1/health" if self._ctx.trust.is_plain(self._endpoint) else "/"
                base = _as_http(self._base())
                return await dial_poll(_as_http(url), way, page=base + page, random=self._ctx.random)
        return await dial_websocket(url, way)

    def _base(self) -> str:
        endpoint = self._endpoint
        scheme = "ws" if endpoint.id in self._ctx.http else "wss"
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        usual = 80 if scheme == "ws" else 443
        return f"{scheme}://{host}" + ("" if endpoint.port == usual else f":{endpoint.port}")

    def _url(self) -> str:
        """Each time another one on a bridge: its path is good once."""
        endpoint = self._endpoint
        if endpoint.token is not None:
            nonce = self._ctx.random(NONCE_BYTES)
            now_s = self._ctx.now_s() + self._offset_s
            path = bridge_path(endpoint.token, endpoint.host, endpoint.dir, now_s=now_s, nonce=nonce)
        elif self._ctx.trust.is_plain(endpoint):
            path = self._prefix() + self._aim.path
        else:
            path = self._prefix() + "/v1/sealed"
        return f"{self._base()}{path}?r={self._aim.affinity}"

    def _prefix(self) -> str:
        return f"/{self._endpoint.dir}" if self._endpoint.dir else ""


def _as_http(url: str) -> str:
    return "http" + url.removeprefix("ws")


async def _first_made(first: Attempt, second: Attempt) -> tuple[Carrier, Way]:
    """What the first attempt makes, or the second, begun when the first failed below HTTP or is late."""
    tasks = [asyncio.create_task(first())]
    try:
        await asyncio.wait(tasks, timeout=PINNED_AFTER_S)
        if not tasks[0].done() or _stage(tasks[0]) in _ADDRESSING:
            tasks.append(asyncio.create_task(second()))
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.exception() is None:
                    tasks.remove(task)
                    return task.result()
        # All failed: what came furthest says most.
        return max(tasks, key=lambda task: _ORDER.index(_stage(task) or Stage.DNS)).result()
    finally:
        for task in tasks:
            await _discard(task)


def _stage(task: asyncio.Task[tuple[Carrier, Way]]) -> Stage | None:
    failure = task.exception()
    return failure.stage if isinstance(failure, DialError) else None


async def _discard(task: asyncio.Task[tuple[Carrier, Way]]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, ZajilError):
        carrier, _ = await task
        await carrier.close()
