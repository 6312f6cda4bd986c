"""From a call below /pub/v1 to its verb: route, token, size, body, idempotency, and the error boundary.

Its own dispatcher, so that neither space ever sees a caller of the other: here a token is a persona's or nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

import msgspec

from zajil.channels.context import CallingPersona
from zajil.engine.limits import Limits
from zajil.protocol.control import parse_json
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.ids import parse_b64
from zajil.protocol.public.routes import (
    CHALLENGE,
    EVENTS,
    SCHEME,
    SUSPENDED_TOO,
    Caller,
    FoundRoute,
    PublicRoute,
    find_public_route,
)
from zajil.server.http.calls import Carrier, HttpAnswer, HttpCall, Peer, accept, refuse
from zajil.server.http.dispatch import parse_query
from zajil.server.http.idempotency import AnswerBook, content_of

_LOG = logging.getLogger(__name__)


class PublicRequest(NamedTuple):
    """What a bound route works with. persona: the proven caller, None for anybody. body: as the route says."""

    route: PublicRoute
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: msgspec.Struct | None
    persona: CallingPersona | None
    token: bytes | None
    peer: Peer


PublicBound = Callable[[PublicRequest], Awaitable[msgspec.Struct]]
T = TypeVar("T")


class PublicDispatcher:
    """Answers every call of the public space but the stream. Never raises for what a peer sent."""

    def __init__(
        self,
        *,
        routes: Mapping[PublicRoute, PublicBound],
        check_persona: Callable[[bytes], Awaitable[CallingPersona]],
        check_whoever: Callable[[bytes], Awaitable[CallingPersona]],
        limits: Limits,
        clock: Callable[[], float],
        answers: AnswerBook,
        count: Callable[[str, int], None],
    ) -> None:
        """check_persona: whom a token stands for, or AuthError; check_whoever: a suspended persona too, on routes by
        which it learns of decisions and appeals. count: as of the other dispatcher.
        """
        self._routes = dict(routes)
        self._check_persona = check_persona
        self._check_whoever = check_whoever
        self._limits = limits
        self._clock = clock
        self._answers = answers
        self._count = count

    def add_routes(self, routes: Mapping[PublicRoute, PublicBound]) -> None:
        """Answer these as well."""
        self._routes.update(routes)

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """The answer to this call; a problem document for every refusal."""
        return await self.guard(call, self._answer)

    async def check_caller(self, call: HttpCall) -> None:
        """Raise what refuses the caller, by the head of its call alone. Raises no-such-route too."""
        found = find_public_route(call.method, call.path.partition("?")[0])
        if found is None:
            raise error("no-such-route")
        await self._authorise(call, found.route)

    async def guard(self, call: HttpCall, work: Callable[[HttpCall, FoundRoute, str], Awaitable[T]]) -> T | HttpAnswer:
        """What `work` gives for this call, its route and its query; a problem document for whatever it raises."""
        name = "unknown"
        answer: T | HttpAnswer
        try:
            path, _, query = call.path.partition("?")
            found = find_public_route(call.method, path)
            if found is None:
                raise error("no-such-route")
            name = "/pub/v1" + found.route.path
            answer = await work(call, found, query)
        except ZajilError as reason:
            if not reason.status:
                _LOG.error("an error of clients reached a route", exc_info=reason)
            answer = refuse(reason)
        except Exception as bug:  # noqa: BLE001  # the boundary of one request
            _LOG.error("a route failed", exc_info=bug)
            answer = refuse(error("internal"))
        self._count(name, answer.status if isinstance(answer, HttpAnswer) else 200)
        return answer

    async def _answer(self, call: HttpCall, found: FoundRoute, query: str) -> HttpAnswer:
        route = found.route
        if route is EVENTS:
            raise error("malformed", "a stream is no call")
        request = await self.parse(call, found, query)
        if route not in self._routes:
            raise error("no-such-route", "nobody moderates here")
        key = call.headers.get("idempotency-key")
        if key is not None and not key.isascii():
            raise error("malformed", "idempotency key")
        if call.method != "POST" or key is None or route is CHALLENGE:
            return accept(await self._routes[route](request))
        path = call.path.partition("?")[0]
        return await self._answers.once(
            (path.encode(), request.persona.persona_id if request.persona else b"", key.encode()),
            content_of(call),
            lambda: self._accept(route, request),
            may_claim=lambda: self._limits.try_take("claim_prefix", call.peer.prefix, now=self._clock()),
        )

    async def _accept(self, route: PublicRoute, request: PublicRequest) -> HttpAnswer:
        return accept(await self._routes[route](request))

    async def parse(self, call: HttpCall, found: FoundRoute, query: str) -> PublicRequest:
        """The call, its caller proven as far as the route demands.

        Raises token-expired, wrong-space, mixed-auth, persona-suspended, malformed, too-big, slow-down.
        """
        route = found.route
        if call.carrier is Carrier.R:
            raise error("mixed-auth", "a device's session")
        persona, token = await self._authorise(call, route)
        if call.method == "GET":
            self._limits.take("public_read", call.peer.prefix, now=self._clock())
        if len(call.body) > route.limit:
            raise error("too-big") if route.limit else error("malformed", "no body here")
        missing = route.request is None or (route.optional and not call.body)
        return PublicRequest(
            route=route,
            parameters={name: _unquote(value) for name, value in found.parameters.items()},
            query=parse_query(query, route.query),
            body=None if route.request is None or missing else parse_json(call.body, route.request),
            persona=persona,
            token=token,
            peer=call.peer,
        )

    async def _authorise(self, call: HttpCall, route: PublicRoute) -> tuple[CallingPersona | None, bytes | None]:
        header = call.headers.get("authorization")
        if header is None:
            if route.caller is Caller.PERSONA:
                raise error("token-expired")
            return None, None
        scheme, _, text = header.partition(" ")
        if scheme != SCHEME:
            raise error("wrong-space")
        if route.caller is Caller.NOBODY:
            raise error("mixed-auth")
        token = parse_b64(text, size=32)
        check = self._check_whoever if route in SUSPENDED_TOO else self._check_persona
        try:
            return await check(token), token
        except Unavailable:
            raise  # nobody failed at anything
        except ZajilError:
            self._limits.take("failed_token", call.peer.prefix, now=self._clock())
            raise


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise error("malformed", "path") from None
