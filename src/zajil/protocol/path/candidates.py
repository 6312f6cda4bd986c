"""Candidates and the order in which a round tries them. Pure: chance is an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from zajil.protocol.reach.endpoints import Endpoint, EndpointKind

Random = Callable[[], float]
"""A number from 0 to 1 (excluded), drawn anew at each call."""


class Strategy(StrEnum):
    """How an endpoint is spoken to."""

    WSS = "wss"
    WSS_BROWSER = "wss-browser"
    POLL = "poll"
    SOCKS = "socks"
    PT = "pt"


class Mode(StrEnum):
    """Whether a carrier lives as long as it can, or is left after 8,192 bytes of frames in either direction."""

    STREAM = "stream"
    SEGMENTED = "segmented"


class Preference(StrEnum):
    """What a person wants of routes: the quickest, the user's own tools first, or nothing but those tools."""

    SPEED = "speed"
    PRIVACY = "privacy"
    PRIVACY_ONLY = "privacy-only"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint and how to speak to it. id: `<endpoint id>/<strategy>`, stable: memory is keyed by it."""

    id: str
    endpoint: Endpoint
    strategy: Strategy

    @property
    def tool(self) -> bool:
        """Goes through a proxy or a program of the user's."""
        return self.strategy in (Strategy.SOCKS, Strategy.PT)

    @property
    def direct(self) -> bool:
        """Straight to the home server."""
        return self.endpoint.kind is EndpointKind.ORIGIN and not self.tool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended: the values of `transports.base.Stage` and `Reason`, `connect` in browsers.

    status: of HTTP, or the code with which the WebSocket was closed; 0 where there was none.
    """

    stage: str
    reason: str
    status: int = 0


def allowed(candidate: Candidate, preference: Preference) -> bool:
    """Whether a person who chose this may be connected so."""
    return candidate.tool or preference is not Preference.PRIVACY_ONLY


def plan(
    candidates: Sequence[Candidate], *, remembered: Sequence[str], preference: Preference, random: Random
) -> list[Candidate]:
    """All candidates that may be tried, in order; the round cuts it off.

    remembered: ids of earlier winners of this network, best first. Of one endpoint's candidates the one given first is
    tried first, the next one only after every endpoint had its turn. Source: reach.md 5, "sources".
    """
    usable = [c for c in candidates if allowed(c, preference)]
    first = [c for id_ in remembered for c in usable if c.id == id_]
    rest = [c for c in usable if c not in first]
    public = _in_turns(rest, lambda c: not c.tool and not c.endpoint.private, random)
    tools = _in_turns(rest, lambda c: c.tool and not c.endpoint.private, None)
    private = _in_turns(rest, lambda c: c.endpoint.private, None)
    if preference is Preference.SPEED:
        return [*first, *public, *tools, *private]
    quiet = [*(c for c in first if c.tool), *tools, *(c for c in private if c.tool)]
    return [*quiet, *(c for c in first if not c.tool), *public, *(c for c in private if not c.tool)]


def _in_turns(
    candidates: Sequence[Candidate], wanted: Callable[[Candidate], bool], random: Random | None
) -> list[Candidate]:
    """Each endpoint's first candidate, then each one's second. random: endpoints by weight; None: as they come."""
    by_endpoint: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if wanted(candidate):
            by_endpoint.setdefault(candidate.endpoint.id, []).append(candidate)
    endpoints = [own[0].endpoint for own in by_endpoint.values()]
    if random is not None:
        endpoints = _draw(endpoints, random)
    deepest = max((len(own) for own in by_endpoint.values()), default=0)
    turns = range(deepest)
    return [by_endpoint[e.id][turn] for turn in turns for e in endpoints if len(by_endpoint[e.id]) > turn]


def _draw(endpoints: Sequence[Endpoint], random: Random) -> list[Endpoint]:
    """By weight, neighbours unlike each other where possible; the server itself before anything between."""
    out: list[Endpoint] = []
    for origin in (True, False):
        left = [e for e in endpoints if (e.kind is EndpointKind.ORIGIN) is origin]
        while left:
            pool = [e for e in left if not out or unlike(e, out[-1])] or left
            at = random() * sum(e.weight for e in pool)
            for chosen in pool:
                at -= chosen.weight
                if at < 0:
                    break
            left.remove(chosen)
            out.append(chosen)
    return out


def same_place(a: Endpoint, b: Endpoint) -> bool:
    """Whether both are one host or share an address, as a censor or a rate limit counts."""
    return a.host == b.host or bool(set(a.ips) & set(b.ips))


def unlike(a: Endpoint, b: Endpoint) -> bool:
    """Whether what stops one of them need not stop the other."""
    return a.kind is not b.kind and not same_place(a, b)
