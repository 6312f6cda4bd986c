"""A control call and its answer, free of any web framework, and what a bound route gets to see of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import NamedTuple

import msgspec

from zajil.auth.context import CallingDevice
from zajil.protocol.control import JSON_TYPE, OCTETS_TYPE, PROBLEM_TYPE, Route, encode_json, encode_problem
from zajil.protocol.errors import ZajilError
from zajil.server.site.headers import API_HEADERS


class Carrier(Enum):
    """How a call came: by itself over HTTPS, or on a session of a device (R) or of nobody (S)."""

    HTTPS = "https"
    R = "r"
    S = "s"


class HttpCall(NamedTuple):
    """One call. path: with query. headers: lower-case names. prefix: the peer's address prefix, for limits only.

    device: whose R session it came on, else None.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    prefix: bytes
    carrier: Carrier = Carrier.HTTPS
    device: CallingDevice | None = None


class HttpAnswer(NamedTuple):
    """Status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Request(NamedTuple):
    """What a bound route works with: everything parsed, the caller proven as far as the route demands.

    body: of the type the route names. device: set for Device authorisation. contact: the unproven 32-byte token of a
    Contact authorisation; whether it admits anybody is for the verb.
    """

    route: Route
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: object
    device: CallingDevice | None
    contact: bytes | None
    token: bytes | None
    prefix: bytes


BoundRoute = Callable[[Request], Awaitable[msgspec.Struct | bytes]]
_PLAIN = {"cache-control": "no-store", **API_HEADERS}


def accept(answer: msgspec.Struct | bytes) -> HttpAnswer:
    """200 with JSON, or with bytes as they are."""
    if isinstance(answer, bytes):
        return HttpAnswer(200, {"content-type": OCTETS_TYPE, **_PLAIN}, answer)
    return HttpAnswer(200, {"content-type": JSON_TYPE, **_PLAIN}, encode_json(answer))


def refuse(reason: ZajilError) -> HttpAnswer:
    """The problem document of a refusal (RFC 9457), with Retry-After where a time is known (RFC 9110 10.2.3)."""
    headers = {"content-type": PROBLEM_TYPE, **_PLAIN}
    if reason.retry_ms:
        headers["retry-after"] = str(-(-reason.retry_ms // 1000))
    return HttpAnswer(reason.status or 500, headers, encode_problem(reason))
