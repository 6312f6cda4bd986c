"""What `doctor` finds of the way to the server: codes and values, no sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from zajil.client.views import Check, CheckCode
from zajil.protocol.path import PathView, State
from zajil.transports import fingerprint
from zajil.transports.dialing import CLOCK_WRONG_S

if TYPE_CHECKING:
    from zajil.client.shell.reach.reach import Reach

_FOUND: Final[Mapping[State, CheckCode]] = {"direct": "route-direct", "via": "route-via", "slow": "route-slow"}
_NOT_FOUND: Final[Mapping[State, CheckCode]] = {
    "blocked": "network-blocked",
    "server_down": "server-down",
    "offline": "network-offline",
}


def check_reach(reach: Reach, view: PathView) -> list[Check]:
    """view: the end of a race."""
    return [_route(view), *_clock(reach), *_documents(reach), *_programs(reach)]


def _route(view: PathView) -> Check:
    names = list(zip(view.tries, _names(view), strict=True))
    chosen = next((name for each, name in names if each.chosen), None)
    if chosen is not None:
        return Check("route", True, _FOUND.get(view.state, "route-direct"), {"host": chosen})
    tried = dict.fromkeys(name for each, name in names if each.result)
    return Check("route", False, _NOT_FOUND.get(view.state, "route-missing"), {"tried": ", ".join(tried)})


def _names(view: PathView) -> Iterator[str]:
    """The host of each route; `*1`, `*2` in the order of trial for private bridges, which no report may name."""
    private: dict[str, int] = {}
    for each in view.tries:
        endpoint = each.candidate.endpoint
        yield f"*{private.setdefault(endpoint.id, len(private) + 1)}" if endpoint.private else endpoint.host


def _clock(reach: Reach) -> Iterator[Check]:
    offset_s = abs(reach.ctx.clock_offset_s)
    if offset_s < CLOCK_WRONG_S:
        yield Check("clock", True, "clock-right")
    else:
        yield Check("clock", False, "clock-wrong", {"minutes": round(offset_s / 60)})


def _documents(reach: Reach) -> Iterator[Check]:
    """A server without TLS, on a laptop, has no routes to tell of."""
    known = reach.knowledge
    if known.list is not None:
        yield Check("routes", not known.list.stale, "routes-stale" if known.list.stale else "routes-fresh")


def _programs(reach: Reach) -> Iterator[Check]:
    if urlsplit(reach.server).scheme == "https":
        yield Check("tls", True, "tls-browser" if fingerprint.is_installed() else "tls-own")
    for name in dict.fromkeys(line.split()[0] for line in reach.settings.transports):
        missing = reach.ctx.programs.find_missing(name)
        if missing is not None:
            yield Check("transport", False, "transport-missing", {"missing": missing})
