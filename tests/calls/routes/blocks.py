"""What the router of the laboratory drops in each scenario."""

from __future__ import annotations

from typing import Final

from tests.calls.routes.trial import Block

_RELAY_PORTS: Final = "3478, 5349, 49160-50559"
_UDP: Final = "meta l4proto udp"
_BUT_443: Final = "tcp dport != 443 tcp sport != 443"
_RELAY: Final = tuple(f"meta l4proto {{ tcp, udp }} th {end} {{ {_RELAY_PORTS} }}" for end in ("dport", "sport"))

OPEN: Final = Block("open", "nothing")
HIDDEN: Final = Block("hidden", "nothing; both hide their address", hidden=True)
NO_UDP: Final = Block("no-udp", "UDP", (_UDP,))
# The cookie of RFC 8489 stands behind the header of UDP and four bytes of STUN.
NO_STUN: Final = Block("no-stun", "STUN over UDP, told by its cookie", (f"{_UDP} @th,96,32 0x2112a442",))
NO_RELAY: Final = Block("no-relay", "all relays: their ports, and TLS with their name", _RELAY, ("relay.test",))
ONLY_443: Final = Block("only-443", "all but TCP 443", (_UDP, _BUT_443))
ONLY_SITE: Final = Block("only-site", "all but WebSockets to the site", (_UDP, _BUT_443), ("relay.test",))
