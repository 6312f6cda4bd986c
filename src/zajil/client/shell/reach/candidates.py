"""What a device may try: its server's own address, the signed list, the person's tools, private bridges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from zajil.client.state.reach import ReachSettings
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, PluggableTransport, PrivateBridges, is_host
from zajil.transports.direct import check_address

HOME = "origin"
_PORTS = {"http": 80, "https": 443}


def home_endpoint(server: str) -> Endpoint:
    """The address of a profile as an endpoint. Raises HomeError `bad-link`."""
    parts = urlsplit(check_address(server))
    return Endpoint(HOME, EndpointKind.ORIGIN, parts.hostname or "", parts.port or _PORTS[parts.scheme])


def is_http(server: str) -> bool:
    """Whether it is spoken to without TLS: a laptop."""
    return server.startswith("http://")


def private_endpoints(bundles: Iterable[PrivateBridges]) -> list[Endpoint]:
    """The bridges of all bundles, with ids that stay the same whatever comes and goes."""
    return [
        replace(endpoint, id=f"private-{bundle.token_id.hex()}-{at}")
        for bundle in bundles
        for at, endpoint in enumerate(bundle.endpoints(), 1)
    ]


def parse_transport(line: str, home: Endpoint) -> Endpoint:
    """The endpoint of a line `NAME HOST:PORT KEY=VALUE...`: a server that leads to `home`. Raises `bad-link`."""
    name, _, rest = line.strip().partition(" ")
    address, *pairs = rest.split() or [""]
    host, _, port = address.rpartition(":")
    args = tuple((key, value) for key, _, value in (pair.partition("=") for pair in pairs))
    good = (
        bool(name)
        and len(port) <= 5
        and port.isdecimal()
        and 0 < int(port) < 1 << 16
        and all(key and value for key, value in args)
    )
    host = host.strip("[]").lower()
    if not good or not (is_host(host) or ":" in host):
        raise error("bad-link", "line of a transport")
    identity = "own-" + hashlib.sha256(line.strip().encode()).hexdigest()[:8]
    transport = PluggableTransport(name, host, int(port), args)
    return replace(home, id=identity, kind=EndpointKind.PT, ips=(), pt=transport)


def make_candidates(
    server: str,
    *,
    home: Endpoint,
    listed: Sequence[Endpoint],
    private: Sequence[Endpoint],
    settings: ReachSettings,
    browser: bool,
) -> list[Candidate]:
    """Of one endpoint's, the better strategy first.

    home: the address of the profile, `server`, as it is known. browser: whether a browser's TLS can be shown here.
    """
    usual = (Strategy.WSS_BROWSER, Strategy.POLL, Strategy.WSS) if browser else (Strategy.WSS, Strategy.POLL)
    public: list[Endpoint] = [home]
    for endpoint in listed:
        if (endpoint.kind, endpoint.host, endpoint.port) == (home.kind, home.host, home.port):
            public[0] = replace(endpoint, id=home.id)
        else:
            # The list calls its origin so too; the address of the profile stays beside it.
            public.append(replace(endpoint, id=f"listed-{HOME}") if endpoint.id == HOME else endpoint)
    made: list[Candidate] = []
    for endpoint in [*public, *private]:
        strategies: Sequence[Strategy] = usual
        if endpoint.id == HOME and is_http(server):
            strategies = (Strategy.WSS,)
        elif endpoint.kind is EndpointKind.PT:
            strategies = (Strategy.PT,)
        made += [_candidate(endpoint, strategy) for strategy in strategies]
    if settings.socks:
        through = (endpoint for endpoint in [*public, *private] if endpoint.kind is not EndpointKind.PT)
        made += [_candidate(endpoint, Strategy.SOCKS) for endpoint in through]
    for line in settings.transports:
        try:
            made.append(_candidate(parse_transport(line, home), Strategy.PT))
        except ZajilError:
            continue  # checked when it was set; a line of a newer version is no reason to stay offline
    return made


def _candidate(endpoint: Endpoint, strategy: Strategy) -> Candidate:
    return Candidate(f"{endpoint.id}/{strategy}", endpoint, strategy)
