"""A device's context for dials in tests."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.transports.edge import DIR, TOKEN, Edge

from zajil.protocol.errors import error
from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.protocol.reach.seal import SessionKey
from zajil.transports.dialing import DialContext
from zajil.transports.pluggable import Programs
from zajil.transports.sealed import Seals


@dataclass
class Known:
    """What a device knows of its root. genuine: what the root documents of its server are."""

    plain: set[str] = field(default_factory=set)
    key: SessionKey | None = None
    genuine: dict[tuple[bytes, ...], SessionKey] = field(default_factory=dict)

    def is_plain(self, endpoint: Endpoint) -> bool:
        return endpoint.id in self.plain

    def session_key(self) -> SessionKey | None:
        return self.key

    def take_roots(self, envelopes: Sequence[bytes]) -> None:
        if tuple(envelopes) not in self.genuine:
            raise error("not-this-server")
        self.key = self.genuine[tuple(envelopes)]


def make_context(
    known: Known | None = None, *, clock_error_s: float = 0.0, http: frozenset[str] = frozenset()
) -> DialContext:
    """A context whose clock is wrong by so much."""

    def now_s() -> float:
        return time.time() + clock_error_s

    return DialContext(
        trust=known or Known(),
        seals=Seals(now_ms=lambda: int(now_s() * 1000), random=os.urandom),
        programs=Programs(),
        now_s=now_s,
        random=os.urandom,
        http=http,
    )


def origin(edge: Edge, strategy: Strategy, *, ips: tuple[str, ...] = ()) -> Candidate:
    endpoint = Endpoint("origin", EndpointKind.ORIGIN, edge.host, edge.port, ips=ips)
    return Candidate(f"origin/{strategy}", endpoint, strategy)


def bridge(edge: Edge, strategy: Strategy) -> Candidate:
    endpoint = Endpoint("bridge", EndpointKind.BRIDGE, edge.host, edge.port, DIR, token=TOKEN)
    return Candidate(f"bridge/{strategy}", endpoint, strategy)
