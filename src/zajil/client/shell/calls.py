"""Control calls over HTTP, and the device's session token (service.md 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar, cast

import msgspec

from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.protocol.ids import encode_b64
from zajil.transports.base import Answer, Caller

T = TypeVar("T")
TIMEOUT_S = 30.0
TRIES = 3
"""Of one call that the server carries out once."""
PAUSE_MAX_S = 5.0
DEVICE, CONTACT = "Device", "Contact"


class Calls:
    """Typed calls to one server. Raises the server's refusal, or Unreachable when no answer came."""

    def __init__(self, transport: Caller) -> None:
        self._transport = transport

    async def call(
        self,
        route: Route,
        answer: type[T],
        *,
        request: msgspec.Struct | bytes | None = None,
        auth: str = "",
        query: str = "",
        idempotency: bytes | None = None,
        wanted: str = "",
        **parameters: str,
    ) -> T:
        """The answer of a call. auth: value of the Authorization header, as `device_auth` and `contact_auth` make it.

        answer: the route's answer type. idempotency: 16 bytes that repeat with the same request. wanted: the Range
        header of a route that is `ranged`. A call with an idempotency key is made again where the server is busy.
        """
        headers = {"Authorization": auth} if auth else {}
        if wanted:
            headers["Range"] = wanted
        if idempotency is not None:
            headers["Idempotency-Key"] = encode_b64(idempotency)
        body: bytes | None = None
        if isinstance(request, bytes):
            body = request
            headers["Content-Type"] = control.OCTETS_TYPE
        elif request is not None:
            body = control.encode_json(request)
            headers["Content-Type"] = control.JSON_TYPE
        path = route.url(**parameters) + query
        found = await self._ask(route.method, path, headers, body or b"", tries=1 if idempotency is None else TRIES)
        if found.status >= 400:
            raise control.parse_problem(found.status, found.body)
        if answer is bytes:
            return cast(T, found.body)  # mypy does not narrow type[T]
        return control.parse_json(found.body, answer)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, tries: int) -> Answer:
        for left in reversed(range(tries)):
            found = await self._transport.call(method, path, headers=headers, body=body, timeout_s=TIMEOUT_S)
            if not left or found.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            asked_ms = control.parse_problem(found.status, found.body).retry_ms or 1000
            await asyncio.sleep(min(asked_ms / 1000, PAUSE_MAX_S))
        return found


def device_auth(token: str) -> str:
    """Authorization of a device with its session token, in text form."""
    return f"{DEVICE} {token}"


def contact_auth(token: bytes) -> str:
    """Authorization by a contact token, 32 bytes."""
    return f"{CONTACT} {encode_b64(token)}"
