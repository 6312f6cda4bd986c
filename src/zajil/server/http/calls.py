"""A control call and its answer, free of any web framework, and what a bound route gets to see of it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import NamedTuple

import msgspec

from zajil.auth.context import CallingDevice
from zajil.channels.events import Outlet
from zajil.delivery.attachments import OpenPiece
from zajil.engine.blobs import BlobPart
from zajil.protocol.attachments import Piece
from zajil.protocol.control import JSON_TYPE, OCTETS_TYPE, PROBLEM_TYPE, Route, encode_json, encode_problem
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64
from zajil.server.site.headers import API_HEADERS


class Carrier(Enum):
    """How a call came: by itself over HTTPS, or on a session of a device (R) or of nobody (S)."""

    HTTPS = "https"
    R = "r"
    S = "s"


class Peer(NamedTuple):
    """Whom limits count under. prefix: an address prefix, or the seal of somebody behind a bridge.

    bridge: the id of the bridge it came through, empty without one. Its address counts for nobody.
    """

    prefix: bytes
    bridge: bytes = b""


class HttpCall(NamedTuple):
    """One call. path: with query. headers: lower-case names. peer: for limits only.

    claim: on R, whether a proven device may call here; the first one says whose session it is.
    takes_parts: whoever calls can send an answer's `part`.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: Peer
    carrier: Carrier = Carrier.HTTPS
    claim: Callable[[CallingDevice], bool] | None = None
    takes_parts: bool = False


class HttpAnswer(NamedTuple):
    """Status, headers with lower-case names, body; or instead of it a part of a file, which whoever gets it closes."""

    status: int
    headers: dict[str, str]
    body: bytes
    part: BlobPart | None = None


class StreamAnswer(NamedTuple):
    """An answer, 200, that goes on until `play` returns; headers with lower-case names.

    play: writes it to an outlet, and raises ConnectionError where the reader has gone.
    """

    headers: dict[str, str]
    play: Callable[[Outlet], Awaitable[None]]


class Request(NamedTuple):
    """What a bound route works with: everything parsed, the caller proven as far as the route demands.

    body: of the type the route names. device: set for Device authorisation. contact: the unproven 32-byte token of a
    Contact authorisation; whether it admits anybody is for the verb. bridge, bridge_token: the proven id behind a
    Bridge or Token authorisation. token: whatever stood in the header; of an Upload it is unproven too.
    range: the Range header, of a route that is `ranged`. takes_parts: as of the call.
    """

    route: Route
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: object
    device: CallingDevice | None
    contact: bytes | None
    token: bytes | None
    peer: Peer
    bridge: bytes | None = None
    bridge_token: bytes | None = None
    range: str | None = None
    takes_parts: bool = False


BoundRoute = Callable[[Request], Awaitable[msgspec.Struct | bytes | Piece | OpenPiece]]
_PLAIN = {"cache-control": "no-store", **API_HEADERS}


def accept(answer: msgspec.Struct | bytes | Piece | OpenPiece) -> HttpAnswer:
    """200 with JSON, or with bytes as they are; 206 with a piece."""
    if isinstance(answer, Piece | OpenPiece):
        headers = {"content-type": OCTETS_TYPE, "content-range": answer.content_range, **_PLAIN}
        if isinstance(answer, OpenPiece):
            return HttpAnswer(206, headers, b"", answer.part)
        return HttpAnswer(206, headers, answer.data)
    if isinstance(answer, bytes):
        return HttpAnswer(200, {"content-type": OCTETS_TYPE, **_PLAIN}, answer)
    return HttpAnswer(200, {"content-type": JSON_TYPE, **_PLAIN}, encode_json(answer))


def tag(answer: HttpAnswer, known: str | None) -> HttpAnswer:
    """The answer with an ETag of its body; 304 without the body where `known`, an If-None-Match, names it."""
    etag = f'"{encode_b64(hashlib.sha256(answer.body).digest()[:12])}"'
    headers = {**answer.headers, "etag": etag}
    if known is not None and etag in {each.strip().removeprefix("W/") for each in known.split(",")}:
        del headers["content-type"]
        return HttpAnswer(304, headers, b"")
    return HttpAnswer(answer.status, headers, answer.body)


def refuse(reason: ZajilError) -> HttpAnswer:
    """The problem document of a refusal (RFC 9457), with Retry-After where a time is known (RFC 9110 10.2.3)."""
    headers = {"content-type": PROBLEM_TYPE, **_PLAIN}
    if reason.retry_ms:
        headers["retry-after"] = str(-(-reason.retry_ms // 1000))
    return HttpAnswer(reason.status or 500, headers, encode_problem(reason))
