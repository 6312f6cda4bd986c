"""From a call to its verb: route, authorisation, size, body, idempotency, and the error boundary of every request.

Kinds of authorisation never mix: a route without one refuses the header, S carries no account, R carries only its own
device, and bridges call us directly. A token stands in the Authorization header and nowhere else; a query that no
route names is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote

import msgspec

from zajil.auth.context import CallingDevice
from zajil.engine.limits import Limits
from zajil.protocol.control import (
    CALL_RELAY,
    CALL_TICKET,
    CHALLENGE,
    CLAIM_KEY_PACKAGES,
    PUT_ATTACHMENT,
    Auth,
    Found,
    Route,
    find_route,
    parse_json,
)
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.ids import parse_b64
from zajil.protocol.public.routes import SCHEME as PUBLIC_SCHEME
from zajil.protocol.public.routes import is_public_call
from zajil.protocol.review.routes import is_review_call
from zajil.server.http.calls import BoundRoute, Carrier, HttpAnswer, HttpCall, Peer, Request, accept, refuse, tag
from zajil.server.http.idempotency import AnswerBook, content_of

_LOG = logging.getLogger(__name__)
# POSTs that need no stored answer: a second challenge, credential or ticket is as good, and a claim_id gets the same
# answer by itself. They are free to repeat, so storing an answer for each key would let anybody fill the disk.
_SAME_AGAIN = frozenset({CHALLENGE, CLAIM_KEY_PACKAGES, CALL_RELAY, CALL_TICKET})


class Proofs(NamedTuple):
    """Whom a token stands for, each raising AuthError for one that is unknown or over.

    upload: called with an attachment's id, a secret and an address prefix; raises Refused `gone` where nothing is
    uploaded with both.
    """

    device: Callable[[bytes], Awaitable[CallingDevice]]
    bridge: Callable[[bytes], Awaitable[bytes]]
    bridge_token: Callable[[bytes], Awaitable[bytes]]
    upload: Callable[[bytes, bytes, bytes], Awaitable[None]]


class _Caller(NamedTuple):
    device: CallingDevice | None = None
    contact: bytes | None = None
    bridge: bytes | None = None
    bridge_token: bytes | None = None
    token: bytes | None = None

    @property
    def name(self) -> bytes:
        """Whose calls are copies of each other: a device's whichever login it has, as one may end between two."""
        if self.device is None:
            return self.token or b""
        return self.device.account_id + self.device.device_id.to_bytes(4, "big")


