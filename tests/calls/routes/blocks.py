"""What the router of the laboratory drops in each scenario, and which rungs that leaves open."""

from __future__ import annotations

from typing import Final

from tests.calls.routes.network import SERVER
from tests.calls.routes.trial import Block

_RELAY_PORTS: Final = "3478, 5349, 49160-50559"
_UDP: Final = "meta l4proto udp"
_BUT_443: Final = "tcp dport != 443 tcp sport != 443"
# Those of the server alone: a browser may have one of these numbers for a connection to the site.
_RELAY: Final = tuple(
    f"ip {address} {SERVER} meta l4proto {{ tcp, udp }} th {port} {{ {_RELAY_PORTS} }}"
    for address, port in (("daddr", "dport"), ("saddr", "sport"))
)
_STREAMS: Final = ("relay-tcp", "relay-tls", "server")

OPEN: Final = Block("open", "nothing", leaves=("direct", "relay-udp", *_STREAMS))
HIDDEN: Final = Block("hidden", "nothing; both hide their address", leaves=("relay-udp", *_STREAMS), hidden=True)
NO_UDP: Final = Block("no-udp", "UDP", (_UDP,), leaves=_STREAMS)
# The cookie of RFC 8489 stands behind the header of UDP and four bytes of STUN.
NO_STUN: Final = Block(
    "no-stun", "STUN over UDP, told by its cookie", (f"{_UDP} @th,96,32 0x2112a442",), leaves=_STREAMS
)
NO_RELAY: Final = Block(
    "no-relay", "all relays: their ports, and TLS with their name", _RELAY, ("relay.test",), leaves=("direct", "server")
)
ONLY_443: Final = Block("only-443", "all but TCP 443", (_UDP, _BUT_443), leaves=("relay-tls", "server"))
ONLY_SITE: Final = Block(
    "only-site", "all but WebSockets to the site", (_UDP, _BUT_443), ("relay.test",), leaves=("server",)
)
