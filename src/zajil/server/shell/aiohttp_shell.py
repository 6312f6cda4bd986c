"""The shell on aiohttp: WebSockets and POSTs for sessions, and plain HTTPS for control calls, on one port.

No compression (ciphertext does not shrink), no heartbeat timer per connection, no access log, no Server header, and
nothing that a peer sent reaches a log. Records are sent by a task that lives only while there is something to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDictProxy

from zajil.engine.blobs import BlobPart
from zajil.protocol.control import OCTETS_TYPE, Auth, find_route, is_call
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.public.routes import EVENTS, find_public_route, is_public_call
from zajil.protocol.reach.seal import SEAL_BYTES
from zajil.protocol.review.routes import find_review_route, is_review_call
from zajil.server.gateway.gateway import Gateway
from zajil.server.gateway.lines import Line, PlainLine, SealDoor, SealedLine
from zajil.server.gateway.media import MediaDoor
from zajil.server.http.calls import HttpAnswer, HttpCall, Peer, StreamAnswer, refuse
from zajil.server.shell.answers import Answers
from zajil.server.shell.base import SEALED_PATH
from zajil.server.shell.bodies import Bodies
from zajil.server.shell.doorstep import SILENT_S
from zajil.server.shell.peers import PeerRules
from zajil.server.shell.pipes import Chunker, Pipe
from zajil.server.shell.posts import Posts
from zajil.server.shell.sockets import Due, SocketCarrier
from zajil.server.site.headers import API_HEADERS

_CALL_GRACE_S = 3.0
_BODY_MAX = 1 << 20
DEFAULT_HEADERS: Final = {"cache-control": "no-store", **API_HEADERS}
_UPGRADE_HEADERS = {"upgrade", "sec-websocket-key"}


PAGES: Final = "/c/"
"""Below it are pages of the public space."""
TRANSPARENCY: Final = "/transparency/"
"""Below it are reports and the log of moderation."""


class PublicPages(Protocol):
    """What the public space answers besides calls."""

    @property
    def page(self) -> Callable[[HttpCall], Awaitable[HttpAnswer]]:
        """A page below PAGES."""

    async def stream(self, call: HttpCall) -> HttpAnswer | StreamAnswer:
        """The stream of events, or why there is none."""


class AiohttpShell:
    """See `shell.Shell`."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        door: SealDoor,
        check_bridge: Callable[[str, Peer], Awaitable[bytes]],
        call: Callable[[HttpCall], Awaitable[HttpAnswer]],
        check_caller: Callable[[HttpCall], Awaitable[None]],
        site: Callable[[str, str, Mapping[str, str]], HttpAnswer],
        peers: PeerRules,
        bodies_max_bytes: int,
        answers: Answers,
        posts_max: int,
        public: PublicPages | None = None,
        transparency: Callable[[HttpCall], Awaitable[HttpAnswer]] | None = None,
        media_door: MediaDoor | None = None,
    ) -> None:
        """check_bridge: the id of the bridge whose credential, in text, came with a carrier.

        call: answers control calls. check_caller: raises ZajilError where `call` would refuse whoever sends this one;
        only its head is there. site: answers every other request, from method, target and headers.
        bodies_max_bytes: memory for bodies until they are answered, all together. answers: writes the large ones.
        posts_max: carriers of POSTs at once.
        public: pages and streams of the public space, None where there is none. transparency: answers requests below
        TRANSPARENCY, None where nothing is moderated. media_door: to the media rooms of calls, for WebSockets alone.
        """
        self._bodies = Bodies(bodies_max_bytes)
        self._answers = answers
        self._chunker = Chunker()
        self._due = Due()
        self._posts = Posts(self._bodies, carriers_max=posts_max, now=gateway.now)
        self._gateway = gateway
        self._door = door
        self._check_bridge = check_bridge
        self._site = site
        self._call = call
        self._check_caller = check_caller
        self._peers = peers
        self._public = public
        self._transparency = transparency
        self._media_door = media_door
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen on host and port (0 = any); the port in use. reuse_port: beside others. Raises OSError."""
        app = web.Application()
        for path in (*(role.path for role in Role), SEALED_PATH):
            app.router.add_get(path, self._socket)
            app.router.add_post(path, self._post)
        # Not `.*`: a line break in a path would be answered by the library, in its own way.
        app.router.add_route("*", r"/{tail:[\s\S]*}", self._answer)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_CALL_GRACE_S,
            keepalive_timeout=SILENT_S,
            auto_decompress=False,
        )
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError  # set-up made it
        server.request_factory = _make_request
        self._listener = await asyncio.get_running_loop().create_server(
            self._protocols(server), host, port, backlog=1024, reuse_port=reuse_port
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop accepting and close everything."""
        self._posts.stop()
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _protocols(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """What takes a connection first. server: makes what speaks HTTP."""
        return server

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        prefix = self._prefix(request)
        if is_call(request.raw_path) or is_public_call(request.raw_path) or is_review_call(request.raw_path):
            if self._public is not None and is_public_call(request.raw_path):
                found = find_public_route(request.method, request.path)
                if found is not None and found.route is EVENTS:
                    return await self._stream(request, prefix, self._public)
            answer = await self._control(request, prefix)
        elif self._public is not None and request.raw_path.startswith(PAGES):
            answer = await self._public.page(_make_call(request, prefix, b""))
        elif self._transparency is not None and request.raw_path.startswith(TRANSPARENCY):
            answer = await self._transparency(_make_call(request, prefix, b""))
        else:
            answer = self._site(request.method, request.raw_path, _lower(request.headers))
        if answer.part is not None:
            return await self._send(request, answer, answer.part, prefix)
        response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        try:
            await self._answers.write(request, response, prefix=prefix)
        except ZajilError as reason:
            return _problem(reason)
        return response

    async def _send(
        self, request: web.Request, answer: HttpAnswer, part: BlobPart, prefix: bytes
    ) -> web.StreamResponse:
        with part:
            try:
                return await self._answers.send(request, answer, part, prefix=prefix)
            except ZajilError as reason:
                return _problem(reason)

    async def _control(self, request: web.Request, prefix: bytes) -> HttpAnswer:
        try:
            self._check_origin(request)
            if not request.can_read_body and "content-encoding" not in request.headers:
                return await self._call(_make_call(request, prefix, b"")._replace(takes_parts=True))
            with self._bodies.reading(prefix) as one:
                head = _make_call(request, prefix, b"")
                body = await one.read(request, self._body_limit(request), check=lambda: self._check_caller(head))
                return await self._call(head._replace(body=body))
        except ZajilError as reason:
            return refuse(reason)

    async def _stream(self, request: web.Request, prefix: bytes, public: PublicPages) -> web.StreamResponse:
        """A stream until it ends, the peer leaves, or the server stops."""
        try:
            self._check_origin(request)
            if request.can_read_body:
                raise error("malformed", "no body here")
            answer = await public.stream(_make_call(request, prefix, b""))
        except ZajilError as reason:
            return _problem(reason)
        if isinstance(answer, HttpAnswer):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        pipe = Pipe(request, answer.headers, self._chunker)
        with suppress(ConnectionError):
            await pipe.open()
            await answer.play(pipe)
        return pipe.response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if not _is_upgrade(request.headers):
            return _problem(error("malformed", "not a WebSocket"))
        try:
            peer = await self._admit(request)
            make_line = partial(self._make_line, request.path, peer, silent_s=None)
            return await self._carry(request, make_line, most_bytes=self._most_bytes(request.path))
        except ZajilError as reason:
            return _problem(reason)

    async def _carry(
        self, request: web.Request, make_line: Callable[[Callable[[], None]], Line], *, most_bytes: int
    ) -> web.StreamResponse:
        """Carry a line over a WebSocket that may begin. Raises what `make_line` raises."""
        return await SocketCarrier(make_line, most_bytes=most_bytes, due=self._due).serve(request)

    async def _post(self, request: web.Request) -> web.Response:
        try:
            peer = await self._admit(request)
            body = await self._posts.answer(
                request,
                owner=(request.path, peer.bridge),
                place=peer.bridge or peer.prefix,
                make=lambda kick, silent_s: self._make_line(request.path, peer, kick, silent_s=silent_s),
            )
        except ZajilError as reason:
            return _problem(reason)
        headers = {"content-type": OCTETS_TYPE}
        # A page of another of our origins, or one that came to us through a front, reads the answer too.
        if (origin := request.headers.get("origin", "")) and origin.isascii():
            headers |= {"access-control-allow-origin": origin, "vary": "origin"}
        return web.Response(body=body, headers=headers)

    async def _admit(self, request: web.Request) -> Peer:
        """Whom a carrier counts under. Raises ZajilError for one that may not begin."""
        peer = self._admit_from(request.remote, request.headers)
        if not request.query.keys() <= {"r"}:
            raise error("malformed", "query")
        if "authorization" not in request.headers:
            return peer
        scheme, _, credential = request.headers["authorization"].partition(" ")
        if request.path != SEALED_PATH or scheme != Auth.BRIDGE.value:
            raise error("mixed-auth")
        return peer._replace(bridge=await self._check_bridge(credential, peer))

    @staticmethod
    def _most_bytes(path: str) -> int:
        """Of one record of a carrier on this path."""
        return RECORD_SIZES[-1] + (SEAL_BYTES if path == SEALED_PATH else 0)

    def _make_line(self, path: str, peer: Peer, kick: Callable[[], None], *, silent_s: float | None) -> Line:
        """silent_s: of a carrier of POSTs, on which no media may begin; None for a WebSocket."""
        media = self._media_door if silent_s is None else None
        if path == SEALED_PATH:
            return SealedLine(self._gateway, self._door, peer=peer, kick=kick, silent_s=silent_s, media_door=media)
        return PlainLine(self._gateway, Role(path), peer=peer, kick=kick, silent_s=silent_s, door=media)

    def _body_limit(self, request: web.Request) -> int:
        """The most that the body of this control call may take."""
        found = find_route(request.method, request.path)
        public = find_public_route(request.method, request.path)
        review = find_review_route(request.method, request.path)
        limits = [each.route.limit for each in (found, public, review) if each is not None]
        return min(max(limits, default=0), _BODY_MAX)

    def _admit_from(self, remote: str | None, headers: Mapping[str, str]) -> Peer:
        """Whom a carrier counts under that shows no credential. Raises Refused for a foreign origin."""
        self._check_origin_of(remote, headers)
        return Peer(self._peers.prefix_of(remote, headers.get("x-forwarded-for")))

    def _check_origin(self, request: web.Request) -> None:
        self._check_origin_of(request.remote, request.headers)

    def _check_origin_of(self, remote: str | None, headers: Mapping[str, str]) -> None:
        self._peers.check_origin(
            headers.get("origin"),
            host=headers.get("host"),
            scheme=self._peers.scheme_of(remote, headers.get("x-forwarded-proto")),
        )

    def _prefix(self, request: web.Request) -> bytes:
        return self._peers.prefix_of(request.remote, request.headers.get("x-forwarded-for"))


class _Request(web.Request):
    """A request whose every answer carries our headers: also those that aiohttp makes before any route is found."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await super()._prepare_hook(response)
        response.headers.popall("Server", None)
        for name, value in DEFAULT_HEADERS.items():
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


def _make_call(request: web.Request, prefix: bytes, body: bytes) -> HttpCall:
    return HttpCall(
        method=request.method,
        path=request.raw_path,
        headers=_lower(request.headers),
        body=body,
        peer=Peer(prefix),
    )


def _lower(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _problem(reason: ZajilError) -> web.Response:
    answer = refuse(reason)
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