class Dispatcher:
    """Answers every control call. Never raises for what a peer sent."""

    def __init__(
        self,
        *,
        routes: Mapping[Route, BoundRoute],
        proofs: Proofs,
        limits: Limits,
        clock: Callable[[], float],
        answers: AnswerBook,
        count: Callable[[str, int], None],
    ) -> None:
        """count: called with the route's own path (never the call's) and the status, for metrics."""
        self._routes = routes
        self._proofs = proofs
        self._limits = limits
        self._clock = clock
        self._answers = answers
        self._count = count

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """The answer to this call; a problem document for every refusal."""
        name = "unknown"
        try:
            path, _, query = call.path.partition("?")
            found = find_route(call.method, path)
            if found is None:
                raise error("no-such-route")
            name = found.route.path
            answer = await self._answer_route(call, found, query)
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
        """Raise what refuses the caller, by the head of its call alone: before much of its body is read.

        Raises no-such-route, and what `_authorise` does; gone for an upload that is none.
        """
        found = find_route(call.method, call.path.partition("?")[0])
        if found is None:
            raise error("no-such-route")
        caller = await self._authorise(call, found.route)
        if found.route is PUT_ATTACHMENT and caller.token is not None:
            attachment_id = parse_b64(unquote(found.parameters["id"]), size=16)
            await self._proofs.upload(attachment_id, caller.token, call.peer.prefix)

    async def _answer_route(self, call: HttpCall, found: Found, query: str) -> HttpAnswer:
        route = found.route
        caller = await self._authorise(call, route)
        if len(call.body) > route.limit:
            raise error("too-big") if route.limit else error("malformed", "no body here")
        request = Request(
            route=route,
            parameters={name: unquote(value) for name, value in found.parameters.items()},
            query=parse_query(query, route.query),
            body=_parse_body(call.body, route),
            device=caller.device,
            contact=caller.contact,
            token=caller.token,
            bridge=caller.bridge,
            bridge_token=caller.bridge_token,
            peer=call.peer,
            range=call.headers.get("range") if route.ranged else None,
            takes_parts=call.takes_parts,
        )
        key = call.headers.get("idempotency-key")
        if key is not None and not key.isascii():
            raise error("malformed", "idempotency key")
        if call.method != "POST" or key is None or route in _SAME_AGAIN:
            answer = accept(await self._routes[route](request))
            return tag(answer, call.headers.get("if-none-match")) if route.tagged else answer
        return await self._answers.once(
            (found.route.path.encode(), caller.name, key.encode()),
            content_of(call),
            lambda: self._accept(route, request),
            may_claim=lambda: self._limits.try_take("claim_prefix", call.peer.prefix, now=self._clock()),
        )

    async def _accept(self, route: Route, request: Request) -> HttpAnswer:
        return accept(await self._routes[route](request))

    async def _authorise(self, call: HttpCall, route: Route) -> _Caller:
        """Who calls, as far as this route and carrier allow. Raises mixed-auth, token-expired, malformed, slow-down."""
        scheme, _, text = call.headers.get("authorization", "").partition(" ")
        if scheme == PUBLIC_SCHEME:
            raise error("wrong-space")
        try:
            kind = Auth(scheme)
        except ValueError:
            raise error("mixed-auth") from None
        allowed = route.auth & _CARRIES[call.carrier]
        if kind is Auth.NONE and kind not in route.auth and allowed:
            raise error("token-expired")
        if kind not in allowed:
            raise error("mixed-auth")
        if kind is Auth.NONE:
            return _Caller()
        token = parse_b64(text, size=32)
        if kind is Auth.CONTACT:
            return _Caller(contact=token, token=token)
        if kind is Auth.UPLOAD:
            return _Caller(token=token)
        try:
            caller = await self._prove(kind, token)
        except Unavailable:
            raise  # nobody failed at anything
        except ZajilError:
            self._limits.take("failed_token", call.peer.prefix, now=self._clock())
            raise
        if caller.device is not None and call.carrier is Carrier.R and not (call.claim and call.claim(caller.device)):
            raise error("mixed-auth")
        return caller

    async def _prove(self, kind: Auth, token: bytes) -> _Caller:
        if kind is Auth.BRIDGE:
            return _Caller(bridge=await self._proofs.bridge(token), token=token)
        if kind is Auth.TOKEN:
            return _Caller(bridge_token=await self._proofs.bridge_token(token), token=token)
        return _Caller(device=await self._proofs.device(token), token=token)

    async def check_bridge(self, text: str, peer: Peer) -> bytes:
        """The id of the bridge whose credential came with a carrier. Raises malformed, token-expired, slow-down."""
        credential = parse_b64(text, size=32)
        try:
            return await self._proofs.bridge(credential)
        except Unavailable:
            raise  # nobody failed at anything
        except ZajilError:
            self._limits.take("failed_token", peer.prefix, now=self._clock())
            raise


_CARRIES = {
    Carrier.HTTPS: frozenset(Auth),
    Carrier.R: frozenset({Auth.DEVICE}),
    Carrier.S: frozenset({Auth.NONE, Auth.CONTACT, Auth.TOKEN, Auth.UPLOAD}),
}


class Space(Protocol):
    """What answers the calls below one prefix. Neither raises for a bug of ours but what a peer may hear."""

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """The answer to this call; a problem document for every refusal."""

    async def check_caller(self, call: HttpCall) -> None:
        """Raise ZajilError where `answer` would refuse whoever sends this call, of which only the head is there."""


class Spaces:
    """Every space of a server. The calls of one that is not there are unknown routes of the private one."""

    def __init__(self, private: Space, public: Space | None, review: Space | None) -> None:
        self._private = private
        self._public = public
        self._review = review

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """See Space."""
        return await self._of(call).answer(call)

    async def check_caller(self, call: HttpCall) -> None:
        """See Space."""
        await self._of(call).check_caller(call)

    def _of(self, call: HttpCall) -> Space:
        if self._public is not None and is_public_call(call.path):
            return self._public
        if self._review is not None and is_review_call(call.path):
            return self._review
        return self._private


def parse_query(query: str, names: frozenset[str]) -> dict[str, str]:
    """What stands behind the `?`, each of these names at most once. Raises Malformed for anything else."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=4)
    except ValueError:
        raise error("malformed", "query") from None
    parsed = dict(pairs)
    if len(parsed) != len(pairs) or not parsed.keys() <= names:
        raise error("malformed", "query")
    return parsed


def _parse_body(body: bytes, route: Route) -> object:
    if route.request is None:
        return None
    if issubclass(route.request, msgspec.Struct):
        return parse_json(body, route.request)
    return body
