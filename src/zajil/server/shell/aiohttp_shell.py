"""The shell on aiohttp: WebSockets for sessions and plain HTTPS for control calls, on one port.

No compression (ciphertext does not shrink), no heartbeat timer per connection, no access log, no Server header, and
nothing that a peer sent reaches a log. Records are sent by a task that lives only while there is something to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from aiohttp import WSMessage, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDictProxy

from zajil.protocol.control import find_route, is_call
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.limits import RECORD_SIZES
from zajil.server.gateway.connection import Connection
from zajil.server.gateway.gateway import Gateway
from zajil.server.http.calls import HttpAnswer, HttpCall, refuse
from zajil.server.shell.peers import PeerRules
from zajil.server.site.headers import API_HEADERS

_BODY_S = 30.0
_BUSY_RETRY_MS = 1000
_CLOSE_S = 2.0
_CALL_GRACE_S = 3.0
_BODY_MAX = 1 << 20
# Frames of WebSocket itself that carry no record. They are answered, but one by one, and only so many.
_PLUMBING = {WSMsgType.PING, WSMsgType.PONG}
_PLUMBING_COST = 256
_DEFAULTS = {"cache-control": "no-store", **API_HEADERS}
_UPGRADE_HEADERS = {"upgrade", "sec-websocket-key"}


class AiohttpShell:
    """See `shell.Shell`."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        call: Callable[[HttpCall], Awaitable[HttpAnswer]],
        site: Callable[[str, str, Mapping[str, str]], HttpAnswer],
        peers: PeerRules,
        bodies_max_bytes: int,
    ) -> None:
        """call: answers control calls. site: answers every other request, from method, target and headers.

        bodies_max_bytes: memory for bodies of control calls that are still arriving, all together.
        """
        self._bodies_room = bodies_max_bytes
        self._gateway = gateway
        self._site = site
        self._call = call
        self._peers = peers
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on host and port (0 = any); the port in use. Raises OSError."""
        app = web.Application()
        for role in Role:
            app.router.add_get(role.path, self._socket)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_CALL_GRACE_S,
            keepalive_timeout=75,
            auto_decompress=False,
        )
        await self._runner.setup()
        if self._runner.server is not None:
            self._runner.server.request_factory = _make_request
        site = web.TCPSite(self._runner, host, port, backlog=1024)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop accepting and close everything."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if is_call(request.raw_path):
            answer = await self._control(request)
        else:
            answer = self._site(request.method, request.raw_path, _lower(request.headers))
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _control(self, request: web.Request) -> HttpAnswer:
        try:
            self._check_origin(request)
            return await self._call(
                HttpCall(
                    method=request.method,
                    path=request.raw_path,
                    headers=_lower(request.headers),
                    body=await self._read_body(request),
                    prefix=self._prefix(request),
                )
            )
        except ZajilError as reason:
            return refuse(reason)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if not _is_upgrade(request.headers):
            return _problem(error("malformed", "not a WebSocket"))
        try:
            self._check_origin(request)
            if "authorization" in request.headers:
                raise error("mixed-auth")
            if not request.query.keys() <= {"r"}:
                raise error("malformed", "query")
            link = _Link(self._gateway, Role(request.path), self._prefix(request))
        except ZajilError as reason:
            return _problem(reason)
        return await link.serve(request)

    async def _read_body(self, request: web.Request) -> bytes:
        """The body, as much as this route may take. Raises Malformed `too-big` or `malformed`, Unavailable `busy`."""
        if "content-encoding" in request.headers:
            raise error("malformed", "a packed body")
        found = find_route(request.method, request.path)
        most = found.route.limit if found else 0
        if (request.content_length or 0) > max(most, 1):
            raise error("too-big") if most else error("malformed", "no body here")
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_S):
                async for part in request.content.iter_any():
                    body += part
                    self._bodies_room -= len(part)
                    if len(body) > min(most, _BODY_MAX):
                        raise error("too-big") if most else error("malformed", "no body here")
                    if self._bodies_room < 0:
                        raise error("busy", retry_ms=_BUSY_RETRY_MS)
        except (TimeoutError, web.HTTPException, web.RequestPayloadError, ConnectionError, ValueError):
            raise error("malformed", "body did not arrive") from None
        finally:
            self._bodies_room += len(body)
        return bytes(body)

    def _check_origin(self, request: web.Request) -> None:
        headers = request.headers
        self._peers.check_origin(
            headers.get("origin"),
            host=headers.get("host"),
            scheme=self._peers.scheme_of(request.remote, headers.get("x-forwarded-proto")),
        )

    def _prefix(self, request: web.Request) -> bytes:
        return self._peers.prefix_of(request.remote, request.headers.get("x-forwarded-for"))


class _Link:
    """One WebSocket and its Connection."""

    def __init__(self, gateway: Gateway, role: Role, prefix: bytes) -> None:
        self._gateway = gateway
        self._connection: Connection = gateway.accept(role, prefix=prefix, kick=self._kick)
        self._socket = web.WebSocketResponse(
            compress=False, timeout=_CLOSE_S, max_msg_size=RECORD_SIZES[-1] + 1, autoping=False
        )
        self._request: web.Request | None = None
        self._sending: asyncio.Task[None] | None = None
        self._calm = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Feed the gateway until one side ends."""
        try:
            await self._socket.prepare(request)
            self._request = request
            async for message in self._socket:
                if message.type in _PLUMBING:
                    await self._answer_plumbing(message)
                    continue
                if message.type is not WSMsgType.BINARY:
                    await self._socket.close(code=1003)
                    break
                self._gateway.feed(self._connection, message.data)
                while self._connection.crowded:
                    self._calm.clear()
                    await self._calm.wait()
        finally:
            self._gateway.lost(self._connection)
            self._request = None
        return self._socket

    async def _answer_plumbing(self, message: WSMessage) -> None:
        """A PONG for a PING (RFC 6455 5.5.2). A flood of either is charged like records and lets others run between."""
        self._gateway.charge(self._connection, _PLUMBING_COST)
        if message.type is WSMsgType.PING and not self._connection.done:
            with suppress(ConnectionError):
                await self._socket.pong(message.data)
        await asyncio.sleep(0)

    def _kick(self) -> None:
        """Records may be there to send, the connection may be over, or it may be read again."""
        self._calm.set()
        if self._request is None:
            return
        if self._connection.dropped and self._request.transport is not None:
            self._request.transport.abort()
        elif self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        try:
            while records := self._gateway.pull(self._connection):
                for record in records:
                    await self._socket.send_bytes(record)
            if self._connection.done:
                await self._socket.close()
        except (ConnectionError, RuntimeError):
            pass  # the peer is gone; the reader notices and reports it
        finally:
            self._sending = None


class _Request(web.Request):
    """A request whose every answer carries our headers: also those that aiohttp makes before any route is found."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await super()._prepare_hook(response)
        response.headers.popall("Server", None)
        for name, value in _DEFAULTS.items():
            response.headers.setdefault(name, value)


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> _Request:
    return _Request(message, payload, protocol, writer, task, asyncio.get_running_loop())


def _is_upgrade(headers: CIMultiDictProxy[str]) -> bool:
    """Whether this looks like an upgrade that aiohttp takes or refuses without a line in the log.

    It warns of subprotocols, which we have none of, and stumbles over header bytes that are no text.
    """
    names = {name.lower() for name in headers}
    return (
        names >= _UPGRADE_HEADERS
        and "sec-websocket-protocol" not in names
        and all(value.isascii() for value in headers.values())
    )


def _lower(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _problem(reason: ZajilError) -> web.Response:
    answer = refuse(reason)
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
