"""From a call below /mod/v1 to its verb: route, session, role, step-up, size, body, and the error boundary.

Its own dispatcher: here a token is a member of staff's or nothing, and it comes over HTTPS alone, never on a session
of the messenger.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from zajil.engine.limits import Limits
from zajil.moderation.review.context import Reviewer
from zajil.protocol.control import parse_json
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.ids import parse_b64
from zajil.protocol.review.routes import STEP_UP_S, ReviewRoute, find_review_route
from zajil.protocol.review.staff import SCHEME
from zajil.server.http.calls import Carrier, HttpAnswer, HttpCall, Peer, accept, refuse
from zajil.server.http.dispatch import parse_query

_LOG = logging.getLogger(__name__)


class ReviewRequest(NamedTuple):
    """What a bound route works with. reviewer: the proven caller, None on routes that open a session."""

    route: ReviewRoute
    parameters: Mapping[str, str]
    query: dict[str, str]
    body: msgspec.Struct | None
    reviewer: Reviewer | None
    peer: Peer


ReviewBound = Callable[[ReviewRequest], Awaitable[msgspec.Struct]]


class ReviewDispatcher:
    """Answers every call of /mod/v1. Never raises for what a peer sent."""

    def __init__(
        self,
        *,
        routes: Mapping[ReviewRoute, ReviewBound],
        check_token: Callable[[bytes], Awaitable[Reviewer]],
        limits: Limits,
        clock: Callable[[], float],
        count: Callable[[str, int], None],
    ) -> None:
        """check_token: whom a token stands for, or AuthError. count: as of the other dispatchers."""
        self._routes = routes
        self._check_token = check_token
        self._limits = limits
        self._clock = clock
        self._count = count

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """The answer to this call; a problem document for every refusal."""
        name = "unknown"
        try:
            path, _, query = call.path.partition("?")
            found = find_review_route(call.method, path)
            if found is None:
                raise error("no-such-route")
            name = "/mod/v1" + found.route.path
            route = found.route
            if call.carrier is not Carrier.HTTPS:
                raise error("mixed-auth", "staff calls over HTTPS alone")
            reviewer = await self._authorise(call, route)
            if len(call.body) > route.limit:
                raise error("too-big") if route.limit else error("malformed", "no body here")
            request = ReviewRequest(
                route=route,
                parameters={name: _unquote(value) for name, value in found.parameters.items()},
                query=parse_query(query, route.query),
                body=parse_json(call.body, route.request) if route.request is not None else None,
                reviewer=reviewer,
                peer=call.peer,
            )
            answer = accept(await self._routes[route](request))
        except ZajilError as reason:
            if not reason.status:
                _LOG.error("an error of clients reached a route", exc_info=reason)
            answer = refuse(reason)
        except Exception as bug:  # noqa: BLE001  # the boundary of one request
            _LOG.error("a route failed", exc_info=bug)
            answer = refuse(error("internal"))
        self._count(name, answer.status)
        return answer

    async def check_caller(self, call: HttpCall) -> None:
        """Raise what refuses the caller, by the head of its call alone. Raises no-such-route too."""
        found = find_review_route(call.method, call.path.partition("?")[0])
        if found is None:
            raise error("no-such-route")
        await self._authorise(call, found.route)

    async def _authorise(self, call: HttpCall, route: ReviewRoute) -> Reviewer | None:
        """Who calls. Raises token-expired, wrong-space, mixed-auth, not-allowed (role, permission), step-up-needed,
        slow-down.
        """
        header = call.headers.get("authorization")
        if route.roles is None:
            if header is not None:
                raise error("mixed-auth" if header.startswith(f"{SCHEME} ") else "wrong-space")
            self._limits.take("review_login", call.peer.prefix, now=self._clock())
            return None
        if header is None:
            raise error("token-expired")
        scheme, _, text = header.partition(" ")
        if scheme != SCHEME:
            raise error("wrong-space")
        token = parse_b64(text, size=32)
        try:
            reviewer = await self._check_token(token)
        except Unavailable:
            raise  # nobody failed at anything
        except ZajilError:
            self._limits.take("failed_token", call.peer.prefix, now=self._clock())
            raise
        self._limits.take("review_call", reviewer.staff_id, now=self._clock())
        if reviewer.role not in route.roles or (route.private and not reviewer.private):
            raise error("not-allowed")
        if route.step_up and self._clock() - reviewer.stepped_up_at > STEP_UP_S:
            raise error("step-up-needed")
        return reviewer


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise error("malformed", "path") from None
