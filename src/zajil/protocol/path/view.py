"""What a person is told about the way to the server. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from zajil.protocol.path.candidates import Candidate, Failure, Mode

State: TypeAlias = Literal["direct", "via", "slow", "trying", "waiting", "blocked", "server_down", "offline"]
Result: TypeAlias = Literal["", "dialing", "works", "proved", "frozen", "failed", "stopped"]
CALM_S: Final = 20.0
"""So long without a route nothing alarming is said."""
ORIGIN_DOWN: Final = (502, 4502)
"""How a bridge or an edge says that it does not reach the server: by poll, and by closing the WebSocket."""


@dataclass(frozen=True, slots=True)
class Try:
    """The last attempt over a candidate on this network. Times in ms from its start, 0 where it did not come so far.

    result: "" never tried; "works" carries but is not proved; "stopped" because another was quicker. last_ok: Unix
    seconds, 0 for never. chosen: it is the route. echo_bytes: of the 24 KiB. in_outage: it failed after a route was
    lost or a round found nothing, and before there was a route.
    """

    candidate: Candidate
    result: Result = ""
    stage: str = ""
    reason: str = ""
    connect_ms: int = 0
    usable_ms: int = 0
    echo_bytes: int = 0
    echo_ms: int = 0
    last_ok: float = 0.0
    chosen: bool = False
    mode: Mode = Mode.STREAM
    in_outage: bool = False


@dataclass(frozen=True, slots=True)
class PathView:
    """state: section 7 of reach.md. via: host of the route, "" for none. trying: attempts under way. since: Unix s."""

    state: State
    since: float
    via: str = ""
    trying: int = 0
    tries: tuple[Try, ...] = ()


def judge(failures: Mapping[Candidate, Failure], *, online: bool | None) -> State:
    """What a round without success shows.

    online: whether there is a default route, None where nobody knows. One host that refuses is a server that is off;
    endpoints that say the server is unreachable are believed if there are two, or if all say so. `blocked` needs a sign
    that the network works: something answered, or there is a default route.
    """
    found = list(failures.values())
    if online is False or (found and all(f.reason == "unreachable" for f in found)):
        return "offline"
    down = {c.endpoint.id for c, f in failures.items() if f.status in ORIGIN_DOWN}
    if len(down) >= 2 or (down and all(f.status in ORIGIN_DOWN for f in found)):
        return "server_down"
    hosts = {c.endpoint.host for c in failures}
    if len(hosts) == 1 and all(f.reason == "refused" for f in found):
        return "server_down"
    if online or any(_answered(f) for f in found):
        return "blocked"
    return "waiting"


def _answered(failure: Failure) -> bool:
    """Somebody on the network reacted: the peer, or whoever stands between."""
    if failure.reason in ("reset", "cert", "status", "frozen", "refused"):
        return True
    return failure.stage in ("tls", "http", "accept", "echo") and failure.reason in ("timeout", "closed")
