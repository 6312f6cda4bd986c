"""Typed calls of /pub/v1 over one lane: a caller whose connections and sessions nothing else uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from secrets import token_bytes
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from zajil.protocol import control
from zajil.protocol.ids import encode_b64
from zajil.protocol.public.routes import SCHEME, PublicRoute
from zajil.transports.base import Answer, Caller, DialError, Stage

T = TypeVar("T", bound=msgspec.Struct)
Query: TypeAlias = Mapping[str, str | int | None]
"""Names and values of a query; what is None is left out."""
TIMEOUT_S: Final = 30.0
TRIES: Final = 3
"""Of one call: a line may break before a server is busy with what came over it."""
PAUSE_MAX_S: Final = 5.0


class PublicCalls:
    """Raises the server's refusal, or Unreachable when no answer came.

    A POST carries an Idempotency-Key and is made once more where the line broke before the answer, and where the server
    is busy, as one is while another carries the same call out: nothing is posted twice.
    """

    def __init__(self, lane: Caller) -> None:
        self._lane = lane

    async def call(
        self,
        route: PublicRoute,
        answer: type[T],
        *,
        request: msgspec.Struct | None = None,
        token: str = "",
        query: Query | None = None,
        wait_s: float = 0.0,
        **parameters: str,
    ) -> T:
        """The answer of a call. token: of a persona, "" for nobody.

        wait_s: so long the server may take before it answers. parameters: of the path, not yet quoted.
        """
        headers = {"Authorization": f"{SCHEME} {token}"} if token else {}
        body = b""
        if request is not None:
            headers["Content-Type"] = control.JSON_TYPE
            body = control.encode_json(request)
        if route.method == "POST":
            headers["Idempotency-Key"] = encode_b64(token_bytes(16))
        path = route.url(**{name: quote(value, safe="@") for name, value in parameters.items()})
        pairs = {name: value for name, value in (query or {}).items() if value is not None}
        if pairs:
            path += "?" + urlencode(pairs, quote_via=quote)
        found = await self._ask(route.method, path, headers, body, TIMEOUT_S + wait_s)
        if found.status >= 400:
            raise control.parse_problem(found.status, found.body)
        return control.parse_json(found.body, answer)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        may_break = method == "POST"
        left = TRIES if may_break else 1
        while True:
            left -= 1
            try:
                found = await self._lane.call(method, path, headers=headers, body=body, timeout_s=timeout_s)
            except DialError as failure:
                if not may_break or failure.stage is not Stage.HTTP:
                    raise
                may_break = False
                continue
            pause_s = _find_pause(found) if left > 0 else None
            if pause_s is None:
                return found
            await asyncio.sleep(pause_s)


def _find_pause(found: Answer) -> float | None:
    """In how many seconds to ask again; None for what is an answer, and not that there is none now."""
    if found.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    asked_ms = control.parse_problem(found.status, found.body).retry_ms or 1000
    return min(asked_ms / 1000, PAUSE_MAX_S)
